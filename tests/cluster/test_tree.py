"""The condensed tree as arrays, held against hdbscan."""

from __future__ import annotations

import hdbscan
import numpy as np
import pytest

from tests.cluster.conftest import Fitted
from vecclust.cluster.tree import (
    empty_tree,
    excess_of_mass,
    from_records,
    labels_and_strengths,
    membership,
    select,
    stabilities,
)


@pytest.mark.parametrize("min_samples", [1, 3, 10])
@pytest.mark.parametrize("world_name", ["groups", "whole_blobs"])
def test_labels_and_strengths_are_those_of_hdbscan(
    world_name: str, min_samples: int, request: pytest.FixtureRequest
) -> None:
    """The golden test of the tree: the choice, its labels in order and the strengths, as pinned."""
    layout = request.getfixturevalue(world_name).fit.state.layout
    model = hdbscan.HDBSCAN(min_cluster_size=6, min_samples=min_samples, core_dist_n_jobs=1).fit(layout)
    tree = from_records(model.condensed_tree_.to_numpy(), n_points=len(layout))
    labels, strengths = labels_and_strengths(tree, select(tree, excess_of_mass(tree)))
    np.testing.assert_array_equal(labels, model.labels_)
    np.testing.assert_allclose(strengths, model.probabilities_, atol=1e-7)
    assert labels.max() > 1


def test_a_limit_on_size_is_hdbscans_own(whole_blobs: Fitted) -> None:
    """`max_size` means what `max_cluster_size` means there."""
    layout = whole_blobs.fit.state.layout
    model = hdbscan.HDBSCAN(min_cluster_size=6, min_samples=3, max_cluster_size=200, core_dist_n_jobs=1)
    model.fit(layout)
    tree = from_records(model.condensed_tree_.to_numpy(), n_points=len(layout))
    chosen = excess_of_mass(tree, max_size=200)
    labels, _ = labels_and_strengths(tree, select(tree, chosen))
    np.testing.assert_array_equal(labels, model.labels_)
    assert tree.node_size[chosen].max() <= 200


def test_copies_of_a_point_have_infinite_density_and_full_strength() -> None:
    """As in hdbscan: no NaN, and the others beside them have strength 0."""
    rng = np.random.default_rng(0)
    points = np.vstack([np.zeros((8, 2)), rng.normal(size=(12, 2)), 50 + rng.normal(size=(20, 2))])
    with np.errstate(all="ignore"):
        model = hdbscan.HDBSCAN(min_cluster_size=5, min_samples=2, core_dist_n_jobs=1).fit(points)
    tree = from_records(model.condensed_tree_.to_numpy(), n_points=len(points))
    labels, strengths = labels_and_strengths(tree, select(tree, excess_of_mass(tree)))
    np.testing.assert_array_equal(labels, model.labels_)
    np.testing.assert_allclose(strengths, model.probabilities_, atol=1e-7)
    assert np.isfinite(strengths).all()


def test_a_tree_without_structure_chooses_nothing() -> None:
    """Every point is noise with strength 0."""
    tree = empty_tree(4)
    labels, strengths = labels_and_strengths(tree, select(tree, excess_of_mass(tree)))
    np.testing.assert_array_equal(labels, [-1] * 4)
    np.testing.assert_array_equal(strengths, [0] * 4)
    np.testing.assert_array_equal(stabilities(tree), [0])


def test_membership_has_no_division_by_zero_or_infinity() -> None:
    """Nothing to divide by is full membership; beside an infinite density a finite one counts for nothing."""
    largest = np.array([4.0, 4.0, np.inf, np.inf, 0.0])
    got = membership(np.array([2.0, 8.0, np.inf, 3.0, 1.0]), largest=largest)
    np.testing.assert_array_equal(got, [0.5, 1.0, 1.0, 0.0, 1.0])
