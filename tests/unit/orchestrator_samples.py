"""Inputs of the orchestrator's tests: whole values, with what a test cares about overridden."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.cells import CellSpec, FileKey
from orchestrator.host_view import HostView
from orchestrator.placement import Planned
from orchestrator.plan import Plan, make_plan
from warehouse.ledger import Attempt, Ledger
from warehouse.rows import Gpu, Host
from workers.contract import CellRequest, LaunchRequest, ModelFile
from workers.engine.build import EngineBuild, EngineDevice
from workers.engine.config import EngineConfig
from workers.engine.flags import parse_help
from workers.measure import MeasureConfig
from workers.models.config import ModelConfig
from workers.workloads.speed.config import SpeedConfig

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BINARY = "/opt/llama-server"
ENGINE = EngineConfig(binary=BINARY)
SHA256 = {"Q4_1": "41" * 32, "Q8_0": "80" * 32}
HELP = Path(__file__).parents[1] / "fixtures" / "engine" / "help.txt"
KNOWN_FLAGS = parse_help(HELP.read_text())


def device(number: int, model: str = "RTX 3060") -> EngineDevice:
    return EngineDevice(f"CUDA{number}", model, 12288, 12000)


def gpu(number: int, model: str = "RTX 3060") -> Gpu:
    bus = f"0000:0{number}:00.0"
    return Gpu(number, f"NVIDIA GeForce {model}", f"GPU-{number}", bus, 12288, 4, 16, 170.0)


def build(*devices: EngineDevice, **changes: Any) -> EngineBuild:
    whole = EngineBuild(Path(BINARY), "e1" * 32, "build 1, commit 7e4c0a9", KNOWN_FLAGS, devices)
    return replace(whole, **changes)


def host(host_id: str = "alpha", **changes: Any) -> Host:
    values: dict[str, Any] = {
        "host_id": host_id,
        "seen_at": START,
        "hardware_class": "Some CPU x4, 16 GiB, no GPU",
        "cpu_model": "Some CPU",
        "cpu_physical_cores": 4,
        "cpu_logical_cores": 8,
        "ram_mib": 16384,
        "kernel": "Linux 6.1",
        "gpus": (),
        "driver": None,
        "cuda": None,
        "python": "3.11.7",
    }
    return Host(**{**values, **changes})


def view(
    host_id: str = "alpha",
    *,
    engine: EngineBuild | None = build(),  # noqa: B008 - a frozen value
    sha256: dict[str, str] = SHA256,
    folder: str = "/models",
    **changes: Any,
) -> HostView:
    """A host with an engine and the model `tiny`; quants that `sha256` has not are nowhere."""
    files: dict[FileKey, ModelFile] = {
        ("tiny", quant, None): ModelFile(f"{folder}/{quant}.gguf", sha256.get(quant))
        for quant in SHA256
    }
    return HostView(host(host_id, **changes), {ENGINE.probe_key: engine}, files)


def spec(**changes: Any) -> CellSpec:
    whole = CellSpec(
        model=ModelConfig(name="tiny"),
        quant="Q4_1",
        context=4096,
        cache_k="f16",
        cache_v="f16",
        pairing="cpu",
        split=None,
        engine=ENGINE,
        workload=SpeedConfig(),
        prune=True,
        measure=MeasureConfig(),
        margin_mib=0.0,
        max_attempts=2,
        other_axes=(),
    )
    return replace(whole, **changes)


def plan_of(
    *specs: CellSpec,
    hosts: tuple[HostView, ...] = (),
    attempts: tuple[Attempt, ...] = (),
    force: bool = False,
) -> Plan:
    return make_plan(specs, hosts or (view(),), Ledger(attempts), force=force)


def planned(spec_: CellSpec | None = None, *hosts: HostView) -> Planned:
    """The one cell of a plan."""
    (cell,) = plan_of(spec_ or spec(), hosts=hosts).cells
    return cell


def request(cell: Planned, **changes: Any) -> LaunchRequest:
    """What the driver sends for a launch of that cell alone."""
    whole = LaunchRequest(
        launch_id="l1",
        server_id=cell.server.server_id,
        sweep_id="w1",
        host_id="alpha",
        model=cell.file,
        context=cell.spec.context,
        cache_k=cell.spec.cache_k,
        cache_v=cell.spec.cache_v,
        devices=tuple(each.name for each in cell.pairing.devices),
        gpu_uuids=cell.pairing.gpu_uuids,
        tensor_split=cell.pairing.split,
        engine=cell.engine,
        engine_build="build 1, commit 7e4c0a9",
        cells=(CellRequest(cell.cell_id, 1, cell.spec.workload),),
    )
    return replace(whole, **changes)
