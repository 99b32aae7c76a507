"""The limits the daemon sets itself: priority of processor and disk, and threads; its processes inherit both.

Linux keeps priorities for each thread, so all that there are by now are lowered, the table library's among them. The
disk's are set by the bare system call: Python has none for it, and psutil would be one more compiled dependency for
this call alone, which it makes for processes and not for threads.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
from pathlib import Path

from vecclust.clustering import limit_threads
from vecclust.photos import available_cpus

log = logging.getLogger(__name__)

# ioprio_set(2): its number by machine (those of 64 bits and the Raspberry Pi's 32), "a thread", and the idle class.
_IOPRIO_SET = {
    "x86_64": 251,
    "aarch64": 30,
    "riscv64": 30,
    "loongarch64": 30,
    "ppc64le": 273,
    "s390x": 282,
    "armv7l": 314,
}
_WHO_THREAD, _IDLE = 1, 3 << 13

# Read by BLAS, OpenMP (torch), numba and LanceDB when they are loaded, in this process and in those it starts.
_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "LANCE_CPU_THREADS",
)


def lower_priority(nice: int) -> None:
    """Let other programs go first; a priority that is lower already stays.

    Args:
        nice: niceness from now on, 0 to 19; where it is above 0, the disk is used only when nobody else uses it.
    """
    if not hasattr(os, "setpriority"):
        return
    for thread in _threads():
        # A thread may end at any time.
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, max(nice, os.getpriority(os.PRIO_PROCESS, thread)))
        if nice > 0:
            _set_idle_io(thread)


def thread_limit(wanted: int) -> int:
    """Give how many threads the daemon takes at most.

    Args:
        wanted: the owner's number; 0 for half the processors, at least one.

    Returns:
        The number, at least 1.
    """
    return wanted or max(1, available_cpus() // 2)


def set_thread_limit(n_threads: int) -> None:
    """Limit the threads of what computes, here and in processes started from now on.

    What the owner set in the environment stays.

    Args:
        n_threads: at most so many, at least 1.
    """
    for variable in _VARIABLES:
        os.environ.setdefault(variable, str(n_threads))
    # numpy is loaded already and reads its variable no more.
    limit_threads(n_threads)


def _threads() -> list[int]:
    """Give the threads of this process as the system numbers them; 0, all of it, where it does not tell."""
    try:
        return [int(entry.name) for entry in Path("/proc/self/task").iterdir()]
    except OSError:
        return [0]


def _set_idle_io(thread: int) -> None:
    number = _IOPRIO_SET.get(os.uname().machine) if os.uname().sysname == "Linux" else None
    if number is None:
        return
    if ctypes.CDLL(None, use_errno=True).syscall(number, _WHO_THREAD, thread, _IDLE) != 0:
        log.debug("the disk's priority stays: %s", os.strerror(ctypes.get_errno()))
