"""A refit in a process of its own, of low priority, that only reads: watching and labelling go on meanwhile.

The child fits what it reads and leaves a finding in a folder of the library; the daemon, the one writer, adopts it.
A child that fails or is killed leaves nothing but that folder, which is thrown away; the earlier run stays in force.
It ends when the pipe at its input does, so it does not outlive a daemon that was killed.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecclust.errors import StoreError, VecclustError
from vecclust.server.wire import unpack_error
from vecclust.types.runs import RefitKind

if TYPE_CHECKING:
    from vecclust.library.runs import Finding

log = logging.getLogger(__name__)

# What the child leaves beside its finding: lines that say how far it is, and why it refused.
PROGRESS, REFUSAL = "progress", "refusal.json"
# After this a child that was told to end is killed.
PATIENCE_S = 5.0


class RefitFailed(Exception):
    """The refit's process ended without a finding.

    Args:
        message: how it ended.
        error: why, where it said so itself.
    """

    def __init__(self, message: str, *, error: VecclustError | None = None) -> None:
        super().__init__(message)
        self.error = error or StoreError(f"a fit failed, the earlier run stays in force: {message}")


class Refitter:
    """At most one refit under way.

    Args:
        library: the library's directory.
        nice: how much lower than this process's its priority is.
    """

    def __init__(self, library: Path, *, nice: int = 10) -> None:
        self._library = library
        self._nice = nice
        self._folder = library / "watch" / "fit"
        self._child: subprocess.Popen[bytes] | None = None
        self._n_heard = 0
        self.reason = ""

    @property
    def pid(self) -> int | None:
        """The process of the refit under way."""
        return None if self._child is None else self._child.pid

    def start(self, params: Mapping[str, Any], *, reason: str, kind: RefitKind | None = "full") -> None:
        """Begin.

        Args:
            params: `FitParams.as_dict()`.
            reason: why, kept with the run.
            kind: what kind of fit, None for the cheapest that will do; see `vecclust.library.runs.find`.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._n_heard = 0
        self.reason = reason
        asked = json.dumps({"params": dict(params), "nice": self._nice, "kind": kind})
        command = [sys.executable, "-m", "vecclust.daemon.fitting", str(self._library), str(self._folder), asked]
        # A process group of its own: Ctrl-C in a terminal goes to the daemon alone, which ends this.
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, process_group=0)

    def heard(self) -> list[tuple[str, int, int]]:
        """Give the stages, done and total, that the process told of since the last call."""
        try:
            told = (self._folder / PROGRESS).read_bytes()
        except OSError:
            return []
        fresh = told[self._n_heard : told.rfind(b"\n") + 1]
        self._n_heard += len(fresh)
        return [(stage, done, total) for stage, done, total in map(json.loads, fresh.splitlines())]

    def poll(self) -> Finding | None:
        """Give the finding once it is there, None while it is being made.

        Raises:
            RefitFailed: it will not come.
        """
        if self._child is None or self._child.poll() is None:
            return None
        status = self._child.returncode
        self._forget_child()
        try:
            if status != 0:
                raise self._failure(status)
            from vecclust.library.runs import load_finding

            return load_finding(self._folder)
        except StoreError as error:
            raise RefitFailed(error.message, error=error) from error
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _failure(self, status: int) -> RefitFailed:
        """Say why the process ended as it did."""
        try:
            error = unpack_error(json.loads((self._folder / REFUSAL).read_text(encoding="ascii")))
        except (OSError, ValueError):
            return RefitFailed(f"its process ended with {status}")
        return RefitFailed(error.message, error=error)

    def close(self) -> None:
        """End the process, if there is one."""
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            self._forget_child()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _forget_child(self) -> None:
        """Let go of a process that has ended, and of our end of its pipe."""
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
        self._child = None
