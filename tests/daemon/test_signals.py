"""Signals: the first ends the daemon well, the second insists."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from vecclust.daemon import Stopped, serve
from vecclust.daemon.signals import catch_signals
from vecclust.library.watched import WatchedLibrary

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_ends_the_block_and_earlier_meanings_come_back(number: signal.Signals) -> None:
    """Quietly, and what it struck can tell that it was asked."""
    earlier = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    went_on = False
    with catch_signals() as stop:
        with pytest.raises(Stopped):
            signal.raise_signal(number)
        assert stop.asked
        assert signal.getsignal(signal.SIGTERM) == signal.getsignal(signal.SIGINT) == signal.SIG_DFL
        stop.check()
        went_on = True
    assert not went_on
    assert {each: signal.getsignal(each) for each in earlier} == earlier


class _EndsWithASignal:
    """Whatever is done while an object is let go, Python swallows what is raised there, and says so."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


class _EndsWithADefect:
    def __del__(self) -> None:
        raise ValueError("a defect")


def test_one_that_python_swallows_is_remembered_and_nothing_is_written_of_it(capfd: pytest.CaptureFixture[str]) -> None:
    """No traceback, unlike of a defect; and only while the block lasts."""
    told = sys.unraisablehook
    with catch_signals() as stop:
        # pytest listens there too.
        sys.unraisablehook, ours = sys.__unraisablehook__, sys.unraisablehook
        with catch_signals() as inner:
            _EndsWithASignal()
            assert inner.asked
            assert not capfd.readouterr().err
            _EndsWithADefect()
            assert "a defect" in capfd.readouterr().err
        sys.unraisablehook = ours
        assert not stop.asked
    assert sys.unraisablehook is told


BUSY = """
import hashlib, signal
from vecclust.daemon import Stopped
from vecclust.daemon.signals import catch_signals
with catch_signals():
    try:
        signal.raise_signal(signal.SIGTERM)
    except Stopped:
        print("asked", flush=True)
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # minutes of C code, in which no Python handler runs
"""


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_one_insists_even_while_c_code_runs(second: signal.Signals) -> None:
    """Whatever a library is busy with."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True, cwd=PROJECT) as busy:
        try:
            assert busy.stdout is not None
            assert busy.stdout.readline() == "asked\n"
            busy.send_signal(second)
            assert busy.wait(DEADLINE_S) == -second
        finally:
            busy.kill()


def test_one_that_strikes_while_the_library_is_opened_ends_it_well_too() -> None:
    """A service that is stopped right after its start has not failed."""

    def open_library() -> WatchedLibrary:
        signal.raise_signal(signal.SIGTERM)
        return refuse()

    serve(open_library)


def refuse() -> NoReturn:
    """Fail."""
    raise AssertionError("it went on")


def test_hangup_asks_and_goes_on() -> None:
    """Any number of times, whatever it means at the time."""
    asked: list[str] = []
    with catch_signals() as stop:
        signal.raise_signal(signal.SIGHUP)
        stop.hangup = lambda: asked.append("look")
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        stop.check()
    assert asked == ["look", "look"]
