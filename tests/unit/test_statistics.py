import math
import random
import statistics

import pytest

from warehouse.statistics import (
    enough,
    half_width_pct,
    median_interval,
    outliers,
    spread_pct,
)


def covered(n: int, confidence: float, draw: str, samples: int = 4000) -> float:
    """Share of samples whose interval holds the true median; the law is drawn here."""
    random_ = random.Random(f"{n}/{draw}")
    hits = 0
    for _ in range(samples):
        if draw == "normal":
            values, truth = [random_.gauss(100, 3) for _ in range(n)], 100.0
        else:
            # skewed, as speeds with slow stragglers are
            values, truth = [-random_.expovariate(1.0) + 50 for _ in range(n)], 50 - math.log(2)
        interval = median_interval(values, confidence)
        hits += interval is not None and interval.low <= truth <= interval.high
    return hits / samples


def test_spread_is_the_views() -> None:
    # median 11, deviations 1 2 0 1 9 -> 1
    assert spread_pct([10, 9, 11, 12, 20]) == pytest.approx(100 * 1.4826 * 1 / 11)


@pytest.mark.parametrize("n", [3, 4, 5, 6, 8, 12, 20])
def test_interval_holds_its_confidence_for_normal_values(n: int) -> None:
    assert 0.94 <= covered(n, 0.95, "normal") <= 0.985


@pytest.mark.parametrize("n", [6, 9, 15, 20])
def test_interval_needs_no_normal_values_from_six(n: int) -> None:
    assert covered(n, 0.95, "skewed") >= 0.94


def test_interval_of_six_is_nearly_the_range() -> None:
    # the range of six encloses the median with 1 - 2 / 64 = 96.9 %
    interval = median_interval([1, 2, 3, 4, 5, 6], 0.95)
    assert interval is not None
    # between depth 1 (0.96875) and depth 2 (0.78125): a tenth of the way, weight 5 / 14
    assert interval.low == pytest.approx(1 + 5 / 14)
    assert interval.high == pytest.approx(6 - 5 / 14)
    exact = median_interval([1, 2, 3, 4, 5, 6], 1 - 2 / 64)
    assert exact is not None
    assert (exact.low, exact.high) == (1, 6)


def test_interval_of_five_by_hand() -> None:
    # sd 1.5811, t 2.7764 at 4 degrees of freedom, median's standard error 1.2533 sd / sqrt(5)
    interval = median_interval([1, 2, 3, 4, 5], 0.95)
    assert interval is not None
    assert interval.high - 3 == pytest.approx(2.7764 * 1.2533 * 1.58114 / math.sqrt(5), rel=1e-4)


def test_half_width_cannot_be_told() -> None:
    assert half_width_pct([], 0.95) == math.inf
    assert half_width_pct([7.0], 0.95) == math.inf
    assert half_width_pct([0.0, 0.0, 0.0], 0.95) == math.inf
    assert half_width_pct([5.0, 5.0, 5.0], 0.95) == 0


def test_stop() -> None:
    steady = [100.0, 100.1, 99.9, 100.05, 99.95, 100.02]
    rough = [100.0, 120.0, 85.0, 97.0, 108.0, 91.0]

    def stop(values: list[float], minimum: int = 3, maximum: int = 20) -> bool:
        return enough(values, target_pct=2, minimum=minimum, maximum=maximum)

    assert not stop(steady[:2])
    assert stop(steady[:3])
    assert not stop(steady, minimum=7)
    assert not stop(rough)
    assert stop(rough, maximum=6)
    assert not stop([], maximum=6)


def test_stop_saves_repetitions_and_tells_the_truth() -> None:
    """A quiet step stops early, a noisy one late, and the median is as close as was asked."""
    random_ = random.Random(3)
    taken: dict[float, list[int]] = {0.5: [], 3.0: []}
    close = 0
    for _ in range(300):
        for noise, counts in taken.items():
            values: list[float] = []
            while not enough(values, target_pct=2, minimum=3, maximum=20):
                values.append(random_.gauss(100, noise))
            counts.append(len(values))
            if noise == 0.5:
                close += abs(statistics.median(values) - 100) <= 2
    assert statistics.median(taken[0.5]) <= 4
    assert statistics.median(taken[3.0]) >= 10
    assert close >= 0.95 * 300


def test_outliers_are_marked() -> None:
    values = [100.0, 101.0, 99.0, 100.5, 99.5, 70.0]
    assert outliers(values) == (False, False, False, False, False, True)
    assert outliers([1.0, 1.1, 50.0]) == (False, False, False)
    assert outliers([1.0, 1.0, 1.0, 1.0, 9.0]) == (False,) * 5
    assert outliers([]) == ()


@pytest.mark.parametrize("n", [4, 5, 6, 8, 10, 15, 20])
def test_clean_samples_have_few_marks(n: int) -> None:
    random_ = random.Random(n)
    marked = sum(any(outliers([random_.gauss(50, 1) for _ in range(n)])) for _ in range(2000))
    assert marked / 2000 <= 0.05
