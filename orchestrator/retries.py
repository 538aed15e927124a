"""What is tried again. Pure."""

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


def tries_again(failure: FailureClass, attempts_in_sweep: int, max_attempts: int) -> bool:
    """Whether a failed cell goes back into the queue."""
    return failure in PASSING and attempts_in_sweep < max_attempts
