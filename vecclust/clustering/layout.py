"""Vectors to a layout of few dimensions: UMAP, or a principal component analysis; and the two dimensions of the map.

Knows umap, and alone reaches into it. Refuses to know labels. Invariants: UMAP is seeded, single-threaded and given the
exact neighbour graph, so the same rows and seed give the same layout; UMAP's warnings about small or split collections
never escape. The map is to be looked at, never to be clustered: one that begins at an earlier map stays close to it,
and is turned, mirrored and moved onto it at the end, so that what people know by its place keeps its place.
"""

from __future__ import annotations

import functools
import importlib
import logging
import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from vecclust.clustering.arrays import Float32s
from vecclust.clustering.compiling import shield_cache
from vecclust.clustering.neighbours import Neighbours, distinct_rows, neighbour_graph
from vecclust.clustering.params import FitParams
from vecclust.clustering.warm_start import MIN_KNOWN_TO_CONTINUE, impute_positions

logger = logging.getLogger(__name__)

# Below this many pictures spectral initialisation has too few eigenvectors and neighbourhoods are the whole
# collection, so a layout says nothing that the principal components do not.
MIN_FOR_UMAP = 16
# A layout that begins at an earlier one is adjusted, not made: places move by 4 % of the map's size (1,670 photos, 15 %
# of them new) and neighbours are kept as well as by a fit from nothing, which moves them by 10 % even when aligned.
EPOCHS_TO_CONTINUE = 50
RATE_TO_CONTINUE = 0.1
# UMAP itself takes 500 epochs up to 10,000 rows and 200 above; so many of those are enough to adjust a large one.
EPOCHS_TO_CONTINUE_LARGE = 30
LARGE_LAYOUT = 10_000
# UMAP takes 500 for up to 10,000 rows and 200 above; places among which arrivals are put are good enough after fewer.
EPOCHS, EPOCHS_LARGE = 200, 100
# Private: numba compiles these three in every fit.
UMAP_KERNELS = (
    ("umap.umap_", "smooth_knn_dist"),
    ("umap.umap_", "compute_membership_strengths"),
    ("umap.layouts", "_nb_optimize_layout_euclidean_single_epoch"),
)
# Two UMAP fits at once abort the process under one of numba's threading layers.
_one_at_a_time = threading.Lock()
MAP_NEIGHBOURS = 15
# Enough room between dots to tell them apart; the clusters' own layout has none.
MAP_MIN_DIST = 0.2
# Rows placed on both maps that fix how one lies on the other; fewer could mirror it by chance.
MIN_TO_ALIGN = 3


@dataclass(frozen=True, slots=True)
class Projection:
    """A linear map to the layout.

    Attributes:
        mean: (d,) float32.
        components: (n_components, d) float32, rows of zeros where the collection has fewer dimensions.
    """

    mean: Float32s
    components: Float32s

    def apply(self, vectors: Float32s) -> Float32s:
        """Project vectors, each row by itself.

        Args:
            vectors: (n, d) float32.

        Returns:
            (n, n_components) float32 positions.
        """
        centred = vectors.astype(np.float64) - self.mean
        # Row by row: a blocked product may round differently with the size of the batch.
        columns = [(centred * axis).sum(axis=1) for axis in self.components.astype(np.float64)]
        return np.stack(columns, axis=1).astype(np.float32)


def principal_components(vectors: Float32s, *, n_components: int) -> Projection:
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
    vectors: Float32s,
    graph: Neighbours,
    *,
    params: FitParams,
    min_dist: float = 0.0,
    init: Float32s | None = None,
    n_epochs: int | None = None,
) -> Float32s:
    """Lay out the vectors with UMAP on a graph that is already known.

    Args:
        vectors: (n, d) float32 unit norm, n at least `MIN_FOR_UMAP`.
        graph: the nearest other rows, at least `n_neighbors - 1` of them or all there are.
        params: `n_neighbors`, `n_components` and `seed` are used.
        min_dist: how near to one another positions may come: 0 to cluster them, more to look at them.
        init: (n, n_components) positions to start at and stay close to, or None for spectral ones.
        n_epochs: rounds of a layout from nothing, None for UMAP's own number.

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
        umap = _umap()
        model = umap.UMAP(
            n_neighbors=n_neighbors,
            n_components=params.n_components,
            metric="cosine",
            min_dist=min_dist,
            init="spectral" if init is None else init,
            n_epochs=n_epochs
            if init is None
            else EPOCHS_TO_CONTINUE
            if n <= LARGE_LAYOUT
            else EPOCHS_TO_CONTINUE_LARGE,
            learning_rate=1.0 if init is None else RATE_TO_CONTINUE,
            random_state=params.seed,
            n_jobs=1,
            precomputed_knn=(indices, distances),
        )
        layout: Float32s = np.asarray(model.fit_transform(vectors), dtype=np.float32)
    if not np.isfinite(layout).all():
        logger.warning("UMAP gave positions that are not finite; principal components are used instead")
        return principal_components(vectors, n_components=params.n_components).apply(vectors)
    return layout


@functools.cache
def _umap() -> Any:
    """Import umap and let numba keep the three kernels of a fit on disk.

    Without it every new process compiles them again: 5.5 s against 0.2 s (umap 0.5.12, measured).
    """
    shield_cache()
    import umap

    for module, name in UMAP_KERNELS:
        try:
            getattr(importlib.import_module(module), name).enable_caching()
        except (AttributeError, RuntimeError) as reason:
            # Another umap, or nowhere to write: it compiles instead.
            logger.debug("umap's %s is not cached: %s", name, reason)
    return umap


def map_layout(
    vectors: Float32s, *, seed: int, graph: Neighbours | None = None, earlier: Float32s | None = None
) -> Float32s:
    """Lay vectors out in two dimensions.

    Args:
        vectors: (n, d) float32 unit norm; n may be 0.
        seed: of UMAP.
        graph: the nearest rows of each row, where they are known already.
        earlier: (n, 2) positions on an earlier map, NaN for rows that are new, or None.

    Returns:
        (n, 2) float32 positions; principal components for fewer than `MIN_FOR_UMAP` distinct pictures.
    """
    if len(vectors) == 0:
        return np.zeros((0, 2), np.float32)
    picture_of_row, first_rows = distinct_rows(vectors)
    pictures = vectors[first_rows]
    if len(pictures) < MIN_FOR_UMAP:
        return principal_components(pictures, n_components=2).apply(pictures)[picture_of_row]
    if graph is None or len(pictures) < len(vectors):
        graph = neighbour_graph(pictures, k=MAP_NEIGHBOURS)
    params = FitParams(n_neighbors=MAP_NEIGHBOURS, n_components=2, seed=seed)
    if earlier is None:
        return umap_layout(pictures, graph, params=params, min_dist=MAP_MIN_DIST)[picture_of_row]
    before = earlier[first_rows]
    known = np.isfinite(before).all(axis=1)
    init = impute_positions(before, graph=graph) if known.mean() >= MIN_KNOWN_TO_CONTINUE else None
    layout = umap_layout(pictures, graph, params=params, min_dist=MAP_MIN_DIST, init=init)
    if init is not None:
        # UMAP stretches what it begins at to a square of its own.
        low, high = init.min(axis=0), init.max(axis=0)
        layout = layout * (high - low) / 10 + low
    return _aligned(layout, before)[picture_of_row]


def _aligned(layout: Float32s, earlier: Float32s) -> Float32s:
    """Turn, mirror, move and scale a layout so that known rows come as near to their earlier places as they can.

    The orthogonal Procrustes problem with a scale (Gower 1975).
    """
    known = np.asarray(np.isfinite(earlier).all(axis=1), np.bool_)
    if known.sum() < MIN_TO_ALIGN:
        return layout.astype(np.float32)
    here, there = layout[known].astype(np.float64), earlier[known].astype(np.float64)
    here_mean, there_mean = here.mean(axis=0), there.mean(axis=0)
    left, sizes, right = np.linalg.svd((here - here_mean).T @ (there - there_mean))
    spread = float(((here - here_mean) ** 2).sum())
    scale = float(sizes.sum()) / spread if spread > 0 and sizes.sum() > 0 else 1.0
    return np.asarray(scale * (layout - here_mean) @ (left @ right) + there_mean, dtype=np.float32)
