"""Energy of a GPU over a span of time: pure functions of (time s, reading) in order of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

COUNTER = "counter"
INTEGRATED = "integrated"
COUNTER_SPAN_S = 0.5
"""Shortest span with an energy: the counter moves in steps of some 0.1 s (H100: energy of equal
trials spread by 14 % at 0.3 s, 3 to 6 % at 0.5 to 0.9 s)."""
POWER_SPAN_S = 1.0
"""Shortest span with a mean or an integral of NVML's power: that itself is a mean over the last
second on many cards."""
POWER_GAP_S = 0.5
"""Longest time between two power samples that is still bridged by a straight line: four samples."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy over a span, or why there is none."""

    energy_j: float | None = None
    source: str | None = None
    """counter or integrated"""
    reason: str | None = None


def energy_over(counter_mj: Points, power_w: Points, start_s: float, end_s: float) -> Energy:
    """Energy of one GPU: by its counter where it has one, else the integral of its power."""
    if counter_mj:
        return _counted(counter_mj, start_s, end_s)
    if power_w:
        return _integrated(power_w, start_s, end_s)
    return Energy(reason="the card tells neither energy nor power")


def together(energies: Sequence[Energy]) -> Energy:
    """Energy of several GPUs; the first that has none says why, the weaker source counts."""
    lacking = next((each for each in energies if each.energy_j is None), None)
    if lacking:
        return Energy(reason=lacking.reason)
    known = [each.energy_j for each in energies if each.energy_j is not None]
    counted = all(each.source == COUNTER for each in energies)
    return Energy(sum(known), COUNTER if counted else INTEGRATED)


def _counted(points: Points, start_s: float, end_s: float) -> Energy:
    problem = _too_short(start_s, end_s, COUNTER_SPAN_S) or _not_covered(points, start_s, end_s)
    if problem:
        return Energy(reason=problem)
    used_mj = _interpolate(points, end_s) - _interpolate(points, start_s)
    if used_mj < 0:
        return Energy(reason="the energy counter went back")
    return Energy(used_mj / 1000, COUNTER)


def _integrated(points: Points, start_s: float, end_s: float) -> Energy:
    problem = _too_short(start_s, end_s, POWER_SPAN_S) or _not_covered(points, start_s, end_s)
    if problem:
        return Energy(reason=problem)
    gap = max(b[0] - a[0] for a, b in pairwise(points) if a[0] < end_s and b[0] > start_s)
    if gap > POWER_GAP_S:
        return Energy(reason=f"no power for {gap:.1f} s, more than {POWER_GAP_S} s")
    inside = [point for point in points if start_s < point[0] < end_s]
    edges = [(at_s, _interpolate(points, at_s)) for at_s in (start_s, end_s)]
    line = [edges[0], *inside, edges[1]]
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(line))
    return Energy(area, INTEGRATED)


def _too_short(start_s: float, end_s: float, limit_s: float) -> str | None:
    span_s = end_s - start_s
    return f"{span_s:.2f} s are less than {limit_s} s" if span_s < limit_s else None


def _not_covered(points: Points, start_s: float, end_s: float) -> str | None:
    covered = points[0][0] <= start_s and points[-1][0] >= end_s
    return None if covered else "no reading on both sides of the span"


def _interpolate(points: Points, at_s: float) -> float:
    before = max(point for point in points if point[0] <= at_s)
    after = min(point for point in points if point[0] >= at_s)
    if after[0] == before[0]:
        return before[1]
    share = (at_s - before[0]) / (after[0] - before[0])
    return before[1] + share * (after[1] - before[1])
