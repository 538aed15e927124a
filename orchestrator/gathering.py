"""The beginning of a sweep on a fleet: who is there and takes part."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.fleet.clocks import clock_words
from orchestrator.fleet.events import Joined, Lost, Refused
from orchestrator.fleet.fleet import Fleet
from warehouse.errors import FleetError, HerdError
from workers.look import HostReport

_LATE_S = 10.0
"""Hosts that need longer than the first (they hash files) join while it works."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The hosts that were there, label to Ray's id of the node."""

    nodes: dict[str, str]
    reports: tuple[HostReport, ...]
    """Of those that were looked at."""


def gather(
    fleet: Fleet, *, wait: bool, wait_for_nodes: bool, tell: Callable[[str], None]
) -> Gathered:
    """Wait until every host that is there takes part or does not.

    Args:
        fleet: just made.
        wait: wait for whoever holds a host.
        wait_for_nodes: a fleet without any host is one too.
        tell: prints a line to the user.

    Raises:
        HeldError: somebody else measures on every host, and `wait` is false.
        FleetError: no host is there, or none can be had.
    """
    joined: dict[str, Joined] = {}
    refused: dict[str, HerdError] = {}
    late_s = float("inf")
    while True:
        for heard in fleet.hear(1.0):
            match heard.event:
                case Joined() as event:
                    joined[heard.host_id] = event
                    if event.report and (off := clock_words(event.report.host)):
                        tell(off)
                    late_s = min(late_s, time.monotonic() + _LATE_S)
                case Refused(error):
                    if heard.host_id not in refused:
                        tell(f"waiting: {error}" if wait else f"{heard.host_id}: {error}")
                    refused[heard.host_id] = error
                case Lost(reason):
                    refused[heard.host_id] = FleetError(f"{heard.host_id}: {reason}")
        open_ = fleet.expected - joined.keys()
        held = refused.keys() if joined or not wait else frozenset()
        if open_ - held and time.monotonic() < late_s:
            continue
        if not joined and not wait_for_nodes:
            raise next(iter(refused.values()), _nobody())
        reports = (event.report for event in joined.values())
        return Gathered(
            {host_id: event.node_id for host_id, event in joined.items()},
            tuple(report for report in reports if report),
        )


def _nobody() -> FleetError:
    return FleetError("no host of the fleet is there: `herd node list` shows what it knows of them")
