"""Processes forked off one that has imported what they need: a start costs milliseconds, not the seconds of imports.

That one has only imported: no table is open in it and no lock held, so that a fork of it is as good as a start.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import Signals
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
# What jobs of tests import sooner or later; what is missing here is imported by each of them again.
PRELOADED = [
    "tests.library.killed_scan",
    "tests.store.killed_writer",
    "tests.daemon.watching",
    "vecclust.daemon.serve",
    "vecclust.clustering.fit",
    "sklearn.decomposition",
    "hdbscan",
]

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(PRELOADED)


class Forked:
    """A process, asked as one of `subprocess.Popen` is; it ends with the tests at the latest.

    Args:
        job: a function of a module; what it gives to `sys.exit` is the exit code.
        arguments: its arguments.
        environment: the variables it has; None for those of this process.
    """

    def __init__(self, job: Callable[..., None], *arguments: Any, environment: Mapping[str, str] | None = None) -> None:
        said, self._said = tempfile.mkstemp(prefix="vecclust-said-")
        os.close(said)
        given = dict(os.environ if environment is None else environment)
        self._process = _server.Process(target=_run, args=(job, arguments, self._said, given), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, less than 0 for a signal, or None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Give its exit code, or None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """Kill it by SIGKILL."""
        self._process.kill()

    def send_signal(self, number: Signals) -> None:
        """Send a signal, where it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, so many seconds at most."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(str(self._process), timeout)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end, and give what it wrote to either stream, as stderr's."""
        self.wait(timeout)
        try:
            return "", Path(self._said).read_text(encoding="utf-8", errors="replace")
        finally:
            os.truncate(self._said, 0)


def _run(job: Callable[..., None], arguments: tuple[Any, ...], said: str, environment: Mapping[str, str]) -> None:
    os.chdir(PROJECT)
    os.environ.clear()
    os.environ.update(environment)
    with open(said, "ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    job(*arguments)
