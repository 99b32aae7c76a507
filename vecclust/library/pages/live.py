"""One library a page at a time, for pages that are live: only what a page shows is read, whatever the library's size.

Which photo belongs to which cluster is read once for each state of the library and kept; names, dates and files are
read for the photos of the page alone. Only reads; threads may share it.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import NotFound
from vecclust.library.pages.written import (
    N_OF_AN_EVENT,
    cluster_views,
    known_photos,
    known_time,
    photos_by_cluster,
    put_on_map,
    show,
    when_taken,
)
from vecclust.library.queries.clusters import in_scope, list_clusters, read_history
from vecclust.library.queries.composition import composition_of
from vecclust.library.queries.proposals import ENGLISH
from vecclust.library.queries.search import photo_facts, scope_of
from vecclust.library.queries.status import current_run, read_daemon, writing_command
from vecclust.library.timeline.answers import TimelineReader
from vecclust.library.timeline.shown import kept_timeline
from vecclust.types.clusters import Composition, Label
from vecclust.types.files import FileRow
from vecclust.types.pages import ClusterView, LiveStatus, MapView, Overview, PhotoView, TimelineView
from vecclust.types.photos import PhotoFacts
from vecclust.types.search import Filters
from vecclust.types.status import DaemonStatus

if TYPE_CHECKING:
    from vecclust.store import Store


# As many as a list to choose from bears.
N_FOLDERS = 200


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of one state of the library."""

    stamp: str
    overview: Overview
    labels: Mapping[str, Label]
    members: Mapping[str | None, Sequence[str]]
    # Of the clusters that were looked at: the photos of a large one take seconds to count where words decide of many.
    compositions: dict[str, Composition] = field(default_factory=dict)
    # What pages show by time and place, once one of them was asked for.
    timelines: list[TimelineView] = field(default_factory=list)


class LiveReader:
    """Pages of one library.

    Args:
        store: its tables.
        language: of the words that are proposed as names.
    """

    def __init__(self, store: Store, *, language: str = ENGLISH) -> None:
        self._store = store
        self._language = language
        self._lock = threading.Lock()
        self._kept: _Read | None = None
        self._folders: tuple[str, tuple[str, ...]] | None = None

    @property
    def stamp(self) -> str:
        """Another one means that something shown may have changed."""
        return self._store.stamp()

    def photos(self) -> frozenset[str]:
        """Name all photos."""
        return self._store.photo_keys()

    def timeline(self) -> TimelineView:
        """Give events, trips and places as they were found last."""
        read = self._read()
        if not read.timelines:
            with self._store.snapshot():
                reader = TimelineReader(self._store, language=self._language, shown=kept_timeline(self._store))
                read.timelines.append(reader.view(n_pictures=N_OF_AN_EVENT))
        return read.timelines[0]

    def overview(self, within: Collection[str] | None = None) -> Overview:
        """Give what the front page shows: clusters as cards, the unclustered, the current run.

        Args:
            within: only these photos count, so that clusters without any of them are left out; None for all.
        """
        read = self._read()
        if within is None:
            return read.overview
        sizes = {one: sum(photo in within for photo in photos) for one, photos in read.members.items()}
        clusters = [
            dataclasses.replace(one, entry=dataclasses.replace(one.entry, size=sizes[one.entry.id]))
            for one in read.overview.clusters
            if sizes.get(one.entry.id)
        ]
        clusters.sort(key=lambda one: -one.entry.size)
        unclustered = tuple(photo for photo in read.overview.unclustered if photo in within)
        n_photos = sum(one.entry.size for one in clusters) + len(unclustered)
        return dataclasses.replace(read.overview, clusters=tuple(clusters), unclustered=unclustered, n_photos=n_photos)

    def cluster(self, cluster: str) -> tuple[ClusterView, Sequence[str]]:
        """Give one cluster, but without its photos; and their content hashes, strongest first.

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
        history = read_history(self._store, cluster, language=self._language)
        photos = read.members.get(cluster, ())
        if cluster not in read.compositions:
            read.compositions[cluster] = composition_of(self._store, photos, language=self._language)
        return dataclasses.replace(found, history=history, made_of=read.compositions[cluster]), photos

    def shown(self, photos: Sequence[str]) -> tuple[PhotoView, ...]:
        """Read photos as they are shown.

        Args:
            photos: content hashes.

        Returns:
            The photos in the order asked for; unknown ones are left out.
        """
        files, labels = self._store.files_of(photos), self._read().labels
        rows = {row.photo: row for row in self._store.photos(photos)}
        return tuple(
            show(rows[photo], files=files.get(photo, ()), label=labels.get(photo)) for photo in photos if photo in rows
        )

    def narrowed(self, filters: Filters) -> frozenset[str]:
        """Name the photos that filters let through.

        Args:
            filters: what is limited to what.

        Raises:
            NotFound: the current run has no such cluster, or the folder was never scanned.
            UsageError: the range of dates is empty, or several clusters have this name.
        """
        with self._store.snapshot():
            return in_scope(
                self._store, self._store.photo_keys(), scope_of(self._store, filters, language=self._language)
            )

    def folders(self) -> tuple[str, ...]:
        """Name the kept folders and those right inside them that hold photos, at most `N_FOLDERS`, in order."""
        stamp = self.stamp
        if self._folders is None or self._folders[0] != stamp:
            found = {root.path for root in self._store.roots()}
            for row in self._store.files():
                first = os.path.dirname(row.path).partition(os.sep)[0]
                found.add(os.path.join(row.root, first) if first else row.root)
            self._folders = stamp, tuple(sorted(found)[:N_FOLDERS])
        return self._folders[1]

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
        row = next((row for row in files if os.path.exists(row.absolute)), files[0])
        return photo_facts(self._store, row, language=self._language)

    def files(self, photo: str) -> list[FileRow]:
        """Read the files that hold a photo.

        Args:
            photo: its content hash, known or not.

        Returns:
            Their rows, those that are known good first; none where the library has no such photo.
        """
        rows = self._store.files_of([photo]).get(photo, [])
        return sorted(rows, key=lambda row: (row.state != "ready", row.missing_since_ns > 0, row.absolute))

    def thumbnails(self, photos: Collection[str]) -> Mapping[str, bytes]:
        """Read the small JPEGs of photos.

        Args:
            photos: content hashes.

        Returns:
            JPEG bytes by content hash; photos that have none are left out.
        """
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
        listed = list_clusters(self._store, language=self._language)
        known = known_photos(self._store, self._store.labels(listed.run))
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
        writer, daemon = writing_command(store), read_daemon(store.folder)
        if before is not None and before.stamp == stamp:
            remarks = _remarks(before.problems, daemon)
            return dataclasses.replace(before, writer=writer, doing=daemon.doing, remarks=remarks)
        counts, run = store.counts(), store.state().current_run
        labels, paused = store.label_counts(run), [root for root in store.roots() if root.paused]
        n_labelled = sum(labels.by_cluster.values()) + labels.noise
        return LiveStatus(
            stamp=stamp,
            photos=counts.photos,
            clusters=len(labels.by_cluster),
            unlabelled=max(0, counts.photos - n_labelled) if run is not None else 0,
            pending=counts.waiting,
            problems=counts.problems,
            run=run,
            writer=writer,
            doing=daemon.doing,
            faults=tuple(f"{root.path}: {root.paused}; nothing of it is removed" for root in paused),
            remarks=_remarks(counts.problems, daemon),
        )

    def _read(self) -> _Read:
        with self._lock:
            stamp = self._store.stamp()
            if self._kept is None or self._kept.stamp != stamp:
                self._kept = self._read_anew(stamp)
            return self._kept

    def _read_anew(self, stamp: str) -> _Read:
        store = self._store
        listed = list_clusters(store, language=self._language)
        labels = store.labels(listed.run)
        members = photos_by_cluster(labels.values())
        clustered = {photo for cluster, photos in members.items() if cluster is not None for photo in photos}
        loose = store.photos(store.photo_keys() - clustered)
        loose.sort(key=lambda row: (when_taken(known_time(row)), row.photo))
        overview = Overview(
            run=current_run(store),
            clusters=tuple(cluster_views(store, listed, members)),
            unclustered=tuple(row.photo for row in loose),
            n_photos=len(clustered) + len(loose),
        )
        return _Read(stamp, overview, labels, members)


def _remarks(n_problems: int, daemon: DaemonStatus) -> tuple[str, ...]:
    """Say what is worth a look: neither photos that come in nor a fit under way are, nor that nobody watches."""
    files = f"{n_problems:,} file{'' if n_problems == 1 else 's'} could not be read, or only in part"
    return (*([f"{files}: vecclust problems lists them"] if n_problems else ()), *daemon.problems)
