"""Exact nearest rows for a few arrivals at a time, looking closely at a fraction of the rows only.

A product of one arrival with 20,000 rows of 512 numbers is bound by memory: 3 to 8 ms of CPU. Here every row has a
short form, its part within the leading directions of the collection, and the length of what is left. Short forms and
lengths bound every product from above (Cauchy and Schwarz), so most rows are ruled out without being read. Invariant:
the lists are those of `neighbours.nearest_rows`; where little can be ruled out, that is what is asked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.neighbours import Neighbours, nearest_among, nearest_rows, one_thread

# Short forms of a quarter of the width, 128 of 512.
SHORT_SHARE = 4
# Directions are found from so many rows, evenly spaced: any orthonormal basis gives a true bound.
SAMPLE = 2000
# Sums of 512 products in float32 are off by about 1e-6.
MARGIN = np.float32(1e-5)
# Reading scattered rows costs several times as much as reading them in order.
MOST_READ = 1 / 8
# The plain product reads every row once for all arrivals: at 20,000 x 512 it takes 3.2 ms for one and 24 ms for 32,
# this 0.85 and 28 (CPU, one thread).
FEW = 8


class Sieve:
    """Finds the rows nearest to arrivals.

    Args:
        vectors: (n, d) float32 of norm about 1.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = vectors
        n, width = vectors.shape
        some = vectors[:: max(1, n // SAMPLE)].astype(np.float64)
        _, directions = np.linalg.eigh(some.T @ some)
        self._basis = np.ascontiguousarray(directions[:, -max(1, width // SHORT_SHARE) :], np.float32)
        self._short = np.ascontiguousarray((vectors @ self._basis).T)
        self._rest = _left(vectors, self._short.T)

    def nearest(self, arrivals: NDArray[np.float32], *, k: int) -> Neighbours:
        """Find the k rows nearest to each arrival; see `nearest_rows`.

        Args:
            arrivals: (m, d) float32 of norm about 1.
            k: neighbours per arrival; n where that is fewer.
        """
        m = len(arrivals)
        if m > FEW or k >= len(self._vectors):
            return nearest_rows(self._vectors, arrivals, k=k)
        # Bound by memory: a second thread only waits.
        with one_thread():
            return self._few(arrivals, k=k)

    def _few(self, arrivals: NDArray[np.float32], *, k: int) -> Neighbours:
        m = len(arrivals)
        short = arrivals @ self._basis
        guesses = short @ self._short
        bounds = guesses + _left(arrivals, short)[:, None] * self._rest
        lists = [self._sifted(row, arrivals=arrivals, guesses=guesses, bounds=bounds, k=k) for row in range(m)]
        read = [row for row, found in enumerate(lists) if found is None]
        plain = nearest_rows(self._vectors, arrivals[read], k=k)
        indices = np.empty((m, k), np.int32)
        distances = np.empty((m, k), np.float32)
        indices[read], distances[read] = plain.indices, plain.distances
        for row, found in enumerate(lists):
            if found is not None:
                indices[row], distances[row] = found.indices[0], found.distances[0]
        return Neighbours(indices, distances)

    def _sifted(
        self,
        row: int,
        *,
        arrivals: NDArray[np.float32],
        guesses: NDArray[np.float32],
        bounds: NDArray[np.float32],
        k: int,
    ) -> Neighbours | None:
        """Give one arrival's list, or None where too many rows are left to read."""
        likely = np.argpartition(guesses[row], -k)[-k:]
        least = (self._vectors[likely] @ arrivals[row]).min() - MARGIN
        left = np.flatnonzero(bounds[row] >= least)
        if len(left) > MOST_READ * len(self._vectors):
            return None
        return nearest_among(left, vectors=self._vectors, arrivals=arrivals[row : row + 1], k=k)


def _left(vectors: NDArray[np.float32], short: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the length of what the short forms (n, r) leave of vectors (n, d)."""
    whole = np.einsum("ij,ij->i", vectors, vectors)
    kept = np.einsum("ij,ij->i", short, short)
    return np.asarray(np.sqrt(np.maximum(whole - kept, 0.0) + MARGIN), np.float32)
