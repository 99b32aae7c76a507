"""Decoding processes: files in, outcomes out, in order, a bounded number ahead of whoever takes them.

What is done for one photo is done in one call: look again, read and hash, stop there if the content is known, see that
it reaches its end, decode. Every failure of the photo is an answer (`PhotoError` as a value), not an exception; one
that crashes its process, hangs it or eats its memory is that photo's outcome and nobody else's. Pillow is imported in
the children alone.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from vecclust.errors import PhotoError, TooLarge, Unfinished, Unreadable
from vecclust.photos.content import DecodeLimits, photo_error_of, read_content
from vecclust.photos.formats import end_of
from vecclust.photos.memory import fitted_children, usable_memory
from vecclust.photos.processes import ChildDied, ChildFailed, ChildPool, ChildTimedOut
from vecclust.photos.walk import is_quiet, look_at, tells_time
from vecclust.types.files import SeenFile
from vecclust.types.photos import DecodedPhoto, Framing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KnownPhoto:
    """A file whose content the caller knows already: it was read and hashed, not decoded.

    Attributes:
        photo: content hash.
        size_bytes: length of the file.
        damaged: what is damaged or missing of it, or empty.
    """

    photo: str
    size_bytes: int
    damaged: str = ""


Outcome = DecodedPhoto | KnownPhoto | PhotoError


def outcome_of(seen: SeenFile, known: frozenset[str], *, framing: Framing, limits: DecodeLimits) -> Outcome:
    """Bring one file to its outcome.

    Args:
        seen: the file as a walk saw it.
        known: contents that need no decoding; best only those of the same length, they travel with the file.
        framing: what the model wants.
        limits: what may be spent.

    Returns:
        The photo, or that it is known, or why it cannot be used.
    """
    try:
        content = read_content(seen, file_bytes=limits.file_bytes)
        end = end_of(content.data)
        damaged = end.reason if end.viewable else ""
        if content.photo in known:
            return KnownPhoto(content.photo, len(content.data), damaged)
        if end.state == "unfinished" and not damaged:
            raise Unfinished(end.reason)
        if end.state != "finished":
            quiet_s, now_ns = limits.damaged_quiet_s if damaged else end.quiet_s, time.time_ns()
            # Times in the future tell nothing: good enough for an odd end, not for half a picture.
            told = not damaged or tells_time(content.seen, now_ns=now_ns)
            if not told or not is_quiet(content.seen, now_ns=now_ns, settle_s=quiet_s):
                raise Unfinished(end.reason, quiet_s=quiet_s)
        from vecclust.photos.decode import decode  # Pillow is needed only from here on

        return decode(content, framing, limits, damaged=damaged)
    except PhotoError as error:
        return error.with_traceback(None)


class DecodePool(ChildPool[[SeenFile, frozenset[str]], Outcome]):
    """Processes that decode photos for one model: each call takes a file and the contents that need no decoding.

    Args:
        framing: what the model wants.
        limits: what may be spent on one photo.
        processes: how many at most; one for each processor where None. They start when there is work. There are fewer,
            or the only one gets less memory, where all together would not fit into the machine or the container.
    """

    def __init__(self, framing: Framing, *, limits: DecodeLimits | None = None, processes: int | None = None) -> None:
        self._limits = limits or DecodeLimits()
        wanted = processes or available_cpus()
        n_fit, memory_bytes = fitted_children(wanted, self._limits.memory_bytes, usable_bytes=usable_memory())
        if (n_fit, memory_bytes) != (wanted, self._limits.memory_bytes):
            told = "decoding in %d of %d processes of at most %d MB each: more would not fit into the memory there is"
            log.info(told, n_fit, wanted, memory_bytes >> 20)
        super().__init__(
            partial(outcome_of, framing=framing, limits=self._limits),
            processes=n_fit,
            time_s=self._limits.time_s,
            memory_bytes=memory_bytes,
        )

    def outcome_from(self, future: Future[Outcome]) -> Outcome:
        """Wait for an outcome of `submit`; a process that did not survive its photo is that photo's failure.

        Args:
            future: what `submit` gave.

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
        outcome = outcome_of(seen, frozenset(), framing=framing, limits=limits)
    else:
        with DecodePool(framing, limits=limits, processes=1) as pool:
            outcome = pool.outcome_from(pool.submit(seen, frozenset()))
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
