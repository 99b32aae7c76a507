"""Folders to batches of hints, and whether watching still works.

Events are hints: the caller scans after `arm`, and again whenever a hint says so. Names that are no photos are left
out here. The proof that threads and kernel still deliver is a canary: a file of our own that is written and must be
heard of. It lives in a directory of the library, watched by the same observer through the same kernel queue, because
originals are only read and a file in an owner's folder would be synced to their phone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Protocol

from vecclust.photos import IgnoreRules
from vecclust.watching.kernel import Way, count_directories, count_watches, way_to_watch
from vecclust.watching.observer import Change, Changes, Observer

log = logging.getLogger(__name__)

# Delivery takes milliseconds; a machine that swaps may take seconds, and a needless fresh observer costs a scan.
CANARY_PATIENCE_S = 5.0
# A canary that is late is waited for once more: the caller may have kept the threads that deliver from running.
CANARY_GRACE_S = 1.0
# One hint holds at most so many changes, so that a flood does not keep the caller from its work.
MOST_CHANGES = 20_000


@dataclass(frozen=True, slots=True)
class Hint:
    """A batch of hints; an empty one means that nothing was heard.

    Attributes:
        paths: absolute paths of files that may be new or changed, named by their root as it was given.
        rescan: why everything is to be looked at, once it is quiet, or empty.
        at_once: whether that look cannot wait until it is quiet: events were lost, or somebody asked.
    """

    paths: frozenset[str] = frozenset()
    rescan: str = ""
    at_once: bool = False

    def __bool__(self) -> bool:
        """Tell whether anything was heard."""
        return bool(self.paths or self.rescan)


class Watching(Protocol):
    """Something that watches folders; `Watcher` does, doubles pretend to."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Why events alone are not to be relied on at present, a sentence each."""

    @property
    def n_unheard(self) -> int:
        """Proofs in a row that failed, though the system grants watches."""

    def arm(self) -> None:
        """Begin to watch; what changes from now on is heard."""

    def wait(self, timeout_s: float) -> Hint:
        """Wait for hints.

        Args:
            timeout_s: the longest wait, seconds.
        """

    def wake(self, reason: str = "") -> None:
        """End the wait, for a reason with the wish to look at everything; signal handlers and threads may call this.

        Args:
            reason: the reason, or empty.
        """

    def check(self) -> None:
        """Find out whether watching still works, and mend it where it does not."""

    def close(self) -> None:
        """Stop watching."""


@dataclass(frozen=True, slots=True)
class _Armed:
    """A root as it was when its watches were set: where it really is, and what was there."""

    root: str
    real: str
    way: Way
    identity: tuple[int, int] | None
    refused: str = ""


class Watcher:
    """Watches folders.

    Args:
        roots: absolute paths.
        rules: what counts as a photo.
        canary: a directory of our own for the canary; made if missing.
        clock_s: monotonic seconds.
        way_of: says how a place can be watched.

    Attributes:
        n_unheard: canaries in a row that were not heard; 0 where the system grants no watches, so that none can be.
    """

    def __init__(
        self,
        roots: Sequence[str],
        *,
        rules: IgnoreRules,
        canary: Path,
        clock_s: Callable[[], float] = time.monotonic,
        way_of: Callable[[str], Way] = way_to_watch,
    ) -> None:
        self._roots = tuple(roots)
        self._rules = rules
        self._canary = canary
        self._clock_s = clock_s
        self._way_of = way_of
        self._changes: Changes = Changes()
        self._observer: Observer | None = None
        self._armed: tuple[_Armed, ...] = ()
        self._canary_due_s: float | None = None
        self._deaf = ""
        self._missing_watches = 0
        self.n_unheard = 0

    @property
    def ways(self) -> dict[str, Way]:
        """How each root is watched; `scan` where it could not be armed."""
        return {armed.root: "scan" if armed.refused else armed.way for armed in self._armed}

    @property
    def problems(self) -> tuple[str, ...]:
        """Why events alone are not to be relied on at present, a sentence each."""
        armed = self._armed
        found = [f"{one.root} cannot be watched: {one.refused}" for one in armed if one.refused]
        found += [f"{one.root} is on a mount that tells nothing" for one in armed if one.way == "scan"]
        found += [f"{one.root} is on a mount that tells only some changes" for one in armed if one.way == "hints"]
        if self._missing_watches:
            missing = f"{self._missing_watches} directories are not watched, the system's limit is reached"
            found.append(f"{missing} (fs.inotify.max_user_watches)")
        return (*found, self._deaf) if self._deaf else tuple(found)

    def arm(self) -> None:
        """Begin to watch with fresh threads; what changes from now on is heard."""
        if self._observer is not None:
            self._observer.stop()
        self._canary.mkdir(parents=True, exist_ok=True)
        self._canary_due_s = None
        self._start_observer()
        if self._deaf:
            self.n_unheard = 0
        self._armed = tuple(self._arm_root(root) for root in self._roots)
        self._count_watches()

    def wait(self, timeout_s: float) -> Hint:
        """Wait for hints.

        Args:
            timeout_s: longest wait in seconds.

        Returns:
            All that was heard, empty when nothing was. Silence of the canary heals the watcher and is a hint; what
            came while nobody listened is heard before that is judged.
        """
        deadline_s = self._clock_s() + max(0.0, timeout_s)
        while True:
            now_s = self._clock_s()
            overdue = self._canary_due_s is not None and now_s >= self._canary_due_s
            until_s = deadline_s if self._canary_due_s is None else min(deadline_s, self._canary_due_s)
            heard = self._take(CANARY_GRACE_S if overdue else max(0.0, until_s - now_s))
            if overdue and not heard:
                log.warning("no event for the canary: watching starts anew")
                self.n_unheard += 1
                self.arm()
                return Hint(rescan="watching had gone deaf", at_once=True)
            hint = self._hint_of(heard)
            woken = any(change.what == "asked" for change in heard)
            if hint or woken or (not heard and self._clock_s() >= deadline_s):
                return hint

    def wake(self, reason: str = "") -> None:
        """End the wait, for a reason with the wish to look at everything; signal handlers and threads may call this.

        Args:
            reason: the reason, or empty.
        """
        self._changes.put(Change("asked", reason))

    def check(self) -> None:
        """Send the canary, and set watches anew on roots that came back, moved or changed their mount."""
        if any(_identity(armed.root) != armed.identity for armed in self._armed):
            self.arm()
            self.wake("a folder came, went or is another than before")
        elif self._deaf or (self._missing_watches and self._has_room()):
            self.arm()
            if not self._deaf:
                self.wake("there is room for watches again")
        else:
            # The system may have room again.
            self._armed = tuple(
                self._arm_root(armed.root) if armed.refused and armed.identity else armed for armed in self._armed
            )
            self._count_watches()
        if self._canary_due_s is None and not self._deaf:
            self._send_canary()

    def close(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer = None

    def _start_observer(self) -> None:
        """Start fresh threads, or say why there can be none: the system has only so many queues of events."""
        try:
            self._observer = Observer(self._changes)
            self._observer.start()
        except OSError as error:
            log.warning("nothing can be watched: %s", error.strerror)
            self._observer = None
            self._deaf = f"nothing can be watched: {error.strerror or error} (fs.inotify.max_user_instances)"
        else:
            self._deaf = self._try_to_watch(os.path.realpath(self._canary))

    def _has_room(self) -> bool:
        """Find out whether the system grants one more watch; where it does, a fresh start may set those missing."""
        room = self._canary.with_name("room")
        try:
            room.mkdir(exist_ok=True)
        except OSError:
            return False
        return not self._try_to_watch(os.path.realpath(room))

    def _send_canary(self) -> None:
        bird = self._canary / "canary"
        try:
            bird.write_bytes(b"")
            bird.unlink()
        except OSError as error:
            # A full disk says nothing about the watcher.
            log.debug("no canary: %s", error)
        else:
            self._canary_due_s = self._clock_s() + CANARY_PATIENCE_S

    def _arm_root(self, root: str) -> _Armed:
        # A link as root would be watched itself, not what it leads to.
        identity, real = _identity(root), os.path.realpath(root)
        way = self._way_of(real)
        if identity is None:
            return _Armed(root, real, way, None, "it is not there")
        return _Armed(root, real, way, identity, "" if way == "scan" else self._try_to_watch(real))

    def _try_to_watch(self, folder: str) -> str:
        """Watch a folder, or say why not."""
        if self._observer is None:
            return "there is no queue for its events"
        try:
            self._observer.add(folder)
        except OSError as error:
            log.warning("cannot watch %r: %s", folder, error.strerror)
            return error.strerror or str(error)
        return ""

    def _count_watches(self) -> None:
        n_watches = None if self._deaf else count_watches()
        if n_watches is None:
            self._missing_watches = 0
            return
        watched = [armed.real for armed in self._armed if armed.way != "scan" and not armed.refused]
        n_missing = max(0, count_directories([*watched, str(self._canary)]) - n_watches)
        if n_missing and not self._missing_watches:
            log.warning("%d directories are not watched: the system's limit is reached", n_missing)
        self._missing_watches = n_missing

    def _take(self, timeout_s: float) -> list[Change]:
        heard: list[Change] = []
        with contextlib.suppress(Empty):
            heard.append(self._changes.get(timeout=timeout_s))
            while len(heard) < MOST_CHANGES:
                heard.append(self._changes.get_nowait())
        return heard

    def _hint_of(self, heard: Iterable[Change]) -> Hint:
        paths: set[str] = set()
        rescan, at_once = "", False
        for change in heard:
            if change.what in ("lost", "asked"):
                if change.path:
                    rescan, at_once = change.path, True
                continue
            if os.path.dirname(change.path) == os.path.realpath(self._canary):
                self._canary_due_s, self.n_unheard = None, 0
                continue
            named = self._named(change.path)
            if named is None:
                continue
            root, inside = named
            root_name = os.path.basename(os.path.realpath(root))
            if change.what == "folder":
                if self._rules.judge_directory(inside, root_name=root_name) == "enter":
                    rescan = rescan or "a folder came, moved or went"
            elif self._rules.judge_path(inside, root_name=root_name) == "photo":
                if change.what == "touched":
                    paths.add(os.path.join(root, inside))
                else:
                    rescan = rescan or "a photo went away"
        return Hint(frozenset(paths), rescan, at_once)

    def _named(self, path: str) -> tuple[str, str] | None:
        """Give the root as it was given and the path inside it; None for what lies in no root."""
        for armed in self._armed:
            if path.startswith(armed.real.rstrip(os.sep) + os.sep):
                return armed.root, os.path.relpath(path, armed.real)
        return None


def _identity(root: str) -> tuple[int, int] | None:
    """Tell one directory from another that took its place; None where there is none."""
    try:
        found = os.stat(root)
    except OSError:
        return None
    return found.st_dev, found.st_ino
