"""Measured memory for predictions, out of a real warehouse."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.launch_history import read_launches, read_resolved
from orchestrator.measured_kv import read_measured_kv
from orchestrator.memory.compute import MeasuredLaunch
from orchestrator.memory.server import HOST, ServerShape
from orchestrator.memory.weights import weights
from orchestrator.placement import Planned
from orchestrator.plan import Plan
from orchestrator.records import planned_rows
from tests import warehouse_samples as samples
from tests.tiny_models import write_tiny
from tests.unit.orchestrator_samples import ENGINE, build, device, planned, spec, view
from warehouse import rows
from warehouse.connection import connect
from warehouse.store import Warehouse
from workers.models.header import read_header
from workers.models.shape import ModelShape, model_shape

GPUS = view(engine=build(device(0), device(1)), hardware_class="two")


@pytest.fixture(scope="module")
def shape(tmp_path_factory: pytest.TempPathFactory) -> ModelShape:
    path = write_tiny(tmp_path_factory.mktemp("model") / "m.gguf", "qwen2moe")
    return model_shape(read_header(path))


@pytest.fixture
def store(tmp_path: Path) -> Warehouse:
    return samples.warehouse(tmp_path)


def planned_row(cell: Planned, sweep_id: str = "w1", **changes: Any) -> rows.PlannedCell:
    (row,) = planned_rows(Plan((cell,)), sweep_id)
    return replace(row, **changes)


def put(store: Warehouse, cell: Planned, *parts: rows.Memory, context: int | None = None) -> None:
    """A launch of a cell with its memory, in a sweep that planned it."""
    store.write_sweep(samples.sweep(), [planned_row(cell)], [], [], [])
    command = ("llama-server", "--ctx-size", str(context or cell.spec.context))
    devices = tuple(each.name for each in cell.pairing.devices)
    launch = samples.launch(server_id=cell.server.server_id, devices=devices, command_line=command)
    store.write_launch(launch, parts)


def part(device_: str, name: str, mib: float, source: str = "log") -> rows.Memory:
    return samples.memory("l1", device_, name, mib, source)


def read(root: Path, **shapes: ModelShape) -> tuple[MeasuredLaunch, ...]:
    with connect(root) as connection:
        return read_launches(connection, shapes.items())


def model_row(shape: ModelShape, sha256: str) -> rows.Model:
    return samples.model(model_sha256=sha256, shape_digest=shape.digest)


GPU_PARTS = (
    part("CUDA0", "model", 1000.0),
    part("CUDA0", "kv", 100.0),
    part("CUDA0", "compute", 80.0),
    part("CUDA0", "total", 1880.0, "nvml"),
    part("CUDA0", "unaccounted", 9000.0, "breakdown"),
    part("CUDA1", "compute", 60.0),
    part("CUDA1", "unaccounted", 500.0, "breakdown"),
    part("CPU_Mapped", "model", 50.0),
    part("CUDA_Host", "compute", 20.0),
    part("CUDA_Host", "output", 4.0),
    part("Host", "rss", 400.0, "psutil"),
)


def test_a_launch_is_what_it_ran_with_and_what_it_held(
    tmp_path: Path, store: Warehouse, shape: ModelShape
) -> None:
    engine = replace(ENGINE, ubatch_size=256, n_cpu_moe=2, kv_unified=None)
    cell = planned(spec(pairing="all", cache_k="q8_0", split=(3.0, 1.0), engine=engine), GPUS)
    put(store, cell, *GPU_PARTS)
    (launch,) = read(tmp_path, **{cell.file.sha256 or "": shape})
    server = ServerShape(
        4096,
        "q8_0",
        devices=("CUDA0", "CUDA1"),
        split=(3.0, 1.0),
        ubatch=256,
        n_cpu_moe=2,
    )
    assert launch == MeasuredLaunch(
        digest=shape.digest,
        engine_build="e1" * 32,
        hardware_class="two",
        server=server,
        moved=weights(shape, server).moved,
        compute_mib={"CUDA0": 80.0, "CUDA1": 60.0, HOST: 20.0},
        # NVML over the log where there is NVML; the breakdown counts what others hold too
        overhead_mib={"CUDA0": 700.0, "CUDA1": 500.0, HOST: 330.0},
    )
    assert launch.moved > 0


def test_a_server_of_max_context_counts_with_the_context_that_it_ran_with(
    tmp_path: Path, store: Warehouse, shape: ModelShape
) -> None:
    cell = planned(spec(pairing="all"), GPUS)
    put(store, cell, *GPU_PARTS, context=1024)
    (launch,) = read(tmp_path, **{cell.file.sha256 or "": shape})
    assert launch.server.context == 1024


def test_a_file_that_is_not_here_counts_by_its_digest(
    tmp_path: Path, store: Warehouse, shape: ModelShape
) -> None:
    cell = planned(spec(pairing="all"), GPUS)
    put(store, cell, *GPU_PARTS)
    assert read(tmp_path) == ()
    row = model_row(shape, cell.file.sha256 or "")
    store.write_sweep(samples.sweep("w2"), [], [], [], [row])
    (launch,) = read(tmp_path)
    assert (launch.digest, launch.moved) == (shape.digest, 0)


def test_without_the_file_what_experts_on_the_host_take_is_not_known(
    tmp_path: Path, store: Warehouse, shape: ModelShape
) -> None:
    cell = planned(spec(pairing="all", engine=replace(ENGINE, n_cpu_moe=2)), GPUS)
    put(store, cell, *GPU_PARTS)
    row = model_row(shape, cell.file.sha256 or "")
    store.write_sweep(samples.sweep("w2"), [], [], [], [row])
    assert read(tmp_path) == ()


def test_a_start_that_failed_tells_nothing(
    tmp_path: Path, store: Warehouse, shape: ModelShape
) -> None:
    cell = planned(spec(pairing="all"), GPUS)
    put(store, cell, *GPU_PARTS)
    failed = samples.launch(
        "l2", server_id=cell.server.server_id, load_ms=None, command_line=("--ctx-size", "4096")
    )
    store.write_launch(failed, [samples.memory("l2", "CUDA0", "compute", 1.0, "log")])
    assert len(read(tmp_path, **{cell.file.sha256 or "": shape})) == 1


class TestResolved:
    """What earlier plans took for `n_cpu_moe=auto`."""

    def put(self, store: Warehouse, sweep_id: str, layers: int | None, **changes: Any) -> Planned:
        cell = planned(spec(pairing="all", engine=replace(ENGINE, n_cpu_moe=layers)), GPUS)
        row = planned_row(cell, sweep_id, unresolved_id="u", **changes)
        start = samples.at(int(sweep_id[1:]))
        store.write_sweep(samples.sweep(sweep_id, started_at=start), [row], [], [], [])
        return cell

    def read(self, root: Path) -> Any:
        with connect(root) as connection:
            return read_resolved(connection)

    def test_the_latest_stands(self, tmp_path: Path, store: Warehouse) -> None:
        self.put(store, "w1", 7)
        self.put(store, "w2", 5)
        self.put(store, "w3", 9, decision="pruned")
        assert self.read(tmp_path) == {"u": 5}

    def test_none_is_a_value_too(self, tmp_path: Path, store: Warehouse) -> None:
        self.put(store, "w1", None)
        assert self.read(tmp_path) == {"u": 0}

    def test_what_ran_out_of_memory_does_not(self, tmp_path: Path, store: Warehouse) -> None:
        self.put(store, "w1", 7)
        cell = self.put(store, "w2", 5)
        failed = samples.cell(
            "c1", server_id=cell.server.server_id, status="failed", failure_class="oom_load"
        )
        store.commit_cell(failed, [], [])
        assert self.read(tmp_path) == {"u": 7}


def test_kv_caches_of_one_slot_are_known_by_shape(
    tmp_path: Path, store: Warehouse, shape: ModelShape
) -> None:
    cell = planned(spec(pairing="all", cache_v="q4_0"), GPUS)
    put(store, cell, *GPU_PARTS, part("CUDA1", "kv", 30.0))
    store.write_sweep(samples.sweep("w2"), [], [], [], [model_row(shape, cell.file.sha256 or "")])
    assert read_measured_kv(tmp_path, shape.digest) == {("f16", "q4_0", 4096): 130.0}
    assert read_measured_kv(tmp_path, "other") == {}
    assert read_measured_kv(tmp_path / "nowhere", shape.digest) == {}


def test_several_slots_are_another_cache(
    tmp_path: Path, store: Warehouse, shape: ModelShape
) -> None:
    cell = planned(spec(pairing="all", engine=replace(ENGINE, parallel=4)), GPUS)
    put(store, cell, *GPU_PARTS)
    store.write_sweep(samples.sweep("w2"), [], [], [], [model_row(shape, cell.file.sha256 or "")])
    assert read_measured_kv(tmp_path, shape.digest) == {}
