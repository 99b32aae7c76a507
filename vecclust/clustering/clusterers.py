"""Points to clusters: HDBSCAN with what is read off its hierarchy, k-means, and agglomerative clustering.

Knows scikit-learn and scipy's hierarchies. Refuses to know vectors, except that every cut of HDBSCAN's tree asks the
neighbour graph. Invariants: labels run 0, 1, 2, ... without gaps; the same points, seed and parameters give the same
labels. Never `cluster_selection_epsilon` or `allow_single_cluster`, which break predictions (hdbscan #375, #445).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np

from vecclust.clustering.arrays import Bools, Float32s, Float64s, Int32s, Int64s
from vecclust.clustering.continuity import keep_labels
from vecclust.clustering.novelty import agrees_with_neighbours, neighbour_rank
from vecclust.clustering.params import AUTO_MIN_SAMPLES, AUTO_SIZE_MIN, FitParams
from vecclust.clustering.selection import add_small_clusters, merge_nodes, split_large, split_nodes
from vecclust.clustering.state import FitState
from vecclust.clustering.tree import (
    NO_SELECTION,
    NO_TREE,
    CondensedTree,
    Hierarchy,
    Selection,
    empty_tree,
    excess_of_mass,
    labels_and_strengths,
    persisting_nodes,
    select,
)

# Choosing the number of clusters looks at so many points and at so many counts; the silhouette is flat around
# its best value, so a split_nodes grid costs time and decides nothing.
SILHOUETTE_SAMPLE = 2_000
COUNTS_TRIED = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 50, 60)
# Ward's distances of all pairs: 5,000 points are 100 MB, above that the linkage follows a neighbour graph.
MAX_FOR_ALL_PAIRS = 5_000
# Inside a cluster, a group of less than a twentieth is a handful and no part of it.
MIN_SHARE_WITHIN = 0.05


@dataclass(frozen=True, slots=True)
class Clustering:
    """What a clusterer found.

    Attributes:
        labels: (n,) int64, -1 for noise.
        strengths: (n,) float32 in [0, 1], 0 for noise.
        tree: the condensed tree, `NO_TREE` for k-means and agglomerative.
        selection: the chosen nodes, `NO_SELECTION` likewise.
        core_distances: (n,) float64, empty for k-means and agglomerative.
        centroids: (k, c) float64 means of the clusters in the layout, (0, 0) for HDBSCAN.
        n_refined: clusters that were looked into and cut.
        n_small: clusters smaller than the smallest, from the second pass.
    """

    labels: Int64s
    strengths: Float32s
    tree: CondensedTree
    selection: Selection
    core_distances: Float64s
    centroids: Float64s
    n_refined: int = 0
    n_small: int = 0


def hdbscan_clusters(
    points: Float32s,
    *,
    params: FitParams,
    neighbours: Int32s,
    before: Int64s | None = None,
    outlier: Bools | None = None,
) -> Clustering:
    """Group points with HDBSCAN (excess of mass), split clusters with too large a share, and add small ones.

    Args:
        points: (n, c) float32 layout, or vectors.
        params: resolved; sizes, `min_samples`, `max_share` and `granularity` are used.
        neighbours: (n, k) nearest other rows in the space of the vectors.
        before: (n,) labels of an earlier fit whose clusters stay where they are still nodes of the tree, -1 for noise,
            -2 for points that came since; None to choose freely.
        outlier: (n,) bool, see `novelty.clear_outliers`: in no cluster unless their neighbours are all in it.

    Returns:
        What was found. Fewer than two clusters' worth of points are all noise: HDBSCAN never answers with one
        cluster.
    """
    n = len(points)
    tree = empty_tree(n)
    chosen = small = np.zeros(0, np.int32)
    n_refined = 0
    if n >= 2 * params.min_cluster_size:
        hierarchy = Hierarchy(points, min_samples=params.min_samples)
        tree = hierarchy.condensed(size=params.min_cluster_size)
        kept = None if before is None else persisting_nodes(tree, before)
        uncut = excess_of_mass(tree, kept=kept)
        chosen = split_large(tree, uncut, neighbours=neighbours, max_share=params.max_share, kept=kept)
        n_refined = len(np.setdiff1d(uncut, chosen))
        if before is None and params.granularity == "coarse":
            chosen = merge_nodes(tree, chosen, neighbours=neighbours)
        if before is None and params.granularity == "fine":
            chosen = split_nodes(tree, chosen, neighbours=neighbours)
        if params.min_group_size < params.min_cluster_size:
            labels = labels_and_strengths(tree, select(tree, chosen))[0]
            within = hierarchy.condensed(size=params.min_group_size)
            tree, small = add_small_clusters(
                tree, within, labels, below=params.min_cluster_size, neighbours=neighbours, before=before
            )
            # One that was a small cluster and too little beside it.
            chosen = chosen[tree.node_size[chosen] >= params.min_cluster_size]
    selection = select(tree, np.concatenate([chosen, small]))
    labels, strengths = labels_and_strengths(tree, selection)
    if outlier is not None:
        alone = isolated_outliers(labels, outlier, neighbours=neighbours, least_size=params.min_cluster_size)
        labels[alone], strengths[alone] = -1, 0.0
    cores = core_distances(points, min_samples=max(1, min(params.min_samples, n - 1)))
    found = Clustering(labels, strengths, tree, selection, cores, np.zeros((0, 0)), n_refined, len(small))
    return found if before is None else _with_continuity(found, before, neighbours=neighbours, params=params)


def isolated_outliers(labels: Int64s, outlier: Bools, *, neighbours: Int32s, least_size: int) -> Bools:
    """Say which photos are in a cluster only because UMAP has no place for what is of no kind.

    A cluster that would lose more than half of its photos, or be too small, stays whole: they stand out together.
    Worlds of 2,000 photos, a twentieth of no kind: all of those were in clusters, now one in thirty of them is, AMI
    with the truth 0.94 before and 0.997 now; on 1,480 of pacs-photo at most 2 photos go, AMI by -0.0 to +0.003 (15
    fits).

    Args:
        labels: (n,) int64, -1 for noise.
        outlier: (n,) bool, see `novelty.clear_outliers`.
        neighbours: (n, k) int32, nearest others of each.
        least_size: photos of the smallest cluster.

    Returns:
        (n,) bool.
    """
    rank = neighbour_rank(neighbours.shape[1], min_cluster_size=least_size)
    alone = outlier & (labels >= 0) & ~agrees_with_neighbours(labels, labels[neighbours], rank=rank)
    n = int(labels.max(initial=-1)) + 1
    sizes, lost = np.bincount(labels[labels >= 0], minlength=n), np.bincount(labels[alone], minlength=n)
    can_lose = sizes - lost >= np.maximum(least_size, sizes / 2)
    return np.asarray(alone & np.append(can_lose, False)[labels], np.bool_)


def _with_continuity(found: Clustering, before: Int64s, *, neighbours: Int32s, params: FitParams) -> Clustering:
    """Keep points where they were; those that the tree puts elsewhere are as strong as their neighbours are there."""
    kept = keep_labels(found.labels, before, neighbours=neighbours, least_size=params.min_group_size)
    node_label = found.selection.node_label
    node_label = np.where(node_label >= 0, np.append(kept.label_of, -1)[node_label], -1).astype(np.int32)
    strengths = np.where(kept.changed, kept.closeness, found.strengths)
    selection = replace(found.selection, node_label=node_label)
    return replace(found, labels=kept.labels, strengths=strengths, selection=selection)


def group_within(state: FitState, rows: Int64s) -> Int64s:
    """Group some rows of a fit by themselves, where the whole fit has them in one cluster.

    Args:
        state: the fit.
        rows: (m,) rows of it.

    Returns:
        (m,) int64, -1 for rows in no group; all -1 where they are of one piece. Copies of one picture are together.
    """
    pictures, of_row = np.unique(state.picture_of_row[rows], return_inverse=True)
    size = max(AUTO_SIZE_MIN, int(MIN_SHARE_WITHIN * len(pictures)))
    if len(pictures) < 2 * size:
        return np.full(len(rows), -1, np.int64)
    points = np.ascontiguousarray(state.layout[pictures])
    tree = Hierarchy(points, min_samples=state.params.min_samples or AUTO_MIN_SAMPLES).condensed(size=size)
    labels = labels_and_strengths(tree, select(tree, excess_of_mass(tree)))[0]
    return np.asarray(labels[of_row], np.int64)


def partition(points: Float32s, *, params: FitParams) -> Clustering:
    """Divide points by k-means or by agglomerative clustering (Ward).

    Args:
        points: (n, c) float32.
        params: `clusterer`, `seed`, `n_clusters` and `n_neighbors` are used.

    Returns:
        What was found; every point has a cluster, its strength is the simplified silhouette.
    """
    from sklearn.cluster import KMeans

    if len(points) == 0:
        return _with_centroids(points, np.zeros(0, np.int64))
    count = min(params.n_clusters or _best_count(points, params=params), len(np.unique(points, axis=0)))
    if params.clusterer == "kmeans":
        model = KMeans(count, n_init=4, random_state=params.seed).fit(points.astype(np.float64))
        return _with_centroids(points, model.labels_.astype(np.int64))
    return _with_centroids(points, _ward(points, count, n_neighbors=params.n_neighbors))


def _ward(points: Float32s, count: int, *, n_neighbors: int) -> Int64s:
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.neighbors import kneighbors_graph

    if count < 2:
        return np.zeros(len(points), np.int64)
    is_large = len(points) > MAX_FOR_ALL_PAIRS
    links = kneighbors_graph(points, n_neighbors, include_self=False) if is_large else None
    with warnings.catch_warnings():
        # "the number of connected components is ... > 1. Completing it": that is what is wanted.
        warnings.simplefilter("ignore", UserWarning)
        model = AgglomerativeClustering(count, linkage="ward", connectivity=links)
        return np.asarray(model.fit_predict(points.astype(np.float64)), np.int64)


def simplified_silhouette(points: Float32s, labels: Int64s, *, centroids: Float64s) -> Float32s:
    """Measure how much nearer each point is to its own centroid than to the next one.

    Args:
        points: (m, c) float32.
        labels: (m,) int64 in [0, k).
        centroids: (k, c) float64.

    Returns:
        (m,) float32 in [0, 1]: 1 - own / next, 0 where another centroid is nearer, 1 where there is only one.
    """
    if len(centroids) < 2:
        return np.ones(len(points), np.float32)
    distances = centroid_distances(points, centroids)
    own = np.take_along_axis(distances, labels[:, None], axis=1)[:, 0]
    np.put_along_axis(distances, labels[:, None], np.inf, axis=1)
    other = distances.min(axis=1)
    strengths = 1.0 - np.divide(own, other, out=np.ones(len(own)), where=other > 0)
    return np.asarray(np.clip(strengths, 0.0, 1.0), dtype=np.float32)


def centroid_distances(points: Float32s, centroids: Float64s) -> Float64s:
    """Return Euclidean distances, each summed by itself so that a batch changes nothing.

    Args:
        points: (m, c) float32.
        centroids: (k, c) float64.

    Returns:
        (m, k) float64.
    """
    distances = np.empty((len(points), len(centroids)), np.float64)
    for column, centroid in enumerate(centroids):
        distances[:, column] = np.sqrt(((points.astype(np.float64) - centroid) ** 2).sum(axis=1))
    return distances


def core_distances(points: Float32s, *, min_samples: int) -> Float64s:
    """Return each point's distance to its `min_samples`-th nearest point, the first being itself.

    Args:
        points: (n, c) float32.
        min_samples: at least 1; n where that is fewer.

    Returns:
        (n,) float64.
    """
    from scipy.spatial import cKDTree

    if len(points) == 0:
        return np.zeros(0, np.float64)
    data = points.astype(np.float64)
    _, index = cKDTree(data).query(data, k=[min(min_samples, len(data))])
    return euclidean(data, data[index[:, 0]])


def euclidean(a: Float64s, b: Float64s) -> Float64s:
    """Return the distances of paired rows, summed in the order of hdbscan's trees: they agree to the bit.

    Args:
        a: (..., c) float64.
        b: (..., c) float64, of a shape that broadcasts with that of `a`.

    Returns:
        Their broadcast shape without its last axis, float64.
    """
    total = np.zeros(np.broadcast_shapes(a.shape, b.shape)[:-1], np.float64)
    for column in range(a.shape[-1]):
        gap = a[..., column] - b[..., column]
        total += gap * gap
    return np.sqrt(total)


def _with_centroids(points: Float32s, labels: Int64s) -> Clustering:
    # Numbered by first appearance, so that the library's own numbering cannot matter.
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    labels = rank[inverse].astype(np.int64)
    sizes = np.bincount(labels)
    centroids = np.zeros((len(sizes), points.shape[1]), np.float64)
    np.add.at(centroids, labels, points.astype(np.float64))
    centroids /= sizes[:, None]
    strengths = simplified_silhouette(points, labels, centroids=centroids)
    return Clustering(labels, strengths, NO_TREE, NO_SELECTION, np.zeros(0), centroids)


def _best_count(points: Float32s, *, params: FitParams) -> int:
    """Return the count with the best silhouette on a seeded sample; 1 or 2 for that few distinct points."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    rng = np.random.default_rng(params.seed)
    chosen = np.sort(rng.choice(len(points), min(SILHOUETTE_SAMPLE, len(points)), replace=False))
    sample = points[chosen].astype(np.float64)
    n_distinct = len(np.unique(points[chosen], axis=0))
    if n_distinct < 3:
        return max(1, n_distinct)
    tree = linkage(sample, "ward") if params.clusterer == "agglomerative" else None
    best, best_score = 1, -np.inf
    for count in COUNTS_TRIED:
        if count >= n_distinct:
            break
        if tree is None:
            labels = KMeans(count, n_init=2, random_state=params.seed).fit_predict(sample)
        else:
            labels = fcluster(tree, count, criterion="maxclust")
        if len(np.unique(labels)) < 2:
            continue
        score = float(silhouette_score(sample, labels))
        if score > best_score:
            best, best_score = count, score
    return best
