"""What leads to a look at everything: time, sleep, doubt about events, threads of watchdog that died."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.kept import keep, put_one
from tests.library.test_library import picture
from tests.watching.scripted import ScriptedWatcher
from tests.watching.test_watcher import kill_dispatch, kill_reader
from vecclust.config import WatchConfig
from vecclust.daemon import Daemon
from vecclust.daemon import loop as loop_module
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder
from vecclust.types.files import ScanReport
from vecclust.watching import Hint, Watcher
from vecclust.watching import watcher as watcher_module

CONFIG = WatchConfig(interval_s=300.0, poll_s=60.0, canary_s=50.0, idle_s=0.0)


class Looked:
    """A daemon over a script, on a clock of its own, that only notes when it looks at everything and why."""

    def __init__(self, library: WatchedLibrary, watcher: ScriptedWatcher, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self.slept_s = 1000.0, 0.0
        self.looks: list[tuple[float, str]] = []
        watcher._pass_time = lambda seconds: setattr(self, "now_s", self.now_s + max(0.01, seconds))
        monkeypatch.setattr(loop_module.time, "time", lambda: 10**9 + self.now_s + self.slept_s)
        monkeypatch.setattr(library, "catch_up", lambda paths=None, **told: ScanReport())
        self.daemon = Daemon(library, watcher, config=CONFIG, clock_s=lambda: self.now_s)
        look = self.daemon._look
        monkeypatch.setattr(
            self.daemon, "_look", lambda due: (self.looks.append((self.now_s - 1000.0, due.reason)), look(due))
        )

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.daemon.work()
            self.daemon.listen(at_most_s=until_s - self.now_s)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[WatchedLibrary]:
    """A library without photos that keeps a folder."""
    (tmp_path / "album").mkdir()
    with WatchedLibrary.open(tmp_path / "library", write=True, embedder=FakeEmbedder()) as opened:
        opened.remember([tmp_path / "album"])
        yield opened


def test_time_alone_leads_to_a_look(library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every five minutes, events or not."""
    looked = Looked(library, ScriptedWatcher(), monkeypatch)
    looked.go_on(1000.0)
    assert [reason for _, reason in looked.looks] == ["start", "time", "time", "time"]
    assert [round(at_s, -1) for at_s, _ in looked.looks] == [0, 300, 600, 900]


def test_where_events_are_not_relied_on_it_looks_more_often(
    library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every minute, as long as something is wrong with watching, and no longer."""
    watcher = ScriptedWatcher(problems=("no watches left",))
    looked = Looked(library, watcher, monkeypatch)
    looked.go_on(300.0)
    assert 5 <= len(looked.looks) <= 6
    watcher.problems = ()
    looked.go_on(65.0)
    n_looks = len(looked.looks)
    looked.go_on(290.0)
    assert len(looked.looks) <= n_looks + 1


def test_a_computer_that_slept_is_looked_over_at_once(library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock ran on without the other one; a clock that was set back or a little on is no sleep."""
    looked = Looked(library, ScriptedWatcher(), monkeypatch)
    looked.go_on(100.0)
    for jump_s, n_looks in ((10.0, 1), (-7200.0, 1), (3600.0, 2)):
        looked.slept_s += jump_s
        looked.go_on(20.0)
        assert len(looked.looks) == n_looks
    assert looked.looks[-1][1] == "the computer slept"


@pytest.mark.parametrize(
    ("hint", "within_s"),
    [
        (Hint(rescan="the kernel dropped events", at_once=True), 0.1),
        (Hint(rescan="watching had gone deaf", at_once=True), 0.1),
        (Hint(rescan="a folder came, moved or went"), 2.5),
        (Hint(rescan="a photo went away"), 2.5),
    ],
)
def test_doubt_leads_to_a_look(
    library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch, hint: Hint, within_s: float
) -> None:
    """Lost events at once; what came or went as soon as it is quiet."""
    watcher = ScriptedWatcher()
    looked = Looked(library, watcher, monkeypatch)
    looked.go_on(100.0)
    watcher._script.append(hint)
    looked.go_on(10.0)
    assert [reason for _, reason in looked.looks] == ["start", hint.rescan]
    assert looked.looks[-1][0] - 100.0 <= within_s


@pytest.mark.parametrize("kill", [kill_dispatch, kill_reader])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_of_watchdog_costs_one_canary_period(
    tmp_path: Path, album: Path, monkeypatch: pytest.MonkeyPatch, kill: Callable[[Watcher], None]
) -> None:
    """A photo that nobody told of is found by the look that the silent canary asks for, and the next one is heard."""
    monkeypatch.setattr(watcher_module, "CANARY_PATIENCE_S", 0.5)
    with keep(tmp_path / "library", album, flags={}, canary_s=1.0) as kept:
        watcher = kept.daemon._watcher
        assert isinstance(watcher, Watcher)
        kill(watcher)
        put_one(album, 100)
        kept.until(kept.in_step)
        assert watcher.problems == ()
        kept.daemon._check_s = float("inf")
        put_one(album, 101)
        kept.until(kept.in_step)


def test_it_says_once_that_it_is_ready(
    library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When everything was looked at and nothing of it is left; then the model is loaded, while nobody waits for it."""
    warmed = threading.Event()
    monkeypatch.setattr(library, "warm_up", warmed.set)
    looked = Looked(library, ScriptedWatcher(), monkeypatch)
    left = [("/a.jpg",), ()]
    monkeypatch.setattr(library, "catch_up", lambda paths=None, **told: ScanReport(left=left.pop(0) if left else ()))
    with caplog.at_level(logging.INFO, logger="vecclust"):
        looked.daemon.work()
        assert "ready" not in caplog.text
        assert not warmed.is_set()
        looked.go_on(1000.0)
    assert caplog.text.count("ready: ") == 1
    assert warmed.wait(30)


def test_a_notice_is_logged_when_it_is_news(
    library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once while it stays so, and again when it comes back."""
    looked = Looked(library, ScriptedWatcher(), monkeypatch)
    notices = [("a is away",), ("a is away", "b is away"), ("b is away",), ("a is away",)]
    monkeypatch.setattr(library, "catch_up", lambda paths=None, **told: ScanReport(notices=notices.pop(0)))
    with caplog.at_level(logging.WARNING, logger="vecclust"):
        while notices:
            looked.daemon.work()
            looked.now_s += CONFIG.interval_s
    assert caplog.messages == ["a is away", "b is away", "a is away"]


def test_the_first_words_find_their_model_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words and pictures; a library without photos loads none, for it may have to be fetched."""
    (tmp_path / "album").mkdir()
    flags = {"model": "bundled", "photos.decode_processes": 1}
    with WatchedLibrary.open(tmp_path / "library", write=True, flags=flags) as library:
        monkeypatch.setattr("vecclust.embeddings.load", lambda *_, **__: pytest.fail("nothing is to be loaded"))
        library.warm_up()
        monkeypatch.undo()
        (tmp_path / "album" / "red.jpg").write_bytes(picture("red", 0))
        library.scan([tmp_path / "album"])
        library.let_go(idle_s=0)
        library.warm_up()
        for loads in ("load", "load_texts"):
            monkeypatch.setattr(f"vecclust.embeddings.{loads}", lambda *_, **__: pytest.fail("it was loaded already"))
        assert library.search("something red").results
        library.embedder()
