"""Do two sides differ? Pure functions of the speeds of their launches.

The unit is the launch: its median is one datum, however often it was repeated, because launches of
one server configuration differ by more than repetitions in one (DESIGN.md, promise 5). All
arithmetic is on logarithms, so a difference is a ratio and a spread is relative.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from warehouse.student import t_cdf, t_quantile

MIN_LAUNCHES = 3
"""Launches a side from which they tell their own noise."""
CONFIDENCE = 0.95

Launches = Sequence[Sequence[float]]
"""Speeds (tok/s) of the valid repetitions, launch by launch."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How much launches of one and the same server differ on a host, from its calibration."""

    host_id: str
    between_sd_pct: float
    """Standard deviation of the launches' log medians, percent."""
    freedom: int
    """Degrees of freedom behind it: launches - 1; none where its launches are a side themselves."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison."""

    launches: Launches
    noise: Noise | None = None
    """Of its host; None where it was not calibrated."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison of B with A came to; percentages are of A."""

    a_tok_s: float | None
    """Geometric mean of the launch medians."""
    b_tok_s: float | None
    difference_pct: float | None
    low_pct: float | None
    """The interval holds the difference with the confidence asked for, all comparisons together."""
    high_pct: float | None
    floor_pct: float | None
    """Difference under which these numbers of launches show only the host's noise."""
    p: float | None
    """Of as large a difference between equals, before the correction."""
    verdict: str
    """faster or slower (B than A), no difference shown, or not comparable: why"""


@dataclass(frozen=True, slots=True)
class _Basis:
    """A source of noise: the standard error of the log difference, and its degrees of freedom."""

    error: float
    freedom: int

    def half(self, alpha: float) -> float:
        return self.error * t_quantile(1 - alpha / 2, self.freedom)

    def p(self, difference: float) -> float:
        if self.error == 0:
            return float(difference == 0)
        return 2 * (1 - t_cdf(abs(difference) / self.error, self.freedom))


@dataclass(frozen=True, slots=True)
class _Test:
    """A comparison before the correction for their number."""

    a: float
    b: float
    """Means of the log medians."""
    own: _Basis | None
    floor: _Basis | None

    @property
    def bases(self) -> list[_Basis]:
        return [basis for basis in (self.own, self.floor) if basis]

    @property
    def p(self) -> float:
        return max(basis.p(self.b - self.a) for basis in self.bases)


def compare(
    pairs: Sequence[tuple[Side, Side]], confidence: float = CONFIDENCE
) -> tuple[Comparison, ...]:
    """Compare B with A in each pair; one family: wrong verdicts in all of it are held to 5 %.

    An interval is the wider of two. The one is from the launches of both sides, of which there
    must be three each: Student's t with their pooled variance. The other is the host's floor: the
    same with the launches of its calibration pooled in; it stands alone where launches are few.
    Either alone would do, by simulation; together, no verdict lies inside the host's noise, and
    none rests on a calibration with a quieter model. Variances are pooled, since three launches
    cannot tell that two sides' relative noise differs. Holm's correction sets the confidence of
    each interval, so that it holds zero exactly where no difference is shown.

    Args:
        pairs: sides A and B, everything else alike.
        confidence: of the family, 0 to 1.
    """
    tests = [_test(a, b) for a, b in pairs]
    alphas = _holm([t.p if isinstance(t, _Test) else None for t in tests], 1 - confidence)
    return tuple(
        _told(test, alpha, 1 - confidence) if isinstance(test, _Test) else _refused(pair, test)
        for pair, test, alpha in zip(pairs, tests, alphas, strict=True)
    )


def log_medians(launches: Launches) -> list[float]:
    """Logarithm of each launch's median; launches without a value are left out."""
    return [math.log(median(values)) for values in launches if values]


def squares(values: Sequence[float]) -> float:
    """Sum of squared deviations from the mean."""
    mean = fmean(values)
    return sum((value - mean) ** 2 for value in values)


def percent(log_ratio: float) -> float:
    """A log ratio as a difference in percent."""
    return 100 * math.expm1(log_ratio)


def _test(a: Side, b: Side) -> _Test | str:
    """The test, or why there is none."""
    logs = log_medians(a.launches), log_medians(b.launches)
    for name, values in zip("AB", logs, strict=True):
        if not values:
            return f"{name} has no valid repetition"
    own = _own(*logs) if min(map(len, logs)) >= MIN_LAUNCHES else None
    floor = _floor(*logs, a.noise, b.noise)
    if own is None and floor is None:
        return _too_few(len(logs[0]), len(logs[1]), a.noise, b.noise)
    return _Test(fmean(logs[0]), fmean(logs[1]), own, floor)


def _too_few(a: int, b: int, of_a: Noise | None, of_b: Noise | None) -> str:
    unknown = " and ".join(name for name, noise in (("A", of_a), ("B", of_b)) if noise is None)
    calibrate = f", or herd calibrate the host of {unknown}" if unknown else ""
    return (
        f"{a} and {b} launches; measure {MIN_LAUNCHES} of each "
        f"(plan.launches={MIN_LAUNCHES}){calibrate}"
    )


def _own(a: Sequence[float], b: Sequence[float]) -> _Basis:
    freedom = len(a) + len(b) - 2
    return _basis(squares(a) + squares(b), freedom, a, b)


def _floor(
    a: Sequence[float], b: Sequence[float], of_a: Noise | None, of_b: Noise | None
) -> _Basis | None:
    if of_a is None or of_b is None:
        return None
    calibrations = {of_a, of_b}  # one host's launches count once
    freedom = len(a) + len(b) - 2 + sum(each.freedom for each in calibrations)
    if not freedom:
        return None
    known = sum(each.freedom * (each.between_sd_pct / 100) ** 2 for each in calibrations)
    return _basis(squares(a) + squares(b) + known, freedom, a, b)


def _basis(total: float, freedom: int, a: Sequence[float], b: Sequence[float]) -> _Basis:
    return _Basis(math.sqrt(total / freedom * (1 / len(a) + 1 / len(b))), freedom)


def _holm(ps: Sequence[float | None], alpha: float) -> list[float]:
    """The error that Holm's correction (1979) leaves to each test, by their order."""
    order = sorted((p, i) for i, p in enumerate(ps) if p is not None)
    levels = [alpha] * len(ps)
    level, stopped = alpha, False
    for rank, (p, index) in enumerate(order):
        if not stopped:
            level = alpha / (len(order) - rank)
            stopped = p > level
        levels[index] = level
    return levels


def _told(test: _Test, alpha: float, plain_alpha: float) -> Comparison:
    difference = test.b - test.a
    half = max(basis.half(alpha) for basis in test.bases)
    verdict = "no difference shown"
    if abs(difference) > half:
        verdict = "faster" if difference > 0 else "slower"
    return Comparison(
        a_tok_s=math.exp(test.a),
        b_tok_s=math.exp(test.b),
        difference_pct=percent(difference),
        low_pct=percent(difference - half),
        high_pct=percent(difference + half),
        floor_pct=percent(test.floor.half(plain_alpha)) if test.floor else None,
        p=test.p,
        verdict=verdict,
    )


def _refused(pair: tuple[Side, Side], why: str) -> Comparison:
    a, b = (_typical(side.launches) for side in pair)
    difference = 100 * (b / a - 1) if a and b else None
    return Comparison(a, b, difference, None, None, None, None, f"not comparable: {why}")


def _typical(launches: Launches) -> float | None:
    logs = log_medians(launches)
    return math.exp(fmean(logs)) if logs else None
