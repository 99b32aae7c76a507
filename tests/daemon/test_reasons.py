"""Why the daemon fits anew: newcomers that gather, and photos unlike the last fit's; real photos, tables and fits."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.library.filled import filled_library
from tests.library.test_library import noisy
from tests.watching.scripted import ScriptedWatcher
from vecclust.config import WatchConfig
from vecclust.daemon import Daemon
from vecclust.library.fit_process import FitProcess
from vecclust.library.watched import WatchedLibrary

DEADLINE_S = 120.0
ONLY_BY_CONTENT = WatchConfig(
    refit_share=10.0, refit_least=10_000, refit_longest_s=0.0, refit_quiet_s=60.0, refit_pause_s=0.0, idle_s=0.0
)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[WatchedLibrary]:
    """A library of 30 photos with a first run."""
    with filled_library(tmp_path, n_each=10) as opened:
        yield opened


class Watch:
    """A daemon over a library, led through time by hand."""

    def __init__(self, library: WatchedLibrary, config: WatchConfig) -> None:
        self.now_s = 1000.0
        self.process = FitProcess(library.folder)
        watcher = ScriptedWatcher(pass_time=self._pass)
        self.daemon = Daemon(
            library,
            watcher,
            fit_process=self.process,
            config=config,
            clock_s=lambda: self.now_s,
        )

    def _pass(self, seconds: float) -> None:
        self.now_s += max(1.0, seconds)

    def turn(self, seconds: float) -> None:
        """Let so much time pass, or less where a fit begins."""
        until_s = self.now_s + seconds
        while self.now_s < until_s and self.process.pid is None:
            self.daemon.work()
            self.daemon.listen()

    def see_the_fit_through(self) -> None:
        """Wait for the fit under way and have it adopted."""
        child = self.process._child
        assert child is not None
        assert child.wait(DEADLINE_S) == 0
        self.daemon.work()
        assert self.process.pid is None


def gathered(album: Path) -> None:
    """Six photos of one new kind."""
    for number in range(6):
        (album / f"yellow{number}.jpg").write_bytes(noisy((235, 220, 40), number))


def scattered(album: Path) -> None:
    """Sixty photos of hardly any kind."""
    for number, colour in enumerate(np.random.default_rng(5).integers(0, 255, (60, 3))):
        (album / f"odd{number}.jpg").write_bytes(noisy(tuple(colour.tolist()), number))


@pytest.mark.parametrize(("come", "why"), [(gathered, "a group of 6 new photos"), (scattered, "drift: ")])
def test_arrivals_unlike_the_fit_are_a_reason(
    library: WatchedLibrary, come: Callable[[Path], None], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Said in status before, in the log and with the run after; such a group is a cluster then."""
    come(Path(library.folders()[0]))
    watch = Watch(library, dataclasses.replace(ONLY_BY_CONTENT, refit_newcomers=come is gathered))
    watch.turn(30.0)
    status = library.status()
    assert (status.gathered == 6, status.drift.alarmed) == (come is gathered, come is scattered)
    assert library.runs()[1] == "r1"
    with caplog.at_level(logging.INFO, logger="vecclust.daemon"):
        watch.turn(120.0)
        watch.see_the_fit_through()
    runs, current = library.runs()
    assert current == "r2"
    assert runs[-1].reason.startswith(why)
    assert runs[-1].reason in caplog.text
    status = library.status()
    assert (status.gathered, status.newcomers, status.drift.n_recent) == (0, 0, 0)
    if come is gathered:
        assert runs[-1].changes["born"] == 1
        assert "1 born" in caplog.text
        ids = {library.photo(Path(library.folders()[0]) / f"yellow{number}.jpg").cluster for number in range(6)}
        assert len(ids) == 1
        assert None not in ids
    watch.turn(600.0)
    assert watch.process.pid is None, "what was fitted is no reason any more"


@pytest.mark.parametrize("held", ["hours", "pause", "owner"])
def test_a_group_of_newcomers_waits_like_any_other_reason(library: WatchedLibrary, held: str) -> None:
    """For quiet hours and the shortest pause; and the owner may do without it."""
    gathered(Path(library.folders()[0]))
    changes: dict[str, dict[str, Any]] = {
        "hours": {"quiet_hours": "00:00-12:00, 12:00-00:00"},
        "pause": {"refit_pause_s": 3600.0},
        "owner": {"refit_newcomers": False},
    }
    watch = Watch(library, dataclasses.replace(ONLY_BY_CONTENT, **changes[held]))
    watch.turn(900.0)
    assert library.status().gathered == 6
    assert watch.process.pid is None
    assert library.runs()[1] == "r1"
