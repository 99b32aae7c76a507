"""One library a page at a time, for pages that are live: only what a page shows is read, whatever the library's size.

Which photo belongs to which cluster is read once for each state of the library and kept; names, dates and files are
read for the photos of the page alone. Only reads; threads may share it.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import NotFound
from vecclust.library.pages.written import (
    core_to_edge,
    known_photos,
    known_time,
    put_on_map,
    related_clusters,
    show,
    when_taken,
)
from vecclust.library.queries.clusters import list_clusters, read_history
from vecclust.library.queries.search import photo_facts
from vecclust.library.queries.status import current_run, read_daemon, writing_command
from vecclust.types.clusters import ClusterList, HistoryEvent, Label
from vecclust.types.files import FileRow
from vecclust.types.pages import ClusterView, LiveStatus, MapView, Overview, PhotoView
from vecclust.types.photos import PhotoFacts

if TYPE_CHECKING:
    from vecclust.store import Store


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of one state of the library."""

    stamp: str
    overview: Overview
    labels: Mapping[str, Label]
    members: Mapping[str, tuple[str, ...]]


class LiveReader:
    """Pages of one library.

    Args:
        store: its tables.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: _Read | None = None

    @property
    def stamp(self) -> str:
        """Another one means that something shown may have changed."""
        return self._store.stamp()

    def photos(self) -> frozenset[str]:
        """Name all photos."""
        return self._store.photo_keys()

    def overview(self) -> Overview:
        """Give the front: clusters as cards, the unclustered, the current run."""
        return self._read().overview

    def cluster(self, cluster: str) -> tuple[ClusterView, tuple[str, ...]]:
        """Give one cluster and the content hashes of its photos, strongest first.

        Args:
            cluster: its id.

        Raises:
            NotFound: the current run has no such cluster.
        """
        read = self._read()
        found = next((one for one in read.overview.clusters if one.entry.id == cluster), None)
        if found is None:
            known = bool(self._store.history(cluster))
            raise NotFound(
                f"{cluster} is not among the clusters of the current run",
                hint="An earlier run had it: the page of runs goes back to it." if known else "The front page has all.",
            )
        return found, read.members[cluster]

    def history(self, cluster: str) -> tuple[HistoryEvent, ...]:
        """Read what runs did to a cluster and what the owner said of it, oldest first."""
        return read_history(self._store, cluster)

    def shown(self, photos: Sequence[str]) -> tuple[PhotoView, ...]:
        """Read photos as they are shown, in the order asked for; unknown ones are left out."""
        files, labels = self._store.files_of(photos), self._read().labels
        rows = {row.photo: row for row in self._store.photos(photos)}
        return tuple(
            show(rows[photo], files=files.get(photo, ()), label=labels.get(photo)) for photo in photos if photo in rows
        )

    def facts(self, photo: str) -> PhotoFacts:
        """Read what is known of one photo.

        Args:
            photo: its content hash.

        Raises:
            NotFound: the library has no such photo.
        """
        files = self.files(photo)
        if not files:
            raise NotFound("there is no such photo in the library", hint="Its file may have been removed.")
        return photo_facts(self._store, next((row for row in files if os.path.exists(row.absolute)), files[0]))

    def files(self, photo: str) -> list[FileRow]:
        """Read the files that hold a photo, those that are known good first."""
        rows = self._store.files_of([photo]).get(photo, [])
        return sorted(rows, key=lambda row: (row.state != "ready", row.missing_since_ns > 0, row.absolute))

    def thumbnails(self, photos: Collection[str]) -> Mapping[str, bytes]:
        """Read the small JPEGs of photos, leaving out those that have none."""
        return self._store.thumbnails(photos)

    def kept_map(self) -> MapView | None:
        """Read the map where every photo has its place already, None where it is to be laid out first."""
        from vecclust.library.runs.positions import kept_positions

        photos = sorted(self._store.photo_keys())
        positions = kept_positions(self._store, photos) if photos else np.zeros((0, 2), np.float32)
        return None if positions is None else self.placed(photos, positions)

    def placed(self, photos: Sequence[str], positions: NDArray[np.float32]) -> MapView:
        """Put photos on a map, those that have gone since left out; without neighbours, which are asked for live.

        Args:
            photos: content hashes.
            positions: (n, 2) their places, finite.
        """
        listed = list_clusters(self._store)
        known = known_photos(self._store, listed)
        rows = [row for row, photo in enumerate(photos) if photo in known]
        return put_on_map(
            self._store,
            listed,
            photos=[known[photos[row]] for row in rows],
            positions=positions[rows],
            neighbours=np.zeros((len(rows), 0), np.int32),
        )

    def status(self, before: LiveStatus | None = None) -> LiveStatus:
        """Read how the library stands now.

        Args:
            before: the last answer; while nothing was written since, nothing is counted anew.
        """
        store = self._store
        stamp = store.stamp()
        writer, doing = writing_command(store), read_daemon(store.folder).doing
        if before is not None and before.stamp == stamp:
            return dataclasses.replace(before, writer=writer, doing=doing)
        counts, run = store.counts(), store.state().current_run
        labels = None if run is None else store.label_counts(run)
        n_labelled = 0 if labels is None else sum(labels.by_cluster.values()) + labels.noise
        return LiveStatus(
            stamp=stamp,
            photos=counts.photos,
            clusters=0 if labels is None else len(labels.by_cluster),
            unlabelled=max(0, counts.photos - n_labelled) if run is not None else 0,
            pending=counts.waiting,
            problems=counts.problems,
            run=run,
            writer=writer,
            doing=doing,
        )

    def _read(self) -> _Read:
        with self._lock:
            stamp = self._store.stamp()
            if self._kept is None or self._kept.stamp != stamp:
                self._kept = self._read_anew(stamp)
            return self._kept

    def _read_anew(self, stamp: str) -> _Read:
        store = self._store
        listed = list_clusters(store)
        labels = {} if listed.run is None else store.labels(listed.run)
        keys: dict[str, list[str]] = {entry.id: [] for entry in listed.clusters}
        for photo, label in sorted(labels.items(), key=lambda item: (-item[1].strength, item[0])):
            if label.cluster in keys:
                keys[label.cluster].append(photo)
        clustered = {photo for members in keys.values() for photo in members}
        loose = store.photos(store.photo_keys() - clustered)
        overview = Overview(
            run=current_run(store),
            clusters=tuple(self._exhibits(listed, keys)),
            unclustered=tuple(
                row.photo for row in sorted(loose, key=lambda row: (when_taken(known_time(row)), row.photo))
            ),
            n_photos=len(clustered) + len(loose),
        )
        return _Read(stamp, overview, labels, {cluster: tuple(photos) for cluster, photos in keys.items()})

    def _exhibits(self, listed: ClusterList, keys: Mapping[str, Sequence[str]]) -> Iterator[ClusterView]:
        rows = {} if listed.run is None else {row.cluster: row for row in self._store.clusters(listed.run)}
        related = related_clusters(self._store, [rows[entry.id] for entry in listed.clusters])
        for entry in listed.clusters:
            row = rows[entry.id]
            yield ClusterView(
                entry=entry,
                cover=row.medoid,
                edge=core_to_edge(keys[entry.id], leave_out=row.medoid),
                photos=(),
                related=related[entry.id],
                event=row.event,
                sources=row.sources,
                history=(),
            )
