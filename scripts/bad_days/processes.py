"""Processes forked off this one, in which everything is imported and compiled already.

A process that is started anew takes a second or two before it does anything; one that is forked takes milliseconds, and
is a process all the same: with a group, a disk, rights and an end of its own. Nothing of a library may be open here
when one is forked.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

# What a process returns that ended by an error that nobody thought of.
DEFECT = 70
# Bytes that a process may print before anybody reads them.
_MOST_SAID = 1 << 20
# Rights by which root is refused nothing: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
_CAPABILITIES = (1, 2)
_PR_CAPBSET_DROP = 24
_CAPABILITY_VERSION = 0x20080522


class Forked:
    """A process that calls one function and ends.

    Args:
        work: what it does; what it returns is its exit status.
        prepare: called in it first.

    Attributes:
        pid: its number, and that of its group.
        returncode: how it ended, as `subprocess` says it; None before.
    """

    def __init__(self, work: Callable[[], int], *, prepare: Callable[[], object] = lambda: None) -> None:
        self.returncode: int | None = None
        # Not files, which would be subject to what is done to its disk.
        pipes = [os.pipe(), os.pipe()]
        self._ends, self._said = [reading for reading, _ in pipes], [b"", b""]
        sys.stdout.flush(), sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._work(work, prepare, [writing for _, writing in pipes])
        for reading, writing in pipes:
            os.close(writing)
            os.set_blocking(reading, False)
            fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, _MOST_SAID)
        # Here too, so that the group is there whoever runs first.
        with contextlib.suppress(OSError):
            os.setpgid(self.pid, self.pid)

    def poll(self) -> int | None:
        """Say how it ended; None while it has not."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, seconds: float) -> bool:
        """Wait for its end; tell whether it came.

        Args:
            seconds: for how long.
        """
        until_s = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < until_s:
            time.sleep(0.005)
        return self.returncode is not None

    def signal(self, number: int, *, group: bool = True) -> None:
        """Send a signal.

        Args:
            number: which.
            group: to its children too.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            (os.killpg if group else os.kill)(self.pid, number)

    def children(self) -> list[int]:
        """Name the processes that it has started and that have not ended."""
        found = []
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{self.pid}/task"):
                text = Path(f"/proc/{self.pid}/task/{thread}/children").read_text()
                found += [int(one) for one in text.split()]
        return found

    def said(self) -> tuple[str, str]:
        """Give what it printed, and what it complained of."""
        for place, end in enumerate(self._ends):
            with contextlib.suppress(BlockingIOError):
                self._said[place] += os.read(end, _MOST_SAID)
        return self._said[0].decode(errors="replace"), self._said[1].decode(errors="replace")

    def close(self) -> None:
        """Listen no longer."""
        while self._ends:
            os.close(self._ends.pop())

    def _work(self, work: Callable[[], int], prepare: Callable[[], object], ends: list[int]) -> None:
        """Be that process, to its end."""
        status = DEFECT
        try:
            os.setpgid(0, 0)
            for end, number in zip(ends, (1, 2), strict=True):
                os.dup2(end, number)
                os.close(end)
            prepare()
            status = work()
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush(), sys.stderr.flush()
            os._exit(status)


def warm_up() -> None:
    """Import what processes need, and compile the loops of a fit."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
        # Threads do not survive a fork; those of these libraries are waited for all the same.
        os.environ[name] = "1"
    import numpy as np

    import vecclust.cli.app
    import vecclust.cli.backups
    import vecclust.cli.doctor
    import vecclust.daemon.serve
    import vecclust.library.checkup
    import vecclust.library.daily
    import vecclust.library.migration.migration
    import vecclust.library.runs.refit
    import vecclust.library.watched
    import vecclust.store.checkup
    import vecclust.store.mending
    import vecclust.store.restoring
    import vecclust.testing  # noqa: F401
    from vecclust.clustering import FitParams, fit
    from vecclust.store.vendor import load_lancedb

    load_lancedb()
    chance = np.random.default_rng(0)
    points = np.concatenate([chance.normal(0, 0.1, (12, 32)) + chance.normal(0, 1, 32) for _ in range(4)])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    fit(points.astype(np.float32), FitParams(reducer="pca"))
    # lancedb mends itself in a fork, and says each time that this is new.
    warnings.filterwarnings("ignore", message="lancedb fork support")
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*multi-threaded.*fork")
    gc.collect()
    gc.freeze()


def limit_files(size_bytes: int) -> None:
    """Have this process's disk take no file longer than so many bytes.

    Args:
        size_bytes: the limit.
    """
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


def give_up_rights() -> None:
    """Be refused what permissions refuse, for good, whoever this process runs as; so are those that it starts."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in _CAPABILITIES:
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "cannot give up rights")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "cannot read rights")
    mask = sum(1 << capability for capability in _CAPABILITIES)
    # Effective, permitted and inheritable, of the lower 32.
    for place in range(3):
        sets[place] &= ~mask & 0xFFFFFFFF
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "cannot give up rights")
