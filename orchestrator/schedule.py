"""The schedule: the one queue and all leases, and which launch runs where next. Pure.

Hosts pull: whenever one has room, `assign` finds it something. Nothing here reads a clock, and
the same calls give the same answers.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from orchestrator.cells import FileKey
from orchestrator.choosing import Chooser, choose
from orchestrator.lanes import Entry, Lane, entry_of, key_of
from orchestrator.leases import FileState, HostState, Lease, find_lease, uses_host
from orchestrator.measured_on import MeasuredOn
from orchestrator.placement import Planned
from orchestrator.plan import PlannedLaunch
from orchestrator.pools import Pool, share_of
from orchestrator.wants import Stuck, Wanted, helps, lacked_by, stuck_in, worth_fetching
from orchestrator.work import Rates


@dataclass(frozen=True, slots=True)
class Rules:
    """How hosts are shared."""

    exclusive: bool = True
    """One launch a host at a time."""
    undisturbed: Collection[str] = ()
    """Hosts of which a calibration showed that launches on separate GPUs do not disturb each
    other: `exclusive` does not count there."""


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """A launch and the devices that it has until `Schedule.release`."""

    launch: PlannedLaunch
    lease: Lease
    started_s: float
    """By the clock of `Schedule.assign`."""

    @property
    def host_id(self) -> str:
        """The host that runs it."""
        return self.lease.host_id


@dataclass(slots=True)
class _Running:
    """What became of an entry."""

    assignment: Assignment
    entry: Entry
    lane: Lane
    pool: Pool


class Schedule:
    """The queue of a sweep, its hosts and their leases."""

    def __init__(
        self,
        launches: Iterable[PlannedLaunch] = (),
        rules: Rules = Rules(),
        measured_on: MeasuredOn | None = None,
    ) -> None:
        """No host is there yet.

        Args:
            launches: in the order of the plan.
            rules: how hosts are shared.
            measured_on: where earlier sweeps measured cells of several launches.
        """
        self._rules = rules
        self._measured_on = measured_on or {}
        self._rates = Rates()
        self._hosts: dict[str, HostState] = {}
        self._pools: dict[tuple[str, ...], Pool] = {}
        self._pools_of: defaultdict[str, list[Pool]] = defaultdict(list)
        self._by_cell: defaultdict[str, list[tuple[Pool, Lane, Entry]]] = defaultdict(list)
        self._running: dict[Assignment, _Running] = {}
        self._on_host: defaultdict[str, list[Assignment]] = defaultdict(list)
        self._last: dict[str, Lane] = {}
        self._reserved: dict[str, Lane] = {}
        self._ask: dict[str, None] = {}
        """Hosts that may have become able to take something."""
        self._number = self._first_number = self._size = 0
        self.add(launches)

    def __len__(self) -> int:
        """Launches in the queue."""
        return self._size

    def launches(self) -> Iterator[PlannedLaunch]:
        """Those in the queue, in the order in which they came."""
        entries = [entry for pool in self._pools.values() for entry in pool.entries()]
        return (entry.launch for entry in sorted(entries, key=lambda entry: entry.number))

    @property
    def hosts(self) -> Mapping[str, HostState]:
        """Those that are there."""
        return self._hosts

    def running(self, host_id: str) -> tuple[Assignment, ...]:
        """What a host runs."""
        return tuple(self._on_host[host_id])

    def set_host(self, host: HostState) -> None:
        """A host is there, for the first time or anew, or has changed."""
        if self._hosts.get(host.host_id) != host:
            self._hosts[host.host_id] = host
            self._recount(host.host_id)

    def lose_host(self, host_id: str) -> tuple[Assignment, ...]:
        """A host is gone; what it ran, whose leases end with it. `put_back` what is left of it."""
        lost = self.running(host_id)
        for assignment in lost:
            self._end(assignment)
        self._hosts.pop(host_id, None)
        self._last.pop(host_id, None)
        self._recount(host_id)
        return lost

    def add(self, launches: Iterable[PlannedLaunch]) -> None:
        """More launches, after those that are there."""
        for launch in launches:
            self._number += 1
            self._put(launch, self._number)

    def retry(self, assignment: Assignment, cell: Planned) -> None:
        """A cell that failed again, last and in a server life of its own; rather elsewhere."""
        self._number += 1
        again = PlannedLaunch((cell,), assignment.launch.host)
        self._put(again, self._number, assignment.host_id)

    def put_back(self, launch: PlannedLaunch) -> None:
        """What is left of a launch that was begun in vain, before those that are there."""
        self._first_number -= 1
        self._put(launch, self._first_number)

    def rebind(self, cells: Iterable[Planned]) -> None:
        """Cells as a new plan has them: launches in the queue may go to the hosts of these."""
        by_id = {cell.cell_id: cell for cell in cells}
        waiting = list(self.launches())
        self.clear()
        for launch in waiting:
            bound = (by_id.get(cell.cell_id, cell) for cell in launch.cells)
            self.add([replace(launch, cells=tuple(bound))])

    def drop(self, cell_id: str) -> int:
        """Take a cell out of the queue: what failed for good fails in its next launch too.

        Returns:
            How many launches it was in.
        """
        found = [each for each in self._by_cell.pop(cell_id, ()) if not each[2].gone]
        for pool, lane, entry in found:
            self._take(pool, lane, entry)
            left = tuple(cell for cell in entry.launch.cells if cell.cell_id != cell_id)
            if left:
                self._put(replace(entry.launch, cells=left), entry.number, lane.key.avoid)
        return len(found)

    def clear(self) -> None:
        """Forget the queue; what runs goes on."""
        for pool in self._pools.values():
            for lane in list(pool.waiting.values()):
                for entry in list(lane.entries()):
                    self._take(pool, lane, entry)

    def assign(self, now_s: float) -> list[Assignment]:
        """What starts now; the leases are taken.

        Args:
            now_s: a clock that only goes forward, seconds.
        """
        found: list[Assignment] = []
        while self._ask:
            # a host that is idle is better for a wide launch than one that has to be drained
            asked, self._ask = sorted(self._ask, key=lambda each: bool(self._on_host[each])), {}
            for host_id in asked:
                host = self._hosts.get(host_id)
                if host and (assignment := self._next(host, now_s)):
                    found.append(assignment)
                    self._ask[host_id] = None  # it may have room for another
        return found

    def release(self, assignment: Assignment, now_s: float, *, measured: bool) -> None:
        """A launch has ended.

        Args:
            assignment: as `assign` gave it.
            now_s: as for `assign`.
            measured: its time tells of others like it: nothing cut it short.
        """
        running = self._end(assignment)
        if measured:
            self._rates.learn(running.entry.amount, now_s - assignment.started_s)
        self._ask[assignment.host_id] = None
        if running.lane.key.in_turns:  # another host may have it by now
            self._ask.update(dict.fromkeys(running.pool.hosts))

    def wanted(self) -> list[Wanted]:
        """Files to fetch, one at most for each host that has nothing to do without.

        Fetching would disturb what is measured. Ask after `assign`.
        """
        coming: Counter[FileKey] = Counter()
        found = []
        for host in self._hosts.values():
            lanes = (
                [
                    lane
                    for pool, lane in self._open_lanes(host, FileState.AWAY)
                    if helps(lane, self._workers(pool), coming[lacked_by(host, lane)], self._rates)
                ]
                if self._waits_for_file(host)
                else []
            )
            if lanes:
                best = max(
                    lanes,
                    key=lambda lane: worth_fetching(
                        lane, coming[lacked_by(host, lane)], self._rates
                    ),
                )
                coming[lacked_by(host, best)] += 1
                found.append(Wanted(host.host_id, lacked_by(host, best)))
        return found

    def stuck(self) -> list[Stuck]:
        """Launches for which no host is there, or none that can have the file."""
        return [
            stuck
            for pool in self._pools.values()
            for lane in pool.waiting.values()
            for stuck in stuck_in(lane, [self._hosts[h] for h in pool.hosts if h in self._hosts])
        ]

    def _waits_for_file(self, host: HostState) -> bool:
        coming = FileState.COMING in host.files.values()
        return host.takes_work and not self._on_host[host.host_id] and not coming

    def _workers(self, pool: Pool) -> list[HostState]:
        return [self._hosts[host_id] for host_id in pool.hosts if self._works(host_id)]

    def _end(self, assignment: Assignment) -> _Running:
        running = self._running.pop(assignment)
        running.lane.busy -= 1
        del running.pool.ends_s[id(running.entry)]
        self._on_host[assignment.host_id].remove(assignment)
        return running

    def _put(self, launch: PlannedLaunch, number: int, avoid: str | None = None) -> None:
        entry, key = entry_of(launch, number), key_of(launch, avoid)
        pool = self._pools.get(key.hosts)
        if pool is None:
            pool = self._pools[key.hosts] = Pool(key.hosts)
            for host_id in key.hosts:
                self._pools_of[host_id].append(pool)
            self._count(pool)
        lane = pool.put(key, entry)
        for cell in launch.cells:
            if key.in_turns and (has := self._measured_on.get(cell.cell_id)):
                lane.before = max(has, key=lambda host_id: has[host_id])
            self._by_cell[cell.cell_id].append((pool, lane, entry))
        self._size += 1
        self._ask.update(dict.fromkeys(key.hosts))

    def _take(self, pool: Pool, lane: Lane, entry: Entry) -> None:
        pool.remove(lane, entry)
        self._size -= 1

    def _recount(self, host_id: str) -> None:
        """A host came, went or changed: others may have to take over what was its own."""
        if not self._works(host_id):
            self._unreserve(host_id)
        for pool in self._pools_of[host_id]:
            self._count(pool)
        self._ask[host_id] = None
        self._ask_pools(host_id)

    def _ask_pools(self, host_id: str) -> None:
        """All that share work with a host."""
        for pool in self._pools_of[host_id]:
            self._ask.update(dict.fromkeys(pool.hosts))

    def _count(self, pool: Pool) -> None:
        pool.working = sum(self._works(host_id) for host_id in pool.hosts)
        for lane in pool.lanes.values():
            if lane.home and not self._works(lane.home):
                lane.home = None

    def _works(self, host_id: str) -> bool:
        host = self._hosts.get(host_id)
        return host is not None and host.takes_work

    def _next(self, host: HostState, now_s: float) -> Assignment | None:
        if not host.takes_work or self._full(host):
            return None
        candidates = self._open_lanes(host, FileState.READY)
        reserved = self._reserved.get(host.host_id)
        if reserved is not None and not any(lane is reserved for _, lane in candidates):
            self._unreserve(host.host_id)  # another host had room for it earlier
            self._ask_pools(host.host_id)
        while candidates:
            pool, lane = self._choice(host, candidates, now_s)
            if lease := self._lease(host, lane):
                return self._start(pool, lane, lease, now_s)
            if self._can_ever(host, lane):
                self._reserve(host.host_id, lane)
                candidates = [each for each in candidates if _apart(each[1], lane)]
            else:
                candidates = [each for each in candidates if each[1] is not lane]
        return None

    def _choice(
        self, host: HostState, candidates: list[tuple[Pool, Lane]], now_s: float
    ) -> tuple[Pool, Lane]:
        reserved = self._reserved.get(host.host_id)
        for pool, lane in candidates:
            if lane is reserved:
                return pool, lane
        pool = max((pool for pool, _ in candidates), key=lambda pool: len(pool.hosts))
        outlook = pool.outlook(now_s, self._rates, self._gpus(host))
        lanes = [lane for _, lane in candidates]
        host_id = host.host_id
        asks = Chooser(host_id, self._last.get(host_id), bool(self._on_host[host_id]))
        lane = choose(lanes, asks, self._rates, outlook)
        return next(each for each in candidates if each[1] is lane)

    def _open_lanes(self, host: HostState, state: FileState) -> list[tuple[Pool, Lane]]:
        host_id = host.host_id
        return [
            (pool, lane)
            for pool in self._pools_of[host_id]
            for lane in pool.waiting.values()
            if (lane.home is None or lane.home == host_id)
            and not (lane.before and self._goes_on_elsewhere(host_id, lane, lane.before))
            and not (lane.key.avoid == host_id and self._others_can(host, pool, lane))
            and len(lane.drained_for - {host_id}) < len(lane)
            and host.state(lane.head().files) is state
        ]

    def _goes_on_elsewhere(self, host_id: str, lane: Lane, before: str) -> bool:
        """Whether its earlier launches were on another host, which can go on with it."""
        can = self._works(before) and (
            self._hosts[before].state(lane.head().files) is not FileState.NEVER
        )
        return can and before != host_id and lane.home != host_id

    def _others_can(self, host: HostState, pool: Pool, lane: Lane) -> bool:
        """Whether another host with the file can try what this one failed."""
        has_it = (FileState.READY, FileState.COMING)
        return any(
            self._works(other) and self._hosts[other].state(lane.head().files) in has_it
            for other in pool.hosts
            if other != host.host_id
        )

    def _lease(self, host: HostState, lane: Lane) -> Lease | None:
        if lane.key.in_turns and lane.busy:
            return None
        launch = lane.head().launch
        taken = [each.lease for each in self._on_host[host.host_id]]
        return find_lease(launch, host.view, taken, alone=self._alone(host, launch))

    def _can_ever(self, host: HostState, lane: Lane) -> bool:
        return find_lease(lane.head().launch, host.view, (), alone=True) is not None

    def _start(self, pool: Pool, lane: Lane, lease: Lease, now_s: float) -> Assignment:
        entry = lane.head()
        self._take(pool, lane, entry)
        assignment = Assignment(entry.launch, lease, now_s)
        self._running[assignment] = _Running(assignment, entry, lane, pool)
        self._on_host[lease.host_id].append(assignment)
        self._last[lease.host_id] = lane
        if self._reserved.get(lease.host_id) is lane:
            self._unreserve(lease.host_id)  # others may have left it to this host
            self._ask.update(dict.fromkeys(pool.hosts))
        seconds = self._rates.seconds(entry.amount.kind, entry.amount.units)
        gpus = self._gpus(self._hosts[lease.host_id])
        share = 1.0 if lease.alone else share_of(len(lease.devices), gpus)
        pool.ends_s[id(entry)] = now_s + seconds, share
        pool.started += 1
        lane.served, lane.busy = pool.started, lane.busy + 1
        if lane.key.in_turns:
            lane.home = lease.host_id
        return assignment

    def _reserve(self, host_id: str, lane: Lane) -> None:
        """A host takes nothing until it has room for this lane."""
        self._unreserve(host_id)
        self._reserved[host_id] = lane
        lane.drained_for.add(host_id)
        if lane.key.in_turns:
            lane.home = host_id

    def _unreserve(self, host_id: str) -> None:
        lane = self._reserved.pop(host_id, None)
        if lane is not None:
            lane.drained_for.discard(host_id)

    def _full(self, host: HostState) -> bool:
        running = self._on_host[host.host_id]
        return bool(running) and (self._exclusive(host) or any(r.lease.alone for r in running))

    def _alone(self, host: HostState, launch: PlannedLaunch) -> bool:
        return self._exclusive(host) or uses_host(launch)

    def _exclusive(self, host: HostState) -> bool:
        return self._rules.exclusive and host.host_id not in self._rules.undisturbed

    def _gpus(self, host: HostState) -> int | None:
        return None if self._exclusive(host) else len(host.view.host.gpus) or None


def _apart(lane: Lane, other: Lane) -> bool:
    """Whether they never want the same cards, and none wants the host."""
    wanted = [set(each.key.devices) for each in (lane, other)]
    return all(wanted) and not wanted[0] & wanted[1]
