"""Two figures that come with a standard error of their own, or with none: exact ones. Pure."""

import math
from dataclasses import dataclass

from warehouse.comparison import percent
from warehouse.noise_basis import Student
from warehouse.verdicts import Comparison, Test, refusal

_MANY = 1000
"""Degrees of freedom of an error that comes from many thousand tokens."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean above zero over many values, with its standard error."""

    value: float
    error: float | None


@dataclass(frozen=True, slots=True)
class _Estimated:
    a: float
    b: float
    basis: Student

    @property
    def p(self) -> float:
        return self.basis.p(math.log(self.b / self.a))

    def told(self, alpha: float) -> Comparison:
        difference, half = math.log(self.b / self.a), self.basis.half(alpha)
        return Comparison(
            a=self.a,
            b=self.b,
            difference_pct=percent(difference),
            low_pct=percent(difference - half),
            high_pct=percent(difference + half),
            floor_pct=None,
            p=self.p,
            shown=0 if abs(difference) <= half else int(math.copysign(1, difference)),
            method="standard errors",
        )


def estimate_test(a: Estimate, b: Estimate) -> Test | Comparison:
    """The test of two figures over the same text.

    As if their errors were independent. Over one text they move together, so that the interval is
    wider than it need be.
    """
    if a.error is None or b.error is None:
        return refusal("no standard error is known", a.value, b.value)
    error = math.hypot(a.error / a.value, b.error / b.value)
    return _Estimated(a.value, b.value, Student(error, _MANY))


def exact(a: tuple[float, float], b: tuple[float, float]) -> Comparison:
    """Sizes: lowest and highest of each side; a difference is shown where the ranges are apart.

    Values are told as the middle of each range.
    """
    middle_a, middle_b = (sum(side) / 2 for side in (a, b))
    shown = 1 if b[0] > a[1] else -1 if b[1] < a[0] else 0
    return Comparison(
        a=middle_a,
        b=middle_b,
        difference_pct=100 * (middle_b / middle_a - 1) if middle_a else None,
        low_pct=None,
        high_pct=None,
        floor_pct=None,
        p=None,
        shown=shown,
        method="exact",
    )
