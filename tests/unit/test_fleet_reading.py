"""What the fleet's list takes from the warehouse, and what it shows when the head is silent."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.fleet import reading
from orchestrator.fleet.cluster import Cluster
from orchestrator.fleet.registry import NodeRecord, Registry, change_registry
from tests import warehouse_samples as sample
from warehouse.errors import FleetError
from warehouse.rows import Gpu
from warehouse.storage import storage_at
from warehouse.store import Warehouse, create

GPUS = tuple(Gpu(i, name, f"u{i}", "", 12288, 4, 16, 170.0) for i, name in enumerate("ab"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "warehouse"
    create(folder)
    store = Warehouse(folder)
    old = sample.host(hardware_class="old class")
    new = replace(old, hardware_class="new class", gpus=GPUS, driver="580", seen_at=_LATER)
    store.write_sweep(sample.sweep("w1"), [], (), [old], [])
    store.write_sweep(sample.sweep("w2"), [], (), [new], [])
    return folder


_LATER = sample.host().seen_at + timedelta(days=1)


def test_the_last_row_of_a_host_counts(place: Path) -> None:
    row = reading._last_rows(storage_at(place))["alpha"]
    assert (row.hardware_class, row.gpus, row.driver) == ("new class", ("a", "b"), "580")
    assert row.seen_at == _LATER


def test_with_a_silent_head_every_host_is_away_and_the_reason_is_told(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent() -> None:
        raise FleetError("the head says nothing")

    monkeypatch.setattr(Cluster, "open", silent)
    node = NodeRecord("alpha", datetime(2026, 3, 1, tzinfo=UTC), "ssh")
    change_registry(lambda _: Registry(None, (node,)))
    fleet, problem = reading.read_fleet(storage_at(place))
    assert problem == "the head says nothing"
    (one,) = fleet
    assert (one.state, one.hardware, one.last_seen) == ("away", "new class", _LATER)


def test_what_runs_is_told_by_sweeps_that_live(place: Path) -> None:
    folder = place / "progress"
    folder.mkdir()
    running = [{"host_id": "alpha", "cell": "q4", "step": "speed", "done": 1, "total": 3}]
    written_at = datetime.now(UTC).isoformat()
    base = {"running": running, "host": "elsewhere", "pid": 1, "written_at": written_at}
    for name, ended in (("a", True), ("b", False)):
        (folder / f"{name}.json").write_text(json.dumps({**base, "ended": ended}))
    assert [p["ended"] for p in reading._live_progress(storage_at(place))] == [False]
