"""Photos to clusters: communities of the graph read into HDBSCAN's tree, k-means, and agglomerative clustering.

Knows scikit-learn and scipy's hierarchies, and in which order clusters are chosen, kept and read into the tree.
Invariants: labels run 0, 1, 2, ... without gaps; the same points, seed and parameters give the same labels. Never
`cluster_selection_epsilon` or `allow_single_cluster`, which break predictions (hdbscan #375, #445).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vecclust.clustering.arrays import Bools, Float32s, Float64s, Int64s
from vecclust.clustering.communities import link_graph, links_within, numbered
from vecclust.clustering.continuity import keep_labels
from vecclust.clustering.evidence import n_linked
from vecclust.clustering.figures import mean_strengths
from vecclust.clustering.neighbours import N_NEAREST, Neighbours
from vecclust.clustering.novelty import clear_outliers, neighbour_rank
from vecclust.clustering.params import AUTO_SIZE_MAX, FitParams
from vecclust.clustering.selection import (
    MIN_LINKS_TO_JOIN,
    choose_clusters,
    coarsen,
    continue_clusters,
    dissolve_small,
    give_clusters,
    halve,
    has_parts,
    new_kinds,
    parts_of,
)
from vecclust.clustering.state import FitState
from vecclust.clustering.tree import (
    NO_SELECTION,
    NO_TREE,
    CondensedTree,
    Hierarchy,
    Selection,
    empty_tree,
    label_nodes,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Choosing the number of clusters looks at so many points and at so many counts; the silhouette is flat around
# its best value, so a finer grid costs time and decides nothing.
SILHOUETTE_SAMPLE = 2_000
COUNTS_TRIED = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 50, 60)
# Ward's distances of all pairs: 5,000 points are 100 MB, above that the linkage follows a neighbour graph.
MAX_FOR_ALL_PAIRS = 5_000
# A photo is at home in its cluster where so much of its links stays there: of synthetic kinds all but one photo in
# twenty are, photos of no kind have at most 0.8; a measure of what is usual for photos of a kind.
MIN_AT_HOME = np.float32(0.9)
# Twenty labelled collections, each left out in turn: of photos with strengths of 0.5 to 0.6, 0.6 to 0.7, ... 0.52,
# 0.65, 0.75, 0.84 and 0.97 are of the kind that their cluster mostly is; 0.09 off in the mean of a whole collection.
STEEPNESS = 1.3
# Inside a cluster, a group of less than a twentieth is a handful and no part of it.
MIN_SHARE_OF_PART = 0.05


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
        resolution: at which communities were found, 0 for k-means and agglomerative.
    """

    labels: Int64s
    strengths: Float32s
    tree: CondensedTree
    selection: Selection
    core_distances: Float64s
    centroids: Float64s
    resolution: float = 0.0


def graph_clusters(
    vectors: Float32s,
    points: Float32s,
    near: Neighbours,
    *,
    params: FitParams,
    copies: Int64s,
    settled: Bools,
    before: Int64s | None = None,
) -> Clustering:
    """Choose the communities of the neighbour graph as clusters, and read them into HDBSCAN's tree of the layout.

    Args:
        vectors: (n, d) float32 unit norm, distinct pictures.
        points: (n, c) float32 layout, or vectors.
        near: the nearest other pictures of each.
        params: resolved; `min_cluster_size`, `min_samples`, `granularity`, `resolution` and `seed` are used.
        copies: (n,) photos of each picture.
        settled: (n,) which were there when clusters were last chosen freely; looked at where there are labels before.
        before: (n,) labels of an earlier fit that are kept where nothing speaks against it, -1 for noise, -2 for points
            that came since; None to choose freely.

    Returns:
        What was found.
    """
    n, least, seed = len(vectors), params.min_cluster_size, params.seed
    lists = near.nearest(N_NEAREST)
    graph = link_graph(near.nearest(n_linked(n, most=near.indices.shape[1])), copies=copies)
    if before is None or not params.resolution:
        labels, resolution = choose_clusters(vectors, graph, copies=copies, seed=seed, least_size=least)
    else:
        resolution = params.resolution
        labels = continue_clusters(vectors, graph, before, copies=copies, resolution=resolution, seed=seed)
    if before is None and params.granularity == "coarse":
        labels = coarsen(labels, graph, n_clusters=max(2, (int(labels.max(initial=-1)) + 2) // 2))
    if before is None and params.granularity == "fine":
        labels = halve(labels, graph, copies=copies, seed=seed, least_size=least)
    if before is not None:
        labels = dissolve_small(labels, graph, copies=copies, least_size=least)
        labels = keep_labels(labels, before, neighbours=lists.indices, least_size=least)
        kinds = new_kinds(graph, settled=settled, copies=copies, resolution=resolution, seed=seed, least_size=least)
        labels = give_clusters(labels, kinds)
    # Not by the smallest cluster: what is far from all but a few is far.
    rank = neighbour_rank(lists.indices.shape[1], min_cluster_size=N_NEAREST)
    shares = shares_inside(graph, labels)
    outlier = clear_outliers(lists, rank=rank, at_home=shares >= MIN_AT_HOME)
    alone = isolated_outliers(labels, outlier & (shares < MIN_AT_HOME), shares=shares, least_size=least)
    labels = numbered(np.where(alone, -1, labels))
    shares = shares_inside(graph, labels)
    strengths = calibrated(shares, labels, cohesion=mean_strengths(shares, labels))
    tree = empty_tree(n)
    if n >= 2 * least:
        tree = Hierarchy(points, min_samples=params.min_samples).condensed(size=least)
    cores = core_distances(points, min_samples=max(1, min(params.min_samples, n - 1)))
    return Clustering(
        labels, strengths, tree, label_nodes(tree, labels), cores, np.zeros((0, 0)), resolution=resolution
    )


def isolated_outliers(labels: Int64s, outlier: Bools, *, shares: Float32s, least_size: int) -> Bools:
    """Say which outliers are in a cluster only because every photo is linked to some.

    A cluster that would lose more than half of its photos, or be too small, stays whole where most of its links stay
    inside: its photos stand out together. Otherwise it is a heap of them, and what is left of it goes too where that is
    too small.

    Args:
        labels: (n,) int64, -1 for noise.
        outlier: (n,) bool, photos that stand out and are not at home in their cluster.
        shares: (n,) share of each photo's links that stay in its cluster.
        least_size: photos of the smallest cluster.

    Returns:
        (n,) bool.
    """
    alone = outlier & (labels >= 0)
    n = int(labels.max(initial=-1)) + 1
    sizes, lost = np.bincount(labels[labels >= 0], minlength=n), np.bincount(labels[alone], minlength=n)
    inside = np.bincount(labels[labels >= 0], weights=shares[labels >= 0], minlength=n) / np.maximum(1, sizes)
    can_lose = (sizes - lost >= np.maximum(least_size, sizes / 2)) | (inside < MIN_LINKS_TO_JOIN)
    crumbs = (inside < MIN_LINKS_TO_JOIN) & (lost > 0) & (sizes - lost < least_size)
    return np.asarray((alone & np.append(can_lose, False)[labels]) | np.append(crumbs, False)[labels], np.bool_)


def shares_inside(graph: csr_array, labels: Int64s) -> Float32s:
    """Return what share of each photo's links stays in its cluster.

    Args:
        graph: (n, n) links.
        labels: (n,) int64, -1 for none.

    Returns:
        (n,) float32 in [0, 1], 0 where there is no cluster, 1 for a cluster without links to others.
    """
    links = graph.tocoo()
    stays = labels[links.row] == labels[links.col]
    total = np.bincount(links.row, weights=links.data, minlength=len(labels))
    inside = np.bincount(links.row[stays], weights=links.data[stays], minlength=len(labels))
    shares = np.divide(inside, total, out=np.ones(len(labels)), where=total > 0)
    return np.where(labels >= 0, shares, 0.0).astype(np.float32)


def calibrated(shares: Float32s, labels: Int64s, *, cohesion: Float64s) -> Float32s:
    """Turn shares of links into chances that photos are of the kind that their cluster mostly is.

    A photo is there for its own links and for what its cluster is: in one whose photos keep half of their links inside,
    several kinds are mixed, whatever the links of a photo in its middle.

    Args:
        shares: (m,) float32 share of each photo's links that lead to its cluster.
        labels: (m,) int64, -1 for none.
        cohesion: (k,) the mean share of the photos of each cluster.

    Returns:
        (m,) float32 in [0, 1], 0 where there is no cluster.
    """
    chance = np.clip(shares * np.append(cohesion, 0.0)[labels], 0.0, 1.0)
    right, wrong = chance**STEEPNESS, (1.0 - chance) ** STEEPNESS
    return np.where(labels >= 0, right / (right + wrong), 0.0).astype(np.float32)


def group_within(state: FitState, rows: Int64s, vectors: Float32s) -> Int64s:
    """Find what some rows of a fit, which are one cluster there, are made of.

    Args:
        state: the fit.
        rows: (m,) rows of it.
        vectors: (m, d) float32 unit norm, those of the rows.

    Returns:
        (m,) int64, -1 for rows in no group; all -1 where they are of one piece. Copies of one picture are together.
    """
    pictures, first, of_row = np.unique(state.picture_of_row[rows], return_index=True, return_inverse=True)
    size = max(AUTO_SIZE_MAX, int(MIN_SHARE_OF_PART * len(pictures)))
    if len(pictures) < 2 * size:
        return np.full(len(rows), -1, np.int64)
    links = links_within(Neighbours(state.neighbours, state.distances), pictures.astype(np.int64))
    if not has_parts(vectors[first], links, seed=state.params.seed):
        return np.full(len(rows), -1, np.int64)
    parts = dissolve_small(
        parts_of(links, seed=state.params.seed), links, copies=np.ones(len(pictures), np.int64), least_size=size
    )
    if parts.max() == 0:
        parts = np.full(len(pictures), -1, np.int64)
    return parts[of_row]


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
