"""UMAP's fuzzy membership of neighbours, as array arithmetic: how much each neighbour counts.

Knows `smooth_knn_dist` and `compute_membership_strengths` (umap 0.5.12) as they are used in a fit and in a transform.
Invariant: a row's weights depend on its own distances alone, never on the batch it comes in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# UMAP's own constants of `smooth_knn_dist`.
SMOOTH_STEPS = 64
SMOOTH_TOLERANCE = 1e-5
LEAST_SCALE = 1e-3


def fitted_weights(distances: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weigh the neighbours of rows of a fit, as UMAP does there (local connectivity 1).

    Args:
        distances: (m, k) float32 of the neighbours of m rows, nearest first, without the rows themselves.

    Returns:
        (m, k) float64 in [0, 1]; the nearest belongs wholly.
    """
    d = distances.astype(np.float64)
    nearest = np.where(d > 0, d, np.inf).min(axis=1, keepdims=True)
    beyond = np.maximum(0.0, d - np.where(np.isfinite(nearest), nearest, 0.0))
    # UMAP counts a row as its own first neighbour.
    scale = _scales(beyond, target=np.log2(d.shape[1] + 1), distances=d)
    return np.asarray(np.exp(-beyond / scale[:, None]))


def arriving_weights(distances: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weigh the neighbours of arrivals, as UMAP does for new points (local connectivity 0).

    Args:
        distances: (m, k) float32 ascending distances.

    Returns:
        (m, k) float64 in (0, 1]; exp(-distance / scale), the scale chosen so that all but the nearest sum to
        log2(k).
    """
    d = distances.astype(np.float64)
    m, k = d.shape
    if k == 1:
        return np.ones((m, 1))
    scale = _scales(d[:, 1:], target=np.log2(k), distances=d)
    weights: NDArray[np.float64] = np.exp(-d / scale[:, None])
    # Far neighbours of a tight group underflow; the nearest always counts.
    weights[:, 0] = np.maximum(weights[:, 0], np.finfo(np.float64).tiny)
    return weights


def _scales(beyond: NDArray[np.float64], *, target: float, distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find for each row the scale at which its memberships, exp(-beyond / scale), sum to the target."""
    m = len(beyond)
    low, high, scale = np.zeros(m), np.full(m, np.inf), np.ones(m)
    searching = np.ones(m, bool)
    for _ in range(SMOOTH_STEPS):
        total = np.exp(-beyond / scale[:, None]).sum(axis=1)
        searching &= np.abs(total - target) >= SMOOTH_TOLERANCE
        if not searching.any():
            break
        above = searching & (total > target)
        below = searching & ~above
        high[above] = scale[above]
        low[below] = scale[below]
        middle = np.where(np.isinf(high), 2.0 * scale, (low + high) / 2.0)
        scale[searching] = middle[searching]
    # Each row's own mean where UMAP takes the batch's for rows without a nearest distance.
    least = np.maximum(LEAST_SCALE * distances.mean(axis=1), np.finfo(np.float32).tiny)
    return np.asarray(np.maximum(scale, least))
