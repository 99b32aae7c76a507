"""The condensed tree of HDBSCAN as plain arrays, and a clustering as a choice of its nodes.

Knows hdbscan's hierarchy of points, and alone reaches into it; the shape of the tree, excess of mass, and how a chosen
set of nodes gives labels, strengths and predictions. The hierarchy depends on `min_samples` alone; every smallest
cluster gives a condensed tree of it, and every choice of nodes a clustering. Invariants: node 0 is the root and never
chosen; a parent's number is smaller than its children's; chosen nodes are never inside one another; labels run 0, 1, 2,
... in node order. For an unrefined choice labels and strengths equal those of hdbscan 0.8.44 (golden tests).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.arrays import Bools, Float32s, Float64s, Int32s, Int64s

# A cluster stays where a node of the tree shares more than this with it, by Jaccard's index; no node can then be two
# clusters, and no cluster two nodes. On 1,670 photos, twenty refits, three orders: 14 % of the photos changed their
# cluster in a refit where 22 % did with a free choice, and AMI with the truth was 0.48 instead of 0.46.
MIN_JACCARD_OF_NODE = 0.5


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
    """A choice of nodes and what follows from it for every node.

    Attributes:
        node_label: (m,) int32, the label of the chosen node at or above each node, -1 where there is none.
        node_max_lambda: (m,) float64, the largest density in that chosen node, 0 where there is none.
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


def stabilities(tree: CondensedTree) -> Float64s:
    """Return each node's excess of mass (Campello, Moulavi, Sander 2013), (m,) float64.

    A copy of a point has infinite density, hence its node infinite mass, as in hdbscan.

    Args:
        tree: the tree.
    """
    mass = np.zeros(tree.n_nodes, np.float64)
    np.add.at(mass, tree.point_parent, tree.point_lambda - tree.node_birth[tree.point_parent])
    parents = tree.node_parent[1:]
    np.add.at(mass, parents, (tree.node_birth[1:] - tree.node_birth[parents]) * tree.node_size[1:])
    return mass


def excess_of_mass(tree: CondensedTree, *, max_size: int = 0, kept: Int32s | None = None) -> Int32s:
    """Choose the nodes whose mass is not beaten by what is inside them; never the root.

    Args:
        tree: the tree.
        max_size: nodes with more points are never chosen; 0 for no limit.
        kept: nodes that are chosen whatever their mass and size, none inside another.

    Returns:
        The chosen nodes, ascending.
    """
    limit = max_size or tree.n_points + 1
    mass = stabilities(tree)
    if kept is not None:
        mass[_above(tree, kept)] = -np.inf
    below = np.zeros(tree.n_nodes, np.float64)
    chosen = np.zeros(tree.n_nodes, bool)
    for node in range(tree.n_nodes - 1, 0, -1):
        chosen[node] = not (below[node] > mass[node] or tree.node_size[node] > limit)
        best = mass[node] if chosen[node] else below[node]
        below[tree.node_parent[node]] += best
    if kept is not None:
        chosen[kept] = True
    return topmost(tree, chosen)


def persisting_nodes(tree: CondensedTree, labels: Int64s) -> Int32s:
    """Find the nodes that are clusters of an earlier fit.

    Args:
        tree: the tree.
        labels: (n,) what label each point had, -1 for noise, -2 for points that came since, which do not count.

    Returns:
        The nodes, ascending, none inside another: of two such, the one that is more like its cluster.
    """
    n_labels = int(labels.max(initial=-1)) + 1
    shared = np.zeros((tree.n_nodes, n_labels + 1), np.int64)
    old = labels > -2
    np.add.at(shared, (tree.point_parent[old], labels[old]), 1)  # noise in the last column
    for node in range(tree.n_nodes - 1, 0, -1):
        shared[tree.node_parent[node]] += shared[node]
    known, sizes = shared.sum(axis=1), shared[0, :n_labels]
    alike = shared[:, :n_labels] / np.maximum(1, known[:, None] + sizes - shared[:, :n_labels])
    alike[0] = 0.0
    best = alike.max(axis=1, initial=0.0)
    best[_joins_newcomers(tree, known)] = 0.0
    standing: list[int] = []
    closed = np.zeros(tree.n_nodes, bool)
    # Of a chain of nodes with the same known points the largest first: it has what came since.
    for node in sorted(np.flatnonzero(best > MIN_JACCARD_OF_NODE).tolist(), key=lambda node: (-best[node], node)):
        line = _above(tree, np.array([node], np.int32))
        if not closed[node] and not np.isin(line, standing).any():
            standing.append(node)
            closed[line] = True
    return np.array(sorted(standing), np.int32)


def _joins_newcomers(tree: CondensedTree, known: Int64s) -> Bools:
    """Mark nodes that join a part of newcomers alone to the others, where apart they have more mass.

    Args:
        tree: the tree.
        known: (m,) how many points of each node are no newcomers.
    """
    mass = stabilities(tree)
    below = np.zeros(tree.n_nodes, np.float64)
    of_newcomers = np.zeros(tree.n_nodes, bool)
    for node in range(tree.n_nodes - 1, 0, -1):
        below[tree.node_parent[node]] += max(mass[node], below[node])
        of_newcomers[tree.node_parent[node]] |= known[node] == 0
    return of_newcomers & (known > 0) & (below > mass)


def _above(tree: CondensedTree, nodes: Int32s) -> Int32s:
    """Give the nodes above some nodes, the root included."""
    above = np.zeros(tree.n_nodes, bool)
    for node in nodes.tolist():
        parent = int(tree.node_parent[node])
        while parent >= 0 and not above[parent]:
            above[parent] = True
            parent = int(tree.node_parent[parent])
    return np.flatnonzero(above).astype(np.int32)


def topmost(tree: CondensedTree, chosen: Bools) -> Int32s:
    """Keep of the marked nodes those with no marked node above them.

    Args:
        tree: the tree.
        chosen: (m,) bool, the marked nodes; the root is never kept.

    Returns:
        The nodes, ascending.
    """
    covered = np.zeros(tree.n_nodes, bool)
    for node in range(1, tree.n_nodes):
        parent = tree.node_parent[node]
        covered[node] = covered[parent] or chosen[parent]
    kept = chosen & ~covered
    kept[0] = False
    return np.flatnonzero(kept).astype(np.int32)


def select(tree: CondensedTree, nodes: Int32s) -> Selection:
    """Work out what a choice of nodes says of every node.

    Args:
        tree: the tree.
        nodes: nodes of which none is the root or inside another, ascending.
    """
    deaths = death_lambdas(tree)
    label = np.full(tree.n_nodes, -1, np.int32)
    largest = np.zeros(tree.n_nodes, np.float64)
    label[nodes] = np.arange(len(nodes), dtype=np.int32)
    largest[nodes] = deaths[nodes]
    for node in range(1, tree.n_nodes):
        if label[node] < 0:
            label[node] = label[tree.node_parent[node]]
            largest[node] = largest[tree.node_parent[node]]
    return Selection(label, largest)


def labels_and_strengths(tree: CondensedTree, selection: Selection) -> tuple[Int64s, Float32s]:
    """Read labels and strengths of the fitted points off the tree.

    Args:
        tree: the tree.
        selection: the chosen nodes, as `select` gives them.

    Returns:
        (n,) int64 labels, -1 for noise; (n,) float32 strengths in [0, 1], 0 for noise.
    """
    labels = selection.node_label[tree.point_parent].astype(np.int64)
    largest = selection.node_max_lambda[tree.point_parent]
    strengths = membership(tree.point_lambda, largest=largest)
    strengths[labels < 0] = 0.0
    return labels, strengths.astype(np.float32)


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
