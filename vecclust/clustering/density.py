"""A layout to labels by HDBSCAN: one hierarchy, and what is read off it.

Knows hdbscan. The hierarchy of points depends on `min_samples` alone; every smallest cluster gives a condensed tree of
it, and every choice of nodes a clustering. Refuses to know vectors, except that every cut asks the neighbour graph.
Never `cluster_selection_epsilon` or `allow_single_cluster`, which break predictions (hdbscan #375, #445).
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.granularity import coarser, finer
from vecclust.clustering.group import Grouping, core_distances
from vecclust.clustering.holding import hold
from vecclust.clustering.novelty import at_home, rank_of
from vecclust.clustering.params import AUTO_MIN_SAMPLES, AUTO_SIZE_LEAST, FitParams
from vecclust.clustering.refine import refine
from vecclust.clustering.remnants import with_small_groups
from vecclust.clustering.state import FitState
from vecclust.clustering.tree import (
    LEAST_ALIKE,
    CondensedTree,
    empty_tree,
    excess_of_mass,
    from_records,
    labels_and_strengths,
    select,
    standing_nodes,
)

# Inside a cluster, a group of less than a twentieth is a handful and no part of it.
LEAST_SHARE_WITHIN = 0.05


class Hierarchy:
    """HDBSCAN's hierarchy of points: single linkage of mutual reachability.

    Args:
        points: (n, c) float32.
        min_samples: neighbours that make a point dense.
    """

    def __init__(self, points: NDArray[np.float32], *, min_samples: int) -> None:
        self._n = len(points)
        self._linkage = _linkage(points, min_samples=min_samples)

    def condensed(self, *, size: int) -> CondensedTree:
        """Give the tree of the clusters with at least `size` points."""
        if self._n < 2 * size:
            return empty_tree(self._n)
        from hdbscan._hdbscan_tree import condense_tree

        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # An infinite density of copies is handled in `tree`.
            warnings.simplefilter("ignore", RuntimeWarning)
            return from_records(condense_tree(self._linkage, size), n_points=self._n)


def by_density(
    points: NDArray[np.float32],
    *,
    params: FitParams,
    neighbours: NDArray[np.int32],
    before: NDArray[np.int64] | None = None,
    strange: NDArray[np.bool_] | None = None,
) -> Grouping:
    """Group points with HDBSCAN (excess of mass), look into clusters with too large a share, and gather small groups.

    Args:
        points: (n, c) float32 layout, or vectors.
        params: resolved; sizes, `min_samples`, `max_share` and `granularity` are used.
        neighbours: (n, k) nearest other rows in the space of the vectors.
        before: (n,) labels of an earlier fit whose clusters stay where they are still nodes of the tree, -1 for noise,
            -2 for points that came since; None to choose freely.
        strange: (n,) bool, see `novelty.clearly_out`: what is left in no cluster unless its neighbours are all in it.

    Returns:
        The grouping. Fewer than two clusters' worth of points are all noise: HDBSCAN never answers with one
        cluster.
    """
    n = len(points)
    tree = empty_tree(n)
    chosen = small = np.zeros(0, np.int32)
    n_refined = 0
    if n >= 2 * params.min_cluster_size:
        hierarchy = Hierarchy(points, min_samples=params.min_samples)
        tree = hierarchy.condensed(size=params.min_cluster_size)
        kept = None if before is None else standing_nodes(tree, before, least=LEAST_ALIKE)
        uncut = excess_of_mass(tree, kept=kept)
        chosen = refine(tree, uncut, neighbours=neighbours, max_share=params.max_share, kept=kept)
        n_refined = len(np.setdiff1d(uncut, chosen))
        if before is None and params.granularity == "coarse":
            chosen = coarser(tree, chosen, neighbours=neighbours)
        if before is None and params.granularity == "fine":
            chosen = finer(tree, chosen, neighbours=neighbours)
        if params.min_group_size < params.min_cluster_size:
            labels = labels_and_strengths(tree, select(tree, chosen))[0]
            within = hierarchy.condensed(size=params.min_group_size)
            tree, small = with_small_groups(
                tree, within, labels, below=params.min_cluster_size, neighbours=neighbours, before=before
            )
            # One that was a small group and too little beside it.
            chosen = chosen[tree.node_size[chosen] >= params.min_cluster_size]
    selection = select(tree, np.concatenate([chosen, small]))
    labels, strengths = labels_and_strengths(tree, selection)
    if strange is not None:
        lone = loners(labels, strange, neighbours=neighbours, least_size=params.min_cluster_size)
        labels[lone], strengths[lone] = -1, 0.0
    found = Grouping(
        labels,
        strengths,
        tree,
        selection,
        core_distances(points, min_samples=max(1, min(params.min_samples, n - 1))),
        np.zeros((0, points.shape[1])),
        n_refined=n_refined,
        n_small=len(small),
    )
    return found if before is None else _held(found, before, neighbours=neighbours, params=params)


def loners(
    labels: NDArray[np.int64], strange: NDArray[np.bool_], *, neighbours: NDArray[np.int32], least_size: int
) -> NDArray[np.bool_]:
    """Say which photos are in a cluster only because UMAP has no place for what is of no kind, (n,) bool.

    A cluster that would lose more than half of its photos, or be too small, stays whole: they stand out together.
    Worlds of 2,000 photos, a twentieth of no kind: all of those were in clusters, now one in thirty of them is, AMI
    with the truth 0.94 before and 0.997 now; on 1,480 of pacs-photo at most 2 photos go, AMI by -0.0 to +0.003 (15
    fits).

    Args:
        labels: (n,) int64, -1 for noise.
        strange: (n,) bool, see `novelty.clearly_out`.
        neighbours: (n, k) int32, nearest others of each.
        least_size: photos of the smallest cluster.
    """
    rank = rank_of(neighbours.shape[1], min_cluster_size=least_size)
    lone = strange & (labels >= 0) & ~at_home(labels, labels[neighbours], rank=rank)
    n = int(labels.max(initial=-1)) + 1
    sizes, lost = np.bincount(labels[labels >= 0], minlength=n), np.bincount(labels[lone], minlength=n)
    bears = sizes - lost >= np.maximum(least_size, sizes / 2)
    return np.asarray(lone & np.append(bears, False)[labels], np.bool_)


def _held(found: Grouping, before: NDArray[np.int64], *, neighbours: NDArray[np.int32], params: FitParams) -> Grouping:
    """Keep points where they were; those that the tree puts elsewhere are as strong as their neighbours are there."""
    assert found.selection is not None
    held = hold(found.labels, before, neighbours=neighbours, least_size=params.min_group_size)
    node_label = found.selection.node_label
    node_label = np.where(node_label >= 0, np.append(held.label_of, -1)[node_label], -1).astype(np.int32)
    return replace(
        found,
        labels=held.labels,
        strengths=np.where(held.changed, held.closeness, found.strengths),
        selection=replace(found.selection, node_label=node_label),
    )


def group_within(state: FitState, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Group some rows of a fit by themselves, where the whole fit has them in one cluster.

    Args:
        state: the fit.
        rows: (m,) rows of it.

    Returns:
        (m,) int64, -1 for rows in no group; all -1 where they are of one piece. Copies of one picture are together.
    """
    pictures, of_row = np.unique(state.picture_of_row[rows], return_inverse=True)
    size = max(AUTO_SIZE_LEAST, int(LEAST_SHARE_WITHIN * len(pictures)))
    if len(pictures) < 2 * size:
        return np.full(len(rows), -1, np.int64)
    points = np.ascontiguousarray(state.layout[pictures])
    tree = Hierarchy(points, min_samples=state.params.min_samples or AUTO_MIN_SAMPLES).condensed(size=size)
    labels = labels_and_strengths(tree, select(tree, excess_of_mass(tree)))[0]
    return np.asarray(labels[of_row], np.int64)


def _linkage(points: NDArray[np.float32], *, min_samples: int) -> NDArray[Any]:
    import hdbscan

    with warnings.catch_warnings():
        # scikit-learn renames an argument hdbscan passes; an infinite density of copies is handled in `tree`.
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        model = hdbscan.HDBSCAN(
            min_cluster_size=2,
            min_samples=min(min_samples, len(points) - 1),
            core_dist_n_jobs=1,  # the default spawns processes: 22 s for 0.4 s of work
        ).fit(points)
        linkage: NDArray[Any] = model.single_linkage_tree_.to_numpy()
    return linkage
