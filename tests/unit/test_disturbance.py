import pytest

from workers.disturbance import clock_baselines, disturbances, holds_back
from workers.measure import MeasureConfig
from workers.spans import SpanSummary

LIMITS = MeasureConfig(clock_drop_pct=5.0, host_busy_pct=10.0)
QUIET = SpanSummary(
    clock_mean_mhz=1980.0, throttle_reasons="", foreign_gpu_pids="", host_busy_pct=2.0
)


def test_nothing_known_marks_nothing() -> None:
    assert disturbances(SpanSummary(), None, LIMITS) == ()
    assert disturbances(QUIET, 1980.0, LIMITS) == ()


@pytest.mark.parametrize(
    ("reasons", "marked"),
    [
        ("sw_power_cap", False),
        ("applications_clocks_setting,sync_boost", False),
        ("hw_slowdown", True),
        ("sw_thermal_slowdown,sw_power_cap", True),
        ("hw_thermal_slowdown", True),
        ("hw_power_brake_slowdown", True),
    ],
)
def test_what_throttles(reasons: str, marked: bool) -> None:
    span = SpanSummary(throttle_reasons=reasons)
    assert (disturbances(span, None, LIMITS) == ("throttled",)) is marked
    assert holds_back(reasons.split(",")) is marked


@pytest.mark.parametrize(
    ("clock", "baseline", "marked"),
    [(1881.0, 1980.0, False), (1880.0, 1980.0, True), (1500.0, None, False), (None, 1980.0, False)],
)
def test_a_clock_drop_is_against_the_step(
    clock: float | None, baseline: float | None, marked: bool
) -> None:
    found = disturbances(SpanSummary(clock_mean_mhz=clock), baseline, LIMITS)
    assert (found == ("clock_drop",)) is marked


def test_the_baseline_is_the_best_of_each_step_and_depth() -> None:
    clocks = {("tg64", 0): (1400.0, 1900.0, 1500.0), ("tg64", 4096): (1700.0, None)}
    spans = [(step, SpanSummary(clock_mean_mhz=c)) for step, cs in clocks.items() for c in cs]
    assert clock_baselines(spans) == {("tg64", 0): 1900.0, ("tg64", 4096): 1700.0}


def test_all_marks_at_once() -> None:
    span = SpanSummary(
        clock_mean_mhz=900.0,
        throttle_reasons="hw_slowdown",
        foreign_gpu_pids="12,99",
        host_busy_pct=10.5,
    )
    assert disturbances(span, 1980.0, LIMITS) == (
        "throttled",
        "clock_drop",
        "foreign_gpu",
        "host_busy",
    )
