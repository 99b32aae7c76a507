"""What chance gives the best few of many numbers, so that a best one can be told from luck. Knows no photos."""

from __future__ import annotations

import math
from statistics import NormalDist


def best_by_chance(k: int, n: int) -> tuple[float, float]:
    """Give expectation and standard deviation of the mean of the k largest of n standard normal variables.

    The expectation by Blom's formula (1958), the deviation by that of the limit, whose spacings are exponential (Rényi
    1953).

    Args:
        k: at least 1, far fewer than n.
        n: at least 2.
    """
    normal = NormalDist()
    expected = math.fsum(normal.inv_cdf((n - place + 0.625) / (n + 0.25)) for place in range(1, k + 1)) / k
    tail = math.pi**2 / 6 - math.fsum(1 / place**2 for place in range(1, k + 1))
    return expected, math.sqrt((1 / k + tail) / (2 * math.log(n)))
