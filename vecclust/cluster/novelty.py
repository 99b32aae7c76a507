"""How unlike a run's photos a photo is: the ratio inside the local outlier factor, and where it stands among the run's.

Knows lists of neighbours and their distances. Refuses to say what is too unlike: that is the run's gate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vecclust.cluster.neighbours import SAME_PICTURE, Neighbours


def reach_of(distances: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far the last neighbour of each list (n, k) is, (n,); 0 where the lists are empty."""
    return distances[:, -1] if distances.shape[1] else np.zeros(len(distances), np.float32)


def local_outlier_ratio(
    own_distance: NDArray[np.float32], *, neighbours: NDArray[np.int32], fitted_distance: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compare the distance to the k-th neighbour with what those neighbours have (the ratio inside LOF).

    Args:
        own_distance: (m,) distance of each photo to its k-th neighbour.
        neighbours: (m, k) the fitted rows near each photo.
        fitted_distance: (n,) the same distance for every fitted row.

    Returns:
        (m,) float32, about 1 for a photo of a known kind, larger for a newcomer.
    """
    if neighbours.shape[1] == 0:
        return np.ones(len(neighbours), np.float32)
    usual = fitted_distance[neighbours].astype(np.float64).mean(axis=1)
    # Copies of one picture have distance 0 all round; the floor makes their ratio 1 instead of 0 / 0.
    ratio = np.maximum(own_distance.astype(np.float64), SAME_PICTURE) / np.maximum(usual, SAME_PICTURE)
    return np.asarray(ratio, dtype=np.float32)


def own_ratios(graph: Neighbours) -> NDArray[np.float32]:
    """Give every fitted row's ratio among the others, (n,) float32."""
    reach = reach_of(graph.distances)
    return local_outlier_ratio(reach, neighbours=graph.indices, fitted_distance=reach)


def standing(ratios: NDArray[np.float32], *, among: NDArray[np.float32]) -> NDArray[np.float32]:
    """Say which share of a run's own ratios each ratio is above.

    Args:
        ratios: (m,) of arrivals; inf is above all.
        among: (n,) of the run, ascending; n at least 1.

    Returns:
        (m,) float32 in [0, 1].
    """
    return (np.searchsorted(among, ratios, side="left") / len(among)).astype(np.float32)
