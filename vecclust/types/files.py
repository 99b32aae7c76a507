"""A file: as a walk saw it, its row, the folder it lies in, and what a scan did with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

FileState = Literal["ready", "waiting", "problem"]


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

    def holds(self, file: SeenFile) -> bool:
        """Tell whether a file is as it was when this row was written.

        Args:
            file: the file as it was seen now.
        """
        return (file.size_bytes, file.mtime_ns, file.ctime_ns) == (self.size_bytes, self.mtime_ns, self.ctime_ns)


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
