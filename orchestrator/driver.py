"""The driver: hands launches to hosts, commits what comes back, tries again what may pass."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from orchestrator.active import Active, begun
from orchestrator.attempts import Attempts
from orchestrator.fleet.clocks import clock_words
from orchestrator.fleet.events import Broke, Ended, Heard, Joined, Lost, Refused
from orchestrator.fleet.fleet import Fleet
from orchestrator.health import Health
from orchestrator.interrupt import Interrupts
from orchestrator.leases import Lease, Part
from orchestrator.members import Members
from orchestrator.placement import Planned
from orchestrator.plan import PlannedLaunch
from orchestrator.progress import Progress, Running
from orchestrator.records import (
    cell_row,
    lost_cell,
    lost_launch,
    planned_rows,
    predicted_memory_rows,
    with_transcript,
)
from orchestrator.retries import tries_again
from orchestrator.roster import Change, Roster
from orchestrator.schedule import Assignment, Schedule
from orchestrator.view import View, cell_words, told
from orchestrator.waiting import Waiting
from warehouse import rows
from warehouse.errors import FleetError
from warehouse.store import Warehouse
from workers.contract import CellDone, LaunchDone, LaunchReady, TrialDone
from workers.failures import Failure, FailureClass
from workers.look import HostReport

_HEAR_S = 1.0


class Driver:
    """Runs a plan on a fleet into a warehouse."""

    def __init__(
        self,
        sweep: rows.Sweep,
        roster: Roster,
        fleet: Fleet,
        members: Members,
        schedule: Schedule,
        health: Health,
        waiting: Waiting,
        warehouse: Warehouse,
        view: View,
        interrupts: Interrupts,
        progress: Progress,
    ) -> None:
        self._sweep = sweep
        self._roster = roster
        self._fleet = fleet
        self._members = members
        self._schedule = schedule
        self._health = health
        self._waiting = waiting
        self._warehouse = warehouse
        self._view = view
        self._interrupts = interrupts
        self._progress = progress
        self._active: dict[str, Active] = {}
        self._tries: Counter[str] = Counter()
        self._attempts = Attempts(roster.session.ledger)
        self._additions = 0
        self._trouble: dict[str, str] = {}
        """Why a host is not there."""
        self._cancelled = False
        self._began_s = time.monotonic()

    def run(self) -> Progress:
        """Run until nothing is left or the user asked to stop; the final progress.

        Raises:
            KeyboardInterrupt: the user asked twice.
            WarehouseError: rows cannot be written.
            FleetError: no host is left, and none is expected.
        """
        with self._view.shown():
            while self._is_wanted():
                self._heed_interrupt()
                self._schedule_hosts()
                for assignment in self._schedule.assign(time.monotonic()):
                    self._start(assignment)
                self._heed_stuck()
                self._view.draw(self._progress.with_hosts(self._states()))
                for heard in self._fleet.hear(_HEAR_S, self._members.awaited):
                    self._handle(heard)
        return self._progress

    def _is_wanted(self) -> bool:
        if self._active or self._schedule:
            return True
        return not self._cancelled and self._waiting.for_nodes and bool(self._roster.unplaced)

    def _heed_interrupt(self) -> None:
        if self._interrupts.asked and not self._cancelled:
            self._cancelled = True
            self._schedule.clear()
            self._fleet.cancel()
            self._view.say("stopping: the cell in flight is given up; Ctrl-C again ends at once")

    def _schedule_hosts(self) -> None:
        """A host in quarantine gets what nobody else can take: waiting would help nobody."""
        now_s, idle = time.monotonic(), not self._active
        self._members.bring(self._schedule.wanted())
        for line in self._members.news():
            self._view.say(line)
        for host_id in self._members:
            draining = host_id in self._fleet.drained
            quarantined = None if idle else self._health.quarantined(host_id, now_s)
            state = self._members.state(host_id, draining=draining, quarantined=quarantined)
            self._schedule.set_host(state)

    def _states(self) -> dict[str, str]:
        """What hosts do that run nothing, in words."""
        words = {host_id: f"not there: {why}" for host_id, why in self._trouble.items()}
        for host_id in self._members:
            if host_id in self._fleet.drained:
                words[host_id] = "drained: takes no more"
            elif why := self._health.quarantined(host_id, time.monotonic()):
                words[host_id] = f"in quarantine: {why}"
        return words | {h: f"fetches {what}" for h, what in self._members.fetching().items()}

    def _start(self, assignment: Assignment) -> None:
        first, now = assignment.launch.first, datetime.now(UTC)
        model = self._members.file(assignment.host_id, first)
        baseline = self._members.baseline(assignment.host_id, first)
        active = begun(assignment, model, self._attempts, self._sweep.sweep_id, now, baseline)
        launch_id = active.request.launch_id
        self._active[launch_id] = active
        self._tries.update(active.left.keys())
        words = cell_words(assignment.launch.first)
        self._progress = self._progress.at(Running(active.host_id, words, launch_id=launch_id))
        self._fleet.run(active.host_id, active.request)

    def _heed_stuck(self) -> None:
        """What no host can take now ends as a row, or waits for hosts, as long as it may."""
        stuck = self._schedule.stuck()
        for cell in (cell for each in stuck if each.missing_model for cell in each.launch.cells):
            if number := self._schedule.drop(cell.cell_id):
                self._end_without_model(cell, number)
        waits = [each for each in stuck if not each.missing_model]
        over = self._waiting.is_over(
            stuck=bool(waits) and not self._active and len(self._schedule) == len(waits),
            coming=self._fleet.expected - set(self._members),
            hopeless=bool(self._fleet.hopeless),
            now_s=time.monotonic(),
        )
        if over:
            why = "; ".join(self._trouble.values()) or waits[0].reason
            cells = {cell.cell_id for each in waits for cell in each.launch.cells}
            raise FleetError(f"no host is left for {len(cells)} cells ({why})")

    def _end_without_model(self, cell: Planned, number: int) -> None:
        """A launch that never was has a row too: it says why."""
        host_id = next((h for h in cell.hosts if h in self._members), cell.hosts[0])
        failure = Failure(FailureClass.MISSING_MODEL, self._members.why_missing(cell))
        nothing = Lease((Part(host_id, (), ()),), alone=True)
        assignment, now = Assignment(PlannedLaunch((cell,)), nothing, 0.0), datetime.now(UTC)
        active = begun(assignment, cell.file, self._attempts, self._sweep.sweep_id, now)
        self._warehouse.write_launch(lost_launch(active.request, None, failure, now, now), ())
        (asked,) = active.request.cells
        done = lost_cell(asked.cell_id, asked.attempt, failure, now, now)
        self._warehouse.commit_cell(cell_row(cell, active.request, done))
        self._end(cell, done, number)

    def _handle(self, heard: Heard) -> None:
        match heard.event:
            case Joined(node_id, report):
                self._on_joined(heard.host_id, node_id, report)
            case Refused(error):
                self._on_refused(heard.host_id, str(error))
            case Lost(reason):
                self._on_lost_host(heard.host_id, reason)
            case _ if heard.launch_id in self._active:
                self._handle_launch(self._active[heard.launch_id], heard)

    def _handle_launch(self, active: Active, heard: Heard) -> None:
        match heard.event:
            case LaunchReady() as ready:
                self._warehouse.write_launch(ready.launch, ready.memory)
                active.ready, active.gone = ready, False
                if ready.launch.foreign_gpu:
                    self._view.say(f"{active.host_id}: not alone on {ready.launch.foreign_gpu}")
            case TrialDone() as trial:
                self._on_trial(active, trial)
            case CellDone() as done:
                if active.ready is None:
                    active.uncommitted.append(done)
                else:
                    self._commit(active, done)
            case LaunchDone() as launch_done:
                self._on_launch_done(launch_done)
                active.gone = True
            case Ended():
                self._release(active)
            case Broke(reason):
                self._on_lost(active, Failure(FailureClass.CRASH, reason))

    def _on_trial(self, active: Active, trial: TrialDone) -> None:
        words, launch_id = cell_words(active.left[trial.cell_id]), active.request.launch_id
        self._progress = self._progress.at(
            Running(
                host_id=active.host_id,
                cell=words,
                launch_id=launch_id,
                step=trial.step,
                done=trial.done,
                total=trial.total,
                tok_s=trial.tok_s,
                temperature_c=trial.temperature_c,
            )
        )

    def _on_launch_done(self, done: LaunchDone) -> None:
        day = done.launch.started_at.date()
        path = self._warehouse.write_log(done.launch.launch_id, day, done.log_gzip)
        self._warehouse.write_launch(replace(done.launch, log_path=path), done.memory)

    def _on_refused(self, host_id: str, why: str) -> None:
        if self._trouble.get(host_id) != why:
            self._view.say(f"{host_id} takes no part yet: {why}")
        self._trouble[host_id] = why

    def _on_joined(self, host_id: str, node_id: str, report: HostReport | None) -> None:
        """A host that was there before has cells already; another one may bring new ones."""
        self._health.joined(host_id)
        self._trouble.pop(host_id, None)
        if report is None:
            self._members.join(node_id, self._roster.view(host_id))
            return
        change = self._roster.join(report)
        self._members.plan(change.added.cells)
        self._members.join(node_id, change.view)
        self._schedule.rebind(change.rebound)
        if not self._cancelled:
            self._schedule.add((*change.added.launches(), *change.owing))
        self._write(change)
        self._progress = replace(
            self._progress.counted("pruned", change.added.count("pruned")),
            total=self._progress.total
            + change.added.total
            + sum(len(launch.cells) for launch in change.owing),
        )
        number = change.added.count("run")
        self._view.say(f"{host_id} joined" + (f": {number} cells more to run" if number else ""))
        if off := clock_words(change.view.host):
            self._view.say(off)

    def _write(self, change: Change) -> None:
        self._additions += 1
        sweep_id = self._sweep.sweep_id
        self._warehouse.add_to_sweep(
            self._sweep,
            self._additions,
            planned_rows(change.added, sweep_id, first=change.first),
            predicted_memory_rows(change.added, sweep_id),
            [change.view.host],
            change.models,
        )

    def _on_lost_host(self, host_id: str, reason: str) -> None:
        self._members.lose(host_id)
        self._schedule.lose_host(host_id)
        self._trouble[host_id] = f"{host_id}: {reason}"
        lost = [each for each in self._active.values() if each.host_id == host_id]
        self._view.say(f"{host_id} is lost: {reason}")
        for active in lost:
            self._on_lost(active, Failure(FailureClass.HOST_LOST, reason))

    def _on_lost(self, active: Active, failure: Failure) -> None:
        """One cell was in flight; the others of its launch go back as they were."""
        now = datetime.now(UTC)
        if not active.gone:
            ready = active.ready
            launch = lost_launch(active.request, ready, failure, active.started_at, now)
            self._warehouse.write_launch(launch, ready.memory if ready else ())
        if cell := active.in_flight():
            done = lost_cell(cell.cell_id, cell.attempt, failure, active.started_at, now)
            active.uncommitted.append(done)
        self._release(active)

    def _release(self, active: Active) -> None:
        for done in active.uncommitted:
            self._commit(active, done)
        del self._active[active.request.launch_id]
        if active.host_id in self._members:
            whole = not active.failed and not self._cancelled
            self._schedule.release(active.assignment, time.monotonic(), measured=whole)
        self._progress = self._progress.without(active.request.launch_id)
        for cell in active.request.cells:
            if cell.cell_id in active.left:
                self._attempts.give_back(cell.cell_id, cell.attempt)
        if active.left and not self._cancelled:
            self._tries.subtract(active.left.keys())
            left = replace(
                active.assignment.launch, cells=tuple(map(self._roster.cell, active.left))
            )
            self._schedule.put_back(left)

    def _commit(self, active: Active, done: CellDone) -> None:
        cell = active.left.pop(done.cell_id)
        active.failed = active.failed or done.status != "ok"
        row = cell_row(cell, active.request, done)
        self._warehouse.commit_cell(row, done.trials, done.telemetry, self._evidence(done))
        self._watch_health(active.host_id, done)
        if done.failure and self._tries_again(cell, done.failure):
            self._schedule.retry(active.assignment, self._roster.cell(cell.cell_id))
            self._view.ended(cell, done.status, f"{told(done)}; tried again later")
            return
        self._end(cell, done, 1 + self._settle(cell, done))

    def _evidence(self, done: CellDone) -> Sequence[rows.Row]:
        """What the workload found; a log of agent runs lies in the warehouse before its rows."""
        if done.agent_log is None:
            return done.evidence
        path = self._warehouse.write_transcript(
            done.cell_id, done.attempt, done.started_at, done.agent_log
        )
        return with_transcript(done.evidence, path)

    def _end(self, cell: Planned, done: CellDone, number: int) -> None:
        """Nothing more is done about so many launches of a cell."""
        self._view.ended(cell, done.status, told(done))
        elapsed = time.monotonic() - self._began_s
        self._progress = replace(self._progress.counted(done.status, number), measured_s=elapsed)
        self._view.counted(self._progress)

    def _watch_health(self, host_id: str, done: CellDone) -> None:
        if done.status == "cancelled":
            return
        why = self._health.ended(host_id, done.cell_id, done.failure, time.monotonic())
        if why:
            self._view.say(f"{host_id} gets nothing for a while: {why}")

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
        if self._cancelled or self._health.is_cells_fault(cell.cell_id):
            return False
        if cell.spec.beside > 1:  # its company is gone by then
            return False
        tries = self._tries[cell.cell_id]
        return tries_again(failure.failure_class, tries, cell.spec.max_attempts)
