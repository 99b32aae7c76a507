"""Compare what a walk saw with the rows of `files`, and decide what to read and what is gone. Pure: no disk, no store.

A file is unchanged while size, mtime and ctime are what they were when it was read. The ctime catches a copy that
sets an old mtime; the inode is left out, because exFAT and many network mounts hand out new ones at every mount,
and reading a whole drive again for that would be a poor welcome.

Absence of success is not absence of the file. A row goes only after its file was missing in two complete scans of a
healthy folder, a day apart. A folder that vanished, could not be read whole, or is not the one it was (`drives`) pauses
all removal and says so; nothing is marked, nothing is removed, nothing will be embedded again when it is back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from vecclust.photos import Walk
from vecclust.types.files import FileRow, SeenFile, place_of

# Pauses after a failed attempt: a file still being copied is soon finished, a broken one is asked about ever less
# often (5 s, 30 s, 2 min, 10 min, 1 h, 6 h); after the last rung only a change or `problems --retry` tries again.
RETRY_LADDER_S = (5, 30, 120, 600, 3600, 21_600)
# So many places that cannot be read are named in one sentence.
FEW_PLACES = 3


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


def make_plan(
    seen: Iterable[SeenFile],
    rows: Mapping[str, FileRow],
    *,
    now_ns: int,
    whole: Container[str],
    retry_all: bool = False,
) -> Plan:
    """Compare one folder's files with its rows.

    Args:
        seen: the files of a walk.
        rows: the folder's rows by relative path.
        now_ns: the time now.
        whole: the photos of which the library has everything; a file whose photo is none of them is read again.
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
            if retry_all or wait_of(row, now_ns=now_ns) == 0:
                jobs.append(ReadJob(file, row))
            else:
                held.append(row)
        elif row.photo is not None and row.photo not in whole:
            # Damage to the library: it knows the file and has lost what was made of it.
            jobs.append(ReadJob(file, row))
        else:
            unchanged += 1
            if row.missing_since_ns:
                back.append(row)
    return Plan(tuple(jobs), unchanged, tuple(held), tuple(back), tuple(missed.values()))


def hold(plan: Plan, strange: Collection[str], places: Collection[str]) -> tuple[Plan, dict[str, int]]:
    """Leave what is new or changed in strange places out of a plan.

    Args:
        plan: of one folder.
        strange: places whose files are not to be taken in.
        places: all places of the folder.

    Returns:
        The plan, and how many files it left out of each strange place.
    """
    if not strange:
        return plan, {}
    held = dict.fromkeys(strange, 0)
    jobs = []
    for job in plan.jobs:
        place = place_of(job.seen.path, places)
        if place in held:
            held[place] += 1
        else:
            jobs.append(job)
    return dataclasses.replace(plan, jobs=tuple(jobs)), held


def next_try_ns(attempts: int, *, now_ns: int, forever: bool) -> int:
    """Give the time of the next attempt.

    Args:
        attempts: failed attempts so far, at least 1.
        now_ns: the time now.
        forever: whether the environment is at fault, so that the last pause repeats without end.

    Returns:
        Nanoseconds since the epoch, or 0 for no further attempt until the file changes.
    """
    if attempts > len(RETRY_LADDER_S) and not forever:
        return 0
    return now_ns + _pause_ns(attempts)


def wait_of(row: FileRow, *, now_ns: int) -> int | None:
    """Say how long a file that could not be read is left alone yet.

    Args:
        row: the file's row.
        now_ns: the time now.

    Returns:
        Nanoseconds, 0 for not at all; None where it waits for a change. A next try that lies further ahead than its
        pause is long was set by a clock that was wrong, and is due.
    """
    if not row.next_try_ns:
        return None
    ahead_ns = row.next_try_ns - now_ns
    return ahead_ns if 0 < ahead_ns <= _pause_ns(row.attempts) else 0


def _pause_ns(attempts: int) -> int:
    return RETRY_LADDER_S[min(max(attempts, 1), len(RETRY_LADDER_S)) - 1] * 1_000_000_000


def file_row(seen: SeenFile, *, photo: str | None) -> FileRow:
    """Give the row of a file as it was seen now.

    Args:
        seen: the file.
        photo: what it holds, as far as that is known.
    """
    times = (seen.mtime_ns, seen.ctime_ns)
    return FileRow(seen.root, seen.path, seen.size_bytes, *times, seen.inode, photo, drive=seen.drive)


def unseen_at_all(seen: Walk) -> str:
    """Say why nothing can be told of a folder, or of a part of it.

    Args:
        seen: what a walk through it saw.

    Returns:
        The reason, or an empty string where all of it was seen.
    """
    if not seen.exists:
        return "the folder is not there or cannot be read"
    if not seen.listed:
        return f"the folder cannot be read ({seen.unreadable[-1].reason})"
    return "" if seen.complete else unseen_reason(seen)


def unseen_reason(seen: Walk) -> str:
    """Name the places in a folder that could not be looked at, the first few, each with the system's reason.

    Args:
        seen: what a walk saw, with such places.
    """
    named = [f"{place.path!r} ({place.reason})" for place in seen.unreadable[:FEW_PLACES]]
    n_more = len(seen.unreadable) - len(named)
    return "a part of the folder cannot be read: " + ", ".join(named) + (f" and {n_more} more" if n_more else "")


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
