"""Ways to cluster beside one another, by what can be told without a truth.

Knows how to run a grid of reducers, clusterers and sizes over resamples. Refuses to choose. Invariants: every way sees
the same rows; the same rows and seeds give the same figures, seconds apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import get_args

import numpy as np

from vecclust.clustering.arrays import Float32s, Int64s
from vecclust.clustering.fit import fit
from vecclust.clustering.params import Clusterer, FitParams, Reducer

# Each fit of a way sees so much of the rows, another part each time.
RESAMPLE_SHARE = 0.8
# Of HDBSCAN; 0 is what a fit chooses for itself.
SIZES_COMPARED = (0, 5, 20)
# Of when, and of where, beside what is shown.
WEIGHT_COMPARED = 0.1


def ways() -> Iterator[FitParams]:
    """Give the grid: every reducer with HDBSCAN in three sizes, the others, and time and place."""
    for reducer, size in product(get_args(Reducer), SIZES_COMPARED):
        yield FitParams(reducer=reducer, min_cluster_size=size)
    others: tuple[Clusterer, ...] = ("kmeans", "agglomerative")
    for reducer, clusterer in product(get_args(Reducer), others):
        yield FitParams(reducer=reducer, clusterer=clusterer)
    yield FitParams(time_weight=WEIGHT_COMPARED)
    yield FitParams(place_weight=WEIGHT_COMPARED)


def figures_of_way(
    vectors: Float32s,
    params: FitParams,
    *,
    n_seeds: int,
    current: Int64s,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, float | None]:
    """Fit resamples of the same rows, each with a seed of its own, and take the mean of what is found.

    Args:
        vectors: (n, d) float32 unit norm.
        params: the way.
        n_seeds: resamples, at least 2.
        current: (n,) int64 labels to compare with, -1 for noise; empty where there are none.
        progress: told of fits done and to do.

    Returns:
        `clusters`, `share_unclustered`, `dbcv` (None where it cannot be had); `stability`, the mean adjusted mutual
        information of two resamples over the rows both have; `ami` and `ari` with `current`, None without; `seconds`
        of a fit. Noise counts as a class.
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    n = len(vectors)
    found, labels, seconds = [], [], []
    for seed in range(n_seeds):
        rows = np.sort(np.random.default_rng(seed).choice(n, max(1, round(RESAMPLE_SHARE * n)), replace=False))
        began = time.perf_counter()
        one = fit(vectors[rows], replace(params, seed=seed))
        seconds.append(time.perf_counter() - began)
        found.append(one.figures)
        labels.append(np.full(n, -2, np.int64))
        labels[-1][rows] = one.labels
        if progress is not None:
            progress(seed + 1, n_seeds)
    shared = [(a[both], b[both]) for a, b in combinations(labels, 2) for both in [(a > -2) & (b > -2)]]
    beside = [(current[each > -2], each[each > -2]) for each in labels] if len(current) else []
    return {
        "clusters": _mean([one["n_clusters"] for one in found]),
        "share_unclustered": _mean([one["share_unclustered"] for one in found]),
        "dbcv": _mean([one["dbcv"] for one in found]),
        "stability": _mean([adjusted_mutual_info_score(a, b) for a, b in shared]),
        "ami": _mean([adjusted_mutual_info_score(a, b) for a, b in beside]),
        "ari": _mean([adjusted_rand_score(a, b) for a, b in beside]),
        "seconds": _mean(seconds),
    }


def agreement(labels: Int64s, others: Int64s) -> float:
    """Return the adjusted mutual information of two ways to label the same rows; noise counts as a class.

    Args:
        labels: (n,) int64, -1 for noise.
        others: (n,) likewise.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(labels, others))


def _mean(values: Sequence[float | int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
