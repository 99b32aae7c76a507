"""Compare what a walk saw with the rows of `files`, and decide what to read and what is gone. Pure: no disk, no store.

A file is unchanged while size, mtime and ctime are what they were when it was read. The ctime catches a copy that
sets an old mtime; the inode is left out, because exFAT and many network mounts hand out new ones at every mount,
and reading a whole drive again for that would be a poor welcome.

Absence of success is not absence of the file. A row goes only after its file was missing in two complete scans of a
healthy folder, a day apart. A folder that vanished, became empty, changed its device, lost a device mounted in it,
could not be read whole or lost most of its files at once pauses all removal and says so; nothing is marked, nothing is
removed, nothing will be embedded again when it is back.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vecclust.photos import Walk
from vecclust.types.files import FileRow, Root, SeenFile

# Pauses after a failed attempt: a file still being copied is soon finished, a broken one is asked about ever less
# often (5 s, 30 s, 2 min, 10 min, 1 h, 6 h); after the last rung only a change or `problems --retry` tries again.
RETRY_LADDER_S = (5, 30, 120, 600, 3600, 21_600)
# Below this many files a person may well delete most of a folder by hand, so a share says nothing.
FEW_FILES = 10


@dataclass(frozen=True, slots=True)
class ReadJob:
    """One file to read.

    Attributes:
        seen: the file as it was seen.
        before: the row it had before, if any.
        looked: whether an earlier look saw it as it is now.
    """

    seen: SeenFile
    before: FileRow | None
    looked: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What one folder asks for.

    Attributes:
        jobs: files to read, in walking order.
        unchanged: rows whose files are as they were.
        held: rows of unreadable files whose next try is not due.
        back: rows that were missing and whose unchanged files are there again.
        absent: rows whose files were not seen.
    """

    jobs: tuple[ReadJob, ...]
    unchanged: int
    held: tuple[FileRow, ...]
    back: tuple[FileRow, ...]
    absent: tuple[FileRow, ...]


def make_plan(seen: Iterable[SeenFile], rows: Mapping[str, FileRow], *, now_ns: int, retry_all: bool = False) -> Plan:
    """Compare one folder's files with its rows.

    Args:
        seen: the files of a walk.
        rows: the folder's rows by relative path.
        now_ns: the time now.
        retry_all: read unreadable files again although their next try is not due.

    Returns:
        The plan.
    """
    jobs: list[ReadJob] = []
    held: list[FileRow] = []
    back: list[FileRow] = []
    unchanged = 0
    missed = dict(rows)
    for file in seen:
        row = missed.pop(file.path, None)
        if row is None or not row.holds(file) or row.state == "waiting":
            jobs.append(ReadJob(file, row, looked=row is not None and row.state == "waiting" and row.holds(file)))
        elif row.state == "problem":
            if retry_all or 0 < row.next_try_ns <= now_ns:
                jobs.append(ReadJob(file, row))
            else:
                held.append(row)
        else:
            unchanged += 1
            if row.missing_since_ns:
                back.append(row)
    return Plan(tuple(jobs), unchanged, tuple(held), tuple(back), tuple(missed.values()))


def next_try_ns(attempts: int, *, now_ns: int, forever: bool) -> int:
    """Give the time of the next attempt.

    Args:
        attempts: failed attempts so far, at least 1.
        now_ns: the time now.
        forever: whether the environment is at fault, so that the last pause repeats without end.

    Returns:
        Nanoseconds since the epoch, or 0 for no further attempt until the file changes.
    """
    rung = min(attempts, len(RETRY_LADDER_S) if forever else attempts) - 1
    if rung >= len(RETRY_LADDER_S):
        return 0
    return now_ns + RETRY_LADDER_S[rung] * 1_000_000_000


def file_row(seen: SeenFile, *, photo: str | None) -> FileRow:
    """Give the row of a file as it was seen now.

    Args:
        seen: the file.
        photo: what it holds, as far as that is known.
    """
    return FileRow(seen.root, seen.path, seen.size_bytes, seen.mtime_ns, seen.ctime_ns, seen.inode, photo)


def reason_to_pause(seen: Walk, *, root: Root, n_known: int, absent: Sequence[FileRow], lost_share: float) -> str:
    """Say why nothing of a folder may be marked missing.

    Args:
        seen: what a walk through it saw.
        root: the folder as the last complete scan left it.
        n_known: rows of the folder.
        absent: rows whose files were not seen.
        lost_share: share of the files above which a loss at once is not believed, in (0, 1].

    Returns:
        The reason, or an empty string where absences are to be believed.
    """
    if not seen.exists:
        return "the folder is not there or cannot be read"
    if not seen.complete:
        return "a part of the folder cannot be read"
    if not absent:
        return ""
    if root.device and seen.device != root.device:
        return "the folder is on another device than before (a drive that is not mounted?)"
    if not seen.files:
        return "the folder is empty (a drive that is not mounted?)"
    for mount in sorted(set(root.mounts) - set(seen.mounts)):
        if any(row.path.startswith(mount + os.sep) for row in absent):
            return f"{mount!r} in it is no longer on a device of its own (a drive that is not mounted?)"
    newly = sum(1 for row in absent if not row.missing_since_ns)
    if n_known >= FEW_FILES and newly > lost_share * n_known:
        return f"{newly} of {n_known} files are gone at once"
    return ""


@dataclass(frozen=True, slots=True)
class Absences:
    """What to do about absent files.

    Attributes:
        mark: rows to write: missing from now on.
        remove: rows to remove.
        keep: rows that are marked already and stay.
    """

    mark: tuple[FileRow, ...]
    remove: tuple[FileRow, ...]
    keep: tuple[FileRow, ...]


def judge(absent: Sequence[FileRow], *, now_ns: int, remove_after_s: float, prune: bool) -> Absences:
    """Sort absent rows of a healthy folder.

    Args:
        absent: rows whose files were not seen.
        now_ns: the time now.
        remove_after_s: how long a row must have been missing before a second miss removes it.
        prune: remove all of them now.

    Returns:
        The rows to mark, to remove and to keep as they are.
    """
    mark: list[FileRow] = []
    remove: list[FileRow] = []
    keep: list[FileRow] = []
    for row in absent:
        if prune or (row.missing_since_ns and now_ns - row.missing_since_ns >= remove_after_s * 1e9):
            remove.append(row)
        elif row.missing_since_ns:
            keep.append(row)
        else:
            mark.append(dataclasses.replace(row, missing_since_ns=now_ns))
    return Absences(tuple(mark), tuple(remove), tuple(keep))
