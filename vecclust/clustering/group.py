"""What a clusterer finds, and the two that divide all points: k-means and agglomerative clustering.

Knows scikit-learn and scipy's hierarchies. Refuses to know vectors. Invariants: labels run 0, 1, 2, ... without gaps;
the same points, seed and parameters give the same labels.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.params import FitParams
from vecclust.clustering.tree import CondensedTree, Selection

# Choosing the number of clusters looks at so many points and at so many counts; the silhouette is flat around
# its best value, so a finer grid costs time and decides nothing.
SAMPLE = 2_000
COUNTS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 50, 60)
# Ward's distances of all pairs: 5,000 points are 100 MB, above that the linkage follows a neighbour graph.
MOST_FOR_ALL_PAIRS = 5_000


@dataclass(frozen=True, slots=True)
class Grouping:
    """What a clusterer found.

    Attributes:
        labels: (n,) int64, -1 for noise.
        strengths: (n,) float32 in [0, 1], 0 for noise.
        tree: the condensed tree, or None for k-means and agglomerative.
        selection: the chosen nodes, or None likewise.
        core_distances: (n,) float64, empty for k-means and agglomerative.
        centroids: (k, c) float64 means of the clusters in the layout, empty for HDBSCAN.
        n_refined: clusters that were looked into and cut.
        n_small: clusters smaller than the smallest, from the second pass.
    """

    labels: NDArray[np.int64]
    strengths: NDArray[np.float32]
    tree: CondensedTree | None
    selection: Selection | None
    core_distances: NDArray[np.float64]
    centroids: NDArray[np.float64]
    n_refined: int = 0
    n_small: int = 0


def by_centroid(points: NDArray[np.float32], *, params: FitParams) -> Grouping:
    """Group points with k-means.

    Args:
        points: (n, c) float32.
        params: `seed` and `n_clusters` are used.

    Returns:
        The grouping; every point has a cluster, its strength is the simplified silhouette.
    """
    if len(points) == 0:
        return _with_centroids(points, np.zeros(0, np.int64))
    from sklearn.cluster import KMeans

    count = min(params.n_clusters or _best_count(points, params=params), _n_distinct(points))
    model = KMeans(count, n_init=4, random_state=params.seed).fit(points.astype(np.float64))
    return _with_centroids(points, model.labels_.astype(np.int64))


def by_linkage(points: NDArray[np.float32], *, params: FitParams) -> Grouping:
    """Group points with agglomerative clustering (Ward).

    Args:
        points: (n, c) float32.
        params: `seed`, `n_clusters` and `n_neighbors` are used.

    Returns:
        The grouping; every point has a cluster, its strength is the simplified silhouette.
    """
    if len(points) == 0:
        return _with_centroids(points, np.zeros(0, np.int64))
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.neighbors import kneighbors_graph

    count = min(params.n_clusters or _best_count(points, params=params), _n_distinct(points))
    if count < 2:
        return _with_centroids(points, np.zeros(len(points), np.int64))
    links = None
    if len(points) > MOST_FOR_ALL_PAIRS:
        links = kneighbors_graph(points, params.n_neighbors, include_self=False)
    with warnings.catch_warnings():
        # "the number of connected components is ... > 1. Completing it": that is what is wanted.
        warnings.simplefilter("ignore", UserWarning)
        model = AgglomerativeClustering(count, linkage="ward", connectivity=links)
        labels = model.fit_predict(points.astype(np.float64))
    return _with_centroids(points, labels.astype(np.int64))


def simplified_silhouette(
    points: NDArray[np.float32], labels: NDArray[np.int64], *, centroids: NDArray[np.float64]
) -> NDArray[np.float32]:
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


def centroid_distances(points: NDArray[np.float32], centroids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Euclidean distances (m, k), each summed by itself so that a batch changes nothing."""
    distances = np.empty((len(points), len(centroids)), np.float64)
    for column, centroid in enumerate(centroids):
        distances[:, column] = np.sqrt(((points.astype(np.float64) - centroid) ** 2).sum(axis=1))
    return distances


def core_distances(points: NDArray[np.float32], *, min_samples: int) -> NDArray[np.float64]:
    """Return each point's distance (n,) to its `min_samples`-th nearest point, the first being itself."""
    from scipy.spatial import cKDTree

    if len(points) == 0:
        return np.zeros(0, np.float64)
    data = points.astype(np.float64)
    _, index = cKDTree(data).query(data, k=[min(min_samples, len(data))])
    return euclidean(data, data[index[:, 0]])


def euclidean(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distances of paired rows, summed in the order of hdbscan's trees: they agree to the bit."""
    total = np.zeros(np.broadcast_shapes(a.shape, b.shape)[:-1], np.float64)
    for column in range(a.shape[-1]):
        gap = a[..., column] - b[..., column]
        total += gap * gap
    return np.sqrt(total)


def _with_centroids(points: NDArray[np.float32], labels: NDArray[np.int64]) -> Grouping:
    # Numbered by first appearance, so that the library's own numbering cannot matter.
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    labels = rank[inverse].astype(np.int64)
    sizes = np.bincount(labels)
    centroids = np.zeros((len(sizes), points.shape[1]), np.float64)
    np.add.at(centroids, labels, points.astype(np.float64))
    centroids /= sizes[:, None]
    strengths = simplified_silhouette(points, labels, centroids=centroids)
    return Grouping(labels, strengths, None, None, np.zeros(0), centroids)


def _n_distinct(points: NDArray[np.float32]) -> int:
    return len(np.unique(points, axis=0))


def _best_count(points: NDArray[np.float32], *, params: FitParams) -> int:
    """Return the count with the best silhouette on a seeded sample; 1 or 2 for that few distinct points."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    rng = np.random.default_rng(params.seed)
    chosen = np.sort(rng.choice(len(points), min(SAMPLE, len(points)), replace=False))
    sample = points[chosen].astype(np.float64)
    n_distinct = _n_distinct(points[chosen])
    if n_distinct < 3:
        return max(1, n_distinct)
    tree = linkage(sample, "ward") if params.clusterer == "agglomerative" else None
    best, best_score = 1, -np.inf
    for count in COUNTS:
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
