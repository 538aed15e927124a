"""Histories are drawn here, by numpy and laws of noise that the product knows nothing of."""

import numpy as np
import pytest

from warehouse.comparison import Noise
from warehouse.steps import History, find_steps

TOK_S = 40.0


def simulated(
    random: np.random.Generator,
    levels: list[float],
    *,
    launches: int = 3,
    sd: float = 0.02,
    day: float = 0.0,
    apart: bool = False,
) -> History:
    """Launches of each build, whose level is that times what the day of its measurement did."""
    return History(
        [
            [
                [level * (1 + shift + error)]
                for shift in [random.normal(0, day)]
                for error in random.normal(0, sd, launches)
            ]
            for level in levels
        ],
        apart=apart,
    )


def flat(builds: int) -> list[float]:
    return [TOK_S] * builds


def stepped(builds: int, at: int, ratio: float = 0.95) -> list[float]:
    return [TOK_S] * at + [TOK_S * ratio] * (builds - at)


@pytest.mark.parametrize(
    ("builds", "launches", "day", "apart"),
    [(10, 3, 0.0, False), (20, 3, 0.0, False), (30, 2, 0.0, False), (10, 3, 0.02, True)],
)
@pytest.mark.simulation
def test_flat_histories_seldom_alarm(builds: int, launches: int, day: float, apart: bool) -> None:
    """The true rate is 5 % of 600 histories; 2 standard errors of it are 11."""
    random = np.random.default_rng(builds)
    alarms = sum(
        bool(found.steps)
        for _ in range(600)
        for found in find_steps(
            [simulated(random, flat(builds), launches=launches, day=day, apart=apart)]
        )
    )
    assert alarms <= 0.05 * 600 + 11


@pytest.mark.parametrize(("builds", "at"), [(10, 5), (10, 8), (30, 25)])
@pytest.mark.simulation
def test_five_percent_are_found_within_a_build(builds: int, at: int) -> None:
    """Three launches a build at 2 % noise."""
    random = np.random.default_rng(at)
    near = 0
    for _ in range(100):
        (found,) = find_steps([simulated(random, stepped(builds, at))])
        near += any(abs(step.build - at) <= 1 and step.change_pct < 0 for step in found.steps)
    assert near >= 0.9 * 100


@pytest.mark.simulation
def test_days_that_differ_pass_for_steps_where_it_is_not_told() -> None:
    """The same histories, each build on a day of its own: what `apart` is there for."""
    random = np.random.default_rng(4)
    histories = [simulated(random, flat(10), day=0.03) for _ in range(300)]
    told = [History(each.builds, apart=True) for each in histories]
    alarms = sum(bool(find_steps([each])[0].steps) for each in histories)
    assert alarms > 30
    assert sum(bool(find_steps([each])[0].steps) for each in told) <= 26


def test_several_steps_are_told_apart() -> None:
    random = np.random.default_rng(5)
    levels = [TOK_S] * 6 + [TOK_S * 0.85] * 6 + [TOK_S * 1.05] * 6
    (found,) = find_steps([simulated(random, levels)])
    assert [step.build for step in found.steps] == [6, 12]
    down, up = found.steps
    assert down.low_pct <= -15 <= down.high_pct < 0 < up.low_pct
    assert (down.before, down.after) == pytest.approx((TOK_S, TOK_S * 0.85), rel=0.03)
    assert (up.before, up.after) == pytest.approx((TOK_S * 0.85, TOK_S * 1.05), rel=0.03)


@pytest.mark.simulation
def test_many_histories_share_the_error() -> None:
    random = np.random.default_rng(6)
    families = [[simulated(random, flat(10)) for _ in range(8)] for _ in range(150)]
    together = sum(any(found.steps for found in find_steps(each)) for each in families)
    alone = sum(any(find_steps([history])[0].steps for history in each) for each in families)
    assert together <= 0.05 * 150 + 6
    assert alone >= 0.2 * 150


def test_no_step_inside_the_hosts_noise() -> None:
    """Launches that happen to agree say nothing against a noisy host."""
    levels = [[[TOK_S + 0.01 * launch] for launch in range(3)] for _ in range(4)]
    levels += [[[0.96 * TOK_S + 0.01 * launch] for launch in range(3)] for _ in range(4)]
    assert find_steps([History(levels)])[0].steps[0].build == 4
    noisy = Noise("alpha", 5.0, 4)
    assert find_steps([History(levels, noisy)])[0].steps == ()


def test_a_history_without_noise_steps_exactly() -> None:
    levels = [[[TOK_S]] * 3] * 3 + [[[0.9 * TOK_S]] * 3] * 3
    (found,) = find_steps([History(levels)])
    assert [step.build for step in found.steps] == [3]
    assert found.steps[0].change_pct == pytest.approx(-10)
    assert find_steps([History([[[TOK_S]] * 3] * 6)])[0].steps == ()


@pytest.mark.parametrize(
    ("builds", "why"),
    [
        ([[[1.0]]], "one build"),
        ([[[1.0]], [[2.0]], [[3.0]]], "3 builds, 3 launches; measure 3 of each (plan.launches=3)"),
    ],
)
def test_too_little_says_why(builds: list[list[list[float]]], why: str) -> None:
    (found,) = find_steps([History(builds)])
    assert (found.steps, found.refused) == ((), why)


def test_stragglers_are_no_steps() -> None:
    """One launch in twenty loses a fifth, as a throttled one: never a law of the product's."""
    random = np.random.default_rng(9)
    alarms = 0
    for _ in range(400):
        levels = TOK_S * (1 + random.normal(0, 0.01, (10, 3)))
        levels *= 1 - 0.2 * (random.random((10, 3)) < 0.05)
        (found,) = find_steps([History([[[value] for value in build] for build in levels])])
        alarms += bool(found.steps)
    assert alarms <= 0.05 * 400 + 9
