"""Whether the daemon really makes progress, and systemd's watchdog, fed only while it does.

The loop says what it begins, each stage may take only so long, and a thread beside it compares the two with the clock:
a loop that is stuck in a library, a disk or a lock is restarted, one that loads a model for an hour is not. The thread
is Python's, so code that never gives the interpreter back starves the watchdog too.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from vecclust.daemon.systemd_notify import notify

log = logging.getLogger(__name__)

# Longest time without a word from the loop, in seconds, by what it said last. Generous: a restart in vain costs a long
# look at everything, and a stuck daemon has been stuck for longer than this before anybody notices by himself.
ARMING_S = 600.0
LONGEST_S: Mapping[str, float] = {
    # One watch for each directory, on disks that were asleep.
    "arming": ARMING_S,
    # At most half a minute, and arming where watching had gone deaf.
    "listening": 60.0 + ARMING_S,
    # Other threads' jobs, questions to the tables, beginning a refit.
    "jobs": 600.0,
    # A million files on a slow network mount.
    "walking": 3600.0,
    # After the longest decoding (added): a batch through the largest model on a processor, a commit, tidying up.
    "photos": 900.0,
    # Compaction and an index over a million rows, after weeks.
    "tidying": 3600.0,
    # Matching and writing a run of a million photos.
    "adopting": 1800.0,
}
# The stages of a fit in this process.
FITTING_S = 6 * 3600.0
# A model of ten gigabytes that is fetched first.
LOADING_S = 6 * 3600.0
# One canary may die with its threads, which are replaced then; when the next one is not heard either, that is no help.
MOST_UNHEARD = 2


class Heartbeat:
    """Remembers what the loop does and since when.

    Args:
        decode_timeout_s: how long one photo may take to decode.
        clock_s: monotonic seconds.
    """

    def __init__(self, *, decode_timeout_s: float = 60.0, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._decode_timeout_s = decode_timeout_s
        self._clock_s = clock_s
        self._last = ("arming", clock_s())

    def record(self, stage: str) -> None:
        """Take note that a stage begins, or goes on.

        Args:
            stage: a key of `LONGEST_S`, or a stage of a fit.
        """
        self._last = (stage, self._clock_s())

    def stuck(self, *, loading: bool = False) -> str:
        """Say what has taken too long.

        Args:
            loading: whether a model is being loaded, which any stage may wait for.

        Returns:
            For how long there was no progress and in which stage; empty while nothing is stuck.
        """
        stage, began_s = self._last
        longest_s = LONGEST_S.get(stage, FITTING_S) + (self._decode_timeout_s if stage == "photos" else 0.0)
        if loading:
            longest_s = max(longest_s, LOADING_S)
        silent_s = self._clock_s() - began_s
        return f"no progress for {silent_s:.0f} s ({stage})" if silent_s > longest_s else ""


class WatchdogFeeder:
    """Feeds systemd's watchdog from a thread of its own.

    Args:
        heartbeat: the loop's.
        n_unheard: gives how many canaries in a row were not heard.
        loading: tells whether a model is being loaded.
        every_s: seconds between two messages; None where nobody waits for them.
        notify: sends lines to systemd.
    """

    def __init__(
        self,
        heartbeat: Heartbeat,
        *,
        n_unheard: Callable[[], int],
        loading: Callable[[], bool],
        every_s: float | None,
        notify: Callable[..., object] = notify,
    ) -> None:
        self._heartbeat = heartbeat
        self._n_unheard = n_unheard
        self._loading = loading
        self._every_s = every_s
        self._notify = notify
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._withheld = ""

    def open(self) -> None:
        """Begin."""
        if self._every_s is not None:
            self._thread = threading.Thread(target=self._run, args=(self._every_s,), name="vecclust-watchdog")
            self._thread.daemon = True
            self._thread.start()

    def close(self) -> None:
        """End."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def feed(self) -> None:
        """Feed the watchdog, or withhold it and say why."""
        why = self._heartbeat.stuck(loading=self._loading())
        n_unheard = self._n_unheard()
        if not why and n_unheard >= MOST_UNHEARD:
            why = f"watching is deaf: {n_unheard} canaries in a row were not heard"
        if why and not self._withheld:
            log.error("%s; the watchdog is not fed", why)
            self._notify(f"STATUS={why}")
        self._withheld = why
        if not why:
            self._notify("WATCHDOG=1")

    def _run(self, every_s: float) -> None:
        self.feed()
        while not self._closed.wait(every_s):
            self.feed()
