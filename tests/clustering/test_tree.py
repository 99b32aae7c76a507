"""The condensed tree as arrays, held against hdbscan, and clusters read into it."""

from __future__ import annotations

import hdbscan
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.clustering.conftest import Fitted, chosen_by_hdbscan
from vecclust.clustering.tree import CondensedTree, Hierarchy, empty_tree, from_hdbscan, label_nodes, membership


def read(tree: CondensedTree, labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Give labels and strengths of the points as the tree has them, once it knows what was chosen."""
    selection = chosen_by_hdbscan(tree, labels)
    found = selection.node_label[tree.point_parent]
    strengths = membership(tree.point_lambda, largest=selection.node_max_lambda[tree.point_parent])
    return found.astype(np.int64), np.where(found < 0, 0.0, strengths)


@pytest.mark.parametrize("min_samples", [1, 3, 10])
@pytest.mark.parametrize("world_name", ["groups", "overlapping"])
def test_labels_and_strengths_are_those_of_hdbscan(
    world_name: str, min_samples: int, request: pytest.FixtureRequest
) -> None:
    """The golden test of the tree: nodes, parents and densities give hdbscan's labels and strengths, as pinned."""
    layout = request.getfixturevalue(world_name).fit.state.layout
    model = hdbscan.HDBSCAN(min_cluster_size=6, min_samples=min_samples, core_dist_n_jobs=1).fit(layout)
    labels, strengths = read(from_hdbscan(model.condensed_tree_.to_numpy(), n_points=len(layout)), model.labels_)
    np.testing.assert_array_equal(labels, model.labels_)
    np.testing.assert_allclose(strengths, model.probabilities_, atol=1e-7)
    assert labels.max() > 1


@pytest.mark.parametrize("size", [4, 20])
def test_one_hierarchy_is_condensed_as_hdbscan_would(groups: Fitted, size: int) -> None:
    """Whatever the smallest cluster is, the arrays are those of a model that was fitted with it."""
    layout = groups.fit.state.layout
    model = hdbscan.HDBSCAN(min_cluster_size=size, min_samples=5, core_dist_n_jobs=1).fit(layout)
    wanted = from_hdbscan(model.condensed_tree_.to_numpy(), n_points=len(layout))
    got = Hierarchy(layout, min_samples=5).condensed(size=size)
    for name in ("point_parent", "point_lambda", "node_parent", "node_birth", "node_size"):
        np.testing.assert_array_equal(getattr(got, name), getattr(wanted, name))
    assert got.n_nodes > 3


def test_too_few_points_for_two_clusters_have_no_structure() -> None:
    """Nine points are all in the root, where a cluster has five."""
    points = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    tree = Hierarchy(points, min_samples=5).condensed(size=5)
    assert (tree.n_points, tree.n_nodes, tree.node_size.tolist()) == (9, 1, [9])


def test_copies_of_a_point_have_infinite_density_and_full_strength() -> None:
    """As in hdbscan: no NaN, and the others beside them have strength 0."""
    rng = np.random.default_rng(0)
    points = np.vstack([np.zeros((8, 2)), rng.normal(size=(12, 2)), 50 + rng.normal(size=(20, 2))])
    with np.errstate(all="ignore"):
        model = hdbscan.HDBSCAN(min_cluster_size=5, min_samples=2, core_dist_n_jobs=1).fit(points)
    labels, strengths = read(from_hdbscan(model.condensed_tree_.to_numpy(), n_points=len(points)), model.labels_)
    np.testing.assert_array_equal(labels, model.labels_)
    np.testing.assert_allclose(strengths, model.probabilities_, atol=1e-7)
    assert np.isfinite(strengths).all()


def test_a_tree_without_structure_is_no_cluster() -> None:
    """Whatever its points are labelled: the root is none."""
    for labels in ([-1] * 4, [0] * 4):
        selection = label_nodes(empty_tree(4), np.array(labels))
        np.testing.assert_array_equal(selection.node_label, [-1])
        np.testing.assert_array_equal(selection.node_max_lambda, [0])


def test_membership_has_no_division_by_zero_or_infinity() -> None:
    """Nothing to divide by is full membership; beside an infinite density a finite one counts for nothing."""
    largest = np.array([4.0, 4.0, np.inf, np.inf, 0.0])
    got = membership(np.array([2.0, 8.0, np.inf, 3.0, 1.0]), largest=largest)
    np.testing.assert_array_equal(got, [0.5, 1.0, 1.0, 0.0, 1.0])


def chain() -> CondensedTree:
    """Twenty points: the root falls into a dense node 1 of twelve, which falls into 3 and 4 of six each, and node 2."""
    return CondensedTree(
        point_parent=np.array([3] * 6 + [4] * 6 + [2] * 8, np.int32),
        point_lambda=np.array([9.0] * 6 + [11.0] * 6 + [5.0] * 8),
        node_parent=np.array([-1, 0, 0, 1, 1], np.int32),
        node_birth=np.array([0.0, 1.0, 1.0, 8.0, 8.0]),
        node_size=np.array([20, 12, 8, 6, 6], np.int64),
    )


@pytest.mark.parametrize(
    ("labels", "nodes", "largest"),
    [
        ([0] * 12 + [1] * 8, [-1, 0, 1, 0, 0], [0, 8, 5, 8, 8]),
        ([0] * 6 + [1] * 6 + [2] * 8, [-1, -1, 2, 0, 1], [0, 0, 5, 9, 11]),
        ([0] * 6 + [1] * 4 + [-1] * 2 + [2] * 4 + [3] * 4, [-1, -1, -1, 0, 1], [0, 0, 0, 9, 11]),
        ([-1] * 20, [-1] * 5, [0] * 5),
        ([0] * 4 + [1] * 2 + [0] * 4 + [1] * 10, [-1, 0, 1, 0, 0], [0, 8, 5, 8, 8]),
    ],
)
def test_a_node_is_the_cluster_that_most_of_its_points_are_in(
    labels: list[int], nodes: list[int], largest: list[float]
) -> None:
    """Half are not most; noise is no cluster; below a node of the same cluster the densities of the topmost count."""
    selection = label_nodes(chain(), np.array(labels))
    np.testing.assert_array_equal(selection.node_label, nodes)
    np.testing.assert_array_equal(selection.node_max_lambda, largest)


def test_hdbscans_own_clusters_are_read_into_their_nodes(overlapping: Fitted) -> None:
    """Every node inside a cluster that hdbscan chose is that cluster."""
    layout = overlapping.fit.state.layout
    model = hdbscan.HDBSCAN(min_cluster_size=6, min_samples=3, core_dist_n_jobs=1).fit(layout)
    tree = from_hdbscan(model.condensed_tree_.to_numpy(), n_points=len(layout))
    chosen, got = chosen_by_hdbscan(tree, model.labels_), label_nodes(tree, model.labels_)
    inside = chosen.node_label >= 0
    np.testing.assert_array_equal(got.node_label[inside], chosen.node_label[inside])
    assert inside.sum() > 10


def test_clusters_of_a_fit_are_found_in_its_own_tree(groups: Fitted) -> None:
    """A point in a node of a cluster is in that cluster, but for a few."""
    state = groups.fit.state
    read_off = state.node_label[state.point_parent]
    assert (read_off == state.labels).mean() > 0.9
    assert set(read_off) - {-1} == set(range(12))
