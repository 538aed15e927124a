"""The driver: hands launches to hosts, commits what comes back, tries again what may pass."""

import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from orchestrator.fleet.fleet import Ended, Fleet, Heard, Lost
from orchestrator.host_view import HostView
from orchestrator.interrupt import Interrupts
from orchestrator.leases import HostState, Lease
from orchestrator.placement import Planned
from orchestrator.plan import Plan, PlannedLaunch
from orchestrator.progress import Progress, Running
from orchestrator.records import cell_row, lost_cell, lost_launch
from orchestrator.retries import tries_again
from orchestrator.schedule import Assignment, Schedule
from orchestrator.view import View, cell_words, told
from warehouse.ledger import Ledger
from warehouse.store import Warehouse
from workers.contract import (
    CellDone,
    CellRequest,
    LaunchDone,
    LaunchReady,
    LaunchRequest,
    TrialDone,
)
from workers.failures import Failure, FailureClass

_HEAR_S = 1.0


@dataclass(slots=True)
class _Active:
    """A launch on a host, as far as the driver has heard of it."""

    assignment: Assignment
    request: LaunchRequest
    started_at: datetime
    left: dict[str, Planned]
    """Cells that have not ended, the one in flight first."""
    ready: LaunchReady | None = None
    gone: bool = False
    """Whether the end of the latest server is in the warehouse."""
    failed: bool = False
    """Whether a cell of it did: then its time tells nothing of others."""
    uncommitted: list[CellDone] = field(default_factory=list)
    """Cells of a launch that did not come up: committed after the launch's own row."""


class Driver:
    """Runs a plan on a fleet into a warehouse."""

    def __init__(
        self,
        plan: Plan,
        fleet: Fleet,
        warehouse: Warehouse,
        ledger: Ledger,
        view: View,
        interrupts: Interrupts,
        progress: Progress,
        hosts: Sequence[HostView],
    ) -> None:
        self._fleet = fleet
        self._warehouse = warehouse
        self._view = view
        self._interrupts = interrupts
        self._progress = progress
        self._schedule = Schedule(plan.launches())
        self._views = {host.host.host_id: host for host in hosts}
        for host in hosts:
            self._schedule.set_host(HostState(host))
        self._active: dict[str, _Active] = {}
        self._tries: Counter[str] = Counter()
        self._ledger = ledger
        self._committed: Counter[str] = Counter()
        self._cancelled = False
        self._began = time.monotonic()

    def run(self) -> Progress:
        """Run until nothing is left or the user asked to stop; the final progress.

        Raises:
            KeyboardInterrupt: the user asked twice.
            WarehouseError: rows cannot be written.
            FleetError: a lost host's worker cannot be started again.
        """
        with self._view.shown():
            while self._schedule or self._active:
                self._heed_interrupt()
                self._assign()
                self._view.draw(self._progress)
                for heard in self._fleet.hear(_HEAR_S):
                    self._handle(heard)
        return self._progress

    def _heed_interrupt(self) -> None:
        if self._interrupts.asked and not self._cancelled:
            self._cancelled = True
            self._schedule.clear()
            self._fleet.cancel()
            self._view.say("stopping: the cell in flight is given up; Ctrl-C again ends at once")

    def _assign(self) -> None:
        for assignment in self._schedule.assign(time.monotonic()):
            self._start(assignment)

    def _start(self, assignment: Assignment) -> None:
        request = self._request(assignment.launch, assignment.lease)
        cells = {cell.cell_id: cell for cell in assignment.launch.cells}
        self._active[assignment.host_id] = _Active(assignment, request, datetime.now(UTC), cells)
        self._tries.update(cells.keys())
        words = cell_words(assignment.launch.first)
        self._progress = self._progress.at(Running(assignment.host_id, words))
        self._fleet.run(assignment.host_id, request)

    def _request(self, launch: PlannedLaunch, lease: Lease) -> LaunchRequest:
        first = launch.first
        return LaunchRequest(
            launch_id=secrets.token_hex(16),
            server_id=first.server.server_id,
            sweep_id=self._progress.sweep_id,
            host_id=lease.host_id,
            model=first.file,
            context=first.spec.context,
            cache_k=first.spec.cache_k,
            cache_v=first.spec.cache_v,
            devices=tuple(device.name for device in lease.devices),
            gpu_uuids=lease.gpu_uuids,
            tensor_split=first.pairing.split,
            engine=first.engine,
            engine_build=first.build.text if first.build else None,
            measure=first.spec.measure,
            cells=tuple(
                CellRequest(c.cell_id, self._attempt(c.cell_id), c.spec.workload)
                for c in launch.cells
            ),
            predicted_context=first.predicted_context,
        )

    def _attempt(self, cell_id: str) -> int:
        """Number of the attempt that starts now: those before this sweep, then those in it."""
        return self._ledger.next_attempt(cell_id) + self._committed[cell_id]

    def _handle(self, heard: Heard) -> None:
        active = self._active[heard.host_id]
        match heard.event:
            case LaunchReady() as ready:
                self._warehouse.write_launch(ready.launch, ready.memory)
                active.ready, active.gone = ready, False
                if ready.launch.foreign_gpu:
                    self._view.say(f"{heard.host_id}: not alone on {ready.launch.foreign_gpu}")
            case TrialDone() as trial:
                self._on_trial(heard.host_id, active, trial)
            case CellDone() as done:
                if active.ready is None:
                    active.uncommitted.append(done)
                else:
                    self._commit(active, done)
            case LaunchDone() as launch_done:
                self._on_launch_done(launch_done)
                active.gone = True
            case Ended():
                self._release(heard.host_id, active)
            case Lost(reason):
                self._on_lost(heard.host_id, active, reason)

    def _on_trial(self, host_id: str, active: _Active, trial: TrialDone) -> None:
        words = cell_words(active.left[trial.cell_id])
        self._progress = self._progress.at(
            Running(host_id, words, trial.step, trial.done, trial.total, trial.tok_s)
        )

    def _on_launch_done(self, done: LaunchDone) -> None:
        day = done.launch.started_at.date()
        path = self._warehouse.write_log(done.launch.launch_id, day, done.log_gzip)
        self._warehouse.write_launch(replace(done.launch, log_path=path), done.memory)

    def _on_lost(self, host_id: str, active: _Active, reason: str) -> None:
        """One cell was in flight; the others of its launch go back as they were."""
        now = datetime.now(UTC)
        failure = Failure(FailureClass.HOST_LOST, reason)
        if not active.gone:
            launch = lost_launch(active.request, active.ready, failure, active.started_at, now)
            self._warehouse.write_launch(launch, active.ready.memory if active.ready else ())
        ended = {done.cell_id for done in active.uncommitted}
        asked = (c for c in active.request.cells if c.cell_id in active.left)
        in_flight = next((c for c in asked if c.cell_id not in ended), None)
        if in_flight:
            active.uncommitted.append(
                lost_cell(in_flight.cell_id, in_flight.attempt, failure, active.started_at, now)
            )
        self._release(host_id, active, lost=True)
        if active.left:
            self._tries.subtract(active.left.keys())
            left = replace(active.assignment.launch, cells=tuple(active.left.values()))
            self._schedule.put_back(left)
        if self._schedule:
            self._fleet.rehire(host_id)
            self._schedule.set_host(HostState(self._views[host_id]))

    def _release(self, host_id: str, active: _Active, *, lost: bool = False) -> None:
        for done in active.uncommitted:
            self._commit(active, done)
        del self._active[host_id]
        if lost:
            self._schedule.lose_host(host_id)
        else:
            whole = not active.failed and not self._cancelled
            self._schedule.release(active.assignment, time.monotonic(), measured=whole)
        self._progress = self._progress.without(host_id)

    def _commit(self, active: _Active, done: CellDone) -> None:
        cell = active.left.pop(done.cell_id)
        active.failed = active.failed or done.status != "ok"
        row = cell_row(cell, active.request, done)
        self._warehouse.commit_cell(row, done.trials, done.telemetry, done.evidence)
        self._committed[cell.cell_id] += 1
        if done.failure and self._tries_again(cell, done.failure):
            self._schedule.retry(active.assignment, cell)
            self._view.ended(cell, done.status, f"{told(done)}; tried again later")
            return
        self._view.ended(cell, done.status, told(done))
        elapsed = time.monotonic() - self._began
        number = 1 + self._settle(cell, done)
        self._progress = replace(self._progress.counted(done.status, number), measured_s=elapsed)
        self._view.counted(self._progress)

    def _settle(self, cell: Planned, done: CellDone) -> int:
        """A success allows further tries in its next launch; a failure takes those out.

        Returns:
            Launches that were taken out.
        """
        if not done.failure:
            self._tries[cell.cell_id] = 0
            return 0
        return self._schedule.drop(cell.cell_id)

    def _tries_again(self, cell: Planned, failure: Failure) -> bool:
        tries = self._tries[cell.cell_id]
        return not self._cancelled and tries_again(
            failure.failure_class, tries, cell.spec.max_attempts
        )
