"""The inside of a child process: set limits, say ready, then one call after another until the parent is gone.

Knows nothing of photos: it is told one function at the start and calls it with what it is sent. It imports
next to nothing itself, ignores Ctrl-C (the parent decides), dies with its parent, and is killed by the
kernel when a call takes much too long, so that neither a crash nor a `kill -9` of the parent leaves an
orphan behind.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

# The parent kills first; this much later the kernel does it, should the parent be stopped or gone.
_ALARM_SLACK_S = 5.0

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class ChildOrder:
    """What a child is told first.

    Attributes:
        function: what to call; it must be importable by name.
        parent_pid: whose child it is.
        time_s: longest time of one call.
        memory_bytes: most address space, where the system can limit it; 0 for no limit.
    """

    function: Callable[..., Any]
    parent_pid: int
    time_s: float
    memory_bytes: int


def serve(handle: int) -> None:
    """Serve calls until the parent hangs up.

    Args:
        handle: descriptor of the connection to the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(handle)
    try:
        order: ChildOrder = connection.recv()
        _die_with(order.parent_pid)
        _limit_memory(order.memory_bytes)
        connection.send(True)
        while True:
            arguments = connection.recv()
            signal.setitimer(signal.ITIMER_REAL, order.time_s + _ALARM_SLACK_S)
            connection.send(_call(order.function, arguments))
            signal.setitimer(signal.ITIMER_REAL, 0)
    except (EOFError, ConnectionError):
        pass  # the parent hung up: the ordinary end


def _call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    try:
        return True, function(*arguments)
    except Exception as error:  # the border of the process: what was not foreseen is the parent's to raise
        return False, f"{type(error).__name__}: {error}"


def _die_with(parent_pid: int) -> None:
    """Ask Linux to kill this process when its parent ends, however that ends; elsewhere the hang-up does."""
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)  # it ended before we could ask


def _limit_memory(memory_bytes: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # macOS accepts the limit and does not hold it.
    if memory_bytes > 0 and sys.platform.startswith("linux"):
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        soft = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
