"""View models: what a page shows of photos, clusters and the map, as plain records between the library and the page.

Made by `library`, drawn by `exports` and `web`. Refuses to know HTML and tables. Pictures are not in here: a page asks
for the thumbnails it shows, by content hash, so that a large library never lies in memory at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from vecclust.types.clusters import ClusterEntry, Composition, HistoryEvent, Label
from vecclust.types.runs import Run
from vecclust.types.timeline import EventList, PlaceList, TripList

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PageReport:
    """What was written.

    Attributes:
        page: the file to open; that of a table where one was written.
        photos: photos shown.
        clusters: clusters shown.
        files: files written.
        size_bytes: their size together.
    """

    page: str
    photos: int
    clusters: int
    files: int
    size_bytes: int


# Gives the small JPEGs of photos, leaving out those that have none.
Thumbnails = Callable[[Collection[str]], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True)
class PhotoView:
    """One photo on a page.

    Attributes:
        photo: content hash; asked for the thumbnail, never written into a page.
        path: absolute path of a file that is there now, or None.
        taken: time taken, or None where nothing better than the file's own time is known.
        strength: membership strength in [0, 1]; 0 without a cluster.
        width_px: width of the upright picture.
        height_px: height of the upright picture.
        by_owner: whether the owner put it into its cluster.
    """

    photo: str
    path: str | None
    taken: datetime | None
    strength: float
    width_px: int
    height_px: int
    by_owner: bool = False


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One cluster on a page.

    Attributes:
        entry: the cluster as `clusters` lists it.
        cover: content hash of its most central photo.
        edge: content hashes of a few others, from its core to its edge.
        photos: its photos, strongest first; a live page holds only those of one sheet.
        related: ids of a few clusters with which its photos are neighbours far more than by chance, most so first;
            often none.
        event: what the current run did to it.
        sources: the earlier ids it came from.
        history: what every run did to it, oldest first.
        made_of: what all of its photos are; None on a card, which does not say.
    """

    entry: ClusterEntry
    cover: str
    edge: tuple[str, ...]
    photos: tuple[PhotoView, ...]
    related: tuple[str, ...]
    event: str
    sources: tuple[str, ...]
    history: tuple[HistoryEvent, ...]
    made_of: Composition | None = None


@dataclass(frozen=True, slots=True)
class TimelineView:
    """A library by time and place.

    Attributes:
        events: its events.
        trips: its trips.
        places: its places.
        pictures: content hashes of a few photos of each event, by its id, in order of time.
    """

    events: EventList
    trips: TripList
    places: PlaceList
    pictures: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class GalleryView:
    """A library as contact sheets.

    Attributes:
        run: the current run, or None before the first fit.
        clusters: the clusters, largest first.
        unclustered: photos without a cluster, or without a label yet, by time taken.
        library: the same for all pages of one library, and tells nothing of it; empty where that is not known.
        timeline: the same photos by time and place; None where no page is to show them so.
    """

    run: Run | None
    clusters: tuple[ClusterView, ...]
    unclustered: tuple[PhotoView, ...]
    library: str = ""
    timeline: TimelineView | None = None

    @property
    def n_photos(self) -> int:
        """Photos in all."""
        return sum(len(cluster.photos) for cluster in self.clusters) + len(self.unclustered)


@dataclass(frozen=True, slots=True)
class MapView:
    """A library as points on a plane, row by row.

    Attributes:
        run: the current run, or None before the first fit.
        photos: the photos.
        positions: (n, 2) float32, finite, in no particular unit.
        neighbours: (n, k) int32, the rows nearest by the real vectors, nearest first.
        labels: (n,) int64, the number of the cluster in `clusters`, -1 for none.
        clusters: the clusters, largest first.
        covers: the row of each cluster's most central photo.
        library: the same for all pages of one library, and tells nothing of it; empty where that is not known.
    """

    run: Run | None
    photos: tuple[PhotoView, ...]
    positions: NDArray[np.float32]
    neighbours: NDArray[np.int32]
    labels: NDArray[np.int64]
    clusters: tuple[ClusterEntry, ...]
    covers: tuple[int, ...]
    library: str = ""


@dataclass(frozen=True, slots=True)
class PointTable:
    """A library as a table for other programs, row by row.

    Attributes:
        run: the current run, or None before the first fit.
        photos: the photos.
        positions: (n, 2) float32, finite, in no particular unit.
        neighbours: (n, k) int32, the rows nearest by the real vectors, nearest first.
        distances: (n, k) float32, their cosine distances in [0, 2].
        labels: what the run says of each photo, or None.
        names: names of clusters by id, those that have one.
    """

    run: Run | None
    photos: tuple[PhotoView, ...]
    positions: NDArray[np.float32]
    neighbours: NDArray[np.int32]
    distances: NDArray[np.float32]
    labels: tuple[Label | None, ...]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Overview:
    """A library as the front page of the live pages: cards without their photos.

    Attributes:
        run: the current run, or None before the first fit.
        clusters: the clusters, largest first, each without photos.
        unclustered: content hashes of photos without a cluster, or without a label yet, by time taken.
        n_photos: photos in all.
        notices: what the owner should know of what was done last; seldom anything.
    """

    run: Run | None
    clusters: tuple[ClusterView, ...]
    unclustered: tuple[str, ...]
    n_photos: int
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """How a library stands now; cheap enough to be read every second.

    Attributes:
        stamp: another one means that something shown may have changed.
        photos: distinct photos.
        clusters: clusters of the current run.
        unlabelled: photos the current run says nothing of yet.
        pending: files still being written.
        problems: files that could not be read, or only in part.
        run: the current run, or None.
        writer: the command of the process that holds the library for writing, or empty.
        doing: what the process that watches does at present, or empty.
        faults: what only the owner can put right, a sentence each without its full stop.
        remarks: what is worth a look and does no harm meanwhile, likewise.
    """

    stamp: str
    photos: int
    clusters: int
    unlabelled: int
    pending: int
    problems: int
    run: str | None
    writer: str
    doing: str
    faults: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def light(self) -> Literal["ok", "look", "fault"]:
        """How it stands in a word: all is well, something is worth a look, or something waits for the owner."""
        return "fault" if self.faults else "look" if self.remarks else "ok"
