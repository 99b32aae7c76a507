"""The state file: what a process that watches says of itself, in the library, and when to believe it.

The file outlives its process where that is killed. It is believed only while a process of that number lives that
started when the file's writer did; a number that the system gave to another process is told by its start.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from vecclust.store.writer import is_alive, start_of


@dataclass(frozen=True, slots=True)
class WatchState:
    """What is known of a watching process.

    Attributes:
        pid: its number.
        started: what the system says of its start, empty where it does not tell.
        since_ns: when it began to watch.
        watching: folders as they are watched now.
        last_scan_ns: end of its last look at everything, 0 before the first.
        problems: why events alone are not relied on.
        doing: what it does at present, for people.
    """

    pid: int
    started: str
    since_ns: int
    watching: tuple[str, ...] = ()
    last_scan_ns: int = 0
    problems: tuple[str, ...] = ()
    doing: str = ""


def write_state(library: Path, state: WatchState) -> None:
    """Write the state, in one step; a full disk is no reason to stop watching.

    Args:
        library: the library's directory.
        state: the state.
    """
    file = state_file(library)
    fresh = file.with_suffix(".new")
    with contextlib.suppress(OSError):
        file.parent.mkdir(exist_ok=True)
        # ASCII: folders' names may be bytes that are not UTF-8.
        fresh.write_text(json.dumps(asdict(state)), encoding="ascii")
        fresh.replace(file)


def remove_state(library: Path) -> None:
    """Remove the state file: nobody watches any more.

    Args:
        library: the library's directory.
    """
    with contextlib.suppress(OSError):
        state_file(library).unlink(missing_ok=True)


def read_state(library: Path) -> WatchState | None:
    """Read the state of the process that watches now.

    Args:
        library: the library's directory.

    Returns:
        The state; None where nobody watches.
    """
    try:
        values = json.loads(state_file(library).read_text(encoding="ascii"))
        state = WatchState(
            pid=int(values["pid"]),
            started=str(values["started"]),
            since_ns=int(values["since_ns"]),
            watching=tuple(str(folder) for folder in values["watching"]),
            last_scan_ns=int(values["last_scan_ns"]),
            problems=tuple(str(problem) for problem in values["problems"]),
            doing=str(values["doing"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return state if is_alive(state.pid) and start_of(state.pid) == state.started else None


def state_file(library: Path) -> Path:
    """Give the place of the state file.

    Args:
        library: the library's directory.
    """
    return library / "watch" / "state.json"
