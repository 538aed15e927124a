"""Where does a speed step, over builds in their order? Pure functions of launches.

At each place between two builds the speeds before are held against those after it, in standard
errors; the largest of these is compared with what it is for builds that are all alike, by drawing
such histories. So looking at every place costs what it must.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
_NOTHING = 1e-9
"""A relative difference that arithmetic alone makes."""
MIN_SHUFFLED = 15
"""Launches from which shuffling them can tell a step, if they were in turns."""
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
    """Geometric mean of the launches from the step before it, or the first build, on (tok/s)."""
    after: float
    """The same up to the next step, or the last build."""
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
    """Log medians of the launches, build by build."""

    logs: Floats
    launches: tuple[int, ...]
    """Of each build."""
    host_sd: float
    """Of launches by the host's calibration; 0 if there is none."""
    apart: bool

    @property
    def yardsticks(self) -> tuple[bool, ...]:
        """Noise from builds and launches; that of builds alone too where they were apart."""
        return (False, True) if self.apart and len(self.launches) >= MIN_APART else (False,)

    @property
    def centred(self) -> Floats:
        centred: Floats = self.logs - self.logs.mean()
        return centred

    @property
    def shuffled(self) -> bool:
        """Whether launches may change places: there are enough, and no days between them."""
        return not self.apart and len(self.logs) >= MIN_SHUFFLED

    def part(self, start: int, stop: int) -> "_Series":
        """These builds alone."""
        first, last = sum(self.launches[:start]), sum(self.launches[:stop])
        return replace(self, logs=self.logs[first:last], launches=self.launches[start:stop])

    def mean(self, start: int, stop: int) -> float:
        """Of the launches of these builds."""
        return float(self.part(start, stop).logs.mean())


def find_steps(histories: Sequence[History], confidence: float = CONFIDENCE) -> tuple[Found, ...]:
    """The steps of each history; one family: a false alarm in all of it is held to 5 %.

    Holm's correction over the histories. Before and after a step that is found, the builds are
    looked at again with half of the error each; a step is told by the builds up to its neighbours.

    Args:
        histories: points that were measured on several builds.
        confidence: of the family, 0 to 1.
    """
    series = [_series(each) for each in histories]
    ps = [_p(each) if isinstance(each, _Series) else None for each in series]
    return tuple(
        Found((), None, each) if isinstance(each, str) else Found(_steps(each, alpha), p)
        for each, p, alpha in zip(series, ps, holm(ps, 1 - confidence), strict=True)
    )


def _series(history: History) -> _Series | str:
    logs = [np.asarray(log_medians(build)) for build in history.builds]
    launches = tuple(map(len, logs))
    if len(logs) < 2:
        return "one build"
    if sum(launches) - 2 < MIN_FREEDOM:
        return f"{len(logs)} builds, {sum(launches)} launches; measure 3 of each (plan.launches=3)"
    host_sd = history.noise.between_sd_pct / 100 if history.noise else 0.0
    return _Series(np.concatenate(logs), launches, host_sd, history.apart)


def _freedom(launches: Sequence[int]) -> int:
    return sum(launches) - len(launches)


def _steps(series: _Series, alpha: float) -> tuple[Step, ...]:
    cuts = _cuts(series, alpha)
    edges = [0, *cuts, len(series.launches)]
    found = [
        _step(series, start, at, stop, alpha)
        for start, at, stop in zip(edges, cuts, edges[2:], strict=False)
    ]
    return tuple(step for step in found if not step.low_pct <= 0 <= step.high_pct)


def _cuts(series: _Series, alpha: float, first: int = 0) -> list[int]:
    """Where these builds step, the first of which has that index."""
    if _p(series) > alpha:
        return []
    distances, _ = _distances(series, alone=False)
    at = int(np.argmax(distances)) + 1
    before, after = series.part(0, at), series.part(at, len(series.launches))
    return [
        *(_cuts(before, alpha / 2, first) if _tells(before) else ()),
        first + at,
        *(_cuts(after, alpha / 2, first + at) if _tells(after) else ()),
    ]


def _tells(part: _Series) -> bool:
    """Whether a part of a history can be looked at on its own."""
    builds = len(part.launches)
    least = MIN_APART if part.apart else 2
    return builds >= least and sum(part.launches) - 2 >= MIN_FREEDOM


def _step(series: _Series, start: int, at: int, stop: int, alpha: float) -> Step:
    before, after = series.mean(start, at), series.mean(at, stop)
    part, place = series.part(start, stop), at - start
    if not _tells(part):
        part, place = series, at
    half = max(_half(part, place, alone, alpha) for alone in part.yardsticks)
    return Step(
        build=at,
        before=math.exp(before),
        after=math.exp(after),
        change_pct=percent(after - before),
        low_pct=percent(after - before - half),
        high_pct=percent(after - before + half),
    )


def _half(series: _Series, at: int, alone: bool, alpha: float) -> float:
    """Half the width of an interval that holds the change wherever it is."""
    _, errors = _distances(series, alone=alone)
    beyond = max(1, math.floor(alpha * (HISTORIES + 1)))
    return float(_null(series.launches, alone)[-beyond] * errors[at - 1])


def _p(series: _Series) -> float:
    p = max(_p_by(series, alone) for alone in series.yardsticks)
    # No step is shown above this anyway, and shuffling takes its time.
    return max(p, _p_shuffled(series)) if p <= 1 - CONFIDENCE and series.shuffled else p


def _p_shuffled(series: _Series) -> float:
    """The same with the launches of all builds shuffled: nothing is assumed of how they fall."""
    distances, _ = _distances(series, alone=False)
    means, within = _folded(series.centred[_orders(len(series.logs))], series.launches)
    differences, scale, spans = _places(means, series.launches, within, alone=False)
    drawn = (np.abs(differences) / np.maximum(scale * spans, _NOTHING)).max(axis=1)
    return float((1 + np.count_nonzero(drawn >= distances.max())) / (1 + HISTORIES))


@lru_cache(maxsize=8)
def _orders(launches: int) -> npt.NDArray[np.int64]:
    ordered = np.tile(np.arange(launches), (HISTORIES, 1))
    return np.random.default_rng(3).permuted(ordered, axis=1)


def _folded(logs: Floats, launches: Sequence[int]) -> tuple[Floats, Floats]:
    """Of each order of the same launches (a row): means of its builds, and the squares within."""
    counts = np.asarray(launches)
    means = np.add.reduceat(logs, np.cumsum(counts) - counts, axis=1) / counts
    total = (logs[0] ** 2).sum()  # of every order of the same launches
    return means, np.maximum(total - (means**2 * counts).sum(axis=1), 0.0)


def _p_by(series: _Series, alone: bool) -> float:
    distances, _ = _distances(series, alone=alone)
    within = int(np.searchsorted(_null(series.launches, alone), distances.max()))
    return (1 + HISTORIES - within) / (1 + HISTORIES)


def _distances(series: _Series, *, alone: bool) -> tuple[Floats, Floats]:
    """Before against after each place, in standard errors; and those errors."""
    means, within = _folded(series.centred[None, :], series.launches)
    differences, scale, spans = _places(means, series.launches, within, alone)
    scale = np.maximum(scale[0], series.host_sd)
    errors = np.maximum(scale * spans, _NOTHING)
    distances = np.abs(differences[0])
    return np.where(distances > _NOTHING, distances / errors, 0.0), errors


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
