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

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np

from vecclust.clustering.arrays import Bools, Float32s, Int32s, Int64s
from vecclust.clustering.clusterers import Clustering, graph_clusters, partition
from vecclust.clustering.figures import figures_of, nearest_clusters, shares_of
from vecclust.clustering.layout import (
    EPOCHS,
    EPOCHS_LARGE,
    LARGE_LAYOUT,
    MIN_FOR_UMAP,
    Projection,
    principal_components,
    umap_layout,
)
from vecclust.clustering.neighbours import N_NEAREST, Neighbours, distinct_rows
from vecclust.clustering.params import FitParams
from vecclust.clustering.state import FitState
from vecclust.clustering.warm_start import (
    Earlier,
    earlier_labels,
    initial_layout,
    known_pictures,
    optimise_newcomers,
    settled_pictures,
    warm_graph,
)
from vecclust.types.runs import RefitKind

logger = logging.getLogger(__name__)

# Called with the stage's name, what is done of it and how much there is.
Progress = Callable[[str, int, int], None]
STAGES = ("distinct", "neighbours", "layout", "clusters", "figures")
# Vectors come as float32 and, from half precision, with a norm that is off by a little.
UNIT_TOLERANCE = 1e-2


class _Stopwatch:
    """Times the stages of a fit and passes on how far they are."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress: Progress = progress or (lambda stage, done, total: None)
        self.seconds: dict[str, float] = {}

    @property
    def total_s(self) -> float:
        return sum(self.seconds.values())

    def within(self, stage: str) -> Callable[[int, int], None]:
        return partial(self._progress, stage)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        self._progress(name, 0, 1)
        yield
        self.seconds[name] = time.perf_counter() - began
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
        figures: honest figures by name, see `figures_of`.
        seconds: wall seconds by stage.
        state: what to keep for arrivals and the next fit.
        kind: `full` from nothing, `continued` from an earlier layout, or `light`.
        nearest: (n,) int64, where `assign_all` asks for it the cluster nearest to each row that has none, else -1.
    """

    labels: Int64s
    strengths: Float32s
    positions: Float32s
    params: FitParams
    figures: Mapping[str, float | int | None]
    seconds: Mapping[str, float]
    state: FitState
    kind: RefitKind
    nearest: Int64s


def fit(
    vectors: Float32s,
    params: FitParams,
    *,
    earlier: Earlier | None = None,
    kind: RefitKind = "full",
    continuity: bool = False,
    progress: Progress | None = None,
) -> Fit:
    """Cluster vectors.

    Args:
        vectors: (n, d) float32 of norm 1, finite, in an order the caller can repeat; n may be 0.
        params: what to do.
        earlier: a fit over some of the same photos; by itself it saves time and changes nothing of what is found.
        kind: `full` lays out from nothing. `continued` starts at the layout of the earlier fit and optimises it;
            `light` moves only what came since and leaves the rest where it is. Done where that fit was of UMAP with as
            many dimensions and knows most of the photos, else it is a full one. What is found then depends on the
            earlier fits too, and labels are kept as with `continuity`.
        continuity: keep photos in the clusters of the earlier fit where nothing speaks against it, also in a new
            layout.
        progress: told of each stage.

    Returns:
        The fit.

    Raises:
        ValueError: the vectors are not (n, d) float32, not finite, or not of norm 1.
    """
    _check(vectors)
    clock = _Stopwatch(progress)
    with clock.stage("distinct"):
        picture_of_row, first_rows = distinct_rows(vectors)
        pictures = vectors if len(first_rows) == len(vectors) else vectors[first_rows]
        if params.reducer == "umap" and len(pictures) < MIN_FOR_UMAP:
            params = replace(params, reducer="pca")
        before = None if earlier is None else earlier.state.params
        stays = (continuity or kind != "full") and params.granularity == "kept"
        params = params.resolved(len(vectors)).carry_over(before, n_pictures=len(pictures))
    with clock.stage("neighbours"):
        known = known_pictures(earlier, picture_of_row, n_pictures=len(pictures))
        graph = warm_graph(pictures, earlier, known=known, params=params, progress=clock.within("neighbours"))
    with clock.stage("layout"):
        start = initial_layout(earlier, known=known, graph=graph, params=params) if kind != "full" else None
        kind = kind if start is not None else "full"
        new = known < 0 if kind == "light" else None
        layout, projection = _layout(pictures, graph, params=params, start=start, new=new)
    with clock.stage("clusters"):
        points = pictures if params.reducer == "none" else layout
        # What is to be cut otherwise is cut freely.
        kept = earlier_labels(earlier, known) if stays else None
        settled = settled_pictures(earlier, known)
        goes_on = kept is not None and params.resolution > 0
        copies = np.bincount(picture_of_row, minlength=len(pictures)).astype(np.int64)
        if params.clusterer == "hdbscan":
            found = graph_clusters(pictures, points, graph, params=params, copies=copies, before=kept, settled=settled)
            chosen_at = params.chosen_at if goes_on else len(pictures)
            params = replace(params, resolution=found.resolution, chosen_at=chosen_at)
        else:
            found = partition(points, params=params)
        if params.clusterer == "hdbscan" and len(pictures) == 1 and len(vectors) >= params.min_cluster_size:
            found = replace(found, labels=np.zeros(1, np.int64), strengths=np.ones(1, np.float32))
        if params.clusterer != "hdbscan":
            params = replace(params, n_clusters=max(1, len(found.centroids)), resolution=0.0, chosen_at=0)
    labels = found.labels[picture_of_row]
    with clock.stage("figures"):
        figures = figures_of(found.labels, vectors=pictures, layout=points, seed=params.seed)
        # Shares are of photos, where the other figures are of distinct pictures.
        figures |= shares_of(labels)
    settled |= not goes_on
    laid_out = layout, projection
    state = _state(picture_of_row, vectors=vectors, graph=graph, laid_out=laid_out, result=(found, params, settled))
    logger.info("fitted %d photos: %s clusters in %.1f s", len(labels), figures["n_clusters"], clock.total_s)
    strengths, positions = found.strengths[picture_of_row], layout[picture_of_row]
    nearest = nearest_clusters(vectors, labels) if params.assign_all else np.full(len(labels), -1, np.int64)
    return Fit(labels, strengths, positions, params, figures, clock.seconds, state, kind, nearest)


def _check(vectors: Float32s) -> None:
    if vectors.ndim != 2 or vectors.dtype != np.float32 or vectors.shape[1] == 0:
        raise ValueError(f"vectors must be (n, d) float32, not {vectors.shape} {vectors.dtype}")
    norms = np.linalg.norm(vectors, axis=1)
    wrong = np.flatnonzero(~(np.abs(norms - 1.0) <= UNIT_TOLERANCE))
    if len(wrong):
        raise ValueError(f"vector {wrong[0]} has norm {norms[wrong[0]]}; it must be finite and of norm 1")


def _layout(
    pictures: Float32s, graph: Neighbours, *, params: FitParams, start: Float32s | None, new: Bools | None
) -> tuple[Float32s, Projection]:
    if params.reducer == "umap":
        nothing = Projection(np.zeros(0, np.float32), np.zeros((0, 0), np.float32))
        if start is not None and new is not None:
            moved = optimise_newcomers(
                start, graph, new=new, n_neighbors=min(params.n_neighbors, N_NEAREST), seed=params.seed
            )
            return moved, nothing
        looked_at = replace(params, n_neighbors=min(params.n_neighbors, N_NEAREST))
        return umap_layout(
            pictures,
            graph,
            params=looked_at,
            init=start,
            n_epochs=EPOCHS if len(pictures) <= LARGE_LAYOUT else EPOCHS_LARGE,
        ), nothing
    projection = principal_components(pictures, n_components=params.n_components)
    return projection.apply(pictures), projection


def _state(
    picture_of_row: Int32s,
    *,
    vectors: Float32s,
    graph: Neighbours,
    laid_out: tuple[Float32s, Projection],
    result: tuple[Clustering, FitParams, Bools],
) -> FitState:
    (layout, projection), (found, params, settled) = laid_out, result
    kept = {field.name: getattr(part, field.name) for part in (found.tree, found.selection) for field in fields(part)}
    return FitState(
        params=params,
        n_dimensions=vectors.shape[1],
        n_clusters=int(found.labels.max(initial=-1)) + 1,
        picture_of_row=picture_of_row,
        neighbours=graph.indices,
        distances=graph.distances,
        layout=layout,
        labels=found.labels.astype(np.int32),
        strengths=found.strengths,
        settled=settled,
        projection_mean=projection.mean,
        projection_components=projection.components,
        centroids=found.centroids,
        core_distances=found.core_distances,
        **kept,
    )
