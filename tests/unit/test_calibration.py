import math
import statistics

import pytest

from warehouse.calibration import agreement, launch_noise


def test_noise_by_hand() -> None:
    launches = [[99.0, 100.0, 101.0], [103.0, 104.0, 105.0], [95.0, 96.0, 97.0], []]
    found = launch_noise(launches)
    assert found is not None
    between = statistics.stdev(math.log(value) for value in (100, 104, 96))
    within = math.sqrt(
        statistics.fmean(statistics.variance(map(math.log, v)) for v in launches[:3])
    )
    assert found.launches == 3
    assert found.tok_s == pytest.approx(statistics.geometric_mean([100, 104, 96]))
    assert found.between_sd_pct == pytest.approx(100 * between)
    assert found.within_sd_pct == pytest.approx(100 * within)
    assert found.floor_pct == pytest.approx(
        100 * (math.exp(4.30265 * math.sqrt(2) * between) - 1), rel=1e-5
    )


def test_one_launch_tells_no_noise() -> None:
    assert launch_noise([[1.0, 2.0], []]) is None
    single = launch_noise([[10.0], [11.0]])
    assert single is not None
    assert single.within_sd_pct is None


def test_agreement_is_paired() -> None:
    """A drift of 30 % over the calibration is in both of a pair."""
    ours = [[100.0], [110.0], [120.0], [130.0]]
    theirs = [[101.0], [110.5], [121.5], [130.2]]
    found = agreement(ours, theirs, floor_pct=2.0)
    assert found is not None
    ratios = [math.log(t[0] / o[0]) for o, t in zip(ours, theirs, strict=True)]
    half = 3.182446 * statistics.stdev(ratios) / 2
    assert found.pairs == 4
    assert found.difference_pct == pytest.approx(100 * math.expm1(statistics.fmean(ratios)))
    assert found.low_pct == pytest.approx(
        100 * math.expm1(statistics.fmean(ratios) - half), rel=1e-4
    )
    assert found.verdict == f"agrees within {max(-found.low_pct, found.high_pct):.1f} %"


@pytest.mark.parametrize(
    ("theirs", "floor_pct", "verdict"),
    [
        ([[100.0], [100.5], [99.6]], 2.0, "agrees within 1.2 %"),
        ([[98.0], [102.5], [100.0]], 2.0, "not told: the interval is wider than the noise floor"),
        ([[80.0], [125.0], [101.0]], 900.0, "not told: the interval reaches to 75 %"),
        ([[105.0], [105.2], [104.8]], 2.0, "llama-bench reads 5.0 % higher"),
        (
            [[99.0], [99.1], [98.9]],
            2.0,
            "llama-bench reads 1.0 % lower, inside the noise floor",
        ),
    ],
)
def test_verdicts(theirs: list[list[float]], floor_pct: float, verdict: str) -> None:
    found = agreement([[100.0]] * 3, theirs, floor_pct=floor_pct)
    assert found is not None
    assert found.verdict == verdict


def test_a_turn_that_failed_is_left_out() -> None:
    found = agreement([[100.0], [], [100.0]], [[101.0], [999.0], [101.0]], floor_pct=2.0)
    assert found is not None
    assert found.pairs == 2
    assert agreement([[100.0]], [[100.0]], floor_pct=2.0) is None
