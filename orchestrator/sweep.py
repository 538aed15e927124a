"""A sweep from its command to its last row: locks, plan, Ray, driver, the end."""

import os
import secrets
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from orchestrator.driver import Driver
from orchestrator.fleet.cluster import Cluster
from orchestrator.fleet.fetch_job import fetch_policy
from orchestrator.fleet.files import Files
from orchestrator.fleet.fleet import Fleet, hiring
from orchestrator.fleet.nodes import Nodes, embedded, in_cluster
from orchestrator.gathering import Gathered, gather
from orchestrator.health import Health
from orchestrator.interrupt import Interrupts
from orchestrator.members import Members
from orchestrator.plan import Plan
from orchestrator.progress import Progress, summary
from orchestrator.progress_file import ProgressFile
from orchestrator.records import planned_rows, predicted_memory_rows
from orchestrator.roster import Roster
from orchestrator.rules import Rules
from orchestrator.schedule import Schedule
from orchestrator.session import Command, Planner, Session
from orchestrator.terminal import quiet
from orchestrator.this_host import host_label
from orchestrator.view import View
from orchestrator.waiting import Waiting
from warehouse import rows
from warehouse.canonical import canonical
from warehouse.errors import ConfigError
from warehouse.lock import Holder
from warehouse.store import Warehouse, writing
from workers.look import LookRequest, look
from workers.run_dir import run_dir

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SweepResult:
    """How a sweep ended."""

    sweep_id: str
    progress: Progress
    interrupted: bool


def run_sweep(command: Command, *, force: bool, wait: bool, tell: Tell) -> SweepResult:
    """Plan and run; what the plan prunes or finds cached is a row already.

    Args:
        command: what the user asked for.
        force: measure anew what is cached.
        wait: wait for whoever holds the warehouse or the host.
        tell: prints a line to the user.

    Raises:
        HeldError: somebody else holds the warehouse or the host, and `wait` is false.
        ConfigError: the command cannot work on any host.
        WarehouseError: the warehouse cannot be written.
        FleetError: Ray or the worker does not start, or no host is left.
        KeyboardInterrupt: the user asked twice to stop.
    """
    if command.config.fleet.hosts:
        raise ConfigError("fleet.hosts describes hosts that are not here: use `herd plan`")
    cluster = Cluster.open()
    now = datetime.now(UTC)
    holder = Holder(pid=os.getpid(), host=socket.gethostname(), what=command.name, since=now)
    with ExitStack() as stack:
        warehouse = stack.enter_context(
            writing(
                command.storage,
                holder,
                wait=wait,
                on_wait=lambda other: tell(f"waiting: {other}"),
                compact_files=command.config.warehouse.compact_files,
            )
        )
        warehouse.close_lost_launches("the driver was gone before the server's end was known")
        warehouse.compact_when_many()
        sweep = _sweep_row(command, f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}", now)
        running = RunningSweep(sweep, Planner(command, force=force), holder, warehouse, wait)
        return running.run(cluster, stack)


class RunningSweep:
    """What the parts of a sweep share."""

    def __init__(
        self,
        sweep: rows.Sweep,
        planner: Planner,
        holder: Holder,
        warehouse: Warehouse,
        wait: bool,
    ) -> None:
        self._sweep = sweep
        self._planner = planner
        self._holder = holder
        self._warehouse = warehouse
        self._wait = wait
        self._config = planner.command.config
        self._interrupts = Interrupts()

    def run(self, cluster: Cluster | None, stack: ExitStack) -> SweepResult:
        """Plan, write the plan, run it."""
        if cluster is None:
            label = host_label(self._config)
            roster = Roster(self._planner.plan, [look(self._planner.look_request(label))])
        folder = stack.enter_context(run_dir())
        console = stack.enter_context(quiet(folder / "driver.log"))
        command = self._planner.command
        view = View(console, ProgressFile(command.storage, self._sweep.sweep_id))
        fleet, gathered = None, Gathered({}, ())
        if cluster is not None:
            nodes = stack.enter_context(in_cluster(cluster))
            fleet = self._hire(nodes, self._planner.look_request, stack)
            gathered = self._gather(fleet, view)
            roster = Roster(self._planner.plan, gathered.reports)
        plan = roster.session.plan
        self._write(roster.session)
        view.say(f"{command.name}: {len(plan.cells)} cells, {_decisions(plan)}")
        progress = _first_progress(plan, command.name, self._sweep.sweep_id)
        if plan.count("run") or (self._config.fleet.wait_for_nodes and roster.unplaced):
            if fleet is None:
                alone = stack.enter_context(embedded(host_label(self._config), folder))
                fleet = self._hire(alone, lambda _: None, stack)
                gathered = self._gather(fleet, view)
            stack.enter_context(self._interrupts.caught())  # Ray takes SIGTERM for itself before
            progress = self._drive(roster, fleet, gathered, view, progress)
        progress = replace(progress, running=(), hosts={}, ended=True)
        view.draw(progress)
        view.say(f"{command.name}: {summary(progress.counts)}")
        return SweepResult(self._sweep.sweep_id, progress, self._interrupts.asked)

    def _hire(
        self, nodes: Nodes, look_for: Callable[[str], LookRequest | None], stack: ExitStack
    ) -> Fleet:
        dead_man_s = self._config.fleet.dead_man_s
        return stack.enter_context(hiring(nodes, self._holder, look_for, dead_man_s))

    def _gather(self, fleet: Fleet, view: View) -> Gathered:
        wait_for_nodes = self._config.fleet.wait_for_nodes
        return gather(fleet, wait=self._wait, wait_for_nodes=wait_for_nodes, tell=view.say)

    def _write(self, session: Session) -> None:
        self._warehouse.write_sweep(
            self._sweep,
            planned_rows(session.plan, self._sweep.sweep_id),
            predicted_memory_rows(session.plan, self._sweep.sweep_id),
            [view.host for view in session.hosts],
            session.models,
        )

    def _drive(
        self, roster: Roster, fleet: Fleet, gathered: Gathered, view: View, progress: Progress
    ) -> Progress:
        config = self._config.fleet
        files = Files(fetch_policy(config.fetch, config.shared_models))
        members = Members(files, self._config.model_store)
        plan = roster.session.plan
        members.plan(plan.cells)
        for host_id, node_id in gathered.nodes.items():
            members.join(node_id, roster.view(host_id))
        driver = Driver(
            sweep=self._sweep,
            roster=roster,
            fleet=fleet,
            members=members,
            schedule=Schedule(
                plan.launches(),
                Rules(config.exclusive, roster.session.undisturbed),
                roster.session.measured_on,
            ),
            health=Health(config.quarantine_s),
            waiting=Waiting(config.rejoin_s, config.wait_for_nodes),
            warehouse=self._warehouse,
            view=view,
            interrupts=self._interrupts,
            progress=progress,
        )
        try:
            return driver.run()
        finally:
            files.close()


def _decisions(plan: Plan) -> str:
    counts = Counter(cell.decision for cell in plan.cells)
    return ", ".join(f"{counts[d]} {word}" for d, word in _WORDS.items() if counts[d])


_WORDS = {"run": "to run", "cached": "cached", "pruned": "pruned"}


def _first_progress(plan: Plan, name: str, sweep_id: str) -> Progress:
    counts = {d: plan.count(d) for d in ("pruned", "cached") if plan.count(d)}
    return Progress(
        sweep_id=sweep_id,
        name=name,
        pid=os.getpid(),
        total=plan.total,
        started_at=datetime.now(UTC).isoformat(),
        host=socket.gethostname(),
        counts=counts,
    )


def _sweep_row(command: Command, sweep_id: str, now: datetime) -> rows.Sweep:
    return rows.Sweep(
        sweep_id=sweep_id,
        name=command.name,
        command=" ".join(command.overrides),
        config=canonical(asdict(command.config)),
        code_version=version("herd"),
        started_at=now,
    )
