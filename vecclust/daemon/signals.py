"""What signals mean while the daemon runs: the first of SIGTERM and Ctrl-C ends it well, SIGHUP scans.

The first one raises `Stopped` wherever the main thread is, which commits the batch in hand on its way out. From then
on both have the system's own meaning, so that a second one insists even while a library's C code keeps Python's
handlers from running; processes that were started notice by themselves. A signal that strikes where Python swallows
exceptions, as while an object is let go, is remembered, and nothing is written about it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Stopped(BaseException):
    """Somebody asked the daemon to end; passes through every `except Exception`."""


class Stop:
    """Remembers that the daemon was asked to end, and knows what a hangup means at present.

    Attributes:
        asked: whether it was.
        hangup: called for SIGHUP, between any two instructions.
    """

    def __init__(self) -> None:
        self.asked = False
        self.hangup: Callable[[], object] = lambda: None

    def check(self) -> None:
        """Raise where it was.

        Raises:
            Stopped: it was.
        """
        if self.asked:
            raise Stopped


@contextmanager
def catch_signals() -> Iterator[Stop]:
    """Act on signals inside the block, and end it quietly when asked to; only for the main thread.

    Yields:
        Whether the end was asked for.
    """
    stop = Stop()

    def end(number: int, frame: FrameType | None) -> None:
        stop.asked = True
        for final in (signal.SIGTERM, signal.SIGINT):
            signal.signal(final, signal.SIG_DFL)
        raise Stopped

    def look(number: int, frame: FrameType | None) -> None:
        stop.hangup()

    told = sys.unraisablehook

    def tell(swallowed: Any) -> None:
        if not isinstance(swallowed.exc_value, Stopped):
            told(swallowed)

    earlier: dict[int, Any] = {}
    sys.unraisablehook = tell
    try:
        for number, handler in (
            (getattr(signal, "SIGHUP", None), look),
            (signal.SIGTERM, end),
            (signal.SIGINT, end),
        ):
            if number is not None:
                earlier[number] = signal.signal(number, handler)
        yield stop
    except Stopped:
        pass
    finally:
        sys.unraisablehook = told
        for number, handler in earlier.items():
            signal.signal(number, handler)
