"""Which pictures are distinct, their exact nearest neighbours by cosine, and how much each neighbour counts.

Knows tiled matrix products, and UMAP's fuzzy membership of neighbours as array arithmetic. Refuses to approximate:
pynndescent would compile for 43 s in every new process. The graph of a collection takes half of all products, each of
which tells of both its ends, and compiled loops (20,000 rows of 512: 3.1 CPU s, 5.8 where every pair was multiplied
twice, 12.4 where numpy looked for the largest); a few arrivals take numpy alone, for numba is half a second to import.
Invariants: a pair's distance is summed in float64 in one fixed order, so a list depends neither on the tile, nor on the
batch, nor on the threads of the product; a row's weights depend on its own distances alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from vecclust.clustering.arrays import Bools, Float32s, Float64s, Int32s, Int64s

# So many tell what a photo is like, whatever a layout looks at: thresholds of cohesion and novelty were set with them.
N_NEAREST = 15
# One block of products; larger gains nothing in the product and costs memory at 200,000 rows.
BLOCK_BYTES = 64 * 2**20
# Rows and columns of a tile of the product of all with all, 16 MB.
TILE = 2048
# The products of a block are rounded in float32; so many more candidates are measured again exactly, so that
# a rounding at the edge of the list cannot change it.
SPARE_CANDIDATES = 8
# A product of float32 unit vectors of 256 to 1,280 dimensions was off by at most 8e-7 (1.6e7 pairs of each width); a
# pair that close to the end of a list is measured exactly.
PRODUCT_ROUNDING = 1e-5
# A list that so many newcomers would enter is searched for anew: its pairs would cost more.
MAX_NEWCOMERS_PER_LIST = 64
# Below this a cosine distance between float32 unit vectors is rounding: the two are the same picture.
SAME_PICTURE = 1e-6
# UMAP's own constants of `smooth_knn_dist`.
SMOOTH_STEPS = 64
SMOOTH_TOLERANCE = 1e-5
MIN_SCALE = 1e-3


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest rows of each row, nearest first, ties by row number.

    Attributes:
        indices: (n, k) int32.
        distances: (n, k) float32 cosine distances in [0, 2].
    """

    indices: Int32s
    distances: Float32s

    def nearest(self, k: int) -> Neighbours:
        """Give the first neighbours of each row.

        Args:
            k: how many, at least 0; all where there are fewer.
        """
        return Neighbours(self.indices[:, :k], self.distances[:, :k])


def neighbour_graph(
    vectors: Float32s, *, k: int, threads: int = 0, progress: Callable[[int, int], None] | None = None
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
    lists = Neighbours(np.zeros((n, k), np.int32), np.zeros((n, k), np.float32))
    if k == 0:
        return lists
    with _limited(threads):
        candidates = _candidates_of_all(vectors, k=k, progress=progress)
    for start in range(0, n, TILE):
        some = slice(start, start + TILE)
        found = _ranked(candidates[some], rows=vectors[some], vectors=vectors, k=k)
        lists.indices[some], lists.distances[some] = found
    return lists


def _candidates_of_all(vectors: Float32s, *, k: int, progress: Callable[[int, int], None] | None) -> Int32s:
    """Find the candidates of every row, (n, c): half of the products tell of both their ends."""
    from vecclust.clustering.kernels import keep_largest

    n = len(vectors)
    values = np.full((n, min(k + SPARE_CANDIDATES, n - 1)), -np.inf, np.float32)
    columns = np.full(values.shape, -1, np.int32)
    for first_row in range(0, n, TILE):
        rows = vectors[first_row : first_row + TILE]
        for first_column in range(first_row, n, TILE):
            products = rows @ vectors[first_column : first_column + TILE].T
            if first_column == first_row:
                np.fill_diagonal(products, -np.inf)
            keep_largest(products, first_row, first_column, values, columns, first_column > first_row)
        if progress is not None:
            # The triangle that is left is what is left to do.
            left = n - min(n, first_row + TILE)
            progress(n - round(left**2 / n), n)
    return columns


def update_graph(
    vectors: Float32s,
    earlier: Neighbours,
    *,
    known: Int64s,
    threads: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Neighbours:
    """Bring an earlier graph up to date: only rows that came, and rows whose neighbours went, are searched for.

    Args:
        vectors: (n, d) float32 unit norm, the rows as they are now.
        earlier: the graph of (m, k) earlier rows.
        known: (n,) int64, which earlier row each row is, -1 for rows that came since; those that went are not named.
        threads: threads of the products, 0 to leave them alone.
        progress: called with rows searched and rows to search.

    Returns:
        The lists (n, min(k, n - 1)) that `neighbour_graph` would find, to the bit; only between neighbours that are
        equally far to the last digit may the choice at a list's end differ, where removal changed their order.
    """
    k = earlier.indices.shape[1]
    n = len(vectors)
    if k == 0 or min(k, n - 1) != k:
        return neighbour_graph(vectors, k=k, threads=threads, progress=progress)
    now = np.full(len(earlier.indices), -1, np.int32)
    old = known >= 0
    now[known[old]] = np.flatnonzero(old)
    indices, distances = np.full((n, k), -1, np.int32), np.zeros((n, k), np.float32)
    indices[old], distances[old] = now[earlier.indices[known[old]]], earlier.distances[known[old]]
    whole = old & (indices >= 0).all(axis=1)
    came = np.flatnonzero(~old)
    with _limited(threads):
        reach = np.where(whole, distances[:, -1], -np.inf)
        found, row, newcomer = _newcomers(vectors, came, k=k, reach=reach, progress=progress)
        indices[came], distances[came] = found.indices, found.distances
        crowded = np.bincount(row, minlength=n) > MAX_NEWCOMERS_PER_LIST
        search = np.flatnonzero((old & ~whole) | crowded)
        found = _lists_of(vectors, vectors[search], own=search, k=k, progress=progress)
        indices[search], distances[search] = found.indices, found.distances
    rows, lists = _merged_lists(indices, row[~crowded[row]], newcomer[~crowded[row]])
    doubtful, untouched = _merge(vectors, Neighbours(indices, distances), rows=rows, lists=lists), whole & ~crowded
    untouched[rows] = False
    # Rows that are equally far are ordered by their numbers, which may be others now.
    tied = np.flatnonzero((distances[:, 1:] == distances[:, :-1]).any(axis=1) & untouched)
    for some, candidates in ((rows[doubtful], lists[doubtful]), (tied, indices[tied])):
        indices[some], distances[some] = _ranked(candidates, rows=vectors[some], vectors=vectors, k=k)
    return Neighbours(indices, distances)


def agrees_with_vectors(graph: Neighbours, *, vectors: Float32s, rows: Int64s) -> bool:
    """Say whether the distances in some lists of a graph are those of the vectors.

    Args:
        graph: lists of all rows.
        vectors: (n, d) float32 unit norm.
        rows: the lists to look at.

    Returns:
        Whether each agrees to the bit.
    """
    lists = graph.indices[rows]
    found, distances = _ranked(lists, rows=vectors[rows], vectors=vectors, k=lists.shape[1])
    return bool((found == lists).all() and (distances == graph.distances[rows]).all())


def nearest_rows(vectors: Float32s, arrivals: Float32s, *, k: int) -> Neighbours:
    """Find the k rows nearest to each arrival, exactly; a row equal to the arrival counts.

    Args:
        vectors: (n, d) float32 unit norm.
        arrivals: (m, d) float32 unit norm.
        k: neighbours per arrival; n where that is fewer.

    Returns:
        The lists, (m, min(k, n)).
    """
    return _lists_of(vectors, arrivals, own=None, k=min(k, len(vectors)))


def _lists_of(
    vectors: Float32s,
    asked: Float32s,
    *,
    own: Int64s | None,
    k: int,
    progress: Callable[[int, int], None] | None = None,
) -> Neighbours:
    """Find the k rows nearest to each of those asked about, but for its own row where it is one of them."""
    indices = np.zeros((len(asked), k), np.int32)
    distances = np.zeros((len(asked), k), np.float32)
    for start, stop in _blocks(len(asked), len(vectors)) if k else ():
        rows = asked[start:stop]
        products = rows @ vectors.T
        if own is not None:
            products[np.arange(stop - start), own[start:stop]] = -np.inf
        candidates = _candidates(products, k=k) if own is None else _candidates_compiled(products, k=k)
        measure = _measured if own is None else _measured_compiled
        found = _ranked(candidates, rows=rows, vectors=vectors, k=k, measure=measure)
        indices[start:stop], distances[start:stop] = found
        if progress is not None:
            progress(stop, len(asked))
    return Neighbours(indices, distances)


def _newcomers(
    vectors: Float32s, came: Int64s, *, k: int, reach: Float64s, progress: Callable[[int, int], None] | None
) -> tuple[Neighbours, Int64s, Int64s]:
    """Find the lists of newcomers, and pair every row with each newcomer that may enter its list, from one product.

    Args:
        vectors: (n, d) all rows.
        came: the newcomers.
        k: length of the lists.
        reach: (n,) how far the list of each row reaches, -inf for rows without one.
        progress: called with newcomers searched and newcomers to search.

    Returns:
        The lists of the newcomers, the rows of the pairs and the newcomers of the pairs; near the end of a list, where
        rounding decides, there are pairs too many.
    """
    lists = Neighbours(np.zeros((len(came), k), np.int32), np.zeros((len(came), k), np.float32))
    rows, newcomers = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    least = np.asarray(1.0 - reach - PRODUCT_ROUNDING, np.float32)
    for start, stop in _blocks(len(came), len(vectors)):
        part = came[start:stop]
        products = vectors[part] @ vectors.T
        newcomer, row = np.nonzero(products >= least)
        rows.append(row)
        newcomers.append(part[newcomer])
        products[np.arange(stop - start), part] = -np.inf
        nearest = _ranked(_candidates_compiled(products, k=k), rows=vectors[part], vectors=vectors, k=k)
        lists.indices[start:stop], lists.distances[start:stop] = nearest
        if progress is not None:
            progress(stop, len(came))
    return lists, np.concatenate(rows), np.concatenate(newcomers)


def _merged_lists(indices: Int32s, row: Int64s, newcomer: Int64s) -> tuple[Int64s, Int32s]:
    """Give the rows that have newcomers, and their lists with those behind, filled up with -1."""
    order = np.argsort(row, kind="stable")
    rows, counts = np.unique(row, return_counts=True)
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    behind = np.full((len(rows), int(counts.max(initial=0))), -1, np.int32)
    behind[np.repeat(np.arange(len(rows)), counts), place] = newcomer[order]
    return rows, np.hstack([indices[rows], behind])


def _merge(vectors: Float32s, graph: Neighbours, *, rows: Int64s, lists: Int32s) -> Bools:
    """Write the newcomers behind some rows' lists into a graph, measuring those alone.

    Args:
        vectors: (n, d) all rows.
        graph: changed in place.
        rows: (m,) the rows.
        lists: (m, k + c) their lists and the newcomers behind, -1 for none.

    Returns:
        (m,) whether two neighbours that are equally far in float32 leave the order in doubt.
    """
    k = graph.indices.shape[1]
    near = np.hstack([graph.distances[rows], _measured_compiled(lists[:, k:], rows=vectors[rows], vectors=vectors)])
    near = near.astype(np.float32)
    order = np.argsort(near, axis=1, kind="stable")[:, : k + 1]
    near = np.take_along_axis(near, order, axis=1)
    graph.indices[rows] = np.take_along_axis(lists, order[:, :k], axis=1)
    graph.distances[rows] = near[:, :k]
    return np.asarray((near[:, 1:] == near[:, :-1]).any(axis=1), np.bool_)


def _candidates(products: Float32s, *, k: int) -> Int32s:
    """Find the columns whose products are the largest, a few more than k; -1 for those that are out of the question."""
    n = min(k + SPARE_CANDIDATES, products.shape[1])
    if n < products.shape[1]:
        candidates = np.argpartition(products, -n, axis=1)[:, -n:].astype(np.int32)
    else:
        candidates = np.broadcast_to(np.arange(products.shape[1], dtype=np.int32), products.shape).copy()
    candidates[np.isneginf(np.take_along_axis(products, candidates, axis=1))] = -1
    return candidates


def _candidates_compiled(products: Float32s, *, k: int) -> Int32s:
    """Do the same in a tenth of the time, once numba is there."""
    from vecclust.clustering.kernels import keep_largest

    values = np.full((len(products), min(k + SPARE_CANDIDATES, products.shape[1])), -np.inf, np.float32)
    columns = np.full(values.shape, -1, np.int32)
    keep_largest(products, 0, 0, values, columns, False)
    return columns


def _measured(candidates: Int32s, *, rows: Float32s, vectors: Float32s) -> Float64s:
    """Measure the distances (m, c) of candidates exactly; inf for -1, which is none."""
    exact = np.empty(candidates.shape, np.float64)
    for first in range(0, len(rows), 256):  # 256 x 23 x 512 float64 is 24 MB
        part = slice(first, first + 256)
        pairs = vectors[candidates[part]].astype(np.float64) * rows[part, None, :]
        exact[part] = np.clip(1.0 - pairs.sum(axis=-1), 0.0, 2.0)
    exact[candidates < 0] = np.inf
    return exact


def _measured_compiled(candidates: Int32s, *, rows: Float32s, vectors: Float32s) -> Float64s:
    """Do the same in a tenth of the time, once numba is there; the last digit may differ."""
    from vecclust.clustering.kernels import cosine_distances

    exact: Float64s = cosine_distances(candidates, rows, vectors)
    return exact


def _ranked(
    candidates: Int32s,
    *,
    rows: Float32s,
    vectors: Float32s,
    k: int,
    measure: Callable[..., Float64s] = _measured_compiled,
) -> tuple[Int32s, Float32s]:
    """Measure candidates (m, c) exactly and return the k nearest, nearest first; -1 is none and comes last."""
    exact = measure(candidates, rows=rows, vectors=vectors)
    order = np.lexsort((candidates, exact), axis=-1)[:, :k]
    indices = np.take_along_axis(candidates, order, axis=1).astype(np.int32)
    return indices, np.take_along_axis(exact, order, axis=1).astype(np.float32)


def _blocks(n_rows: int, n_columns: int) -> Iterator[tuple[int, int]]:
    step = max(1, BLOCK_BYTES // (4 * max(1, n_columns)))
    for start in range(0, n_rows, step):
        yield start, min(start + step, n_rows)


def limit_threads(threads: int) -> None:
    """Keep the products of the libraries that are loaded by now on so many threads for good.

    Args:
        threads: at least 1.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=threads)


def _limited(threads: int) -> AbstractContextManager[Any]:
    if threads == 0:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    limited: AbstractContextManager[Any] = threadpool_limits(limits=threads)
    return limited


def fit_weights(distances: Float32s) -> Float64s:
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


def transform_weights(distances: Float32s) -> Float64s:
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
    weights: Float64s = np.exp(-d / scale[:, None])
    # Far neighbours of a tight group underflow; the nearest always counts.
    weights[:, 0] = np.maximum(weights[:, 0], np.finfo(np.float64).tiny)
    return weights


def _scales(beyond: Float64s, *, target: float, distances: Float64s) -> Float64s:
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
    least = np.maximum(MIN_SCALE * distances.mean(axis=1), np.finfo(np.float32).tiny)
    return np.asarray(np.maximum(scale, least))


def distinct_rows(vectors: Float32s) -> tuple[Int32s, Int64s]:
    """Find rows that are exactly equal: copies of one picture would give HDBSCAN infinite densities.

    Args:
        vectors: (n, d) float32.

    Returns:
        (n,) int32, the distinct picture of each row, numbered by first appearance; and (p,) int64, its first
        row.
    """
    seen: dict[bytes, int] = {}
    picture_of_row = np.empty(len(vectors), np.int32)
    first_rows: list[int] = []
    for row, vector in enumerate(vectors):
        # A digest instead of the row's bytes: 200,000 rows would hold 400 MB of keys. Adding 0 unites -0 and 0.
        key = hashlib.blake2b((vector + np.float32(0)).tobytes(), digest_size=16).digest()
        picture = seen.setdefault(key, len(first_rows))
        if picture == len(first_rows):
            first_rows.append(row)
        picture_of_row[row] = picture
    return picture_of_row, np.array(first_rows, np.int64)
