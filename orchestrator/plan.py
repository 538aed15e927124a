"""The plan: for each cell its placement, identity and a decision. Pure.

The same inputs give the same plan; `herd plan` prints it, `herd sweep` runs it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.cells import CellSpec, FileKey
from orchestrator.identity import (
    ServerIdentity,
    cell_identity,
    engine_facts,
    server_identity,
    workload_facts,
)
from orchestrator.pairing import Pairing, Unfit, bind
from warehouse.errors import ConfigError
from warehouse.ledger import Ledger
from warehouse.rows import Host
from workers.contract import ModelFile
from workers.engine.build import EngineBuild
from workers.engine.config import EngineConfig
from workers.engine.flags import server_arguments, unknown_flags

EngineKey = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class HostView:
    """A host as the plan sees it: its facts, engines and model files."""

    host: Host
    engines: Mapping[EngineKey, EngineBuild | None]
    """By `EngineConfig.probe_key`; None: not usable on this host."""
    models: Mapping[FileKey, ModelFile]
    """By `CellSpec.file_key`; a file that is nowhere has no sha256."""


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


@dataclass(frozen=True, slots=True)
class PlannedLaunch:
    """Cells of one server configuration: they share one server life."""

    cells: tuple[Planned, ...]

    @property
    def first(self) -> Planned:
        """Any of its cells: they differ by workload only."""
        return self.cells[0]


@dataclass(frozen=True, slots=True)
class Plan:
    """All cells in the order of the plan."""

    cells: tuple[Planned, ...]

    def launches(self) -> tuple[PlannedLaunch, ...]:
        """The cells to run, grouped by server configuration, in order."""
        groups: dict[str, list[Planned]] = {}
        for cell in self.cells:
            if cell.decision == "run":
                groups.setdefault(cell.server.server_id, []).append(cell)
        return tuple(PlannedLaunch(tuple(cells)) for cells in groups.values())

    def count(self, decision: str) -> int:
        """Number of cells with this decision."""
        return sum(cell.decision == decision for cell in self.cells)


def make_plan(
    specs: Sequence[CellSpec], hosts: Sequence[HostView], ledger: Ledger, *, force: bool
) -> Plan:
    """Place, identify and decide every cell, once for each hardware class.

    Args:
        specs: cells as asked for.
        hosts: the hosts that are there; hosts of one class share cells.
        ledger: attempts that the warehouse holds.
        force: measure anew what is cached.
    """
    distinct: dict[str, Planned] = {}
    for cell in (cell for spec in specs for cell in _placed(spec, hosts)):
        distinct.setdefault(cell.cell_id, cell)
    decided = [_decided(cell, ledger, force=force) for cell in distinct.values()]
    return Plan(tuple(sorted(decided, key=_by_model_file(decided))))


def check_flags(plan: Plan) -> None:
    """See that every build knows the flags that are pinned for it.

    Raises:
        ConfigError: naming build and flag.
    """
    seen: set[tuple[str, str]] = set()
    for cell in plan.cells:
        key = cell.engine.name, cell.server.server_id
        if cell.build is None or cell.decision != "run" or key in seen:
            continue
        seen.add(key)
        unknown = unknown_flags(_arguments(cell), cell.build)
        if unknown:
            raise ConfigError(
                f"{cell.build.path} ({cell.build.text}) does not know {', '.join(unknown)}: "
                f"{_way_out(unknown[0], cell.engine)}"
            )


def _way_out(flag: str, engine: EngineConfig) -> str:
    if flag in engine.args:
        return f"take {flag} out of engine.args"
    field = flag.lstrip("-").removeprefix("no-").replace("-", "_")
    return f"leave it out with engine.{field}=null"


def _arguments(cell: Planned) -> list[str]:
    return server_arguments(
        cell.engine,
        model_path=cell.file.path,
        context=cell.spec.context,
        cache_k=cell.spec.cache_k,
        cache_v=cell.spec.cache_v,
        devices=tuple(device.name for device in cell.pairing.devices),
        tensor_split=cell.pairing.split,
    )


def _placed(spec: CellSpec, hosts: Sequence[HostView]) -> Iterator[Planned]:
    classes: dict[str, list[HostView]] = {}
    for view in hosts:
        classes.setdefault(view.host.hardware_class, []).append(view)
    for members in classes.values():
        yield _on_class(spec, members)


def _on_class(spec: CellSpec, members: Sequence[HostView]) -> Planned:
    view = members[0]
    build = view.engines[spec.engine.probe_key]
    file = view.models[spec.file_key]
    unbound = Pairing(spec.pairing, (), spec.split or ())
    gpus = view.host.gpus
    bound = bind(spec.pairing, spec.split, build.devices, gpus) if build else unbound
    pairing = bound if isinstance(bound, Pairing) else unbound
    engine = _resolved(spec.engine, view.host.cpu_physical_cores)
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
        decision="pruned" if isinstance(bound, Unfit) else "run",
        reason=bound.reason if isinstance(bound, Unfit) else None,
    )


def _resolved(engine: EngineConfig, physical_cores: int) -> EngineConfig:
    threads = engine.threads or physical_cores
    return replace(engine, threads=threads, threads_batch=engine.threads_batch or threads)


def _decided(cell: Planned, ledger: Ledger, *, force: bool) -> Planned:
    if cell.decision != "run" or force or cell.file.sha256 is None or cell.build is None:
        return cell
    reason = ledger.cached(cell.cell_id)
    return replace(cell, decision="cached", reason=reason) if reason else cell


def _by_model_file(cells: Sequence[Planned]) -> Callable[[Planned], tuple[int, int]]:
    """Sort key: cells of one model file together, then of one server, else as asked for."""
    files: dict[str, int] = {}
    servers: dict[str, int] = {}
    for cell in cells:
        files.setdefault(cell.file.path, len(files))
        servers.setdefault(cell.server.server_id, len(servers))
    return lambda cell: (files[cell.file.path], servers[cell.server.server_id])
