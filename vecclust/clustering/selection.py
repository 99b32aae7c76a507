"""Which nodes of the tree are the clusters: large ones split, neighbours joined, small ones added.

Knows the condensed tree and the neighbour graph of the vectors. Refuses to trust the layout: UMAP and HDBSCAN find
"clusters" in any cloud, gather photos of no kind, and put a small cluster beside whatever they like; so a cut counts
only when the photos' own neighbours mostly stay together, and a small cluster only when its photos are one another's
nearest, in the space of the vectors. Invariant: the result is again a tree with chosen nodes, none inside another, so
labels, strengths and predictions follow from it as from any other.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from vecclust.clustering.arrays import Float64s, Int32s, Int64s
from vecclust.clustering.tree import MIN_JACCARD_OF_NODE, CondensedTree, excess_of_mass, select

logger = logging.getLogger(__name__)

# A cut counts when the share of the photos' neighbour links that stay within a part exceeds what parts of those
# sizes would keep by chance by this much: the modularity of the cut (Newman 2004). Measured with 15 neighbours and
# min_samples 3 and 5 on 30 synthetic collections of 600 to 4,000 and on 1,670 photos by two weak embeddings: blobs of
# overlapping groups 0.27 to 0.52, single clouds of 12 to 200 dimensions 0.05 to 0.25, a fifth of the photos that was
# mostly of one class 0.25 to 0.28. Clouds of 4 to 8 dimensions (0.25 to 0.53) are continua: cut or not is all one.
MIN_COHESION = 0.29
# A blob that does not come apart into pieces below the limit may still come apart into larger ones.
LIMIT_STEPS = (1, 2, 4)
# No cluster that is made by joining holds a larger share of the points.
MAX_JOINED_SHARE = 0.25
# Of s photos, the share of their s - 1 nearest that are of them. Of 2,000 random vectors of 64 and 512 dimensions it
# was 0.33 at most, of noise photos between clusters 0.45; groups of 8 in 18 collections of 1,700 to 2,000 had 0.5 to 1,
# and nothing else had. Fewer photos come together more easily by chance, about a fourth of theirs being theirs: 5 of
# 1,000 random vectors had 0.55. The room above a fourth is that of 3 standard deviations, their links taken one by one.
MIN_OWN_NEIGHBOURS = 0.5
OWN_BY_CHANCE, ROOM_ABOVE_CHANCE = 0.3, 1.4
# A group that was one in the fit before stays one down to here, so that it does not come and go with the layout.
MIN_OWN_TO_STAY = 0.4
# Of a group's other neighbours, the share that is of the cluster it was put in. Above, it is a part of that cluster.
MAX_HOST_NEIGHBOURS = 0.5


def split_large(
    tree: CondensedTree, nodes: Int32s, *, neighbours: Int32s, max_share: float, kept: Int32s | None = None
) -> Int32s:
    """Replace chosen nodes that hold too large a share by what is inside them, where that holds together.

    Args:
        tree: the condensed tree.
        nodes: the chosen nodes, ascending.
        neighbours: (n, k) nearest other points of every point in the space of the vectors.
        max_share: a node with more than this share of the points is looked into; 1 for never.
        kept: nodes that are not looked into whatever they hold.

    Returns:
        The chosen nodes, ascending; a node whose inside does not hold together stays.
    """
    chosen: list[int] = []
    spared = set() if kept is None else set(kept.tolist())
    for node in nodes.tolist():
        if node in spared or tree.node_size[node] <= max_share * tree.n_points:
            chosen.append(node)
        else:
            chosen.extend(_inside(tree, node, neighbours=neighbours, max_share=max_share))
    return np.array(sorted(chosen), np.int32)


def cohesion(tree: CondensedTree, node: int, *, parts: Int32s, neighbours: Int32s) -> float:
    """Return how much more than by chance the neighbour links of a node's points stay within one of its parts.

    Args:
        tree: the condensed tree.
        node: the node that is cut.
        parts: chosen nodes inside it.
        neighbours: (n, k) nearest other points of every point.

    Returns:
        The share of links that stay in a part, less the sum of the parts' squared shares of the points, in [-1, 1];
        links of points that are in no part count as broken.
    """
    part = select(tree, parts).node_label[tree.point_parent]
    members = np.flatnonzero(select(tree, np.array([node], np.int32)).node_label[tree.point_parent] == 0)
    own = part[members, None]
    staying = (part[neighbours[members]] == own) & (own >= 0)
    shares = np.bincount(own[own >= 0], minlength=1) / max(1, len(members))
    return float(staying.mean() - (shares**2).sum()) if staying.size else 0.0


def _inside(tree: CondensedTree, node: int, *, neighbours: Int32s, max_share: float) -> list[int]:
    below = select(tree, np.array([node], np.int32)).node_label == 0
    for step in LIMIT_STEPS:
        limit = int(step * max_share * tree.n_points)
        if limit >= tree.node_size[node]:
            break
        chosen = excess_of_mass(tree, max_size=max(1, limit))
        parts = chosen[below[chosen]]
        if len(parts) < 2:
            continue
        measured = cohesion(tree, node, parts=parts, neighbours=neighbours)
        logger.debug("node %d: %d parts of at most %d, cohesion %.2f", node, len(parts), limit, measured)
        if measured >= MIN_COHESION:
            return [int(part) for part in parts]
    return [node]


def merge_nodes(tree: CondensedTree, nodes: Int32s, *, neighbours: Int32s) -> Int32s:
    """Join chosen nodes, those first that belong together most, until half of them are left.

    Args:
        tree: the tree.
        nodes: chosen nodes, ascending.
        neighbours: (n, k) nearest other rows in the space of the vectors.

    Returns:
        Chosen nodes, ascending; more than half where what is left would hold more than a quarter of the points.
    """
    worth = cohesion_by_node(tree, neighbours=neighbours)
    kept = set(nodes.tolist())
    wanted = max(2, (len(kept) + 1) // 2)
    while len(kept) > wanted:
        own = np.zeros(tree.n_nodes)
        count = np.zeros(tree.n_nodes, np.int64)
        own[list(kept)], count[list(kept)] = worth[list(kept)], 1
        for node in range(tree.n_nodes - 1, 0, -1):
            own[tree.node_parent[node]] += own[node]
            count[tree.node_parent[node]] += count[node]
        joins = (count >= 2) & (tree.node_size <= MAX_JOINED_SHARE * tree.n_points) & (len(kept) - count + 1 >= wanted)
        joins[0] = False
        if not joins.any():
            break
        # By the cluster that is saved: joining a handful at once must not look dear.
        loss = np.where(joins, (own - worth) / np.maximum(1, count - 1), np.inf)
        node = int(loss.argmin())
        below = select(tree, np.array([node], np.int32)).node_label == 0
        kept = (kept - set(np.flatnonzero(below).tolist())) | {node}
    return np.array(sorted(kept), np.int32)


def split_nodes(tree: CondensedTree, nodes: Int32s, *, neighbours: Int32s) -> Int32s:
    """Replace chosen nodes by the two below them, those first that fall apart most, until there are twice as many.

    Args:
        tree: the tree.
        nodes: chosen nodes, ascending.
        neighbours: (n, k) nearest other rows in the space of the vectors.

    Returns:
        Chosen nodes, ascending; fewer where the tree ends.
    """
    worth = cohesion_by_node(tree, neighbours=neighbours)
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


def cohesion_by_node(tree: CondensedTree, *, neighbours: Int32s) -> Float64s:
    """Return what each node as a cluster adds to the cohesion of a cut: links inside less those by chance.

    Args:
        tree: the tree.
        neighbours: (n, k) nearest other rows in the space of the vectors.

    Returns:
        (m,) float64.
    """
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
    worths: Float64s = links / max(1, n * k) - (tree.node_size / max(1, n)) ** 2
    return worths


def add_small_clusters(
    tree: CondensedTree,
    finer: CondensedTree,
    labels: Int64s,
    *,
    below: int,
    neighbours: Int32s,
    before: Int64s | None = None,
) -> tuple[CondensedTree, Int32s]:
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
    finer: CondensedTree, labels: Int64s, *, below: int, neighbours: Int32s, before: Int64s | None
) -> list[tuple[int, Int64s]]:
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
        own = _isolation(rows, labels, neighbours=neighbours, before=before)
        if own > 0 and own >= worth[node]:
            worth[node], best[node] = own, [node]
        if small[parent]:
            members[parent] += members[node]
            worth[parent] += worth[node]
            best.setdefault(parent, []).extend(best.get(node, []))
    tops = [node for node in members if not small[finer.node_parent[node]]]
    chosen = sorted(node for top in tops for node in best.get(top, []))
    return [(node, np.array(sorted(members[node]))) for node in chosen]


def _isolation(rows: Int64s, labels: Int64s, *, neighbours: Int32s, before: Int64s | None) -> float:
    """Say by how much points are a group of their own; 0 or less where they are none."""
    host = labels[rows[0]]
    near = neighbours[rows]
    if near.shape[1] == 0 or (labels[rows] != host).any():
        return 0.0
    own = np.isin(near, rows)
    together = float(own[:, : len(rows) - 1].mean())
    stays = before is not None and _was_one(before, rows)
    if not stays and host >= 0 and (own.all() or (labels[near[~own]] == host).mean() >= MAX_HOST_NEIGHBOURS):
        return 0.0
    n_links = len(rows) * (len(rows) - 1)
    least = MIN_OWN_TO_STAY if stays else max(MIN_OWN_NEIGHBOURS, OWN_BY_CHANCE + ROOM_ABOVE_CHANCE / n_links**0.5)
    return len(rows) * (together - least + 1e-9)


def _was_one(before: Int64s, rows: Int64s) -> bool:
    """Say whether points were a cluster of an earlier fit."""
    old = before[rows]
    if not (old >= 0).any():
        return False
    label, shared = int(np.bincount(old[old >= 0]).argmax()), int(np.bincount(old[old >= 0]).max())
    either = int((before == label).sum()) + int((old > -2).sum()) - shared
    return shared > MIN_JACCARD_OF_NODE * either


def _grown(tree: CondensedTree, rows: Int64s, *, birth: float, densities: Float64s) -> CondensedTree:
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
