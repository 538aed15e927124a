"""The schedule: the one queue and all leases, and which launch runs where next. Pure.

Hosts pull: whenever one has room, `assign` finds it something. Nothing here reads a clock, and
the same calls give the same answers.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.cells import FileKey
from orchestrator.leases import FileState, HostState, Lease, find_lease, uses_host
from orchestrator.placement import Planned
from orchestrator.plan import PlannedLaunch


@dataclass(frozen=True, slots=True)
class Rules:
    """How hosts are shared."""

    exclusive: bool = True
    """One launch a host at a time."""
    undisturbed: Collection[str] = ()
    """Hosts of which a calibration showed that launches on separate GPUs do not disturb each
    other: `exclusive` does not count there."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A launch and the devices that it has until `Schedule.release`."""

    launch: PlannedLaunch
    lease: Lease

    @property
    def host_id(self) -> str:
        """The host that runs it."""
        return self.lease.host_id


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that a host lacks for what it should do next."""

    host_id: str
    file: FileKey


@dataclass(frozen=True, slots=True)
class Stuck:
    """A launch that no host which is there can take, now or later."""

    launch: PlannedLaunch
    reason: str
    missing_model: bool = False
    """Whether it is for want of the model file alone."""


class Schedule:
    """The queue of a sweep, its hosts and their leases."""

    def __init__(self, launches: Iterable[PlannedLaunch] = (), rules: Rules = Rules()) -> None:
        self._rules = rules
        self._queue = list(launches)
        self._hosts: dict[str, HostState] = {}
        self._running: dict[str, list[Assignment]] = {}

    def __len__(self) -> int:
        """Launches in the queue."""
        return len(self._queue)

    def launches(self) -> Iterator[PlannedLaunch]:
        """Those in the queue."""
        return iter(self._queue)

    @property
    def hosts(self) -> Mapping[str, HostState]:
        """Those that are there."""
        return self._hosts

    def running(self, host_id: str) -> tuple[Assignment, ...]:
        """What a host runs."""
        return tuple(self._running.get(host_id, ()))

    def set_host(self, host: HostState) -> None:
        """A host is there, for the first time or anew, or has changed."""
        self._hosts[host.host_id] = host

    def lose_host(self, host_id: str) -> tuple[Assignment, ...]:
        """A host is gone; what it ran, whose leases end with it. `put_back` what is left of it."""
        self._hosts.pop(host_id, None)
        return tuple(self._running.pop(host_id, ()))

    def add(self, launches: Iterable[PlannedLaunch]) -> None:
        """More launches, after those that are there."""
        self._queue.extend(launches)

    def retry(self, cell: Planned, *, failed_on: str) -> None:
        """A cell again, last and in a server life of its own; rather on another host."""
        self.add([PlannedLaunch((cell,))])

    def put_back(self, launch: PlannedLaunch) -> None:
        """A launch that was begun in vain, before those that are there."""
        self._queue.insert(0, launch)

    def rebind(self, cells: Iterable[Planned]) -> None:
        """Cells as a new plan has them: launches in the queue may go to the hosts of these."""
        by_id = {cell.cell_id: cell for cell in cells}
        self._queue = [
            PlannedLaunch(tuple(by_id.get(cell.cell_id, cell) for cell in launch.cells))
            for launch in self._queue
        ]

    def drop(self, cell_id: str) -> int:
        """Take a cell out of the queue: what failed for good fails in its next launch too.

        Returns:
            How many launches it was in.
        """
        asked = sum(cell_id in _ids(launch) for launch in self._queue)
        launches = (
            PlannedLaunch(tuple(cell for cell in launch.cells if cell.cell_id != cell_id))
            for launch in self._queue
        )
        self._queue = [launch for launch in launches if launch.cells]
        return asked

    def clear(self) -> None:
        """Forget the queue; what runs goes on."""
        self._queue.clear()

    def assign(self, now_s: float) -> list[Assignment]:
        """What starts now; the leases are taken.

        Args:
            now_s: a clock that only goes forward, seconds.
        """
        found = []
        while assignment := self._next():
            self._queue.remove(assignment.launch)
            self._running.setdefault(assignment.host_id, []).append(assignment)
            found.append(assignment)
        return found

    def release(self, assignment: Assignment, now_s: float, *, measured: bool) -> None:
        """A launch has ended.

        Args:
            assignment: as `assign` gave it.
            now_s: as for `assign`.
            measured: its time tells of others like it: nothing cut it short.
        """
        self._running[assignment.host_id].remove(assignment)

    def wanted(self, now_s: float) -> list[Wanted]:
        """Files to fetch now, one at most for each host that has nothing to do without."""
        return []

    def stuck(self) -> list[Stuck]:
        """Launches for which no host is there, or none that can have the model file."""
        return []

    def _next(self) -> Assignment | None:
        for launch in self._queue:
            for host_id in launch.first.hosts:
                host = self._hosts.get(host_id)
                if host is None or not self._open(host, launch):
                    continue
                alone = self._alone(host, launch)
                taken = [each.lease for each in self._running.get(host_id, ())]
                if lease := find_lease(launch, host, taken, alone=alone):
                    return Assignment(launch, lease)
        return None

    def _open(self, host: HostState, launch: PlannedLaunch) -> bool:
        return host.takes_work and host.file(launch.first.spec.file_key) is FileState.READY

    def _alone(self, host: HostState, launch: PlannedLaunch) -> bool:
        exclusive = self._rules.exclusive and host.host_id not in self._rules.undisturbed
        return exclusive or uses_host(launch)


def _ids(launch: PlannedLaunch) -> set[str]:
    return {cell.cell_id for cell in launch.cells}
