"""What the verbs of a library hand back: frozen records of an answer, complete enough to be shown in any form.

The field names are those of the JSON documents people and scripts rely on; `views.documents` writes them out.
Times here are datetimes, or integers in nanoseconds since the epoch where the name ends in `_ns`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from vecclust.records import AssignedBy, Hit, Run


class Progress(Protocol):
    """Told how far a long piece of work has come."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note that `done` of `total` steps of `stage` are done; a `total` of 0 means that it is unknown."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Take no note."""


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan found and did, counted in files; `new_photos` and `labelled` count distinct pictures.

    Attributes:
        added: paths that were not in the library.
        updated: paths whose content is another than before.
        moved: paths whose content was known under a path that has gone.
        removed: paths taken out of the library.
        unchanged: paths that are as they were.
        problems: paths that cannot be read, now or still.
        pending: paths still being written.
        left: absolute paths that were left unread, where a look was bounded; they are to be asked for next.
        missing: paths that were not found and may be removed by a later scan.
        new_photos: distinct pictures that were not in the library, or None where nothing was read.
        labelled: photos that got a label of the current run in this scan.
        run: the current run, or None.
        dry_run: whether nothing was changed.
        notices: sentences the owner should see.
    """

    added: int = 0
    updated: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    problems: int = 0
    pending: int = 0
    left: tuple[str, ...] = ()
    missing: int = 0
    new_photos: int | None = None
    labelled: int = 0
    run: str | None = None
    dry_run: bool = False
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefitReport:
    """What a refit found and what it did to identity.

    Attributes:
        run: the new run; in a dry run the id it would have had.
        photos: photos fitted.
        clusters: clusters found.
        noise: photos left unclustered.
        seconds: wall-clock seconds.
        kept: clusters that are what they were, grown ones included.
        born: clusters that are new.
        split: clusters that took a part of an earlier one.
        merged: earlier clusters that went into another.
        gone: earlier clusters without a successor.
        labels_changed: photos in both runs whose cluster is another.
        suggested: names proposed for clusters that broke off a named one in this run, by id.
        figures: quality figures by name.
        stage_seconds: seconds per stage.
        dry_run: whether nothing was changed.
    """

    run: str
    photos: int
    clusters: int
    noise: int
    seconds: float
    kept: int
    born: int
    split: int
    merged: int
    gone: int
    labels_changed: int
    figures: Mapping[str, Any] = field(default_factory=dict)
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    dry_run: bool = False
    suggested: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drift:
    """How unusual the newest arrivals are.

    Attributes:
        n_recent: how many were looked at.
        n_unusual: those of them that stand out more than 95 % of the run's own photos do.
        alarm_from: from how many on the collection has drifted away from the run; None where too few came to tell.
    """

    n_recent: int = 0
    n_unusual: int = 0
    alarm_from: int | None = None

    @property
    def alarmed(self) -> bool:
        """Whether the collection has drifted away."""
        return self.alarm_from is not None and self.n_unusual >= self.alarm_from


@dataclass(frozen=True, slots=True)
class Growth:
    """How far a library has grown beyond its current run.

    Attributes:
        run: the run.
        n_fitted: photos it was fitted on.
        n_arrivals: photos that came since.
        fitted_ns: when it was made.
        drift: how unusual the newest of these are.
        n_gathered: newcomers among them that have gathered into what may become a cluster, 0 where none have.
    """

    run: str
    n_fitted: int
    n_arrivals: int
    fitted_ns: int
    drift: Drift = Drift()
    n_gathered: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The photos that answer a question, best first.

    Attributes:
        query: the words, or the absolute path of the photo asked about.
        model: the model id of the library's vectors.
        results: the hits, by score then path.
        notices: sentences the asker should see.
    """

    query: str
    model: str
    results: tuple[Hit, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterEntry:
    """One cluster of the current run, as it is now, arrivals counted in.

    Attributes:
        id: the stable id.
        name: its name, or None.
        named_by: who gave the name, or None.
        suggested_name: a name proposed for one that has none and broke off a named one, or None.
        size: photos with this label.
        strength: their mean membership strength in [0, 1].
        medoid: absolute path of a file of the most central photo, or None where no file of it is known.
        first_taken: earliest time taken, or None where only files' own times are known.
        last_taken: latest time taken, likewise.
    """

    id: str
    name: str | None
    named_by: Literal["owner", "auto"] | None
    size: int
    strength: float
    medoid: str | None
    first_taken: datetime | None
    last_taken: datetime | None
    suggested_name: str | None = None


@dataclass(frozen=True, slots=True)
class ClusterList:
    """The clusters of the current run, largest first.

    Attributes:
        run: the current run, or None before the first fit.
        model: the model id, or None for an empty library.
        photos: photos in the library.
        clustered: photos with a cluster.
        noise: photos the run left unclustered; photos without a label yet are in neither count.
        clusters: the entries.
    """

    run: str | None
    model: str | None
    photos: int
    clustered: int
    noise: int
    clusters: tuple[ClusterEntry, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """One photo of a cluster."""

    path: str | None
    photo: str
    strength: float
    assigned_by: AssignedBy


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """What a run did to a cluster, or the owner said of it.

    Attributes:
        run: the run; for a word the one that was current, or None.
        event: what it did; for a word its verb.
        sources: the ids it came from; for a word the other cluster.
        when_ns: when, or None where that is not known.
        text: the word as a line, empty for a run.
        word: the word's id where it is in force, else empty.
    """

    run: str | None
    event: str
    sources: tuple[str, ...]
    when_ns: int | None = None
    text: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class ClusterPage:
    """One cluster: its entry, its photos by strength, its history oldest first."""

    entry: ClusterEntry
    photos: tuple[Member, ...]
    history: tuple[HistoryEvent, ...]


@dataclass(frozen=True, slots=True)
class ClusterParts:
    """What is inside one cluster.

    Attributes:
        cluster: its id.
        size: its photos.
        parts: photos of each group in it, strongest first, the largest group first; photos in none are left out.
    """

    cluster: str
    size: int
    parts: tuple[tuple[Member, ...], ...]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to cluster, and the mean of what resamples of the same photos gave.

    Attributes:
        reducer: `umap`, `pca` or `none`.
        clusterer: `hdbscan`, `kmeans` or `agglomerative`.
        min_cluster_size: of HDBSCAN, 0 for chosen; None for the others.
        figures: see `vecclust.cluster.figures_of_way`.
    """

    reducer: str
    clusterer: str
    min_cluster_size: int | None
    figures: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ways to cluster beside one another: the photos all of them saw, and the run they are compared with."""

    photos: int
    run: str | None
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What is known of one photo; the fields are those of the JSON document."""

    path: str
    photo: str
    cluster: str | None
    cluster_name: str | None
    strength: float | None
    assigned_by: AssignedBy | None
    novelty: float | None
    newcomer: bool
    run: str | None
    taken: datetime | None
    taken_source: str | None
    latitude: float | None
    longitude: float | None
    width: int
    height: int
    model: str
    other_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that could not be read.

    Attributes:
        path: its absolute path.
        reason: why.
        attempts: failed attempts in a row.
        next_try_ns: when a scan tries it again, or None for when it changes or on request.
    """

    path: str
    reason: str
    attempts: int
    next_try_ns: int | None


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """One folder that is kept in the library.

    Attributes:
        path: its absolute path.
        last_scan_ns: the last complete scan, or None.
        paused: why nothing of it is removed at present, or empty.
    """

    path: str
    last_scan_ns: int | None
    paused: str = ""


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """The process that watches, if there is one.

    Attributes:
        running: whether it lives.
        pid: its number, or None.
        since_ns: when it began, or None.
        watching: folders as it watches them.
        problems: why it does not rely on events alone.
        doing: what it does at present.
        log: the newest file of its log, or None where there is none.
    """

    running: bool = False
    pid: int | None = None
    since_ns: int | None = None
    watching: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    doing: str = ""
    log: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a library.

    Attributes:
        library: its directory.
        model: the model id, or None before the first photo.
        photos: distinct photos.
        files: files known, readable or not.
        pending: files still being written.
        problems: files that could not be read.
        missing: files that were not found by the last scan.
        noise: photos the current run left unclustered.
        run: the current run, or None.
        arrivals_since_run: photos that came after the current run's fit.
        arrivals_noise: of these, those without a cluster.
        newcomers: of those, the ones held back as unlike all that the run knows.
        drift: how unusual the newest arrivals are.
        gathered: newcomers that have gathered into what may become a cluster, 0 where none have.
        folders: the folders kept.
        skipped_dot_files: dot-files left out by the last scan.
        bytes_on_disk: size of the library.
        daemon: the process that watches.
    """

    library: str
    model: str | None
    photos: int
    files: int
    pending: int
    problems: int
    missing: int
    noise: int
    run: Run | None
    arrivals_since_run: int
    arrivals_noise: int
    newcomers: int
    folders: tuple[FolderStatus, ...]
    skipped_dot_files: int
    bytes_on_disk: int
    daemon: DaemonStatus = DaemonStatus()
    drift: Drift = Drift()
    gathered: int = 0


@dataclass(frozen=True, slots=True)
class Filters:
    """What an answer is limited to; None limits nothing.

    Attributes:
        cluster: only photos of this cluster, by id or name.
        since: only photos taken at this time or later; a time without a zone is taken as it stands.
        until: only photos taken at this time or earlier; midnight means the whole day.
        folder: only photos with a file below this folder.
    """

    cluster: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model, and whether it can be used on this computer now.

    Attributes:
        name: the name to give to `--model`.
        in_use: whether the library's vectors come from it.
        usable: whether it loads without a network.
        dim: width of its vectors, or None where that is not known before loading.
        size_bytes: its weights on disk, or None where there are none.
        note: what it is, or why it cannot be used.
    """

    name: str
    in_use: bool
    usable: bool
    dim: int | None
    size_bytes: int | None
    note: str


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


@dataclass(frozen=True, slots=True)
class Tour:
    """What the demo saw.

    Attributes:
        album: the folder of pictures.
        library: the library made from it.
        scan: what the first scan did.
        rescan: what a second scan did: nothing.
        refit: the full refit.
        clusters: the clusters after it.
        similar: photos like the most typical one of the largest cluster.
        search: photos that match words.
        problems: files that could not be read.
        status: the state of the library at the end.
        gallery: the clusters as contact sheets.
        map: the photos as a map.
    """

    album: Path
    library: Path
    scan: ScanReport
    rescan: ScanReport
    refit: RefitReport
    clusters: ClusterList
    similar: Answer | None
    search: Answer
    problems: tuple[Problem, ...]
    status: Status
    gallery: PageReport
    map: PageReport
