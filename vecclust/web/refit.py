"""The one refit that may be under way: proposed by a process that only reads, adopted when the owner says so.

What is adopted is the very fit whose difference was shown, unless a daemon keeps the library: it alone writes, so it
makes the fit itself. The process is killed when it is not wanted any more.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from vecclust.errors import LibraryLocked, UsageError, VecclustError
from vecclust.library.watched import WatchedLibrary
from vecclust.server.client import Client
from vecclust.types.runs import RefitReport
from vecclust.web.opener import Opener
from vecclust.web.pages import FitView

log = logging.getLogger(__name__)

REASON = "on demand"
_DIED = "the process that fits has ended without an answer"


class ProposedRefit:
    """Refits of one library.

    Args:
        opener: how to open the library.
        client: hands a fit to the daemon where one keeps the library.
    """

    def __init__(self, opener: Opener, *, client: Client) -> None:
        self._opener = opener
        self._client = client
        self._lock = threading.Lock()
        self._view = FitView()
        self._child: subprocess.Popen[str] | None = None
        self._folder: Path | None = None

    @property
    def view(self) -> FitView:
        """Where the refit stands."""
        return self._view

    def propose(self) -> None:
        """Begin a fit; the one before it is forgotten.

        Raises:
            UsageError: one is under way.
        """
        with self._lock:
            self._refuse_busy()
            self._forget()
            self._folder = Path(tempfile.mkdtemp(prefix="vecclust-fit-"))
            command = [sys.executable, "-m", "vecclust.web.proposing", self._opener.as_json(), str(self._folder)]
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            self._view = FitView("fitting")
            threading.Thread(target=self._hear, args=(self._child,), daemon=True, name="vecclust-fit").start()

    def forget(self) -> None:
        """Give up what is under way or proposed.

        Raises:
            UsageError: it is being made the current run this moment.
        """
        with self._lock:
            if self._view.state in ("adopting", "handed"):
                raise UsageError("it is being made the current run", hint="Go back to the run before it afterwards.")
            self._forget()
            self._view = FitView()

    def adopt(self) -> None:
        """Make the proposed fit the current run; have the daemon fit anew where it keeps the library.

        The daemon's fit goes on after the call, as `view` tells.

        Raises:
            UsageError: none is proposed.
            LibraryLocked: another writer holds the library; the fit stays proposed.
            StoreError: the tables refuse.
        """
        with self._lock:
            folder, before = self._folder, self._view
            if before.state != "proposed" or folder is None:
                raise UsageError("no fit is proposed", hint="See what would change first.")
            self._view = replace(before, state="adopting")
        try:
            with self._opener.open(write=True) as library:
                self._end(FitView("adopted", report=_adopt(library, folder)))
        except LibraryLocked:
            if not self._client.is_answered():
                self._view = before
                raise
            self._end(FitView("handed"))
            threading.Thread(target=self._follow, daemon=True, name="vecclust-fit").start()
        except BaseException:
            self._view = before
            raise

    def close(self) -> None:
        """End what is under way."""
        with self._lock:
            self._forget()

    def _end(self, view: FitView) -> None:
        with self._lock:
            self._forget()
            self._view = view

    def _follow(self) -> None:
        """Have the daemon fit anew, and take note of how far it has come."""

        def note(stage: str, done: int, total: int) -> None:
            self._view = FitView("handed", stage, done, total)

        try:
            self._view = FitView("adopted", report=self._client.recluster(progress=note))
        except VecclustError as error:
            log.info("the daemon did not fit: %s", error)
            self._view = FitView("failed", error=error)

    def _refuse_busy(self) -> None:
        if self._view.state in ("fitting", "adopting", "handed"):
            raise UsageError("a fit is under way", hint="Wait for it, or stop it.")

    def _forget(self) -> None:
        child, self._child = self._child, None
        if child is not None and child.poll() is None:
            child.kill()
            child.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _hear(self, child: subprocess.Popen[str]) -> None:
        """Take note of what the process says, to its end."""
        last: dict[str, Any] = {}
        assert child.stdout is not None, "it was started with one"
        with child.stdout as lines:
            for line in lines:
                last = json.loads(line)
                if "stage" in last:
                    self._note(child, lambda view, said=last: replace(view, **said))  # type: ignore[misc]
        status = child.wait()
        if "report" in last:
            report = RefitReport(**last["report"])
            self._note(child, lambda view: FitView("proposed", report=report))
            return
        error = last.get("error", {"message": f"{_DIED} ({status})", "hint": "The terminal may say more."})
        log.info("the fit failed: %s", error["message"])
        self._note(child, lambda view: FitView("failed", error=VecclustError(error["message"], hint=error["hint"])))

    def _note(self, child: subprocess.Popen[str], change: Callable[[FitView], FitView]) -> None:
        with self._lock:
            if self._child is child:  # else it was given up meanwhile
                self._view = change(self._view)


def _adopt(library: WatchedLibrary, folder: Path) -> RefitReport:
    from vecclust.library.runs import load_finding

    return library.adopt(load_finding(folder), reason=REASON)
