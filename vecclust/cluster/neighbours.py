"""Exact nearest neighbours by cosine, and the measure of novelty that rests on them.

Knows blocked matrix products. Refuses to approximate: pynndescent would compile for 43 s in every new
process, the exact graph of 20,000 rows takes about ten seconds. Invariant: a pair's distance is summed in
float64 in one fixed order, so a list depends neither on the block, nor on the batch, nor on the threads of
the product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# One block of products; larger gains nothing in the product and costs memory at 200,000 rows.
BLOCK_BYTES = 64 * 2**20
# The products of a block are rounded in float32; so many more candidates are measured again exactly, so that
# a rounding at the edge of the list cannot change it.
SPARE_CANDIDATES = 8
# Below this a cosine distance between float32 unit vectors is rounding: the two are the same picture.
SAME_PICTURE = 1e-6


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest rows of each row, nearest first, ties by row number.

    Attributes:
        indices: (n, k) int32.
        distances: (n, k) float32 cosine distances in [0, 2].
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float32]


def neighbour_graph(
    vectors: NDArray[np.float32],
    *,
    k: int,
    threads: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Neighbours:
    """Find the k nearest other rows of every row, exactly.

    Args:
        vectors: (n, d) float32 unit norm.
        k: neighbours per row without the row itself; n - 1 where that is fewer.
        threads: threads of the products, 0 to leave them alone.
        progress: called with rows done and rows in all.

    Returns:
        The lists, (n, min(k, n - 1)).
    """
    n = len(vectors)
    k = max(0, min(k, n - 1))
    indices = np.zeros((n, k), np.int32)
    distances = np.zeros((n, k), np.float32)
    if k == 0:
        return Neighbours(indices, distances)
    with _limited(threads):
        for start, stop in _blocks(n, n):
            products = vectors[start:stop] @ vectors.T
            products[np.arange(stop - start), np.arange(start, stop)] = -np.inf
            indices[start:stop], distances[start:stop] = _nearest_of(
                products, rows=vectors[start:stop], vectors=vectors, k=k
            )
            if progress is not None:
                progress(stop, n)
    return Neighbours(indices, distances)


def nearest_rows(vectors: NDArray[np.float32], arrivals: NDArray[np.float32], *, k: int) -> Neighbours:
    """Find the k rows nearest to each arrival, exactly; a row equal to the arrival counts.

    Args:
        vectors: (n, d) float32 unit norm.
        arrivals: (m, d) float32 unit norm.
        k: neighbours per arrival; n where that is fewer.

    Returns:
        The lists, (m, min(k, n)).
    """
    k = min(k, len(vectors))
    indices = np.zeros((len(arrivals), k), np.int32)
    distances = np.zeros((len(arrivals), k), np.float32)
    if k:
        for start, stop in _blocks(len(arrivals), len(vectors)):
            rows = arrivals[start:stop]
            indices[start:stop], distances[start:stop] = _nearest_of(rows @ vectors.T, rows=rows, vectors=vectors, k=k)
    return Neighbours(indices, distances)


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


def _nearest_of(
    products: NDArray[np.float32], *, rows: NDArray[np.float32], vectors: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    n_candidates = min(k + SPARE_CANDIDATES, products.shape[1])
    if n_candidates < products.shape[1]:
        candidates = np.argpartition(products, -n_candidates, axis=1)[:, -n_candidates:]
    else:
        candidates = np.broadcast_to(np.arange(products.shape[1]), products.shape).copy()
    exact = np.empty(candidates.shape, np.float64)
    for first in range(0, len(rows), 256):  # 256 x 23 x 512 float64 is 24 MB
        part = slice(first, first + 256)
        pairs = vectors[candidates[part]].astype(np.float64) * rows[part, None, :]
        exact[part] = np.clip(1.0 - pairs.sum(axis=-1), 0.0, 2.0)
    exact[np.isneginf(np.take_along_axis(products, candidates, axis=1))] = np.inf
    order = np.lexsort((candidates, exact), axis=-1)[:, :k]
    indices = np.take_along_axis(candidates, order, axis=1).astype(np.int32)
    return indices, np.take_along_axis(exact, order, axis=1).astype(np.float32)


def _blocks(n_rows: int, n_columns: int) -> Iterator[tuple[int, int]]:
    step = max(1, BLOCK_BYTES // (4 * max(1, n_columns)))
    for start in range(0, n_rows, step):
        yield start, min(start + step, n_rows)


@contextmanager
def _limited(threads: int) -> Iterator[None]:
    if threads == 0:
        yield
        return
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(limits=threads):
        yield
