"""Placing arrivals into a run: position, label, strength, and whether the photo is of a new kind.

Knows UMAP's membership weights and HDBSCAN's `approximate_predict` as array arithmetic, without either
library. Refuses to make clusters: what lies between them stays unlabelled. Invariants: an arrival's answer
depends on the run alone, neither on its batch nor on chance; labels are those of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vecclust.clustering.arrays import Bools, Float32s, Float64s, Int32s, Int64s
from vecclust.clustering.clusterers import calibrated, centroid_distances, euclidean, simplified_silhouette
from vecclust.clustering.figures import mean_strengths
from vecclust.clustering.layout import Projection
from vecclust.clustering.neighbours import N_NEAREST, SAME_PICTURE, Neighbours, nearest_rows, transform_weights
from vecclust.clustering.novelty import (
    CLEAR_FACTOR,
    agrees_with_neighbours,
    neighbour_rank,
    outlier_reference,
    outlier_scores,
)
from vecclust.clustering.params import FitParams
from vecclust.clustering.state import FitState
from vecclust.clustering.tree import membership

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

# So many differences of coordinates cost less (0.1 s) than importing scipy's trees does (0.3 s), in
# a process that places a few photos and ends.
MAX_GAPS = 5_000_000
# The mean of an arrival's neighbours' places lies between clusters where they are in several, and what is there is
# noise or a third one. pacs-photo, means of three left-out classes and three next fits each: by the vote of most 0.61
# of the arrivals are in the cluster that the next fit gives them, by place alone 0.585, by `umap.transform` 0.545;
# after a continued fit 0.65, 0.61 and 0.58. By the vote of the most numerous, without a least share, hardly one would
# be left unlabelled.
MIN_MAJORITY = 0.5


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

    labels: Int64s
    strengths: Float32s
    positions: Float32s
    novelty: Float32s
    newcomer: Bools
    votes: Int64s


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
        self, state: FitState, vectors: Float32s, *, present: Bools | None = None, often: bool = False
    ) -> None:
        if vectors.shape != (wanted := (state.n_rows, state.n_dimensions)):
            raise ValueError(f"the run was fitted on vectors of shape {wanted}, not {vectors.shape}")
        rows = np.arange(state.n_rows) if present is None else np.flatnonzero(present)
        # The pictures that still have a photo, and one row of each.
        self._pictures, first = np.unique(state.picture_of_row[rows], return_index=True)
        self._state = state
        chosen = rows[first]
        whole = len(chosen) == state.n_rows and bool((chosen == np.arange(state.n_rows)).all())
        self._vectors = vectors if whole else vectors[chosen]
        sizes = np.bincount(state.labels[state.labels >= 0], minlength=1)
        # Half of the photos of an ordinary cluster: the last of it is far from every one of them.
        half = max(state.params.min_cluster_size, int(np.median(sizes)) // 2)
        self._rank = neighbour_rank(state.near.indices.shape[1], min_cluster_size=half)
        self._reference = outlier_reference(state.near, rank=self._rank)
        self._small = _SmallClusters(state)
        stays = state.labels[state.near.indices] == state.labels[:, None]
        shares = stays.mean(axis=1) if stays.size else np.ones(len(stays))
        self._cohesion = mean_strengths(shares.astype(np.float32), state.labels.astype(np.int64))
        self._density: DensityPredictor | None = None
        if often and state.params.clusterer == "hdbscan" and state.n_clusters >= 2:
            self._density = DensityPredictor(state, self._fitted_points(), often=True)

    @property
    def params(self) -> FitParams:
        """The parameters of the run."""
        return self._state.params

    def place(self, arrivals: Float32s) -> Placement:
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
        found = nearest_rows(self._vectors, arrivals, k=max(1, state.near.indices.shape[1]))
        near = Neighbours(self._pictures[found.indices], found.distances)
        weights = transform_weights(near.distances)
        scores = outlier_scores(near, distances=state.distances, rank=self._rank)
        positions = self._positions(arrivals, near=near, weights=weights)
        votes = _vote(state.labels[near.indices], weights)
        labels, strengths = self._labels(arrivals, positions=positions, votes=votes)
        in_small = self._small.taken(votes, near)
        shares = _shares(state.labels[near.indices], weights, votes=votes)
        voted = in_small.copy()
        if state.params.clusterer == "hdbscan":
            voted |= shares >= MIN_MAJORITY
            labels = np.where(voted, votes, labels)
            inside = _shares(state.labels[near.indices], weights, votes=labels)
            strengths = calibrated(inside, labels, cohesion=self._cohesion)
        novelty, threshold = self._reference.quantiles(scores), np.float32(self._reference.threshold)
        unsure = ~agrees_with_neighbours(labels, state.labels[near.indices], rank=self._rank)
        newcomer = ((scores > CLEAR_FACTOR * threshold) | ((scores > threshold) & unsure)) & ~in_small
        unlabelled = newcomer | (labels < 0)
        labels = np.where(unlabelled, -1, labels).astype(np.int64)
        strengths = np.where(unlabelled, 0.0, strengths).astype(np.float32)
        twin = near.distances[:, 0] <= SAME_PICTURE
        same = near.indices[twin, 0]
        labels[twin], strengths[twin] = state.labels[same], state.strengths[same]
        positions[twin], newcomer[twin] = state.layout[same], False
        return Placement(labels, strengths, positions, novelty, newcomer, votes)

    def _nowhere(self, m: int) -> Placement:
        nothing, places = np.full(m, -1, np.int64), np.zeros((m, self._state.params.n_components), np.float32)
        return Placement(
            nothing, np.zeros(m, np.float32), places, np.ones(m, np.float32), np.ones(m, bool), nothing.copy()
        )

    def _positions(self, arrivals: Float32s, *, near: Neighbours, weights: Float64s) -> Float32s:
        state = self._state
        if state.params.reducer != "umap":
            return Projection(state.projection_mean, state.projection_components).apply(arrivals)
        pulled = state.layout[near.indices].astype(np.float64) * weights[:, :, None]
        return np.asarray(pulled.sum(axis=1) / weights.sum(axis=1)[:, None], dtype=np.float32)

    def _labels(self, arrivals: Float32s, *, positions: Float32s, votes: Int64s) -> tuple[Int64s, Float32s]:
        state = self._state
        points = arrivals if state.params.reducer == "none" else positions
        if state.params.clusterer == "hdbscan":
            return self._by_hdbscan(points)
        if state.params.clusterer == "kmeans":
            labels = centroid_distances(points, state.centroids).argmin(axis=1).astype(np.int64)
        else:
            labels = votes
        return labels, simplified_silhouette(points, labels, centroids=state.centroids)

    def _by_hdbscan(self, points: Float32s) -> tuple[Int64s, Float32s]:
        if self._state.n_clusters < 2:
            return np.full(len(points), -1, np.int64), np.zeros(len(points), np.float32)
        if self._density is None:
            self._density = DensityPredictor(self._state, self._fitted_points())
        labels, strengths = self._density.predict(points)
        return labels, strengths.astype(np.float32)

    def _fitted_points(self) -> Float32s:
        state = self._state
        if state.params.reducer != "none":
            return state.layout
        if len(self._pictures) == state.n_pictures:
            return self._vectors
        # A photo that is gone took its vector along: its point is moved out of everybody's reach.
        points = np.full((state.n_pictures, state.n_dimensions), 1e6, np.float32)
        points[self._pictures] = self._vectors
        return points


class _SmallClusters:
    """Tells which arrivals belong to clusters of fewer photos than a list has places.

    All of its own photos stand out among those of the run, and the layout has others beside it. What counts is how far
    half of the cluster is, against what its own photos have.

    Args:
        state: the run.
    """

    def __init__(self, state: FitState) -> None:
        self._labels = state.labels
        sizes = np.bincount(state.labels[state.labels >= 0], minlength=state.n_clusters)
        # By label; the last one is that of noise. Nothing is within 0 of half of a cluster.
        self._half = np.append((sizes + 1) // 2, 1)
        self._reach = np.zeros(state.n_clusters + 1, np.float32)
        if state.params.clusterer != "hdbscan" or state.near.indices.shape[1] == 0:
            return
        for label in np.flatnonzero((sizes > 0) & (sizes < N_NEAREST)).tolist():
            rows = np.flatnonzero(state.labels == label)
            far = self._far(Neighbours(state.near.indices[rows], state.near.distances[rows]), np.full(len(rows), label))
            self._reach[label] = far[np.isfinite(far)].max(initial=0.0)

    def taken(self, votes: Int64s, near: Neighbours) -> Bools:
        """Say which arrivals the small cluster takes that their neighbours vote for, (m,) bool."""
        taken = self._reach[votes] > 0
        far = self._far(Neighbours(near.indices[taken], near.distances[taken]), votes[taken])
        taken[taken] = far <= self._reach[votes[taken]]
        return taken

    def _far(self, near: Neighbours, labels: Int64s) -> Float32s:
        """Return how far half of the cluster is from each, inf where fewer of it are among the nearest."""
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

    def __init__(self, state: FitState, points: Float32s, *, often: bool = False) -> None:
        self._state = state
        self._points = points.astype(np.float64)
        self._tree = self._make_tree() if often else None

    def predict(self, points: Float32s) -> tuple[Int64s, Float64s]:
        """Label points.

        Args:
            points: (m, c) in the space the clusterer saw.

        Returns:
            (m,) int64 labels, -1 for noise; (m,) float64 strengths in [0, 1].
        """
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

    def _join(self, points: Float64s) -> tuple[Int64s, Float64s]:
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

    def _make_tree(self) -> cKDTree:
        from scipy.spatial import cKDTree

        return cKDTree(self._points)

    def _nearest(self, points: Float64s, k: int) -> Int64s:
        """Find the k nearest fitted points of each, (m, k)."""
        if self._tree is None and len(points) * self._points.size <= MAX_GAPS:
            distance = euclidean(points[:, None, :], self._points[None, :, :])
            return np.argpartition(distance, k - 1, axis=1)[:, :k].astype(np.int64)
        if self._tree is None:
            self._tree = self._make_tree()
        # A list of ranks keeps the shape (m, k) for k = 1 too.
        return np.asarray(self._tree.query(points, k=np.arange(1, k + 1))[1], np.int64)


def _vote(labels: Int32s, weights: Float64s) -> Int64s:
    """Return for each row the label with the most weight, the smaller one on a tie."""
    won = np.empty(len(labels), np.int64)
    for row, (own, weight) in enumerate(zip(labels, weights, strict=True)):
        kinds, inverse = np.unique(own, return_inverse=True)
        won[row] = kinds[np.argmax(np.bincount(inverse, weights=weight))]
    return won


def _shares(labels: Int32s, weights: Float64s, *, votes: Int64s) -> Float32s:
    """Return the share of the weight that each row's vote has."""
    won = np.where(labels == votes[:, None], weights, 0.0).sum(axis=1)
    return np.asarray(won / weights.sum(axis=1), np.float32)
