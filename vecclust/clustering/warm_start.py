"""What a fit takes over from an earlier one: the neighbour graph, and the layout as a start.

Knows which earlier picture a picture is, and UMAP's optimisation for what came since alone, as `UMAP.transform` does it
(McInnes, Healy and Melville 2018), but newcomers see one another. Written with numpy, for importing umap and loading
its compiled kernels takes 2.5 s of CPU, moving 150 newcomers among 3,000 a twentieth of one. Refuses to believe: a
graph that is not that of the vectors is searched for again. Invariants: the graph is the one a search finds, to the
bit; a start has a finite place for every picture; what is not a newcomer keeps its place in a light fit, to the
bit; the same rows in the same order and seed give the same places.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vecclust.clustering.arrays import Bools, Float32s, Float64s, Int32s, Int64s
from vecclust.clustering.neighbours import (
    N_NEAREST,
    Neighbours,
    agrees_with_vectors,
    fit_weights,
    neighbour_graph,
    update_graph,
)
from vecclust.clustering.params import FitParams
from vecclust.clustering.state import FitState
from vecclust.types.runs import RefitKind

logger = logging.getLogger(__name__)

# Lists of a graph that was brought up to date that are measured again before it is believed.
CHECKED_LISTS = 256
# Of the pictures; below, most are newcomers, and a layout that begins with them in a heap is worse than a new one.
MIN_KNOWN_TO_CONTINUE = 0.5
# Twenty in a row kept the quality of fits from nothing (scripts/eval_incremental); further was not looked.
MAX_CONTINUED = 20
# Light ones in a row before a continued one. Twenty refits of 2,000 synthetic photos: with three ARI was within 0.004
# of that of continued ones alone in either of two orders, with five 0.012 lower in one.
MAX_LIGHT = 3
# Of the photos. Five refits with 8 to 12 % newcomers each, four of them light, ended with an AMI no lower than with
# continued ones alone (2,000 synthetic photos, three orders); more was not looked at.
MAX_NEWCOMERS_FOR_LIGHT = 0.12
# Newcomers of a new kind know mostly one another: so many times each moves to the middle of those it knows, which
# gathers them before the layout is optimised.
GATHER_ROUNDS = 10
# Newcomers that nobody knew are put beside the map, by this share of its size: in the middle, where they were put
# before, 25 photos of a kind never seen were taken for part of whatever cluster was there.
MARGIN_BESIDE = 0.15
# As a continued fit of a small layout; see `scripts/eval_incremental`.
LIGHT_EPOCHS = 50
LIGHT_RATE = 0.1
# UMAP's curve 1 / (1 + a x^2b) for a spread of 1 and a least distance of 0, by its `find_ab_params`.
UMAP_A, UMAP_B = 1.932808398, 0.790494974
# UMAP's: places that push at each pull, how far one of them moves a place at most, and what keeps a push finite.
NEGATIVE_SAMPLES = 5
GRADIENT_CLIP = 4.0
REPULSION_EPSILON = 1e-3


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier fit over some of the same photos.

    Attributes:
        state: what that fit kept.
        rows: (n,) int64, for each row of the new fit the same photo's row in the earlier one, -1 where it came since.
    """

    state: FitState
    rows: Int64s


def refit_kind(asked: RefitKind | None, *, n_continued: int, n_light: int, share_new: float) -> RefitKind:
    """Say what kind of fit follows an earlier one.

    Args:
        asked: what somebody wants, None for the cheapest that will do.
        n_continued: fits since the last one from nothing.
        n_light: light ones in a row before this one.
        share_new: share of the photos that came since, in [0, 1].
    """
    if asked == "full" or n_continued >= MAX_CONTINUED:
        return "full"
    few = asked == "light" or (asked is None and share_new <= MAX_NEWCOMERS_FOR_LIGHT)
    return "light" if few and n_light < MAX_LIGHT else "continued"


def known_pictures(earlier: Earlier | None, picture_of_row: Int32s, *, n_pictures: int) -> Int64s:
    """Find which picture of the earlier fit each picture of the new one is.

    Args:
        earlier: the earlier fit, or None.
        picture_of_row: (n,) the distinct picture of each row of the new fit.
        n_pictures: how many there are.

    Returns:
        (n_pictures,) int64, -1 for pictures that came since; all of them where there is no earlier fit.
    """
    known = np.full(n_pictures, -1, np.int64)
    if earlier is not None:
        rows = np.flatnonzero(earlier.rows >= 0)
        known[picture_of_row[rows]] = earlier.state.picture_of_row[earlier.rows[rows]]
    return known


def warm_graph(
    pictures: Float32s,
    earlier: Earlier | None,
    *,
    known: Int64s,
    params: FitParams,
    progress: Callable[[int, int], None] | None = None,
) -> Neighbours:
    """Find the nearest other pictures of every picture, from the earlier fit's graph where it serves.

    Args:
        pictures: (p, d) float32 unit norm.
        earlier: the earlier fit, or None.
        known: as `known_pictures` gives it.
        params: `n_neighbors` and `threads` are used.
        progress: called with pictures searched and pictures to search.

    Returns:
        The graph.
    """
    wanted = (params.n_neighbors, pictures.shape[1], min(params.n_neighbors, max(0, len(pictures) - 1)))
    state = earlier.state if earlier is not None and (known >= 0).any() else None
    if state is not None and (state.params.n_neighbors, state.n_dimensions, state.neighbours.shape[1]) == wanted:
        before = Neighbours(state.neighbours, state.distances)
        graph = update_graph(pictures, before, known=known, threads=params.threads, progress=progress)
        # The vectors live in the store and the graph beside the run: that they belong together is seen, not believed.
        if agrees_with_vectors(
            graph, vectors=pictures, rows=np.linspace(0, len(pictures) - 1, CHECKED_LISTS).astype(int)
        ):
            return graph
        logger.warning("the neighbours kept with the earlier run are not those of its photos; they are searched again")
    return neighbour_graph(pictures, k=params.n_neighbors, threads=params.threads, progress=progress)


def initial_layout(earlier: Earlier | None, *, known: Int64s, graph: Neighbours, params: FitParams) -> Float32s | None:
    """Give the places at which a layout may start.

    Args:
        earlier: the earlier fit, or None.
        known: as `known_pictures` gives it.
        graph: the nearest other pictures of every picture.
        params: `reducer` and `n_components` are used.

    Returns:
        (p, n_components) float32: known pictures where they were, newcomers in the middle of those they know, or beside
        the map where they know no one; None where the earlier layout is of another kind or knows too few pictures.
    """
    if earlier is None or len(known) == 0:
        return None
    before = earlier.state.params
    is_same_kind = params.reducer == before.reducer == "umap" and params.n_components == before.n_components
    if not is_same_kind or np.mean(known >= 0) < MIN_KNOWN_TO_CONTINUE:
        return None
    places = np.full((len(known), params.n_components), np.nan, np.float32)
    places[known >= 0] = earlier.state.layout[known[known >= 0]]
    # A new kind of fewer photos than a list is long would know others too.
    graph = graph.nearest(N_NEAREST)
    placed = impute_positions(places, graph=graph)
    if placed is None:
        return None
    placed = gather_newcomers(placed, new=known < 0, graph=graph)
    return move_beside(placed, new=known < 0, graph=graph)


def earlier_labels(earlier: Earlier | None, known: Int64s) -> Int64s | None:
    """Give the label that each picture had.

    Args:
        earlier: the earlier fit, or None.
        known: as `known_pictures` gives it.

    Returns:
        (p,) int64, -1 for noise, -2 for pictures that came since; None where there is no earlier fit.
    """
    if earlier is None:
        return None
    return np.where(known >= 0, earlier.state.labels[known].astype(np.int64), -2)


def settled_pictures(earlier: Earlier | None, known: Int64s) -> Bools:
    """Say which pictures were there when clusters were last chosen freely.

    Args:
        earlier: the earlier fit, or None.
        known: as `known_pictures` gives it.

    Returns:
        (p,) bool.
    """
    settled = np.asarray(known >= 0, np.bool_)
    if earlier is not None:
        settled[settled] = earlier.state.settled[known[settled]]
    return settled


def impute_positions(positions: Float32s, *, graph: Neighbours) -> Float32s | None:
    """Put rows without a position at the weighted mean of their nearest rows that have one.

    Args:
        positions: (n, c), NaN for rows without one.
        graph: the nearest rows of each row.

    Returns:
        (n, c) finite positions, or None where no row has any. Newcomers known only to newcomers lie in the middle.
    """
    known = np.asarray(np.isfinite(positions).all(axis=1), np.bool_)
    if not known.any():
        return None
    placed = positions.astype(np.float32).copy()
    placed[~known] = positions[known].mean(axis=0)
    new = np.flatnonzero(~known)
    if len(new) and graph.indices.shape[1]:
        near = graph.indices[new]
        # Nearer counts more; copies of a known picture lie where it lies.
        weights = np.where(known[near], 1.0 / (graph.distances[new].astype(np.float64) + 1e-6), 0.0)
        total = weights.sum(axis=1)
        there = np.where(known[near][:, :, None], positions[near], 0.0)
        means = (weights[:, :, None] * there).sum(axis=1)
        near_known = np.flatnonzero(total > 0)
        placed[new[near_known]] = means[near_known] / total[near_known, None]
    return placed


def gather_newcomers(places: Float32s, *, new: Bools, graph: Neighbours) -> Float32s:
    """Move newcomers, a few times, to the middle of all that they know, other newcomers included.

    Args:
        places: (n, c) float32.
        new: (n,) which rows are newcomers; the others stay.
        graph: the nearest rows of each row.

    Returns:
        (n, c) float32.
    """
    if not new.any():
        return places
    moved = places.copy()
    for _ in range(GATHER_ROUNDS):
        moved[new] = moved[graph.indices[new]].mean(axis=1)
    return moved


def move_beside(places: Float32s, *, new: Bools, graph: Neighbours) -> Float32s:
    """Move newcomers that know only newcomers, who know only newcomers, to the side of the map, each group for itself.

    Args:
        places: (n, c) float32.
        new: (n,) which rows are newcomers.
        graph: the nearest rows of each row.

    Returns:
        (n, c) float32.
    """
    unknown = new.copy()
    while True:
        reached = unknown & ~unknown[graph.indices].all(axis=1)
        if not reached.any():
            break
        unknown &= ~reached
    rows = np.flatnonzero(unknown)
    if len(rows) == 0:
        return places
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    number = np.full(len(places), -1)
    number[rows] = np.arange(len(rows))
    links = number[graph.indices[rows]]
    ends = np.repeat(np.arange(len(rows)), links.shape[1]), links.ravel()
    _, group = connected_components(coo_matrix((np.ones(links.size), ends), shape=(len(rows), len(rows))))
    others = places[~unknown]
    low, high = others.min(axis=0), others.max(axis=0)
    moved, axes = places.copy(), places.shape[1]
    for each in range(group.max() + 1):
        # Round the map: one side after the other, then further out.
        axis, turn = each % axes, each // axes
        far = (0.5 + MARGIN_BESIDE * (1 + turn // 2)) * (high - low)[axis] * (1 if turn % 2 == 0 else -1)
        spot = (low + high) / 2
        spot[axis] += far
        moved[rows[group == each]] = spot
    return moved


def optimise_newcomers(places: Float32s, graph: Neighbours, *, new: Bools, n_neighbors: int, seed: int) -> Float32s:
    """Move newcomers to where their neighbours pull and others push them.

    Args:
        places: (n, c) float32, where everything starts.
        graph: the nearest other rows of each row.
        new: (n,) which rows may move.
        n_neighbors: neighbours that pull, the row itself counted in, as UMAP counts.
        seed: of the places that push.

    Returns:
        (n, c) float32.
    """
    rows = np.flatnonzero(new)
    near, distances = graph.indices[rows, : n_neighbors - 1], graph.distances[rows, : n_neighbors - 1]
    optimised = places.copy()
    if near.size == 0:
        return optimised
    weights = fit_weights(distances)
    rng = np.random.default_rng(seed)
    moving = places.astype(np.float64)
    # UMAP_A pull of half the strength comes half as often; the weakest, which would come not once, never.
    every = np.where(weights * LIGHT_EPOCHS >= 1.0, 1.0 / np.maximum(weights, 1.0 / LIGHT_EPOCHS), np.inf)
    due = every.copy()
    for epoch in range(LIGHT_EPOCHS):
        rate = LIGHT_RATE * (1.0 - epoch / LIGHT_EPOCHS)
        # One neighbour after the other: all at once would throw a place beyond them.
        for column in range(near.shape[1]):
            pulled = np.flatnonzero(due[:, column] <= epoch)
            due[pulled, column] += every[pulled, column]
            own, other = moving[rows[pulled]], moving[near[pulled, column]]
            own += rate * _attraction(own - other)
            others = moving[rng.integers(len(moving), size=(len(pulled), NEGATIVE_SAMPLES))]
            moving[rows[pulled]] = own + rate * _repulsion(own[:, None] - others).sum(axis=1)
    optimised[rows] = moving[rows]
    return optimised


def _attraction(gap: Float64s) -> Float64s:
    """Give UMAP's attraction along gaps (m, c)."""
    square = np.maximum((gap * gap).sum(axis=-1, keepdims=True), np.finfo(np.float64).tiny)
    strength = -2.0 * UMAP_A * UMAP_B * square ** (UMAP_B - 1.0) / (1.0 + UMAP_A * square**UMAP_B)
    return np.asarray(np.clip(strength * gap, -GRADIENT_CLIP, GRADIENT_CLIP))


def _repulsion(gap: Float64s) -> Float64s:
    """Give UMAP's repulsion along gaps (m, p, c); none from the same place."""
    square = (gap * gap).sum(axis=-1, keepdims=True)
    strength = 2.0 * UMAP_B / ((REPULSION_EPSILON + square) * (1.0 + UMAP_A * square**UMAP_B))
    return np.asarray(np.clip(strength * gap, -GRADIENT_CLIP, GRADIENT_CLIP))
