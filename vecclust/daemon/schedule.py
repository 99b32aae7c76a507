"""What to look at and when: pure bookkeeping over seconds, no disk and no clock.

A file is looked at once it has been left alone for the settle time, so a file that is still being written is put off
by every event and never read in vain. A scan of everything that need not be at once waits for quiet too, but not for
ever. Looks are kept short: a long import is handed out in parts, and files that events name go first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vecclust.watching import Hint

# The kernel stamps files with a clock that ticks every few milliseconds.
MARGIN_S = 0.02
# A folder that never falls quiet is scanned all the same.
LONGEST_DELAY_S = 30.0
# A file that stays as it is after a look is asked about ever less often, up to this; an event starts anew.
LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be looked at now.

    Attributes:
        paths: absolute paths of files; None for everything.
        reason: why everything is, empty where files are named.
        more: whether more files are due already.
    """

    paths: frozenset[str] | None
    reason: str
    more: bool = False


class Schedule:
    """Keeps what is due when.

    Args:
        settle_s: seconds a file is left alone before it is looked at.
        now_s: the time; all times are seconds of one monotonic clock.
        most: files that are looked at at once.
    """

    def __init__(self, *, settle_s: float, now_s: float, most: int = 256) -> None:
        self._settle_s = settle_s
        self._most = most
        self._backlog: dict[str, None] = {}
        self._due_s: dict[str, float] = {}
        self._attempts: dict[str, int] = {}
        self._scan_s = now_s
        self._reason = "start"
        self._latest_s: float | None = None

    def add_hint(self, hint: Hint, *, now_s: float) -> None:
        """Put the files of a hint off until they are quiet, and plan the scan that it asks for.

        Args:
            hint: what the watcher noticed.
            now_s: the time.
        """
        quiet_s = now_s + self._settle_s + MARGIN_S
        for path in hint.paths:
            self._due_s[path] = quiet_s
            self._attempts.pop(path, None)
        if not hint.rescan:
            return
        if hint.at_once:
            self._scan_s, self._reason = min(self._scan_s, now_s), hint.rescan
            return
        if self._latest_s is None:
            self._latest_s = min(self._scan_s, now_s + LONGEST_DELAY_S)
        self._scan_s, self._reason = min(quiet_s, self._latest_s), hint.rescan

    def add_retries(self, waits_s: Mapping[str, float], *, now_s: float) -> None:
        """Plan another look at files that are not done with; what is due earlier by an event stays so.

        Args:
            waits_s: seconds after which each file, by absolute path, asks for it; files that are not named start anew.
            now_s: the time.
        """
        for path, wait_s in waits_s.items():
            pause_s = min(2.0 ** self._attempts.get(path, 0), LONGEST_PAUSE_S)
            self._due_s.setdefault(path, now_s + max(wait_s, pause_s))
        self._attempts = {path: count for path, count in self._attempts.items() if path in waits_s}

    def request_scan(self, reason: str, *, by_s: float) -> None:
        """Plan a scan of everything, unless one is planned that is no later.

        Args:
            reason: why.
            by_s: when at the latest.
        """
        if by_s < self._scan_s:
            self._scan_s, self._reason = by_s, reason

    def scan_done(self, *, next_s: float, left: Iterable[str] = ()) -> None:
        """Note that everything was looked at.

        Args:
            next_s: when to do so next if nothing is heard.
            left: files that were seen and not read for lack of time; they are due now, after those that events name.
        """
        self._scan_s, self._reason, self._latest_s = next_s, "time", None
        self._backlog = dict.fromkeys(left)

    @property
    def n_left(self) -> int:
        """Files of a long import that wait for their turn."""
        return len(self._backlog)

    @property
    def next_s(self) -> float:
        """When something is due next; minus infinity while a part of a long import waits."""
        return float("-inf") if self._backlog else min([self._scan_s, *self._due_s.values()])

    def pop_due(self, now_s: float) -> Due | None:
        """Give what is due, and strike files off; a scan of everything is struck off by `scan_done`.

        Args:
            now_s: the time.

        Returns:
            What to look at, or None where nothing is due.
        """
        due = sorted((due_s, path) for path, due_s in self._due_s.items() if due_s <= now_s)
        everything = now_s >= self._scan_s
        paths = [path for _, path in due[: None if everything else self._most]]
        for path in paths:
            del self._due_s[path]
            self._attempts[path] = self._attempts.get(path, 0) + 1
        if everything:
            return Due(None, self._reason)
        for path in list(itertools.islice(self._backlog, self._most - len(paths))):
            del self._backlog[path]
            paths.append(path)
        return Due(frozenset(paths), "", more=len(due) > self._most or self.n_left > 0) if paths else None
