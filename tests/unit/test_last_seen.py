"""`herd plan` for a fleet: hosts as rows of the warehouse tell of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config import HerdConfig
from orchestrator.fleet.registry import NodeRecord, Registry
from orchestrator.last_seen import UNSEEN, read_last_seen
from orchestrator.plan import Plan
from orchestrator.session import Command, plan_command
from tests.unit.fleet_samples import on
from tests.unit.orchestrator_samples import ENGINE, START, build, gpu, host
from tests.warehouse_samples import warehouse
from warehouse import rows
from warehouse.connection import connect
from warehouse.store import Warehouse
from workers.contract import ModelFile
from workers.engine.build import EngineBuild, EngineDevice
from workers.look import FoundModel, HostReport, LookRequest, WantedModel, engine_key
from workers.models.config import ModelConfig

CARD = "NVIDIA GeForce RTX 3060"
BUILD = build()
GPU_BUILD = build(EngineDevice("CUDA0", CARD, 12288, 11000))
SHA = "41" * 32
TINY = ModelConfig(name="tiny")
REQUEST = LookRequest("a", None, (ENGINE,), (WantedModel(TINY, "Q4_1"),))


def report(host_id: str, engine: EngineBuild | None = BUILD, **changes: Any) -> HostReport:
    """What this host says of itself."""
    found = FoundModel("Q4_1", ModelFile("/here/tiny.gguf", SHA, 7), None)
    engines = ((ENGINE.probe_key, engine),)
    return HostReport(host(host_id, **changes), engines, (found,), 9e3, told_at=START)


def seen(host_id: str, engine: EngineBuild | None, days: int = 0, **changes: Any) -> rows.Host:
    """A host's row as a sweep wrote it so many days later."""
    key = engine_key(ENGINE.probe_key)
    if engine is None:
        there = rows.SeenEngine(key, None, None, None, ())
    else:
        devices = (rows.SeenDevice(d.name, d.description, d.total_mib, d.free_mib)
                   for d in engine.devices)  # fmt: skip
        there = rows.SeenEngine(key, "/there/srv", engine.sha256, engine.text, tuple(devices))
    when = START + timedelta(days=days)
    return host(host_id, seen_at=when, engines=(there,), free_ram_mib=5e3, **changes)


def model(host_id: str, sha256: str = SHA) -> rows.Model:
    return rows.Model(
        model_sha256=sha256, host_id=host_id, seen_at=START, model="tiny", quant="Q4_1",
        path="/there/tiny.gguf", size_bytes=7, architecture=None, facts=None,
    )  # fmt: skip


def write(store: Warehouse, hosts: Sequence[rows.Host], models: Sequence[rows.Model] = ()) -> None:
    sweep = rows.Sweep(sweep_id=f"s{len(hosts)}{hosts[0].host_id}", name="s", command="",
                       config="{}", code_version="1", started_at=START)  # fmt: skip
    store.write_sweep(sweep, [], [], hosts, models)


def test_a_host_is_what_its_latest_rows_say(tmp_path: Path) -> None:
    store = warehouse(tmp_path)
    with_gpu: dict[str, Any] = {"gpus": (gpu(0, CARD),), "hardware_class": "gpus"}
    write(store, [seen("b", BUILD), seen("b", GPU_BUILD, 1, **with_gpu), seen("c", None)],
          [model("b")])  # fmt: skip
    with connect(tmp_path) as connection:
        known = read_last_seen(connection, ["b", "c", "d"], REQUEST, report("a"))
    b, c = known.reports
    assert dict(known.unknown) == {"d": UNSEEN}
    assert (b.host.hardware_class, b.host.gpus, b.free_ram_mib) == ("gpus", (gpu(0, CARD),), 5e3)
    ((key, there),) = b.engines
    assert key == ENGINE.probe_key
    assert there == replace(GPU_BUILD, path=Path("/there/srv"))
    assert b.models[0].file == ModelFile("/there/tiny.gguf", SHA, 7)
    assert c.engines == ((ENGINE.probe_key, None),)
    assert c.models[0].file.sha256 is None
    assert c.models[0].missing


def test_what_nobody_looked_for_is_said(tmp_path: Path) -> None:
    write(warehouse(tmp_path), [seen("b", BUILD)])
    other = replace(REQUEST, engines=(replace(ENGINE, name="mine", binary="/mine"),))
    with connect(tmp_path) as connection:
        known = read_last_seen(connection, ["b"], other, report("a"))
    assert dict(known.unknown) == {"b": "nobody has looked there for the engine mine yet"}


def planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *drained: str
) -> tuple[Plan, list[str]]:
    """`herd plan pairing=auto` on host a, whose fleet has b and c too."""
    nodes = tuple(
        NodeRecord(label, START, kind, drained=label in drained)
        for label, kind in (("a", "head"), ("b", "ssh"), ("c", "ssh"))
    )
    monkeypatch.setattr("orchestrator.session.read_registry", lambda: Registry(None, nodes))
    monkeypatch.setattr("orchestrator.session.look", lambda request: report(request.host_id))
    config = HerdConfig()
    config = replace(config, warehouse=replace(config.warehouse, uri=str(tmp_path)))
    told: list[str] = []
    command = Command("plan", (), config, (on("auto"),))
    return plan_command(command, force=False, tell=told.append).plan, told


def test_the_plan_has_the_classes_of_the_fleet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpu: dict[str, Any] = {"gpus": (gpu(0, CARD),), "hardware_class": "gpus"}
    write(warehouse(tmp_path), [seen("b", GPU_BUILD, **with_gpu)])
    plan, told = planned(tmp_path, monkeypatch)
    places = {cell.hosts: (cell.hardware_class, cell.pairing.pattern) for cell in plan.cells}
    own = report("a").host.hardware_class
    assert places == {("a",): (own, "cpu"), ("b",): ("gpus", "all")}
    assert {cell.file.sha256 for cell in plan.cells} == {SHA}, "b gets the file from a"
    assert told == [f"c is not in this plan: {UNSEEN}"]


def test_alike_hosts_share_cells_and_drained_ones_take_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(warehouse(tmp_path), [seen("b", BUILD), seen("c", BUILD)], [model("c")])
    plan, told = planned(tmp_path, monkeypatch)
    assert [cell.hosts for cell in plan.cells] == [("a", "b", "c")]
    plan, _ = planned(tmp_path, monkeypatch, "a", "b")
    assert [cell.hosts for cell in plan.cells] == [("c",)]
    assert told == []
