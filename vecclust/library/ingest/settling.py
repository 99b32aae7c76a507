"""Which files may be read now, and which are still being written.

A file is left alone for a while before it is read: longer on a mount that tells nothing of what others write, whose
server may hold back what it has. Times in the future (a server whose clock is ahead) cannot tell quiet from busy;
such a file is read once two looks at it agree.
"""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Callable, Iterable

from vecclust.library.ingest.plan import ReadJob, file_row
from vecclust.photos import is_quiet, is_same, seen_from, tells_time
from vecclust.types.files import FileRow
from vecclust.watching import Way, way_to_watch


class SettleTimes:
    """How long a file must have been left alone, by the mount it lies on.

    Args:
        settle_s: seconds where events are heard.
        polled_s: seconds on mounts that are only scanned.
        way_of: says how a place can be watched.
    """

    def __init__(self, settle_s: float, polled_s: float, *, way_of: Callable[[str], Way] = way_to_watch) -> None:
        self._settle_s = settle_s
        self._polled_s = polled_s
        self._way_of = way_of
        self._known: dict[str, float] = {}

    def of(self, path: str) -> float:
        """Give the seconds for a file.

        Args:
            path: its absolute path.
        """
        folder = os.path.dirname(path)
        if folder not in self._known:
            polled = self._way_of(os.path.realpath(folder)) == "scan"
            self._known[folder] = self._polled_s if polled else self._settle_s
        return self._known[folder]


def part(jobs: Iterable[ReadJob], times: SettleTimes, *, now_ns: int) -> tuple[list[ReadJob], list[ReadJob]]:
    """Part files that may be read from those that are still being written.

    Args:
        jobs: files as they were just seen.
        times: how long each must have been left alone.
        now_ns: the time now.

    Returns:
        The two lists, each in the order given.
    """
    finished: list[ReadJob] = []
    pending: list[ReadJob] = []
    for job in jobs:
        if tells_time(job.seen, now_ns=now_ns):
            settled = is_quiet(job.seen, now_ns=now_ns, settle_s=times.of(job.seen.absolute))
        else:
            settled = job.looked
        (finished if settled else pending).append(job)
    return finished, pending


def look_again(job: ReadJob) -> ReadJob | None:
    """Look at a file once more.

    Args:
        job: the file as it was seen before.

    Returns:
        The file as it is now, which knows whether it is as before; None where it has gone or is no regular file any
        more.
    """
    try:
        found = os.stat(job.seen.absolute)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    seen = dataclasses.replace(seen_from(found, root=job.seen.root, path=job.seen.path), drive=job.seen.drive)
    return ReadJob(seen, job.before, looked=is_same(job.seen, seen))


def waiting_row(job: ReadJob) -> FileRow:
    """Give the row of a file that is still being written; it keeps what the file held before.

    Args:
        job: the file as it was just seen.
    """
    photo = job.before.photo if job.before is not None else None
    return dataclasses.replace(file_row(job.seen, photo=photo), state="waiting", reason="still being written")


def wait_s(row: FileRow, times: SettleTimes, *, now_ns: int) -> float:
    """Say in how many seconds a waiting file may have been left alone for long enough.

    Args:
        row: the file's row.
        times: how long it must have been left alone.
        now_ns: the time now.

    Returns:
        Seconds, 0 where that cannot be told: its times are in the future.
    """
    past = [time_ns for time_ns in (row.mtime_ns, row.ctime_ns) if time_ns <= now_ns]
    return max(0.0, times.of(row.absolute) - (now_ns - max(past)) / 1e9) if past else 0.0
