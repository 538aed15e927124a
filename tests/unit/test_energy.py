"""Energy against power curves whose integral is known by formula."""

import math
from collections.abc import Callable

import pytest

from workers.energy import Energy, energy_over, together


def sampled(power: Callable[[float], float], step_s: float = 0.125) -> list[tuple[float, float]]:
    """A power curve as the sampler sees it, from 0 to 20 s."""
    return [(i * step_s, power(i * step_s)) for i in range(int(20 / step_s) + 1)]


def counted(power_w: float, step_s: float = 1.0) -> list[tuple[float, float]]:
    return [(i * step_s, 5e6 + i * step_s * power_w * 1000) for i in range(int(20 / step_s) + 1)]


@pytest.mark.parametrize(
    ("power", "integral"),
    [
        (lambda t: 250.0, lambda t: 250.0 * t),
        (lambda t: 100 + 30 * t, lambda t: 100 * t + 15 * t * t),
        (lambda t: 200 + 80 * math.sin(t), lambda t: 200 * t - 80 * math.cos(t)),
        (lambda t: 60 + 300 * math.exp(-t / 3), lambda t: 60 * t - 900 * math.exp(-t / 3)),
    ],
    ids=["constant", "ramp", "wave", "decay"],
)
@pytest.mark.parametrize("span", [(1.0, 3.0), (2.06, 9.31), (0.01, 19.99)])
def test_the_integral_of_power(
    power: Callable[[float], float],
    integral: Callable[[float], float],
    span: tuple[float, float],
) -> None:
    energy = energy_over([], sampled(power), *span)
    assert energy.source == "integrated"
    assert energy.energy_j == pytest.approx(integral(span[1]) - integral(span[0]), rel=1e-3)


def test_edges_between_samples_are_interpolated() -> None:
    """A ramp is exact: without its edges the first and last piece would be missing."""
    ramp = sampled(lambda t: 100 + 30 * t, step_s=0.5)
    assert energy_over([], ramp, 1.1, 2.4).energy_j == pytest.approx(
        100 * 1.3 + 15 * (2.4**2 - 1.1**2), rel=1e-12
    )


def test_a_gap_is_not_bridged() -> None:
    whole = sampled(lambda t: 300.0)
    holed = [point for point in whole if not 4.0 < point[0] < 6.5]
    assert energy_over([], holed, 3.0, 8.0) == Energy(reason="no power for 2.5 s, more than 0.5 s")
    assert energy_over([], holed, 7.0, 9.0).energy_j == pytest.approx(600.0)
    # the gap reaches into the span from outside
    assert energy_over([], holed, 6.0, 9.0).energy_j is None
    assert energy_over([], holed, 2.0, 4.0).energy_j == pytest.approx(600.0)


def test_a_counter_goes_before_power_and_is_interpolated() -> None:
    energy = energy_over(counted(250.0), sampled(lambda t: 999.0), 1.25, 4.75)
    assert energy.energy_j == pytest.approx(875.0)
    assert energy.source == "counter"


@pytest.mark.parametrize(
    ("counter", "power", "span", "reason"),
    [
        ([], [], (1, 3), "the card tells neither energy nor power"),
        (counted(100), [], (1, 1.3), "0.30 s are less than 0.5 s"),
        ([], sampled(lambda t: 100), (1, 1.7), "0.70 s are less than 1.0 s"),
        (counted(100), [], (-1, 3), "no reading on both sides of the span"),
        (counted(100), [], (19, 21), "no reading on both sides of the span"),
        ([], sampled(lambda t: 100), (19, 21), "no reading on both sides of the span"),
        ([(0.0, 9e6), (5.0, 1e3)], [], (1, 3), "the energy counter went back"),
    ],
)
def test_no_energy_says_why(
    counter: list[tuple[float, float]],
    power: list[tuple[float, float]],
    span: tuple[float, float],
    reason: str,
) -> None:
    assert energy_over(counter, power, *span) == Energy(reason=reason)


def test_devices_together() -> None:
    by_counter, by_power = Energy(10.0, "counter"), Energy(5.0, "integrated")
    assert together([by_counter, by_counter]) == Energy(20.0, "counter")
    assert together([by_counter, by_power]) == Energy(15.0, "integrated")
    assert together([by_counter, Energy(reason="why")]) == Energy(reason="why")
