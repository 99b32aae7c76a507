"""Parameters chosen for a collection: the sizes from its own hierarchy, and how many neighbours a layout looks at.

Knows which of several clusterings keeps the photos' own neighbours together best, and that few neighbours show small
kinds and many show large ones. Refuses to know a truth. Invariants: chosen once and then kept, so that a refit does not
shake identity; the same points and neighbours give the same choice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from vecclust.clustering.arrays import Float32s, Int32s
from vecclust.clustering.layout import umap_layout
from vecclust.clustering.neighbours import N_NEAREST, neighbour_graph
from vecclust.clustering.params import AUTO_SIZE_MIN, FitParams
from vecclust.clustering.selection import MAX_JOINED_SHARE, cohesion, split_large
from vecclust.clustering.tree import CondensedTree, Hierarchy, excess_of_mass, select

logger = logging.getLogger(__name__)

# What is tried. On pacs-photo, the demo's album, 20 classes of Tiny ImageNet (bundled model) and two synthetic worlds,
# two seeds each, 21 settings: the cohesion of the whole cut (the modularity of the clusters in the neighbour graph of
# the vectors, with unclustered photos as broken links) went with AMI to the truth at 0.65 to 1.0, but for Tiny ImageNet
# (0.1 to 0.3), where all settings are within 0.05. Agreement between resamples of 80 % (-0.15 to 0.8) and DBCV (-0.1 to
# 1.0) did not tell.
SIZES_TRIED = (5, 8, 12, 20, 30, 45)
MIN_SAMPLES_TRIED = (3, 5, 10)
# The smallest cluster is no larger share of the pictures than this: of 360 photos of 12 kinds, 45 left two clusters.
MAX_SIZE_SHARE = 0.1
# A setting that clusters less than this, or leaves a cluster with more than `MAX_JOINED_SHARE` that is no island, is
# taken only where all do.
MIN_CLUSTERED = 0.75
# A large cluster is an island, and the photos are like that, where its neighbour links stay within it for this share of
# what they could beyond chance. On pacs-photo by the bundled model, of which 26 % show people, clusters of 25 to 27 %
# that are 97 % people had 0.98, lumps of several kinds with 20 to 55 % of the photos 0.76 to 0.88.
MIN_ISLAND = 0.95
# What is gained by less is no reason to leave the usual setting.
MIN_GAIN = 0.01
# Chosen anew when the collection has grown or shrunk by this factor.
CHOICE_LASTS_FOR = 2.0
# What is tried. Photos by the bundled model come out a little truer with 60 than with 15 (AMI, means of four seeds:
# pacs-photo 0.499 and 0.485, 20 classes of Tiny ImageNet 0.492 and 0.472), synthetic kinds that overlap with 15; the
# demo's album and clear synthetic kinds are the same with any. 8 was never better.
N_NEIGHBORS_TRIED = (N_NEAREST, 30, 60)
# Fewer pictures than so many times the widest are one another's neighbours in any case.
MIN_TIMES_WIDEST = 4
# Of more, a sample of so many is tried: its three layouts cost ten seconds, about half of a fit of 20,000.
MAX_TRIED = 4000

# Whether what comes of a setting is of use, then its cohesion.
Score = tuple[bool, float]


def carry_over(params: FitParams, *, n_pictures: int, before: FitParams | None, continued: bool = False) -> FitParams:
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
    lasts = before.chosen_at / CHOICE_LASTS_FOR < n_pictures < before.chosen_at * CHOICE_LASTS_FOR
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
        min_group_size=params.min_group_size or AUTO_SIZE_MIN,
        min_samples=params.min_samples or before.min_samples,
        chosen_at=before.chosen_at,
    )


def choose_sizes(params: FitParams, points: Float32s, *, neighbours: Int32s) -> FitParams:
    """Choose what is automatic still.

    Args:
        params: as `carry_over` gives them.
        points: (n, c) float32 layout, or vectors.
        neighbours: (n, k) nearest other rows in the space of the vectors.

    Returns:
        The parameters, resolved.
    """
    usual = params.resolved(len(points))
    if params.min_cluster_size or params.clusterer != "hdbscan" or len(points) < 2 * usual.min_cluster_size:
        return usual
    return choose_and_score(params, points, neighbours=neighbours)[0]


def choose_and_score(params: FitParams, points: Float32s, *, neighbours: Int32s) -> tuple[FitParams, Score]:
    """Choose as `choose_sizes` does, for HDBSCAN on enough points, and say what the choice is worth.

    Args:
        params: as `carry_over` gives them; sizes that are given are the only ones tried.
        points: (n, c) float32 layout, or vectors; at least twice as many as the smallest cluster.
        neighbours: (n, k) nearest other rows in the space of the vectors.

    Returns:
        The parameters, resolved; and whether its clusters are of use, with their cohesion.
    """
    usual = params.resolved(len(points))
    fits = [usual.min_cluster_size]
    if not params.min_cluster_size:
        fits += [size for size in SIZES_TRIED if size <= MAX_SIZE_SHARE * len(points)]
    samples = (params.min_samples,) if params.min_samples else MIN_SAMPLES_TRIED
    scores: dict[int, dict[int, Score]] = {size: {} for size in sorted({*fits})}
    for each in samples:
        hierarchy = Hierarchy(points, min_samples=each)
        for size, of_size in scores.items():
            of_size[each] = score_clusters(hierarchy.condensed(size=size), usual, neighbours=neighbours)
    logger.debug("sizes, samples: useful, cohesion: %s", scores)
    # One layout differs from the next by luck; the mean over the other knob differs less.
    means = {
        size: (any(useful for useful, _ in each.values()), float(np.mean([worth for _, worth in each.values()])))
        for size, each in scores.items()
    }
    size = _best(means, usual.min_cluster_size)
    best = replace(usual, min_cluster_size=size, min_samples=_best(scores[size], usual.min_samples))
    score = scores[size][best.min_samples]
    if params.granularity == "fine":
        size = max(AUTO_SIZE_MIN, size // 2)
    return replace(best, min_cluster_size=size, chosen_at=len(points)), score


def _best(scores: Mapping[int, Score], usual: int) -> int:
    """Give the value worth most, the usual one where that is worth hardly less."""
    best = max(scores, key=lambda value: (scores[value], -value))
    if usual not in scores:
        return best
    hardly = scores[usual][0] == scores[best][0] and scores[best][1] < scores[usual][1] + MIN_GAIN
    return usual if hardly else best


def score_clusters(tree: CondensedTree, params: FitParams, *, neighbours: Int32s) -> Score:
    """Say what the clusters of a tree are worth.

    Args:
        tree: the tree.
        params: `max_share` is used.
        neighbours: (n, k) nearest other rows in the space of the vectors.

    Returns:
        Whether they are of use: enough is clustered, and what is large is an island; and their cohesion, -1 where
        there is none.
    """
    nodes = split_large(tree, excess_of_mass(tree), neighbours=neighbours, max_share=params.max_share)
    sizes = tree.node_size[nodes]
    large = nodes[sizes > MAX_JOINED_SHARE * tree.n_points].tolist()
    useful = sizes.sum() >= MIN_CLUSTERED * tree.n_points and all(
        _is_island(tree, node, neighbours=neighbours) for node in large
    )
    return bool(useful), cohesion(tree, 0, parts=nodes, neighbours=neighbours) if len(nodes) else -1.0


def _is_island(tree: CondensedTree, node: int, *, neighbours: Int32s) -> bool:
    inside = select(tree, np.array([node], np.int32)).node_label[tree.point_parent] == 0
    share = inside.mean()
    return bool((inside[neighbours[inside]].mean() - share) >= MIN_ISLAND * (1 - share))


def choose_n_neighbors(
    pictures: Float32s, params: FitParams, *, progress: Callable[[int, int], None] | None = None
) -> FitParams:
    """Choose how many neighbours a layout looks at.

    Args:
        pictures: (p, d) float32 unit norm.
        params: as `carry_over` gives them.
        progress: called with layouts made and layouts to make.

    Returns:
        The parameters with `n_neighbors` set, and `chosen_at` where it was chosen.
    """
    if params.n_neighbors:
        return params
    open_ = params.reducer == "umap" and params.clusterer == "hdbscan"
    if not open_ or len(pictures) < MIN_TIMES_WIDEST * max(N_NEIGHBORS_TRIED):
        return replace(params, n_neighbors=N_NEAREST)
    rows = np.arange(len(pictures))
    if len(rows) > MAX_TRIED:
        rows = np.sort(np.random.default_rng(params.seed).choice(rows, MAX_TRIED, replace=False))
    graph = neighbour_graph(pictures[rows], k=max(N_NEIGHBORS_TRIED), threads=params.threads)
    scores = {}
    for number, width in enumerate(N_NEIGHBORS_TRIED):
        tried = replace(params, n_neighbors=width)
        layout = umap_layout(pictures[rows], graph, params=tried)
        _, scores[width] = choose_and_score(tried, layout, neighbours=graph.nearest(N_NEAREST).indices)
        if progress is not None:
            progress(number + 1, len(N_NEIGHBORS_TRIED))
    logger.info("neighbours: clusters of use, cohesion: %s", scores)
    return replace(params, n_neighbors=_best(scores, N_NEAREST), chosen_at=len(pictures))
