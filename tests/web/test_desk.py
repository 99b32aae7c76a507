"""A refit that is handed to the daemon: followed while it is made, and what becomes of it said."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.web.served import DEADLINE_S, TestOpener, make
from vecclust.errors import LibraryLocked, UsageError, VecclustError
from vecclust.server.front import Front
from vecclust.types.progress import Progress, no_progress
from vecclust.types.runs import RefitReport
from vecclust.web.desk import Desk


class ScriptedFront(Front):
    """A daemon that fits when it is told to, and then fails."""

    def __init__(self, path: Path, *, kept: bool) -> None:
        super().__init__(path)
        self.kept = kept
        self.go = threading.Event()

    def is_kept(self) -> bool:
        """Say so."""
        return self.kept

    def recluster(self, *, dry_run: bool = False, progress: Progress = no_progress) -> RefitReport:
        """Tell of one step, wait, fail."""
        progress("layout", 3, 7)
        assert self.go.wait(DEADLINE_S)
        raise VecclustError("the daemon went away", hint="Look again.")


def until(desk: Desk, state: str, **facts: Any) -> None:
    """Wait for a state."""
    deadline = time.monotonic() + DEADLINE_S
    while (desk.view.state, *(getattr(desk.view, name) for name in facts)) != (state, *facts.values()):
        assert time.monotonic() < deadline, desk.view
        time.sleep(0.05)


def test_a_fit_of_the_daemon_is_followed_to_its_end(tmp_path: Path) -> None:
    """While it is under way nothing else is begun or given up; why it failed is kept. Another writer gets no fit."""
    make(tmp_path)
    opener = TestOpener(tmp_path / "library")
    front = ScriptedFront(tmp_path / "library", kept=False)
    desk = Desk(opener, front=front)
    desk.propose()
    until(desk, "proposed")
    with opener.open(write=True):
        with pytest.raises(LibraryLocked):
            desk.adopt()
        assert desk.view.state == "proposed"
        front.kept = True
        desk.adopt()
    until(desk, "handed", stage="layout", done=3, total=7)
    for refused in (desk.propose, desk.forget, desk.adopt):
        with pytest.raises(UsageError):
            refused()
    front.go.set()
    until(desk, "failed")
    assert desk.view.error is not None
    assert desk.view.error.message == "the daemon went away"
    desk.close()
