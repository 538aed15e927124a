"""Scheduling decisions: which launch runs where and when, what is tried again. Pure.

The driver owns the one queue and all leases; hosts pull by becoming free.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from orchestrator.placement import Planned
from orchestrator.plan import PlannedLaunch
from workers.failures import FailureClass

PASSING = frozenset(
    {
        FailureClass.CRASH,
        FailureClass.START_TIMEOUT,
        FailureClass.RUN_TIMEOUT,
        FailureClass.REQUEST_ERROR,
        FailureClass.HOST_LOST,
        FailureClass.GPU_BUSY,
    }
)
"""Failures that may pass: worth another attempt in the same sweep. A missing file, engine or
device stays missing until somebody acts, and the rest fail for good."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A launch and the free host that takes it."""

    launch: PlannedLaunch
    host_id: str


def next_assignment(
    queue: Sequence[PlannedLaunch], free_hosts: Collection[str]
) -> Assignment | None:
    """The first launch of the queue that a free host may take.

    A host runs one launch at a time: CPU offload, PCIe and memory bandwidth disturb each other
    even on separate GPUs, until measured otherwise.
    """
    for launch in queue:
        for host_id in launch.first.hosts:
            if host_id in free_hosts:
                return Assignment(launch, host_id)
    return None


def tries_again(failure: FailureClass, attempts_in_sweep: int, max_attempts: int) -> bool:
    """Whether a failed cell goes back into the queue."""
    return failure in PASSING and attempts_in_sweep < max_attempts


def without(queue: Sequence[PlannedLaunch], cell_id: str) -> list[PlannedLaunch]:
    """The queue without a cell: what failed for good in one launch fails in the next too."""
    launches = (
        PlannedLaunch(tuple(cell for cell in launch.cells if cell.cell_id != cell_id))
        for launch in queue
    )
    return [launch for launch in launches if launch.cells]


def again(cell: Planned) -> PlannedLaunch:
    """The launch of a cell that is tried again: alone, in a server life of its own."""
    return PlannedLaunch((cell,))
