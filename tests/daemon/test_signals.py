"""Signals: the first ends the daemon well, the second insists."""

from __future__ import annotations

import os
import signal

import pytest

from vecclust.daemon import Stopped
from vecclust.daemon.signals import obeyed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_ends_it_and_the_second_goes_where_it_went_before(number: signal.Signals) -> None:
    """So a daemon that is slow to end can be ended all the same."""
    struck: list[int] = []
    earlier = signal.signal(number, lambda number, frame: struck.append(number))
    try:
        with pytest.raises(Stopped), obeyed(lambda: None) as stop:
            signal.raise_signal(number)
        assert stop.asked
        with pytest.raises(Stopped):
            stop.check()
        os.kill(os.getpid(), number)
        assert struck == [number]
    finally:
        signal.signal(number, earlier)


def test_hangup_asks_and_goes_on() -> None:
    """Any number of times."""
    asked: list[str] = []
    with obeyed(lambda: asked.append("look")) as stop:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        stop.check()
    assert asked == ["look", "look"]
