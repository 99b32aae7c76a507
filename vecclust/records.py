"""The records that travel between rooms: frozen, slotted, without behaviour beyond what their fields say.

Paths are `str` as `os.fsdecode` gives them (bytes that are not UTF-8 travel as surrogate escapes); the store
keeps their bytes. A photo is named by the SHA-256 of its file's bytes in lower-case hex. Times of files and rows
are integers in nanoseconds since the epoch; the time a photo was taken is a datetime, naive where its zone is unknown.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AssignedBy = Literal["fit", "predict", "nearest", "owner"]
Verb = Literal["move", "pin", "unpin", "merge", "not-together", "split-off", "rename", "take-back"]
FileState = Literal["ready", "waiting", "problem"]
TakenSource = Literal["original", "digitized", "xmp", "gps", "name", "datetime", "mtime"]
ResizeMode = Literal["shortest", "longest", "squash"]
Interpolation = Literal["bicubic", "bilinear", "nearest"]
# A fit lays out from nothing, settles the layout of the run before, or settles there only what came since.
RefitKind = Literal["full", "continued", "light"]

# The figures of a run that say how many fits since the last one from nothing it is the last of, and how many light ones
# in a row.
N_CONTINUED, N_LIGHT = "n_continued", "n_light"


def kind_of(figures: Mapping[str, Any]) -> RefitKind:
    """Say by the figures of a fit what kind it was; the oldest name none, for there was but one."""
    if figures.get(N_LIGHT):
        return "light"
    return "continued" if figures.get(N_CONTINUED) else "full"


@dataclass(frozen=True, slots=True)
class SeenFile:
    """One file as a walk saw it: where it is and what `stat` said.

    Attributes:
        root: absolute path of the folder that is kept in the library.
        path: path relative to `root`, with the system's separator.
        size_bytes: `st_size`.
        mtime_ns: `st_mtime_ns`.
        ctime_ns: `st_ctime_ns`; a write that sets an old mtime still moves it.
        inode: `st_ino`.
        device: `st_dev`.
    """

    root: str
    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    @property
    def absolute(self) -> str:
        """The absolute path."""
        return os.path.join(self.root, self.path)


@dataclass(frozen=True, slots=True)
class Taken:
    """When a photo was taken and where that was read.

    Attributes:
        when: aware where the file names an offset or UTC, naive (local time of an unknown zone) where it does not.
        source: which of the known places gave it; `mtime` is a last resort.
    """

    when: datetime
    source: TakenSource


@dataclass(frozen=True, slots=True)
class Place:
    """Where a photo was taken, in degrees; latitude in [-90, 90], longitude in [-180, 180]."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Framing:
    """How a model wants its pictures cut: open_clip's own preprocessing, as plain values for the decoding processes.

    Attributes:
        width_px: width of the model's input.
        height_px: height of the model's input.
        resize_mode: `shortest` side to size and centre crop, `longest` side to size and pad, or `squash`.
        interpolation: the filter.
        fill: grey level of the padding of `longest`, 0 to 255.
    """

    width_px: int
    height_px: int
    resize_mode: ResizeMode = "shortest"
    interpolation: Interpolation = "bicubic"
    fill: int = 0


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """A photo read, hashed and decoded from the same bytes.

    Attributes:
        photo: SHA-256 of the file's bytes, hex.
        frame: (height_px, width_px, 3) uint8 upright RGB, cut as the `Framing` asks.
        width_px: width of the upright picture.
        height_px: height of the upright picture.
        thumbnail: a small JPEG without metadata.
        taken: time taken, or None where nothing tells it.
        place: place taken, or None.
    """

    photo: str
    frame: NDArray[np.uint8]
    width_px: int
    height_px: int
    thumbnail: bytes
    taken: Taken | None
    place: Place | None


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """One row of the table `photos`: a distinct picture content and its vector.

    Attributes:
        photo: content hash, the key.
        vector: (d,) float32 of norm 1.
        width_px: width of the upright picture.
        height_px: height of the upright picture.
        size_bytes: length of the file.
        taken: time taken, or None.
        place: place taken, or None.
        added_ns: when the row was made.
        thumbnail: a small JPEG, or empty where it was not asked for.
    """

    photo: str
    vector: NDArray[np.float32]
    width_px: int
    height_px: int
    size_bytes: int
    taken: Taken | None
    place: Place | None
    added_ns: int
    thumbnail: bytes = b""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row of the table `files`: a path and what is known of it.

    Attributes:
        root: absolute path of the kept folder.
        path: path relative to `root`.
        size_bytes: size when last read.
        mtime_ns: mtime when last read.
        ctime_ns: ctime when last read.
        inode: inode when last read.
        photo: content hash, or None while the file was never decoded.
        state: `ready` (its photo has a row), `waiting` (still being written) or `problem`.
        attempts: failed attempts in a row.
        next_try_ns: when to try again, 0 for when it changes or on request.
        reason: why it is not ready, or empty.
        missing_since_ns: first complete scan that did not find it, 0 while it is there.
    """

    root: str
    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    photo: str | None = None
    state: FileState = "ready"
    attempts: int = 0
    next_try_ns: int = 0
    reason: str = ""
    missing_since_ns: int = 0

    @property
    def absolute(self) -> str:
        """The absolute path."""
        return os.path.join(self.root, self.path)


@dataclass(frozen=True, slots=True)
class Label:
    """What a run says of one photo.

    Attributes:
        photo: content hash.
        cluster: the stable cluster id, or None for noise.
        strength: membership strength in [0, 1]; 0 for noise.
        assigned_by: `fit`, `predict`, `nearest` (the fit left it without a cluster, and was asked to) or `owner`.
        novelty: of an arrival, the share in [0, 1] of the run's own photos that are less unlike the others than it is;
            None for photos that were fitted and where it was not kept.
        newcomer: whether it is an arrival that was held back as unlike all that the run knows, rather than one that
            fell between clusters.
    """

    photo: str
    cluster: str | None
    strength: float
    assigned_by: AssignedBy
    novelty: float | None = None
    newcomer: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One fit and its figures.

    Attributes:
        run: its id, `r1`, `r2`, ...; never reused.
        created_ns: when it was committed.
        model: model id of the vectors it was fitted on.
        params: the parameters, automatic ones resolved.
        n_photos: photos fitted.
        n_clusters: clusters found.
        n_noise: photos left unclustered by the fit.
        figures: honest quality figures by name.
        seconds: seconds per stage.
        parent: the run that was current before it, or None.
        reason: why it ran.
        changes: what it did to identity (kept, born, split, merged, gone, revived, labels_changed).
    """

    run: str
    created_ns: int
    model: str
    params: Mapping[str, Any]
    n_photos: int
    n_clusters: int
    n_noise: int
    figures: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    parent: str | None = None
    reason: str = ""
    changes: Mapping[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> RefitKind:
        """What kind of fit it was."""
        return kind_of(self.figures)


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """One cluster of one run.

    Attributes:
        run: the run.
        cluster: the stable id, `c1`, `c2`, ...; its number is never reused.
        size: photos the fit put into it.
        medoid: content hash of its most central photo.
        strength: mean membership strength of its photos.
        event: what this run did to it: born, kept, grew, split, merged or revived.
        sources: the earlier ids it came from.
    """

    run: str
    cluster: str
    size: int
    medoid: str
    strength: float
    event: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterName:
    """The name of a cluster and who gave it; it outlives runs."""

    cluster: str
    name: str
    named_by: Literal["owner", "auto"]
    named_ns: int


@dataclass(frozen=True, slots=True)
class Word:
    """One row of what the owner said of clusters: a log that is only ever added to; `owner` tells what is in force.

    Attributes:
        number: of the saying; all its rows share it.
        verb: what was said.
        photo: the photo it is about; None where it is about clusters alone.
        cluster: the cluster; None for photos that are to be in none.
        other: the other cluster: what was merged in, is not together with it, was split; or the word taken back.
        name: the name given, or empty.
        run: the run that was current, or None.
        said_ns: when.
    """

    number: int
    verb: Verb
    photo: str | None = None
    cluster: str | None = None
    other: str | None = None
    name: str = ""
    run: str | None = None
    said_ns: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """One photo of an answer.

    Attributes:
        photo: content hash.
        path: absolute path of a file that holds it.
        score: cosine similarity in [-1, 1].
        cluster: its cluster in the current run, or None.
        cluster_name: that cluster's name, or None.
    """

    photo: str
    path: str
    score: float
    cluster: str | None = None
    cluster_name: str | None = None


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that is kept in the library.

    Attributes:
        path: its absolute path.
        device: `st_dev` at the last complete scan, 0 before the first.
        last_scan_ns: when the last complete scan ended, 0 before the first.
        paused: why nothing of it is removed at present, or empty.
        n_skipped: dot-files the last scan left out.
        mounts: directories in it, as relative paths, that were on another device at the last complete scan.
    """

    path: str
    device: int = 0
    last_scan_ns: int = 0
    paused: str = ""
    n_skipped: int = 0
    mounts: tuple[str, ...] = ()


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
