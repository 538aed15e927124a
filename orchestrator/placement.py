"""Placement: a cell bound to hosts, devices and an identity. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from orchestrator.cells import CellSpec
from orchestrator.forecast import Forecast
from orchestrator.host_view import HostView
from orchestrator.identity import (
    ServerIdentity,
    cell_identity,
    engine_facts,
    server_identity,
    workload_facts,
)
from orchestrator.pairing import RUNS_LATER, Pairing, Unfit, bind
from workers.contract import ModelFile
from workers.engine.build import EngineBuild, EngineDevice
from workers.engine.config import EngineConfig


@dataclass(frozen=True, slots=True)
class Planned:
    """A cell in the plan."""

    spec: CellSpec
    cell_id: str
    server: ServerIdentity
    workload: str
    """`workload_facts` of it."""
    hardware_class: str
    hosts: tuple[str, ...]
    """Hosts that may run it."""
    pairing: Pairing
    engine: EngineConfig
    """With every auto value resolved."""
    build: EngineBuild | None
    file: ModelFile
    decision: str
    """run, pruned or cached"""
    reason: str | None
    forecast: Forecast | None = None
    """Time and speed; None where no history helps."""


def placements(
    spec: CellSpec, members: Sequence[HostView], others: Sequence[HostView]
) -> Iterator[Planned]:
    """Every distinct pairing of a cell on hosts of one hardware class.

    Args:
        spec: the cell.
        members: hosts of the class.
        others: further hosts, whose devices a pairing may reach over RPC.
    """
    view = members[0]
    build = view.engines[spec.engine.probe_key]
    unbound = Pairing(spec.pairing, (), spec.split if isinstance(spec.split, tuple) else ())
    bound: tuple[Pairing, ...] | Unfit = (unbound,)
    if build:
        bound = bind(
            spec.pairing,
            spec.split,
            build.devices,
            view.host.gpus,
            others={each.host.host_id: _devices(spec, each) for each in others},
            split_mode=spec.engine.split_mode,
            main_gpu=spec.engine.main_gpu,
        )
    if isinstance(bound, Unfit):
        yield _placed(spec, members, build, unbound, bound.reason)
        return
    for pairing in bound:
        yield _placed(spec, members, build, pairing, RUNS_LATER if pairing.remote else None)


def _devices(spec: CellSpec, view: HostView) -> tuple[EngineDevice, ...]:
    build = view.engines[spec.engine.probe_key]
    return build.devices if build else ()


def _placed(
    spec: CellSpec,
    members: Sequence[HostView],
    build: EngineBuild | None,
    pairing: Pairing,
    unfit: str | None,
) -> Planned:
    view = members[0]
    file = view.models[spec.file_key]
    engine = resolved(spec.engine, view.host.cpu_physical_cores)
    server = server_identity(
        model=file.sha256 or f"nowhere:{spec.model.name}:{spec.quant}",
        context=spec.context,
        cache_k=spec.cache_k,
        cache_v=spec.cache_v,
        pairing=pairing,
        engine=engine_facts(engine),
        engine_sha256=build.sha256 if build else f"nowhere:{spec.engine.name}",
        hardware_class=view.host.hardware_class,
    )
    workload = workload_facts(spec.workload)
    return Planned(
        spec=spec,
        cell_id=cell_identity(server.server_id, workload),
        server=server,
        workload=workload,
        hardware_class=view.host.hardware_class,
        hosts=tuple(member.host.host_id for member in members),
        pairing=pairing,
        engine=engine,
        build=build,
        file=file,
        decision="pruned" if unfit else "run",
        reason=unfit,
    )


def resolved(engine: EngineConfig, physical_cores: int) -> EngineConfig:
    """With the threads that 0 stands for."""
    threads = engine.threads or physical_cores
    return replace(engine, threads=threads, threads_batch=engine.threads_batch or threads)
