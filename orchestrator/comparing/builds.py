"""Speeds over the engine's builds: where they step, by point and over all points. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.comparing.axes import axis_of
from orchestrator.comparing.combined import launch_means, mean_rounds
from orchestrator.comparing.noise import CalibratedStep, nearest_noise
from orchestrator.comparing.points import Launched, point_of, prefer_measured
from orchestrator.comparing.question import Question
from orchestrator.comparing.turns import one_after_the_other
from orchestrator.launch_speeds import LaunchSpeeds
from warehouse.comparison import Noise
from warehouse.steps import Found, History, find_steps

AXIS = "engine_build"


@dataclass(frozen=True, slots=True)
class Build:
    """A row of the view `builds`; they come oldest first."""

    build: str
    """Hash of its files, else what it says of itself."""
    engine_build: str | None
    unique: bool
    """Whether no other says the same of itself."""

    @property
    def label(self) -> str:
        """As people name it; its hash too where that does not tell it apart."""
        if self.engine_build and self.unique:
            return self.engine_build
        return f"{self.engine_build or 'build'} ({self.build[:8]})"


@dataclass(frozen=True, slots=True)
class PointHistory:
    """A point, or all points of a workload and kind, over the builds on which it was measured."""

    builds: tuple[Build, ...]
    launches: tuple[Launched, ...]
    """By build; of all points, all of them."""
    found: Found
    points: int
    """Points in it; 1 for a point of its own."""
    in_turns: bool


@dataclass(frozen=True, slots=True)
class _Draft:
    builds: tuple[Build, ...]
    launches: tuple[Launched, ...]
    speeds: tuple[Sequence[Sequence[float]], ...]
    noise: Noise | None
    points: int

    @property
    def in_turns(self) -> bool:
        return not one_after_the_other(
            [[each.started_at for each in build] for build in self.launches]
        )

    @property
    def history(self) -> History:
        return History(self.speeds, self.noise, apart=not self.in_turns)


def histories(
    question: Question,
    found: Iterable[LaunchSpeeds],
    builds: Sequence[Build],
    calibrated: Sequence[CalibratedStep],
) -> tuple[PointHistory, ...]:
    """The histories of all points with two builds or more: over all points first; one family.

    Builds that the engine axis decides may differ in name and files, nothing else may. Imported
    rows are left out where a point has measured ones.
    """
    kept = [each for each in found if question.keeps(each)]
    points = [each for each in map(_ordered(builds), _by_point(kept)) if len(each) > 1]
    drafts = [
        *(each for group in _grouped(points) if (each := _overall(group, calibrated))),
        *(_point(each, calibrated) for each in points),
    ]
    results = find_steps([draft.history for draft in drafts])
    return tuple(
        PointHistory(d.builds, d.launches, result, d.points, d.in_turns)
        for d, result in zip(drafts, results, strict=True)
    )


_ByBuild = Mapping[Build, Launched]


def _by_point(found: Iterable[LaunchSpeeds]) -> list[dict[str, list[LaunchSpeeds]]]:
    """Launches of each point by build."""
    axis = axis_of(AXIS)
    points: dict[str, dict[str, list[LaunchSpeeds]]] = {}
    for each in found:
        build = each.engine_sha256 or each.engine_build
        if build:
            points.setdefault(point_of(each, axis), {}).setdefault(build, []).append(each)
    return list(points.values())


def _ordered(builds: Sequence[Build]) -> Callable[[dict[str, list[LaunchSpeeds]]], _ByBuild]:
    def order(point: dict[str, list[LaunchSpeeds]]) -> _ByBuild:
        return {each: prefer_measured(point[each.build]) for each in builds if each.build in point}

    return order


def _grouped(points: Iterable[_ByBuild]) -> list[list[_ByBuild]]:
    """Points of one workload, kind and kind of depth, where there are several."""
    groups: dict[tuple[str, str, bool], list[_ByBuild]] = {}
    for point in points:
        first = next(iter(point.values()))[0]
        groups.setdefault((first.workload, first.kind, first.depth > 0), []).append(point)
    return [group for group in groups.values() if len(group) > 1]


def _point(point: _ByBuild, calibrated: Sequence[CalibratedStep]) -> _Draft:
    launches = tuple(point.values())
    speeds = tuple([each.speeds for each in build] for build in launches)
    return _Draft(tuple(point), launches, speeds, _noise(launches[0], calibrated), 1)


def _overall(points: Sequence[_ByBuild], calibrated: Sequence[CalibratedStep]) -> _Draft | None:
    """The builds that all points have; a round is the n-th launch of every cell."""
    shared = [build for build in points[0] if all(build in point for point in points)]
    if len(shared) < 2:
        return None
    noises = [_noise(point[shared[0]], calibrated) for point in points]
    known = [noise for noise in noises if noise]
    speeds = tuple(_rounds([point[build] for point in points]) for build in shared)
    if not all(speeds):
        return None
    return _Draft(
        tuple(shared),
        tuple(tuple(each for point in points for each in point[build]) for build in shared),
        speeds,
        max(known, key=lambda noise: noise.between_sd_pct) if len(known) == len(noises) else None,
        len(points),
    )


def _rounds(points: Sequence[Launched]) -> list[list[float]]:
    cells: dict[str, list[dict[str, Sequence[float]]]] = {}
    for launches in points:
        speeds: dict[str, Sequence[float]] = {each.launch_id: each.speeds for each in launches}
        cells.setdefault(launches[0].cell_id, []).append(speeds)
    return mean_rounds([launch_means(steps) for steps in cells.values()])


def _noise(launches: Launched, calibrated: Sequence[CalibratedStep]) -> Noise | None:
    return nearest_noise(launches[0], set(), calibrated)
