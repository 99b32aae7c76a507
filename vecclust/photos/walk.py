"""Look through a folder: every photo in it, in a fixed order, and how far the look can be believed; and at one file.

Only reads, and only names and `stat`. A directory that cannot be listed is named in the answer: its photos
are unseen, not absent. What is left out is counted by kind, and listed where that is asked for. A link to a regular
file in the root is a photo like any other (its content decides, and a double costs nothing); one to a file outside
of it only where the rules say so; a link to a directory is not followed, so there are no loops. Other mounts inside
the root are entered and named. Names keep their exact bytes (`os.fsdecode`). The root is taken at its word: only what
lies in it is judged. Whether two looks saw the same file is told by their records alone.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from vecclust.photos.ignore import MARKER_NAMES, FileVerdict, IgnoreRules
from vecclust.types.files import SeenFile, SkipKind, SkippedFile, UnreadablePlace

log = logging.getLogger(__name__)

# The entry went away between being listed and being looked at, or its link leads nowhere: not a photo now. Not among
# them: ENODEV and ENXIO (the card was pulled), ESTALE (the server forgot the handle, the file may be there).
GONE_ERRNOS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


# Where Linux names file systems by their UUIDs.
VOLUMES = "/dev/disk/by-uuid"
# What a name leaves open: it is told from a link's target whether anything was left out, and what.
_LEFT_OPEN = frozenset({"photo", "raw", "video", "sidecar", "other"})


@dataclass(frozen=True, slots=True)
class Walk:
    """What one look through a folder saw.

    Attributes:
        root: the absolute path that was walked.
        exists: whether the root is a directory that could be looked at.
        device: `st_dev` of the root, 0 where it does not exist.
        files: the photos, by directory, then by the bytes of their names.
        n_skipped: how many files and directories were left out, by kind; a directory that is not entered counts as one.
        skipped: these, in walking order, where a list was asked for.
        outside_links: relative paths of links to photos outside of the root that are not followed.
        unreadable: places that could not be looked at; while there are any, nothing unseen is absent.
        mounts: relative paths of directories on another device than the one they lie in.
        volumes: UUID of the file system of the root, by an empty path, and of each mount, where the system tells it.
    """

    root: str
    exists: bool
    device: int
    files: tuple[SeenFile, ...] = ()
    n_skipped: Mapping[SkipKind, int] = field(default_factory=dict)
    skipped: tuple[SkippedFile, ...] = ()
    outside_links: frozenset[str] = frozenset()
    unreadable: tuple[UnreadablePlace, ...] = ()
    mounts: tuple[str, ...] = ()
    volumes: Mapping[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether a file that was not seen is not there."""
        return self.exists and not self.unreadable

    @property
    def listed(self) -> bool:
        """Whether the root itself could be looked at, so that only some places in it are unseen."""
        return self.exists and all(place.path for place in self.unreadable)

    def is_unseen(self, path: str) -> bool:
        """Say whether a file lies where nothing could be seen.

        Args:
            path: relative to the root.
        """
        return any(
            not place.path or path == place.path or path.startswith(place.path + os.sep) for place in self.unreadable
        )


@dataclass(slots=True)
class _Notes:
    listing: bool
    n_skipped: Counter[SkipKind] = field(default_factory=Counter)
    skipped: list[SkippedFile] = field(default_factory=list)
    outside_links: set[str] = field(default_factory=set)
    unreadable: list[UnreadablePlace] = field(default_factory=list)
    devices: dict[str, int] = field(default_factory=dict)

    def skip(self, path: str, kind: SkipKind) -> None:
        self.n_skipped[kind] += 1
        if kind == "outside_link":
            self.outside_links.add(path)
        if self.listing:
            self.skipped.append(SkippedFile(path, kind))

    def refuse(self, path: str, error: OSError) -> None:
        # Whoever walks says so, in its own words.
        log.info("cannot look at %r: %s", path or ".", error.strerror)
        self.unreadable.append(UnreadablePlace(path, error.strerror or str(error)))


def walk(
    root: str | os.PathLike[str],
    rules: IgnoreRules | None = None,
    *,
    list_skipped: bool = False,
    found: Callable[[int], object] | None = None,
) -> Walk:
    """Look through a folder.

    Args:
        root: the folder; a relative path is made absolute.
        rules: what counts as a photo; the usual rules where None.
        list_skipped: whether what is left out is listed too, and not only counted.
        found: told how many photos were found so far, now and then.

    Returns:
        What was seen. A root that is missing or no directory is an answer (`exists` is False), not an error.
    """
    top = os.path.abspath(os.fspath(root))
    notes = _Notes(list_skipped)
    try:
        status = os.stat(top)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory")
    except OSError as error:
        notes.refuse("", error)
        return Walk(top, exists=False, device=0, unreadable=tuple(notes.unreadable))
    files = tuple(_counted(_files_under(top, rules or IgnoreRules(), notes, device=status.st_dev), found))
    return Walk(
        top,
        exists=True,
        device=status.st_dev,
        files=files,
        n_skipped=dict(notes.n_skipped),
        skipped=tuple(notes.skipped),
        outside_links=frozenset(notes.outside_links),
        unreadable=tuple(notes.unreadable),
        mounts=tuple(notes.devices),
        volumes=_volumes({"": status.st_dev, **notes.devices}),
    )


def _volumes(devices: Mapping[str, int]) -> dict[str, str]:
    known = {device: volume_of(device) for device in set(devices.values())}
    return {path: known[device] for path, device in devices.items() if known[device]}


def volume_of(device: int) -> str:
    """Give the UUID of the file system on a device.

    It outlives a mount, as the number of the device does not. Linux tells it to everybody, by links that udev makes.

    Args:
        device: `st_dev` of anything on it.

    Returns:
        The UUID as the links have it, empty where the system does not tell: on macOS, on Windows, in many containers,
        of network shares and of file systems that span devices (btrfs, ZFS).
    """
    try:
        names = sorted(os.listdir(VOLUMES))
    except OSError:
        return ""
    for name in names:
        try:
            status = os.stat(os.path.join(VOLUMES, name))
        except OSError:
            continue
        if stat.S_ISBLK(status.st_mode) and status.st_rdev == device:
            return name
    return ""


def _counted(files: Iterator[SeenFile], found: Callable[[int], object] | None) -> Iterator[SeenFile]:
    """Pass files on and tell of them, by the hundred: more often would cost more than the walk."""
    for number, file in enumerate(files, start=1):
        if found is not None and number % 100 == 0:
            found(number)
        yield file


def _files_under(top: str, rules: IgnoreRules, notes: _Notes, *, device: int) -> Iterator[SeenFile]:
    root_name = _name_of(top)
    waiting = [("", device)]
    while waiting:
        directory, above = waiting.pop()
        entries = _entries(top, directory, notes)
        if entries is None:
            continue
        if directory and any(entry.name.lower() in MARKER_NAMES for entry in entries):
            notes.skip(directory, "marked")
            continue
        below: list[tuple[str, int]] = []
        for entry in entries:
            path = os.path.join(directory, entry.name)
            try:
                if not entry.is_dir(follow_symlinks=False):
                    seen = _look_at_entry(entry, path, top=top, rules=rules)
                    if isinstance(seen, SeenFile):
                        yield seen
                    else:
                        notes.skip(path, seen)
                    continue
                verdict = rules.judge_directory(path, root_name=root_name)
                if verdict == "enter":
                    own = entry.stat(follow_symlinks=False).st_dev
                    if own != above:
                        notes.devices[path] = own
                    below.append((path, own))
                else:
                    notes.skip(path, verdict)
            except OSError as error:
                if error.errno not in GONE_ERRNOS:
                    notes.refuse(path, error)
        waiting.extend(reversed(below))


def _look_at_entry(entry: os.DirEntry[str], path: str, *, top: str, rules: IgnoreRules) -> SeenFile | SkipKind:
    """Look at what is no directory: give its record, or why it is left out."""
    verdict = rules.judge_file(path)
    if entry.is_symlink():
        verdict = _judge_link(verdict, root=top, path=path, rules=rules)
    if verdict != "photo":
        return verdict
    status = entry.stat()
    # A pipe or a device called `x.jpg` would block or never end.
    return seen_from(status, root=top, path=path) if stat.S_ISREG(status.st_mode) else "special"


def _judge_link(verdict: FileVerdict, *, root: str, path: str, rules: IgnoreRules) -> FileVerdict:
    """Judge a link whose name was judged already by what it leads to."""
    if verdict not in _LEFT_OPEN:
        return verdict
    absolute = os.path.join(root, path)
    try:
        status = os.stat(absolute)
    except OSError as error:
        if error.errno in GONE_ERRNOS:
            return "broken_link"
        if verdict == "photo":
            raise
        return verdict
    if stat.S_ISDIR(status.st_mode):
        return "linked_folder"
    if verdict != "photo" or rules.follow_links:
        return verdict
    real_root = os.path.realpath(root).rstrip(os.sep) + os.sep
    return "photo" if os.path.realpath(absolute).startswith(real_root) else "outside_link"


def _name_of(root: str) -> str:
    """Give a root's own name, whatever link led to it."""
    return os.path.basename(os.path.realpath(root))


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
        a link that is not followed, no regular file, or not there.
    """
    if rules.judge_path(path, root_name=_name_of(root)) != "photo":
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
        absolute = os.path.join(root, path)
        if os.path.islink(absolute) and _judge_link("photo", root=root, path=path, rules=rules) != "photo":
            return None
        status = os.stat(absolute)
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
