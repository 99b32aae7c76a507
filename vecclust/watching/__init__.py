"""The watch room: folders to batches of changed paths, and whether watching still works.

It alone knows watchdog. It refuses to know libraries and what a photo holds: names are judged by the rules of the
photos room. Invariants: a hint may be wrong or missing, and the folder is the truth; what is doubtful (overflow,
directories, something that went away, a canary that was not heard) is a wish to look at everything. Originals are
only read: the canary lives in the library.
"""

from __future__ import annotations

from vecclust.watching.hint import Hint, Watching
from vecclust.watching.mounts import Way, way_to_watch
from vecclust.watching.note import WatchNote, is_alive, read_note, remove_note, start_of, write_note
from vecclust.watching.scripted import ScriptedWatcher
from vecclust.watching.watcher import Watcher

__all__ = [
    "Hint",
    "ScriptedWatcher",
    "WatchNote",
    "Watcher",
    "Watching",
    "Way",
    "is_alive",
    "read_note",
    "remove_note",
    "start_of",
    "way_to_watch",
    "write_note",
]
