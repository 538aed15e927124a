"""What is lacking for what waits: files worth a transfer, hosts for launches. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import inf

from orchestrator.cells import FileKey
from orchestrator.lanes import Lane
from orchestrator.leases import FileState, HostState, find_lease
from orchestrator.plan import PlannedLaunch
from orchestrator.work import Rates

FETCHED_BYTES_S = 100e6
"""What a transfer is taken to bring, bytes a second: a network of 1 Gbit/s."""


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


def lacked_by(host: HostState, lane: Lane) -> FileKey:
    """The file that a host has to fetch next for a lane whose files are not all there."""
    return host.lacking(lane.head().files)


def helps(lane: Lane, hosts: Sequence[HostState], coming: int, rates: Rates) -> bool:
    """Whether one more host with the file ends the lane earlier than those that have it.

    Args:
        lane: it waits for a host with the file.
        hosts: those of its pool that take work.
        coming: transfers of the file that begin now.
        rates: what is known of durations.
    """
    entry = lane.head()
    states = [host.state(entry.files) for host in hosts]
    others = coming + states.count(FileState.READY) + states.count(FileState.COMING)
    if not others or lane.key.in_turns:
        return not coming and FileState.COMING not in states
    left_s = lane.left_s(rates)
    if left_s == inf:
        return len(lane) > others
    fetch_s = (entry.launch.first.file.size_bytes or 0) / FETCHED_BYTES_S
    return left_s / others > fetch_s + lane.next_s(rates)


def worth_fetching(lane: Lane, coming: int, rates: Rates) -> tuple[float, int]:
    """Most work for each host that would share it."""
    return lane.left_s(rates) / (1 + lane.busy + coming), -lane.head().number


def stuck_in(lane: Lane, hosts: Collection[HostState]) -> list[Stuck]:
    """Launches of a lane that none of its hosts which are there can take.

    Hosts in quarantine come back.
    """
    if lane.key.in_turns:
        launches = [entry.launch for entry in lane.entries()]
        return [stuck for launch in launches if (stuck := _stuck(launch, hosts))]
    first = _stuck(lane.head().launch, hosts)
    if first is None:
        return []
    reason, missing = first.reason, first.missing_model
    return [Stuck(entry.launch, reason, missing) for entry in lane.entries()]


def _stuck(launch: PlannedLaunch, hosts: Collection[HostState]) -> Stuck | None:
    able = [host for host in hosts if not host.draining]
    if not able:
        why = "every host that it fits is being drained" if hosts else "its hosts are gone"
        names = [launch.host] if launch.host else launch.first.hosts
        return Stuck(launch, f"{why}: {', '.join(names)}")
    seated = [host for host in able if find_lease(launch, host.view, (), alone=True)]
    if not seated:
        names = [host.host_id for host in able]
        return Stuck(launch, f"its devices are not there any more: {', '.join(names)}")
    if all(host.state(launch.first.spec.file_keys) is FileState.NEVER for host in seated):
        return Stuck(launch, "no host that it fits can get its model file", missing_model=True)
    return None
