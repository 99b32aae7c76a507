"""What to look at and when: pure bookkeeping over seconds, no disk and no clock.

A file is looked at once it has been left alone for the settle time, so a file that is still being written is put off
by every event and never read in vain. A look at everything that need not be at once waits for quiet too, but not for
ever. Looks are kept short: a long import is handed out in parts, and what is heard of meanwhile goes first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vecclust.watching import Hint

# The kernel stamps files with a clock that ticks every few milliseconds.
MARGIN_S = 0.02
# A folder that never falls quiet is looked at all the same.
LONGEST_DELAY_S = 30.0
# A file that stays as it is after a look is asked about ever less often, up to this; an event starts anew.
LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be looked at now: some files, or everything (None) and why, and whether more is due already."""

    paths: frozenset[str] | None
    reason: str
    more: bool = False


class Agenda:
    """Keeps what is due when.

    Args:
        settle_s: seconds a file is left alone before it is looked at.
        most: files that are looked at at once.
        now_s: the time; all times are seconds of one monotonic clock.
    """

    def __init__(self, *, settle_s: float, now_s: float, most: int = 256) -> None:
        self._settle_s = settle_s
        self._most = most
        self._backlog: dict[str, None] = {}
        self._due_s: dict[str, float] = {}
        self._looks: dict[str, int] = {}
        self._whole_s = now_s
        self._reason = "start"
        self._latest_s: float | None = None

    def hear(self, hint: Hint, *, now_s: float) -> None:
        """Take a hint in."""
        quiet_s = now_s + self._settle_s + MARGIN_S
        for path in hint.paths:
            self._due_s[path] = quiet_s
            self._looks.pop(path, None)
        if not hint.rescan:
            return
        if hint.at_once:
            self._whole_s, self._reason = min(self._whole_s, now_s), hint.rescan
            return
        if self._latest_s is None:
            self._latest_s = min(self._whole_s, now_s + LONGEST_DELAY_S)
        self._whole_s, self._reason = min(quiet_s, self._latest_s), hint.rescan

    def look_later(self, waits_s: Mapping[str, float], *, now_s: float) -> None:
        """Take in the files that asked for another look, and in how many seconds each did."""
        for path, wait_s in waits_s.items():
            pause_s = min(2.0 ** self._looks.get(path, 0), LONGEST_PAUSE_S)
            self._due_s.setdefault(path, now_s + max(wait_s, pause_s))

    def look_at_everything(self, reason: str, *, by_s: float) -> None:
        """Look at everything by then at the latest."""
        if by_s < self._whole_s:
            self._whole_s, self._reason = by_s, reason

    def whole_done(self, *, next_s: float, left: Iterable[str] = ()) -> None:
        """Note that everything was looked at.

        Args:
            next_s: when to do so next if nothing is heard.
            left: files that were seen and not read for lack of time; they are due now, after what is heard of.
        """
        self._whole_s, self._reason, self._latest_s = next_s, "time", None
        self._backlog = dict.fromkeys(left)

    @property
    def busy(self) -> bool:
        """Whether a part of a long import waits for its turn."""
        return bool(self._backlog)

    @property
    def n_left(self) -> int:
        """Files of a long import that wait for their turn."""
        return len(self._backlog)

    @property
    def next_s(self) -> float:
        """When something is due next."""
        return float("-inf") if self._backlog else min([self._whole_s, *self._due_s.values()])

    def take(self, now_s: float) -> Due | None:
        """Give what is due, and strike it off; a look at everything is struck off by `whole_done`."""
        due = sorted((due_s, path) for path, due_s in self._due_s.items() if due_s <= now_s)
        whole = now_s >= self._whole_s
        paths = [path for _, path in due[: None if whole else self._most]]
        for path in paths:
            del self._due_s[path]
            self._looks[path] = self._looks.get(path, 0) + 1
        if whole:
            return Due(None, self._reason)
        for path in list(itertools.islice(self._backlog, self._most - len(paths))):
            del self._backlog[path]
            paths.append(path)
        return Due(frozenset(paths), "", more=len(due) > self._most or self.busy) if paths else None

    def forget_looks(self, but: Mapping[str, float]) -> None:
        """Forget how often files were looked at that ask for no more."""
        self._looks = {path: count for path, count in self._looks.items() if path in but}
