"""How unlike a run's photos a photo is, and what is too unlike, by the run's own photos as if each had come after it.

A photo's outlier score is the distance to its r-th neighbour over the square root of what its neighbours have. The
ratio without the root, that of the local outlier factor, tells new kinds apart where a model puts each kind in a place
of its own; where kinds overlap, a new one lies where neighbours are far from one another as well, and the ratio says
nothing (a class left out of pacs-photo, bundled model: AUROC 0.62, with the root 0.81, the bare distance 0.83; groups
of 512 dimensions: 1.00 each). The root keeps half of the allowance for groups of different density.

Invariant: a fitted photo is measured without itself in the lists of its neighbours, so that a share of a steady stream
stands out as far as that share of the fit does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.neighbours import SAME_PICTURE, Neighbours

# A photo of a known kind is held back as rarely as this.
GATE_PERCENTILE = 95
# Photos of known kinds that stand out do so by little and among neighbours of one cluster, those of no known kind
# clearly and among neighbours of several (three worlds of 2,000, 512 dimensions: known at most 1.14 times the gate and
# all of one cluster, never seen 1.49 and more, half of them with less than half in one). So in between, neighbours of
# one mind speak for an arrival, and above, nobody does: in few and large clusters all neighbours agree by chance.
CLEARLY = np.float32(1.25)
LEAST_AT_HOME = 0.9
# Percentiles of so many photos, evenly spaced, are known to a third of a percent.
MOST_MEASURED = 4096
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What the photos of a run measure themselves.

    Attributes:
        scores: (n,) float32, ascending, outlier scores of fitted photos as if each had come after the fit.
        gate: a photo whose score is above it is a newcomer: the 95th percentile among the photos that are among the
            neighbours of one of their own neighbours. Loners are of no known kind; where one photo in ten is one, they
            would be all that lies above.
    """

    scores: NDArray[np.float32]
    gate: float

    def standing(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give the share of the run's photos, in [0, 1], that stand out less than each of these scores (m,) says."""
        if len(self.scores) == 0:
            return np.ones(len(scores), np.float32)
        return (np.searchsorted(self.scores, scores, side="left") / len(self.scores)).astype(np.float32)


def rank_of(k: int, *, min_cluster_size: int) -> int:
    """Say which neighbour is looked at in lists of k.

    One is left in reserve for when a photo leaves the list. In a kind of ten photos the fifteenth neighbour is of
    another kind for every photo, and none stands out; so it is the last that the smallest cluster has.
    """
    return max(min(k, 1), min(k, min_cluster_size) - 1)


def outlier_scores(near: Neighbours, *, distances: NDArray[np.float32], rank: int) -> NDArray[np.float32]:
    """Score arrivals.

    Args:
        near: the fitted photos near each of m arrivals, (m, k).
        distances: (n, k) of the fitted photos to their own neighbours.
        rank: which neighbour is looked at, see `rank_of`.

    Returns:
        (m,) float32, larger for photos that are unlike; 1 where lists are empty.
    """
    rank = min(rank, near.indices.shape[1])
    if rank == 0:
        return np.ones(len(near.indices), np.float32)
    usual = distances[near.indices[:, :rank], rank - 1]
    return _score(near.distances[:, rank - 1], usual)


def yardstick(graph: Neighbours, *, rank: int) -> Yardstick:
    """Measure the photos of a fit.

    Args:
        graph: the lists (n, k) of their neighbours.
        rank: which neighbour is looked at, see `rank_of`.
    """
    n = len(graph.indices)
    if rank == 0:
        # One picture says nothing of how far apart photos of a kind are: only its copies are known.
        return Yardstick(np.ones(n, np.float32), 0.0)
    return _yardstick(*_measured(graph, np.unique(np.linspace(0, n - 1, min(n, MOST_MEASURED)).astype(np.int64)), rank))


def clearly_out(graph: Neighbours, *, rank: int) -> NDArray[np.bool_]:
    """Say which photos of a fit would be held back, whatever their neighbours are, had each come after it.

    Args:
        graph: the lists (n, k) of their neighbours.
        rank: which neighbour is looked at, see `rank_of`.

    Returns:
        (n,) bool.
    """
    n = len(graph.indices)
    if n == 0 or rank == 0:
        return np.zeros(n, np.bool_)
    scores, has_kin = _measured(graph, np.arange(n), rank)
    return np.asarray(scores > CLEARLY * np.float32(_yardstick(scores, has_kin).gate), np.bool_)


def _yardstick(scores: NDArray[np.float32], has_kin: NDArray[np.bool_]) -> Yardstick:
    known = scores[has_kin] if has_kin.any() else scores
    return Yardstick(np.sort(scores), float(np.percentile(known, GATE_PERCENTILE)))


def _measured(graph: Neighbours, rows: NDArray[np.int64], rank: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Score fitted photos without themselves, and say which are in a list of one of their neighbours."""
    k = graph.indices.shape[1]
    scores, has_kin = np.empty(len(rows), np.float32), np.empty(len(rows), np.bool_)
    for first in range(0, len(rows), _BLOCK):
        part = slice(first, first + _BLOCK)
        near = graph.indices[rows[part]]
        found = graph.indices[near] == rows[part, None, None]
        # Kin by the whole lists: in short ones one photo in five of a weak model is nobody's.
        has_kin[part] = found.any(axis=(1, 2))
        near, inside = near[:, :rank], found[:, :rank, :rank].any(axis=-1)
        # Without this photo the list of a neighbour that it is in reaches one further.
        usual = np.where(inside, graph.distances[near, min(rank, k - 1)], graph.distances[near, rank - 1])
        scores[part] = _score(graph.distances[rows[part], rank - 1], usual)
    return scores, has_kin


def at_home(labels: NDArray[np.int64], near: NDArray[np.integer], *, rank: int) -> NDArray[np.bool_]:
    """Say which photos are in the cluster of their nearest neighbours, all but a tenth of them.

    Args:
        labels: (m,) of the photos, -1 for noise, where nobody is at home.
        near: (m, k) the labels of their neighbours, nearest first.
        rank: how many are looked at, see `rank_of`.

    Returns:
        (m,) bool.
    """
    if min(rank, near.shape[1]) == 0:
        return np.zeros(len(labels), np.bool_)
    shares = (near[:, :rank] == labels[:, None]).mean(axis=1)
    return np.asarray((labels >= 0) & (shares >= LEAST_AT_HOME), np.bool_)


def _score(own: NDArray[np.float32], usual: NDArray[np.float32]) -> NDArray[np.float32]:
    # Copies of one picture have distance 0 all round; the floor keeps their score from being 0 / 0.
    means = np.maximum(usual.astype(np.float64).mean(axis=1), SAME_PICTURE)
    return np.asarray(np.maximum(own.astype(np.float64), SAME_PICTURE) / np.sqrt(means), dtype=np.float32)
