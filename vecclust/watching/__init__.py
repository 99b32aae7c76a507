"""The watching room: folders to batches of changed paths, and whether watching still works.

It alone knows watchdog. It refuses to know libraries and what a photo holds: names are judged by the rules of the
photos room. Invariants: a hint may be wrong or missing, and the folder is the truth; what is doubtful (overflow,
directories, something that went away, a canary that was not heard) is a wish to look at everything. Originals are
only read: the canary lives in the library.
"""

from __future__ import annotations

from vecclust.store.writer import is_alive, start_of
from vecclust.watching.kernel import Way, count_directories, watch_limits, way_to_watch
from vecclust.watching.state import WatchState, read_state, remove_state, state_file, write_state
from vecclust.watching.watcher import Hint, Watcher, Watching

__all__ = [
    "Hint",
    "WatchState",
    "Watcher",
    "Watching",
    "Way",
    "count_directories",
    "is_alive",
    "read_state",
    "remove_state",
    "start_of",
    "state_file",
    "watch_limits",
    "way_to_watch",
    "write_state",
]
