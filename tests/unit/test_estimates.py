import math

import pytest

from warehouse.estimates import Estimate, estimate_test, exact
from warehouse.verdicts import decide


def test_standard_errors_decide() -> None:
    (near, far) = decide(
        [
            estimate_test(Estimate(10.0, 0.1), Estimate(10.2, 0.1)),
            estimate_test(Estimate(10.0, 0.1), Estimate(11.0, 0.1)),
        ]
    )
    assert (near.shown, far.shown, far.method) == (0, 1, "standard errors")
    assert far.difference_pct == pytest.approx(10)
    # Holm leaves half of 5 % to the smaller of two p values: 2.24 standard errors
    half = 2.245 * math.hypot(0.1 / 10, 0.1 / 11)
    assert far.low_pct == pytest.approx(100 * (1.1 * math.exp(-half) - 1), rel=1e-2)
    (unknown,) = decide([estimate_test(Estimate(10.0, None), Estimate(11.0, 0.1))])
    assert unknown.verdict == "not comparable: no standard error is known"


def test_exact_sizes_are_apart_or_not() -> None:
    smaller = exact((18.2, 18.2), (17.29, 17.29))
    assert (smaller.shown, smaller.p) == (-1, None)
    assert smaller.difference_pct == pytest.approx(-5)
    assert exact((10, 12), (12, 14)).shown == 0
    assert exact((10, 12), (12.1, 14)).shown == 1
