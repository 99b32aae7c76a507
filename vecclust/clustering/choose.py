"""Sizes chosen for a collection from its own hierarchy, and how finely it is cut.

Knows which of several clusterings of one layout keeps the photos' own neighbours together best. Refuses to know a
truth. Invariants: chosen once and then kept, so that a refit does not shake identity; the same points and neighbours
give the same choice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.density import Hierarchy
from vecclust.clustering.granularity import MOST_SHARE
from vecclust.clustering.params import AUTO_SIZE_LEAST, FitParams
from vecclust.clustering.refine import cohesion, refine
from vecclust.clustering.tree import CondensedTree, excess_of_mass, select

logger = logging.getLogger(__name__)

# What is tried. On pacs-photo, the demo's album, 20 classes of Tiny ImageNet (bundled model) and two synthetic worlds,
# two seeds each, 21 settings: the cohesion of the whole cut (the modularity of the clusters in the neighbour graph of
# the vectors, with unclustered photos as broken links) went with AMI to the truth at 0.65 to 1.0, but for Tiny ImageNet
# (0.1 to 0.3), where all settings are within 0.05. Agreement between resamples of 80 % (-0.15 to 0.8) and DBCV (-0.1 to
# 1.0) did not tell.
SIZES = (5, 8, 12, 20, 30, 45)
SAMPLES = (3, 5, 10)
# The smallest cluster is no larger share of the pictures than this: of 360 photos of 12 kinds, 45 left two clusters.
MOST_SIZE_SHARE = 0.1
# A setting that clusters less than this, or leaves a cluster with more than `MOST_SHARE` that is no island, is taken
# only where all do.
LEAST_CLUSTERED = 0.75
# A large cluster is an island, and the photos are like that, where its neighbour links stay within it for this share of
# what they could beyond chance. On pacs-photo by the bundled model, of which 26 % show people, clusters of 25 to 27 %
# that are 97 % people had 0.98, lumps of several kinds with 20 to 55 % of the photos 0.76 to 0.88.
LEAST_KEPT = 0.95
# What is gained by less is no reason to leave the usual setting.
LEAST_GAIN = 0.01
# Chosen anew when the collection has grown or shrunk by this factor.
LASTS_FOR = 2.0

# Whether what comes of a setting is of use, then its cohesion.
Worth = tuple[bool, float]


def settled(params: FitParams, *, n_pictures: int, before: FitParams | None, continued: bool = False) -> FitParams:
    """Take over what an earlier fit of the same collection chose.

    Args:
        params: as asked.
        n_pictures: distinct pictures now.
        before: the parameters of the earlier fit, or None.
        continued: whether its layout shall be continued: then as many neighbours are looked at as there.

    Returns:
        The parameters, `chosen_at` set where automatic ones were taken over; `granularity` is never `kept`.
    """
    if before is None or before.clusterer != "hdbscan":
        return replace(params, granularity="auto" if params.granularity == "kept" else params.granularity)
    lasts = before.chosen_at / LASTS_FOR < n_pictures < before.chosen_at * LASTS_FOR
    if not params.n_neighbors and params.reducer == before.reducer and (lasts or continued):
        params = replace(params, n_neighbors=before.n_neighbors, chosen_at=before.chosen_at if lasts else 0)
    if params.granularity != "kept":
        return params
    params = replace(params, granularity=before.granularity)
    if params.min_cluster_size or not lasts or params.reducer != before.reducer:
        return params
    return replace(
        params,
        min_cluster_size=before.min_cluster_size,
        min_group_size=params.min_group_size or AUTO_SIZE_LEAST,
        min_samples=params.min_samples or before.min_samples,
        chosen_at=before.chosen_at,
    )


def chosen(params: FitParams, points: NDArray[np.float32], *, neighbours: NDArray[np.int32]) -> FitParams:
    """Choose what is automatic still.

    Args:
        params: as `settled` gives them.
        points: (n, c) float32 layout, or vectors.
        neighbours: (n, k) nearest other rows in the space of the vectors.

    Returns:
        The parameters, resolved.
    """
    usual = params.resolved(len(points))
    if params.min_cluster_size or params.clusterer != "hdbscan" or len(points) < 2 * usual.min_cluster_size:
        return usual
    return chosen_and_worth(params, points, neighbours=neighbours)[0]


def chosen_and_worth(
    params: FitParams, points: NDArray[np.float32], *, neighbours: NDArray[np.int32]
) -> tuple[FitParams, Worth]:
    """Choose as `chosen` does, of HDBSCAN and at least twice the smallest cluster, and say what the choice is worth.

    Args:
        params: as `settled` gives them; sizes that are given are the only ones tried.
        points: (n, c) float32 layout, or vectors.
        neighbours: (n, k) nearest other rows in the space of the vectors.

    Returns:
        The parameters, resolved; and whether its clusters are of use, with their cohesion.
    """
    usual = params.resolved(len(points))
    fits = [usual.min_cluster_size]
    if not params.min_cluster_size:
        fits += [size for size in SIZES if size <= MOST_SIZE_SHARE * len(points)]
    samples = (params.min_samples,) if params.min_samples else SAMPLES
    worths: dict[int, dict[int, Worth]] = {size: {} for size in sorted({*fits})}
    for each in samples:
        hierarchy = Hierarchy(points, min_samples=each)
        for size, of_size in worths.items():
            of_size[each] = _worth(hierarchy.condensed(size=size), usual, neighbours=neighbours)
    logger.debug("sizes, samples: useful, cohesion: %s", worths)
    # One layout differs from the next by luck; the mean over the other knob differs less.
    means = {size: (any(useful for useful, _ in each.values()), _mean(each)) for size, each in worths.items()}
    size = _best(means, usual.min_cluster_size)
    best = replace(usual, min_cluster_size=size, min_samples=_best(worths[size], usual.min_samples))
    worth = worths[size][best.min_samples]
    if params.granularity == "fine":
        size = max(AUTO_SIZE_LEAST, size // 2)
    return replace(best, min_cluster_size=size, chosen_at=len(points)), worth


def _mean(worths: Mapping[int, Worth]) -> float:
    return float(np.mean([worth for _, worth in worths.values()]))


def _best(worths: Mapping[int, Worth], usual: int) -> int:
    """Give the value worth most, the usual one where that is worth hardly less."""
    best = max(worths, key=lambda value: (worths[value], -value))
    if usual not in worths:
        return best
    hardly = worths[usual][0] == worths[best][0] and worths[best][1] < worths[usual][1] + LEAST_GAIN
    return usual if hardly else best


def _worth(tree: CondensedTree, params: FitParams, *, neighbours: NDArray[np.int32]) -> Worth:
    nodes = refine(tree, excess_of_mass(tree), neighbours=neighbours, max_share=params.max_share)
    sizes = tree.node_size[nodes]
    large = nodes[sizes > MOST_SHARE * tree.n_points].tolist()
    useful = sizes.sum() >= LEAST_CLUSTERED * tree.n_points and all(
        _is_island(tree, node, neighbours=neighbours) for node in large
    )
    return bool(useful), cohesion(tree, 0, parts=nodes, neighbours=neighbours) if len(nodes) else -1.0


def _is_island(tree: CondensedTree, node: int, *, neighbours: NDArray[np.int32]) -> bool:
    inside = select(tree, np.array([node], np.int32)).node_label[tree.point_parent] == 0
    share = inside.mean()
    return bool((inside[neighbours[inside]].mean() - share) >= LEAST_KEPT * (1 - share))
