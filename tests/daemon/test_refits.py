"""Refits beside the loop: tried again after a pause where they fail; and what the loop does first."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest

from tests.library.test_fit_process import library as library
from tests.library.test_library import picture
from tests.watching.scripted import ScriptedWatcher
from vecclust.config import WatchConfig
from vecclust.daemon import Daemon
from vecclust.library.fit_process import FitFailed, FitProcess
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder
from vecclust.watching import Hint


class FailingProcess(FitProcess):
    """Fails at every look, and counts its starts."""

    n_started = 0
    kinds: frozenset[object] = frozenset()

    def start(self, params: object, *, kind: object = "full", preview: bool = False) -> None:
        """Pretend."""
        self.n_started += 1
        self.kinds |= {kind}

    def poll(self) -> bool:
        """Fail."""
        raise FitFailed("as it must")


def test_a_failed_refit_is_tried_again_after_a_pause(library: WatchedLibrary) -> None:
    """Not at once, and not never; the loop goes on."""
    now_s = [1000.0]
    config = WatchConfig(
        refit_share=0.01, refit_least=1, refit_quiet_s=0.0, refit_pause_s=500.0, refit_longest_s=0.0, idle_s=0.0
    )
    process = FailingProcess(library.folder)
    watcher = ScriptedWatcher(pass_time=lambda seconds: now_s.__setitem__(0, now_s[0] + max(1.0, seconds)))
    daemon = Daemon(library, watcher, fit_process=process, config=config, clock_s=lambda: now_s[0])
    (Path(library.folders()[0]) / "new.jpg").write_bytes(picture("red", 100))
    age_run(library)
    began_s = now_s[0]
    starts: list[float] = []
    while now_s[0] < began_s + 1800:
        before = process.n_started
        daemon.work()
        if process.n_started != before:
            starts.append(now_s[0])
        daemon.listen()
    assert 2 <= len(starts) <= 4
    assert all(later - earlier >= 500 for earlier, later in itertools.pairwise(starts))
    assert process.kinds == {None}  # the cheapest kind that will do; `find` knows which
    assert library.runs()[1] == "r1"


def test_a_refit_for_which_there_are_too_few_photos_costs_nothing(
    library: WatchedLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    """A smallest cluster of more than there are, in the settings: the run stays, the log says why, the loop goes on."""
    folder, album = library.folder, Path(library.folders()[0])
    library.close()
    flags = {"clusters.reducer": "pca", "clusters.min_cluster_size": 500, "photos.settle_s": 0}
    config = WatchConfig(refit_share=0.01, refit_least=1, refit_quiet_s=0.0, refit_pause_s=500.0, idle_s=0.0)
    with WatchedLibrary.open(folder, write=True, flags=flags, embedder=FakeEmbedder()) as opened:
        process = FitProcess(folder)
        daemon = Daemon(opened, ScriptedWatcher(), fit_process=process, config=config)
        (album / "new.jpg").write_bytes(picture("red", 100))
        age_run(opened)
        daemon.work()
        assert process._child is not None
        process._child.wait(90.0)
        daemon.work()
        assert (process.pid, opened.runs()[1], opened.status().arrivals_noise) == (None, "r1", 0)
        assert "the smallest cluster is to have 500 photos, and the library has 25" in caplog.text
        daemon.close()


def age_run(library: WatchedLibrary) -> None:
    """Let the run look old: the policy waits after a fresh one."""
    growth = library.growth()
    assert growth is not None
    library.growth = lambda: dataclasses.replace(growth, fitted_ns=0, n_arrivals=1)  # type: ignore[method-assign]


def test_it_is_armed_before_it_looks(library: WatchedLibrary) -> None:
    """What changes between the two would otherwise be lost."""
    watcher = ScriptedWatcher([Hint(rescan="asked", at_once=True)])
    daemon = Daemon(library, watcher)
    looked: list[str] = []
    catch_up = library.catch_up
    library.catch_up = lambda paths=None, **told: looked.append(",".join(watcher.log)) or catch_up(paths)  # type: ignore

    class After:
        asked = False

        def check(self) -> None:
            if len(looked) >= 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        daemon.run(After())  # type: ignore[arg-type]
    assert looked == ["arm", "arm,wait"]
