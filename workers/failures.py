"""Classes of failure: what a cell or launch that failed is recorded as."""

from dataclasses import dataclass
from enum import StrEnum


class FailureClass(StrEnum):
    """Why a launch or a cell failed (DESIGN.md, Rows)."""

    OOM_LOAD = "oom_load"
    OOM_CONTEXT = "oom_context"
    OOM_RUN = "oom_run"
    UNSUPPORTED = "unsupported"
    BAD_MODEL = "bad_model"
    BAD_ARGS = "bad_args"
    MISSING_MODEL = "missing_model"
    START_TIMEOUT = "start_timeout"
    RUN_TIMEOUT = "run_timeout"
    REQUEST_ERROR = "request_error"
    CRASH = "crash"
    HOST_LOST = "host_lost"
    DEVICE_MISSING = "device_missing"
    ENGINE_MISSING = "engine_missing"
    GPU_BUSY = "gpu_busy"


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure with its evidence."""

    failure_class: FailureClass
    reason: str
    """One line: the first error line of the log, or what was seen."""


class CellFailed(Exception):  # noqa: N818 - reads as what happened, like LaunchFailed
    """A cell cannot go on; its failure becomes its row. Never reaches a user as an error."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure
