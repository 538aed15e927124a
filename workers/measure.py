"""What a measurement does about its surroundings: configuration `measure`."""

from dataclasses import dataclass, field

THROTTLED = "throttled"
CLOCK_DROP = "clock_drop"
FOREIGN_GPU = "foreign_gpu"
HOST_BUSY = "host_busy"
MARKS = (THROTTLED, CLOCK_DROP, FOREIGN_GPU, HOST_BUSY)
"""What a trial can be marked with (`trials.disturbed`)."""

FOREIGN_POLICIES = ("warn", "wait", "fail")


@dataclass(frozen=True)
class MeasureConfig:
    """Limits and policies; none of them changes what a server does, so none enters an identity."""

    gpu_foreign: str = "warn"
    """Somebody else's process on a leased GPU before a launch: `warn` runs and marks, `wait` waits
    for its end, `fail` gives the launch up as `gpu_busy`, which is tried again later."""
    gpu_foreign_wait_s: float = 600.0
    """Limit of `wait`, s; then it is `gpu_busy` too."""
    cool_down_s: float = 60.0
    """Longest wait before a cell for its GPUs to cool down, s; 0 starts at once."""
    cool_down_margin_c: float = 20.0
    """Cool is at most so much above the lowest temperature seen of the card."""
    clock_drop_pct: float = 5.0
    """A mean SM clock so much under the step's best is a `clock_drop`."""
    host_busy_pct: float = 10.0
    """Other processes using more of all cores than this is `host_busy`."""
    invalid_when: list[str] = field(default_factory=lambda: [THROTTLED, CLOCK_DROP])
    """Marks that make a trial invalid; the others only mark it."""
