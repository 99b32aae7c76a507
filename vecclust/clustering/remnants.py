"""The second pass: small groups that hold together among what the first pass left, or put where it does not belong.

Eight photos of a trip are fewer than the smallest cluster of a large collection; lowering that size for all photos
breaks up the clusters there are. Knows the condensed trees of both sizes and the neighbour graph of the vectors.
Refuses to trust the layout: UMAP gathers photos of no kind, and puts a small group beside whatever it likes, so a group
counts only when its photos are one another's nearest in the space of the vectors. Invariant: the grown tree is again a
tree with chosen nodes, none inside another, so labels, strengths and predictions follow from it as from any other.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.tree import LEAST_ALIKE, CondensedTree

# Of s photos, the share of their s - 1 nearest that are of them. Of 2,000 random vectors of 64 and 512 dimensions it
# was 0.33 at most, of noise photos between clusters 0.45; groups of 8 in 18 collections of 1,700 to 2,000 had 0.5 to 1,
# and nothing else had. Fewer photos come together more easily by chance, about a fourth of theirs being theirs: 5 of
# 1,000 random vectors had 0.55. The room above a fourth is that of 3 standard deviations, their links taken one by one.
LEAST_TOGETHER = 0.5
BY_CHANCE, ROOM = 0.3, 1.4
# A group that was one in the fit before stays one down to here, so that it does not come and go with the layout.
LEAST_TO_STAY = 0.4
# Of a group's other neighbours, the share that is of the cluster it was put in. Above, it is a part of that cluster.
MOST_AT_HOME = 0.5


def with_small_groups(
    tree: CondensedTree,
    finer: CondensedTree,
    labels: NDArray[np.int64],
    *,
    below: int,
    neighbours: NDArray[np.int32],
    before: NDArray[np.int64] | None = None,
) -> tuple[CondensedTree, NDArray[np.int32]]:
    """Find small groups, and hang each below the root of the tree as a node of its own.

    Args:
        tree: the tree of the first pass.
        finer: the tree of the same points for a smaller smallest cluster.
        labels: (n,) labels of the first pass, -1 for noise.
        below: points of the smallest cluster of the first pass; small groups have fewer.
        neighbours: (n, k) nearest other points of every point in the space of the vectors, nearest first.
        before: (n,) labels of an earlier fit, -1 for noise, -2 for points that came since, or None.

    Returns:
        The grown tree, and the new nodes, ascending.
    """
    found = _groups(finer, labels, below=below, neighbours=neighbours, before=before)
    for node, rows in found:
        tree = _grown(tree, rows, birth=float(finer.node_birth[node]), densities=finer.point_lambda[rows])
    return tree, np.arange(tree.n_nodes - len(found), tree.n_nodes, dtype=np.int32)


def _groups(
    finer: CondensedTree,
    labels: NDArray[np.int64],
    *,
    below: int,
    neighbours: NDArray[np.int32],
    before: NDArray[np.int64] | None,
) -> list[tuple[int, NDArray[np.int64]]]:
    """Choose nodes of the finer tree; of those inside one another, the most that are together beyond the least."""
    small = finer.node_size < below
    small[0] = False
    members: dict[int, list[int]] = {int(node): [] for node in np.flatnonzero(small)}
    for point in np.flatnonzero(small[finer.point_parent]).tolist():
        members[int(finer.point_parent[point])].append(point)
    worth = np.zeros(finer.n_nodes)
    best: dict[int, list[int]] = {}
    for node in sorted(members, reverse=True):
        rows = np.array(sorted(members[node]))
        parent = int(finer.node_parent[node])
        own = _worth(rows, labels, neighbours=neighbours, before=before)
        if own > 0 and own >= worth[node]:
            worth[node], best[node] = own, [node]
        if small[parent]:
            members[parent] += members[node]
            worth[parent] += worth[node]
            best.setdefault(parent, []).extend(best.get(node, []))
    tops = [node for node in members if not small[finer.node_parent[node]]]
    chosen = sorted(node for top in tops for node in best.get(top, []))
    return [(node, np.array(sorted(members[node]))) for node in chosen]


def _worth(
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    *,
    neighbours: NDArray[np.int32],
    before: NDArray[np.int64] | None,
) -> float:
    """Say by how much points are a group of their own; 0 or less where they are none."""
    host = labels[rows[0]]
    near = neighbours[rows]
    if near.shape[1] == 0 or (labels[rows] != host).any():
        return 0.0
    own = np.isin(near, rows)
    together = float(own[:, : len(rows) - 1].mean())
    stays = before is not None and _was_one(before, rows)
    if not stays and host >= 0 and (own.all() or (labels[near[~own]] == host).mean() >= MOST_AT_HOME):
        return 0.0
    n_links = len(rows) * (len(rows) - 1)
    least = LEAST_TO_STAY if stays else max(LEAST_TOGETHER, BY_CHANCE + ROOM / n_links**0.5)
    return len(rows) * (together - least + 1e-9)


def _was_one(before: NDArray[np.int64], rows: NDArray[np.int64]) -> bool:
    """Say whether points were a cluster of an earlier fit."""
    old = before[rows]
    if not (old >= 0).any():
        return False
    label, shared = int(np.bincount(old[old >= 0]).argmax()), int(np.bincount(old[old >= 0]).max())
    either = int((before == label).sum()) + int((old > -2).sum()) - shared
    return shared > LEAST_ALIKE * either


def _grown(
    tree: CondensedTree, rows: NDArray[np.int64], *, birth: float, densities: NDArray[np.float64]
) -> CondensedTree:
    """Move points into a new node below the root, born at a density; what lies around them is noise, not a cluster."""
    size = tree.node_size.copy()
    for above in tree.point_parent[rows].tolist():
        while above > 0:
            size[above] -= 1
            above = int(tree.node_parent[above])
    parent, at = tree.point_parent.copy(), tree.point_lambda.copy()
    parent[rows], at[rows] = tree.n_nodes, densities
    return replace(
        tree,
        point_parent=parent,
        point_lambda=at,
        node_parent=np.append(tree.node_parent, 0).astype(np.int32),
        node_birth=np.append(tree.node_birth, birth),
        node_size=np.append(size, len(rows)),
    )
