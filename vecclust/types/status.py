"""How a library stands: its model, its state, its daemon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vecclust.types.clusters import ClusterList
from vecclust.types.files import FolderStatus, SkipKind
from vecclust.types.photos import Framing
from vecclust.types.runs import Drift, Run


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """The one model whose vectors a library holds.

    Attributes:
        name: the name it is loaded by.
        model_id: the identity of its weights.
        dim: width of its vectors.
        framing: how it wants pictures cut, so that decoding can begin before it is loaded.
    """

    name: str
    model_id: str
    dim: int
    framing: Framing


@dataclass(frozen=True, slots=True)
class LibraryState:
    """The one row that says which run is the current one.

    Attributes:
        current_run: the run whose labels are shown, or None before the first fit.
        last_run: number of the newest committed run, 0 before the first; never goes back.
        next_cluster: number of the next new cluster id; never goes back.
    """

    current_run: str | None = None
    last_run: int = 0
    next_cluster: int = 1


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
class MigrationProgress:
    """How far the photos of a library are embedded for another model.

    Attributes:
        model: the name of the other model.
        embedded: photos that have a vector of it.
        photos: photos in all.
    """

    model: str
    embedded: int
    photos: int


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a library.

    Attributes:
        library: its directory.
        model: the model id, or None before the first photo.
        photos: distinct photos.
        files: files known, readable or not.
        pending: files still being written.
        problems: files that could not be read, or only in part.
        missing: files that were not found by the last scan.
        noise: photos the current run left unclustered.
        run: the current run, or None.
        arrivals_since_run: photos that came after the current run's fit.
        arrivals_noise: of these, those without a cluster.
        newcomers: of those, the ones held back as unlike all that the run knows.
        drift: how unusual the newest arrivals are.
        gathered: newcomers that have gathered into what may become a cluster, 0 where none have.
        clusters: clusters of the current run as they are now, which its owner's edits may have made more or fewer than
            its fit found.
        daily_backup_ns: when the newest of the daily backups was written, or None; a day on which nothing was said adds
            none.
        migration: how far another model is that is being prepared; None where none is, or what prepares it is damaged.
        folders: the folders kept.
        skipped: files and folders left out by the last scan, by kind; kinds without any are left out.
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
    skipped: Mapping[SkipKind, int]
    bytes_on_disk: int
    daemon: DaemonStatus = DaemonStatus()
    drift: Drift = Drift()  # noqa: RUF009 -- frozen
    gathered: int = 0
    clusters: int = 0
    daily_backup_ns: int | None = None
    migration: MigrationProgress | None = None

    @property
    def skipped_dot_files(self) -> int:
        """How many dot-files and dot-folders the last scan left out."""
        return self.skipped.get("hidden", 0)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a library holds after a scan; each number is a part of another one, and they add up.

    Attributes:
        photos: distinct photos: those in clusters, those in none, and those that have no label yet.
        unlabelled: photos that have no label yet; all of them before the first fit.
        copies: files beyond the first of each photo.
        problems: files that could not be read.
        missing_photos: how many more photos the first fit needs; 0 where there was one, or there are enough.
        clusters: the clusters of the current run, and how many photos are in them and in none.
        events: events that its photos are of.
        trips: trips that they are of.
        towns: towns that they were taken in.
    """

    photos: int
    unlabelled: int
    copies: int
    problems: int
    missing_photos: int
    clusters: ClusterList
    events: int = 0
    trips: int = 0
    towns: int = 0


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model, and whether it can be used on this computer now.

    Attributes:
        name: the name to give to `--model`.
        usable: whether it loads without a network.
        dim: width of its vectors, or None where that is not known before loading.
        size_bytes: its weights on disk, or None where there are none.
        note: what it is, or why it cannot be used.
        in_use: whether the library's vectors come from it.
        good_for: what it is meant for, where that is not everything; else empty.
        not_good_for: what it is no use for, likewise.
    """

    name: str
    usable: bool
    dim: int | None
    size_bytes: int | None
    note: str
    in_use: bool = False
    good_for: str = ""
    not_good_for: str = ""
