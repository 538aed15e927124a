"""What the error of a difference is told by: Student's t, or a bootstrap. Pure.

Both give the chance of as large a difference between equals, and half the width of an interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from warehouse.student import t_cdf, t_quantile

Floats = npt.NDArray[np.float64]

RESAMPLES = 9_999
MIN_RESAMPLED = 5
"""Launches a side from which a bootstrap holds its level and is no wider than it must be."""
MIN_ALPHA = 0.0025
"""Error below which so few launches have no tails to resample; 20 comparisons leave it to each."""


@dataclass(frozen=True, slots=True)
class Student:
    """Standard error of a log difference, with its degrees of freedom."""

    error: float
    freedom: int

    def half(self, alpha: float) -> float:
        """Half the width of the interval with that error."""
        return self.error * t_quantile(1 - alpha / 2, self.freedom)

    def p(self, difference: float) -> float:
        """Chance of as large a difference between equals."""
        if self.error == 0:
            return float(difference == 0)
        return 2 * (1 - t_cdf(abs(difference) / self.error, self.freedom))


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """The same by a studentised bootstrap: how far its resamples of equals were from zero."""

    error: float
    distances: Floats
    """In standard errors of each resample, ascending."""

    def half(self, alpha: float) -> float:
        """As of `Student`."""
        beyond = math.floor(alpha * (len(self.distances) + 1))
        return self.error * float(self.distances[-beyond]) if beyond else math.inf

    def p(self, difference: float) -> float:
        """As of `Student`."""
        within = int(np.searchsorted(self.distances, abs(difference) / self.error))
        return (1 + len(self.distances) - within) / (1 + len(self.distances))


Basis = Student | Resampled


def student(total: float, freedom: int, sides: tuple[int, int]) -> Student:
    """From a sum of squares, of so many launches a side."""
    return Student(math.sqrt(total / freedom * (1 / sides[0] + 1 / sides[1])), freedom)


def of_launches(a: Sequence[float], b: Sequence[float], comparisons: int, alpha: float) -> Basis:
    """From the log medians of both sides' launches, pooled.

    A bootstrap where it holds its level, else Student's t.

    Args:
        a: of side A, two or more.
        b: of side B.
        comparisons: number of them in the family.
        alpha: error of the family.
    """
    centred = [np.asarray(side) - np.mean(side) for side in (a, b)]
    squares = float(sum(np.sum(side**2) for side in centred))
    sides = len(a), len(b)
    exact = student(squares, sum(sides) - 2, sides)
    if min(sides) < MIN_RESAMPLED or alpha / comparisons < MIN_ALPHA or exact.error == 0:
        return exact
    # Deviations from a side's own mean are too small by this factor.
    residuals = np.concatenate([side * math.sqrt(len(side) / (len(side) - 1)) for side in centred])
    return Resampled(exact.error, _distances(residuals, sides))


def _distances(residuals: Floats, sides: tuple[int, int]) -> Floats:
    """Resamples of both sides from all residuals: their |differences| in own standard errors."""
    values = residuals[_drawn(sum(sides))]
    a, b = values[:, : sides[0]], values[:, sides[0] :]
    squares = sides[0] * a.var(axis=1) + sides[1] * b.var(axis=1)
    errors = np.sqrt(squares / (sum(sides) - 2) * (1 / sides[0] + 1 / sides[1]))
    differences = np.abs(b.mean(axis=1) - a.mean(axis=1))
    return np.sort(differences / np.maximum(errors, np.finfo(float).tiny))


@lru_cache(maxsize=16)
def _drawn(launches: int) -> npt.NDArray[np.int64]:
    """Which launches each resample has, with replacement: fixed, so that answers repeat."""
    return np.random.default_rng(1).integers(0, launches, (RESAMPLES, launches))
