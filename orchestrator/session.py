"""From the command line to a plan: the one way that `herd plan` and `herd sweep` share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.cells import CellSpec, specs
from orchestrator.config import Composer, HerdConfig, split_overrides
from orchestrator.config.compose import hydra_session
from orchestrator.config.overrides import axis_values
from orchestrator.fleet.described import described_view
from orchestrator.fleet.lending import lend
from orchestrator.fleet.registry import HEAD, read_registry
from orchestrator.forecast import Forecaster
from orchestrator.history import read_history
from orchestrator.host_view import HostView, Looking
from orchestrator.last_seen import UNSEEN, LastSeen, read_last_seen
from orchestrator.launch_history import read_launches, read_resolved
from orchestrator.matrix import expand
from orchestrator.measured_on import MeasuredOn, read_measured_on
from orchestrator.memory.outlook import Memory
from orchestrator.placement import Resolved
from orchestrator.plan import Plan, check_flags, make_plan
from orchestrator.rules import Undisturbed
from orchestrator.side_by_side import read_undisturbed
from orchestrator.tariff import check_tariff
from orchestrator.this_host import host_label
from warehouse import rows
from warehouse.connection import connect
from warehouse.ledger import Ledger
from warehouse.storage import Storage, is_warehouse, storage_at
from warehouse.store import read_ledger
from workers.look import HostReport, LookRequest, look
from workers.models.shape import ModelShape


@dataclass(frozen=True, slots=True)
class Command:
    """What the user asked for: checked, bound to no host."""

    name: str
    overrides: tuple[str, ...]
    config: HerdConfig
    """Without axes."""
    cells: tuple[CellSpec, ...]

    @property
    def storage(self) -> Storage:
        """Where the warehouse lies.

        Raises:
            ConfigError: `warehouse.uri` names no storage that herd knows.
        """
        return storage_at(self.config.warehouse.uri)


@dataclass(frozen=True, slots=True)
class Session:
    """A command with its hosts and its plan."""

    command: Command
    hosts: tuple[HostView, ...]
    """With what each has itself."""
    models: tuple[rows.Model, ...]
    ledger: Ledger
    plan: Plan
    measured_on: MeasuredOn = field(default_factory=dict)
    """Where earlier sweeps measured, as far as that matters."""
    undisturbed: Undisturbed = field(default_factory=dict)
    """Where launches may run side by side."""


def read_command(overrides: Sequence[str], config_dir: Path | None) -> Command:
    """Compose and expand.

    Args:
        overrides: as typed after the verb.
        config_dir: the user's configuration; None is `./conf` where it exists.

    Raises:
        ConfigError: the command or its configuration is wrong.
    """
    with hydra_session(config_dir) as hydra:
        typed = split_overrides(hydra, overrides)
        composer = Composer(typed.fixed)
        config = composer.base()
        check_tariff(config.tariff)
        points = expand(
            config.matrix,
            typed.axes,
            typed.pinned,
            lambda key, value: axis_values(hydra, key, value),
        )
        name = config.name or typed.preset or "sweep"
        return Command(name, tuple(overrides), config, tuple(specs(points, composer)))


class Planner:
    """Plans a command for the hosts that have reported; anew whenever another one does.

    What the warehouse held at the beginning decides, so that the same hosts get the same cells.
    """

    def __init__(self, command: Command, *, force: bool) -> None:
        """Nobody has reported yet.

        Args:
            command: what the user asked for.
            force: measure anew what is cached.

        Raises:
            WarehouseError: the warehouse cannot be read.
        """
        self.command = command
        self._force = force
        self._looking = Looking(command.cells, command.config.model_store)
        self._ledger = read_ledger(command.storage)
        self._known: tuple[frozenset[str], _Known] | None = None
        self._measured_on = _read_measured_on(command)

    def look_request(self, host_id: str) -> LookRequest:
        """What a host is to be looked at for."""
        return self._looking.request(host_id)

    def plan(self, reports: Sequence[HostReport]) -> Session:
        """For these hosts; or for those that the configuration describes in their place.

        Raises:
            ConfigError: the command cannot work on any host.
        """
        seen = self._looking.seen(reports)
        views, described = seen.views, self.command.config.fleet.hosts
        if described:
            views = tuple(described_view(label, d, views[0]) for label, d in described.items())
        lent = lend(views, seen.cells)
        known = self._knowledge(lent)
        plan = make_plan(
            seen.cells,
            lent,
            self._ledger,
            force=self._force,
            forecaster=known.forecaster,
            memory=known.memory,
            resolved_before=known.resolved,
            each_host=self._measured_on if self.command.config.fleet.each_host else None,
        )
        check_flags(plan)
        return Session(
            self.command,
            views,
            seen.models,
            self._ledger,
            plan,
            self._measured_on,
            known.undisturbed,
        )

    def _knowledge(self, views: Sequence[HostView]) -> "_Known":
        """What earlier sweeps tell; read again once a model's shape is new."""
        shapes = {
            sha256: shape
            for view in views
            for key, shape in view.shapes.items()
            if (sha256 := view.models[key].sha256)
        }
        if self._known is None or not shapes.keys() <= self._known[0]:
            known = _read_known(self.command.storage, list(shapes.items()))
            self._known = frozenset(shapes), known
        return self._known[1]


def plan_command(command: Command, *, force: bool, tell: Callable[[str], None]) -> Session:
    """Look at this host and plan, for the fleet's others too, as they were last seen.

    Args:
        command: what the user asked for.
        force: measure anew what is cached.
        tell: prints a line to the user.

    Raises:
        ConfigError: the command cannot work on any host.
        FleetError: what is known of the fleet cannot be read.
    """
    planner = Planner(command, force=force)
    nodes = read_registry().nodes
    own = next((n.label for n in nodes if n.kind == HEAD), host_label(command.config))
    drained = {node.label for node in nodes if node.drained}
    request = planner.look_request(own)
    here = look(request)
    others = [node.label for node in nodes if node.label not in {own, *drained}]
    seen = _last_seen(command.storage, others, request, here)
    for label, why in seen.unknown.items():
        tell(f"{label} is not in this plan: {why}")
    return planner.plan([*([] if own in drained else [here]), *seen.reports])


def _last_seen(
    storage: Storage, labels: Sequence[str], request: LookRequest, here: HostReport
) -> LastSeen:
    if not labels or not is_warehouse(storage):
        return LastSeen((), dict.fromkeys(labels, UNSEEN))
    with connect(storage) as connection:
        return read_last_seen(connection, labels, request, here)


@dataclass(frozen=True, slots=True)
class _Known:
    """What earlier sweeps tell of this one."""

    forecaster: Forecaster
    memory: Memory
    resolved: Resolved
    undisturbed: Undisturbed = field(default_factory=dict)


def _read_measured_on(command: Command) -> MeasuredOn:
    """Matters where each host measures, and where launches of a cell stay on one host."""
    asked = command.config.fleet.each_host or any(cell.launches > 1 for cell in command.cells)
    if not asked or not is_warehouse(command.storage):
        return {}
    with connect(command.storage) as connection:
        return read_measured_on(connection)


def _read_known(storage: Storage, shapes: Sequence[tuple[str, ModelShape]]) -> _Known:
    if not is_warehouse(storage):
        return _Known(Forecaster(()), Memory(), {})
    with connect(storage) as connection:
        return _Known(
            Forecaster(read_history(connection)),
            Memory(read_launches(connection, shapes)),
            read_resolved(connection),
            read_undisturbed(connection),
        )
