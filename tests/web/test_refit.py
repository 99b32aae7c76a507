"""A refit that is handed to the daemon: followed while it is made, and what becomes of it said."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.web.served import DEADLINE_S, TestOpener, make
from vecclust import Client
from vecclust.errors import LibraryLocked, UsageError, VecclustError
from vecclust.library.watched import WatchedLibrary
from vecclust.types.progress import Progress, no_progress
from vecclust.types.runs import RefitReport
from vecclust.web.refit import ProposedRefit


class ScriptedClient(Client):
    """A daemon that fits when it is told to, and then fails."""

    def __init__(self, path: Path, *, kept: bool) -> None:
        super().__init__(path)
        self.kept = kept
        self.go = threading.Event()

    def is_answered(self) -> bool:
        """Say so."""
        return self.kept

    def recluster(self, *, dry_run: bool = False, progress: Progress = no_progress) -> RefitReport:
        """Tell of one step, wait, fail."""
        progress("layout", 3, 7)
        assert self.go.wait(DEADLINE_S)
        raise VecclustError("the daemon went away", hint="Look again.")


def until(refit: ProposedRefit, state: str, **facts: Any) -> None:
    """Wait for a state."""
    deadline = time.monotonic() + DEADLINE_S
    while (refit.view.state, *(getattr(refit.view, name) for name in facts)) != (state, *facts.values()):
        assert time.monotonic() < deadline, refit.view
        time.sleep(0.05)


def test_a_fit_of_the_daemon_is_followed_to_its_end(tmp_path: Path) -> None:
    """While it is under way nothing else is begun or given up; why it failed is kept. Another writer gets no fit."""
    make(tmp_path)
    opener = TestOpener(tmp_path / "library")
    client = ScriptedClient(tmp_path / "library", kept=False)
    refit = ProposedRefit(opener, client=client)
    refit.propose()
    until(refit, "proposed")
    with opener.open(write=True):
        with pytest.raises(LibraryLocked):
            refit.adopt()
        assert refit.view.state == "proposed"
        client.kept = True
        refit.adopt()
    until(refit, "handed", stage="layout", done=3, total=7)
    for refused in (refit.propose, refit.forget, refit.adopt):
        with pytest.raises(UsageError):
            refused()
    client.go.set()
    until(refit, "failed")
    assert refit.view.error is not None
    assert refit.view.error.message == "the daemon went away"
    refit.close()


def test_a_fit_is_adopted_once_the_library_is_let_go_of(tmp_path: Path) -> None:
    """Whoever is told that it is the current run can write at once: going back to the run before is not refused."""
    make(tmp_path)
    states: list[str] = []

    class Watching(TestOpener):
        def open(self, *, write: bool = False) -> WatchedLibrary:
            """Open a library that takes note of what is said of the refit when it is closed."""
            library = super().open(write=write)
            return library if not write else Closing(library)  # type: ignore[return-value]

    class Closing(AbstractContextManager[WatchedLibrary]):
        def __init__(self, library: WatchedLibrary) -> None:
            self._library = library

        def __enter__(self) -> WatchedLibrary:
            return self._library

        def __exit__(self, *error: object) -> None:
            states.append(refit.view.state)
            self._library.close()

    refit = ProposedRefit(Watching(tmp_path / "library"), client=ScriptedClient(tmp_path / "library", kept=False))
    refit.propose()
    until(refit, "proposed")
    refit.adopt()
    assert states == ["adopting"]
    assert refit.view.state == "adopted"
    refit.close()
