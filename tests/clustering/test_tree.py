"""The condensed tree as arrays, held against hdbscan."""

from __future__ import annotations

from dataclasses import replace

import hdbscan
import numpy as np
import pytest

from tests.clustering.conftest import Fitted
from vecclust.clustering.tree import (
    CondensedTree,
    empty_tree,
    excess_of_mass,
    from_hdbscan,
    labels_and_strengths,
    membership,
    persisting_nodes,
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
    tree = from_hdbscan(model.condensed_tree_.to_numpy(), n_points=len(layout))
    labels, strengths = labels_and_strengths(tree, select(tree, excess_of_mass(tree)))
    np.testing.assert_array_equal(labels, model.labels_)
    np.testing.assert_allclose(strengths, model.probabilities_, atol=1e-7)
    assert labels.max() > 1


def test_a_limit_on_size_is_hdbscans_own(whole_blobs: Fitted) -> None:
    """`max_size` means what `max_cluster_size` means there."""
    layout = whole_blobs.fit.state.layout
    model = hdbscan.HDBSCAN(min_cluster_size=6, min_samples=3, max_cluster_size=200, core_dist_n_jobs=1)
    model.fit(layout)
    tree = from_hdbscan(model.condensed_tree_.to_numpy(), n_points=len(layout))
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
    tree = from_hdbscan(model.condensed_tree_.to_numpy(), n_points=len(points))
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


def chain() -> CondensedTree:
    """Twenty points: the root falls into a dense node 1 of twelve, which falls into 3 and 4 of six each, and node 2."""
    return CondensedTree(
        point_parent=np.array([3] * 6 + [4] * 6 + [2] * 8, np.int32),
        point_lambda=np.full(20, 9.0),
        node_parent=np.array([-1, 0, 0, 1, 1], np.int32),
        node_birth=np.array([0.0, 1.0, 1.0, 8.0, 8.0]),
        node_size=np.array([20, 12, 8, 6, 6], np.int64),
    )


def test_a_cluster_that_is_still_a_node_stays_whatever_mass_says() -> None:
    """The parent has far more mass than its children; they were the clusters, and are kept, and so is the rest."""
    tree = chain()
    assert excess_of_mass(tree).tolist() == [1, 2]
    labels = np.array([0] * 6 + [1] * 6 + [2] * 4 + [-2] * 4)
    kept = persisting_nodes(tree, labels)
    assert kept.tolist() == [2, 3, 4]
    assert excess_of_mass(tree, kept=kept).tolist() == [2, 3, 4]
    assert excess_of_mass(tree, kept=np.array([3], np.int32)).tolist() == [2, 3, 4]
    assert excess_of_mass(tree, kept=np.array([1], np.int32), max_size=5).tolist() == [1]


def test_of_a_chain_the_node_that_is_most_like_its_cluster_stands() -> None:
    """A crumb that was a cluster does not stand inside one that stands; what came since does not count."""
    tree = chain()
    labels = np.array([0] * 6 + [0, 0, 0, 0, -1, -1] + [-2] * 8)
    assert persisting_nodes(tree, labels).tolist() == [1]
    # Nine of the twelve were noise: neither the node nor its parts are the cluster of three.
    scattered = np.array([0, 0, -1, -1, -1, -1, 0, -1, -1, -1, -1, -1] + [-1] * 8)
    assert persisting_nodes(tree, scattered).tolist() == []
    assert persisting_nodes(tree, np.full(20, -2)).tolist() == []
    assert persisting_nodes(empty_tree(4), np.zeros(4, np.int64)).tolist() == []


def test_what_came_since_joins_a_cluster_only_where_it_is_no_kind_of_its_own() -> None:
    """Points 6 to 11 came since: apart from the cluster they have more mass, or less."""
    labels = np.array([0] * 6 + [-2] * 6 + [1] * 8)
    assert persisting_nodes(chain(), labels).tolist() == [1, 2]
    apart = replace(chain(), node_birth=np.array([0.0, 1.0, 1.0, 2.0, 2.0]))
    assert persisting_nodes(apart, labels).tolist() == [2, 3]


def test_the_clusters_of_a_fit_stand_in_its_own_tree(groups: Fitted) -> None:
    """All of them, exactly."""
    state = groups.fit.state
    tree = CondensedTree(state.point_parent, state.point_lambda, state.node_parent, state.node_birth, state.node_size)
    chosen = excess_of_mass(tree)
    assert persisting_nodes(tree, groups.fit.state.labels.astype(np.int64)).tolist() == chosen.tolist()
