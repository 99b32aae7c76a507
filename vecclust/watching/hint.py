"""What watching hands on: paths that may have changed, or the wish to look at everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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
    """Something that watches folders; `Watcher` does, `ScriptedWatcher` pretends to."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Why events alone are not to be relied on at present, a sentence each."""

    @property
    def n_unheard(self) -> int:
        """Proofs in a row that failed, though the system grants watches."""

    def arm(self) -> None:
        """Begin to watch; what changes from now on is heard."""

    def wait(self, timeout_s: float) -> Hint:
        """Wait for hints, at most that many seconds."""

    def wake(self, reason: str = "") -> None:
        """End the wait, for a reason with the wish to look at everything; signal handlers and threads may call this."""

    def check(self) -> None:
        """Find out whether watching still works, and mend it where it does not."""

    def close(self) -> None:
        """Stop watching."""
