"""Compare what a walk saw with the rows of `files`, and decide what to read. Pure: no disk, no store.

A file is unchanged while size, mtime and ctime are what they were when it was read. The ctime catches a copy that
sets an old mtime; the inode is left out, because exFAT and many network mounts hand out new ones at every mount,
and reading a whole drive again for that would be a poor welcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vecclust.types.files import FileRow, SeenFile

# Pauses after a failed attempt: a file still being copied is soon finished, a broken one is asked about ever less
# often (5 s, 30 s, 2 min, 10 min, 1 h, 6 h); after the last rung only a change or `problems --retry` tries again.
RETRY_LADDER_S = (5, 30, 120, 600, 3600, 21_600)


@dataclass(frozen=True, slots=True)
class Job:
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

    jobs: tuple[Job, ...]
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
    jobs: list[Job] = []
    held: list[FileRow] = []
    back: list[FileRow] = []
    unchanged = 0
    missed = dict(rows)
    for file in seen:
        row = missed.pop(file.path, None)
        if row is None or not row.holds(file) or row.state == "waiting":
            jobs.append(Job(file, row, looked=row is not None and row.state == "waiting" and row.holds(file)))
        elif row.state == "problem":
            if retry_all or 0 < row.next_try_ns <= now_ns:
                jobs.append(Job(file, row))
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
    return FileRow(
        root=seen.root,
        path=seen.path,
        size_bytes=seen.size_bytes,
        mtime_ns=seen.mtime_ns,
        ctime_ns=seen.ctime_ns,
        inode=seen.inode,
        photo=photo,
    )
