"""One try at a model file, by a host's mover: begun, watched, ended. Never waits."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orchestrator.fleet.fetch_job import Try
from orchestrator.fleet.lost import lost_reason
from workers.contract import ModelFile
from workers.models.fetching import Wanted

if TYPE_CHECKING:
    from workers.models.mover import Source, Stage

_MIB = 2**20
_ASK_EVERY_S = 1.0
_SILENT_S = 5.0
TARGET, SOURCE = "target", "source"


@dataclass(frozen=True, slots=True)
class Fetching:
    """A file is on its way."""

    stage: str
    done_bytes: int = 0
    total_bytes: int | None = None
    mib_s: float | None = None
    silent_s: float | None = None
    """How long nothing was heard of it, where that is long."""

    def __str__(self) -> str:
        total = f" of {self.total_bytes / _MIB:.0f}" if self.total_bytes else ""
        done = f": {self.done_bytes / _MIB:.0f}{total} MiB" if self.done_bytes else ""
        words = [self.stage + done]
        words += [f"{self.mib_s:.0f} MiB/s"] if self.mib_s else []
        words += [f"no word for {self.silent_s:.0f} s"] if self.silent_s else []
        return ", ".join(words)


@dataclass(frozen=True, slots=True)
class Arrived:
    """The host has the file."""

    file: ModelFile


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not come in this way."""

    reason: str
    lost: str | None = None
    """TARGET or SOURCE, whose mover is gone: worth another try."""


class FetchRun:
    """A fetch that a mover works at."""

    def __init__(
        self, mover: Any, wanted: Wanted, attempt: Try, source: "Source | None" = None
    ) -> None:
        """Begin.

        Args:
            mover: of the host that is to have the file.
            wanted: the file.
            attempt: the way.
            source: of `peer`, who gives it.
        """
        self.attempt = attempt
        self.ref = mover.fetch.remote(wanted, attempt.way, source)
        self._told_at = time.monotonic()
        self._seen = Fetching(f"looking for {wanted.name} ({attempt.source or attempt.way})")
        self._mover = mover
        self._stage_ref: Any = None
        self._asked_at = time.monotonic()
        self._began: tuple[str, int, float] | None = None
        """Stage, bytes and time when its rate was first known of."""

    @property
    def seen(self) -> Fetching:
        """What it does, as far as is known."""
        silent_s = time.monotonic() - self._told_at
        if silent_s < _SILENT_S:
            return self._seen
        return replace(self._seen, mib_s=None, silent_s=silent_s)

    def poll(self) -> Arrived | Failed | None:
        """How it ended; None while it goes on."""
        import ray

        if not ray.wait([self.ref], timeout=0)[0]:
            self._watch()
            return None
        return self._end()

    def _end(self) -> Arrived | Failed:
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            return Arrived(ray.get(self.ref))
        except RayTaskError as error:
            if isinstance(error.cause, RayError):
                return Failed(lost_reason(str(error.cause)), SOURCE)
            return Failed(str(error.cause))
        except RayError as error:
            return Failed(lost_reason(str(error)), TARGET)

    def _watch(self) -> None:
        """Ask for the stage each second, and take in what was answered."""
        import ray
        from ray.exceptions import RayError

        if self._stage_ref is None:
            if time.monotonic() - self._asked_at >= _ASK_EVERY_S:
                self._asked_at = time.monotonic()
                self._stage_ref = self._mover.stage.remote()
            return
        if not ray.wait([self._stage_ref], timeout=0)[0]:
            return
        try:
            self._seen = self._told(ray.get(self._stage_ref))
            self._told_at = time.monotonic()
        except RayError:
            # the fetch itself tells what became of the mover
            self._asked_at = time.monotonic()
        self._stage_ref = None

    def _told(self, stage: "Stage") -> Fetching:
        now = time.monotonic()
        if self._began is None or self._began[0] != stage.text:
            self._began = stage.text, stage.done_bytes, now
        _, first, since = self._began
        moved = stage.done_bytes - first
        rate = moved / _MIB / (now - since) if moved > 0 and now > since else None
        return Fetching(stage.text, stage.done_bytes, stage.total_bytes, rate)
