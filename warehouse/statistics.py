"""Statistics of repetitions in one server life: pure functions of their values.

Values are speeds (tok/s) or times, all above zero; spreads and half-widths are in percent of the
median. What two launches differ by is `warehouse.comparison`'s: repetitions cannot tell it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, stdev

from warehouse.student import t_quantile

MAD_TO_SD = 1.4826
"""Median absolute deviation -> standard deviation, for normal values."""
MEDIAN_TO_MEAN_SE = math.sqrt(math.pi / 2)
"""Standard error of the median over that of the mean, for many normal values; for 3 to 5 it is
1.16 to 1.20, so an interval made with it is a little wide."""
OUTLIER_Z = 3.5
MIN_FOR_OUTLIERS = 4


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval, in the unit of the values."""

    low: float
    high: float


def mad(values: Sequence[float]) -> float:
    """Median absolute deviation, in the values' unit.

    Raises:
        StatisticsError: there are no values (of the standard library, as for all functions here).
    """
    middle = median(values)
    return median(abs(value - middle) for value in values)


def spread_pct(values: Sequence[float]) -> float:
    """Robust spread, percent, as in the views: 100 x 1.4826 x MAD / median."""
    return 100 * MAD_TO_SD * mad(values) / median(values)


def median_interval(values: Sequence[float], confidence: float) -> Interval | None:
    """Confidence interval of the median; None where one value is all there is.

    Where the smallest and the largest value enclose the median with at least that confidence
    (2^(1-n) <= 1 - confidence: six values for 95 %), it is free of any distribution: order
    statistics, interpolated between two of them (Hettmansperger and Sheather 1986), since exact
    ones leave 97 or 99 % where 95 % was asked. Fewer values cannot enclose it without assuming
    more: Student's t on their standard deviation, with the standard error of a median of normal
    values. That is exact enough there, and wide, as it must be.
    """
    if len(values) < 2:
        return None
    ordered = sorted(values)
    if 2.0 ** (1 - len(values)) <= 1 - confidence:
        return _order_interval(ordered, confidence)
    error = MEDIAN_TO_MEAN_SE * stdev(ordered) / math.sqrt(len(ordered))
    half = error * t_quantile((1 + confidence) / 2, len(ordered) - 1)
    return Interval(median(ordered) - half, median(ordered) + half)


def _order_interval(ordered: Sequence[float], confidence: float) -> Interval:
    n = len(ordered)
    depth = 1
    while depth + 1 <= n // 2 and _enclosed(n, depth + 1) >= confidence:
        depth += 1
    outer, inner = _enclosed(n, depth), _enclosed(n, depth + 1)
    share = (outer - confidence) / (outer - inner)
    weight = (n - depth) * share / (depth + (n - 2 * depth) * share)
    low = (1 - weight) * ordered[depth - 1] + weight * ordered[depth]
    high = (1 - weight) * ordered[n - depth] + weight * ordered[n - depth - 1]
    return Interval(low, high)


def _enclosed(n: int, depth: int) -> float:
    """Probability that the depth-th smallest and largest of n values enclose the median."""
    return float(1 - 2 * sum(math.comb(n, k) for k in range(depth)) / 2**n)


def half_width_pct(values: Sequence[float], confidence: float) -> float:
    """Half the width of the median's confidence interval, percent of the median.

    Infinite where it cannot be told: for less than two values, or a median of zero.
    """
    interval = median_interval(values, confidence)
    if interval is None or median(values) <= 0:
        return math.inf
    return 50 * (interval.high - interval.low) / median(values)


def enough(
    values: Sequence[float],
    *,
    target_pct: float,
    minimum: int,
    maximum: int,
    confidence: float = 0.95,
) -> bool:
    """Whether to stop repeating a step: its median is known well enough, or time is up.

    Looking after each value stops a little early now and then; the figure that is published is
    the interval of all values, and between launches nothing is claimed from it.

    Args:
        values: those of its valid repetitions so far.
        target_pct: half-width of the median's interval to get under, percent.
        minimum: repetitions to take in any case.
        maximum: repetitions never to exceed.
        confidence: of the interval, 0 to 1.
    """
    if len(values) >= maximum:
        return True
    return len(values) >= minimum and half_width_pct(values, confidence) <= target_pct


def outliers(values: Sequence[float]) -> tuple[bool, ...]:
    """Which values lie apart from the others; they are to be marked and kept, never dropped.

    The modified z-score, |x - median| / (1.4826 x MAD), is held against 3.5 (Iglewicz and Hoaglin
    1993) x (1 + 10 / n): without that factor 10 to 21 % of clean samples of 4 to 20 normal values
    had a mark, with it some 1 % (3 % of those of five). Fewer than four values tell none apart,
    nor do values of which half are equal.
    """
    scale = MAD_TO_SD * mad(values) if len(values) >= MIN_FOR_OUTLIERS else 0.0
    if scale == 0:
        return (False,) * len(values)
    limit = OUTLIER_Z * (1 + 10 / len(values)) * scale
    middle = median(values)
    return tuple(abs(value - middle) > limit for value in values)
