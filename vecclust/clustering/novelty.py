"""How unlike a run's photos a photo is, and what is too unlike, by the run's own photos as if each had come after it.

A photo's outlier score is the distance to its r-th neighbour over the square root of what its neighbours have. The
ratio without the root, that of the local outlier factor, tells new kinds apart where a model puts each kind in a place
of its own; where kinds overlap, a new one lies where neighbours are far from one another as well, and the ratio says
nothing (a class left out of pacs-photo, bundled model: AUROC 0.62, with the root 0.81, the bare distance 0.83; groups
of 512 dimensions: 1.00 each). The root keeps half of the allowance for groups of different density.

Invariant: a fitted photo is measured without itself in the lists of its neighbours, so that a share of a steady stream
stands out as far as that share of the fit does.
Newcomers that gather, enough of them as near to one another as a run's own photos are, announce a new cluster; this
module names them and refuses to make clusters, a fit does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.arrays import Bools, Float32s, Int64s
from vecclust.clustering.neighbours import SAME_PICTURE, Neighbours
from vecclust.clustering.state import FitState

# A photo of a known kind is held back as rarely as this.
THRESHOLD_PERCENTILE = 95
# Photos of known kinds that stand out do so by little and among neighbours of one cluster, those of no known kind
# clearly and among neighbours of several (three worlds of 2,000, 512 dimensions: known at most 1.14 times the threshold
# and all of one cluster, never seen 1.49 and more, half of them with less than half in one). So in between, neighbours
# that agree keep an arrival in, and above, nothing does: in few and large clusters all neighbours agree by chance.
CLEAR_FACTOR = np.float32(1.25)
MIN_SAME_LABEL = 0.9
# Percentiles of so many photos, evenly spaced, are known to a third of a percent.
MAX_MEASURED = 4096
_BLOCK = 512
# Newcomers are many only after a large import of something new, and then the newest tell.
MAX_NEWCOMERS = 2000
# A new group's photos are few, so the last of a handful is farther away than in a whole kind: what all but a tenth of
# the run's clustered photos reach counts as near.
EPS_PERCENTILE = 90
# Fewer come together by chance among the newcomers of a steady stream, the more the larger the collection.
LEAST_GATHERED, MOST_GATHERED = 6, 20


@dataclass(frozen=True, slots=True)
class OutlierReference:
    """What the photos of a run measure themselves.

    Attributes:
        scores: (n,) float32, ascending, outlier scores of fitted photos as if each had come after the fit.
        threshold: a photo whose score is above it is a newcomer: the 95th percentile among the photos that are
            among the neighbours of one of their own neighbours. The others are of no known kind; where one photo in ten
            is one, they would be all that lies above.
    """

    scores: Float32s
    threshold: float

    def quantiles(self, scores: Float32s) -> Float32s:
        """Give the share of the run's photos that stand out less than each of some arrivals.

        Args:
            scores: (m,) float32 outlier scores.

        Returns:
            (m,) float32 in [0, 1]; 1 in an empty run.
        """
        if len(self.scores) == 0:
            return np.ones(len(scores), np.float32)
        return (np.searchsorted(self.scores, scores, side="left") / len(self.scores)).astype(np.float32)


def neighbour_rank(k: int, *, min_cluster_size: int) -> int:
    """Say which neighbour is looked at in lists of k.

    One is left in reserve for when a photo leaves the list. In a kind of ten photos the fifteenth neighbour is of
    another kind for every photo, and none stands out; so it is the last that the smallest cluster has.

    Args:
        k: length of the lists, at least 0.
        min_cluster_size: photos of the smallest cluster; 0 for none.

    Returns:
        The rank, from 1; 0 where lists are empty.
    """
    return max(min(k, 1), min(k, min_cluster_size) - 1)


def outlier_scores(near: Neighbours, *, distances: Float32s, rank: int) -> Float32s:
    """Score arrivals.

    Args:
        near: the fitted photos near each of m arrivals, (m, k).
        distances: (n, k) of the fitted photos to their own neighbours.
        rank: which neighbour is looked at, see `neighbour_rank`.

    Returns:
        (m,) float32, larger for photos that are unlike; 1 where lists are empty.
    """
    rank = min(rank, near.indices.shape[1])
    if rank == 0:
        return np.ones(len(near.indices), np.float32)
    usual = distances[near.indices[:, :rank], rank - 1]
    return _score(near.distances[:, rank - 1], usual)


def outlier_reference(graph: Neighbours, *, rank: int) -> OutlierReference:
    """Measure the photos of a fit.

    Args:
        graph: the lists (n, k) of their neighbours.
        rank: which neighbour is looked at, see `neighbour_rank`.
    """
    n = len(graph.indices)
    if rank == 0:
        # One picture says nothing of how far apart photos of a kind are: only its copies are known.
        return OutlierReference(np.ones(n, np.float32), 0.0)
    return _reference(*_measured(graph, np.unique(np.linspace(0, n - 1, min(n, MAX_MEASURED)).astype(np.int64)), rank))


def clear_outliers(graph: Neighbours, *, rank: int, at_home: Bools) -> Bools:
    """Say which photos of a fit would be held back, whatever their neighbours are, had each come after it.

    Args:
        graph: the lists (n, k) of their neighbours.
        rank: which neighbour is looked at, see `neighbour_rank`.
        at_home: (n,) which photos are certainly of a kind, whose scores are the measure.

    Returns:
        (n,) bool.
    """
    n = len(graph.indices)
    if n == 0 or rank == 0:
        return np.zeros(n, np.bool_)
    scores, _ = _measured(graph, np.arange(n), rank)
    return np.asarray(scores > CLEAR_FACTOR * np.float32(_reference(scores, at_home).threshold), np.bool_)


def _reference(scores: Float32s, measure: Bools) -> OutlierReference:
    known = scores[measure] if measure.any() else scores
    return OutlierReference(np.sort(scores), float(np.percentile(known, THRESHOLD_PERCENTILE)))


def _measured(graph: Neighbours, rows: Int64s, rank: int) -> tuple[Float32s, Bools]:
    """Score fitted photos without themselves, and say which are in a list of one of their neighbours."""
    k = graph.indices.shape[1]
    scores, has_neighbours_back = np.empty(len(rows), np.float32), np.empty(len(rows), np.bool_)
    for first in range(0, len(rows), _BLOCK):
        part = slice(first, first + _BLOCK)
        near = graph.indices[rows[part]]
        found = graph.indices[near] == rows[part, None, None]
        # By the whole lists: in short ones one photo in five of a weak model is nobody's neighbour.
        has_neighbours_back[part] = found.any(axis=(1, 2))
        near, inside = near[:, :rank], found[:, :rank, :rank].any(axis=-1)
        # Without this photo the list of a neighbour that it is in reaches one further.
        usual = np.where(inside, graph.distances[near, min(rank, k - 1)], graph.distances[near, rank - 1])
        scores[part] = _score(graph.distances[rows[part], rank - 1], usual)
    return scores, has_neighbours_back


def agrees_with_neighbours(labels: Int64s, near: NDArray[np.integer], *, rank: int) -> Bools:
    """Say which photos are in the cluster of their nearest neighbours, all but a tenth of them.

    Args:
        labels: (m,) of the photos, -1 for noise, where nobody is at home.
        near: (m, k) the labels of their neighbours, nearest first.
        rank: how many are looked at, see `neighbour_rank`.

    Returns:
        (m,) bool.
    """
    if min(rank, near.shape[1]) == 0:
        return np.zeros(len(labels), np.bool_)
    shares = (near[:, :rank] == labels[:, None]).mean(axis=1)
    return np.asarray((labels >= 0) & (shares >= MIN_SAME_LABEL), np.bool_)


def _score(own: Float32s, usual: Float32s) -> Float32s:
    # Copies of one picture have distance 0 all round; the floor keeps their score from being 0 / 0.
    means = np.maximum(usual.astype(np.float64).mean(axis=1), SAME_PICTURE)
    return np.asarray(np.maximum(own.astype(np.float64), SAME_PICTURE) / np.sqrt(means), dtype=np.float32)


def largest_new_group(newcomers: Float32s, state: FitState) -> Int64s:
    """Find the largest dense group of newcomers, as DBSCAN would find it among them alone.

    Args:
        newcomers: (m, d) float32 unit norm, in the order in which they came.
        state: the run that held them back.

    Returns:
        Rows of its photos, ascending: photos with enough others within reach for a cluster, all that are linked by
        such, and what they reach. Empty where there is none. Only the newest `MAX_NEWCOMERS` are looked at.
    """
    first = max(0, len(newcomers) - MAX_NEWCOMERS)
    vectors, least, reach = newcomers[first:], dbscan_min_points(state), dbscan_eps(state)
    if len(vectors) < least or reach is None:
        return np.zeros(0, np.int64)
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    near = np.asarray(1.0 - vectors @ vectors.T <= reach)
    core = np.flatnonzero(near.sum(axis=1) >= least)
    if len(core) == 0:
        return np.zeros(0, np.int64)
    _, part_of = connected_components(csr_array(near[np.ix_(core, core)]), directed=False)
    groups = [np.flatnonzero(near[core[part_of == part]].any(axis=0)) for part in range(part_of.max() + 1)]
    return first + max(groups, key=len)


def dbscan_min_points(state: FitState) -> int:
    """Say how many newcomers gather: a hundredth of the photos, 6 to 20, and enough for a cluster.

    Args:
        state: the run.
    """
    return max(state.params.min_cluster_size, min(max(LEAST_GATHERED, state.n_pictures // 100), MOST_GATHERED))


def dbscan_eps(state: FitState) -> np.float32 | None:
    """Give how far a clustered photo of a run has to look for as many others as can become a cluster.

    Args:
        state: the run.

    Returns:
        The cosine distance that all but a tenth of them stay below; None where the run has no clustered photo, or
        photos without neighbours.
    """
    rank = min(dbscan_min_points(state) - 1, state.distances.shape[1])
    clustered = state.labels >= 0
    if rank < 1 or not clustered.any():
        return None
    return np.float32(np.percentile(state.distances[clustered, rank - 1], EPS_PERCENTILE))
