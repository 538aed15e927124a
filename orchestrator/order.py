"""The order of a plan, and when it will end. Pure.

Cells of one model file on one class of hosts come together: the file is read from disk once and
its tensors stay in the page cache. Among such blocks the long ones come first, so that no host
starts the longest one when the others are done; where a time is unknown it may be long, and
knowing it early serves the rest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Work:
    """A cell to put in order, or a whole launch."""

    server_id: str
    """Cells of one server configuration share a launch: they stay together, as they came."""
    model_file: str
    hosts: tuple[str, ...]
    """The hosts that may do it, all of one hardware class."""
    seconds: float | None
    """Predicted time; 0 for what is not run; None: unknown."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long all works take."""

    seconds: float
    """Until the last host is done, counting what is known."""
    unknown: int
    """Works whose time is unknown: then it takes longer."""


def in_order(works: Sequence[Work]) -> list[int]:
    """Positions of the works in the order in which they should run; ties stay as they came."""
    servers = _groups(range(len(works)), [(w.hosts, w.server_id) for w in works])
    seconds = [_total(works[i].seconds for i in server) for server in servers]
    first = [works[server[0]] for server in servers]
    blocks = _groups(range(len(servers)), [(w.hosts, w.model_file) for w in first])
    totals = {block: _total(seconds[s] for s in block) for block in blocks}
    return [
        position
        for block in sorted(blocks, key=lambda block: -totals[block])
        for server in sorted(block, key=lambda s: -seconds[s])
        for position in servers[server]
    ]


def estimate(works: Iterable[Work]) -> Estimate:
    """When works end, taken in this order, each by the first host that is free for it.

    Args:
        works: launches, as `in_order` puts them.
    """
    free: dict[str, float] = {}
    unknown = 0
    for work in works:
        host = min(work.hosts, key=lambda host: free.get(host, 0.0))
        free[host] = free.get(host, 0.0) + (work.seconds or 0.0)
        unknown += work.seconds is None
    return Estimate(max(free.values(), default=0.0), unknown)


def _groups(
    positions: Iterable[int], keys: Sequence[tuple[tuple[str, ...], str]]
) -> list[tuple[int, ...]]:
    """Positions by equal key, groups and members in order of appearance."""
    groups: dict[tuple[tuple[str, ...], str], list[int]] = {}
    for position in positions:
        groups.setdefault(keys[position], []).append(position)
    return [tuple(group) for group in groups.values()]


def _total(seconds: Iterable[float | None]) -> float:
    """Their sum; unknown is longer than anything."""
    return sum(inf if each is None else each for each in seconds)
