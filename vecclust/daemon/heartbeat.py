"""Whether the daemon really makes progress, and systemd's watchdog, fed only while it does.

The loop says what it begins, each stage may take only so long, and a thread beside it compares the two with the clock:
a loop that is stuck in a library, a disk or a lock is restarted, one that loads a model for an hour is not. The thread
is Python's, so code that never gives the interpreter back starves the watchdog too.

Messages go to systemd over the socket that `Type=notify` names; see sd_notify(3).
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping

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


def notify(*lines: str) -> bool:
    """Send lines such as `READY=1`, `STATUS=…` or `WATCHDOG=1`; where systemd does not listen, nothing happens.

    Args:
        lines: assignments.

    Returns:
        Whether they were sent.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        # A manager that does not listen must not hold up the daemon.
        sender.setblocking(False)
        sender.sendto("\n".join(lines).encode(errors="replace"), address)
        return True
    return False


def watchdog_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """Give how often `WATCHDOG=1` is to be sent: three times as often as systemd asks for.

    Args:
        environment: variables.

    Returns:
        Seconds between two messages; None where systemd does not wait for any.
    """
    # Variables are inherited: what systemd says to our parent is not for us.
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        timeout_s = int(environment.get("WATCHDOG_USEC", "")) / 1e6
    except ValueError:
        return None
    return timeout_s / 3 if timeout_s > 0 else None


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
