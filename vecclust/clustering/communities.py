"""Communities of the neighbour graph: groups whose photos are one another's neighbours more than by chance.

Knows UMAP's weights of neighbour links, and the Leiden algorithm (Traag, Waltman and van Eck 2019) for modularity with
a resolution (Newman 2004, Reichardt and Bornholdt 2006), in a greedy form. Refuses to know which resolution is right.
Invariants: labels run 0, 1, 2, ... by first appearance; the same graph, resolution and seed give the same labels;
memory grows with links, never with photos times communities.

Of our own because nothing that is kept well does it: leidenalg and igraph are GPL, scikit-network's cannot begin at
given labels, and graspologic-native takes a list of tuples of strings (450,000 for 20,000 photos). Modularity is the
same as graspologic-native's to 0.001, in a fourth of the time (nine collections).
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from vecclust.clustering.arrays import Float64s, Int64s
from vecclust.clustering.neighbours import Neighbours, fit_weights

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Rounds of moving, refining and aggregating; the fourth gains nothing worth its time.
MAX_ROUNDS = 3
# Far enough for neighbouring seeds to share no order.
PRIME = 7919
# Groupings whose overlap is taken: of all, what one bad order parted stays parted; of two, little is left to try.
N_CORE = 4


def link_graph(near: Neighbours, *, copies: Int64s | None = None) -> csr_array:
    """Weigh the links of photos to their neighbours as UMAP does: by distance, seen from either side.

    Args:
        near: the nearest other pictures of each picture, (n, k).
        copies: (n,) photos of each picture, None for one. A photo's copies are its nearest: they take places in its
            list and are links of the picture with itself.

    Returns:
        (n, n) float64, symmetric, the weights of pictures with copies being those of all their photos.
    """
    from scipy.sparse import csr_array

    n, k = near.indices.shape
    weights = fit_weights(near.distances) if near.indices.size else np.zeros((n, k))
    if copies is not None:
        others = np.minimum(copies - 1, k)
        weights = np.where(np.arange(k) < (k - others)[:, None], weights, 0.0)
    rows, links = np.repeat(np.arange(n), k), near.indices.ravel()
    directed = csr_array((weights.ravel(), (rows, links)), shape=(n, n))
    graph = directed + directed.T - directed * directed.T
    if copies is not None:
        scale = csr_array((np.sqrt(copies.astype(np.float64)), (np.arange(n), np.arange(n))), shape=(n, n))
        itself = csr_array(((copies * others).astype(np.float64), (np.arange(n), np.arange(n))), shape=(n, n))
        graph = scale @ graph @ scale + itself
    graph = csr_array(graph)
    graph.eliminate_zeros()
    graph.sort_indices()
    return graph


def links_within(near: Neighbours, rows: Int64s) -> csr_array:
    """Give the links between some pictures alone.

    Args:
        near: the nearest other pictures of each picture, (n, k).
        rows: (m,) pictures.

    Returns:
        (m, m) float64, symmetric.
    """
    from scipy.sparse import csr_array

    place = np.full(len(near.indices), -1)
    place[rows] = np.arange(len(rows))
    ends, weights = place[near.indices[rows]], fit_weights(near.distances[rows])
    begins = np.broadcast_to(np.arange(len(rows))[:, None], ends.shape)
    inside = ends >= 0
    shape = (len(rows), len(rows))
    directed = csr_array((weights[inside], (begins[inside], ends[inside])), shape=shape)
    graph = csr_array(directed + directed.T - directed * directed.T)
    graph.sort_indices()
    return graph


def find_communities(
    graph: csr_array,
    *,
    resolution: float,
    seed: int,
    n_tries: int = 1,
    start: Int64s | None = None,
    n_rounds: int = MAX_ROUNDS,
) -> Int64s:
    """Find the communities with the largest modularity.

    Args:
        graph: (n, n) symmetric weights, see `link_graph`.
        resolution: the larger, the more communities; 1 is modularity as Newman defined it.
        seed: of the order in which photos are visited.
        n_tries: orders that are tried, and then once more as many that begin at the photos which the best agree to put
            together (core groups, Ovelgönne and Geyer-Schulz 2012); the best of all is taken. 1 is one order.
        start: (n,) labels to begin at, None for each photo by itself.
        n_rounds: rounds of moving, refining and aggregating, at most.

    Returns:
        (n,) int64.
    """
    n = graph.shape[0]
    if n == 0 or graph.nnz == 0:
        return np.arange(n)
    from vecclust.clustering.kernels import leiden

    begin = np.arange(n) if start is None else numbered(start)
    # Scipy gives small graphs 32 bits, which the kernel cannot aggregate.
    arrays = graph.indptr.astype(np.int64), graph.indices.astype(np.int64), graph.data

    def found_from(labels: Int64s, order: int) -> tuple[float, Int64s]:
        found = np.asarray(leiden(*arrays, labels, float(resolution), (seed + PRIME * order) % 2**31, n_rounds))
        return modularity(graph, found, resolution=resolution), found

    if n_tries == 1:
        return found_from(begin, 0)[1]
    tries = [found_from(begin, order) for order in range(n_tries)]
    for order in range(n_tries, 2 * n_tries):
        best = sorted(tries, key=itemgetter(0), reverse=True)[:N_CORE]
        tries.append(found_from(_overlap([labels for _, labels in best]), order))
    return max(tries, key=itemgetter(0))[1]


def _overlap(groupings: list[Int64s]) -> Int64s:
    """Give each group of photos that are together in all groupings a label, (n,)."""
    together = groupings[0]
    for labels in groupings[1:]:
        together = np.unique(together * (labels.max() + 1) + labels, return_inverse=True)[1].astype(np.int64)
    return numbered(together)


def modularity(graph: csr_array, labels: Int64s, *, resolution: float) -> float:
    """Return the share of link weight inside communities, less what it would be by chance times the resolution.

    Args:
        graph: (n, n) symmetric weights.
        labels: (n,) int64, at least 0.
        resolution: see `find_communities`.
    """
    inside, shares = _inside_and_shares(graph, labels)
    return float(inside - resolution * (shares**2).sum())


def link_information(graph: csr_array, labels: Int64s) -> tuple[float, float]:
    """Say how much one end of a link tells of the community of the other.

    Args:
        graph: (n, n) symmetric weights.
        labels: (n,) int64, 0, 1, 2, ... without gaps.

    Returns:
        The mutual information of the labels at both ends of a link drawn by weight, and the entropy of the label at
        one, in nats.
    """
    from vecclust.clustering.kernels import aggregate

    bounds, ends, weights = aggregate(graph.indptr, graph.indices, graph.data, labels)
    begins = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    together = weights / weights.sum()
    shares = np.bincount(begins, weights=together)
    # Among copies that differ by rounding alone, weights fall below what a number holds: a share of 0 tells nothing.
    some = together > 0
    together, begins, ends = together[some], begins[some], ends[some]
    information = float((together * np.log(together / (shares[begins] * shares[ends]))).sum())
    return information, float(-(shares * np.log(shares)).sum())


def _inside_and_shares(graph: csr_array, labels: Int64s) -> tuple[float, Float64s]:
    links = graph.tocoo()
    total = links.data.sum()
    inside = links.data[labels[links.row] == labels[links.col]].sum() / total
    return float(inside), np.bincount(labels, weights=graph.sum(axis=1)) / total


def numbered(labels: Int64s) -> Int64s:
    """Number labels by first appearance.

    Args:
        labels: (n,) int64, -1 for none, which stays.

    Returns:
        (n,) int64.
    """
    kinds, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(np.where(kinds < 0, len(labels), first)))
    return np.where(labels < 0, -1, rank[inverse]).astype(np.int64)
