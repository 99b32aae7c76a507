"""What a fit takes over from the current run: its neighbour graph always, its layout where asked."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.test_library import HUES, picture
from vecclust import Library
from vecclust.recluster import adopt, find, finding
from vecclust.testing import FakeClock, FakeEmbedder


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """A library of 36 photos with a first run, and three more photos since."""
    album = tmp_path / "album"
    album.mkdir()
    for colour in HUES:
        for number in range(12):
            (album / f"{colour}{number:02}.jpg").write_bytes(picture(colour, number))
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    with Library.open(tmp_path / "library", write=True, embedder=FakeEmbedder(), clock=clock) as opened:
        opened.scan([album])
        for colour in HUES:
            (album / f"{colour}-new.jpg").write_bytes(picture(colour, 100))
        opened.scan()
        yield opened


def test_a_fit_uses_the_graph_of_the_current_run_and_finds_what_it_would_without(library: Library) -> None:
    """Only the newcomers are searched for; without the run's files everything is, and the labels are the same."""
    store = library._store
    searched: dict[str, int] = {}

    def listen(stage: str, done: int, total: int) -> None:
        searched[stage] = max(total, searched.get(stage, 0))

    with_run = find(store, library.fit_params, progress=listen)
    assert 0 < searched["neighbours"] < 39
    (store.fit_folder("r1") / "state.npz").unlink()
    searched.clear()
    alone = find(store, library.fit_params, progress=listen)
    assert searched["neighbours"] == 39
    np.testing.assert_array_equal(with_run.labels, alone.labels)
    assert with_run.figures["n_continued"] == alone.figures["n_continued"] == 0


def test_continued_fits_are_counted_and_end_in_one_from_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count stands in the run's figures, whatever process asks; the owner's names are where they were."""
    monkeypatch.setattr(finding, "MOST_CONTINUED", 2)
    store = library._store
    before = {photo: label.cluster for photo, label in store.labels().items()}
    counts = []
    for _ in range(4):
        found = find(store, library.fit_params, continued=True)
        adopt(store, found, reason="a test")
        counts.append(store.runs()[-1].figures["n_continued"])
        store.add_labels([], run=store.runs()[-1].run)
    assert counts == [1, 2, 0, 1]
    after = {photo: label.cluster for photo, label in store.labels().items()}
    kept = [after[photo] == cluster for photo, cluster in before.items() if cluster is not None]
    assert np.mean(kept) > 0.9


def test_a_continued_fit_that_lost_photos_is_made_anew(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many more photos without a cluster than after the last fit from nothing: that is not handed over."""
    from vecclust.cluster import fit

    asked: list[bool] = []

    def losing(*args: object, continued: bool = False, **more: object) -> object:
        asked.append(continued)
        found = fit(*args, continued=continued, **more)  # type: ignore[arg-type]
        if continued:
            found = dataclasses.replace(found, figures={**found.figures, "share_unclustered": 0.9})
        return found

    monkeypatch.setattr("vecclust.cluster.fit", losing)
    found = find(library._store, library.fit_params, continued=True)
    assert asked == [True, False]
    assert (found.figures["n_continued"], found.figures["share_unclustered"] != 0.9) == (0, True)
