"""Newcomers that gather: found among themselves, as near as the run's own photos are, and not where there are none."""

from __future__ import annotations

import numpy as np

from tests.clustering.conftest import Fitted
from tests.clustering.worlds import cloud, unit
from vecclust.clustering import FitParams, Placer, densest_pocket, fit
from vecclust.clustering.pocket import enough, usual_reach


def test_photos_of_a_new_kind_are_a_pocket_once_they_are_enough(groups: Fitted) -> None:
    """As many as can become a cluster; photos of no kind between them are not in it, in whatever order they come."""
    state, rng = groups.fit.state, np.random.default_rng(3)
    least = enough(state.params)
    kind, loners = cloud(rng, size=3 * least, width=64), rng.normal(size=(30, 64))
    few = unit(np.vstack([loners, kind[: least - 1]]))
    assert len(densest_pocket(few, state)) == 0
    many = unit(np.vstack([loners, kind]))
    assert Placer(state, groups.vectors).place(many).newcomer[30:].mean() > 0.95
    found = densest_pocket(many, state)
    assert set(found) <= set(range(30, 30 + 3 * least))
    assert len(found) >= 2 * least
    order = rng.permutation(len(many))
    assert sorted(order[densest_pocket(many[order], state)]) == found.tolist()


def test_the_larger_of_two_pockets_is_told(groups: Fitted) -> None:
    """They are not taken for one."""
    rng, least = np.random.default_rng(4), enough(groups.fit.state.params)
    both = unit(np.vstack([cloud(rng, size=2 * least, width=64), cloud(rng, size=4 * least, width=64)]))
    found = densest_pocket(both, groups.fit.state)
    assert set(found) <= set(range(2 * least, 6 * least))


def test_a_run_without_clusters_has_no_pockets() -> None:
    """Nothing says what near means there; copies of one picture are a pocket elsewhere."""
    nothing = fit(unit(np.random.default_rng(0).normal(size=(6, 16))), FitParams()).state
    assert usual_reach(nothing) is None
    same = np.repeat(unit(np.random.default_rng(1).normal(size=(1, 16))), 9, axis=0)
    assert len(densest_pocket(same, nothing)) == 0


def test_copies_are_a_pocket(groups: Fitted) -> None:
    """At distance 0, to the rounding of the product."""
    same = np.repeat(unit(np.random.default_rng(1).normal(size=(1, 64))), 20, axis=0)
    assert densest_pocket(same, groups.fit.state).tolist() == list(range(20))
    assert len(densest_pocket(same[:0], groups.fit.state)) == 0
