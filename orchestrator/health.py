"""Health: whether failures are the host's fault or the cell's. Pure."""

from collections import defaultdict
from dataclasses import dataclass, field

from workers.failures import Failure, FailureClass

OF_HOSTS = frozenset(
    {
        FailureClass.CRASH,
        FailureClass.START_TIMEOUT,
        FailureClass.RUN_TIMEOUT,
        FailureClass.REQUEST_ERROR,
        FailureClass.HOST_LOST,
        FailureClass.GPU_BUSY,
        FailureClass.DEVICE_MISSING,
        FailureClass.ENGINE_MISSING,
        FailureClass.MISSING_MODEL,
    }
)
"""Failures that a host may be the cause of; the others say something of the cell."""
LIMIT = 3
"""Different cells in a row that a host may fail."""


@dataclass(slots=True)
class _Record:
    """What a host did lately."""

    failed: dict[str, Failure] = field(default_factory=dict)
    """Cells since the last that succeeded, in order, with what they failed by."""
    until_s: float | None = None
    """End of its quarantine."""
    reason: str = ""


class Health:
    """The record of all hosts of a sweep.

    A host that fails several different cells in a row gets no more for a while. Cells that
    another host failed too do not count: they are at fault themselves.
    """

    def __init__(self, quarantine_s: float, limit: int = LIMIT) -> None:
        """Nothing is known yet.

        Args:
            quarantine_s: how long a host gets nothing, seconds.
            limit: different cells in a row that it may fail.
        """
        self._quarantine_s = quarantine_s
        self._limit = limit
        self._hosts: defaultdict[str, _Record] = defaultdict(_Record)
        self._failed_on: defaultdict[str, set[str]] = defaultdict(set)

    def ended(
        self, host_id: str, cell_id: str, failure: Failure | None, now_s: float
    ) -> str | None:
        """A cell ended on a host; why the host is in quarantine from now on, if it is.

        Args:
            host_id: where.
            cell_id: which.
            failure: None where it succeeded; what was cancelled is not told here.
            now_s: a clock that only goes forward, seconds.
        """
        record = self._hosts[host_id]
        if failure is None or failure.failure_class not in OF_HOSTS:
            record.failed.clear()
            return None
        self._failed_on[cell_id].add(host_id)
        record.failed[cell_id] = failure
        count = sum(len(self._failed_on[each]) == 1 for each in record.failed)
        if count < self._limit or record.until_s is not None:
            return None
        record.until_s = now_s + self._quarantine_s
        record.reason = f"{count} cells in a row failed: {failure.failure_class}, {failure.reason}"
        return record.reason

    def quarantined(self, host_id: str, now_s: float) -> str | None:
        """Why a host gets nothing now; None if it does.

        After its time it is tried with one cell: the next failure sends it back.
        """
        record = self._hosts[host_id]
        if record.until_s is not None and now_s >= record.until_s:
            record.until_s = None
            while len(record.failed) >= self._limit:
                record.failed.pop(next(iter(record.failed)))
        return record.reason if record.until_s is not None else None

    def joined(self, host_id: str) -> None:
        """A host came back: it starts anew, unless it is being lost that it fails by."""
        record = self._hosts[host_id]
        lost = any(f.failure_class is FailureClass.HOST_LOST for f in record.failed.values())
        if not lost:
            self._hosts.pop(host_id)

    def is_cells_fault(self, cell_id: str) -> bool:
        """Whether several hosts failed a cell: another try elsewhere would only do it again."""
        return len(self._failed_on[cell_id]) > 1
