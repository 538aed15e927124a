"""Upkeep of a warehouse: what `herd compact` and `herd gc` do."""

import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from warehouse.config import WarehouseConfig
from warehouse.jobs import Job, Thinning, make_job
from warehouse.layout import TEMPORARY, day
from warehouse.lock import Holder
from warehouse.retention import Removal, removals, uncommitted_transcripts
from warehouse.snapshot import FOLDERS, Snapshots, State, read_attempts
from warehouse.storage import Storage
from warehouse.store import Warehouse, check, writing
from warehouse.visibility import LeftOut

Tell = Callable[[str], None]


@contextmanager
def keeping(storage: Storage, what: str, *, wait: bool, tell: Tell) -> Iterator[Warehouse]:
    """Be the writer of a warehouse that is there.

    Raises:
        HeldError: somebody else writes, and `wait` is off.
        WarehouseError: there is no warehouse.
    """
    check(storage)
    now = datetime.now(UTC)
    holder = Holder(pid=os.getpid(), host=socket.gethostname(), what=what, since=now)
    with writing(
        storage, holder, wait=wait, on_wait=lambda other: tell(f"waiting: {other}")
    ) as warehouse:
        yield warehouse


def thinning(config: WarehouseConfig, now: datetime) -> Thinning:
    """What telemetry is kept; pure."""
    before = day(now - timedelta(days=config.telemetry_keep_days))
    return Thinning(before, config.telemetry_interval_s)


@dataclass(frozen=True, slots=True)
class Garbage:
    """What nobody needs any more."""

    removals: tuple[Removal, ...]
    thin: tuple[Job, ...]
    """Days whose telemetry is thinned."""
    left_out: tuple[LeftOut, ...]
    """What is left out of every answer and stays: a person decides."""

    def lines(self) -> list[tuple[str, str, int]]:
        """What, why, and how many files: the days of a table that go for one reason together."""
        folders = Counter((str(PurePosixPath(e.path).parent), e.why) for e in self.removals)
        removed = [(folder, why, count) for (folder, why), count in sorted(folders.items())]
        old = "older than telemetry is kept whole: thinned"
        thin = [(f"telemetry/{job.date}", old, 0) for job in self.thin]
        kept = [(each.path, f"kept, left out of answers: {each.why}", 0) for each in self.left_out]
        return [*removed, *thin, *kept]


def look_for_garbage(storage: Storage, kept: Thinning, now: datetime) -> Garbage:
    """What `herd gc` would do; changes nothing.

    Raises:
        WarehouseError: there is no warehouse, or it cannot be read.
    """
    check(storage)
    state = Snapshots(storage).state()
    temporary = storage.list_tables(FOLDERS, TEMPORARY)
    left = [
        Removal(f"{table}/{path}", "left by a process that was killed")
        for table, paths in temporary.items()
        for path in paths
    ]
    committed = {(each.cell_id, each.attempt) for each in read_attempts(storage)}
    found = (*left, *removals(state, now), *uncommitted_transcripts(storage, committed))
    return Garbage(found, days_to_thin(state, kept), state.found.left_out)


def days_to_thin(state: State, kept: Thinning) -> tuple[Job, ...]:
    """The generations that thinning writes; pure."""
    jobs = (make_job(date, state, thinning=kept) for date in state.dates)
    return tuple(job for job in jobs if job.thin)
