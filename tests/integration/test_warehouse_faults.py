"""Writer and compactor killed at every step, with a reader running: every row exactly once."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.warehouse_dying import CELLS, TRIALS, remove_all
from tests.warehouse_samples import holder
from warehouse.connection import Connection, connect
from warehouse.storage import storage_at
from warehouse.store import create, read_ledger, writing

PROJECT = Path(__file__).parents[2]

SEEN = """
    SELECT cell_id, attempt, c.valid_trials, count(t.cell_id) AS found,
        count(DISTINCT t.repetition) AS distinct_found
    FROM trials AS t FULL JOIN cells AS c USING (cell_id, attempt)
    GROUP BY ALL
"""
TORN_LAUNCHES = """
    SELECT l.launch_id, count(*) AS parts
    FROM launches AS l LEFT JOIN memory AS m ON m.launch_id = l.launch_id
    GROUP BY ALL
    HAVING parts <> 2
"""


def attempts_in(connection: Connection) -> set[tuple[str, int]]:
    """The committed attempts, each whole and once."""
    rows = connection.query(SEEN).to_pylist()
    for each in rows:
        assert each["found"] == each["distinct_found"] == each["valid_trials"] == TRIALS, each
    found = {(each["cell_id"], each["attempt"]) for each in rows}
    assert len(found) == len(rows)
    assert connection.query(TORN_LAUNCHES).num_rows == 0
    assert connection.left_out == ()
    return found


def read_until(stop: threading.Event, root: Path) -> int:
    """Ask all the time: nothing is torn, doubled, or gone again; returns how often."""
    asked = 0
    before: set[tuple[str, int]] = set()
    with connect(root) as connection:
        while not stop.wait(0.01):
            now = attempts_in(connection)
            assert before <= now
            before = now
            asked += 1
    return asked


@contextmanager
def reader(root: Path) -> Iterator[None]:
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_until, stop, root)
        try:
            yield
        finally:
            stop.set()
        assert reading.result(60) > 10


def clean(root: Path) -> None:
    """Leave one generation, so that the next sweep has no more steps than the first."""
    with writing(root, holder(), wait=False, on_wait=print) as store:
        store.compact()
    remove_all(storage_at(root))


def check(root: Path, connection: Connection, journal: Path) -> None:
    there = attempts_in(connection)
    said = {tuple(line.split()) for line in journal.read_text().splitlines()}
    assert said <= {(name, str(attempt)) for name, attempt in there}
    ledger = read_ledger(root)
    known = [each for name in CELLS for each in ledger.attempts(name)]
    assert {(each.cell_id, each.attempt) for each in known} == there
    for name in CELLS:
        numbers = [each.attempt for each in known if each.cell_id == name]
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.timeout(300)  # some forty sweeps, each with two compactions
def test_whatever_step_is_the_last_every_row_is_there_once(tmp_path: Path) -> None:
    root, journal = tmp_path / "herd-data", tmp_path / "journal"
    journal.touch()
    create(root)
    command = [sys.executable, "-m", "tests.integration.warehouse_dying", str(root), str(journal)]
    forks = subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert forks.stdin is not None
    assert forks.stdout is not None
    last, end = 0, ""
    with forks, reader(root), connect(root) as connection:
        while end != "0":
            last += 1
            print(last, file=forks.stdin, flush=True)
            end = forks.stdout.readline().strip()
            assert end in {"0", str(-signal.SIGKILL)}
            check(root, connection, journal)
            clean(root)
        check(root, connection, journal)
        forks.stdin.close()
    assert last > 30
    # Marker, lock, manifest, figures, and one file for each table that has rows.
    assert len([path for path in root.rglob("*") if path.is_file()]) == 4 + 6
