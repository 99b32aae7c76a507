"""The one writer of a library: a file lock that the system gives back when its process ends, however it ends.

Beside the lock the writer says who it is. That note is for messages only and is never believed: whether the
library is held is known by the lock alone. Readers never touch either.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any

from vecclust.errors import LibraryLocked, StoreUnsuitable
from vecclust.store.place import LibraryPlace
from vecclust.store.rows import storable_text
from vecclust.store.values import Holder

_log = logging.getLogger(__name__)
# Long enough to cost nothing, short enough that a writer which waits for one that is ending starts at once.
_POLL_S = 0.02


class WriterLock:
    """The writer's lock of one library.

    Args:
        place: the library.
        wait_s: how long to wait for another writer, 0 for not at all.
    """

    def __init__(self, place: LibraryPlace, *, wait_s: float) -> None:
        from filelock import FileLock

        self._place = place
        self._wait_s = wait_s
        # Not thread-local: a daemon opens in one thread and closes in another.
        self._lock: Any = FileLock(str(place.lock), thread_local=False)

    def acquire(self) -> None:
        """Become the writer.

        Raises:
            LibraryLocked: another writer holds the library.
            StoreUnsuitable: the place has no file locks.
        """
        from filelock import Timeout

        try:
            self._lock.acquire(timeout=self._wait_s, poll_interval=_POLL_S)
        except Timeout as error:
            raise LibraryLocked(
                f"{self._place.folder} is being written by {_described(read_holder(self._place))}",
                hint="Wait until it has ended, or stop it",
            ) from error
        except (OSError, NotImplementedError) as error:
            raise StoreUnsuitable(
                f"{self._place.folder} cannot be locked: {error}",
                hint="Put the library on a local disk with --library",
            ) from error
        self._note()

    def release(self) -> None:
        """Stop being the writer; nothing happens where it is not."""
        if self._lock.is_locked:
            self._place.holder.unlink(missing_ok=True)
            self._lock.release()

    def _note(self) -> None:
        note = {"pid": os.getpid(), "command": storable_text(" ".join(sys.argv)), "since_ns": time.time_ns()}
        try:
            self._place.holder.write_text(json.dumps(note), encoding="utf-8")
        except OSError as error:
            # A full disk must not keep a writer from deleting things.
            _log.debug("could not note who holds the library: %s", error)


def read_holder(place: LibraryPlace) -> Holder | None:
    """Read what the last writer noted of itself; it may have been killed since."""
    try:
        note = json.loads(place.holder.read_text(encoding="utf-8"))
        return Holder(pid=int(note["pid"]), command=str(note["command"]), since_ns=int(note["since_ns"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _described(holder: Holder | None) -> str:
    if holder is None:
        return "another process"
    return f"process {holder.pid} ({holder.command[:80]})" if holder.command else f"process {holder.pid}"
