"""The map: vectors to two dimensions, to be looked at, never to be clustered.

A map that begins at an earlier one stays close to it, and is turned, mirrored and moved onto it at the end: what
people know by its place keeps its place. Refuses to know photos. Invariants: every position is finite; copies of one
picture lie at one place; the same rows, seed and beginning give the same map.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.continuing import LEAST_TO_CONTINUE, place_newcomers
from vecclust.clustering.fit import distinct_rows
from vecclust.clustering.neighbours import Neighbours, neighbour_graph
from vecclust.clustering.params import FitParams
from vecclust.clustering.reduce import LEAST_FOR_UMAP, principal_components, umap_layout

N_NEIGHBOURS = 15
# Enough room between dots to tell them apart; the clusters' own layout has none.
MIN_DIST = 0.2
# Rows placed on both maps that fix how one lies on the other; fewer could mirror it by chance.
LEAST_TO_ALIGN = 3


def map_layout(
    vectors: NDArray[np.float32],
    *,
    seed: int,
    graph: Neighbours | None = None,
    earlier: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Lay vectors out in two dimensions.

    Args:
        vectors: (n, d) float32 unit norm; n may be 0.
        seed: of UMAP.
        graph: the nearest rows of each row, where they are known already.
        earlier: (n, 2) positions on an earlier map, NaN for rows that are new, or None.

    Returns:
        (n, 2) float32 positions; principal components for fewer than `LEAST_FOR_UMAP` distinct pictures.
    """
    if len(vectors) == 0:
        return np.zeros((0, 2), np.float32)
    picture_of_row, first_rows = distinct_rows(vectors)
    pictures = vectors[first_rows]
    if len(pictures) < LEAST_FOR_UMAP:
        return principal_components(pictures, n_components=2).apply(pictures)[picture_of_row]
    if graph is None or len(pictures) < len(vectors):
        graph = neighbour_graph(pictures, k=N_NEIGHBOURS)
    params = FitParams(n_neighbors=N_NEIGHBOURS, n_components=2, seed=seed)
    if earlier is None:
        return umap_layout(pictures, graph, params=params, min_dist=MIN_DIST)[picture_of_row]
    before = earlier[first_rows]
    begin_at = place_newcomers(before, graph=graph) if _share_known(before) >= LEAST_TO_CONTINUE else None
    layout = umap_layout(pictures, graph, params=params, min_dist=MIN_DIST, begin_at=begin_at)
    if begin_at is not None:
        # UMAP stretches what it begins at to a square of its own.
        low, high = begin_at.min(axis=0), begin_at.max(axis=0)
        layout = layout * (high - low) / 10 + low
    return _laid_onto(layout, before)[picture_of_row]


def _share_known(positions: NDArray[np.float32]) -> float:
    return float(np.mean(np.isfinite(positions).all(axis=1)))


def _laid_onto(layout: NDArray[np.float32], earlier: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn, mirror, move and scale a layout so that known rows come as near to their earlier places as they can.

    The orthogonal Procrustes problem with a scale (Gower 1975).
    """
    known = np.asarray(np.isfinite(earlier).all(axis=1), np.bool_)
    if known.sum() < LEAST_TO_ALIGN:
        return layout.astype(np.float32)
    here, there = layout[known].astype(np.float64), earlier[known].astype(np.float64)
    here_mean, there_mean = here.mean(axis=0), there.mean(axis=0)
    left, sizes, right = np.linalg.svd((here - here_mean).T @ (there - there_mean))
    spread = float(((here - here_mean) ** 2).sum())
    scale = float(sizes.sum()) / spread if spread > 0 and sizes.sum() > 0 else 1.0
    return np.asarray(scale * (layout - here_mean) @ (left @ right) + there_mean, dtype=np.float32)
