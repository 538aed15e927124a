"""Student's t distribution for any positive number of degrees of freedom. Pure."""

import math
from functools import lru_cache

import numpy as np

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


def t_cdf(t: float, freedom: float) -> float:
    """Probability of a value up to t.

    The density becomes cos(u)^(freedom - 1) with t = sqrt(freedom) tan(u): smooth on a bounded
    range, so a fixed Gauss-Legendre rule gives ten digits for 2 to some 1,000 degrees of freedom.

    Args:
        t: where; infinite is allowed.
        freedom: degrees of freedom, 1 or more, whole or not.
    """
    half = math.atan(t / math.sqrt(freedom)) / 2
    area = half * float(np.dot(_WEIGHTS, np.cos(half * (_NODES + 1)) ** (freedom - 1)))
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    return min(1.0, max(0.0, 0.5 + area * math.exp(log_scale) / math.sqrt(math.pi)))


@lru_cache(maxsize=1024)
def t_quantile(probability: float, freedom: float) -> float:
    """The value that is not exceeded with this probability (above 0, below 1), by bisection."""
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        if t_cdf(math.sqrt(freedom) * math.tan(middle), freedom) < probability:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan((low + high) / 2)
