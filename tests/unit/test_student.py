import math

import pytest

from warehouse.student import t_cdf, t_quantile


@pytest.mark.parametrize(
    ("freedom", "probability", "t"),
    [
        # printed tables of Student's t, three decimals
        (1, 0.975, 12.706),
        (2, 0.975, 4.303),
        (4, 0.975, 2.776),
        (4, 0.995, 4.604),
        (8, 0.975, 2.306),
        (8, 0.95, 1.860),
        (30, 0.975, 2.042),
        (120, 0.9995, 3.373),
    ],
)
def test_quantiles_as_in_printed_tables(freedom: int, probability: float, t: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(t, abs=6e-4)
    assert t_quantile(1 - probability, freedom) == -t_quantile(probability, freedom)


@pytest.mark.parametrize("t", [-3.0, 0.0, 0.7, 2.5, 40.0])
def test_closed_forms(t: float) -> None:
    assert t_cdf(t, 1) == pytest.approx(0.5 + math.atan(t) / math.pi, abs=1e-10)
    assert t_cdf(t, 2) == pytest.approx(0.5 + t / (2 * math.sqrt(2 + t * t)), abs=1e-10)


def test_limits() -> None:
    assert t_cdf(math.inf, 3.7) == pytest.approx(1, abs=1e-10)
    assert t_cdf(1.959964, 5000) == pytest.approx(0.975, abs=1e-4)
    # not whole: between its neighbours
    assert t_quantile(0.975, 7) < t_quantile(0.975, 6.5) < t_quantile(0.975, 6)
