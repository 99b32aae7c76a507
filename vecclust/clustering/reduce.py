"""Vectors to a layout of few dimensions: UMAP, or a principal component analysis.

Knows umap. Refuses to know labels. Invariants: UMAP is seeded, single-threaded and given the exact neighbour
graph, so the same rows and seed give the same layout; UMAP's warnings about small or split collections never
escape.
"""

from __future__ import annotations

import functools
import logging
import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.neighbours import Neighbours
from vecclust.clustering.params import FitParams

logger = logging.getLogger(__name__)

# Below this many pictures spectral initialisation has too few eigenvectors and neighbourhoods are the whole
# collection, so a layout says nothing that the principal components do not.
LEAST_FOR_UMAP = 16
# A layout that begins at an earlier one is settled, not made: places move by 4 % of the map's size (1,670 photos, 15 %
# of them new) and neighbours are kept as well as by a fit from nothing, which moves them by 10 % even when aligned.
EPOCHS_TO_CONTINUE = 50
RATE_TO_CONTINUE = 0.1
# UMAP itself takes 500 epochs up to 10,000 rows and 200 above; so many of those are enough to settle a large one.
EPOCHS_TO_CONTINUE_LARGE = 30
LARGE = 10_000
# Two UMAP fits at once abort the process under one of numba's threading layers.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Projection:
    """A linear map to the layout.

    Attributes:
        mean: (d,) float32.
        components: (n_components, d) float32, rows of zeros where the collection has fewer dimensions.
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]

    def apply(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Project vectors (n, d) to positions (n, n_components) float32, each row by itself."""
        centred = vectors.astype(np.float64) - self.mean
        # Row by row: a blocked product may round differently with the size of the batch.
        columns = [(centred * axis).sum(axis=1) for axis in self.components.astype(np.float64)]
        return np.stack(columns, axis=1).astype(np.float32)


def principal_components(vectors: NDArray[np.float32], *, n_components: int) -> Projection:
    """Fit a principal component analysis with a fixed sign.

    Args:
        vectors: (n, d) float32.
        n_components: axes wanted.

    Returns:
        The projection; missing axes (fewer rows or dimensions than asked) are zero.
    """
    d = vectors.shape[1]
    mean = vectors.mean(axis=0, dtype=np.float64) if len(vectors) else np.zeros(d)
    covariance = np.zeros((d, d))
    for start in range(0, len(vectors), 4096):
        part = vectors[start : start + 4096].astype(np.float64) - mean
        covariance += part.T @ part
    values, axes = np.linalg.eigh(covariance)
    wanted = np.argsort(-values, kind="stable")[: min(n_components, d, max(0, len(vectors) - 1))]
    components = np.zeros((n_components, d), np.float32)
    for row, column in enumerate(wanted):
        axis = axes[:, column]
        components[row] = axis * np.sign(axis[np.argmax(np.abs(axis))])
    return Projection(mean.astype(np.float32), components)


def umap_layout(
    vectors: NDArray[np.float32],
    graph: Neighbours,
    *,
    params: FitParams,
    min_dist: float = 0.0,
    begin_at: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Lay out the vectors with UMAP on a graph that is already known.

    Args:
        vectors: (n, d) float32 unit norm, n at least `LEAST_FOR_UMAP`.
        graph: the nearest other rows, at least `n_neighbors - 1` of them or all there are.
        params: `n_neighbors`, `n_components` and `seed` are used.
        min_dist: how near to one another positions may come: 0 to cluster them, more to look at them.
        begin_at: (n, n_components) positions to begin at and stay close to, or None for spectral ones.

    Returns:
        (n, n_components) float32.
    """
    n = len(vectors)
    n_neighbors = min(params.n_neighbors, n - 1)
    # UMAP counts a row as its own first neighbour, and does not prune a wider list below 4,096 rows.
    own = np.arange(n, dtype=np.int32)[:, None]
    indices = np.hstack([own, graph.indices[:, : n_neighbors - 1]])
    distances = np.hstack([np.zeros((n, 1), np.float32), graph.distances[:, : n_neighbors - 1]])
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        umap = _prepared_umap()
        model = umap.UMAP(
            n_neighbors=n_neighbors,
            n_components=params.n_components,
            metric="cosine",
            min_dist=min_dist,
            init="spectral" if begin_at is None else begin_at,
            n_epochs=None if begin_at is None else EPOCHS_TO_CONTINUE if n <= LARGE else EPOCHS_TO_CONTINUE_LARGE,
            learning_rate=1.0 if begin_at is None else RATE_TO_CONTINUE,
            random_state=params.seed,
            n_jobs=1,
            precomputed_knn=(indices, distances),
        )
        layout: NDArray[np.float32] = np.asarray(model.fit_transform(vectors), dtype=np.float32)
    if not np.isfinite(layout).all():
        logger.warning("UMAP gave positions that are not finite; principal components are used instead")
        return principal_components(vectors, n_components=params.n_components).apply(vectors)
    return layout


@functools.cache
def _prepared_umap() -> Any:
    """Import umap and let numba keep the three kernels of a fit on disk.

    Without it every new process compiles them again: 5.5 s against 0.2 s (umap 0.5.12, measured).
    """
    import umap
    import umap.layouts as layouts
    import umap.umap_ as core

    for owner, name in (
        (core, "smooth_knn_dist"),
        (core, "compute_membership_strengths"),
        (layouts, "_nb_optimize_layout_euclidean_single_epoch"),
    ):
        try:
            getattr(owner, name).enable_caching()
        except (AttributeError, RuntimeError) as reason:
            # Another umap, or nowhere to write: it compiles instead.
            logger.debug("umap's %s is not cached: %s", name, reason)
    return umap
