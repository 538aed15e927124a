"""One figure of many points: what their launches say together. Pure."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from orchestrator.comparing.noise import CalibratedStep, nearest_noise
from orchestrator.comparing.points import Launched, Matched
from orchestrator.launch_speeds import LaunchSpeeds
from warehouse.comparison import MIN_LAUNCHES, Noise, Side

Values = Callable[[LaunchSpeeds], Sequence[float]]
"""The figure of each valid repetition; empty where it is not known."""
Rounds = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Combined:
    """Both sides over several points."""

    a: Side
    b: Side
    points: tuple[Matched, ...]
    """Those that are in it."""


def combine(
    points: Sequence[Matched], values: Values, known: Sequence[CalibratedStep]
) -> Combined | None:
    """The sides of all points as one; None where no point has the figure on both sides.

    A launch is one datum of its cell: the mean over its steps, of the launches that have all of
    them. The n-th launches of all cells are one round, and a round is what a launch is to a single
    point: rounds share no launch, so nothing is assumed of how the cells' noise differs. Where
    cells have launches enough to tell their noise, only those are in it.
    """
    usable = [point for point in points if any(map(values, point.a)) and any(map(values, point.b))]
    cells = [
        (a, b, cell)
        for cell in _by_cell(usable)
        if (a := _rounds([point.a for point in cell], values))
        and (b := _rounds([point.b for point in cell], values))
    ]
    enough = [each for each in cells if min(len(each[0]), len(each[1])) >= MIN_LAUNCHES]
    cells = enough or cells
    if not cells:
        return None
    kept = tuple(point for _, _, cell in cells for point in cell)
    return Combined(
        Side(mean_rounds([a for a, _, _ in cells]), _worst(kept, known, "a")),
        Side(mean_rounds([b for _, b, _ in cells]), _worst(kept, known, "b")),
        kept,
    )


def mean_rounds(cells: Sequence[Rounds]) -> list[list[float]]:
    """Geometric mean of the n-th launches of all cells, as launches of one value each."""
    return [[math.exp(fmean(each))] for each in zip(*cells, strict=False)]


def _by_cell(points: Iterable[Matched]) -> list[list[Matched]]:
    groups: dict[tuple[str, str], list[Matched]] = {}
    for point in points:
        groups.setdefault((point.a[0].cell_id, point.b[0].cell_id), []).append(point)
    return list(groups.values())


def _rounds(steps: Sequence[Launched], values: Values) -> Rounds:
    return launch_means([{each.launch_id: values(each) for each in step} for step in steps])


def launch_means(steps: Sequence[dict[str, Sequence[float]]]) -> Rounds:
    """Of each launch that has every step, in order: mean over the steps of its log medians."""
    logs = [
        {launch: math.log(median(found)) for launch, found in step.items() if found}
        for step in steps
    ]
    whole = [launch for launch in logs[0] if all(launch in step for step in logs)]
    return tuple(fmean(step[launch] for step in logs) for launch in whole)


def _worst(points: Sequence[Matched], known: Sequence[CalibratedStep], side: str) -> Noise | None:
    """The noisiest calibration of the points; none where a point has none."""
    noises = []
    for point in points:
        servers = {point.a[0].server_id, point.b[0].server_id}
        each = point.a[0] if side == "a" else point.b[0]
        noises.append(nearest_noise(each, servers, known))
    found = [noise for noise in noises if noise]
    if len(found) < len(noises):
        return None
    return max(found, key=lambda noise: noise.between_sd_pct)
