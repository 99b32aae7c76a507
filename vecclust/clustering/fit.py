"""One fit, from vectors to labels: distinct pictures, neighbours, layout, clusters, figures.

Knows the order of the steps and what each collection too small for one of them gets instead. Refuses to know
where vectors come from. Invariant: the same rows in the same order, seed and parameters give the same labels;
the caller sorts by content hash.

Small collections: no photo, no answer; fewer than 16 distinct pictures are laid out by principal components,
since UMAP's neighbourhoods would be the whole collection; fewer than twice the smallest cluster are all
noise, as HDBSCAN needs two clusters to find one; photos all of one picture are one cluster, if they are
enough for one.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.choose import chosen, settled
from vecclust.clustering.continuing import Earlier, begin_at, graph_of, known_pictures, labels_before
from vecclust.clustering.density import by_density
from vecclust.clustering.figures import figures_of, nearest_clusters
from vecclust.clustering.group import Grouping, by_centroid, by_linkage
from vecclust.clustering.neighbours import NEAR, Neighbours
from vecclust.clustering.newcomers import settle_newcomers
from vecclust.clustering.novelty import clearly_out, rank_of
from vecclust.clustering.params import FitParams
from vecclust.clustering.reduce import LEAST_FOR_UMAP, Projection, principal_components, umap_layout
from vecclust.clustering.state import FitState
from vecclust.clustering.width import chosen_width
from vecclust.types.runs import RefitKind

logger = logging.getLogger(__name__)

# Called with the stage's name, what is done of it and how much there is.
Progress = Callable[[str, int, int], None]
STAGES = ("distinct", "width", "neighbours", "layout", "clusters", "figures")
# Vectors come as float32 and, from half precision, with a norm that is off by a little.
NORM_TOLERANCE = 1e-2


class _Stopwatch:
    """Times the stages of a fit and passes on how far they are."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}

    @property
    def total_s(self) -> float:
        return sum(self.seconds.values())

    def within(self, stage: str) -> Callable[[int, int], None] | None:
        progress = self._progress
        return None if progress is None else lambda done, total: progress(stage, done, total)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        if self._progress is not None:
            self._progress(name, 0, 1)
        yield
        self.seconds[name] = time.perf_counter() - began
        if self._progress is not None:
            self._progress(name, 1, 1)


@dataclass(frozen=True, slots=True)
class Fit:
    """What a fit found, row by row.

    Attributes:
        labels: (n,) int64, -1 for noise.
        strengths: (n,) float32 in [0, 1], 0 for noise.
        positions: (n, n_components) float32: the layout; with the reducer `none`, principal components to
            look at.
        params: the parameters used, automatic ones resolved (a collection too small for UMAP says `pca`).
        figures: honest figures by name, see `figures_of`, `n_refined`, the large clusters that were cut, and
            `n_small`, those smaller than `min_cluster_size`.
        seconds: wall seconds by stage.
        state: what to keep for arrivals and the next fit.
        kind: `full` from nothing, `continued` from an earlier layout, or `light`.
        nearest: (n,) int64, where `assign_all` asks for it the cluster nearest to each row that has none, else -1.
    """

    labels: NDArray[np.int64]
    strengths: NDArray[np.float32]
    positions: NDArray[np.float32]
    params: FitParams
    figures: Mapping[str, float | int | None]
    seconds: Mapping[str, float]
    state: FitState
    kind: RefitKind
    nearest: NDArray[np.int64]


def fit(
    vectors: NDArray[np.float32],
    params: FitParams,
    *,
    earlier: Earlier | None = None,
    kind: RefitKind = "full",
    held: bool = False,
    progress: Progress | None = None,
) -> Fit:
    """Cluster vectors.

    Args:
        vectors: (n, d) float32 of norm 1, finite, in an order the caller can repeat; n may be 0.
        params: what to do.
        earlier: a fit over some of the same photos; by itself it saves time and changes nothing of what is found.
        kind: `full` lays out from nothing. `continued` begins at the layout of the earlier fit and settles it; `light`
            settles only what came since and leaves the rest where it is. Done where that fit was of UMAP with as many
            dimensions and knows most of the photos, else it is a full one. What is found then depends on the earlier
            fits too, and photos are held as with `held`.
        held: keep photos in the clusters of the earlier fit where nothing speaks against it, also in a new layout.
        progress: told of each stage.

    Returns:
        The fit.

    Raises:
        ValueError: the vectors are not (n, d) float32, not finite, or not of norm 1.
    """
    _check(vectors)
    clock = _Stopwatch(progress)
    named = params.granularity != "kept"
    with clock.stage("distinct"):
        picture_of_row, first_rows = distinct_rows(vectors)
        pictures = vectors if len(first_rows) == len(vectors) else vectors[first_rows]
        params = _suited(params, n_pictures=len(pictures))
        before = None if earlier is None else earlier.state.params
        params = settled(params, n_pictures=len(pictures), before=before, continued=kind != "full")
    with clock.stage("width"):
        params = chosen_width(pictures, params, progress=clock.within("width"))
    with clock.stage("neighbours"):
        known = None if earlier is None else known_pictures(earlier, picture_of_row, n_pictures=len(pictures))
        graph = graph_of(pictures, earlier, known=known, params=params, progress=clock.within("neighbours"))
    with clock.stage("layout"):
        beginning = begin_at(earlier, known=known, graph=graph, params=params) if kind != "full" else None
        kind = kind if beginning is not None else "full"
        new = known < 0 if kind == "light" and known is not None else None
        layout, projection = _layout(pictures, graph, params=params, beginning=beginning, new=new)
    with clock.stage("clusters"):
        points = pictures if params.reducer == "none" else layout
        near = graph.nearest(NEAR)
        params = chosen(params, points, neighbours=near.indices)
        # What is to be cut otherwise is cut freely.
        stays = (held or kind != "full") and not named
        grouping = _group(points, near, params=params, before=labels_before(earlier, known) if stays else None)
        if params.clusterer == "hdbscan" and len(pictures) == 1 and len(vectors) >= params.min_cluster_size:
            grouping = replace(grouping, labels=np.zeros(1, np.int64), strengths=np.ones(1, np.float32))
        if params.clusterer != "hdbscan":
            params = replace(params, n_clusters=max(1, len(grouping.centroids)))
    labels = grouping.labels[picture_of_row]
    with clock.stage("figures"):
        figures = figures_of(grouping.labels, vectors=pictures, layout=points, seed=params.seed) | _row_figures(
            labels, grouping
        )
    state = _state(picture_of_row, graph=graph, laid_out=(layout, projection), result=(grouping, params))
    state = replace(state, n_dimensions=vectors.shape[1])
    logger.info("fitted %d photos: %s clusters in %.1f s", len(labels), figures["n_clusters"], clock.total_s)
    strengths, positions = grouping.strengths[picture_of_row], layout[picture_of_row]
    nearest = nearest_clusters(vectors, labels) if params.assign_all else np.full(len(labels), -1, np.int64)
    return Fit(labels, strengths, positions, params, figures, clock.seconds, state, kind, nearest)


def distinct_rows(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Find rows that are exactly equal: copies of one picture would give HDBSCAN infinite densities.

    Args:
        vectors: (n, d) float32.

    Returns:
        (n,) int32, the distinct picture of each row, numbered by first appearance; and (p,) int64, its first
        row.
    """
    seen: dict[bytes, int] = {}
    picture_of_row = np.empty(len(vectors), np.int32)
    first_rows: list[int] = []
    for row, vector in enumerate(vectors):
        # A digest instead of the row's bytes: 200,000 rows would hold 400 MB of keys. Adding 0 unites -0 and
        # 0.
        key = hashlib.blake2b((vector + np.float32(0)).tobytes(), digest_size=16).digest()
        picture = seen.setdefault(key, len(first_rows))
        if picture == len(first_rows):
            first_rows.append(row)
        picture_of_row[row] = picture
    return picture_of_row, np.array(first_rows, np.int64)


def _check(vectors: NDArray[np.float32]) -> None:
    if vectors.ndim != 2 or vectors.dtype != np.float32 or vectors.shape[1] == 0:
        raise ValueError(f"vectors must be (n, d) float32, not {vectors.shape} {vectors.dtype}")
    norms = np.linalg.norm(vectors, axis=1)
    wrong = np.flatnonzero(~(np.abs(norms - 1.0) <= NORM_TOLERANCE))
    if len(wrong):
        raise ValueError(f"vector {wrong[0]} has norm {norms[wrong[0]]}; it must be finite and of norm 1")


def _suited(params: FitParams, *, n_pictures: int) -> FitParams:
    if params.reducer == "umap" and n_pictures < LEAST_FOR_UMAP:
        return replace(params, reducer="pca")
    return params


def _layout(
    pictures: NDArray[np.float32],
    graph: Neighbours,
    *,
    params: FitParams,
    beginning: NDArray[np.float32] | None,
    new: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.float32], Projection]:
    if params.reducer == "umap":
        nothing = Projection(np.zeros(0, np.float32), np.zeros((0, 0), np.float32))
        if beginning is not None and new is not None:
            settled = settle_newcomers(beginning, graph, new=new, n_neighbors=params.n_neighbors, seed=params.seed)
            return settled, nothing
        return umap_layout(pictures, graph, params=params, begin_at=beginning), nothing
    projection = principal_components(pictures, n_components=params.n_components)
    return projection.apply(pictures), projection


def _group(
    points: NDArray[np.float32], graph: Neighbours, *, params: FitParams, before: NDArray[np.int64] | None
) -> Grouping:
    if params.clusterer == "hdbscan":
        # By the measure of arrivals: who would be held back had it come after the fit is in no cluster by the fit.
        rank = rank_of(graph.indices.shape[1], min_cluster_size=params.min_cluster_size)
        strange = clearly_out(graph, rank=rank)
        return by_density(points, params=params, neighbours=graph.indices, before=before, strange=strange)
    if params.clusterer == "kmeans":
        return by_centroid(points, params=params)
    return by_linkage(points, params=params)


def _row_figures(labels: NDArray[np.int64], grouping: Grouping) -> dict[str, float | int | None]:
    """Count shares over photos, where `figures_of` saw distinct pictures."""
    n = len(labels)
    sizes = np.bincount(labels[labels >= 0]) if (labels >= 0).any() else np.zeros(1, np.int64)
    return {
        "share_unclustered": float((labels < 0).mean()) if n else 0.0,
        "share_largest": float(sizes.max() / n) if n else 0.0,
        "n_refined": grouping.n_refined,
        "n_small": grouping.n_small,
    }


def _state(
    picture_of_row: NDArray[np.int32],
    *,
    graph: Neighbours,
    laid_out: tuple[NDArray[np.float32], Projection],
    result: tuple[Grouping, FitParams],
) -> FitState:
    (layout, projection), (grouping, params) = laid_out, result
    tree, selection = grouping.tree, grouping.selection
    nodes = np.zeros(0, np.int32)
    densities = np.zeros(0, np.float64)
    return FitState(
        params=params,
        n_dimensions=0,
        n_clusters=int(grouping.labels.max(initial=-1)) + 1,
        picture_of_row=picture_of_row,
        neighbours=graph.indices,
        distances=graph.distances,
        layout=layout,
        labels=grouping.labels.astype(np.int32),
        strengths=grouping.strengths,
        projection_mean=projection.mean,
        projection_components=projection.components,
        centroids=np.zeros((0, 0), np.float64) if tree else grouping.centroids,
        core_distances=grouping.core_distances,
        point_parent=tree.point_parent if tree else nodes,
        point_lambda=tree.point_lambda if tree else densities,
        node_parent=tree.node_parent if tree else nodes,
        node_birth=tree.node_birth if tree else densities,
        node_size=tree.node_size if tree else np.zeros(0, np.int64),
        node_label=selection.node_label if selection else nodes,
        node_max_lambda=selection.node_max_lambda if selection else densities,
    )
