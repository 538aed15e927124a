"""Progress of a sweep as a value: what the live view draws and `herd status` reads. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

OUTCOMES = ("ok", "failed", "cancelled", "pruned", "cached")


@dataclass(frozen=True, slots=True)
class Running:
    """What a host does now."""

    host_id: str
    cell: str
    """The cell in words."""
    step: str = "starting"
    done: int = 0
    total: int = 0
    tok_s: float | None = None
    launch_id: str = ""
    temperature_c: float | None = None
    """Of its hottest GPU, lately."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts, what runs, and the time left."""

    sweep_id: str
    name: str
    pid: int
    total: int
    started_at: str
    counts: Mapping[str, int] = field(default_factory=dict)
    running: tuple[Running, ...] = ()
    hosts: Mapping[str, str] = field(default_factory=dict)
    """What is to be said of hosts, beside what they run."""
    measured_s: float = 0.0
    """Time from the first start to the last cell that ended."""
    ended: bool = False
    host: str = ""
    """Where `pid` means something; others share the warehouse."""

    @property
    def finished(self) -> int:
        """Cells that need nothing more."""
        return sum(self.counts.values())

    @property
    def left_s(self) -> float | None:
        """Time left, from the mean of the cells so far; None before the first."""
        measured = sum(self.counts.get(k, 0) for k in ("ok", "failed"))
        if not measured:
            return None
        return (self.total - self.finished) * self.measured_s / measured

    def counted(self, outcome: str, number: int = 1) -> "Progress":
        """With more cells of an outcome."""
        return replace(self, counts={**self.counts, outcome: self.counts.get(outcome, 0) + number})

    def at(self, running: Running) -> "Progress":
        """With what a launch does replaced."""
        return replace(self, running=(*self.without(running.launch_id).running, running))

    def without(self, launch_id: str) -> "Progress":
        """With a launch gone."""
        return replace(self, running=tuple(r for r in self.running if r.launch_id != launch_id))

    def with_hosts(self, hosts: Mapping[str, str]) -> "Progress":
        """With what other hosts do."""
        return replace(self, hosts=hosts)

    def to_dict(self) -> dict[str, Any]:
        """For the progress file."""
        return {**asdict(self), "left_s": self.left_s}


def summary(counts: Mapping[str, int]) -> str:
    """Counts in words: `10 ok, 2 failed`."""
    return ", ".join(f"{counts[k]} {k}" for k in OUTCOMES if counts.get(k)) or "nothing yet"


def duration(seconds: float | None) -> str:
    """A time span in words: `2 min 05 s`."""
    if seconds is None:
        return "unknown"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
