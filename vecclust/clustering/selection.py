"""Which photos are a cluster: the communities of the neighbour graph that are there, as fine as they are evident.

Knows one question, asked of the whole and then of every part: is there evidence of parts (`evidence`), and how fine are
they? Refuses to trust a layout: UMAP and HDBSCAN find "clusters" in any cloud, and another seed finds others.
Invariants: labels run 0, 1, 2, ... by first appearance, -1 for none; the same rows and seed give the same labels; what
is coarser or finer is nested in what is found by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from vecclust.clustering.arrays import Bools, Float32s, Float64s, Int64s
from vecclust.clustering.communities import find_communities, link_graph, numbered
from vecclust.clustering.evidence import MIN_MEASURED, Evidence, measure_evidence, n_linked
from vecclust.clustering.neighbours import neighbour_graph

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Photos of one kind have less evidence of parts, clusters of several kinds that can be told apart more: up to 0.18 (the
# people of pacs-photo) and from 0.18 on (two groups of eleven copies of real CLIP's), ten collections.
MIN_EVIDENCE = 0.22
MIN_ROUGH_EVIDENCE = 0.15
# People look inside a cluster of one kind too: there less is shown, but not what chance makes of a cloud of a hundred.
MIN_EVIDENCE_INSIDE = 0.1
# A kind with a larger share of the photos is looked for by itself: at the resolution that tells small kinds apart it
# would be sliced. Landscapes of which half are mountains and ice are below.
MIN_DOMINANT_SHARE = 2 / 3
# And one kind it is only where less of the evidence of the whole is left in it: of collections with such a kind 0.1 to
# 0.62, of mixtures whose kinds the model can hardly tell apart 0.71 to 0.87. Those would be one heap.
MAX_EVIDENCE_LEFT = 2 / 3
# A collection of less is one cloud, in which nothing is a cluster: random vectors have 0.01, photos of one kind 0.05
# on.
MIN_STRUCTURE = 0.03
# Of fewer photos there is no evidence of parts.
MIN_PARTS_MEASURED = 12
# In a refit that goes on only clusters of fewer are asked: larger ones modularity resolves.
MAX_UNRESOLVED = 120
# A community is of a new kind where at least so much of it came since clusters were chosen freely, and the odds of that
# are so many times those among all other photos.
MIN_NEW_SHARE = 0.5
MIN_NEW_ODDS = 3.0
# A new kind that is still small is not told from its neighbours at the resolution of the whole.
NEW_KIND_FINER = 1.3
# Orders of visiting for the final communities, and as many again from what they agree on: what comes out agrees with
# that of another seed by 0.93 to 0.99 of AMI, the best of the first eight by 0.90 to 0.99 (five collections).
N_TRIES = 8
# Of more photos one order takes a second and more, and there two and two it is: sixteen of 100,000 are 20 s.
LARGE, N_TRIES_OF_LARGE = 20_000, 2
# A photo of a group too small for a cluster joins the one that has most of its links.
MIN_LINKS_TO_JOIN = 0.5
# Inside a cluster, and where a cluster is halved.
PART_RESOLUTION = 1.0
# Where that finds one piece: fine enough to cut anything larger than a pair.
FINE_RESOLUTION = 2.0


def choose_clusters(
    vectors: Float32s, graph: csr_array, *, copies: Int64s, seed: int, least_size: int
) -> tuple[Int64s, float]:
    """Choose the clusters of a collection freely.

    Args:
        vectors: (n, d) float32 unit norm, distinct pictures.
        graph: (n, n) links of each to its `n_linked` nearest.
        copies: (n,) photos of each picture.
        seed: of everything random.
        least_size: photos of the smallest cluster.

    Returns:
        (n,) int64 labels, -1 for none; and the resolution at which they were found.
    """
    n = len(vectors)
    if n == 0:
        return np.zeros(0, np.int64), 1.0
    evidence = measure_evidence(vectors, seed=seed, graph=graph)
    if evidence.value is not None and evidence.value < MIN_STRUCTURE:
        return np.full(n, -1, np.int64), evidence.resolution
    labels = _divide(_Part(vectors, graph, copies), evidence, seed=seed)
    return dissolve_small(labels, graph, copies=copies, least_size=least_size), evidence.resolution


@dataclass(frozen=True, slots=True)
class _Part:
    """Some photos: their vectors, the links between them, and how many photos each picture is."""

    vectors: Float32s
    graph: csr_array
    copies: Int64s

    def of(self, chosen: Bools) -> _Part:
        """Give some of them, linked anew among themselves."""
        vectors, copies = self.vectors[chosen], self.copies[chosen]
        near = neighbour_graph(vectors, k=n_linked(len(vectors)))
        return _Part(vectors, link_graph(near, copies=copies), copies)


def _divide(part: _Part, evidence: Evidence, *, seed: int) -> Int64s:
    """Divide photos into communities, and those again where there is evidence of parts, (n,) labels."""
    n = len(part.vectors)
    if evidence.coarse is not None:
        coarse = find_communities(part.graph, resolution=evidence.coarse, seed=seed)
        sizes = np.bincount(coarse)
        dominant = np.asarray(coarse == sizes.argmax(), np.bool_)
        if MIN_DOMINANT_SHARE * n < sizes.max() < n and _is_one_kind(part.vectors[dominant], of=evidence, seed=seed):
            rest = part.of(~dominant)
            labels = np.zeros(n, np.int64)
            labels[~dominant] = 1 + _divide(
                rest, measure_evidence(rest.vectors, seed=seed, graph=rest.graph), seed=seed
            )
            return labels
    n_tries = N_TRIES if n <= LARGE else N_TRIES_OF_LARGE
    labels = find_communities(part.graph, resolution=evidence.resolution, seed=seed, n_tries=n_tries)
    if labels.max() == 0:
        return labels
    found, count = np.zeros(n, np.int64), 0
    for rows in _members(labels):
        found[rows] = count
        if len(rows) >= MIN_PARTS_MEASURED:
            inside = part.of(np.asarray(np.isin(np.arange(n), rows), np.bool_))
            seen = _evidence_of_parts(inside, seed=seed)
            if seen is not None:
                found[rows] += _divide(inside, seen, seed=seed)
        count = int(found[rows].max()) + 1
    return found


def _evidence_of_parts(part: _Part, *, seed: int) -> Evidence | None:
    """Measure whether photos are of several kinds, None where they are of one."""
    for rough, least in ((True, MIN_ROUGH_EVIDENCE), (False, MIN_EVIDENCE)):
        seen = measure_evidence(part.vectors, seed=seed, graph=part.graph, least=MIN_PARTS_MEASURED, rough=rough)
        if seen.value is None or seen.value < least:
            return None
    return seen


def _is_one_kind(vectors: Float32s, *, of: Evidence, seed: int) -> bool:
    """Say whether a large part of a collection is of one kind, and what is evident of the whole lies outside."""
    value = measure_evidence(vectors, seed=seed).value
    if value is None or of.value is None:
        return False
    return value < min(MIN_EVIDENCE, MAX_EVIDENCE_LEFT * of.value)


def dissolve_small(labels: Int64s, graph: csr_array, *, copies: Int64s, least_size: int) -> Int64s:
    """Give photos of groups that are too small to the cluster that has most of their links, or to none.

    Args:
        labels: (n,) int64, -1 for none.
        graph: (n, n) links.
        copies: (n,) photos of each picture.
        least_size: photos of the smallest cluster.

    Returns:
        (n,) int64.
    """
    sizes = np.bincount(labels[labels >= 0], weights=copies[labels >= 0])
    small = np.append(sizes < least_size, False)[labels]
    if not small.any():
        return numbered(labels)
    kept = np.where(small, -1, labels)
    rows = np.flatnonzero(small)
    joined, share = strongest_links(graph, kept, rows=rows)
    kept[rows] = np.where(share >= MIN_LINKS_TO_JOIN, joined, -1)
    return numbered(kept)


def strongest_links(graph: csr_array, labels: Int64s, *, rows: Int64s) -> tuple[Int64s, Float64s]:
    """Find the cluster to which each of some photos has most links.

    Args:
        graph: (n, n) links.
        labels: (n,) int64, -1 for none.
        rows: (m,) photos.

    Returns:
        (m,) int64 the cluster, -1 where no link leads to one; (m,) float64 its share of the photo's links to others.
    """
    from scipy.sparse import coo_array

    links = graph[rows].tocoo()
    others = links.col != rows[links.row]
    row, label, weight = links.row[others], labels[links.col[others]], links.data[others]
    total = np.bincount(row, weights=weight, minlength=len(rows))
    known = label >= 0
    shape = (len(rows), int(labels.max(initial=-1)) + 2)
    by_label = coo_array((weight[known], (row[known], label[known])), shape=shape).tocsr()
    if by_label.nnz == 0:
        return np.full(len(rows), -1, np.int64), np.zeros(len(rows))
    best = by_label.max(axis=1).toarray().ravel()
    cluster = np.where(best > 0, np.asarray(by_label.argmax(axis=1)).ravel(), -1)
    return cluster.astype(np.int64), np.divide(best, total, out=np.zeros(len(rows)), where=total > 0)


def coarsen(labels: Int64s, graph: csr_array, *, n_clusters: int) -> Int64s:
    """Join clusters, those first that are linked most beyond chance, until few are left.

    Args:
        labels: (n,) int64, -1 for none.
        graph: (n, n) links.
        n_clusters: how many shall be left, at least 1.

    Returns:
        (n,) int64; more clusters where no links are left between them.
    """
    links, sizes = _links_between(labels, graph)
    joined = np.arange(len(sizes))
    for _ in range(max(0, len(sizes) - n_clusters)):
        affinity = links / np.maximum(np.outer(sizes, sizes), np.finfo(float).tiny)
        np.fill_diagonal(affinity, 0.0)
        a, b = np.unravel_index(int(affinity.argmax()), affinity.shape)
        if affinity[a, b] <= 0.0:
            break
        links[a] += links[b]
        links[:, a] += links[:, b]
        links[b], links[:, b] = 0.0, 0.0
        sizes[a] += sizes[b]
        joined[joined == b] = a
    return numbered(np.where(labels >= 0, np.append(joined, -1)[labels], -1))


def _links_between(labels: Int64s, graph: csr_array) -> tuple[Float64s, Float64s]:
    """Return the links between clusters (k, k), and the links of each (k,)."""
    from scipy.sparse import coo_array

    n = int(labels.max(initial=-1)) + 1
    links = graph.tocoo()
    known = (labels[links.row] >= 0) & (labels[links.col] >= 0)
    ends = labels[links.row[known]], labels[links.col[known]]
    between = coo_array((links.data[known], ends), shape=(n, n)).toarray()
    return between, between.sum(axis=1)


def halve(labels: Int64s, graph: csr_array, *, copies: Int64s, seed: int, least_size: int) -> Int64s:
    """Cut each cluster that is large enough in two, where its parts are linked least.

    Args:
        labels: (n,) int64, -1 for none.
        graph: (n, n) links.
        copies: (n,) photos of each picture.
        seed: of the orders of visiting.
        least_size: photos of the smallest cluster.

    Returns:
        (n,) int64, every cluster inside one of before.
    """
    found, count = labels.copy(), int(labels.max(initial=-1)) + 1
    for rows in _members(labels):
        links = graph[rows][:, rows]
        parts = parts_of(links, seed=seed)
        if parts.max() == 0:
            parts = find_communities(links, resolution=FINE_RESOLUTION, seed=seed, n_tries=N_TRIES)
        halves = coarsen(parts, links, n_clusters=2)
        sizes = np.bincount(halves, weights=copies[rows])
        if len(sizes) == 2 and sizes.min() >= least_size:
            found[rows[halves == 1]] = count
            count += 1
    return numbered(found)


def has_parts(vectors: Float32s, graph: csr_array, *, seed: int) -> bool:
    """Say whether there is anything to see inside a cluster.

    Args:
        vectors: (n, d) float32 unit norm, the photos of the cluster.
        graph: (n, n) links between them.
        seed: of the clouds.
    """
    if len(vectors) < MIN_PARTS_MEASURED:
        return False
    value = measure_evidence(vectors, seed=seed, graph=graph, least=MIN_PARTS_MEASURED).value
    return value is not None and value >= (MIN_EVIDENCE if len(vectors) < MIN_MEASURED else MIN_EVIDENCE_INSIDE)


def parts_of(graph: csr_array, *, seed: int) -> Int64s:
    """Find what a cluster is made of.

    Args:
        graph: (n, n) links between the photos of the cluster.
        seed: of the orders of visiting.

    Returns:
        (n,) int64; 0 for all where it is of one piece.
    """
    return find_communities(graph, resolution=PART_RESOLUTION, seed=seed, n_tries=N_TRIES)


def _members(labels: Int64s) -> Iterator[Int64s]:
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(int(labels.max(initial=-1)) + 2))
    for first, last in pairwise(bounds):
        yield order[first:last]


def continue_clusters(
    vectors: Float32s, graph: csr_array, before: Int64s, *, copies: Int64s, resolution: float, seed: int
) -> Int64s:
    """Find the clusters of a collection that are next to those it had.

    Args:
        vectors: (n, d) float32 unit norm, distinct pictures.
        graph: (n, n) links.
        before: (n,) labels of an earlier fit, -1 for noise, -2 for photos that came since.
        copies: (n,) photos of each picture.
        resolution: of the earlier fit.
        seed: of the order of visiting.

    Returns:
        (n,) int64.
    """
    alone = int(before.max(initial=-1)) + 1 + np.arange(len(before))
    labels = find_communities(graph, resolution=resolution, seed=seed, start=np.where(before >= 0, before, alone))
    whole = _Part(vectors, graph, copies)
    count = int(labels.max(initial=-1)) + 1
    for rows in list(_members(labels)):
        # A new kind that is small joins a small cluster: modularity cannot tell the two apart in a large collection.
        if MIN_PARTS_MEASURED <= len(rows) <= MAX_UNRESOLVED and (before[rows] < 0).any():
            inside = whole.of(np.asarray(np.isin(np.arange(len(labels)), rows), np.bool_))
            seen = _evidence_of_parts(inside, seed=seed)
            if seen is not None:
                parts = _divide(inside, seen, seed=seed)
                labels[rows] = np.where(parts > 0, count + parts - 1, labels[rows])
                count += int(parts.max())
    return numbered(labels)


def new_kinds(
    graph: csr_array, *, settled: Bools, copies: Int64s, resolution: float, seed: int, least_size: int
) -> Int64s:
    """Find kinds of which most photos came since clusters were last chosen freely.

    Few by few they joined the clusters that were there; a fit from nothing would give them their own.

    Args:
        graph: (n, n) links.
        settled: (n,) bool, which were there when clusters were chosen.
        copies: (n,) photos of each picture.
        resolution: of the earlier fit.
        seed: of the order of visiting.
        least_size: photos of the smallest cluster.

    Returns:
        (n,) int64, the new kind of photos that are not settled, -1 for all others.
    """
    if copies[~settled].sum() < least_size:
        return np.full(len(settled), -1, np.int64)
    labels = find_communities(graph, resolution=NEW_KIND_FINER * resolution, seed=seed)
    came = np.bincount(labels, weights=np.where(settled, 0, copies))
    was = np.bincount(labels, weights=np.where(settled, copies, 0))
    often = came * (was.sum() - was) >= MIN_NEW_ODDS * was * (came.sum() - came)
    is_new = (came >= least_size) & (came >= MIN_NEW_SHARE * (came + was)) & often
    return np.where(is_new[labels] & ~settled, labels, -1)


def give_clusters(labels: Int64s, kinds: Int64s) -> Int64s:
    """Give new kinds clusters of their own: the one that is mostly of such a kind already, or a new one.

    Args:
        labels: (n,) int64, -1 for none.
        kinds: (n,) int64, as `new_kinds` gives them.

    Returns:
        (n,) int64.
    """
    given = labels.copy()
    for kind in np.unique(kinds[kinds >= 0]).tolist():
        rows = np.flatnonzero(kinds == kind)
        inside = np.bincount(given[rows][given[rows] >= 0], minlength=1)
        own = int(inside.argmax())
        given[rows] = own if 2 * inside[own] > (given == own).sum() else given.max() + 1
    return numbered(given)
