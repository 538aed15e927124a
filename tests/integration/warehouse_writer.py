"""A child process of test_warehouse_crash: commits cells until it is killed."""

import os
import sys
from dataclasses import replace

from tests.warehouse_samples import cell, holder, launch, telemetry, trial
from warehouse.store import read_ledger, writing

TRIALS = 7


def main(root: str) -> None:
    with writing(root, replace(holder(), pid=os.getpid()), wait=False, on_wait=print) as store:
        ledger = read_ledger(root)
        number = 0
        while True:
            number += 1
            name = f"c{number}"
            # What is committed is measured anew, as with --force: attempts pile up as well.
            attempt = ledger.next_attempt(name)
            start = launch(f"l{number}-{attempt}", ended_at=None)
            store.write_launch(start, [])
            trials = [trial(name, attempt, repetition=each) for each in range(TRIALS)]
            samples = [telemetry(name, attempt) for _ in range(30)]
            store.commit_cell(cell(name, attempt, valid_trials=TRIALS), trials, samples)
            store.write_launch(launch(f"l{number}-{attempt}"), [])
            print(name, attempt, flush=True)


main(sys.argv[1])
