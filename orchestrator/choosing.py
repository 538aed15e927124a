"""Which lane a host with room takes next. Pure.

A host stays in its lane, so that a file is read from disk and fetched by few hosts, as long as
that makes the sweep no longer: the longest launch that waits has to begin early enough to end
with the rest. From then on the longest goes first. No lane is passed over for ever, though.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from orchestrator.lanes import Lane
from orchestrator.work import Rates

_ALIKE = 1.1
"""Launches whose times differ by less are as good as equal: not worth leaving a lane."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """When hosts of one pool will be done."""

    now_s: float
    ends_s: float
    """When they are, if all that waits is shared out evenly."""
    due: int = 0
    """A lane that was served before this start of the pool has waited long enough."""


@dataclass(frozen=True, slots=True)
class Chooser:
    """A host that has room."""

    host_id: str
    last: Lane | None
    """The lane that it was in."""
    busy: bool
    """Whether some of its devices are taken."""


def choose(lanes: Sequence[Lane], host: Chooser, rates: Rates, outlook: Outlook) -> Lane:
    """The lane to take a launch from.

    Args:
        lanes: those that the host may serve, none of them empty.
        host: who asks.
        rates: what is known of durations.
        outlook: of the hosts that share these lanes.
    """
    mine = next((lane for lane in lanes if lane.home == host.host_id), None)
    if mine:
        return mine
    oldest = min(lanes, key=lambda lane: (lane.served, lane.head().number))
    if oldest.served < outlook.due:
        return oldest
    staying = _staying(lanes, host)
    longest = max(lanes, key=lambda lane: (lane.next_s(rates), -lane.busy, -lane.head().number))
    longest_s, step_s = (lane.next_s(rates) for lane in (longest, staying or longest))
    if outlook.now_s + step_s + longest_s > outlook.ends_s and longest_s > _ALIKE * step_s:
        return longest
    if staying:
        return staying
    best = max(lanes, key=lambda lane: _worth(lane, rates))
    return _entered(lanes, best, host)


def _staying(lanes: Sequence[Lane], host: Chooser) -> Lane | None:
    """The lane that the host was in, or another of the same file."""
    if host.last is None:
        return None
    same = [lane for lane in lanes if lane.key.topic == host.last.key.topic]
    if not same or host.last in same:
        return host.last if same else None
    return _entered(same, same[0], host)


def _entered(lanes: Sequence[Lane], chosen: Lane, host: Chooser) -> Lane:
    """Of the chosen lane's file the widest: while all devices are free nobody waits for others."""
    same = (lane for lane in lanes if lane.key.topic == chosen.key.topic)
    sign = -1 if host.busy else 1
    return max(same, key=lambda lane: (sign * lane.key.width, lane is chosen))


def _worth(lane: Lane, rates: Rates) -> tuple[float, int, int]:
    """Most work for each host that would share it; what is not known may be most."""
    left_s = lane.left_s(rates)
    shared = left_s if left_s == inf else left_s / (lane.busy + 1)
    return shared, -lane.busy, -lane.head().number
