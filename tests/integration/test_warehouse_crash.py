import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.warehouse_samples import holder
from warehouse.connection import connect
from warehouse.lock import Holder, held
from warehouse.storage import Place
from warehouse.store import Warehouse, create, read_ledger

WRITER = "tests.integration.warehouse_writer"
PROJECT = Path(__file__).parents[2]

TORN = """
    SELECT cell_id, attempt, c.valid_trials, count(t.cell_id) AS found,
        count(DISTINCT t.repetition) AS distinct_found
    FROM trials AS t FULL JOIN cells AS c USING (cell_id, attempt)
    GROUP BY ALL
    HAVING found IS DISTINCT FROM valid_trials OR found <> distinct_found
"""

DOUBLED = "SELECT launch_id FROM launches GROUP BY launch_id HAVING count(*) > 1"


def start_writer(root: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", WRITER, str(root)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )


def kill_after(writer: "subprocess.Popen[str]", commits: int, delay_s: float) -> None:
    assert writer.stdout is not None
    seen = 0
    for _ in writer.stdout:
        seen += 1
        if seen == commits:
            break
    # Not a wait for something: it moves the kill to another place inside the commit.
    threading.Event().wait(delay_s)
    writer.kill()
    writer.stdout.close()
    assert writer.wait(10) == -signal.SIGKILL
    assert seen == commits


def read_until(stop: threading.Event, root: Place) -> tuple[int, list[object]]:
    """Ask all the time; returns how often, and what was seen torn."""
    asked = 0
    torn: list[object] = []
    with connect(root) as connection:
        while not stop.is_set():
            torn += connection.query(TORN).to_pylist()
            torn += connection.query(DOUBLED).to_pylist()
            asked += 1
    return asked, torn


def test_a_killed_writer_loses_and_doubles_nothing(tmp_path: Path) -> None:
    root = tmp_path / "herd-data"
    create(root)
    moments = random.Random(7)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_until, stop, root)
        try:
            for _ in range(6):
                kill_after(start_writer(root), moments.randint(2, 6), moments.uniform(0, 0.02))
        finally:
            stop.set()
        asked, torn = reading.result(60)
    assert asked > 3
    assert torn == []

    Warehouse(root)
    assert not list(root.rglob("*.tmp"))
    with connect(root) as connection:
        assert connection.query(TORN).num_rows == 0
        cells = connection.query("SELECT cell_id, attempt FROM cells").to_pylist()
    assert len(cells) >= 6 * 2
    assert len({(each["cell_id"], each["attempt"]) for each in cells}) == len(cells)
    first = [each.attempt for each in read_ledger(root).attempts("c1")]
    assert first == list(range(1, 7))


def test_the_lock_of_a_killed_holder_is_free(tmp_path: Path) -> None:
    root = tmp_path / "herd-data"
    writer = start_writer(root)
    kill_after(writer, 1, 0.0)
    told: list[Holder | None] = []
    with held(root / "writer.lock", holder(), wait=False, on_wait=told.append):
        assert told == []
