"""What a calibration says: a host's noise, and how far two tools agree. Pure."""

import math
from dataclasses import dataclass
from statistics import fmean

from warehouse.comparison import Launches, log_medians, percent, squares
from warehouse.student import t_quantile
from warehouse.verdicts import CONFIDENCE

REACH_PCT = 10.0
"""An interval that reaches further is no agreement, however noisy the host."""


@dataclass(frozen=True, slots=True)
class LaunchNoise:
    """How launches of one and the same server differ, in percent of the speed."""

    launches: int
    tok_s: float
    """Geometric mean of the launch medians."""
    between_sd_pct: float
    """Standard deviation of the launches' log medians: what one launch is off by."""
    within_sd_pct: float | None
    """Standard deviation of the log repetitions in a launch, over all; None for one each."""
    floor_pct: float
    """Two launches, one a side, that differ by less show nothing (95 %)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two ways to measure one and the same, in turns."""

    pairs: int
    difference_pct: float
    """Theirs against ours: mean of the log ratios of the pairs."""
    low_pct: float
    high_pct: float
    agrees: bool
    verdict: str
    """`agrees` with its reason, in words."""


def launch_noise(launches: Launches, confidence: float = CONFIDENCE) -> LaunchNoise | None:
    """The noise of A/A launches; None for less than two with a value.

    Args:
        launches: speeds of the repetitions, tok/s, launch by launch.
        confidence: of the floor, 0 to 1.
    """
    logs = log_medians(launches)
    if len(logs) < 2:
        return None
    freedom = len(logs) - 1
    between = math.sqrt(squares(logs) / freedom)
    floor = between * math.sqrt(2) * t_quantile((1 + confidence) / 2, freedom)
    return LaunchNoise(
        launches=len(logs),
        tok_s=math.exp(fmean(logs)),
        between_sd_pct=100 * between,
        within_sd_pct=_within(launches),
        floor_pct=percent(floor),
    )


def _within(launches: Launches) -> float | None:
    logs = [[math.log(value) for value in values] for values in launches if len(values) > 1]
    freedom = sum(len(values) - 1 for values in logs)
    if not freedom:
        return None
    return 100 * math.sqrt(sum(squares(values) for values in logs) / freedom)


def agreement(
    ours: Launches,
    theirs: Launches,
    *,
    floor_pct: float,
    other: str = "llama-bench",
    confidence: float = CONFIDENCE,
) -> Agreement | None:
    """How their figures differ from ours; None for less than two pairs.

    Paired by order: what drifts over the calibration hits both of a pair alike. The interval is
    Student's t on the log ratios.

    Args:
        ours: speeds by launch, tok/s.
        theirs: speeds by run of the other tool, or the other way, in the same turns.
        floor_pct: the host's noise floor for this figure.
        other: what theirs is, for the verdict.
        confidence: of the interval, 0 to 1.
    """
    pairs = [log_medians(pair) for pair in zip(ours, theirs, strict=False)]
    ratios = [pair[1] - pair[0] for pair in pairs if len(pair) == 2]
    if len(ratios) < 2:
        return None
    mean = fmean(ratios)
    error = math.sqrt(squares(ratios) / (len(ratios) - 1) / len(ratios))
    half = error * t_quantile((1 + confidence) / 2, len(ratios) - 1)
    low, high = percent(mean - half), percent(mean + half)
    agrees, verdict = _verdict(percent(mean), low, high, floor_pct, other)
    return Agreement(len(ratios), percent(mean), low, high, agrees, verdict)


def _verdict(
    difference: float, low: float, high: float, floor_pct: float, other: str
) -> tuple[bool, str]:
    holds_zero = low <= 0 <= high
    reach = max(-low, high)
    if holds_zero and reach > REACH_PCT:
        return False, f"not told: the interval reaches to {reach:.0f} %"
    if holds_zero and (high - low) / 2 <= floor_pct:
        return True, f"agrees within {reach:.1f} %"
    if holds_zero:
        return False, "not told: the interval is wider than the noise floor"
    word = f"{other} reads {abs(difference):.1f} % {'higher' if difference > 0 else 'lower'}"
    return False, f"{word}, inside the noise floor" if abs(difference) <= floor_pct else word
