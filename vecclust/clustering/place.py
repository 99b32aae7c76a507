"""Placing arrivals into a run: position, label, strength, and whether the photo is of a new kind.

Knows UMAP's membership weights and HDBSCAN's `approximate_predict` as array arithmetic, without either
library. Refuses to make clusters: what lies between them stays unlabelled. Invariants: an arrival's answer
depends on the run alone, neither on its batch nor on chance; labels are those of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.group import centroid_distances, euclidean, simplified_silhouette
from vecclust.clustering.neighbours import SAME_PICTURE, Neighbours, nearest_rows
from vecclust.clustering.novelty import CLEARLY, at_home, outlier_scores, rank_of, yardstick
from vecclust.clustering.reduce import Projection
from vecclust.clustering.state import FitState
from vecclust.clustering.tree import membership
from vecclust.clustering.weights import arriving_weights

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

# So many differences of coordinates cost less (0.1 s) than importing scipy's trees does (0.3 s), in
# a process that places a few photos and ends.
MOST_GAPS = 5_000_000
# The mean of an arrival's neighbours' places lies between clusters where they are in several, and what is there is
# noise or a third one. pacs-photo, means of three left-out classes and three next fits each: by the vote of most 0.61
# of the arrivals are in the cluster that the next fit gives them, by place alone 0.585, by `umap.transform` 0.545;
# after a continued fit 0.65, 0.61 and 0.58. By the vote of the most numerous, without a least share, hardly one would
# be left unlabelled.
MAJORITY = 0.5


@dataclass(frozen=True, slots=True)
class Placement:
    """Where m arrivals belong.

    Attributes:
        labels: (m,) int64 labels of the run, -1 for noise and for newcomers.
        strengths: (m,) float32 in [0, 1], 0 where the label is -1.
        positions: (m, c) float32 in the run's layout.
        novelty: (m,) float32 in [0, 1], the share of the fit's own pictures that stand out less than the arrival; 1 in
            an empty run.
        newcomer: (m,) bool, whether it stands out more than photos of known kinds do.
        votes: (m,) int64, the label the neighbours' weighted vote gives (-1 for noise): a second opinion.
    """

    labels: NDArray[np.int64]
    strengths: NDArray[np.float32]
    positions: NDArray[np.float32]
    novelty: NDArray[np.float32]
    newcomer: NDArray[np.bool_]
    votes: NDArray[np.int64]


class Placer:
    """Places arrivals into one run; made once, used for many.

    How a label comes about: a copy of a fitted picture gets that picture's label. Otherwise, in a run of
    HDBSCAN, what most of its nearest fitted pictures vote for, by UMAP's weights, noise being a vote too; where most
    agree on nothing, `approximate_predict` at the arrival's position, unless the vote goes to a group smaller than the
    smallest cluster, beside which others lie in the layout; of k-means, the nearest centroid; of agglomerative, the
    vote of the nearest fitted pictures. A newcomer is held back with label -1 in any of them.

    Args:
        state: the run.
        vectors: (n, d) float32 unit norm, the rows of the fit in its order.
        present: (n,) bool, False for rows whose photo is gone; their vectors are not looked at. None for all
            present.
        often: whether many small batches will be asked for: the tree over the layout is made now.

    Raises:
        ValueError: the vectors are not those of this run.
    """

    def __init__(
        self,
        state: FitState,
        vectors: NDArray[np.float32],
        *,
        present: NDArray[np.bool_] | None = None,
        often: bool = False,
    ) -> None:
        if vectors.shape != (state.n_rows, state.n_dimensions):
            wanted = (state.n_rows, state.n_dimensions)
            raise ValueError(f"the run was fitted on vectors of shape {wanted}, not {vectors.shape}")
        rows = np.arange(state.n_rows) if present is None else np.flatnonzero(present)
        # The pictures that still have a photo, and one row of each.
        self._pictures, first = np.unique(state.picture_of_row[rows], return_index=True)
        self._state = state
        chosen = rows[first]
        whole = len(chosen) == state.n_rows and bool((chosen == np.arange(state.n_rows)).all())
        self._vectors = vectors if whole else vectors[chosen]
        self._rank = rank_of(state.near.indices.shape[1], min_cluster_size=state.params.min_cluster_size)
        self._yardstick = yardstick(state.near, rank=self._rank)
        self._small = _SmallGroups(state)
        self._density: DensityPredictor | None = None
        if often and state.params.clusterer == "hdbscan" and state.n_clusters >= 2:
            self._density = DensityPredictor(state, self._fitted_points(), often=True)

    def place(self, arrivals: NDArray[np.float32]) -> Placement:
        """Place arrivals.

        Args:
            arrivals: (m, d) float32 unit norm, m at least 0.

        Raises:
            ValueError: the arrivals have another width than the run.
        """
        if arrivals.ndim != 2 or arrivals.shape[1] != self._state.n_dimensions:
            raise ValueError(f"the run is {self._state.n_dimensions} wide, the arrivals are {arrivals.shape}")
        if len(self._pictures) == 0 or len(arrivals) == 0:
            return self._nowhere(len(arrivals))
        state = self._state
        near = self._nearest(arrivals)
        weights = arriving_weights(near.distances)
        scores = outlier_scores(near, distances=state.distances, rank=self._rank)
        positions = self._positions(arrivals, near=near, weights=weights)
        votes = _vote(state.labels[near.indices], weights)
        labels, strengths = self._labels(arrivals, positions=positions, votes=votes)
        for_small = self._small.taken(votes, near)
        shares = _shares(state.labels[near.indices], weights, votes=votes)
        voted = for_small.copy()
        if state.params.clusterer == "hdbscan":
            # Where both say the same, the strength is that of the place.
            voted |= (shares >= MAJORITY) & (votes != labels)
        labels[voted], strengths[voted] = votes[voted], shares[voted]
        novelty, gate = self._yardstick.standing(scores), np.float32(self._yardstick.gate)
        unsure = ~at_home(labels, state.labels[near.indices], rank=self._rank)
        newcomer = ((scores > CLEARLY * gate) | ((scores > gate) & unsure)) & ~for_small
        held = newcomer | (labels < 0)
        labels = np.where(held, -1, labels).astype(np.int64)
        strengths = np.where(held, 0.0, strengths).astype(np.float32)
        twin = near.distances[:, 0] <= SAME_PICTURE
        same = near.indices[twin, 0]
        labels[twin], strengths[twin] = state.labels[same], state.strengths[same]
        positions[twin], newcomer[twin] = state.layout[same], False
        return Placement(labels, strengths, positions, novelty, newcomer, votes)

    def _nowhere(self, m: int) -> Placement:
        nothing = np.full(m, -1, np.int64)
        return Placement(
            labels=nothing,
            strengths=np.zeros(m, np.float32),
            positions=np.zeros((m, self._state.params.n_components), np.float32),
            novelty=np.ones(m, np.float32),
            newcomer=np.ones(m, bool),
            votes=nothing.copy(),
        )

    def _nearest(self, arrivals: NDArray[np.float32]) -> Neighbours:
        k = max(1, self._state.near.indices.shape[1])
        found = nearest_rows(self._vectors, arrivals, k=k)
        return Neighbours(self._pictures[found.indices], found.distances)

    def _positions(
        self, arrivals: NDArray[np.float32], *, near: Neighbours, weights: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        state = self._state
        if state.params.reducer != "umap":
            return Projection(state.projection_mean, state.projection_components).apply(arrivals)
        pulled = state.layout[near.indices].astype(np.float64) * weights[:, :, None]
        return np.asarray(pulled.sum(axis=1) / weights.sum(axis=1)[:, None], dtype=np.float32)

    def _labels(
        self, arrivals: NDArray[np.float32], *, positions: NDArray[np.float32], votes: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        state = self._state
        points = arrivals if state.params.reducer == "none" else positions
        if state.params.clusterer == "hdbscan":
            return self._by_density(points)
        if state.params.clusterer == "kmeans":
            labels = centroid_distances(points, state.centroids).argmin(axis=1).astype(np.int64)
        else:
            labels = votes
        return labels, simplified_silhouette(points, labels, centroids=state.centroids)

    def _by_density(self, points: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        if self._state.n_clusters < 2:
            return np.full(len(points), -1, np.int64), np.zeros(len(points), np.float32)
        if self._density is None:
            self._density = DensityPredictor(self._state, self._fitted_points())
        labels, strengths = self._density.predict(points)
        return labels, strengths.astype(np.float32)

    def _fitted_points(self) -> NDArray[np.float32]:
        state = self._state
        if state.params.reducer != "none":
            return state.layout
        if len(self._pictures) == state.n_pictures:
            return self._vectors
        # A photo that is gone took its vector along: its point is moved out of everybody's reach.
        points = np.full((state.n_pictures, state.n_dimensions), 1e6, np.float32)
        points[self._pictures] = self._vectors
        return points


class _SmallGroups:
    """Tells which arrivals belong to groups smaller than the smallest cluster.

    Such a group has fewer photos than a list has places, so all of its own photos stand out among those of the run, and
    the layout has others beside it. What counts is how far half of the group is, against what its own photos have.

    Args:
        state: the run.
    """

    def __init__(self, state: FitState) -> None:
        self._labels = state.labels
        sizes = np.bincount(state.labels[state.labels >= 0], minlength=state.n_clusters)
        # By label; the last one is that of noise. Nothing is within 0 of half of a group.
        self._half = np.append((sizes + 1) // 2, 1)
        self._reach = np.zeros(state.n_clusters + 1, np.float32)
        if state.params.clusterer != "hdbscan" or state.near.indices.shape[1] == 0:
            return
        for label in np.flatnonzero((sizes > 0) & (sizes < state.params.min_cluster_size)).tolist():
            rows = np.flatnonzero(state.labels == label)
            far = self._far(Neighbours(state.near.indices[rows], state.near.distances[rows]), np.full(len(rows), label))
            self._reach[label] = far[np.isfinite(far)].max(initial=0.0)

    def taken(self, votes: NDArray[np.int64], near: Neighbours) -> NDArray[np.bool_]:
        """Say which arrivals the small group takes that their neighbours vote for, (m,) bool."""
        taken = self._reach[votes] > 0
        taken[taken] = (
            self._far(Neighbours(near.indices[taken], near.distances[taken]), votes[taken])
            <= (self._reach[votes[taken]])
        )
        return taken

    def _far(self, near: Neighbours, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how far half of the group is from each, inf where fewer of it are among the nearest."""
        inside = np.cumsum(self._labels[near.indices] == labels[:, None], axis=1) >= self._half[labels][:, None]
        first = np.where(inside.any(axis=1), inside.argmax(axis=1), 0)
        far = near.distances[np.arange(len(labels)), first]
        return np.where(inside.any(axis=1), far, np.float32(np.inf)).astype(np.float32)


class DensityPredictor:
    """HDBSCAN's `approximate_predict` (0.8.44) over plain arrays.

    Source: `hdbscan.prediction._find_cluster_and_probability`. Labels and strengths are equal to the bit for
    distinct points; the golden test holds the two together for the pinned version.

    Args:
        state: a run of HDBSCAN.
        points: (p, c) the fitted points in the space the clusterer saw.
        often: whether many batches will be asked for: a tree over the points is made now.
    """

    def __init__(self, state: FitState, points: NDArray[np.float32], *, often: bool = False) -> None:
        self._state = state
        self._points = points.astype(np.float64)
        self._tree = _tree_of(self._points) if often else None

    def predict(self, points: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return labels (m,) int64, -1 for noise, and strengths (m,) float64 in [0, 1] of points (m, c)."""
        state = self._state
        neighbour, density = self._join(points.astype(np.float64))
        node = state.point_parent[neighbour].astype(np.int64)
        climbing = state.point_lambda[neighbour] > density
        while climbing.any():
            climbing &= (node > 0) & (state.node_birth[node] >= density)
            node[climbing] = state.node_parent[node[climbing]]
        labels = state.node_label[node].astype(np.int64)
        strengths = membership(density, largest=state.node_max_lambda[node])
        strengths[labels < 0] = 0.0
        return labels, strengths

    def _join(self, points: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Find the fitted point each new one joins, by mutual reachability, and the density there."""
        min_samples = min(self._state.params.min_samples, len(self._points) - 1)
        k = min(2 * min_samples, len(self._points))
        index = self._nearest(points, k)
        distance = euclidean(points[:, None, :], self._points[index])
        order = np.argsort(distance, axis=1, kind="stable")
        index = np.take_along_axis(index, order, axis=1)
        distance = np.take_along_axis(distance, order, axis=1)
        own_core = distance[:, min(min_samples, k - 1)]
        reach = np.maximum(np.maximum(self._state.core_distances[index], own_core[:, None]), distance)
        nearest = reach.argmin(axis=1)
        rows = np.arange(len(points))
        gap = reach[rows, nearest]
        density = np.full(len(points), np.finfo(np.float64).max)
        np.divide(1.0, gap, out=density, where=gap > 0.0)
        return index[rows, nearest].astype(np.int64), density

    def _nearest(self, points: NDArray[np.float64], k: int) -> NDArray[np.int64]:
        """Find the k nearest fitted points of each, (m, k)."""
        if self._tree is None and len(points) * self._points.size <= MOST_GAPS:
            distance = euclidean(points[:, None, :], self._points[None, :, :])
            return np.argpartition(distance, k - 1, axis=1)[:, :k].astype(np.int64)
        if self._tree is None:
            self._tree = _tree_of(self._points)
        # A list of ranks keeps the shape (m, k) for k = 1 too.
        return np.asarray(self._tree.query(points, k=np.arange(1, k + 1))[1], np.int64)


def _tree_of(points: NDArray[np.float64]) -> cKDTree:
    from scipy.spatial import cKDTree

    return cKDTree(points)


def _vote(labels: NDArray[np.int32], weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each row the label with the most weight, the smaller one on a tie."""
    won = np.empty(len(labels), np.int64)
    for row, (own, weight) in enumerate(zip(labels, weights, strict=True)):
        kinds, inverse = np.unique(own, return_inverse=True)
        won[row] = kinds[np.argmax(np.bincount(inverse, weights=weight))]
    return won


def _shares(
    labels: NDArray[np.int32], weights: NDArray[np.float64], *, votes: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the share of the weight that each row's vote has."""
    won = np.where(labels == votes[:, None], weights, 0.0).sum(axis=1)
    return np.asarray(won / weights.sum(axis=1), np.float32)
