"""A library is given another model while the old one answers, and goes back."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.library.migration.models import N_PHOTOS, OTHER, OtherEmbedder, add_photo, make_album, opened
from vecclust.errors import LibraryLocked, ModelMismatch, NotFound, UsageError
from vecclust.library.runs.fit_result import fit_photos
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder
from vecclust.types.edits import EditRequest
from vecclust.types.status import MigrationProgress


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Photos of three hues."""
    return make_album(tmp_path / "album")


@pytest.fixture
def folder(tmp_path: Path, album: Path) -> Path:
    """A library of them, with a name and an edit."""
    with opened(tmp_path / "library") as library:
        library.scan([album])
        largest, second = (entry.id for entry in library.clusters().clusters[:2])
        library.rename(largest, "Named")
        library.rename(second, "Second")
        moved = library.cluster(largest).photos[0].photo
        library.edit(EditRequest("move", photos=(moved,), cluster=second))
    return tmp_path / "library"


def labels(library: WatchedLibrary) -> dict[str, str | None]:
    """Give the cluster of each photo."""
    return {photo: label.cluster for photo, label in library._store.labels().items()}


def test_the_old_model_answers_until_the_switch_and_the_new_one_from_then_on(folder: Path, album: Path) -> None:
    """Ids, names and edits are carried over; the switch is one commit of the entries."""
    known = album / "red0.jpg"
    with opened(folder) as library:
        before, answered = labels(library), library.similar(known)
        prepared = library.prepare_model(OTHER)
        assert (prepared.embedded, prepared.missing, prepared.photos) == (N_PHOTOS, 0, N_PHOTOS)
        assert (prepared.names, prepared.names_lost, prepared.run) == (2, (), "r2")
        assert prepared.agreement == pytest.approx(1.0)
        assert library.similar(known) == answered
        assert library.status().model == FakeEmbedder().model_id
        n_commits = library._store._tables.version("meta").number
        done = library.switch_model()
        assert library._store._tables.version("meta").number == n_commits + 1
        assert (done.switched, done.names_lost, done.run) == (True, (), "r2")
    with opened(folder, embedder=OtherEmbedder(), write=False) as library:
        assert labels(library) == before
        assert {entry.name for entry in library.clusters().clusters} >= {"Named", "Second"}
        assert library._store.vectors()[1].shape == (N_PHOTOS, OtherEmbedder().dim)
        assert (library.status().model, library.runs()[0][-1].model) == (OtherEmbedder().model_id,) * 2
        hits = library.search("something red", limit=5).results
        assert all("red" in hit.path for hit in hits)
        assert library.similar(known).model == OtherEmbedder().model_id
    with opened(folder, write=False) as library, pytest.raises(ModelMismatch):
        library.search("something red")


def test_it_goes_back_and_forth_and_keeps_what_came_meanwhile(folder: Path, album: Path) -> None:
    """Back is the run of then; photos that came since are embedded, and those that went are gone."""
    with opened(folder) as library:
        before = labels(library)
        library.prepare_model(OTHER)
        library.switch_model()
    came = add_photo(album, "green", 90)
    (album / "blue0.jpg").unlink()
    with opened(folder, embedder=OtherEmbedder()) as library:
        library.scan(prune=True)
        assert library.migration(back=True).embedded == N_PHOTOS - 1
        prepared = library.prepare_model(back=True)
        assert (prepared.back, prepared.embedded, prepared.run) == (True, 1, "r1")
        assert library.switch_model(back=True).switched
    with opened(folder) as library:
        after = labels(library)
        assert library.status().run is not None
        assert library.runs()[1] == "r1"
        assert {photo: cluster for photo, cluster in after.items() if photo in before} == {
            photo: cluster for photo, cluster in before.items() if photo in after
        }
        assert len(after) == N_PHOTOS == library.status().photos
        assert library.photo(came).cluster == library.photo(album / "green1.jpg").cluster
        assert len(library._store.vectors()[0]) == N_PHOTOS
        with pytest.raises(ModelMismatch, match="r2"):
            library.rollback("r2")
        # The other way needs nothing but the switch, by its name too.
        again = library.prepare_model(OTHER)
        assert (again.embedded, again.run) == (0, "r2")
        assert library.switch_model(back=True).run == "r2"


def test_photos_that_are_away_are_taken_from_their_thumbnails(folder: Path, album: Path) -> None:
    """And said to be; they are cut as the model asks, and lie where the photo itself would."""
    (album / "red1.jpg").rename(album.parent / "away.jpg")
    with opened(folder) as library:
        cost = library.migration(OTHER)
        assert (cost.from_thumbnails, cost.without_picture, cost.photos, cost.embedded) == (1, 0, N_PHOTOS, 0)
        assert library.prepare_model(OTHER).from_thumbnails == 1
        library.switch_model()
    with opened(folder, embedder=OtherEmbedder(), write=False) as library:
        away = next(row.photo for row in library._store.files() if row.path == "red1.jpg")
        assert away is not None
        hits = library.alike(away, limit=3).results
        assert all("red" in hit.path for hit in hits)


def test_nothing_is_switched_while_a_photo_has_no_vector(folder: Path, album: Path) -> None:
    """Neither file nor thumbnail: it is named, its row stays, and the file brings it back."""
    (album / "red1.jpg").rename(album.parent / "away.jpg")
    with opened(folder) as library:
        away = next(row.photo for row in library._store.files() if row.path == "red1.jpg")
        library._store._tables.delete("thumbnails", {"photo": [away]})
        prepared = library.prepare_model(OTHER)
        assert (prepared.embedded, prepared.missing) == (N_PHOTOS - 1, 1)
        assert prepared.failed[0][0] == str(album / "red1.jpg")
        assert "no thumbnail" in prepared.failed[0][1]
        refused = library.switch_model()
        assert (refused.switched, refused.missing) == (False, 1)
        assert library.status().model == FakeEmbedder().model_id
        (album.parent / "away.jpg").rename(album / "red1.jpg")
        assert library.prepare_model(OTHER).embedded == 1
        assert library.switch_model().switched
        assert library.status().photos == N_PHOTOS


def test_what_comes_and_goes_meanwhile_is_seen_to(folder: Path, album: Path) -> None:
    """A scan in the middle of embedding; and one after it, whose photo is embedded before the switch."""
    n_scans = 0
    with opened(folder) as library:

        def scan_once(stage: str, done: int, total: int) -> None:
            nonlocal n_scans
            if stage == "embedding" and done >= 5 and not n_scans:
                n_scans += 1
                add_photo(album, "blue", 91)
                (album / "red0.jpg").unlink()
                library.scan(prune=True)

        prepared = library.prepare_model(OTHER, progress=scan_once)
        assert (n_scans, prepared.missing, prepared.photos) == (1, 0, N_PHOTOS)
        add_photo(album, "green", 92)
        library.scan()
        refused = library.switch_model()
        assert (refused.switched, refused.missing) == (False, 1)
        # The fit of before will do: it knows nearly all of them.
        assert library.prepare_model(OTHER).embedded == 1
        assert library.switch_model().switched
        assert len(labels(library)) == len(library._store.vectors()[0]) == N_PHOTOS + 1


def test_a_stopped_one_goes_on_where_it_was(folder: Path) -> None:
    """Ctrl-C commits what is ready; what is there is not embedded again."""
    embedders: list[OtherEmbedder] = []

    def load(name: str) -> OtherEmbedder:
        embedders.append(OtherEmbedder())
        return embedders[-1]

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "embedding" and done >= 8:
            raise KeyboardInterrupt

    with opened(folder, other=load) as library, pytest.raises(KeyboardInterrupt):
        library.prepare_model(OTHER, progress=interrupt)
    with opened(folder, other=load) as library:
        found = library.migration()
        assert (found.state, found.target) == ("filling", OTHER)
        assert 8 <= found.embedded < N_PHOTOS
        assert library.status().migration == MigrationProgress(OTHER, found.embedded, N_PHOTOS)
        library.prepare_model()
        assert embedders[-1].n_frames_embedded == N_PHOTOS - found.embedded
        assert library.migration().state == "ready"
        assert library.status().migration == MigrationProgress(OTHER, N_PHOTOS, N_PHOTOS)
        assert library.switch_model().switched
        assert library.status().migration is None


def test_a_state_is_told_where_what_prepares_another_model_is_damaged(folder: Path) -> None:
    """Without how far that is: it hinders nothing else."""
    with opened(folder) as library:
        library.prepare_model(OTHER)
        next_model = library._store.next_model()
        assert next_model is not None
    for file in (folder / "tables" / f"{next_model.table}.lance" / "_versions").iterdir():
        file.write_bytes(b"")
    with opened(folder, write=False) as library:
        status = library.status()
        assert (status.migration, status.photos) == (None, N_PHOTOS)


def test_a_library_has_two_models_at_most(folder: Path) -> None:
    """One that it has, and one beside: another is refused with the way out, and each way out works."""
    third = FakeEmbedder(model_id="fake/third@222222222222")
    with opened(folder, other=lambda name: third if name == "third" else OtherEmbedder()) as library:
        with pytest.raises(NotFound, match="no other model"):
            library.prepare_model()
        with pytest.raises(NotFound, match="no earlier model"):
            library.prepare_model(back=True)
        library.prepare_model(OTHER)
        with pytest.raises(UsageError, match="are being made already") as refusal:
            library.prepare_model("third")
        assert "--stop" in refusal.value.hint
        assert library.stop_migration() == OTHER
        assert library.migration().state == "none"
        with pytest.raises(NotFound):
            library.switch_model()
        library.prepare_model(OTHER)
        library.switch_model()
        with pytest.raises(UsageError, match="two models at most") as refusal:
            library.prepare_model("third")
        assert "--drop-old" in refusal.value.hint
        size = library.status().bytes_on_disk
        assert library.migration().former_bytes > 0
        assert library.drop_former_model() == FakeEmbedder().name
        assert library.status().bytes_on_disk < size
        found = library.migration()
        assert (found.former, found.former_kept) == (FakeEmbedder().name, False)
        with pytest.raises(NotFound, match="no earlier model"):
            library.switch_model(back=True)
        library.prepare_model("third")
        assert library.switch_model().switched
        assert library._store._tables.place.photo_tables() == ["photos_2", "photos_3"]


def test_the_model_that_it_has_is_refused(folder: Path) -> None:
    """By what it is, not by its name: files that were replaced are another model."""
    replaced = FakeEmbedder(model_id=f"{FakeEmbedder().name}@333333333333")
    with opened(folder) as library, pytest.raises(UsageError, match="already"):
        library.prepare_model(FakeEmbedder().name)
    with opened(folder, other=lambda name: replaced) as library:
        library.prepare_model(FakeEmbedder().name)
        assert library.switch_model().switched
        assert library.status().model == replaced.model_id


def test_two_processes_do_not_prepare_at_once(folder: Path) -> None:
    """The second one is told so, and whoever would switch or let go meanwhile; the writer's other work goes on."""
    n_asked = 0

    def ask(stage: str, done: int, total: int) -> None:
        nonlocal n_asked
        if stage != "embedding" or n_asked:
            return
        n_asked += 1
        with opened(folder) as second:
            for what in (second.prepare_model, second.switch_model, second.stop_migration, second.drop_former_model):
                with pytest.raises(LibraryLocked):
                    what()
            second.rename(second.clusters().clusters[0].id, "Renamed meanwhile")

    with opened(folder, write=False) as library:
        library.prepare_model(OTHER, progress=ask)
        assert n_asked == 1


def test_who_prepares_may_write_nothing_else(folder: Path) -> None:
    """There is one writer, and it is not who embeds."""
    from vecclust.library.opening import open_beside

    with opened(folder, write=False) as library:
        store = open_beside(folder, library.config)
        with pytest.raises(ValueError, match="writer's"):
            store.remove_files([("/a", "b")])
        with pytest.raises(ValueError, match="writer's"):
            store.new_cluster()
        store.close()


def test_a_setting_that_names_the_model_of_before_is_told_and_does_no_harm(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A service that was installed with it goes on; a model that the library never had is refused as ever."""
    with opened(folder) as library:
        library.prepare_model(OTHER)
        library.switch_model()
    with opened(folder, embedder=OtherEmbedder(), write=False, model="fake/colours") as library:
        with caplog.at_level(logging.WARNING, "vecclust"):
            assert library.search("something red").model == OtherEmbedder().model_id
            library.search("something blue")
        assert [record.getMessage() for record in caplog.records if "fake/colours" in record.getMessage()] == [
            "fake/colours was asked for, and the library has been given fake/other since; change that setting"
        ]
    with (
        opened(folder, embedder=OtherEmbedder(), write=False, model="fake/third") as library,
        pytest.raises(ModelMismatch) as refusal,
    ):
        library.search("something red")
    assert "vecclust migrate fake/third" in refusal.value.hint


def test_a_fit_of_the_old_vectors_is_not_adopted_after_the_switch(folder: Path) -> None:
    """It was begun before; its run would place arrivals among vectors of another model."""
    with opened(folder) as library:
        stale = fit_photos(library._store, library.fit_params)
        library.prepare_model(OTHER)
        library.switch_model()
        with pytest.raises(ModelMismatch, match="this fit is of vectors of"):
            library.adopt(stale, reason="late")
        assert library.runs()[1] == "r2"


def test_a_question_under_way_meets_one_model_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch comes between the words' vector and the search: the answer is that of before."""
    with opened(folder) as library, opened(folder, write=False) as reader:
        before = reader.search("something red")
        library.prepare_model(OTHER)
        embed = FakeEmbedder.embed_texts

        def embed_and_switch(self: FakeEmbedder, texts: Any) -> Any:
            library.switch_model()
            return embed(self, texts)

        monkeypatch.setattr(FakeEmbedder, "embed_texts", embed_and_switch)
        assert reader.search("something red") == before
        monkeypatch.undo()
        with pytest.raises(ModelMismatch):
            reader.search("something red")


def test_a_library_without_a_run_is_switched_too(tmp_path: Path, album: Path) -> None:
    """Too few photos for a fit yet: the first fit is made of the other model's vectors."""
    with opened(tmp_path / "library", clusters__first_fit_photos=100) as library:
        library.scan([album])
        prepared = library.prepare_model(OTHER)
        assert (prepared.refit, prepared.run, prepared.agreement) == (None, None, None)
        assert library.switch_model().switched
    with opened(tmp_path / "library", embedder=OtherEmbedder()) as library:
        assert library.scan().run == "r1"
        assert library.runs()[0][0].model == OtherEmbedder().model_id


def test_an_empty_library_is_told_how_to_choose_a_model(tmp_path: Path) -> None:
    """There is nothing to embed anew."""
    with opened(tmp_path / "library") as library, pytest.raises(UsageError, match="any model"):
        library.prepare_model(OTHER)


def test_what_a_light_refit_after_it_finds_stands_on_the_new_vectors(folder: Path) -> None:
    """Warm starts go on from the new run; the places of the old model are behind it."""
    with opened(folder) as library:
        library.prepare_model(OTHER)
        library.switch_model()
        report = library.recluster(kind="continued")
        assert (report.gone, report.merged, report.labels_changed) == (0, 0, 0)
        assert np.isclose(np.linalg.norm(library._store.vectors()[1], axis=1), 1.0).all()
        assert library._store.former_model() is not None
        assert library._store.former_model().run == "r1"  # type: ignore[union-attr]
