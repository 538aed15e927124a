"""From the command line to a plan: the one way that `herd plan` and `herd sweep` share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cells import CellSpec, specs
from orchestrator.config import Composer, HerdConfig, split_overrides
from orchestrator.config.compose import hydra_session
from orchestrator.config.overrides import axis_values
from orchestrator.fleet.described import described_view
from orchestrator.fleet.fetch_job import fetch_policy
from orchestrator.forecast import Forecaster
from orchestrator.history import read_history
from orchestrator.host_view import HostView
from orchestrator.launch_history import read_launches, read_resolved
from orchestrator.matrix import expand
from orchestrator.memory.outlook import Memory
from orchestrator.placement import Resolved
from orchestrator.plan import Plan, check_flags, make_plan
from orchestrator.tariff import check_tariff
from orchestrator.this_host import look_at
from warehouse import rows
from warehouse.connection import connect
from warehouse.ledger import Ledger
from warehouse.storage import Storage, is_warehouse, storage_at
from warehouse.store import read_ledger


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
    models: tuple[rows.Model, ...]
    ledger: Ledger
    plan: Plan


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
        fetch_policy(config.fleet.fetch, config.fleet.shared_models)
        points = expand(
            config.matrix,
            typed.axes,
            typed.pinned,
            lambda key, value: axis_values(hydra, key, value),
        )
        name = config.name or typed.preset or "sweep"
        return Command(name, tuple(overrides), config, tuple(specs(points, composer)))


def plan_command(command: Command, *, force: bool) -> Session:
    """Look at the host and plan.

    Args:
        command: what the user asked for.
        force: measure anew what is cached.

    Raises:
        ConfigError: the command cannot work on any host.
    """
    here, cells, models = look_at(command.config, command.cells)
    views = _views(command.config, here)
    ledger = read_ledger(command.storage)
    known = _known(command.storage, here)
    plan = make_plan(
        cells,
        views,
        ledger,
        force=force,
        forecaster=known.forecaster,
        memory=known.memory,
        resolved_before=known.resolved,
    )
    check_flags(plan)
    return Session(command, views, models, ledger, plan)


def _views(config: HerdConfig, here: HostView) -> tuple[HostView, ...]:
    """The hosts that are described, or this one where none is."""
    described = config.fleet.hosts.items()
    return tuple(described_view(label, host, here) for label, host in described) or (here,)


@dataclass(frozen=True, slots=True)
class _Known:
    """What earlier sweeps tell of this one."""

    forecaster: Forecaster
    memory: Memory
    resolved: Resolved


def _known(storage: Storage, here: HostView) -> _Known:
    if not is_warehouse(storage):
        return _Known(Forecaster(()), Memory(), {})
    hashes = ((key, here.models[key].sha256) for key in here.shapes)
    shapes = [(sha256, here.shapes[key]) for key, sha256 in hashes if sha256]
    with connect(storage) as connection:
        return _Known(
            Forecaster(read_history(connection)),
            Memory(read_launches(connection, shapes)),
            read_resolved(connection),
        )
