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
from orchestrator.fleet.fleet import embedded
from workers.run_dir import run_dir
from orchestrator.interrupt import Interrupts
from orchestrator.plan import Plan
from orchestrator.progress import Progress, summary
from orchestrator.progress_file import ProgressFile
from orchestrator.records import planned_rows, predicted_memory_rows
from orchestrator.session import Command, Session, plan_command
from orchestrator.terminal import quiet
from orchestrator.view import View
from warehouse import rows
from warehouse.canonical import canonical
from warehouse.errors import ConfigError
from warehouse.lock import Holder
from warehouse.store import Warehouse, writing

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
        FleetError: Ray or the worker does not start.
        KeyboardInterrupt: the user asked twice to stop.
    """
    now = datetime.now(UTC)
    holder = Holder(pid=os.getpid(), host=socket.gethostname(), what=command.name, since=now)
    with writing(
        command.storage,
        holder,
        wait=wait,
        on_wait=lambda other: tell(f"waiting: {other}"),
        compact_files=command.config.warehouse.compact_files,
    ) as warehouse:
        if command.config.fleet.hosts:
            raise ConfigError("fleet.hosts describes hosts that are not here: use `herd plan`")
        warehouse.close_lost_launches("the driver was gone before the server's end was known")
        warehouse.compact_when_many()
        session = plan_command(command, force=force)
        sweep_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        warehouse.write_sweep(
            _sweep_row(command, sweep_id, now),
            planned_rows(session.plan, sweep_id),
            predicted_memory_rows(session.plan, sweep_id),
            [view.host for view in session.hosts],
            session.models,
        )
        return _run_plan(session, warehouse, holder, sweep_id, wait=wait)


def _run_plan(
    session: Session, warehouse: Warehouse, holder: Holder, sweep_id: str, *, wait: bool
) -> SweepResult:
    interrupts = Interrupts()
    plan = session.plan
    progress = _first_progress(session, sweep_id)
    with ExitStack() as stack:
        folder = stack.enter_context(run_dir())
        console = stack.enter_context(quiet(folder / "driver.log"))
        view = View(console, ProgressFile(session.command.storage, sweep_id))
        view.say(f"{session.command.name}: {len(plan.cells)} cells, {_decisions(plan)}")
        if plan.count("run"):
            host_id = session.hosts[0].host.host_id
            fleet = stack.enter_context(embedded(host_id, holder, folder))
            fleet.hire(wait=wait, tell=view.say)
            stack.enter_context(interrupts.caught())  # not before: Ray takes SIGTERM for itself
            progress = Driver(
                plan, fleet, warehouse, session.ledger, view, interrupts, progress, session.hosts
            ).run()
        progress = replace(progress, running=(), ended=True)
        view.draw(progress)
        view.say(f"{session.command.name}: {summary(progress.counts)}")
    return SweepResult(sweep_id, progress, interrupts.asked)


def _decisions(plan: Plan) -> str:
    counts = Counter(cell.decision for cell in plan.cells)
    return ", ".join(f"{counts[d]} {word}" for d, word in _WORDS.items() if counts[d])


_WORDS = {"run": "to run", "cached": "cached", "pruned": "pruned"}


def _first_progress(session: Session, sweep_id: str) -> Progress:
    plan = session.plan
    counts = {d: plan.count(d) for d in ("pruned", "cached") if plan.count(d)}
    return Progress(
        sweep_id=sweep_id,
        name=session.command.name,
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
