"""Disks that do not take it: full, and read-only. Real file systems, so root is needed."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.warehouse_samples import cell, holder, telemetry, trial, warehouse
from warehouse.connection import connect
from warehouse.errors import WarehouseError
from warehouse.store import Warehouse, create, writing

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts a small tmpfs"),
]


def fill(store: Warehouse) -> tuple[int, str]:
    """Commit cells until the disk is full; returns how many it took, and the error."""
    number = 0
    while True:
        number += 1
        name = f"c{number}"
        samples = [telemetry(name, cpu_pct=each * 1.37) for each in range(200)]
        try:
            store.commit_cell(cell(name), [trial(name)], samples)
        except WarehouseError as error:
            return number - 1, str(error)


def test_a_full_disk_keeps_what_is_committed_and_leaves_no_half_file(disk: Path) -> None:
    root = disk / "herd-data"
    with writing(root, holder(), wait=False, on_wait=print) as store:
        committed, error = fill(store)
    assert committed > 0
    assert error.startswith(f"disk full while writing {root}")
    assert error.endswith("free some space and run the same command again")
    assert not list(root.rglob("*.tmp"))
    with connect(root) as connection:
        assert connection.query("SELECT * FROM cells").num_rows == committed
        assert connection.query("SELECT * FROM trials").num_rows == committed
        assert connection.query("SELECT * FROM telemetry").num_rows == committed * 200


def test_the_same_cell_commits_once_there_is_room(disk: Path) -> None:
    root = disk / "herd-data"
    store = warehouse(root)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(100_000))
    committed, _ = fill(store)
    failed = f"c{committed + 1}"
    ballast.unlink()
    Warehouse(root).commit_cell(cell(failed), [trial(failed)], [])
    with connect(root) as connection:
        asked = f"SELECT count(*) AS n FROM trials WHERE cell_id = '{failed}'"
        assert connection.query(asked).to_pylist() == [{"n": 1}]
        telemetry_of_it = f"SELECT * FROM telemetry WHERE cell_id = '{failed}'"
        assert connection.query(telemetry_of_it).num_rows == 0


def test_a_read_only_disk_is_named_and_can_still_be_asked(disk: Path) -> None:
    root = disk / "herd-data"
    store = warehouse(root)
    store.commit_cell(cell("c1"), [trial("c1")], [])
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(WarehouseError, match=f"no permission for {root}"):
        store.commit_cell(cell("c2"), [trial("c2")], [])
    with pytest.raises(WarehouseError, match=f"no permission for {disk}/new"):
        create(disk / "new")
    with (
        pytest.raises(WarehouseError, match="Read-only file system; make it writable"),
        writing(root, holder(), wait=False, on_wait=print),
    ):
        pass
    with connect(root) as connection:
        assert connection.query("SELECT * FROM speed").num_rows == 1


def test_a_full_disk_is_named_when_the_lock_is_taken(disk: Path) -> None:
    root = disk / "herd-data"
    create(root)
    with (disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(bytes(4096))
    with (
        pytest.raises(WarehouseError, match=f"disk full while writing {root}"),
        writing(root, holder(), wait=False, on_wait=print),
    ):
        pass
