"""Names by words in a daemon: the vectors are made beside the loop, and whatever is lacking is made once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.library.naming.coloured import names_of, open_colours, paint_album, use_colours
from tests.watching.scripted import ScriptedWatcher
from vecclust.config import WatchConfig
from vecclust.daemon import Daemon
from vecclust.errors import ModelError
from vecclust.library.fit_process import FitProcess
from vecclust.library.naming import vocabulary
from vecclust.library.watched import WatchedLibrary

NEVER = WatchConfig(refit_least=1_000_000, refit_longest_s=0.0, refit_drift=False, refit_newcomers=False, idle_s=0.0)
NAMES = {"red": "Red", "green": "Green", "blue": "Blue", "yellow": None, "black": "Black"}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchedLibrary]:
    """Clusters without names: when they were found no words shipped."""
    paint_album(tmp_path / "album")
    with open_colours(tmp_path) as opened:
        opened.scan([tmp_path / "album"])
    use_colours(monkeypatch)
    with open_colours(tmp_path) as opened:
        yield opened


def work(daemon: Daemon, *, turns: int) -> None:
    """Let the loop turn, and each time what it began beside itself end."""
    for _ in range(turns):
        daemon.work()
        for thread in threading.enumerate():
            if thread.name in ("vecclust-words", "vecclust-warm-up"):
                thread.join(60)


def test_clusters_are_named_once_the_words_are_there(library: WatchedLibrary) -> None:
    """No turn of the loop makes a vector; the next one names, and whoever reads sees that something changed."""
    daemon = Daemon(library, ScriptedWatcher(), fit_process=FitProcess(library.folder), config=NEVER)
    stamp = library._store.stamp()
    assert set(names_of(library).values()) == {None}
    work(daemon, turns=2)
    assert names_of(library) == NAMES
    assert library._store.stamp() != stamp
    daemon.close()


def test_a_fit_that_is_adopted_has_names_at_once(library: WatchedLibrary) -> None:
    """Where the words are there: with its commit."""
    from vecclust.library.runs.fit_result import fit_photos

    daemon = Daemon(library, ScriptedWatcher(), fit_process=FitProcess(library.folder), config=NEVER)
    work(daemon, turns=2)
    report = library.adopt(fit_photos(library._store, library.fit_params), reason="asked")
    assert (library.folder / "fits" / report.run / "words.json").exists()
    assert names_of(library) == NAMES
    daemon.close()


def test_words_of_a_model_that_cannot_be_had_are_asked_for_once(
    library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not at each turn; another vocabulary is another matter."""
    asked: list[int] = []

    def refuse(*given: object, **named: object) -> None:
        asked.append(1)
        raise ModelError("it is not here")

    monkeypatch.setattr("vecclust.library.naming.naming.embed_words", refuse)
    caplog.set_level("INFO", logger="vecclust")
    daemon = Daemon(library, ScriptedWatcher(), fit_process=FitProcess(library.folder), config=NEVER)
    work(daemon, turns=4)
    assert (len(asked), set(names_of(library).values())) == (1, {None})
    assert "clusters are not named by words yet: it is not here" in caplog.text
    (library.folder / vocabulary.OWN_WORDS_FILE).write_text("crimson\n")
    work(daemon, turns=2)
    assert len(asked) == 2
    daemon.close()
