"""A fleet in simulated time: the scheduling functions that `herd sweep` uses, and nothing else."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from orchestrator.cells import FileKey
from orchestrator.host_view import HostView
from orchestrator.leases import FileState, HostState
from orchestrator.plan import PlannedLaunch
from orchestrator.rules import Rules
from orchestrator.schedule import Assignment, Schedule


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens, and how long everything really takes."""

    hosts: Sequence[HostView]
    launches: Sequence[PlannedLaunch]
    seconds: Callable[[PlannedLaunch], float]
    """Of a launch; the schedule does not see it before its end."""
    rules: Rules = field(default_factory=Rules)
    files: Mapping[str, frozenset[FileKey]] | None = None
    """Model files that a host has at first; None: all of them."""
    fetch_s: float = 0.0
    """Time of a transfer."""
    joins: Mapping[str, float] = field(default_factory=dict)
    """When a host comes; others are there from the start."""
    leaves: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """When a host is lost, and when it comes back."""
    fails: Collection[int] = frozenset()
    """Starts, by number, that fail half way; their cells are tried again."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A launch that ran, to its end or not."""

    assignment: Assignment
    start_s: float
    end_s: float
    whole: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a scenario."""

    ran: tuple[Ran, ...]
    transfers: int
    left: int
    """Launches that nobody took."""

    @property
    def makespan_s(self) -> float:
        """When the last launch ended."""
        return max((ran.end_s for ran in self.ran), default=0.0)


class Simulation:
    """Runs a scenario once."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._schedule = Schedule(scenario.launches, scenario.rules)
        self._views = {view.host.host_id: view for view in scenario.hosts}
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = count()
        self._starts = count()
        self._running: dict[Assignment, float] = {}
        self._ran: list[Ran] = []
        self._transfers = 0
        wanted = {launch.first.spec.file_key for launch in scenario.launches}
        self._files = {
            host_id: dict.fromkeys(wanted - self._there(host_id, wanted), FileState.AWAY)
            for host_id in self._views
        }

    def _there(self, host_id: str, wanted: set[FileKey]) -> frozenset[FileKey]:
        files = self._scenario.files
        return frozenset(wanted) if files is None else files.get(host_id, frozenset())

    def run(self) -> Outcome:
        """To the end."""
        for host_id in self._views:
            self._at(self._scenario.joins.get(host_id, 0.0), self._join, host_id)
        for host_id, (gone_s, back_s) in self._scenario.leaves.items():
            self._at(gone_s, self._lose, host_id)
            self._at(back_s, self._join, host_id)
        while self._events:
            now_s = self._events[0][0]
            while self._events and self._events[0][0] == now_s:
                heapq.heappop(self._events)[2](now_s)
            self._step(now_s)
        return Outcome(tuple(self._ran), self._transfers, len(self._schedule))

    def _at(self, time_s: float, do: Callable[..., None], *arguments: Any) -> None:
        event = time_s, next(self._numbers), lambda now_s: do(now_s, *arguments)
        heapq.heappush(self._events, event)

    def _step(self, now_s: float) -> None:
        for assignment in self._schedule.assign(now_s):
            seconds = self._scenario.seconds(assignment.launch)
            fails = next(self._starts) in self._scenario.fails
            self._running[assignment] = now_s
            self._at(now_s + seconds / (1 + fails), self._end, assignment, not fails)
        if self._scenario.files is not None:
            for wanted in self._schedule.wanted():
                self._transfers += 1
                self._file(wanted.host_id, wanted.file, FileState.COMING)
                end_s = now_s + self._scenario.fetch_s
                self._at(end_s, self._fetched, wanted.host_id, wanted.file)

    def _end(self, now_s: float, assignment: Assignment, whole: bool) -> None:
        if assignment not in self._running:  # its host was lost meanwhile
            return
        self._ran.append(Ran(assignment, self._running.pop(assignment), now_s, whole))
        self._schedule.release(assignment, now_s, measured=whole)
        if not whole:
            for cell in assignment.launch.cells:
                self._schedule.retry(assignment, cell)

    def _join(self, _: float, host_id: str) -> None:
        self._schedule.set_host(HostState(self._views[host_id], files=dict(self._files[host_id])))

    def _lose(self, now_s: float, host_id: str) -> None:
        for assignment in self._schedule.lose_host(host_id):
            self._ran.append(Ran(assignment, self._running.pop(assignment), now_s, False))
            self._schedule.put_back(assignment.launch)

    def _fetched(self, _: float, host_id: str, file: FileKey) -> None:
        self._file(host_id, file, FileState.READY)

    def _file(self, host_id: str, file: FileKey, state: FileState) -> None:
        self._files[host_id][file] = state
        if host := self._schedule.hosts.get(host_id):
            self._schedule.set_host(replace(host, files=dict(self._files[host_id])))


def simulate(scenario: Scenario) -> Outcome:
    """What becomes of a scenario."""
    return Simulation(scenario).run()


def lower_bound_s(scenario: Scenario) -> float:
    """No schedule ends before: all hosts of a class at work without a pause from when they join.

    Transfers and what is repeated count for nothing; a host that is lost counts while it is there.
    """
    work: defaultdict[tuple[str, ...], float] = defaultdict(float)
    longest = 0.0
    views = {view.host.host_id: view for view in scenario.hosts}
    for launch in scenario.launches:
        seconds = scenario.seconds(launch)
        longest = max(longest, seconds)
        gpus = len(views[launch.first.hosts[0]].host.gpus)
        width = len(launch.first.pairing.devices)
        shared = not scenario.rules.exclusive and gpus and width
        work[launch.first.hosts] += seconds * (width / gpus if shared else 1.0)
    return max(longest, *(_filled_s(scenario, hosts, load) for hosts, load in work.items()))


def _filled_s(scenario: Scenario, hosts: Sequence[str], work_s: float) -> float:
    """When hosts that are always busy have done so much."""
    changes = sorted(change for host in hosts for change in _changes(scenario, host))
    at_s, working, done_s = 0.0, 0, 0.0
    for time_s, change in changes:
        if working and done_s + working * (time_s - at_s) >= work_s:
            break
        done_s += working * (time_s - at_s)
        at_s, working = time_s, working + change
    return at_s + (work_s - done_s) / working


def _changes(scenario: Scenario, host: str) -> Iterator[tuple[float, int]]:
    yield scenario.joins.get(host, 0.0), 1
    if host in scenario.leaves:
        gone_s, back_s = scenario.leaves[host]
        yield gone_s, -1
        yield back_s, 1
