"""Look through a folder: every photo in it, in a fixed order, and how far the look can be believed; and at one file.

Only reads, and only names and `stat`. A directory that cannot be listed is named in the answer: its photos
are unseen, not absent. A link to a regular file is a photo like any other (its content decides, and a
double costs nothing); a link to a directory is not followed, so there are no loops. Other mounts inside the
root are entered and named. Names keep their exact bytes (`os.fsdecode`). The root is taken at its word:
only what lies in it is judged. Whether two looks saw the same file is told by their records alone.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from vecclust.photos.ignore import MARKER_NAMES, IgnoreRules
from vecclust.types.files import SeenFile

log = logging.getLogger(__name__)

# The entry went away between being listed and being looked at, or its link leads nowhere: not a photo now. Not among
# them: ENODEV and ENXIO (the card was pulled), ESTALE (the server forgot the handle, the file may be there).
GONE_ERRNOS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


@dataclass(frozen=True, slots=True)
class UnreadablePlace:
    """A directory or file that the system would not show.

    Attributes:
        path: path relative to the root; empty for the root itself.
        reason: the system's own words.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Walk:
    """What one look through a folder saw.

    Attributes:
        root: the absolute path that was walked.
        exists: whether the root is a directory that could be looked at.
        device: `st_dev` of the root, 0 where it does not exist.
        files: the photos, by directory, then by the bytes of their names.
        hidden: relative paths of dot-files and dot-directories that were skipped.
        unreadable: places that could not be looked at; while there are any, nothing unseen is absent.
        mounts: relative paths of directories on another device.
    """

    root: str
    exists: bool
    device: int
    files: tuple[SeenFile, ...] = ()
    hidden: tuple[str, ...] = ()
    unreadable: tuple[UnreadablePlace, ...] = ()
    mounts: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether a file that was not seen is not there."""
        return self.exists and not self.unreadable

    @property
    def n_skipped(self) -> int:
        """How many dot-files and dot-directories were skipped."""
        return len(self.hidden)


@dataclass(slots=True)
class _Notes:
    hidden: list[str] = field(default_factory=list)
    unreadable: list[UnreadablePlace] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)

    def refuse(self, path: str, error: OSError) -> None:
        log.warning("cannot look at %r: %s", path or ".", error.strerror)
        self.unreadable.append(UnreadablePlace(path, error.strerror or str(error)))


def walk(root: str | os.PathLike[str], rules: IgnoreRules | None = None) -> Walk:
    """Look through a folder.

    Args:
        root: the folder; a relative path is made absolute.
        rules: what counts as a photo; the usual rules where None.

    Returns:
        What was seen. A root that is missing or no directory is an answer (`exists` is False), not an error.
    """
    top = os.path.abspath(os.fspath(root))
    notes = _Notes()
    try:
        status = os.stat(top)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory")
    except OSError as error:
        notes.refuse("", error)
        return Walk(top, exists=False, device=0, unreadable=tuple(notes.unreadable))
    files = tuple(_files_under(top, rules or IgnoreRules(), notes, device=status.st_dev))
    hidden, unreadable, mounts = tuple(notes.hidden), tuple(notes.unreadable), tuple(notes.mounts)
    return Walk(top, True, status.st_dev, files, hidden, unreadable, mounts)


def _files_under(top: str, rules: IgnoreRules, notes: _Notes, *, device: int) -> Iterator[SeenFile]:
    waiting = [""]
    while waiting:
        directory = waiting.pop()
        entries = _entries(top, directory, notes)
        if entries is None or (directory and any(e.name.lower() in MARKER_NAMES for e in entries)):
            continue
        below: list[str] = []
        for entry in entries:
            path = os.path.join(directory, entry.name)
            try:
                is_directory = entry.is_dir(follow_symlinks=False)
                verdict = rules.judge_directory(path) if is_directory else rules.judge_file(path)
                if verdict == "hidden":
                    notes.hidden.append(path)
                elif verdict == "photo":
                    status = entry.stat()
                    # A pipe or a device called `x.jpg` would block or never end.
                    if stat.S_ISREG(status.st_mode):
                        yield seen_from(status, root=top, path=path)
                elif verdict == "other" and is_directory:
                    if entry.stat(follow_symlinks=False).st_dev != device:
                        notes.mounts.append(path)
                    below.append(path)
            except OSError as error:
                if error.errno not in GONE_ERRNOS:
                    notes.refuse(path, error)
        waiting.extend(reversed(below))


def _entries(top: str, directory: str, notes: _Notes) -> list[os.DirEntry[str]] | None:
    try:
        with os.scandir(os.path.join(top, directory)) as listing:
            return sorted(listing, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        # A sub-directory that went away meanwhile is absent; the root that went away is not to be believed.
        if directory and error.errno in GONE_ERRNOS:
            return None
        notes.refuse(directory, error)
        return None


def seen_from(status: os.stat_result, *, root: str, path: str) -> SeenFile:
    """Make the record of a file from what `stat` said.

    Args:
        status: the answer of `stat`, links followed.
        root: absolute path of the folder.
        path: path relative to it.

    Returns:
        The record.
    """
    return SeenFile(
        root=root,
        path=path,
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
        device=status.st_dev,
    )


def look_below(root: str, path: str, rules: IgnoreRules) -> SeenFile | None:
    """Look at one file below a folder as a walk of that folder would.

    Args:
        root: absolute path of the folder.
        path: path of the file relative to it.
        rules: what counts as a photo.

    Returns:
        The record; None for what a walk would not give: no photo by its name, inside a linked or marked directory,
        no regular file, or not there.
    """
    if rules.judge_path(path) != "photo":
        return None
    try:
        above = os.path.dirname(path)
        while above:
            directory = os.path.join(root, above)
            if not stat.S_ISDIR(os.lstat(directory).st_mode):
                return None
            if any(os.path.lexists(os.path.join(directory, marker)) for marker in MARKER_NAMES):
                return None
            above = os.path.dirname(above)
        status = os.stat(os.path.join(root, path))
    except OSError as error:
        if error.errno not in GONE_ERRNOS:
            log.warning("cannot look at %r: %s", path, error.strerror)
        return None
    return seen_from(status, root=root, path=path) if stat.S_ISREG(status.st_mode) else None


def look_at(path: str | os.PathLike[str]) -> SeenFile:
    """Look at one file, whatever its name.

    Args:
        path: the file; its folder becomes the record's root.

    Returns:
        The record.

    Raises:
        OSError: the file cannot be looked at.
    """
    root, name = os.path.split(os.path.abspath(os.fspath(path)))
    return seen_from(os.stat(os.path.join(root, name)), root=root, path=name)


def is_quiet(seen: SeenFile, *, now_ns: int, settle_s: float) -> bool:
    """Say whether nothing touched a file for a while.

    Args:
        seen: the file.
        now_ns: the time, nanoseconds since the epoch.
        settle_s: how long it must have been left alone, seconds.

    Returns:
        Whether both mtime and ctime are that long ago. A time in the future (a camera with a wrong clock, a
        share whose server is ahead) cannot tell and is left out; with both in the future the file counts as
        quiet, and the second look decides.
    """
    past = [time_ns for time_ns in (seen.mtime_ns, seen.ctime_ns) if time_ns <= now_ns]
    return not past or now_ns - max(past) >= settle_s * 1e9


def tells_time(seen: SeenFile, *, now_ns: int) -> bool:
    """Say whether a file's times can tell how long it has been quiet: not both of them lie in the future.

    Args:
        seen: the file.
        now_ns: the time, nanoseconds since the epoch.
    """
    return min(seen.mtime_ns, seen.ctime_ns) <= now_ns


def is_same(before: SeenFile, after: SeenFile) -> bool:
    """Say whether two looks at a path saw the same file, unchanged.

    ctime is left out: a rename, a new link or a changed permission moves it while the content stays.

    Args:
        before: the earlier look.
        after: the later one.
    """
    return (before.inode, before.size_bytes, before.mtime_ns) == (after.inode, after.size_bytes, after.mtime_ns)
