"""What a fit takes over from an earlier one: the neighbour graph, and the layout as a place to begin.

Knows which earlier picture a picture is. Refuses to believe: a graph that is not that of the vectors is searched for
again. Invariants: the graph is the one a search finds, to the bit; a beginning has a finite place for every picture.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.neighbours import Neighbours, grown_graph, measured_again, neighbour_graph
from vecclust.clustering.params import FitParams
from vecclust.clustering.state import FitState

logger = logging.getLogger(__name__)

# Lists of a graph that was brought up to date that are measured again before it is believed.
CHECKED_LISTS = 256
# Of the pictures; below, most are newcomers, and a layout that begins with them in a heap is worse than a new one.
LEAST_TO_CONTINUE = 0.5
# Twenty in a row kept the quality of fits from nothing (scripts/eval_incremental); further was not looked.
MOST_CONTINUED = 20
# Light ones in a row before a continued one. Twenty refits of 2,000 synthetic photos: with three ARI was within 0.004
# of that of continued ones alone in either of two orders, with five 0.012 lower in one.
MOST_LIGHT = 3
# Of the photos. Five refits with 8 to 12 % newcomers each, four of them light, ended with an AMI no lower than with
# continued ones alone (2,000 synthetic photos, three orders); more was not looked at.
MOST_NEWCOMERS_FOR_LIGHT = 0.12
# Newcomers of a new kind know mostly one another: so many times each moves to the middle of those it knows, which
# gathers them before the layout is settled.
ROUNDS_TO_GATHER = 10
# Newcomers that nobody knew are put beside the map, by this share of its size: in the middle, where they were put
# before, 25 photos of a kind never seen were taken for part of whatever cluster was there.
ROOM_BESIDE = 0.15


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier fit over some of the same photos.

    Attributes:
        state: what that fit kept.
        rows: (n,) int64, for each row of the new fit the same photo's row in the earlier one, -1 where it came since.
    """

    state: FitState
    rows: NDArray[np.int64]


def known_pictures(earlier: Earlier, picture_of_row: NDArray[np.int32], *, n_pictures: int) -> NDArray[np.int64]:
    """Find which picture of the earlier fit each picture of the new one is.

    Args:
        earlier: the earlier fit.
        picture_of_row: (n,) the distinct picture of each row of the new fit.
        n_pictures: how many there are.

    Returns:
        (n_pictures,) int64, -1 for pictures that came since.
    """
    rows = np.flatnonzero(earlier.rows >= 0)
    known = np.full(n_pictures, -1, np.int64)
    known[picture_of_row[rows]] = earlier.state.picture_of_row[earlier.rows[rows]]
    return known


def graph_of(
    pictures: NDArray[np.float32],
    earlier: Earlier | None,
    *,
    known: NDArray[np.int64] | None,
    params: FitParams,
    progress: Callable[[int, int], None] | None = None,
) -> Neighbours:
    """Find the nearest other pictures of every picture, from the earlier fit's graph where it serves.

    Args:
        pictures: (p, d) float32 unit norm.
        earlier: the earlier fit, or None.
        known: as `known_pictures` gives it, or None.
        params: `n_neighbors` and `threads` are used.
        progress: called with pictures searched and pictures to search.

    Returns:
        The graph.
    """
    if earlier is not None and known is not None and _serves(earlier.state, pictures, known=known, params=params):
        before = Neighbours(earlier.state.neighbours, earlier.state.distances)
        graph = grown_graph(pictures, before, known=known, threads=params.threads, progress=progress)
        # The vectors live in the store and the graph beside the run: that they belong together is seen, not believed.
        if measured_again(graph, vectors=pictures, rows=np.linspace(0, len(pictures) - 1, CHECKED_LISTS).astype(int)):
            return graph
        logger.warning("the neighbours kept with the earlier run are not those of its photos; they are searched again")
    return neighbour_graph(pictures, k=params.n_neighbors, threads=params.threads, progress=progress)


def begin_at(
    earlier: Earlier | None, *, known: NDArray[np.int64] | None, graph: Neighbours, params: FitParams
) -> NDArray[np.float32] | None:
    """Give the places at which a layout may begin.

    Args:
        earlier: the earlier fit, or None.
        known: as `known_pictures` gives it, or None.
        graph: the nearest other pictures of every picture.
        params: `reducer` and `n_components` are used.

    Returns:
        (p, n_components) float32: known pictures where they were, newcomers in the middle of those they know, or beside
        the map where they know no one; None where the earlier layout is of another kind or knows too few pictures.
    """
    if earlier is None or known is None or len(known) == 0:
        return None
    before = earlier.state.params
    if not (params.reducer == before.reducer == "umap") or params.n_components != before.n_components:
        return None
    if np.mean(known >= 0) < LEAST_TO_CONTINUE:
        return None
    places = np.full((len(known), params.n_components), np.nan, np.float32)
    places[known >= 0] = earlier.state.layout[known[known >= 0]]
    placed = gathered(place_newcomers(places, graph=graph), new=known < 0, graph=graph)
    return None if placed is None else beside(placed, new=known < 0, graph=graph)


def labels_before(earlier: Earlier | None, known: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
    """Give the label that each picture had.

    Args:
        earlier: the earlier fit, or None.
        known: as `known_pictures` gives it, or None.

    Returns:
        (p,) int64, -1 for noise, -2 for pictures that came since; None where there is no earlier fit.
    """
    if earlier is None or known is None:
        return None
    return np.where(known >= 0, earlier.state.labels[known].astype(np.int64), -2)


def place_newcomers(positions: NDArray[np.float32], *, graph: Neighbours) -> NDArray[np.float32] | None:
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


def gathered(
    places: NDArray[np.float32] | None, *, new: NDArray[np.bool_], graph: Neighbours
) -> NDArray[np.float32] | None:
    """Move newcomers, a few times, to the middle of all that they know, other newcomers included.

    Args:
        places: (n, c) float32, or None.
        new: (n,) which rows are newcomers; the others stay.
        graph: the nearest rows of each row.

    Returns:
        (n, c) float32, or None.
    """
    if places is None or not new.any():
        return places
    moved = places.copy()
    for _ in range(ROUNDS_TO_GATHER):
        moved[new] = moved[graph.indices[new]].mean(axis=1)
    return moved


def beside(places: NDArray[np.float32], *, new: NDArray[np.bool_], graph: Neighbours) -> NDArray[np.float32]:
    """Move newcomers that know only newcomers, who know only newcomers, to the side of the map, each group for itself.

    Args:
        places: (n, c) float32.
        new: (n,) which rows are newcomers.
        graph: the nearest rows of each row.

    Returns:
        (n, c) float32.
    """
    strange = new.copy()
    while True:
        reached = strange & ~strange[graph.indices].all(axis=1)
        if not reached.any():
            break
        strange &= ~reached
    rows = np.flatnonzero(strange)
    if len(rows) == 0:
        return places
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    number = np.full(len(places), -1)
    number[rows] = np.arange(len(rows))
    links = number[graph.indices[rows]]
    ends = np.repeat(np.arange(len(rows)), links.shape[1]), links.ravel()
    _, group = connected_components(coo_matrix((np.ones(links.size), ends), shape=(len(rows), len(rows))))
    others = places[~strange]
    low, high = others.min(axis=0), others.max(axis=0)
    moved, axes = places.copy(), places.shape[1]
    for each in range(group.max() + 1):
        # Round the map: one side after the other, then further out.
        axis, turn = each % axes, each // axes
        far = (0.5 + ROOM_BESIDE * (1 + turn // 2)) * (high - low)[axis] * (1 if turn % 2 == 0 else -1)
        spot = (low + high) / 2
        spot[axis] += far
        moved[rows[group == each]] = spot
    return moved


def _serves(state: FitState, pictures: NDArray[np.float32], *, known: NDArray[np.int64], params: FitParams) -> bool:
    k = min(params.n_neighbors, max(0, len(pictures) - 1))
    alike = (state.params.n_neighbors, state.n_dimensions) == (params.n_neighbors, pictures.shape[1])
    return alike and state.neighbours.shape[1] == k and bool((known >= 0).any())
