"""What signals mean while the daemon runs: the first of SIGTERM and Ctrl-C ends it well, SIGHUP looks at everything.

The first one raises `Stopped` wherever the main thread is, which commits the batch in hand on its way out, and puts
the earlier handlers back, so that a second one insists. A signal that strikes where Python swallows exceptions is
remembered.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Stopped(BaseException):
    """Somebody asked the daemon to end; passes through every `except Exception`."""


class Stop:
    """Remembers that the daemon was asked to end."""

    def __init__(self) -> None:
        self.asked = False

    def check(self) -> None:
        """Raise where it was.

        Raises:
            Stopped: it was.
        """
        if self.asked:
            raise Stopped


@contextmanager
def obeyed(hangup: Callable[[], None]) -> Iterator[Stop]:
    """Obey signals inside the block; only for the main thread.

    Args:
        hangup: called for SIGHUP, between any two instructions.

    Yields:
        Whether the end was asked for.
    """
    stop = Stop()
    earlier: dict[signal.Signals, Any] = {}

    def put_back() -> None:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        earlier.clear()

    def end(number: int, frame: FrameType | None) -> None:
        stop.asked = True
        put_back()
        raise Stopped

    def look(number: int, frame: FrameType | None) -> None:
        hangup()

    for number, handler in (
        (signal.SIGTERM, end),
        (signal.SIGINT, end),
        (getattr(signal, "SIGHUP", None), look),
    ):
        if number is not None:
            earlier[number] = signal.signal(number, handler)
    try:
        yield stop
    finally:
        put_back()
