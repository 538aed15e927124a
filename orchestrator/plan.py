"""The plan: every cell placed, decided, forecast and put in order. Pure.

The same inputs give the same plan; `herd plan` prints it, `herd sweep` runs it.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.cells import CellSpec
from orchestrator.forecast import Forecaster
from orchestrator.history import setting_of
from orchestrator.host_view import HostView
from orchestrator.measured import CellFacts, workload_tokens
from orchestrator.measured_on import MeasuredOn
from orchestrator.memory.outlook import Memory
from orchestrator.order import Estimate, Work, estimate, in_order
from orchestrator.placement import Placer, Planned, Resolved
from warehouse.errors import ConfigError
from warehouse.ledger import Ledger
from workers.contract import ALONE
from workers.engine.config import EngineConfig
from workers.engine.flags import server_arguments, unknown_flags
from workers.workloads.perplexity.config import BASELINE_CACHE

_NO_HISTORY = Forecaster(())


@dataclass(frozen=True, slots=True)
class PlannedLaunch:
    """Cells of one server configuration: they share one server life."""

    cells: tuple[Planned, ...]
    host: str | None = None
    """The one host that is to run it; None: any of its cells' hosts."""

    @property
    def first(self) -> Planned:
        """Any of its cells: they differ by workload only."""
        return self.cells[0]

    @property
    def seconds(self) -> float | None:
        """Its cells' time and that of one start; None where it is not known."""
        return _launch_work(self).seconds


@dataclass(frozen=True, slots=True)
class Plan:
    """All cells in the order of the plan."""

    cells: tuple[Planned, ...]

    def launches(self) -> tuple[PlannedLaunch, ...]:
        """The cells to run, grouped by server configuration, in order.

        Workloads that start processes of their own stand alone. Cells that
        want several launches get them in rounds: all once, then all again, so that what drifts
        on the host hits all alike.
        """
        groups: dict[str, list[Planned]] = {}
        for cell in self.cells:
            if cell.decision == "run":
                alone = isinstance(cell.spec.workload, ALONE)
                key = cell.cell_id if alone else cell.server.server_id
                groups.setdefault(key, []).append(cell)
        rounds = range(max((cell.launches for cell in self.cells), default=0))
        launches = (
            launch
            for number in rounds
            for cells in groups.values()
            for launch in _round(cells, number)
        )
        return tuple(launch for launch in launches if launch.cells)

    def count(self, decision: str) -> int:
        """Number of cells with this decision."""
        return sum(cell.decision == decision for cell in self.cells)

    @property
    def total(self) -> int:
        """Cells, each as often as it is to be measured."""
        return sum(cell.launches if cell.decision == "run" else 1 for cell in self.cells)

    def estimate(self) -> Estimate:
        """How long the cells to run take."""
        return estimate([_launch_work(launch) for launch in self.launches()])


def _round(cells: Sequence[Planned], number: int) -> Iterator[PlannedLaunch]:
    """The launches of cells that share a server, in a round: one, or one of each host."""
    yield PlannedLaunch(tuple(c for c in cells if not c.owed and c.launches > number))
    for host in dict.fromkeys(host for cell in cells for host, _ in cell.owed):
        owing = tuple(cell for cell in cells if dict(cell.owed).get(host, 0) > number)
        yield PlannedLaunch(owing, host)


def make_plan(
    specs: Sequence[CellSpec],
    hosts: Sequence[HostView],
    ledger: Ledger,
    *,
    force: bool,
    forecaster: Forecaster = _NO_HISTORY,
    memory: Memory | None = None,
    resolved_before: Resolved | None = None,
    each_host: MeasuredOn | None = None,
) -> Plan:
    """Place, identify, decide and forecast every cell, once for each hardware class.

    Args:
        specs: cells as asked for.
        hosts: the hosts that are there; hosts of one class with the same build and file share
            cells. The first of them says what auto values become.
        ledger: attempts that the warehouse holds.
        force: measure anew what is cached.
        forecaster: what earlier cells say of these.
        memory: predicts what launches hold; without, from no history.
        resolved_before: what earlier plans took for auto values.
        each_host: every host is to measure, and this is what each has; None: hosts share cells.
    """
    memory, resolved_before = memory or Memory(), resolved_before or {}
    kinds: dict[object, list[HostView]] = {}
    for view in hosts:
        kinds.setdefault(view.kind, []).append(view)
    placers = [
        Placer(members, [v for v in hosts if v not in members], memory, resolved_before)
        for members in kinds.values()
    ]
    distinct: dict[str, Planned] = {}
    for spec in specs:
        for placer in placers:
            for cell in placer.place(spec):
                known = distinct.setdefault(cell.cell_id, cell)
                if known.hosts != cell.hosts:  # alike in what this cell needs
                    more = dict.fromkeys((*known.hosts, *cell.hosts))
                    distinct[cell.cell_id] = replace(known, hosts=tuple(more))
    decided = [
        _forecast(_decided(cell, ledger, each_host, force=force), forecaster)
        for cell in distinct.values()
    ]
    decided = with_evidence(decided)
    return Plan(tuple(decided[i] for i in in_order([_work(cell) for cell in decided])))


def with_evidence(cells: Sequence[Planned]) -> list[Planned]:
    """With the cell that scores the baseline of each, as far as one does."""
    scored = {
        (cell.hardware_class, cell.file, cell.workload): cell.cell_id
        for cell in cells
        if cell.baseline and cell.decision != "pruned"
        if (cell.spec.cache_k, cell.spec.cache_v) == BASELINE_CACHE
    }
    return [
        replace(
            cell, baseline_cell_id=scored.get((cell.hardware_class, cell.baseline, cell.workload))
        )
        if cell.baseline
        else cell
        for cell in cells
    ]


def check_flags(plan: Plan) -> None:
    """See that every build knows the flags that are pinned for it.

    Raises:
        ConfigError: naming build and flag.
    """
    seen: set[tuple[str, str]] = set()
    for cell in plan.cells:
        key = cell.engine.name, cell.server.server_id
        flags_known = cell.build is not None and cell.build.known_flags
        if cell.build is None or not flags_known or cell.decision != "run" or key in seen:
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
        known_flags=cell.build.known_flags if cell.build else frozenset(),
    )


def _decided(
    cell: Planned, ledger: Ledger, each_host: MeasuredOn | None, *, force: bool
) -> Planned:
    if cell.decision != "run":
        return cell
    is_nowhere = any(file.sha256 is None for _, file in cell.files)
    new = force or is_nowhere or cell.build is None
    if each_host is not None:
        return _owed(cell, ledger, {} if new else each_host.get(cell.cell_id, {}), new=new)
    if new:
        return cell
    reason = ledger.cached(cell.cell_id, cell.launches)
    if reason:
        return replace(cell, decision="cached", reason=reason)
    return replace(cell, launches=cell.launches - ledger.measured(cell.cell_id))


def _owed(cell: Planned, ledger: Ledger, has: Mapping[str, int], *, new: bool) -> Planned:
    """With what each of its hosts has yet to measure."""
    wanted = cell.launches
    owed = tuple((h, wanted - has.get(h, 0)) for h in cell.hosts if has.get(h, 0) < wanted)
    # as many launches as nobody can have: only what failed for good is cached
    reason = None if new else ledger.cached(cell.cell_id, sys.maxsize)
    if reason or not owed:
        return replace(cell, decision="cached", reason=reason or "measured on each host")
    return replace(cell, launches=sum(number for _, number in owed), owed=owed)


def _forecast(cell: Planned, forecaster: Forecaster) -> Planned:
    if forecaster is _NO_HISTORY:
        return cell
    spec = cell.spec
    facts = CellFacts(
        cell_id=cell.cell_id,
        model=spec.model.name,
        quant=spec.quant,
        size_bytes=cell.file.size_bytes,
        context=spec.context,
        cache_k=spec.cache_k,
        cache_v=spec.cache_v,
        setting=setting_of(cell.server.config),
        workload=workload_tokens(spec.workload.name, cell.workload, spec.context),
    )
    return replace(cell, forecast=forecaster.forecast(facts))


def _work(cell: Planned) -> Work:
    forecast = cell.forecast
    seconds = 0.0 if cell.decision != "run" else forecast.seconds if forecast else None
    return Work(cell.server.server_id, cell.file.path, cell.hosts, seconds)


def _launch_work(launch: PlannedLaunch) -> Work:
    """A launch's time: its cells' and one start."""
    works = [_work(cell) for cell in launch.cells]
    known = [work.seconds for work in works if work.seconds is not None]
    forecast = launch.first.forecast
    load_s = (forecast.load_ms or 0.0) / 1000 if forecast else 0.0
    seconds = sum(known) + load_s if len(known) == len(works) else None
    return replace(works[0], seconds=seconds)
