"""The hosts that have reported in a sweep, and the plan for them: it grows when one joins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from orchestrator.host_view import HostView
from orchestrator.placement import Planned
from orchestrator.plan import Plan, PlannedLaunch
from orchestrator.session import Session
from warehouse import rows
from workers.look import HostReport


@dataclass(frozen=True, slots=True)
class Change:
    """What a host's report changes."""

    view: HostView
    """The host, with what it has itself."""
    added: Plan
    """Cells that nobody planned before, in their order."""
    first: int
    """Place of the first of these in the whole plan."""
    rebound: tuple[Planned, ...]
    """Cells planned before, with the hosts that may run them now; none if its only one changed."""
    models: tuple[rows.Model, ...]
    """Of this host."""
    owing: tuple[PlannedLaunch, ...] = ()
    """What it has yet to do of cells planned before, where each host measures."""


class Roster:
    """Keeps the first report of each host as long as it says the same to the plan.

    Free memory differs at every look; what the plan made of the first one stays, so that a host
    that comes back finds the cells that it left.
    """

    def __init__(
        self, plan: Callable[[Sequence[HostReport]], Session], reports: Sequence[HostReport]
    ) -> None:
        """Plan for those that are there.

        Args:
            plan: makes the plan for hosts.
            reports: of those hosts; may be none.
        """
        self._plan = plan
        self._reports = {report.host.host_id: report for report in reports}
        self.session = plan(reports)
        self._planned = {cell.cell_id: cell for cell in self.session.plan.cells}

    def view(self, host_id: str) -> HostView:
        """A host that has reported, with what it has itself."""
        return next(v for v in self.session.hosts if v.host.host_id == host_id)

    def cell(self, cell_id: str) -> Planned:
        """A cell as the latest plan that has it says."""
        return self._planned[cell_id]

    @property
    def unplaced(self) -> int:
        """Cells as asked for that fit no host so far."""
        cells = self.session.plan.cells
        placed = {id(cell.spec) for cell in cells if cell.decision != "pruned"}
        return len({id(cell.spec) for cell in cells} - placed) or int(not cells)

    def join(self, report: HostReport) -> Change:
        """A host has reported, for the first time or again."""
        host_id = report.host.host_id
        is_new = host_id not in self._reports
        self._reports[host_id] = _kept(self._reports.get(host_id), report)
        self.session = self._plan(tuple(self._reports.values()))
        cells = self.session.plan.cells
        added = tuple(cell for cell in cells if cell.cell_id not in self._planned)
        known = tuple(cell for cell in cells if cell.cell_id in self._planned)
        now = {cell.cell_id for cell in cells}
        gone = (cell for cell_id, cell in self._planned.items() if cell_id not in now)
        rebound = (*known, *(replace(cell, hosts=()) for cell in gone))
        owed = Plan(known).launches() if is_new else ()
        owing = tuple(launch for launch in owed if launch.host == host_id)
        first = len(self._planned)
        self._planned |= {cell.cell_id: cell for cell in (*added, *rebound)}
        models = tuple(row for row in self.session.models if row.host_id == host_id)
        return Change(self.view(host_id), Plan(added), first, rebound, models, owing)


def _kept(known: HostReport | None, report: HostReport) -> HostReport:
    """The report with what it cannot tell anew: memory that is free only now and then."""
    if known is None or _lasting(known) != _lasting(report):
        return report
    return replace(known, models=report.models)


def _lasting(report: HostReport) -> tuple[object, ...]:
    host = report.host
    builds = ((key, build and build.sha256) for key, build in report.engines)
    return host.hardware_class, host.gpus, tuple(builds)
