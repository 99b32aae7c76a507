"""A refit from the pages: proposed, looked at, and then adopted or forgotten.

The fit runs in a process of its own, and the one that is adopted is the very same fit whose difference was shown,
unless a daemon keeps the library: it alone writes, so it makes the fit itself.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from vecclust.errors import LibraryLocked, UsageError, VecclustError
from vecclust.library.fit_process import FitFailed, FitProcess
from vecclust.server.client import Client
from vecclust.web.opener import LibraryOpener
from vecclust.web.pages import FitView

log = logging.getLogger(__name__)

REASON = "on demand"
# How soon a step of a fit, and its end, are seen.
STEP_POLL_S = 0.1


class ProposedRefit:
    """Refits of one library, one at a time.

    Args:
        opener: opens the library.
        client: hands a fit to the daemon where one keeps the library.
    """

    def __init__(self, opener: LibraryOpener, *, client: Client) -> None:
        self._opener = opener
        self._client = client
        self._lock = threading.Lock()
        self._view = FitView()
        self._process: FitProcess | None = None

    @property
    def view(self) -> FitView:
        """Where the refit stands."""
        return self._view

    def propose(self) -> None:
        """Begin a fit; the one before it is forgotten.

        Raises:
            UsageError: one is under way.
            NotFound: the library is gone.
        """
        with self._lock:
            if self._view.state in ("fitting", "adopting", "handed"):
                raise UsageError("a fit is under way", hint="Wait for it, or stop it.")
            self._forget()
            with self._opener.open() as library:
                folder, params = library.folder, library.fit_params.as_dict()
            self._process = FitProcess(folder, Path(tempfile.mkdtemp(prefix="vecclust-fit-")) / "fit", nice=0)
            self._process.start(params, preview=True)
            self._view = FitView("fitting")
            threading.Thread(target=self._follow, args=(self._process,), daemon=True, name="vecclust-fit").start()

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
            process, before = self._process, self._view
            if before.state != "proposed" or process is None:
                raise UsageError("no fit is proposed", hint="See what would change first.")
            self._view = replace(before, state="adopting")
        try:
            with self._opener.open(write=True) as library:
                report = library.adopt(process.result(), reason=REASON)
            # Not before the library is let go of: who sees it may want to write at once.
            self._end(FitView("adopted", report=report))
        except LibraryLocked:
            if not self._client.is_answered():
                self._view = before
                raise
            self._end(FitView("handed"))
            threading.Thread(target=self._hand_over, daemon=True, name="vecclust-fit").start()
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

    def _hand_over(self) -> None:
        """Have the daemon fit anew, and take note of how far it has come."""

        def note(stage: str, done: int, total: int) -> None:
            self._view = FitView("handed", stage, done, total)

        try:
            self._view = FitView("adopted", report=self._client.recluster(progress=note))
        except VecclustError as error:
            log.info("the daemon did not fit: %s", error)
            self._view = FitView("failed", error=error)

    def _forget(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()
            process.folder.parent.rmdir()

    def _follow(self, process: FitProcess) -> None:
        """Take note of how far the fit is, to its end."""
        while True:
            time.sleep(STEP_POLL_S)
            with self._lock:
                if self._process is not process:  # it was given up meanwhile
                    return
                try:
                    for stage, done, total in process.progress():
                        self._view = replace(self._view, stage=stage, done=done, total=total)
                    if process.poll():
                        self._view = FitView("proposed", report=process.preview())
                        return
                except FitFailed as error:
                    log.info("the fit failed: %s", error)
                    self._view = FitView("failed", error=error.error)
                    return
