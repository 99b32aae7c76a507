"""Honest figures of a fit, and the photo in the middle of each cluster.

Knows how good a clustering is by its own data, never by a truth. Refuses to judge. Invariants: samples are
seeded; a figure that cannot be had (one cluster, nothing clustered) is None rather than a flattering number.
"""

from __future__ import annotations

import warnings

import numpy as np

from vecclust.clustering.arrays import Float32s, Float64s, Int64s

# Both figures need all pairs: 2,000 rows take about half a second.
FIGURES_SAMPLE = 2_000
# DBCV raises distances to the power of the dimension: beyond a handful they overflow.
MAX_DIMENSIONS_FOR_DBCV = 20


def figures_of(labels: Int64s, *, vectors: Float32s, layout: Float32s, seed: int) -> dict[str, float | int | None]:
    """Work out the figures of a fit.

    Args:
        labels: (n,) int64, -1 for noise.
        vectors: (n, d) float32 unit norm.
        layout: (n, c) float32, the space the clusterer saw.
        seed: seed of the sample.

    Returns:
        `n_clusters`; `share_unclustered` and `share_largest` in [0, 1] (0 for an empty collection);
        `dbcv` (density-based validity in the layout) and `silhouette_cosine` (of the clustered, in the space
        of the vectors), both in [-1, 1] on a sample of at most 2,000 photos, or None; `sample`, its size.
    """
    n = len(labels)
    sample = np.sort(np.random.default_rng(seed).choice(n, min(FIGURES_SAMPLE, n), replace=False))
    return {
        "n_clusters": len(np.unique(labels[labels >= 0])),
        **shares_of(labels),
        "dbcv": _dbcv(layout[sample], labels[sample]),
        "silhouette_cosine": _silhouette(vectors[sample], labels[sample]),
        "sample": len(sample),
    }


def shares_of(labels: Int64s) -> dict[str, float]:
    """Count what share of rows is in no cluster, and in the largest.

    Args:
        labels: (n,) int64, -1 for noise.

    Returns:
        `share_unclustered` and `share_largest` in [0, 1], 0 where there is no row.
    """
    n = max(1, len(labels))
    largest = np.bincount(labels[labels >= 0], minlength=1).max()
    return {"share_unclustered": float((labels < 0).sum() / n), "share_largest": float(largest / n)}


def medoids(vectors: Float32s, labels: Int64s) -> Int64s:
    """Find the photo with the highest mean cosine to the members of its cluster.

    The mean cosine to the members is the product with their mean vector, so no pairs are needed.

    Args:
        vectors: (n, d) float32 unit norm.
        labels: (n,) int64, -1 for noise.

    Returns:
        (k,) int64 row numbers, by label; ties go to the first row; a label without members has -1.
    """
    n_clusters = int(labels.max(initial=-1)) + 1
    middles = np.full(n_clusters, -1, np.int64)
    for label in range(n_clusters):
        members = np.flatnonzero(labels == label)
        if len(members):
            centre = vectors[members].mean(axis=0, dtype=np.float64)
            closeness = (vectors[members].astype(np.float64) * centre).sum(axis=1)
            middles[label] = members[int(np.argmax(closeness))]
    return middles


def nearest_clusters(vectors: Float32s, labels: Int64s) -> Int64s:
    """Find for each row without a cluster the one whose mean vector is nearest by direction.

    Args:
        vectors: (n, d) float32 unit norm.
        labels: (n,) int64, -1 for noise.

    Returns:
        (n,) int64, -1 for rows that have a cluster, and where there is none.
    """
    nearest = np.full(len(labels), -1, np.int64)
    kinds = np.unique(labels[labels >= 0])
    if len(kinds):
        means = np.stack([vectors[labels == kind].mean(axis=0, dtype=np.float64) for kind in kinds])
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), np.finfo(np.float64).tiny)
        left = np.flatnonzero(labels < 0)
        nearest[left] = kinds[(vectors[left] @ means.T.astype(np.float32)).argmax(axis=1)]
    return nearest


def mean_strengths(strengths: Float32s, labels: Int64s) -> Float64s:
    """Return the mean strength of each cluster.

    Args:
        strengths: (n,) float32 in [0, 1].
        labels: (n,) int64, -1 for noise.

    Returns:
        (k,) float64 by label; 0 for a label without members.
    """
    inside = labels >= 0
    n_clusters = int(labels.max(initial=-1)) + 1
    sizes = np.bincount(labels[inside], minlength=n_clusters)
    totals = np.bincount(labels[inside], weights=strengths[inside].astype(np.float64), minlength=n_clusters)
    return np.divide(totals, sizes, out=np.zeros(n_clusters), where=sizes > 0)


def _silhouette(vectors: Float32s, labels: Int64s) -> float | None:
    from sklearn.metrics import silhouette_score

    inside = labels >= 0
    kinds = np.unique(labels[inside])
    if not 2 <= len(kinds) < inside.sum():
        return None
    return float(silhouette_score(vectors[inside], labels[inside], metric="cosine"))


def _dbcv(layout: Float32s, labels: Int64s) -> float | None:
    from hdbscan.validity import validity_index

    kinds, of_row, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    # A cluster of which the sample has one photo has no density of its own.
    dense = (kinds >= 0) & (sizes > 1)
    if dense.sum() < 2 or layout.shape[1] > MAX_DIMENSIONS_FOR_DBCV:
        return None
    relabelled = np.where(dense, np.cumsum(dense) - 1, -1)[of_row]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        value = float(validity_index(layout.astype(np.float64), relabelled))
    return value if np.isfinite(value) else None
