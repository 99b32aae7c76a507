"""The border to watchdog: one observer over some folders, its events turned into changes in a queue.

The handler does nothing but put a change into the queue: an exception in it would end dispatch for good while the
thread stays alive (watchdog #793). Overflow of the kernel's queue is told by nothing but watchdog's own log.
"""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Literal

log = logging.getLogger(__name__)

_OVERFLOW_LOGGER = "watchdog.observers.inotify_c"

# `touched`: a file may be new or changed. `gone`: a file went away. `folder`: a directory came, moved or went.
# `lost`: events were lost. `asked`: somebody wants a look at everything.
What = Literal["touched", "gone", "folder", "lost", "asked"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing heard.

    Attributes:
        what: what it was.
        path: absolute path; for `lost` and `asked` the reason.
    """

    what: What
    path: str


Changes = SimpleQueue[Change]


class Observer:
    """One watchdog observer, used once: started, stopped, thrown away.

    Args:
        changes: where what is heard goes.
    """

    def __init__(self, changes: Changes) -> None:
        from watchdog.observers import Observer as Vendor

        self._changes = changes
        self._vendor: Any = Vendor()
        self._overflow = _OverflowListener(changes)

    def start(self) -> None:
        """Start the threads; nothing is watched yet."""
        # Kilobytes for a `cp -r`, and where warnings are errors, the end of the reading thread.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="watchdog")
        logging.getLogger(_OVERFLOW_LOGGER).addHandler(self._overflow)
        self._vendor.start()

    def add(self, folder: str) -> None:
        """Watch a folder and all below it.

        Args:
            folder: absolute path.

        Raises:
            OSError: the system refuses, or the folder is not there.
        """
        from watchdog import events

        heard = [
            events.FileCreatedEvent, events.FileModifiedEvent, events.FileClosedEvent, events.FileMovedEvent,
            events.FileDeletedEvent, events.DirCreatedEvent, events.DirMovedEvent, events.DirDeletedEvent,
        ]  # fmt: skip
        # Without the filter every look of our own at a file would be heard: it is opened and closed.
        self._vendor.schedule(_handler(self._changes), folder, recursive=True, event_filter=heard)

    def stop(self, *, patience_s: float = 5.0) -> None:
        """Stop the threads; one that does not end in time is left behind, it is a daemon thread.

        Args:
            patience_s: how long to wait for them, seconds.
        """
        logging.getLogger(_OVERFLOW_LOGGER).removeHandler(self._overflow)
        try:
            self._vendor.stop()
            if self._vendor.is_alive():
                self._vendor.join(patience_s)
        except (OSError, RuntimeError) as error:
            # A reader that died half-way cannot always be stopped in order; it hears nothing any more.
            log.debug("the observer did not stop in order: %s", error)


def _handler(changes: Changes) -> Any:
    from watchdog.events import FileSystemEvent, FileSystemEventHandler

    class Handler(FileSystemEventHandler):  # type: ignore[misc]  # watchdog is not followed by mypy
        def on_any_event(self, event: FileSystemEvent) -> None:
            for change in changes_of(event.event_type, event.src_path, event.dest_path, event.is_directory):
                changes.put(change)

    return Handler()


def changes_of(kind: str, source: str | bytes, destination: str | bytes, is_directory: bool) -> tuple[Change, ...]:
    """Turn an event of watchdog into what it may mean; a kind not known means that something was touched.

    Args:
        kind: watchdog's name of the event.
        source: the path.
        destination: where it was moved to, or empty.
        is_directory: whether it is a directory.
    """
    here, there = os.fsdecode(source), os.fsdecode(destination or "")
    if is_directory:
        # A directory that is modified says only what its entries say for themselves.
        return tuple(Change("folder", path) for path in (here, there) if path) if kind != "modified" else ()
    if kind == "moved":
        halves = (Change("gone", here), Change("touched", there))
        return tuple(half for half in halves if half.path)
    return (Change("gone" if kind == "deleted" else "touched", here),)


class _OverflowListener(logging.Handler):
    """Hears watchdog's log say that the kernel dropped events."""

    def __init__(self, changes: Changes) -> None:
        super().__init__(logging.WARNING)
        self._changes = changes

    def emit(self, record: logging.LogRecord) -> None:
        self._changes.put(Change("lost", "the kernel dropped events"))
