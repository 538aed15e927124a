"""A child process of test_warehouse_faults: for each number that it reads it forks a process that
sweeps, compacts and removes, and is killed instead of that step; prints how it ended.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.faults import DyingStorage
from tests.warehouse_samples import cell, holder, launch, memory, sweep, telemetry, trial
from warehouse.retention import removals, remove
from warehouse.snapshot import Snapshots
from warehouse.storage import Storage
from warehouse.store import read_ledger, writing

DAY = "date=2026-03-01"
CELLS = ("c1", "c2")
TRIALS = 3


def play(root: Path, last: int, journal: Path) -> None:
    """A sweep of two cells, a compaction, and the removal of all that nobody needs."""
    storage = DyingStorage(root, last)
    with writing(storage, holder(), wait=False, on_wait=print) as store:
        store.close_lost_launches("killed")
        ledger = read_ledger(root)
        store.write_sweep(sweep(f"w{last}"), [], [], [], [])
        for name in CELLS:
            attempt = ledger.next_attempt(name)
            launch_id = f"l{name}-{attempt}-{last}"
            parts = [memory(launch_id, "CPU", part, 1.0, "log") for part in ("kv", "model")]
            store.write_launch(launch(launch_id, ended_at=None), parts)
            trials = [trial(name, attempt, repetition=each) for each in range(TRIALS)]
            row = cell(name, attempt, valid_trials=TRIALS, launch_id=launch_id)
            store.commit_cell(row, trials, [telemetry(name, attempt)])
            with journal.open("a") as file:
                file.write(f"{name} {attempt}\n")
            store.write_launch(launch(launch_id), parts)
        # In turns a whole day, and one generation beside the others.
        store.compact(open_day=DAY if last % 2 else None)
        remove_all(storage)


def remove_all(storage: Storage) -> None:
    """Without the time of grace, so that readers lose files that they listed."""
    remove(storage, removals(Snapshots(storage).state(), datetime.now(UTC), grace_s=0))


def main(root: Path, journal: Path) -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            play(root, int(line), journal)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
