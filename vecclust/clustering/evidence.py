"""How much of a grouping is there, and how fine it should be: measured against a cloud without any structure.

The one yardstick of this room. Neighbours in any cloud of points fall into communities, and the more the finer one
looks, so neither modularity nor their number says whether they mean anything. A grouping's *evidence* is what a link
between neighbours tells of the communities at its ends (mutual information), beyond what it tells in a Gaussian cloud
of the same size, mean and covariance at the same number of communities (entropy of their sizes), over the root of that
entropy: the gap statistic (Tibshirani, Walther and Hastie 2001) for graphs. It needs no truth, no scale and no number
of clusters.

Refuses to know labels of people. Invariants: the same rows and seed give the same evidence; nothing here looks at more
than `MAX_MEASURED` rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vecclust.clustering.arrays import Float32s, Float64s
from vecclust.clustering.communities import find_communities, link_graph, link_information
from vecclust.clustering.neighbours import neighbour_graph

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Neighbours of each photo that are linked; in small collections so many times the root of their number. Between 15 and
# 40 nothing changes by more than 0.005 of AMI in the mean of twelve collections, 30 and 40 being the best.
MAX_LINKED = 30
LINKED_BY_ROOT = 1.6
# Resolutions that are tried, finest first: the next begins at what the one before found. Those below `USUAL`, at which
# communities are joined that modularity keeps apart, are asked for a dominant kind alone.
USUAL = tuple(np.geomspace(12.8, 0.8, 11).tolist())
COARSE = (0.5, 0.3, 0.2, 0.1)
# Fewer photos cannot tell, and three kinds of them are found best at this resolution: 16 draws each of 12, 30 and 60
# photos of four collections, AMI 0.66 to 0.71 (weak model) and 1.0, three clusters in 0.8 to 0.9 of them.
MIN_MEASURED = 100
SMALL_RESOLUTION, SMALL_RESOLUTION_BY_SIZE = 0.75, 5.0
# Evidence of a collection of more is that of so many.
MAX_MEASURED = 2000
# Over flat stretches chance decides which is the best. Half-way between it and the coarsest that is worse by no more
# than chance is as good: half the rule of one standard error that goes with the gap statistic. The whole rule lost
# 0.008 of AMI and 0.024 of ARI, the best alone 0.05 of AMI on landscapes (thirteen collections, six seeds).
CHANCE = 0.01
# What is read off is a smooth curve through the evidence at each resolution: from seed to seed the resolution, and with
# it the number of clusters, changes by 4 % instead of 6 % (thirteen collections, six seeds), at the same AMI.
CURVE_DEGREE = 4
N_BETWEEN = 81
# The information of clouds is a smooth function of the entropy.
CLOUD_DEGREE = 3
# Entropy below which there is one community and a bit.
MIN_ENTROPY = 0.1


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a collection.

    Attributes:
        resolution: at which its communities are most evident.
        value: the evidence there, 0 and below for none, None for too few photos. Clouds, random vectors and one
            synthetic kind have up to 0.02, photos of one kind by a weak model up to 0.14 (0.24 for people), of two 0.12
            to 0.31, collections 0.2 to 1.4.
        coarse: the resolution whose communities, few as they may be, are explained best: information beyond chance over
            what is left to explain; None likewise.
    """

    resolution: float
    value: float | None
    coarse: float | None


@dataclass(frozen=True, slots=True)
class _Effort:
    """Resolutions that are tried, orders of visiting that are averaged over, clouds, and rounds of each search."""

    resolutions: tuple[float, ...]
    n_tries: int
    n_clouds: int
    n_rounds: int


_WHOLE = _Effort(USUAL + COARSE, n_tries=2, n_clouds=2, n_rounds=2)
_ROUGH = _Effort(USUAL[::2], n_tries=1, n_clouds=1, n_rounds=1)


def n_linked(n: int, *, most: int = MAX_LINKED) -> int:
    """Say how many neighbours of each of n photos are linked.

    Args:
        n: photos, at least 0.
        most: how many neighbours are known.
    """
    return int(max(0, min(n - 1, most, round(LINKED_BY_ROOT * n**0.5))))


def measure_evidence(
    vectors: Float32s, *, seed: int, graph: csr_array | None = None, least: int = MIN_MEASURED, rough: bool = False
) -> Evidence:
    """Find how fine the communities of a collection are, and how much of them is there.

    Args:
        vectors: (n, d) float32 unit norm.
        seed: of the clouds, and of what is measured of large collections.
        graph: of all rows, where it is known, see `link_graph`.
        least: photos of which there is evidence; of fewer than `MIN_MEASURED` no resolution.
        rough: whether a guess at the value will do, at a tenth of the cost; without a resolution.

    Returns:
        The evidence.
    """
    n = len(vectors)
    small = SMALL_RESOLUTION + SMALL_RESOLUTION_BY_SIZE / max(1, n)
    if n < least:
        return Evidence(small, None, None)
    effort = _ROUGH if rough else _WHOLE
    rng = np.random.default_rng(seed)
    if n > MAX_MEASURED:
        vectors, graph = vectors[np.sort(rng.choice(n, MAX_MEASURED, replace=False))], None
    k = n_linked(len(vectors))
    graph = link_graph(neighbour_graph(vectors, k=k)) if graph is None else graph
    found = np.mean([_information(graph, effort, seed=seed + each) for each in range(effort.n_tries)], axis=0)
    clouds = [link_graph(neighbour_graph(_cloud_like(vectors, rng), k=k)) for _ in range(effort.n_clouds)]
    chance = np.concatenate([_information(cloud, effort, seed=seed) for cloud in clouds])
    entropy, resolutions = found[:, 1], np.array(effort.resolutions)
    expected = _smooth(chance[:, 1], chance[:, 0], at=entropy)
    beyond = found[:, 0] - expected
    values = beyond / np.sqrt(np.maximum(entropy, MIN_ENTROPY))
    usual = values[resolutions >= min(USUAL)]
    if n < MIN_MEASURED or rough:
        return Evidence(small, float(usual.max()), None)
    coarse = resolutions[np.argmax(beyond / np.maximum(entropy - expected, MIN_ENTROPY))]
    return Evidence(_most_evident(usual), float(usual.max()), float(coarse))


def _most_evident(values: Float64s) -> float:
    """Return the resolution half-way between the best of `USUAL` and the coarsest that is as good but for chance."""
    scales = np.log(USUAL)
    between = np.linspace(scales[0], scales[-1], N_BETWEEN)
    curve = np.polynomial.Polynomial.fit(scales, values, CURVE_DEGREE)(between)
    best, good = curve.argmax(), np.flatnonzero(curve >= curve.max() - CHANCE).max()
    return float(np.exp((between[best] + between[good]) / 2))


def _information(graph: csr_array, effort: _Effort, *, seed: int) -> Float64s:
    """Return information and entropy of the communities at each resolution, (r, 2)."""
    found, labels = [], None
    for resolution in effort.resolutions:
        labels = find_communities(graph, resolution=resolution, seed=seed, start=labels, n_rounds=effort.n_rounds)
        found.append(link_information(graph, labels))
    return np.array(found)


def _smooth(x: Float64s, y: Float64s, *, at: Float64s) -> Float64s:
    """Fit a polynomial through points, of no higher degree than their places allow, and read it at others."""
    degree = min(CLOUD_DEGREE, len(np.unique(x.round(6))) - 1)
    if degree < 1:
        return np.full(len(at), y.mean())
    return np.asarray(np.polynomial.Polynomial.fit(x, y, degree)(at))


def _cloud_like(vectors: Float32s, rng: np.random.Generator) -> Float32s:
    """Draw as many unit vectors from the Gaussian distribution with their mean and covariance."""
    n = len(vectors)
    mean = vectors.mean(axis=0)
    drawn = mean + rng.normal(size=(n, n)).astype(np.float32) @ (vectors - mean) / np.float32(n**0.5)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)
