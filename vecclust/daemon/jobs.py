"""What other threads ask of the loop, which alone writes: edits done between two files, and fits on demand.

Whoever asks waits for the outcome and may go away meanwhile; what was begun is ended all the same.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from vecclust.errors import VecclustError
from vecclust.library.watched import WatchedLibrary
from vecclust.types.runs import RefitKind

Stage = tuple[str, int, int]


class DaemonEnds(VecclustError):
    """The daemon ends and will not do it."""

    def __init__(self) -> None:
        super().__init__(
            "the daemon went away before this was done",
            hint="Look whether it is done (vecclust runs, vecclust clusters), and run it again if not.",
        )


class Job(Future[Any]):
    """A short piece of work for the loop's thread, and what came of it.

    Args:
        work: does it; what it raises is handed over too.
        rescan: why everything is to be looked at once it is done, or empty.
        between_files: whether it may be done between two files of an import; else it waits for an end of it.
    """

    def __init__(self, work: Callable[[WatchedLibrary], Any], *, rescan: str = "", between_files: bool = True) -> None:
        super().__init__()
        self.work = work
        self.rescan = rescan
        self.between_files = between_files
        self._stages: deque[Stage] = deque()

    def note(self, stage: str, done: int, total: int) -> None:
        """Take note of how far it has come.

        Args:
            stage: what is done.
            done: steps done.
            total: steps in all, 0 where that is unknown.
        """
        self._stages.append((stage, done, total))

    def new_stages(self) -> list[Stage]:
        """Give what was noted since the last call."""
        stages = []
        while self._stages:
            stages.append(self._stages.popleft())
        return stages


class FitJob(Job):
    """A fit on demand, made by a process of its own.

    Args:
        params: `FitParams.as_dict()`.
        kind: what kind of fit.
    """

    def __init__(self, params: Mapping[str, Any], *, kind: RefitKind = "full") -> None:
        super().__init__(lambda library: None)
        self.params = params
        self.kind: RefitKind = kind


class JobQueue:
    """What waits for the loop.

    Args:
        wake: wakes the loop where it listens.
    """

    def __init__(self, wake: Callable[[], object] = lambda: None) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._fits: deque[FitJob] = deque()
        self._closed = False

    def add(self, job: Job) -> None:
        """Ask for something.

        Args:
            job: what is to be done.

        Raises:
            DaemonEnds: too late.
        """
        with self._lock:
            if self._closed:
                raise DaemonEnds
            if isinstance(job, FitJob):
                self._fits.append(job)
            else:
                self._jobs.append(job)
        self._wake()

    def next_job(self, *, between_files: bool = False) -> Job | None:
        """Take the next short job out, None where none waits.

        Args:
            between_files: whether it has to be one that may be done between two files of an import.
        """
        with self._lock:
            job = next((job for job in self._jobs if job.between_files or not between_files), None)
            if job is not None:
                self._jobs.remove(job)
            return job

    def next_fit(self) -> FitJob | None:
        """Take the next fit out, None where none waits."""
        with self._lock:
            return self._fits.popleft() if self._fits else None

    def close(self) -> None:
        """Refuse what waits and what may still come."""
        with self._lock:
            self._closed = True
            left: list[Job] = [*self._jobs, *self._fits]
            self._jobs.clear()
            self._fits.clear()
        for job in left:
            job.set_exception(DaemonEnds())
