"""Where does a speed step, over builds in their order? Pure functions of launches.

At each place between two builds the speeds before are held against those after it, in standard
errors; the largest of these is compared with what it is for builds that are all alike, by drawing
such histories. So looking at every place costs what it must.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from warehouse.comparison import Noise, log_medians, percent
from warehouse.verdicts import CONFIDENCE, holm

Floats = npt.NDArray[np.float64]

HISTORIES = 9_999
"""Histories without a step that are drawn for each layout of launches."""
MIN_APART = 5
"""Builds from which what they differ by can be told from a step without their launches."""
MIN_FREEDOM = 3
"""Degrees of freedom from which launches tell their noise: two builds of three launches have 4."""


@dataclass(frozen=True, slots=True)
class History:
    """Speeds of one and the same thing, build by build in their order; each has a launch."""

    builds: Sequence[Sequence[Sequence[float]]]
    """Speeds (tok/s) of the valid repetitions, by build and launch."""
    noise: Noise | None = None
    """Of the host; None where it was not calibrated."""
    apart: bool = False
    """Whether the builds were measured one after the other, as on days that differ."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change between a build and the one before it."""

    build: int
    """Index of the first build after it."""
    before: float
    """Geometric mean of the launches from the step before, or the first build, to it (tok/s)."""
    after: float
    change_pct: float
    low_pct: float
    """The interval holds the change at any place, all histories together."""
    high_pct: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a history shows."""

    steps: tuple[Step, ...]
    p: float | None
    """Of as large a step in a history without one, before the correction for their number."""
    refused: str | None = None
    """Why nothing can be said."""


@dataclass(frozen=True, slots=True)
class _Series:
    """Means of the builds' log medians, their launches, and the squares within builds."""

    means: Floats
    launches: tuple[int, ...]
    within: float
    host_sd: float
    """Of launches by the host's calibration; 0 if there is none."""
    apart: bool

    @property
    def yardsticks(self) -> tuple[bool, ...]:
        """Noise from builds and launches; that of builds alone too where they were apart."""
        return (False, True) if self.apart and len(self.launches) >= MIN_APART else (False,)

    def part(self, start: int, stop: int) -> "_Series":
        """These builds alone; the squares within builds go on telling the noise of all."""
        share = _freedom(self.launches[start:stop]) / max(1, _freedom(self.launches))
        return _Series(
            self.means[start:stop],
            self.launches[start:stop],
            self.within * share,
            self.host_sd,
            self.apart,
        )


def find_steps(histories: Sequence[History], confidence: float = CONFIDENCE) -> tuple[Found, ...]:
    """The steps of each history; one family: a false alarm in all of it is held to 5 %.

    Holm's correction over the histories. Beyond a step that is found, both parts are looked at
    again with half of what is left of the error each.

    Args:
        histories: points that were measured on several builds.
        confidence: of the family, 0 to 1.
    """
    series = [_series(each) for each in histories]
    ps = [_p(each) if isinstance(each, _Series) else None for each in series]
    return tuple(
        Found((), None, each) if isinstance(each, str) else Found(tuple(_split(each, 0, alpha)), p)
        for each, p, alpha in zip(series, ps, holm(ps, 1 - confidence), strict=True)
    )


def _series(history: History) -> _Series | str:
    logs = [np.asarray(log_medians(build)) for build in history.builds]
    launches = tuple(map(len, logs))
    if len(logs) < 2:
        return "one build"
    if sum(launches) - 2 < MIN_FREEDOM:
        return f"{len(logs)} builds, {sum(launches)} launches; measure 3 of each (plan.launches=3)"
    means = np.asarray([float(build.mean()) for build in logs])
    within = float(sum(((build - build.mean()) ** 2).sum() for build in logs))
    host_sd = history.noise.between_sd_pct / 100 if history.noise else 0.0
    return _Series(means, launches, within, host_sd, history.apart)


def _freedom(launches: Sequence[int]) -> int:
    return sum(launches) - len(launches)


def _split(series: _Series, first: int, alpha: float) -> list[Step]:
    """The steps among these builds, of which the first has that index."""
    if len(series.launches) < 2 or sum(series.launches) - 2 < MIN_FREEDOM:
        return []
    if _p(series) > alpha:
        return []
    distances, _ = _distances(series, alone=False)
    at = int(np.argmax(distances)) + 1
    before, after = (
        float(np.average(series.means[part], weights=np.asarray(series.launches)[part]))
        for part in (slice(None, at), slice(at, None))
    )
    half = max(_half(series, at, alone, alpha) for alone in series.yardsticks)
    step = Step(
        build=first + at,
        before=math.exp(before),
        after=math.exp(after),
        change_pct=percent(after - before),
        low_pct=percent(after - before - half),
        high_pct=percent(after - before + half),
    )
    stop = len(series.launches)
    return [
        *_split(series.part(0, at), first, alpha / 2),
        step,
        *_split(series.part(at, stop), first + at, alpha / 2),
    ]


def _half(series: _Series, at: int, alone: bool, alpha: float) -> float:
    """Half the width of an interval that holds the change wherever it is."""
    _, errors = _distances(series, alone=alone)
    beyond = max(1, math.floor(alpha * (HISTORIES + 1)))
    return float(_null(series.launches, alone)[-beyond] * errors[at - 1])


def _p(series: _Series) -> float:
    return max(_p_by(series, alone) for alone in series.yardsticks)


def _p_by(series: _Series, alone: bool) -> float:
    distances, _ = _distances(series, alone=alone)
    within = int(np.searchsorted(_null(series.launches, alone), distances.max()))
    return (1 + HISTORIES - within) / (1 + HISTORIES)


def _distances(series: _Series, *, alone: bool) -> tuple[Floats, Floats]:
    """Before against after each place, in standard errors; and those errors."""
    differences, scale, spans = _places(
        series.means[None, :], series.launches, np.asarray([series.within]), alone
    )
    scale = np.maximum(scale[0], series.host_sd)
    errors = np.maximum(scale * spans, np.finfo(float).tiny)
    return np.abs(differences[0]) / errors, errors


def _places(
    means: Floats, launches: Sequence[int], within: Floats, alone: bool
) -> tuple[Floats, Floats, Floats]:
    """Of each history (a row) and place: difference, noise of a launch, and its factor.

    The noise is what the builds of a side differ by, alone or pooled with the launches in each;
    then the larger of the two.
    """
    weights = np.asarray(launches, dtype=float)
    left, total = np.cumsum(weights)[:-1], weights.sum()
    right = total - left
    sums = np.cumsum(means * weights, axis=1)
    before = sums[:, :-1] / left
    after = (sums[:, -1:] - sums[:, :-1]) / right
    squares = (means**2 * weights).sum(axis=1, keepdims=True)
    between = np.maximum(squares - before**2 * left - after**2 * right, 0.0)
    free = len(launches) - 2
    variance = between / free if free else np.zeros_like(between)
    if not alone:
        pooled = (between + within[:, None]) / (free + _freedom(launches))
        variance = np.maximum(pooled, variance)
    return after - before, np.sqrt(variance), np.sqrt(1 / left + 1 / right)


@lru_cache(maxsize=256)
def _null(launches: tuple[int, ...], alone: bool) -> Floats:
    """Largest distances in histories without a step, ascending; by fixed numbers."""
    random = np.random.default_rng(2)
    means = random.normal(size=(HISTORIES, len(launches))) / np.sqrt(launches)
    within = random.chisquare(max(1, _freedom(launches)), HISTORIES) * bool(_freedom(launches))
    differences, scale, spans = _places(means, launches, within, alone)
    return np.sort((np.abs(differences) / (scale * spans)).max(axis=1))
