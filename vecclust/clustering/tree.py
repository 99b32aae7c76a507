"""The condensed tree of HDBSCAN as plain arrays, and clusters read into it.

Knows hdbscan's hierarchy of points, and alone reaches into it, and the shape of the tree. Refuses to choose clusters:
those come from the neighbour graph; the tree tells of a place in the layout, and with it of an arrival, in which of
them it lies. Invariants: node 0 is the root and no cluster; a parent's number is smaller than its children's.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.arrays import Float32s, Float64s, Int32s, Int64s

# A node is read as the cluster that most of its points are in.
MIN_SHARE_OF_NODE = 0.5


class Hierarchy:
    """HDBSCAN's hierarchy of points: single linkage of mutual reachability.

    Args:
        points: (n, c) float32.
        min_samples: neighbours that make a point dense.
    """

    def __init__(self, points: Float32s, *, min_samples: int) -> None:
        import hdbscan

        self._n = len(points)
        with warnings.catch_warnings():
            # scikit-learn renames an argument hdbscan passes; an infinite density of copies is handled below.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            model = hdbscan.HDBSCAN(
                min_cluster_size=2,
                min_samples=min(min_samples, len(points) - 1),
                core_dist_n_jobs=1,  # the default spawns processes: 22 s for 0.4 s of work
            ).fit(points)
            self._linkage = model.single_linkage_tree_.to_numpy()

    def condensed(self, *, size: int) -> CondensedTree:
        """Give the tree of the clusters that are not too small.

        Args:
            size: points of the smallest cluster, at least 2.
        """
        if self._n < 2 * size:
            return empty_tree(self._n)
        from hdbscan._hdbscan_tree import condense_tree

        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # An infinite density of copies is handled below.
            warnings.simplefilter("ignore", RuntimeWarning)
            return from_hdbscan(condense_tree(self._linkage, size), n_points=self._n)


@dataclass(frozen=True, slots=True)
class CondensedTree:
    """A condensed tree over n points and m nodes.

    Attributes:
        point_parent: (n,) int32, the node each point falls out of.
        point_lambda: (n,) float64, the density (1 / distance) at which it does; inf for copies of one point.
        node_parent: (m,) int32, -1 for the root.
        node_birth: (m,) float64, the density at which the node splits off its parent; 0 for the root.
        node_size: (m,) int64, points in the node and below.
    """

    point_parent: Int32s
    point_lambda: Float64s
    node_parent: Int32s
    node_birth: Float64s
    node_size: Int64s

    @property
    def n_points(self) -> int:
        """Points of the tree."""
        return len(self.point_parent)

    @property
    def n_nodes(self) -> int:
        """Nodes of the tree, the root included."""
        return len(self.node_parent)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cluster each node is.

    Attributes:
        node_label: (m,) int32, -1 for none.
        node_max_lambda: (m,) float64, the largest density in the topmost node of the same cluster above it, 0 for none.
    """

    node_label: Int32s
    node_max_lambda: Float64s


def from_hdbscan(records: NDArray[Any], *, n_points: int) -> CondensedTree:
    """Turn hdbscan's edge list into arrays.

    Args:
        records: the structured array of `HDBSCAN.condensed_tree_.to_numpy()`.
        n_points: points fitted; node ids in `records` begin there.
    """
    is_point = records["child"] < n_points
    points, inner = records[is_point], records[~is_point]
    n_nodes = 1 + len(inner)
    point_parent = np.zeros(n_points, np.int32)
    point_lambda = np.zeros(n_points, np.float64)
    point_parent[points["child"]] = points["parent"] - n_points
    point_lambda[points["child"]] = points["lambda_val"]
    node_parent = np.full(n_nodes, -1, np.int32)
    node_birth = np.zeros(n_nodes, np.float64)
    node_size = np.full(n_nodes, n_points, np.int64)
    child = inner["child"] - n_points
    node_parent[child] = inner["parent"] - n_points
    node_birth[child] = inner["lambda_val"]
    node_size[child] = inner["child_size"]
    return CondensedTree(point_parent, point_lambda, node_parent, node_birth, node_size)


def empty_tree(n_points: int) -> CondensedTree:
    """Return the tree of a collection without any structure: every point in the root.

    Args:
        n_points: points, at least 0.
    """
    return CondensedTree(
        np.zeros(n_points, np.int32),
        np.zeros(n_points, np.float64),
        np.full(1, -1, np.int32),
        np.zeros(1, np.float64),
        np.full(1, n_points, np.int64),
    )


# Of a clustering that has no tree.
NO_TREE = CondensedTree(np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int64))
NO_SELECTION = Selection(np.zeros(0, np.int32), np.zeros(0, np.float64))


def death_lambdas(tree: CondensedTree) -> Float64s:
    """Return the largest density among each node's own points and children, (m,) float64.

    Args:
        tree: the tree.
    """
    deaths = np.zeros(tree.n_nodes, np.float64)
    np.maximum.at(deaths, tree.point_parent, tree.point_lambda)
    np.maximum.at(deaths, tree.node_parent[1:], tree.node_birth[1:])
    return deaths


def label_nodes(tree: CondensedTree, labels: Int64s) -> Selection:
    """Read clusters into a tree that did not choose them: a node is the cluster that most of its points are in.

    Args:
        tree: the tree.
        labels: (n,) int64, -1 for noise.

    Returns:
        What prediction needs; the largest density is that of the topmost node of the same cluster.
    """
    counts: list[dict[int, int]] = [{} for _ in range(tree.n_nodes)]
    for node, label in zip(tree.point_parent.tolist(), labels.tolist(), strict=True):
        counts[node][label] = counts[node].get(label, 0) + 1
    node_label = np.full(tree.n_nodes, -1, np.int32)
    for node in range(tree.n_nodes - 1, 0, -1):
        label, most = max(counts[node].items(), key=lambda each: (each[1], -each[0]))
        if most > MIN_SHARE_OF_NODE * tree.node_size[node]:
            node_label[node] = label
        above = counts[tree.node_parent[node]]
        # The smaller of the two is poured into the larger.
        if len(above) < len(counts[node]):
            above, counts[node] = counts[node], above
        for each, count in counts[node].items():
            above[each] = above.get(each, 0) + count
        counts[tree.node_parent[node]], counts[node] = above, {}
    largest = death_lambdas(tree)
    largest[node_label < 0] = 0.0
    for node in range(1, tree.n_nodes):
        parent = tree.node_parent[node]
        if node_label[node] >= 0 and node_label[parent] == node_label[node]:
            largest[node] = largest[parent]
    return Selection(node_label, largest)


def membership(densities: Float64s, *, largest: Float64s) -> Float64s:
    """Return how much points belong to their clusters: min(density, largest) / largest.

    Args:
        densities: (n,) at which points fall out of their cluster; inf for copies of one point.
        largest: (n,) the largest density in each one's cluster, 0 for noise.

    Returns:
        (n,) float64 in [0, 1]; 1 for a density without bound, or with nothing to divide by.
    """
    strengths = np.ones(len(densities), np.float64)
    plain = np.isfinite(densities) & (largest > 0.0)
    # finite / inf is 0 on purpose: beside copies of one point every other member is far away (as in hdbscan).
    strengths[plain] = np.minimum(densities[plain], largest[plain]) / largest[plain]
    return strengths
