"""Functions that the tests have called in child processes: well-behaved, crashing, hanging, greedy."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import NoReturn


def double(number: int) -> int:
    """Answer."""
    return 2 * number


def behave(how: str) -> str:
    """Do what the name says, to the process it runs in."""
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "abort":
        os.abort()
    elif how == "exit":
        os._exit(3)
    elif how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "print":
        os.write(1, b"a line on stdout\n")
        os.write(2, b"a line on stderr\n")
        print("another")
    elif how == "hang":
        threading.Event().wait()
    elif how == "eat":
        return str(len(bytearray(8 << 30)))
    elif how == "raise":
        raise LookupError("not foreseen")
    elif how == "modules":
        return " ".join(sorted(sys.modules))
    elif how == "pid":
        return str(os.getpid())
    elif how == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
    return how


def end_once(mark: str, number: int) -> str:
    """End by a signal that somebody sent, before Python has a say, unless a file tells that this was done."""
    if not os.path.exists(mark):
        with open(mark, "x"):
            pass
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        threading.Event().wait()
    return "answered"


def never(announce: str = "") -> NoReturn:
    """Hang, and say so first by making a file where one is named."""
    if announce:
        with open(announce, "x"):
            pass
    threading.Event().wait()
    raise AssertionError
