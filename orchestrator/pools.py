"""Pools: hosts that share work, and the lanes of it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

from orchestrator.choosing import Outlook
from orchestrator.lanes import Entry, Lane, LaneKey
from orchestrator.work import Rates

PATIENCE = 8
"""Launches of each host and lane of a pool after which one that still waits comes first."""


@dataclass(slots=True, eq=False)
class Pool:
    """What some hosts may all run."""

    hosts: tuple[str, ...]
    working: int = 0
    """How many of them are there and take work."""
    lanes: dict[LaneKey, Lane] = field(default_factory=dict)
    """All that there ever were: one that is empty keeps its home."""
    waiting: dict[LaneKey, Lane] = field(default_factory=dict)
    """Those that are not empty."""
    started: int = 0
    ends_s: dict[int, tuple[float, float]] = field(default_factory=dict)
    """When its launches that run are expected to end, and their share of a host."""

    def put(self, key: LaneKey, entry: Entry) -> Lane:
        """One more launch; the lane that has it."""
        lane = self.lanes.setdefault(key, Lane(key))
        if not len(lane):
            lane.served = self.started
            self.waiting[key] = lane
        lane.put(entry)
        return lane

    def remove(self, lane: Lane, entry: Entry) -> None:
        """A launch leaves the queue."""
        lane.remove(entry)
        if not len(lane):
            del self.waiting[lane.key]

    def entries(self) -> Iterator[Entry]:
        """All that wait."""
        return (entry for lane in self.waiting.values() for entry in lane.entries())

    def outlook(self, now_s: float, rates: Rates, gpus: int | None) -> Outlook:
        """When the pool will be done.

        Args:
            now_s: now, seconds.
            rates: what is known of durations.
            gpus: GPUs of a host whose launches run side by side; None where one has the host.
        """
        running = sum([(end - now_s) * share for end, share in self.ends_s.values() if end > now_s])
        waiting = sum(
            [lane.left_s(rates) * share_of(lane.key.width, gpus) for lane in self.waiting.values()]
        )
        hosts = max(1, self.working)
        ends_s = now_s + (running + waiting) / hosts if waiting < inf else inf
        return Outlook(now_s, ends_s, self.started - PATIENCE * hosts * len(self.waiting))


def share_of(width: int, gpus: int | None) -> float:
    """Part of a host that so many devices are."""
    return width / gpus if gpus and 0 < width <= gpus else 1.0
