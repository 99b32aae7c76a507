"""Which clusters are related: they share more links of the neighbour graph than chance would have it.

Knows the nearest pictures of each picture and their clusters. Refuses to rank by distance: whatever lies nearest is
near to something, in a collection of unrelated kinds too. Related goes both ways.
"""

from __future__ import annotations

import numpy as np

from vecclust.clustering.arrays import Int64s
from vecclust.clustering.neighbours import Neighbours

# One in twenty links of the smaller of the two: what less tells is noise in a small cluster. Random kinds that lie
# apart share fewer, whatever chance would have.
LEAST_SHARE = 0.05
# So many times the links that chance would have. Together, of 17 collections of random kinds, apart and overlapping,
# none had a related pair (4,900 pairs; at 2.0 three had), while 77 of Tiny ImageNet's 82 clusters have; see
# docs/figures.md.
LEAST_LIFT = 2.5


def related_clusters(near: Neighbours, labels: Int64s) -> list[Int64s]:
    """Say which clusters are related to each cluster.

    By chance, links that leave a cluster end in the others as often as these have pictures.

    Args:
        near: the nearest other pictures of each of n pictures.
        labels: (n,) int64, the cluster of each, from 0; -1 for none.

    Returns:
        For each number of a cluster those related to it, the one with the most links beyond chance first; often none.
    """
    sizes = np.bincount(labels[labels >= 0])
    begins, ends = np.repeat(labels, near.indices.shape[1]), labels[near.indices.ravel()]
    n_links = np.bincount(begins[begins >= 0], minlength=len(sizes))
    leave = (begins >= 0) & (begins != ends)
    n_leaving = np.bincount(begins[leave], minlength=len(sizes))
    between = leave & (ends >= 0)
    low, high = np.minimum(begins, ends)[between], np.maximum(begins, ends)[between]
    pairs, n_shared = np.unique(low * len(sizes) + high, return_counts=True)
    one, other = np.divmod(pairs, max(1, len(sizes)))
    outside = len(labels) - sizes
    by_chance = n_leaving[one] * sizes[other] / outside[one] + n_leaving[other] * sizes[one] / outside[other]
    lift, share = n_shared / by_chance, n_shared / (2 * np.minimum(n_links[one], n_links[other]))
    order = np.flatnonzero((lift >= LEAST_LIFT) & (share >= LEAST_SHARE))
    order = order[np.argsort(-lift[order], kind="stable")]
    found: list[list[int]] = [[] for _ in sizes]
    for row in order.tolist():
        found[one[row]].append(int(other[row]))
        found[other[row]].append(int(one[row]))
    return [np.array(clusters, np.int64) for clusters in found]
