"""Photos of another model beside the library's own: the view, the switch, and what is left of either."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.store.samples import DIM, FAST, MODEL, MODEL_ID, commit_sample_run, new_library, photo_key, photo_rows
from vecclust.errors import ModelMismatch, NotFound, StoreDamaged, StoreError, StoreTooNew, StoreUnsuitable
from vecclust.store import Store
from vecclust.store.schema import SCHEMA, SCHEMA_VERSION, bring_up_to_date
from vecclust.types.photos import PhotoRow
from vecclust.types.runs import Run

WIDER = dataclasses.replace(MODEL, name="wide", model_id="wide/1", dim=DIM + 4)


def wide_rows(n: int) -> list[PhotoRow]:
    """Make photos of the wider model, whose thumbnails are there already."""
    return [dataclasses.replace(row, thumbnail=b"") for row in photo_rows(n, dim=WIDER.dim)]


def switched(folder: Path, *, n_photos: int = 4) -> Store:
    """Make a library with a run, and switch it to a wider model with a run of its own; open for writing."""
    store = new_library(folder, n_photos=n_photos)
    commit_sample_run(store)
    with Store.open_beside(folder, settings=FAST) as beside:
        beside.seen_with(beside.begin_model(WIDER)).add_photos(wide_rows(n_photos))
    target = store.next_model()
    assert target is not None
    view = store.seen_with(target)
    run = Run(view.next_run(), 1, WIDER.model_id, {}, n_photos, 0, n_photos)
    view.new_fit_folder(run.run)
    view.commit_run(run, clusters=(), labels=(), next_cluster=view.state().next_cluster)
    return store


def test_what_is_filled_beside_is_seen_by_nobody_until_the_switch(tmp_path: Path) -> None:
    """The table says itself whose it is; through a view it reads and takes rows like any other."""
    with new_library(tmp_path, n_photos=3) as store, Store.open_beside(tmp_path, settings=FAST) as beside:
        assert store.next_model() is None
        made = beside.begin_model(WIDER)
        view = beside.seen_with(made)
        assert (view.model(), view.photo_keys()) == (WIDER, frozenset())
        view.add_photos(wide_rows(2))
        assert store.next_model() == made
        assert view.vectors()[1].shape == (2, WIDER.dim)
        assert (store.model(), store.counts().photos, store.vectors()[1].shape) == (MODEL, 3, (3, DIM))
        with pytest.raises(ValueError, match="being filled"):
            beside.begin_model(WIDER)
        with pytest.raises(ModelMismatch):
            view.add_photos(photo_rows(1), model_id=MODEL_ID)
        assert view.keep_photos({photo_key(1)}) == 1
        assert beside.drop_next_model() == made
        assert store.next_model() is None


def test_the_switch_is_the_commit_of_a_run(tmp_path: Path) -> None:
    """Entries of both models in one; from then on everything is the other model's."""
    with switched(tmp_path) as store:
        assert store.model() == WIDER
        assert store.next_model() is None
        former = store.former_model()
        assert former is not None
        assert (former.model, former.table, former.run, former.kept) == (MODEL, "photos", "r1", True)
        assert store.vectors()[1].shape == (4, WIDER.dim)
        assert store.state().current_run == "r2"
        assert len(store.search(store.vector(photo_key(0)), limit=9)) == 4
        store.add_photos(photo_rows(1, first=50, dim=WIDER.dim))
        assert store.counts().photos == 5
        with pytest.raises(ModelMismatch, match="r1") as refusal:
            store.set_current_run("r1")
        assert "--back" in refusal.value.hint


def test_a_snapshot_reads_one_model_throughout(tmp_path: Path) -> None:
    """Another process switches in the middle of a question."""
    new_library(tmp_path, n_photos=4).close()
    with Store.open(tmp_path) as reader, reader.snapshot():
        assert reader.model() == MODEL
        switched_elsewhere(tmp_path)
        assert reader.model() == MODEL
        assert reader.vectors()[1].shape == (4, DIM)
        assert len(reader.search(photo_rows(1)[0].vector, limit=2)) == 2


def switched_elsewhere(folder: Path) -> None:
    """Switch a library without a run."""
    with Store.open(folder, write=True, settings=FAST) as store:
        target = store.begin_model(WIDER)
        store.seen_with(target).add_photos(wide_rows(4))
        store.seen_with(target).commit_model()
        assert store.model() == WIDER


def test_the_run_to_go_back_to_is_kept_as_long_as_its_vectors(tmp_path: Path) -> None:
    """However many fits there are; then it goes like any other."""
    few = dataclasses.replace(FAST, keep_runs=1)
    switched(tmp_path).close()
    with Store.open(tmp_path, write=True, settings=few) as store:
        store.maintain()
        assert store.restorable_runs() == ["r1", "r2"]
        assert store.drop_former_model().model == MODEL
        assert store._tables.place.photo_tables() == ["photos_2"]
        store.maintain()
        assert store.restorable_runs() == ["r2"]
        with pytest.raises(NotFound):
            store.drop_former_model()
        # Numbers of tables are taken again, names that an entry knows are not.
        assert store.begin_model(MODEL).table == "photos_3"


def test_a_drop_that_was_killed_is_ended_by_the_next_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let go of by word, still there as a table."""
    with switched(tmp_path) as store, monkeypatch.context() as patched:
        patched.setattr(store._tables, "drop", lambda table: None)
        store.drop_former_model()
        assert store._tables.place.photo_tables() == ["photos", "photos_2"]
    Store.open(tmp_path, write=True, settings=FAST).close()
    with Store.open(tmp_path) as reader:
        assert reader._tables.place.photo_tables() == ["photos_2"]
        assert reader.counts().photos == 4


def test_lost_entries_do_not_make_a_new_library_of_one_with_another_model(tmp_path: Path) -> None:
    """Its photos lie in a table of another name."""
    with switched(tmp_path) as store:
        store.drop_former_model()
        store._tables.drop("meta")
    with pytest.raises(StoreDamaged, match="its photos are there"):
        Store.open(tmp_path, write=True, create=True, settings=FAST)


def test_an_older_library_is_read_as_it_is_and_an_older_vecclust_keeps_its_hands_off(tmp_path: Path) -> None:
    """Nothing of what schema 2 wrote reads otherwise; schema 3 it does not know."""
    with new_library(tmp_path, n_photos=2) as store:
        store._meta.commit({SCHEMA: {"version": 2, "migrations": []}})
    with Store.open(tmp_path) as reader:
        assert reader.counts().photos == 2
    with Store.open(tmp_path, write=True, settings=FAST) as store:
        assert store._meta.entries()[SCHEMA]["version"] == SCHEMA_VERSION
        with pytest.raises(StoreTooNew):
            bring_up_to_date(store._tables, store._meta, target=2)
    with new_library(tmp_path / "first") as store:
        store._meta.commit({SCHEMA: {"version": 1, "migrations": []}})
    with pytest.raises(StoreError, match="older"):
        Store.open(tmp_path / "first")


def test_a_library_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's, or on a medium that is read only."""

    def refused(self: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied")

    new_library(tmp_path, n_photos=1).close()
    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(StoreUnsuitable, match="Permission denied"):
        Store.open_beside(tmp_path)
