"""Verdicts over many comparisons: one family, one error. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison of B with A came to; percentages are of A, of shares they are points."""

    a: float | None
    """Typical value of A, in the unit of what was compared."""
    b: float | None
    difference_pct: float | None
    low_pct: float | None
    """The interval holds the difference with the confidence asked for, all comparisons together."""
    high_pct: float | None
    floor_pct: float | None
    """Difference under which these numbers of launches show only the host's noise."""
    p: float | None
    """Of as large a difference between equals, before the correction."""
    shown: int
    """1 where B is shown to be higher than A, -1 lower, 0 neither."""
    method: str | None
    """What the interval is from: t, bootstrap, floor, paired tasks or standard errors."""
    refused: str | None = None
    """Why there is no verdict."""

    @property
    def verdict(self) -> str:
        """Of speeds: faster, slower, no difference shown, or not comparable: why."""
        return self.told("faster", "slower")

    def told(self, higher: str, lower: str) -> str:
        """The verdict in the words of what was compared."""
        if self.refused:
            return f"not comparable: {self.refused}"
        return {1: higher, -1: lower, 0: "no difference shown"}[self.shown]


class Test(Protocol):
    """A comparison before the correction for their number."""

    @property
    def p(self) -> float:
        """Of as large a difference between equals."""

    def told(self, alpha: float) -> Comparison:
        """The outcome with the error that the correction leaves to it."""


def decide(
    tests: Sequence[Test | Comparison], confidence: float = CONFIDENCE
) -> tuple[Comparison, ...]:
    """Tell all of a family; what is a `Comparison` already was refused and takes no share.

    Holm's correction sets the confidence of each interval, so that it holds zero exactly where no
    difference is shown.

    Args:
        tests: the family.
        confidence: of no wrong verdict in all of it, 0 to 1.
    """
    ps = [None if isinstance(each, Comparison) else each.p for each in tests]
    return tuple(
        each if isinstance(each, Comparison) else each.told(alpha)
        for each, alpha in zip(tests, holm(ps, 1 - confidence), strict=True)
    )


def holm(ps: Sequence[float | None], alpha: float) -> list[float]:
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


def refusal(why: str, a: float | None = None, b: float | None = None) -> Comparison:
    """No verdict; the values are told where there are any above zero."""
    difference = 100 * (b / a - 1) if a and b else None
    return Comparison(a, b, difference, None, None, None, None, 0, None, why)
