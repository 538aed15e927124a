"""Does B solve more tasks than A? Pairs of runs of one task, clustered by task. Pure.

Variants and seeds of one task are not independent: the task is the unit. With one pair a task
the test is McNemar's, exact.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from warehouse.student import t_quantile
from warehouse.verdicts import CONFIDENCE, Comparison, Test, refusal

_PSEUDO_TASKS = 2
"""Added to the interval, half a task for each way in which a pair can differ and agree (Agresti
and Min 2005): pairs that all agree are no proof of equality."""


@dataclass(frozen=True, slots=True)
class TaskPairs:
    """Runs of one task by both sides: the same variant, seed and try, pair by pair."""

    task: str
    pairs: Sequence[tuple[bool, bool]]
    """Whether A and B succeeded; one pair or more."""


@dataclass(frozen=True, slots=True)
class _Paired:
    a: float
    b: float
    """Share of success, mean over the tasks."""
    differences: tuple[Fraction, ...]
    """Of the shares, B - A, task by task."""

    @property
    def p(self) -> float:
        return flip_p(self.differences)

    def told(self, alpha: float) -> Comparison:
        difference = self.b - self.a
        half = self._half(alpha)
        decided = self.p <= alpha and abs(difference) > half
        return Comparison(
            a=100 * self.a,
            b=100 * self.b,
            difference_pct=100 * difference,
            low_pct=100 * max(-1.0, difference - half),
            high_pct=100 * min(1.0, difference + half),
            floor_pct=None,
            p=self.p,
            shown=int(math.copysign(1, difference)) if decided else 0,
            method="paired tasks",
        )

    def _half(self, alpha: float) -> float:
        n = len(self.differences) + _PSEUDO_TASKS
        mean = sum(map(float, self.differences)) / n
        square = (sum(float(each) ** 2 for each in self.differences) + 1) / n
        error = math.sqrt((square - mean**2) / n)
        return error * t_quantile(1 - alpha / 2, len(self.differences) - 1)


def task_test(found: Sequence[TaskPairs], confidence: float = CONFIDENCE) -> Test | Comparison:
    """The test of success; shares are percent, differences percentage points.

    Args:
        found: the tasks that both sides tried.
        confidence: of the family, 0 to 1: so few tasks that not even all of them could show a
            difference are refused.
    """
    if not found:
        return refusal("no task was tried by both sides")
    shares = [_shares(each.pairs) for each in found]
    a, b = (float(sum(side, Fraction()) / len(found)) for side in zip(*shares, strict=True))
    needed = min_tasks(1 - confidence)
    if len(found) < needed:
        told = refusal(f"too few tasks for a verdict: {len(found)}, {needed} or more are needed")
        return _with_shares(told, a, b)
    return _Paired(a, b, tuple(theirs - ours for ours, theirs in shares))


def min_tasks(alpha: float) -> int:
    """Tasks from which a difference can be shown at all: all of them for one side."""
    return 1 + math.ceil(math.log2(1 / alpha) - 1e-9)


def flip_p(differences: Sequence[Fraction]) -> float:
    """Chance of as large a sum if each task's difference could as well be the other way round.

    All signs are counted, none is drawn: sums are whole numbers in the smallest common unit.
    """
    unit = math.lcm(*(each.denominator for each in differences))
    steps = [abs(int(each * unit)) for each in differences]
    total = abs(sum(int(each * unit) for each in differences))
    ways = {0: 1}
    for step in filter(None, steps):
        grown: dict[int, int] = {}
        for at, count in ways.items():
            for to in (at - step, at + step):
                grown[to] = grown.get(to, 0) + count
        ways = grown
    as_large = sum(count for at, count in ways.items() if abs(at) >= total)
    return as_large / sum(ways.values())


def _shares(pairs: Sequence[tuple[bool, bool]]) -> tuple[Fraction, Fraction]:
    a, b = (sum(map(bool, side)) for side in zip(*pairs, strict=True))
    return Fraction(a, len(pairs)), Fraction(b, len(pairs))


def _with_shares(told: Comparison, a: float, b: float) -> Comparison:
    return Comparison(
        100 * a, 100 * b, 100 * (b - a), None, None, None, None, 0, None, told.refused
    )
