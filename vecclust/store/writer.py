"""The one writer of a library: its lock, and its files brought to the disk.

The lock is a file lock that the system gives back when its process ends, however it ends. Beside it the writer says
who it is. That note is for messages only and is never believed: whether the library is held is known by the lock
alone. Readers never touch either.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vecclust.errors import LibraryLocked, StoreUnsuitable
from vecclust.store.layout import LibraryPlace, storable_text

_log = logging.getLogger(__name__)
# Long enough to cost nothing, short enough that a writer which waits for one that is ending starts at once.
_LOCK_POLL_S = 0.02
# Found to do no harm when empty, torn, out of date or gone (lancedb 0.40), and a third of what there is to sync.
_NEEDLESS = frozenset({"latest_version_hint.json", "_transactions"})


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a library for writing, as that process wrote it down; for messages only.

    Attributes:
        pid: its process.
        command: its command line.
        since_ns: when it became the writer, in nanoseconds since the epoch.
        started: what the system says of its process's start, empty where it does not tell.
    """

    pid: int
    command: str
    since_ns: int
    started: str = ""

    @property
    def lives(self) -> bool:
        """Whether that process lives; another that was given its number is told by its start."""
        return is_alive(self.pid) and (not self.started or start_of(self.pid) == self.started)


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
            self._lock.acquire(timeout=self._wait_s, poll_interval=_LOCK_POLL_S)
        except Timeout as error:
            raise LibraryLocked(
                f"{self._place.folder} is being written by {_described(read_holder(self._place))}",
                hint="Wait until it has ended, or stop it",
            ) from error
        except (OSError, NotImplementedError) as error:
            raise StoreUnsuitable(
                f"{self._place.folder} cannot be locked: {error}", hint="Put the library on a local disk with --library"
            ) from error
        command, started = storable_text(" ".join(sys.argv)), start_of(os.getpid())
        note = Holder(pid=os.getpid(), command=command, since_ns=time.time_ns(), started=started)
        try:
            self._place.holder.write_text(json.dumps(asdict(note)), encoding="utf-8")
        except OSError as error:
            # A full disk must not keep a writer from deleting things.
            _log.debug("could not note who holds the library: %s", error)

    def release(self) -> None:
        """Stop being the writer; nothing happens where it is not."""
        if self._lock.is_locked:
            self._place.holder.unlink(missing_ok=True)
            self._lock.release()


def read_holder(place: LibraryPlace) -> Holder | None:
    """Read what the last writer noted of itself; it may have been killed since.

    Args:
        place: the library.

    Returns:
        The note, None where there is none that can be read.
    """
    try:
        note = json.loads(place.holder.read_text(encoding="utf-8"))
        return Holder(
            pid=int(note["pid"]),
            command=str(note["command"]),
            since_ns=int(note["since_ns"]),
            # Earlier versions did not note it.
            started=str(note.get("started", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def start_of(pid: int) -> str:
    """Say when a process started, in the system's own words; empty where it does not tell.

    Args:
        pid: the process's number.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The second field is the command in brackets, which may hold anything.
    return stat.rpartition(")")[2].split()[19]


def is_alive(pid: int) -> bool:
    """Say whether a process of this number lives.

    Args:
        pid: the number.
    """
    if pid <= 0:
        return False  # these would ask about whole groups of processes
    try:
        os.kill(pid, 0)
    except OverflowError:
        return False
    except OSError as error:
        return not isinstance(error, ProcessLookupError)  # another owner's process may not be signalled
    return True


def _described(holder: Holder | None) -> str:
    # Between taking the lock and noting it, the note is that of an earlier writer.
    if holder is None or not holder.lives:
        return "another process"
    return f"process {holder.pid} ({holder.command[:80]})" if holder.command else f"process {holder.pid}"


class SyncedFiles:
    """The files that are known to be on the disk, by folder.

    LanceDB syncs nothing (its `local_fsync` is accepted and does nothing), and a torn newest manifest makes a table
    unopenable. Files of a table are written once and never changed, but for one hint that may be lost.
    """

    def __init__(self) -> None:
        self._known: dict[Path, set[str]] = {}

    def sync(self, folder: Path) -> None:
        """Sync whatever is new in a folder and below.

        Args:
            folder: a table's or a fit's folder.

        Raises:
            OSError: the disk does not take them.
        """
        fresh = folder not in self._known
        self._sync_below(folder)
        if fresh:
            _sync(folder.parent)

    def forget(self, folder: Path) -> None:
        """Drop what is known of a folder that is going away.

        Args:
            folder: the folder; those below it go with it.
        """
        for known in [known for known in self._known if known == folder or folder in known.parents]:
            del self._known[known]

    def _sync_below(self, folder: Path) -> None:
        files, folders = set(), []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in _NEEDLESS:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                else:
                    files.add(entry.name)
        new = files - self._known.get(folder, set())
        for name in new:
            _sync(folder / name)
        named = folder not in self._known or any(inner not in self._known for inner in folders)
        for inner in folders:
            self._sync_below(inner)
        if new or named:
            _sync(folder)
        self._known[folder] = files


def _sync(path: Path) -> None:
    try:
        opened = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    except PermissionError:
        # Windows opens no folders; there a folder's entries are journalled with its files.
        if os.name == "nt":
            return
        raise
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
