"""What disturbed a trial, judged from raw columns: pure functions.

Throttling is what holds a load back against the card's own settings: heat, a power brake, a
hardware slowdown. `sw_power_cap` is not: it is how a card keeps its power limit, normal under load
on many cards, and the limit is part of the hardware class. Clock settings and sync boost are the
owner's choice. All of them stay readable in `throttle_reasons`.
"""

from collections.abc import Iterable

from workers.measure import CLOCK_DROP, FOREIGN_GPU, HOST_BUSY, THROTTLED, MeasureConfig
from workers.spans import SpanSummary

HOLDING_BACK = frozenset(
    {
        "hw_slowdown",
        "sw_thermal_slowdown",
        "hw_thermal_slowdown",
        "hw_power_brake_slowdown",
    }
)


def holds_back(reasons: Iterable[str]) -> bool:
    """Whether any of these throttle reasons slows a load down."""
    return not HOLDING_BACK.isdisjoint(reasons)


Step = tuple[str, int]
"""A step's name and depth."""


def clock_baselines(spans: Iterable[tuple[Step, SpanSummary]]) -> dict[Step, float]:
    """The highest mean SM clock of each step in a cell, MHz: what the card can do for it here.

    By step, since a card at its power limit clocks lower in the heavier step. The highest, not the
    median, so that a drop over most trials of a step is still one.
    """
    best: dict[Step, float] = {}
    for step, span in spans:
        if span.clock_mean_mhz is not None:
            best[step] = max(span.clock_mean_mhz, best.get(step, 0.0))
    return best


def disturbances(
    span: SpanSummary, baseline_mhz: float | None, config: MeasureConfig
) -> tuple[str, ...]:
    """Marks of a trial (`workers.measure.MARKS`); a figure that is not known marks nothing.

    Args:
        span: what telemetry says of the trial.
        baseline_mhz: of its step, by `clock_baselines`.
        config: the limits.
    """
    marks = {
        THROTTLED: holds_back((span.throttle_reasons or "").split(",")),
        CLOCK_DROP: _dropped(span.clock_mean_mhz, baseline_mhz, config.clock_drop_pct),
        FOREIGN_GPU: bool(span.foreign_gpu_pids),
        HOST_BUSY: (span.host_busy_pct or 0.0) > config.host_busy_pct,
    }
    return tuple(mark for mark, there in marks.items() if there)


def _dropped(clock_mhz: float | None, baseline_mhz: float | None, limit_pct: float) -> bool:
    if clock_mhz is None or baseline_mhz is None:
        return False
    return clock_mhz < baseline_mhz * (1 - limit_pct / 100)
