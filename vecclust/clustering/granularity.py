"""Moving along the tree: fewer clusters or more of them, by what the photos' own neighbours lose least.

Knows the condensed tree and the neighbour graph of the vectors. Invariant: the result is again a choice of nodes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.tree import CondensedTree

# No cluster that is made by joining holds a larger share of the points.
MOST_SHARE = 0.25


def coarser(tree: CondensedTree, nodes: NDArray[np.int32], *, neighbours: NDArray[np.int32]) -> NDArray[np.int32]:
    """Join chosen nodes, those first that belong together most, until half of them are left.

    Args:
        tree: the tree.
        nodes: chosen nodes, ascending.
        neighbours: (n, k) nearest other rows in the space of the vectors.

    Returns:
        Chosen nodes, ascending; more than half where what is left would hold more than a quarter of the points.
    """
    worth = node_worths(tree, neighbours=neighbours)
    kept = set(nodes.tolist())
    wanted = max(2, (len(kept) + 1) // 2)
    while len(kept) > wanted:
        own = np.zeros(tree.n_nodes)
        count = np.zeros(tree.n_nodes, np.int64)
        own[list(kept)], count[list(kept)] = worth[list(kept)], 1
        for node in range(tree.n_nodes - 1, 0, -1):
            own[tree.node_parent[node]] += own[node]
            count[tree.node_parent[node]] += count[node]
        joins = (count >= 2) & (tree.node_size <= MOST_SHARE * tree.n_points) & (len(kept) - count + 1 >= wanted)
        joins[0] = False
        if not joins.any():
            break
        # By the cluster that is saved: joining a handful at once must not look dear.
        loss = np.where(joins, (own - worth) / np.maximum(1, count - 1), np.inf)
        node = int(loss.argmin())
        below = {node}
        for each in range(node + 1, tree.n_nodes):
            if int(tree.node_parent[each]) in below:
                below.add(each)
        kept = (kept - below) | {node}
    return np.array(sorted(kept), np.int32)


def finer(tree: CondensedTree, nodes: NDArray[np.int32], *, neighbours: NDArray[np.int32]) -> NDArray[np.int32]:
    """Replace chosen nodes by the two below them, those first that fall apart most, until there are twice as many.

    Args:
        tree: the tree.
        nodes: chosen nodes, ascending.
        neighbours: (n, k) nearest other rows in the space of the vectors.

    Returns:
        Chosen nodes, ascending; fewer where the tree ends.
    """
    worth = node_worths(tree, neighbours=neighbours)
    children: dict[int, list[int]] = {}
    for node in range(1, tree.n_nodes):
        children.setdefault(int(tree.node_parent[node]), []).append(node)
    kept = set(nodes.tolist())
    wanted = 2 * len(kept)
    while len(kept) < wanted:
        open_ = sorted(node for node in kept if node in children)
        if not open_:
            break
        node = min(open_, key=lambda each: worth[each] - sum(worth[child] for child in children[each]))
        kept = (kept - {node}) | set(children[node])
    return np.array(sorted(kept), np.int32)


def node_worths(tree: CondensedTree, *, neighbours: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return what each node as a cluster adds to the cohesion of a cut, (m,) float64: links inside less chance."""
    n, k = neighbours.shape
    a = np.repeat(tree.point_parent, k)
    b = tree.point_parent[neighbours.ravel()]
    # A node's number is larger than its parent's: climbing from the larger ends at the node that holds both.
    apart = np.flatnonzero(a != b)
    while len(apart):
        left, right = a[apart], b[apart]
        a[apart] = np.where(left > right, tree.node_parent[left], left)
        b[apart] = np.where(right > left, tree.node_parent[right], right)
        apart = apart[a[apart] != b[apart]]
    links = np.bincount(a, minlength=tree.n_nodes).astype(np.float64)
    for node in range(tree.n_nodes - 1, 0, -1):
        links[tree.node_parent[node]] += links[node]
    worths: NDArray[np.float64] = links / max(1, n * k) - (tree.node_size / max(1, n)) ** 2
    return worths
