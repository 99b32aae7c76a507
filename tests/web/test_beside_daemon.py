"""The live pages while a daemon keeps the library: it answers, and it makes the changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.daemon.processes import Process
from tests.web.served import FLAGS, HUES, Served, make, picture, serving
from tests.web.test_app import Seen, events, photo_at, photos_of
from vecclust.errors import PhotoError
from vecclust.testing import FakeEmbedder


class ColdEmbedder(FakeEmbedder):
    """A model that must not be used: the daemon's is warm."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Fail."""
        raise AssertionError("the pages' own model was used for words")

    def embed_each(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32] | PhotoError]:
        """Fail."""
        raise AssertionError("the pages' own model was used for a picture")


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Served]]:
    """A daemon that has caught up, and pages beside it."""
    folder = tmp_path_factory.mktemp("kept")
    make(folder)
    flags = [f"{key}={json.dumps(value)}" for key, value in FLAGS.items()]
    with Process(folder / "library", str(folder / "album"), *flags) as daemon:
        daemon.until(lambda library: library.status().daemon.doing == "watching")
        with serving(folder, embedder=ColdEmbedder()) as served:
            yield daemon, served


def test_words_and_dropped_pictures_are_answered_by_the_warm_model(beside: tuple[Process, Served]) -> None:
    """The model of the pages' own process is never loaded, and the answers are those of the colours."""
    _, served = beside
    green = {photo_at(served, f"{number:02}.jpg") for number in range(7, 41, 3)}
    assert green <= set(photos_of(served, "/search?q=green")[:14])
    page = served.post("/dropped", picture(HUES[1], 500)).json()["page"]
    assert green <= set(photos_of(served, page)[:14])
    assert served.post("/dropped", b"no picture", Accept="application/json").status == 422


def test_a_daemon_that_watches_is_no_news(beside: tuple[Process, Served]) -> None:
    """The light is green, and says what is done."""
    _, served = beside
    heard = next(event for name, event in events(served) if name == "status")
    assert (heard["light"], heard["doing"], heard["remarks"]) == ("ok", "watching", [])


def test_a_name_is_given_by_the_daemon(beside: tuple[Process, Served]) -> None:
    """What it refuses is said as ever."""
    daemon, served = beside
    assert served.form("/cluster/c1/name", b"name=Glacier+lagoon").status == 303
    assert "Glacier lagoon" in Seen(served.get("/cluster/c1").text).text
    assert served.form("/cluster/c99/name", b"name=x").status == 404
    assert served.form("/cluster/c1/name", b"name=+").status == 400
    daemon.lives_on(0)


def test_photos_are_moved_and_clusters_merged_by_the_daemon(beside: tuple[Process, Served]) -> None:
    """And the words are taken back by it."""
    daemon, served = beside
    photo = photos_of(served, "/cluster/c2")[0]
    assert served.form("/photos", f"from=c2&do=move&to=c1&photo={photo}".encode()).status == 303
    assert served.form("/cluster/c1/merge", b"do=merge&other=c3").headers["location"] == "/cluster/c1"
    assert served.form("/cluster/c1/merge", b"do=merge&other=c3").status == 404
    with served.opener().open() as library:
        words = [entry.edit for entry in library.edits() if entry.kind != "rename"]
        assert (library._store.label(photo).cluster, len(words)) == ("c1", 2)  # type: ignore[union-attr]
    for word in words:
        assert served.form(f"/words/{word}/back", b"from=c1").status == 303
    with served.opener().open() as library:
        assert {entry.kind for entry in library.edits()} <= {"rename"}
    daemon.lives_on(0)


def test_a_fit_shown_first_is_made_by_the_daemon_and_gone_back_from(beside: tuple[Process, Served]) -> None:
    """Numbers before are the numbers after; the run is the daemon's, and the one before it is a click away."""
    daemon, served = beside
    assert served.post("/fit").status == 303
    served.until("/runs", "This is what would change")
    assert served.post("/fit/adopt").headers["location"] == "/runs"
    shown = Seen(served.until("/runs", "r2 is the current run")).text
    assert "3 clusters" in " ".join(shown.split())
    with served.opener().open() as library:
        runs, current = library.runs()
        assert (current, [run.run for run in runs]) == ("r2", ["r1", "r2"])
    assert served.post("/runs/r1/current").headers["location"] == "/runs"
    with served.opener().open() as library:
        assert library.runs()[1] == "r1"
    daemon.lives_on(0)
