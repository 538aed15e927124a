"""Do two sides differ? Pure functions of the speeds of their launches.

The unit is the launch: its median is one datum, however often it was repeated, because launches of
one server configuration differ by more than repetitions in one (DESIGN.md, promise 5). All
arithmetic is on logarithms, so a difference is a ratio and a spread is relative. What holds of
speeds holds of any figure above zero: times, energies.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from warehouse.noise_basis import Basis, Resampled, Student, of_launches, student
from warehouse.verdicts import CONFIDENCE, Comparison, Test, decide, refusal

MIN_LAUNCHES = 3
"""Launches a side from which they tell their own noise."""

Launches = Sequence[Sequence[float]]
"""Speeds (tok/s) of the valid repetitions, launch by launch."""

Pair = tuple["Side", "Side"]


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
class _Launched:
    """A comparison of launches before the correction for their number."""

    a: float
    b: float
    """Means of the log medians."""
    own: Basis | None
    floor: Student | None
    plain_alpha: float
    """Of the family, before the correction."""

    @property
    def bases(self) -> list[Basis]:
        return [basis for basis in (self.own, self.floor) if basis]

    @property
    def p(self) -> float:
        return max(basis.p(self.b - self.a) for basis in self.bases)

    def told(self, alpha: float) -> Comparison:
        difference = self.b - self.a
        half, method = max((basis.half(alpha), self._name(basis)) for basis in self.bases)
        return Comparison(
            a=math.exp(self.a),
            b=math.exp(self.b),
            difference_pct=percent(difference),
            low_pct=percent(difference - half),
            high_pct=percent(difference + half),
            floor_pct=percent(self.floor.half(self.plain_alpha)) if self.floor else None,
            p=self.p,
            shown=0 if abs(difference) <= half else int(math.copysign(1, difference)),
            method=method,
        )

    def _name(self, basis: Basis) -> str:
        if basis is self.floor:
            return "floor"
        return "bootstrap" if isinstance(basis, Resampled) else "t"


def compare(pairs: Sequence[Pair], confidence: float = CONFIDENCE) -> tuple[Comparison, ...]:
    """Compare B with A in each pair; one family: wrong verdicts in all of it are held to 5 %.

    Args:
        pairs: sides A and B, everything else alike.
        confidence: of the family, 0 to 1.
    """
    return decide(launch_tests(pairs, confidence), confidence)


def launch_tests(
    pairs: Sequence[Pair], confidence: float = CONFIDENCE, others: int = 0
) -> list[Test | Comparison]:
    """The tests of launches, or why there is none.

    An interval is the wider of two. The one is from the launches of both sides, of which there
    must be three each, with their pooled variance: a studentised bootstrap from five a side in
    families of up to twenty, else Student's t. The other is the host's floor: Student's t with the
    launches of its calibration pooled in; it stands alone where launches are few. Either alone
    would do, by simulation; together, no verdict lies inside the host's noise, and none rests on
    a calibration with a quieter model. Variances are pooled, since three launches cannot tell that
    two sides' relative noise differs.

    Args:
        pairs: sides A and B, everything else alike.
        confidence: of the family, 0 to 1.
        others: tests of other kinds in the same family.
    """
    number = others + sum(all(map(log_medians, (a.launches, b.launches))) for a, b in pairs)
    return [_test(a, b, max(1, number), 1 - confidence) for a, b in pairs]


def log_medians(launches: Launches) -> list[float]:
    """Logarithm of each launch's median; launches without a value are left out."""
    return [math.log(median(values)) for values in launches if values]


def squares(values: Sequence[float]) -> float:
    """Sum of squared deviations from the mean."""
    mean = fmean(values)
    return sum((value - mean) ** 2 for value in values)


def percent(log_ratio: float) -> float:
    """A log ratio as a difference in percent."""
    return 100 * math.expm1(log_ratio) if log_ratio < math.inf else math.inf


def _test(a: Side, b: Side, comparisons: int, alpha: float) -> Test | Comparison:
    logs = log_medians(a.launches), log_medians(b.launches)
    for name, values in zip("AB", logs, strict=True):
        if not values:
            return _refused(logs, f"{name} has no valid repetition")
    enough = min(map(len, logs)) >= MIN_LAUNCHES
    own = of_launches(*logs, comparisons, alpha) if enough else None
    floor = _floor(*logs, a.noise, b.noise)
    if own is None and floor is None:
        return _refused(logs, _too_few(len(logs[0]), len(logs[1]), a.noise, b.noise))
    return _Launched(fmean(logs[0]), fmean(logs[1]), own, floor, alpha)


def _too_few(a: int, b: int, of_a: Noise | None, of_b: Noise | None) -> str:
    unknown = " and ".join(name for name, noise in (("A", of_a), ("B", of_b)) if noise is None)
    calibrate = f", or herd calibrate the host of {unknown}" if unknown else ""
    return (
        f"{a} and {b} launches; measure {MIN_LAUNCHES} of each "
        f"(plan.launches={MIN_LAUNCHES}){calibrate}"
    )


def _floor(
    a: Sequence[float], b: Sequence[float], of_a: Noise | None, of_b: Noise | None
) -> Student | None:
    if of_a is None or of_b is None:
        return None
    calibrations = {of_a, of_b}  # one host's launches count once
    freedom = len(a) + len(b) - 2 + sum(each.freedom for each in calibrations)
    if not freedom:
        return None
    known = sum(each.freedom * (each.between_sd_pct / 100) ** 2 for each in calibrations)
    return student(squares(a) + squares(b) + known, freedom, (len(a), len(b)))


def _refused(logs: Sequence[Sequence[float]], why: str) -> Comparison:
    a, b = (math.exp(fmean(values)) if values else None for values in logs)
    return refusal(why, a, b)
