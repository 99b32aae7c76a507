"""Decoding processes: files in, outcomes out, in order, a bounded number ahead of whoever takes them.

A photo that crashes its process, hangs it or eats its memory is that photo's outcome and nobody else's. A
photo known by its content costs a hash. Pillow is imported in the children alone.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from functools import partial
from types import TracebackType
from typing import Self

from vecclust.errors import PhotoError, TooLarge, Unreadable
from vecclust.photos.children import ChildDied, ChildFailed, ChildPool, ChildTimedOut
from vecclust.photos.content import photo_error_of
from vecclust.photos.job import KnownPhoto, Outcome, outcome_of
from vecclust.photos.limits import DecodeLimits
from vecclust.photos.walk import look_at
from vecclust.types.files import SeenFile
from vecclust.types.photos import DecodedPhoto, Framing

_NOTHING_KNOWN: frozenset[str] = frozenset()


class DecodePool:
    """Processes that decode photos for one model.

    Args:
        framing: what the model wants.
        limits: what may be spent on one photo.
        processes: how many at most; one for each processor where None. They start when there is work.
    """

    def __init__(self, framing: Framing, *, limits: DecodeLimits | None = None, processes: int | None = None) -> None:
        self._limits = limits or DecodeLimits()
        self._children: ChildPool[Outcome] = ChildPool(
            partial(outcome_of, framing=framing, limits=self._limits),
            processes=processes or available_cpus(),
            time_s=self._limits.time_s,
            memory_bytes=self._limits.memory_bytes,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the decoding processes that are up."""
        return self._children.pids

    def close(self) -> None:
        """Drop what waits and end the processes."""
        self._children.close()

    def submit(self, seen: SeenFile, known: frozenset[str] = _NOTHING_KNOWN) -> Future[Outcome]:
        """Have one file decoded.

        Args:
            seen: the file as it was seen.
            known: contents that need no decoding: best those of the same length only, for they travel along.

        Returns:
            Its outcome to come; take it with `outcome_from`.
        """
        return self._children.submit(seen, known)

    def outcome_from(self, future: Future[Outcome]) -> Outcome:
        """Wait for an outcome of `submit`; a process that did not survive its photo is that photo's failure.

        Raises:
            RuntimeError: no decoding process can be started at all.
        """
        try:
            return future.result()
        except ChildFailed as failure:
            return _photo_error_of(failure, self._limits)

    def decode_ahead(
        self, jobs: Iterable[tuple[SeenFile, frozenset[str]]], ahead: int
    ) -> Iterator[tuple[SeenFile, Outcome]]:
        """Yield each file's outcome, in the order of the jobs.

        Args:
            jobs: files, each with the contents that need no decoding; taken only as fast as they are worked
                off.
            ahead: how many may be under way or wait to be taken; at least twice the processes keeps all of
                them busy.

        Yields:
            The file and its outcome.
        """
        coming = iter(jobs)
        under_way: deque[tuple[SeenFile, Future[Outcome]]] = deque()
        try:
            while True:
                while len(under_way) < max(1, ahead) and (job := next(coming, None)) is not None:
                    under_way.append((job[0], self.submit(*job)))
                if not under_way:
                    return
                seen, future = under_way.popleft()
                yield seen, self.outcome_from(future)
        finally:
            for _, future in under_way:
                future.cancel()


def read_photo(
    path: str | os.PathLike[str],
    framing: Framing,
    *,
    limits: DecodeLimits | None = None,
    inline: bool = False,
) -> DecodedPhoto:
    """Decode one picture file, whatever its name.

    Args:
        path: the file.
        framing: what the model wants.
        limits: what may be spent.
        inline: decode in this process: 0.3 s quicker, but a crash of the decoder is a crash of the caller.

    Returns:
        The photo.

    Raises:
        PhotoError: it cannot be used; the error says why.
    """
    limits = limits or DecodeLimits()
    try:
        seen = look_at(path)
    except OSError as error:
        raise photo_error_of(error) from error
    if inline:
        outcome = outcome_of(seen, _NOTHING_KNOWN, framing=framing, limits=limits)
    else:
        with closing(DecodePool(framing, limits=limits, processes=1)) as pool:
            outcome = pool.outcome_from(pool.submit(seen))
    if isinstance(outcome, PhotoError):
        raise outcome
    assert not isinstance(outcome, KnownPhoto), "nothing was said to be known"
    return outcome


def available_cpus() -> int:
    """Say how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _photo_error_of(failure: ChildFailed, limits: DecodeLimits) -> PhotoError:
    """Say of a photo that its process did not survive it."""
    if isinstance(failure, ChildTimedOut):
        error: PhotoError = TooLarge(
            f"reading and decoding took longer than {limits.time_s:g} s",
            hint="photos.decode_timeout_s raises the limit",
        )
    elif isinstance(failure, ChildDied) and failure.exit_status == -signal.SIGKILL:
        error = TooLarge("the decoding process was killed, as the system does when memory runs out")
    else:
        error = Unreadable(f"the decoder crashed on it ({failure})")
    error.__cause__ = failure
    return error
