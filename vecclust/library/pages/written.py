"""What a written gallery, map or table shows, read out of the library and written.

Only reads, but for the places of a map, which the library's writer keeps. A time that is only the file's own says when
it was copied as likely as when it was taken, and is not shown. Refuses to know HTML.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import DamagedRun
from vecclust.library.queries.clusters import list_clusters
from vecclust.library.queries.composition import compositions_of
from vecclust.library.queries.paths import living_path
from vecclust.library.queries.proposals import ENGLISH
from vecclust.library.queries.status import current_run
from vecclust.library.timeline.answers import TimelineReader
from vecclust.types.clusters import ClusterList, HistoryEvent, Label
from vecclust.types.files import FileRow
from vecclust.types.pages import ClusterView, GalleryView, MapView, PageReport, PhotoView, PointTable
from vecclust.types.photos import PhotoRow

if TYPE_CHECKING:
    from vecclust.clustering.neighbours import Neighbours
    from vecclust.library.runs.positions import MapPositions
    from vecclust.store import Store

log = logging.getLogger(__name__)

# As many as stand beside a page without scrolling.
N_RELATED = 6
# Beside a cluster's cover, from core to edge.
N_ON_A_CARD = 4
# Neighbours of a photo that the map opens: two rows of four in its panel.
N_NEIGHBOURS = 8
# Of an event: a strip or two.
N_OF_AN_EVENT = 12


def read_gallery(store: Store, listed: ClusterList, *, language: str = ENGLISH) -> GalleryView:
    """Read everything the contact sheets show.

    Args:
        store: the library.
        listed: its clusters, as `list_clusters` gives them.
        language: of places.

    Returns:
        The gallery; without clusters before the first run.
    """
    labels = store.labels(listed.run)
    known = known_photos(store, labels)
    members = photos_by_cluster(label for label in labels.values() if label.photo in known)
    of_clusters = {cluster: photos for cluster, photos in members.items() if cluster is not None}
    made_of = compositions_of(store, of_clusters, language=language)
    clusters = tuple(
        dataclasses.replace(
            view,
            made_of=made_of.get(view.entry.id),
            photos=tuple(known[photo] for photo in members.get(view.entry.id, ())),
            history=tuple(HistoryEvent(one.run, one.event, one.sources) for one in store.history(view.entry.id)),
        )
        for view in cluster_views(store, listed, members)
    )
    clustered = {photo.photo for cluster in clusters for photo in cluster.photos}
    loose = [photo for photo in known.values() if photo.photo not in clustered]
    loose.sort(key=lambda photo: (when_taken(photo.taken), photo.photo))
    return GalleryView(current_run(store), clusters, tuple(loose), library=_library(store))


def _library(store: Store) -> str:
    """Give what pages of one library have in common: when its first run was made."""
    return next((str(run.created_ns) for run in store.runs()), "")


def photos_by_cluster(labels: Iterable[Label]) -> dict[str | None, list[str]]:
    """Group photos by cluster.

    Args:
        labels: one for each photo, in any order.

    Returns:
        Content hashes by cluster, None for those in none; strongest first, then by hash.
    """
    photos: dict[str | None, list[str]] = {}
    for label in sorted(labels, key=lambda label: (-label.strength, label.photo)):
        photos.setdefault(label.cluster, []).append(label.photo)
    return photos


def cluster_views(
    store: Store, listed: ClusterList, members: Mapping[str | None, Sequence[str]]
) -> Iterator[ClusterView]:
    """Give clusters as cards: without photos and history.

    Args:
        store: the library.
        listed: its clusters.
        members: content hashes of each cluster's photos, strongest first.

    Yields:
        A card for each cluster, in the order of the list.
    """
    rows = {row.cluster: row for row in store.clusters(listed.run)}
    related = _related_clusters(store, listed.run, members)
    # In the first run everything is born, which says nothing of any cluster.
    is_first = any(run.run == listed.run and run.parent is None for run in store.runs())
    for entry in listed.clusters:
        row = rows[entry.id]
        yield ClusterView(
            entry=entry,
            cover=row.medoid,
            edge=core_to_edge(members.get(entry.id, ()), leave_out=row.medoid),
            photos=(),
            related=tuple(other for other in related.get(entry.id, ()) if other in rows),
            event="" if is_first else row.event,
            sources=row.sources,
            history=(),
        )


def read_map(store: Store, listed: ClusterList, *, seed: int = 0) -> MapView:
    """Read everything the map shows, and lay it out where that is not done yet.

    Args:
        store: the library; opened for writing, it keeps the layout for the next time.
        listed: its clusters, as `list_clusters` gives them.
        seed: of the layout.

    Returns:
        The map; empty for an empty library.
    """
    photos, positions, graph = _laid_out(store, listed, seed=seed)
    return put_on_map(store, listed, photos=photos, positions=positions, neighbours=graph.indices[:, :N_NEIGHBOURS])


def read_points(store: Store, listed: ClusterList, *, seed: int = 0) -> PointTable:
    """Read what other programs are given of the map, and lay it out where that is not done yet.

    Args:
        store: the library; opened for writing, it keeps the layout for the next time.
        listed: its clusters, as `list_clusters` gives them.
        seed: of the layout.

    Returns:
        The table; empty for an empty library.
    """
    photos, positions, graph = _laid_out(store, listed, seed=seed)
    labels = store.labels(listed.run)
    return PointTable(
        run=current_run(store),
        photos=tuple(photos),
        positions=positions,
        neighbours=graph.indices,
        distances=graph.distances,
        labels=tuple(labels.get(photo.photo) for photo in photos),
        names={entry.id: entry.name for entry in listed.clusters if entry.name is not None},
    )


def _laid_out(
    store: Store, listed: ClusterList, *, seed: int
) -> tuple[list[PhotoView], NDArray[np.float32], Neighbours]:
    from vecclust.library.runs.positions import keep_map, map_positions

    photos, vectors = store.vectors()
    known = known_photos(store, store.labels(listed.run))
    kept = [row for row, photo in enumerate(photos) if photo in known]
    if len(kept) < len(photos):  # removed between the two reads
        photos, vectors = [photos[row] for row in kept], vectors[kept]
    graph = map_graph(vectors)
    laid = map_positions(store, photos, vectors=vectors, graph=lambda: graph, seed=seed)
    keep_map(store, laid)
    return [known[photo] for photo in photos], laid.positions, graph


def read_positions(store: Store, *, seed: int) -> MapPositions:
    """Give every photo's place on the map, laid out where that is not done yet; nothing is kept.

    Args:
        store: the library.
        seed: of the layout.
    """
    from vecclust.library.runs.positions import map_positions

    photos, vectors = store.vectors()
    return map_positions(store, photos, vectors=vectors, graph=lambda: map_graph(vectors), seed=seed)


def map_graph(vectors: NDArray[np.float32]) -> Neighbours:
    """Give the nearest rows of each row, as many as the layout and the map's panel need.

    Args:
        vectors: (n, d) float32 unit norm.

    Returns:
        Rows and cosine distances, nearest first, without the row itself.
    """
    from vecclust.clustering.layout import MAP_NEIGHBOURS as N_FOR_LAYOUT
    from vecclust.clustering.neighbours import neighbour_graph

    return neighbour_graph(vectors, k=max(N_NEIGHBOURS, N_FOR_LAYOUT))


def put_on_map(
    store: Store,
    listed: ClusterList,
    *,
    photos: Sequence[PhotoView],
    positions: NDArray[np.float32],
    neighbours: NDArray[np.int32],
) -> MapView:
    """Put photos with known places on a map.

    Args:
        store: the library.
        listed: its clusters.
        photos: the photos, row by row.
        positions: (n, 2) float32, finite.
        neighbours: (n, k) int32; k may be 0.

    Returns:
        The map.
    """
    labels = store.labels(listed.run)
    row_of = {photo.photo: row for row, photo in enumerate(photos)}
    medoids = {row.cluster: row.medoid for row in store.clusters(listed.run)}
    numbers = {entry.id: number for number, entry in enumerate(listed.clusters)}
    of_row = [labels.get(photo.photo) for photo in photos]
    label_of_row = np.array(
        [-1 if label is None or label.cluster is None else numbers.get(label.cluster, -1) for label in of_row], np.int64
    )
    first_row = {label: row for row, label in reversed([*enumerate(label_of_row.tolist())])}
    return MapView(
        run=current_run(store),
        photos=tuple(photos),
        positions=positions,
        neighbours=neighbours,
        labels=label_of_row,
        clusters=listed.clusters,
        # Where the medoid has left the library, another photo of the cluster.
        covers=tuple(
            row_of.get(medoids[entry.id], first_row.get(number, 0)) for number, entry in enumerate(listed.clusters)
        ),
        library=_library(store),
    )


def known_photos(store: Store, labels: Mapping[str, Label]) -> dict[str, PhotoView]:
    """Read every photo as it is shown.

    Args:
        store: the library.
        labels: what the run says of photos; those without one are shown without a cluster.

    Returns:
        The photos by content hash.
    """
    files: dict[str | None, list[FileRow]] = {}
    for row in store.files():
        files.setdefault(row.photo, []).append(row)
    return {
        photo.photo: show(photo, files=files.get(photo.photo, ()), label=labels.get(photo.photo))
        for photo in store.photos()
    }


def show(photo: PhotoRow, *, files: Sequence[FileRow], label: Label | None) -> PhotoView:
    """Give one photo as it is shown.

    Args:
        photo: its row.
        files: the files that hold it, in any order; may be none.
        label: what the run says of it, or None.
    """
    return PhotoView(
        photo=photo.photo,
        path=living_path(files),
        taken=known_time(photo),
        strength=0.0 if label is None else label.strength,
        width_px=photo.width_px,
        height_px=photo.height_px,
        by_owner=label is not None and label.assigned_by == "owner",
    )


def known_time(photo: PhotoRow) -> datetime | None:
    """Give the time taken, or None where only the file's own time is known.

    Args:
        photo: its row.
    """
    return None if photo.taken is None or photo.taken.source == "mtime" else photo.taken.when


def when_taken(taken: datetime | None) -> str:
    """Give what to sort by: the time as it stands, whatever its zone; photos without one come last.

    Args:
        taken: the time taken, or None.

    Returns:
        A text whose order is that of the times.
    """
    return "~" if taken is None else taken.replace(tzinfo=None).isoformat()


def core_to_edge(photos: Sequence[str], *, leave_out: str) -> tuple[str, ...]:
    """Choose photos at even steps from the strongest to the weakest.

    Args:
        photos: content hashes, strongest first.
        leave_out: one that stands elsewhere already.

    Returns:
        `N_ON_A_CARD` of them, or all where there are fewer.
    """
    others = [photo for photo in photos if photo != leave_out]
    if len(others) <= N_ON_A_CARD:
        return tuple(others)
    return tuple(others[round(step * (len(others) - 1) / (N_ON_A_CARD - 1))] for step in range(N_ON_A_CARD))


def _related_clusters(
    store: Store, run: str | None, members: Mapping[str | None, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Find which clusters are related, by the neighbour graph that the run keeps; none where that is damaged."""
    from vecclust.clustering import related_clusters
    from vecclust.library.runs.rows import load_fit

    clusters = [cluster for cluster in members if cluster is not None]
    if run is None or not clusters:
        return {}
    try:
        state, fitted = load_fit(store.fit_folder(run))
    except DamagedRun as reason:
        log.warning("which clusters are related is not known: %s", reason)
        return {}
    number = {photo: number for number, cluster in enumerate(clusters) for photo in members[cluster]}
    labels = np.full(state.n_pictures, -1, np.int64)
    labels[state.picture_of_row] = [number.get(photo, -1) for photo in fitted.photos]
    return {
        cluster: tuple(clusters[other] for other in others[:N_RELATED])
        for cluster, others in zip(clusters, related_clusters(state.near, labels), strict=False)
    }


def write_gallery(store: Store, out: Path | str, *, names: bool, language: str = ENGLISH) -> PageReport:
    """Write the clusters as contact sheets.

    Args:
        store: the library's tables.
        out: the folder; an earlier gallery there is replaced.
        names: whether file names, paths and cluster names are shown.
        language: of the words that are proposed as names.

    Returns:
        What was written.

    Raises:
        UsageError: `out` holds something that vecclust did not make, or cannot be written.
    """
    from vecclust.exports.gallery import write_gallery

    with store.snapshot():
        gallery = read_gallery(store, list_clusters(store, language=language), language=language)
        timeline = TimelineReader(store, language=language).view(n_pictures=N_OF_AN_EVENT)
        gallery = dataclasses.replace(gallery, timeline=timeline)
    return write_gallery(gallery, _place(out), thumbnails=store.thumbnails, names=names)


def write_map(store: Store, out: Path | str, *, names: bool, seed: int, language: str = ENGLISH) -> PageReport:
    """Write the photos as points on a plane.

    Args:
        store: the library's tables; opened for writing, the places are kept.
        out: the file; an earlier map there is replaced.
        names: whether file names, paths and cluster names are in it.
        seed: of the layout.
        language: of the words that are proposed as names.

    Returns:
        What was written.

    Raises:
        UsageError: something that vecclust did not make is there, or it cannot be written.
    """
    from vecclust.exports.map import write_map

    with store.snapshot():
        shown = read_map(store, list_clusters(store, language=language), seed=seed)
    return write_map(shown, _place(out), thumbnails=store.thumbnails, names=names)


def write_table(store: Store, out: Path | str, *, names: bool, seed: int, language: str = ENGLISH) -> PageReport:
    """Write the map as a Parquet table.

    Args:
        store: the library's tables; opened for writing, the places are kept.
        out: the file; an earlier table there is replaced.
        names: whether file names, paths and cluster names are in it.
        seed: of the layout.
        language: of the words that are proposed as names.

    Returns:
        What was written.

    Raises:
        UsageError: something that vecclust did not make is there, or it cannot be written.
    """
    from vecclust.exports.output import new_file
    from vecclust.store.points import is_point_table, write_points

    place = _place(out)
    with store.snapshot(), new_file(place, is_ours=is_point_table, option="--export") as file:
        listed = list_clusters(store, language=language)
        points = read_points(store, listed, seed=seed)
        write_points(points, file, names=names)
        size_bytes = file.stat().st_size
    return PageReport(str(place), len(points.photos), len(listed.clusters), 1, size_bytes)


def _place(out: Path | str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(out)))
