"""A file: as a walk saw it, its row, the folder it lies in, and what a scan did with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

FileState = Literal["ready", "damaged", "waiting", "problem"]

# Why a look through a folder left something out. By its ending: `raw`, `video`, `sidecar`, `other`. By its name:
# `hidden` (a dot-file or dot-folder), `unfinished` (still being copied), `system`, `program_folder` (of another
# program), `asked` (`photos.ignore`), `marked` (a folder with `.nomedia`). By what it is: `linked_folder`,
# `outside_link` (to a file outside of the folder), `broken_link`, `special` (a pipe, socket or device). A folder that
# is not entered counts as one.
SkipKind = Literal[
    "raw", "video", "sidecar", "other", "hidden", "unfinished", "system", "program_folder", "asked", "marked",
    "linked_folder", "outside_link", "broken_link", "special",
]  # fmt: skip
SKIP_KINDS: tuple[SkipKind, ...] = get_args(SkipKind)


def add_skipped(counts: Iterable[Mapping[SkipKind, int]]) -> dict[SkipKind, int]:
    """Add up what was left out of several folders, in the order of the kinds; those without any are left out.

    Args:
        counts: of each folder.
    """
    total: Counter[SkipKind] = Counter()
    for one in counts:
        total.update(one)
    return {kind: total[kind] for kind in SKIP_KINDS if total[kind]}


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file or folder that a look through a folder left out.

    Attributes:
        path: relative to the folder in a walk, absolute in an answer.
        kind: why.
    """

    path: str
    kind: SkipKind


@dataclass(frozen=True, slots=True)
class UnreadablePlace:
    """A directory or file that the system would not show.

    Attributes:
        path: relative to the folder in a walk, empty for the folder itself; absolute in an answer.
        reason: the system's own words.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class SkippedList:
    """What is left out of the kept folders.

    Attributes:
        skipped: files, and folders that are not entered, folder by folder in walking order.
        unreadable: places that could not be looked at; what is left out there is not known.
    """

    skipped: tuple[SkippedFile, ...]
    unreadable: tuple[UnreadablePlace, ...] = ()


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
        drive: number of the drive that lies there, see `Root.drives`; a walk leaves it 0.
    """

    root: str
    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    drive: int = 0

    @property
    def absolute(self) -> str:
        """The absolute path."""
        return os.path.join(self.root, self.path)


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
        state: `ready` (its photo has a row), `damaged` (likewise, though only a part of it can be shown), `waiting`
            (still being written) or `problem`.
        attempts: failed attempts in a row.
        next_try_ns: when to try again, 0 for when it changes or on request.
        reason: why it is not ready, what is damaged of it, or empty.
        missing_since_ns: first complete scan that did not find it, 0 while it is there. It is set as long as another
            drive lies in the place of the file's own.
        drive: number of the drive that the file lies on, see `Root.drives`.
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
    drive: int = 0

    @property
    def absolute(self) -> str:
        """The absolute path."""
        return os.path.join(self.root, self.path)

    @property
    def has_photo(self) -> bool:
        """Whether its photo was read from it and has a row."""
        return self.state in ("ready", "damaged")

    def holds(self, file: SeenFile) -> bool:
        """Tell whether a file is as it was when this row was written.

        Args:
            file: the file as it was seen now.
        """
        return (file.size_bytes, file.mtime_ns, file.ctime_ns) == (self.size_bytes, self.mtime_ns, self.ctime_ns)


def place_of(path: str, places: Iterable[str]) -> str:
    """Give the innermost place that a file lies in.

    Args:
        path: relative to a kept folder.
        places: relative paths of directories in it; the folder itself, empty, need not be among them.
    """
    return max((place for place in places if path == place or path.startswith(place + os.sep)), key=len, default="")


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that is kept in the library.

    A place is the folder itself, by an empty path, or a directory in it where another device is or was mounted.

    Attributes:
        path: its absolute path.
        device: `st_dev` at the last complete scan, 0 before the first.
        last_scan_ns: when the last complete scan ended, 0 before the first.
        paused: why nothing of it is removed at present, or empty.
        skipped: how many files and folders the last scan left out, by kind; kinds without any are left out.
        mounts: directories in it, as relative paths, that were on another device at the last complete scan.
        volumes: UUID of the file system in each place at the last complete scan, where the system tells it.
        drives: number of the drive that lies in each place, of those that were accepted there; 0 where none is said.
        held: places where another drive lies, or another folder, and how many photos there are not taken in.
    """

    path: str
    device: int = 0
    last_scan_ns: int = 0
    paused: str = ""
    skipped: Mapping[SkipKind, int] = field(default_factory=dict)
    mounts: tuple[str, ...] = ()
    volumes: Mapping[str, str] = field(default_factory=dict)
    drives: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)

    @property
    def places(self) -> frozenset[str]:
        """All of its places."""
        return frozenset(("", *self.mounts, *self.drives, *self.held))

    def drive_of(self, path: str) -> int:
        """Give the number of the drive that lies where a file does.

        Args:
            path: relative to the folder.
        """
        return self.drives.get(place_of(path, self.drives), 0) if self.drives else 0


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
        held: paths that are not taken in, for another drive or folder lies in the place of the one that is known; in a
            look at some files, only those of places that were not held before.
        new_photos: distinct pictures that were not in the library, or None where nothing was read.
        labelled: photos that got a label of the current run in this scan.
        run: the current run, or None.
        fitted: whether it was made by this scan.
        skipped: files, and folders that were not entered, left out by kind; kinds without any are left out.
        dry_run: whether nothing was changed.
        notices: sentences the owner should see.
        mended: what was found damaged in the library, and what was done about it.
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
    held: int = 0
    new_photos: int | None = None
    labelled: int = 0
    run: str | None = None
    fitted: bool = False
    skipped: Mapping[SkipKind, int] = field(default_factory=dict)
    dry_run: bool = False
    notices: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that could not be read, or only in part.

    Attributes:
        path: its absolute path.
        reason: why, or what is damaged.
        attempts: failed attempts in a row.
        next_try_ns: when a scan tries it again, or None for when it changes or on request.
        damaged: whether it is in the library all the same, as far as it can be shown.
    """

    path: str
    reason: str
    attempts: int
    next_try_ns: int | None
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """One folder that is kept in the library.

    Attributes:
        path: its absolute path.
        last_scan_ns: the last complete scan, or None.
        paused: why nothing of it is removed at present, or empty.
        held: photos in it that are not taken in, for another drive or folder lies in its place.
    """

    path: str
    last_scan_ns: int | None
    paused: str = ""
    held: int = 0


@dataclass(frozen=True, slots=True)
class KeptFolder:
    """One folder that is kept, and what of the library lies in it.

    Attributes:
        path: its absolute path.
        present: whether it is there now.
        photos: distinct photos in it.
        files: files known in it, readable or not.
        missing: of these, the ones that the last scan did not find.
        last_scan_ns: the last complete scan, or None.
        paused: why nothing of it is removed at present, or empty.
        held: photos that lie there and are not taken in, for another drive or folder lies in its place.
        away: files known of other drives that were accepted in its place, which are not there now.
    """

    path: str
    present: bool
    photos: int
    files: int
    missing: int
    last_scan_ns: int | None
    paused: str = ""
    held: int = 0
    away: int = 0


@dataclass(frozen=True, slots=True)
class AcceptReport:
    """What accepting another drive in a folder's place comes to.

    Attributes:
        folder: its absolute path.
        files: files that lie there and are taken in by the next scan.
        away: files of the drive that lay there before, which are kept until it is back.
        dry_run: whether nothing was changed.
    """

    folder: str
    files: int
    away: int
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What taking a folder back comes to; no file is touched.

    Attributes:
        folder: its absolute path.
        files: files known in it, which are forgotten.
        photos_removed: photos that lie in no other folder, and go from the library.
        photos_kept: photos that lie in another one too, and stay.
        edits: corrections that name photos which go; they are kept, and hold again if these come back.
        emptied: names that the owner gave to clusters all of whose photos go.
        dry_run: whether nothing was changed.
    """

    folder: str
    files: int
    photos_removed: int
    photos_kept: int
    edits: int
    emptied: tuple[str, ...] = ()
    dry_run: bool = False
