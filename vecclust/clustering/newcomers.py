"""Settle newcomers in a layout that stays: UMAP's optimisation for them alone.

As `UMAP.transform` does it (McInnes, Healy and Melville 2018), but newcomers see one another. Written with numpy, for
importing umap and loading its compiled kernels takes 2.5 s of CPU, settling 150 newcomers among 3,000 a twentieth of
one. Refuses to know where they begin. Invariants: what is not a newcomer keeps its place to the bit; the same rows in
the same order and seed give the same places.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.neighbours import Neighbours
from vecclust.clustering.weights import fitted_weights

# As a continued fit of a small layout; see `scripts/eval_incremental`.
EPOCHS = 50
RATE = 0.1
# UMAP's curve 1 / (1 + a x^2b) for a spread of 1 and a least distance of 0, by its `find_ab_params`.
A, B = 1.932808398, 0.790494974
# UMAP's: places that push at each pull, how far one of them moves a place at most, and what keeps a push finite.
PUSHES = 5
FARTHEST = 4.0
NEAREST = 1e-3


def settle_newcomers(
    places: NDArray[np.float32], graph: Neighbours, *, new: NDArray[np.bool_], n_neighbors: int, seed: int
) -> NDArray[np.float32]:
    """Move newcomers to where their neighbours pull and others push them.

    Args:
        places: (n, c) float32, where everything begins.
        graph: the nearest other rows of each row.
        new: (n,) which rows may move.
        n_neighbors: neighbours that pull, the row itself counted in, as UMAP counts.
        seed: of the places that push.

    Returns:
        (n, c) float32.
    """
    rows = np.flatnonzero(new)
    near, distances = graph.indices[rows, : n_neighbors - 1], graph.distances[rows, : n_neighbors - 1]
    settled = places.copy()
    if near.size == 0:
        return settled
    weights = fitted_weights(distances)
    rng = np.random.default_rng(seed)
    moving = places.astype(np.float64)
    # A pull of half the strength comes half as often; the weakest, which would come not once, never.
    every = np.where(weights * EPOCHS >= 1.0, 1.0 / np.maximum(weights, 1.0 / EPOCHS), np.inf)
    due = every.copy()
    for epoch in range(EPOCHS):
        rate = RATE * (1.0 - epoch / EPOCHS)
        # One neighbour after the other: all at once would throw a place beyond them.
        for column in range(near.shape[1]):
            pulled = np.flatnonzero(due[:, column] <= epoch)
            due[pulled, column] += every[pulled, column]
            own, other = moving[rows[pulled]], moving[near[pulled, column]]
            own += rate * _pull(own - other)
            others = moving[rng.integers(len(moving), size=(len(pulled), PUSHES))]
            moving[rows[pulled]] = own + rate * _push(own[:, None] - others).sum(axis=1)
    settled[rows] = moving[rows]
    return settled


def _pull(gap: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give UMAP's attraction along gaps (m, c)."""
    square = np.maximum((gap * gap).sum(axis=-1, keepdims=True), np.finfo(np.float64).tiny)
    strength = -2.0 * A * B * square ** (B - 1.0) / (1.0 + A * square**B)
    return np.asarray(np.clip(strength * gap, -FARTHEST, FARTHEST))


def _push(gap: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give UMAP's repulsion along gaps (m, p, c); none from the same place."""
    square = (gap * gap).sum(axis=-1, keepdims=True)
    strength = 2.0 * B / ((NEAREST + square) * (1.0 + A * square**B))
    return np.asarray(np.clip(strength * gap, -FARTHEST, FARTHEST))
