"""`herd compare --by engine_build`: histories of points over builds in their order."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from orchestrator.comparing.builds import Build, PointHistory, histories
from orchestrator.comparing.noise import CalibratedStep
from orchestrator.comparing.question import Question
from orchestrator.launch_speeds import LaunchSpeeds
from tests.unit.speeds_samples import speeds

ASKED = Question("engine_build", ())
BUILDS = [Build(f"sha{n}", f"build {n}", unique=n != 5) for n in range(8)]


def launch(build: Build, tok_s: float, **changes: Any) -> LaunchSpeeds:
    server = {"engine_sha256": build.build, **changes.pop("server", {})}
    each = speeds(tok_s, server=server, engine_sha256=build.build, **changes)
    return replace(each, engine_build=build.engine_build)


def measured(
    random: np.random.Generator, levels: list[float], *, apart: bool = False, **changes: Any
) -> list[LaunchSpeeds]:
    """Three launches of each build, in rounds as a plan runs them, or build after build."""
    rounds = [[(build, level) for build, level in zip(BUILDS, levels, strict=False)]] * 3
    order = [each for turn in rounds for each in turn]
    if apart:
        order.sort(key=lambda each: BUILDS.index(each[0]))
    return [
        launch(build, level * (1 + random.normal(0, 0.01)), **changes) for build, level in order
    ]


def asked(found: list[LaunchSpeeds], known: tuple[CalibratedStep, ...] = ()) -> list[PointHistory]:
    return list(histories(ASKED, found, BUILDS, known))


def test_the_step_is_named() -> None:
    random = np.random.default_rng(1)
    found = measured(random, [40.0] * 5 + [36.0] * 3)
    (point,) = asked(found)
    (step,) = point.found.steps
    assert point.builds[step.build - 1].label == "build 4"
    assert point.builds[step.build].label == "build 5 (sha5)"
    assert step.change_pct == pytest.approx(-10, abs=2)
    assert (point.points, point.in_turns) == (1, True)


def test_what_else_differs_is_another_point() -> None:
    random = np.random.default_rng(2)
    found = measured(random, [40.0] * 4)
    other = [
        replace(each, host_id="beta")
        for each in measured(random, [30.0] * 8)
        if each.engine_build in ("build 6", "build 7")
    ]
    history, moved = asked([*found, *other])[-2:]
    assert [build.build for build in history.builds] == ["sha0", "sha1", "sha2", "sha3"]
    assert [build.build for build in moved.builds] == ["sha6", "sha7"]
    assert not history.found.steps
    assert not moved.found.steps


def test_all_points_show_what_none_does_alone() -> None:
    """A step of 1.5 % in six contexts, each with 1 % noise between launches."""
    random = np.random.default_rng(3)
    levels = [40.0] * 4 + [39.4] * 4
    found = []
    for number in range(6):
        context = 4096 * (number + 1)
        several = measured(random, levels, context=context, server={"context": context})
        found += [replace(each, cell_id=f"{context} {each.engine_sha256}") for each in several]
    overall, *points = asked(found)
    assert (overall.points, len(points)) == (6, 6)
    (step,) = overall.found.steps
    assert step.build == 4
    assert step.low_pct <= -1.5 <= step.high_pct < 0
    assert sum(bool(point.found.steps) for point in points) < 6


def test_builds_one_after_the_other_are_told() -> None:
    random = np.random.default_rng(4)
    (point,) = asked(measured(random, [40.0] * 8, apart=True))
    assert not point.in_turns
    assert not point.found.steps


def test_the_hosts_noise_holds_steps_back() -> None:
    random = np.random.default_rng(5)
    found = measured(random, [40.0] * 4 + [38.5] * 4)
    assert asked(found)[0].found.steps
    noisy = CalibratedStep("alpha", "sha0", "other", "tg", "tg128", 0, 6.0, 5)
    assert not asked(found, (noisy,))[0].found.steps


def test_too_few_launches_say_so() -> None:
    (point,) = asked([launch(BUILDS[0], 40.0), launch(BUILDS[1], 20.0)])
    assert point.found.refused == "2 builds, 2 launches; measure 3 of each (plan.launches=3)"
