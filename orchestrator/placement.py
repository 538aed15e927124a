"""Placement: a cell bound to hosts, devices and an identity, with what its memory will be. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.cells import CellSpec, NamedFile
from orchestrator.fitting import Fitter, Seat
from orchestrator.forecast import Forecast
from orchestrator.host_view import HostView
from orchestrator.identity import (
    ServerIdentity,
    cell_identity,
    engine_facts,
    server_identity,
    workload_facts,
)
from orchestrator.memory.outlook import Memory, Outlook
from orchestrator.pairing import RUNS_LATER, Pairing, Unfit, bind
from workers.contract import ModelFile
from workers.engine.build import EngineBuild, EngineDevice
from workers.engine.config import EngineConfig
from workers.workloads.perplexity.config import PerplexityConfig

Resolved = Mapping[str, int]
"""What earlier plans took for `n_cpu_moe=auto`, by `Planned.unresolved_id`."""


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
    outlook: Outlook | None = None
    """Memory; None where the model's header is not at hand."""
    note: str | None = None
    """What a user should know of a cell that runs all the same."""
    predicted_context: int | None = None
    """Of `max_context`: the largest context that is expected to fit."""
    unresolved_id: str | None = None
    """`server_id` with auto values left open; None where there are none."""
    launches: int = 1
    """Server lives in which it is still to be measured."""
    baseline: ModelFile | None = None
    """The file whose answers it is compared with."""
    baseline_cell_id: str | None = None
    """The cell of the plan that scores that file."""
    owed: tuple[tuple[str, int], ...] = ()
    """Where each host measures: the hosts that have yet to, and in how many of the launches."""

    @property
    def files(self) -> tuple[tuple[NamedFile, ModelFile], ...]:
        """The files that it needs, and how they lie on its hosts, its model's first."""
        lie = (self.file,) if self.baseline is None else (self.file, self.baseline)
        return tuple(zip(self.spec.named_files, lie, strict=True))


class Placer:
    """Places cells on the hosts of one hardware class; what cells share is worked out once."""

    def __init__(
        self,
        members: Sequence[HostView],
        others: Sequence[HostView],
        memory: Memory,
        resolved_before: Resolved,
    ) -> None:
        """Keep the hosts.

        Args:
            members: hosts of the class.
            others: further hosts, whose devices a pairing may reach over RPC.
            memory: predicts what launches hold.
            resolved_before: so that a sweep that goes on has the cells that it had.
        """
        self._view = members[0]
        self._hosts = tuple(member.host.host_id for member in members)
        self._others = others
        self._fitter = Fitter(self._view, memory)
        self._resolved_before = resolved_before
        self._bound: dict[tuple[object, ...], tuple[Pairing, ...] | Unfit] = {}
        self._engines: dict[int, tuple[EngineConfig, EngineConfig, dict[str, object]]] = {}

    def place(self, spec: CellSpec) -> Iterator[Planned]:
        """Every distinct pairing of a cell; one that is pruned where there is none."""
        build = self._view.engines[spec.engine.probe_key]
        unbound = Pairing(spec.pairing, (), spec.split if isinstance(spec.split, tuple) else ())
        bound = self._bind(spec, build.devices) if build else (unbound,)
        if isinstance(bound, Unfit):
            yield self._placed(spec, build, unbound, bound.reason)
            return
        for pairing in bound:
            yield self._placed(spec, build, pairing, RUNS_LATER if pairing.remote else None)

    def _bind(
        self, spec: CellSpec, devices: tuple[EngineDevice, ...]
    ) -> tuple[Pairing, ...] | Unfit:
        mode, main_gpu = spec.engine.split_mode, spec.engine.main_gpu
        key = spec.pairing, spec.split, spec.engine.probe_key, mode, main_gpu
        if key not in self._bound:
            self._bound[key] = bind(
                spec.pairing,
                spec.split,
                devices,
                self._view.host.gpus,
                others={each.host.host_id: _devices(spec, each) for each in self._others},
                split_mode=mode,
                main_gpu=main_gpu,
            )
        return self._bound[key]

    def _engine(self, engine: EngineConfig) -> tuple[EngineConfig, dict[str, object]]:
        """Resolved, and its facts; by the object, which stays alive beside them."""
        if id(engine) not in self._engines:
            # Of a host that runs they are known; a row that was imported may lack them.
            whole = resolved(engine, self._view.host.cpu_physical_cores or 1)
            self._engines[id(engine)] = engine, whole, engine_facts(whole)
        return self._engines[id(engine)][1:]

    def _placed(
        self, spec: CellSpec, build: EngineBuild | None, pairing: Pairing, unfit: str | None
    ) -> Planned:
        seat = Seat(build, pairing, *self._engine(spec.engine))
        unresolved_id = None
        if seat.engine.n_cpu_moe == EngineConfig.AUTO:
            unresolved_id = self._identity(spec, seat).server_id
            seat, lacking = self._resolved(spec, seat, unresolved_id)
            unfit = unfit or lacking
        fit = self._fitter.fit(spec, seat)
        server = self._identity(spec, seat)
        named = spec.baseline
        baseline = self._view.models[named.file_key] if named else None
        spec = with_baseline(spec, baseline)
        workload = workload_facts(spec.workload)
        reason = unfit or fit.unfit
        return Planned(
            spec=spec,
            cell_id=cell_identity(server.server_id, workload),
            server=server,
            workload=workload,
            hardware_class=self._view.host.hardware_class,
            hosts=self._hosts,
            pairing=pairing,
            engine=seat.engine,
            build=build,
            file=self._view.models[spec.file_key],
            decision="pruned" if reason else "run",
            reason=reason,
            launches=spec.launches,
            outlook=fit.outlook,
            note=fit.note,
            predicted_context=fit.predicted_context,
            unresolved_id=unresolved_id,
            baseline=baseline,
        )

    def _identity(self, spec: CellSpec, seat: Seat) -> ServerIdentity:
        file = self._view.models[spec.file_key]
        return server_identity(
            model=file.sha256 or f"nowhere:{spec.model.name}:{spec.quant}",
            context=spec.context,
            cache_k=spec.cache_k,
            cache_v=spec.cache_v,
            pairing=seat.pairing,
            engine=seat.facts,
            engine_sha256=seat.build.sha256 if seat.build else f"nowhere:{spec.engine.name}",
            hardware_class=self._view.host.hardware_class,
        )

    def _resolved(self, spec: CellSpec, seat: Seat, unresolved_id: str) -> tuple[Seat, str | None]:
        """With the layers of experts that have to lie on the host; why that cannot be told."""
        layers, lacking = self._resolved_before.get(unresolved_id), None
        if layers is None:
            layers, lacking = self._fitter.n_cpu_moe(spec, seat)
        # none is what it is without the flag: one server configuration
        engine = replace(seat.engine, n_cpu_moe=layers or None)
        return replace(seat, engine=engine, facts=engine_facts(engine)), lacking


def with_baseline(spec: CellSpec, file: ModelFile | None) -> CellSpec:
    """With the baseline's hash in its workload; a file that is nowhere has a name there."""
    if spec.baseline is None or not isinstance(spec.workload, PerplexityConfig):
        return spec
    sha256 = file.sha256 if file else None
    name = sha256 or f"nowhere:{spec.baseline.model.name}:{spec.baseline.quant}"
    return replace(spec, workload=replace(spec.workload, baseline_sha256=name))


def _devices(spec: CellSpec, view: HostView) -> tuple[EngineDevice, ...]:
    build = view.engines[spec.engine.probe_key]
    return build.devices if build else ()


def resolved(engine: EngineConfig, physical_cores: int) -> EngineConfig:
    """With the threads that 0 stands for."""
    threads = engine.threads or physical_cores
    return replace(engine, threads=threads, threads_batch=engine.threads_batch or threads)
