"""What a fit takes over from the current run: its neighbour graph always, its layout where asked."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.library.test_library import HUES, picture
from vecclust.errors import NotFound, UsageError
from vecclust.library.runs.fit_result import check_size, fit_photos, load_fit_result, save_fit_result
from vecclust.library.runs.refit import adopt
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.types.runs import RefitKind


@pytest.fixture
def library(tmp_path: Path) -> Iterator[WatchedLibrary]:
    """A library of 36 photos with a first run, and three more photos since."""
    album = tmp_path / "album"
    album.mkdir()
    for colour in HUES:
        for number in range(12):
            (album / f"{colour}{number:02}.jpg").write_bytes(picture(colour, number))
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    with WatchedLibrary.open(tmp_path / "library", write=True, embedder=FakeEmbedder(), clock=clock) as opened:
        opened.scan([album])
        for colour in HUES:
            (album / f"{colour}-new.jpg").write_bytes(picture(colour, 100))
        opened.scan()
        yield opened


def test_a_fit_uses_the_graph_of_the_current_run_and_finds_what_it_would_without(library: WatchedLibrary) -> None:
    """Only the newcomers are searched for; without the run's files everything is, and the labels are the same."""
    store = library._store
    searched: dict[str, int] = {}

    def listen(stage: str, done: int, total: int) -> None:
        searched[stage] = max(total, searched.get(stage, 0))

    with_run = fit_photos(store, library.fit_params, progress=listen)
    assert 0 < searched["neighbours"] < 39
    (store.fit_folder("r1") / "state.npz").unlink()
    searched.clear()
    alone = fit_photos(store, library.fit_params, progress=listen)
    assert searched["neighbours"] == 39
    np.testing.assert_array_equal(with_run.labels, alone.labels)
    assert with_run.figures["n_continued"] == alone.figures["n_continued"] == 0


def test_a_smallest_cluster_larger_than_the_library_is_refused_before_anything_is_fitted(
    library: WatchedLibrary,
) -> None:
    """Both numbers are said, and what to do; as many as there are photos may be asked for, k-means has no such size."""
    asked, steps = dataclasses.replace(library.fit_params, min_cluster_size=40), []
    with pytest.raises(UsageError, match=r"40 photos, and the library has 39.*--min-cluster-size"):
        fit_photos(library._store, asked, progress=lambda *step: steps.append(step))
    assert steps == []
    check_size(dataclasses.replace(asked, min_cluster_size=39), n_photos=39)
    check_size(dataclasses.replace(asked, clusterer="kmeans"), n_photos=39)


def test_continued_fits_are_counted_and_end_in_one_from_nothing(
    library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count stands in the run's figures, whatever process asks; the owner's names are where they were."""
    monkeypatch.setattr("vecclust.clustering.warm_start.MAX_CONTINUED", 2)
    store = library._store
    before = {photo: label.cluster for photo, label in store.labels().items()}
    counts = []
    for _ in range(4):
        found = fit_photos(store, library.fit_params, kind="continued")
        adopt(store, found, reason="a test")
        counts.append(store.runs()[-1].figures["n_continued"])
        store.add_labels([], run=store.runs()[-1].run)
    assert counts == [1, 2, 0, 1]
    after = {photo: label.cluster for photo, label in store.labels().items()}
    kept = [after[photo] == cluster for photo, cluster in before.items() if cluster is not None]
    assert np.mean(kept) > 0.9


def test_the_cheapest_that_will_do_is_light_a_few_times_then_continued_then_full(
    library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as few photos came; the counts go with the run that is current, also one that was gone back to."""
    monkeypatch.setattr("vecclust.clustering.warm_start.MAX_LIGHT", 2)
    monkeypatch.setattr("vecclust.clustering.warm_start.MAX_CONTINUED", 4)
    store = library._store

    def refit(kind: RefitKind | None = None) -> tuple[str, int, int]:
        report = library.adopt(fit_photos(store, library.fit_params, kind=kind), reason="a test")
        run = library.runs()[0][-1]
        assert (run.run, run.figures["n_light"]) == (report.run, report.figures["n_light"])
        return run.kind, run.figures["n_light"], run.figures["n_continued"]

    made = [refit() for _ in range(5)]
    assert made == [("light", 1, 1), ("light", 2, 2), ("continued", 0, 3), ("light", 1, 4), ("full", 0, 0)]
    labels = dict(store.labels("r2"))
    library.rollback("r2")
    assert dict(store.labels()) == labels
    assert refit("light") == ("light", 2, 2)
    assert refit("light") == ("continued", 0, 3)
    monkeypatch.setattr("vecclust.clustering.warm_start.MAX_NEWCOMERS_FOR_LIGHT", -1.0)
    assert refit()[0] == "continued"


def test_arrivals_are_placed_into_a_light_run(library: WatchedLibrary) -> None:
    """Its layout and its tree are a run's like any other's."""
    report = library.recluster(kind="light")
    (Path(library.folders()[0]) / "later.jpg").write_bytes(picture("red", 200))
    library.scan()
    labels = library._store.labels()
    assert [label.assigned_by for label in labels.values()].count("predict") == 1
    assert library.runs()[1] == report.run
    assert {run.kind for run in library.runs()[0]} == {"full", "light"}


def test_a_light_fit_without_an_earlier_one_is_full(library: WatchedLibrary) -> None:
    """As a continued one is, and it says so."""
    (library._store.fit_folder("r1") / "state.npz").unlink()
    library.recluster(kind="light")
    assert [run.kind for run in library.runs()[0]] == ["full", "full"]


def test_a_continued_fit_that_lost_photos_is_made_anew(
    library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many more photos without a cluster than after the last fit from nothing: that is not handed over."""
    from vecclust.clustering import fit

    asked: list[str] = []

    def losing(*args: object, kind: str = "full", **more: object) -> object:
        asked.append(kind)
        found = fit(*args, kind=kind, **more)  # type: ignore[arg-type]
        if kind != "full":
            found = dataclasses.replace(found, figures={**found.figures, "share_unclustered": 0.9})
        return found

    monkeypatch.setattr("vecclust.clustering.fit", losing)
    found = fit_photos(library._store, library.fit_params, kind="continued")
    assert asked == ["continued", "full"]
    assert (found.figures["n_continued"], found.figures["share_unclustered"] != 0.9) == (0, True)


def test_assign_all_gives_the_nearest_cluster_and_the_next_fit_takes_it_back(
    library: WatchedLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marked as such, without strength, and no evidence of what a cluster is."""
    from vecclust.clustering import fit

    def leaving(*args: object, **more: object) -> object:
        found = fit(*args, **more)  # type: ignore[arg-type]
        labels, nearest = found.labels.copy(), found.nearest.copy()
        if found.params.assign_all:
            nearest[:5], labels[:5] = labels[:5], -1
        return dataclasses.replace(found, labels=labels, nearest=nearest)

    monkeypatch.setattr("vecclust.clustering.fit", leaving)
    store, params = library._store, library.fit_params
    adopt(store, fit_photos(store, params), reason="a test")
    before = dict(store.run_labels(store.state().current_run))
    everybody = fit_photos(store, dataclasses.replace(params, assign_all=True))
    save_fit_result(everybody, tmp_path)
    report = adopt(store, load_fit_result(tmp_path), reason="a test")
    labels = store.run_labels(store.state().current_run)
    forced = {photo for photo, label in labels.items() if label.assigned_by == "nearest"}
    assert forced == set(everybody.photos[:5])
    assert all(labels[photo].cluster == before[photo].cluster and labels[photo].strength == 0 for photo in forced)
    assert report.noise == sum(label.cluster is None for label in labels.values())
    adopt(store, fit_photos(store, params), reason="a test")
    after = store.run_labels(store.state().current_run)
    assert {label.assigned_by for label in after.values()} == {"fit"}
    assert {photo: label.cluster for photo, label in after.items()} == {
        photo: label.cluster for photo, label in before.items()
    }


def test_a_quick_recluster_begins_where_the_run_is_and_a_full_one_does_not(library: WatchedLibrary) -> None:
    """The count of fits in a row tells, and granularity is kept by both."""
    store = library._store
    for kind, n_continued in (("continued", 1), ("continued", 2), ("full", 0)):
        library.recluster(kind=kind)
        assert store.runs()[-1].figures["n_continued"] == n_continued
    sizes = {(run.params["min_cluster_size"], run.params["granularity"]) for run in store.runs()}
    assert len(sizes) == 1


def test_a_cluster_can_be_looked_into(library: WatchedLibrary) -> None:
    """Groups of its own photos, largest first, each photo in one of them at most; an unknown cluster is none."""
    for entry in library.clusters().clusters:
        found = library.inside(entry.id)
        own = [member.photo for member in library.cluster(entry.id).photos]
        inside = [member.photo for part in found.parts for member in part]
        assert found.size == entry.size
        assert len(set(inside)) == len(inside)
        assert set(inside) <= set(own)
        assert [len(part) for part in found.parts] == sorted(map(len, found.parts), reverse=True)
    with pytest.raises(NotFound):
        library.inside("c999")


def test_ways_to_cluster_are_put_beside_one_another(library: WatchedLibrary) -> None:
    """Each way its figures, agreement with the current run among them; the run stays as it was."""
    before = library._store.labels()
    told: list[tuple[str, int, int]] = []
    found = library.compare(n_sample=30, n_seeds=2, progress=lambda *step: told.append(step))
    assert (found.photos, found.run) == (30, "r1")
    kinds = {(way.reducer, way.clusterer, way.min_cluster_size) for way in found.ways[:15]}
    assert (len(kinds), len(found.ways)) == (15, 17)
    weights = [(way.time_weight, way.place_weight) for way in found.ways]
    assert weights == [(0.0, 0.0)] * 15 + [(0.1, 0.0), (0.0, 0.1)]
    assert told[-1] == ("compare", 17, 17)
    (usual, *_) = [way for way in found.ways if (way.reducer, way.min_cluster_size) == ("umap", 0)]
    assert usual.figures["ami"] > 0.5
    assert usual.figures["stability"] > 0.5
    assert library._store.labels() == before
