"""Whether a cell fits a host's memory, and what it takes to make it fit. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.cells import CellSpec
from orchestrator.host_view import HostView
from orchestrator.memory.outlook import Memory, Outlook, Place
from orchestrator.memory.server import HOST, ServerShape, server_shape
from orchestrator.pairing import Pairing
from orchestrator.patterns import Keyword
from orchestrator.quality import scoring
from workers.engine.build import EngineBuild
from workers.engine.config import EngineConfig
from workers.models.shape import ModelShape
from workers.workloads.max_context.config import MaxContextConfig
from workers.workloads.perplexity.config import PerplexityConfig


@dataclass(frozen=True, slots=True)
class Seat:
    """What a cell gets on the hosts of a class, before its identity."""

    build: EngineBuild | None
    pairing: Pairing
    engine: EngineConfig
    facts: dict[str, object]
    """`engine_facts`."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What memory says of a launch."""

    outlook: Outlook | None = None
    unfit: str | None = None
    """Why it is pruned."""
    note: str | None = None
    predicted_context: int | None = None


class Fitter:
    """Fits cells into the memory of the hosts of one hardware class."""

    def __init__(self, view: HostView, memory: Memory) -> None:
        self._view = view
        self._memory = memory

    def n_cpu_moe(self, spec: CellSpec, seat: Seat) -> tuple[int, str | None]:
        """The fewest layers of experts that have to lie on the host; why it cannot be told."""
        if not seat.pairing.devices:
            return 0, None
        shape = self._view.shapes.get(spec.file_key)
        if shape is None:
            return 0, f"n_cpu_moe=auto needs the model's header: {self._why_unknown(spec)}"
        layers = self._memory.n_cpu_moe(shape, _server(spec, seat), self._place(spec, seat))
        if layers is None:
            return 0, "n_cpu_moe=auto: it does not fit with all experts on the host either"
        return layers, None

    def fit(self, spec: CellSpec, seat: Seat) -> Fit:
        """Whether it fits; a pairing that found no devices is no CPU run, so nothing is said."""
        if not seat.pairing.split and seat.pairing.pattern != Keyword.CPU:
            return Fit()
        shape = self._view.shapes.get(spec.file_key)
        if shape is None:
            return Fit(note=f"memory is not predicted: {self._why_unknown(spec)}")
        server, place = _server(spec, seat), self._place(spec, seat)
        outlook = self._memory.outlook(shape, server, place)
        if isinstance(spec.workload, MaxContextConfig):
            fit = self._search(spec.workload.granularity, shape, server, place)
            unfit = fit.unfit if spec.prune else None
            return replace(fit, outlook=outlook, note=outlook.prediction.note, unfit=unfit)
        found, note = outlook.verdict, outlook.prediction.note
        if found.fits:
            return Fit(outlook, note=note)
        if spec.prune and found.is_certain:
            return Fit(outlook, unfit=found.reason)
        doubt = "will not fit" if found.is_certain else "may not fit, by an estimate"
        return Fit(outlook, note=f"{doubt}: {found.reason}")

    def _search(
        self, granularity: int, shape: ModelShape, server: ServerShape, place: Place
    ) -> Fit:
        """Of a cell that looks for the largest context: only one that fits nowhere is unfit."""
        smallest = self._memory.outlook(shape, replace(server, context=granularity), place).verdict
        if not smallest.fits and smallest.is_certain:
            return Fit(unfit=f"not even {granularity} tokens: {smallest.reason}")
        context = self._memory.largest_context(shape, server, place, granularity)
        return Fit(predicted_context=context)

    def _why_unknown(self, spec: CellSpec) -> str:
        return self._view.unreadable.get(spec.file_key, "no model file")

    def _place(self, spec: CellSpec, seat: Seat) -> Place:
        build = seat.build.sha256 if seat.build else ""
        return Place(build, self._view.host.hardware_class, self._free(seat), spec.margin_mib)

    def _free(self, seat: Seat) -> Mapping[str, float]:
        free = {device.name: float(device.free_mib) for device in seat.pairing.devices}
        free |= {
            _remote_name(i): float(each.device.free_mib)
            for i, each in enumerate(seat.pairing.remote)
        }
        if self._view.free_ram_mib is not None:
            free[HOST] = self._view.free_ram_mib
        return free


def _remote_name(number: int) -> str:
    """As llama-server will call a device of another host."""
    return f"RPC{number}"


def _server(spec: CellSpec, seat: Seat) -> ServerShape:
    own = tuple(device.name for device in seat.pairing.devices)
    remote = tuple(_remote_name(i) for i in range(len(seat.pairing.remote)))
    server = server_shape(
        seat.engine,
        context=spec.context,
        cache_k=spec.cache_k,
        cache_v=spec.cache_v,
        devices=own + remote,
        split=seat.pairing.split,
    )
    if isinstance(spec.workload, PerplexityConfig):
        return scoring(server, spec.workload.chunk_context)
    return server
