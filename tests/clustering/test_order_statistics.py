"""What chance gives the best few of many."""

from __future__ import annotations

import numpy as np
import pytest

from vecclust.clustering.order_statistics import best_by_chance


@pytest.mark.parametrize("k", [1, 3, 10])
def test_chance_is_what_the_largest_of_normal_variables_come_to(k: int) -> None:
    """The formulas against two thousand draws: the expectation to a twentieth, the deviation to a quarter."""
    draws = np.sort(np.random.default_rng(0).normal(size=(2000, 800)), axis=1)[:, -k:].mean(axis=1)
    expected, deviation = best_by_chance(k, 800)
    assert expected == pytest.approx(draws.mean(), abs=0.05)
    assert deviation == pytest.approx(draws.std(), rel=0.25)
