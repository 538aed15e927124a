"""Hosts whose clock is not the driver's: how far off it is, and what depends on it. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from orchestrator.progress import duration
from warehouse.rows import Host
from workers.look import HostReport

_WORTH_TELLING_S = 10.0
"""A report may take seconds to arrive on a busy host."""


def by_clock_of_driver(report: HostReport, arrived_at: datetime) -> HostReport:
    """The report with its host's time of looking by the clock that all hosts share.

    Args:
        report: as it came.
        arrived_at: when it came, by the driver's clock, UTC.
    """
    offset = report.told_at - arrived_at
    host = replace(
        report.host,
        seen_at=report.host.seen_at - offset,
        clock_offset_s=round(offset / timedelta(seconds=1), 1),
    )
    return replace(report, host=host)


def clock_words(host: Host) -> str | None:
    """What the user is told of a clock that is off; None: it is right, or was not compared."""
    offset_s = host.clock_offset_s
    if offset_s is None or abs(offset_s) < _WORTH_TELLING_S:
        return None
    side = "ahead of" if offset_s > 0 else "behind"
    return (
        f"the clock of {host.host_id} is {duration(abs(offset_s))} {side} this host's: times in "
        "its rows are by its own"
    )
