"""Photos and vectors: what may lie in a library, and how it is read back."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.store.samples import DIM, FAST, MODEL, MODEL_ID, commit_sample_run, new_library, photo_key, photo_rows
from vecclust.errors import ModelMismatch, NotFound, StoreDamaged, StoreError
from vecclust.store import Store
from vecclust.store.photos import photo_table
from vecclust.store.schema import table_schema


@pytest.mark.parametrize("n", [0, 1, 2])
def test_small_libraries_answer_everything(tmp_path: Path, n: int) -> None:
    """Nothing needs a crowd: empty, single and twin libraries are read like any other."""
    with new_library(tmp_path, n_photos=n) as store:
        keys, vectors = store.vectors()
        assert keys == sorted(photo_key(number) for number in range(n))
        assert vectors.shape == (n, DIM)
        assert vectors.dtype == np.float32
        assert len(store.search(photo_rows(1)[0].vector, limit=5)) == n
        assert len(store.photos()) == n
        assert store.unlabelled() == keys
        assert sum(len(photos) for photos in store.known_by_size().values()) == n


def test_a_library_without_a_model_is_empty_and_says_what_is_missing(tmp_path: Path) -> None:
    """Before a model is bound there are no photos, and none can be added."""
    with Store.open(tmp_path, write=True, create=True, settings=FAST) as store:
        assert store.model() is None
        assert store.vectors()[0] == []
        assert store.search(np.ones(3, np.float32), limit=1) == []
        assert store.photo_keys() == set()
        assert store.time_spans() == {}
        assert store.label_counts().noise == 0
        with pytest.raises(StoreError, match="no model"):
            store.add_photos(photo_rows(1))


def test_a_library_keeps_its_model(tmp_path: Path) -> None:
    """Binding again is harmless; another model, or another width under the same name, is refused."""
    with new_library(tmp_path, n_photos=1) as store:
        assert store.bind_model(MODEL) == store.model() == MODEL
        with pytest.raises(ModelMismatch, match="tiny") as caught:
            store.bind_model(dataclasses.replace(MODEL, name="huge", model_id="huge/1"))
        assert (caught.value.library_model, caught.value.asked_model) == ("tiny", "huge")
        with pytest.raises(ModelMismatch):
            store.bind_model(dataclasses.replace(MODEL, dim=DIM + 1))
        with pytest.raises(ModelMismatch):
            store.add_photos(photo_rows(1, first=9), model_id="huge/1")
        with pytest.raises(ValueError, match="at least one"):
            store.bind_model(dataclasses.replace(MODEL, dim=0))
        assert store.counts().photos == 1


def test_a_photo_is_added_once_whoever_brings_it(tmp_path: Path) -> None:
    """Adding again changes nothing, not even where only some are new."""
    with new_library(tmp_path, n_photos=5) as store:
        assert store.add_photos(photo_rows(5)) == 0
        other = dataclasses.replace(photo_rows(1)[0], width_px=9, thumbnail=b"other")
        assert store.add_photos([other, *photo_rows(2, first=5)]) == 2
        assert store.counts().photos == 7
        assert store.photos([photo_key(0)])[0].width_px == 40
        assert store.thumbnail(photo_key(0)) == b"jpeg 0"


def test_large_additions_are_cut_into_commits(tmp_path: Path) -> None:
    """One call may bring more rows than one keyed commit can join."""
    with new_library(tmp_path, settings=replace(FAST, max_merge_rows=7)) as store:
        assert store.add_photos(photo_rows(30)) == 30
        assert store.counts().photos == 30
        assert len(store.thumbnails([photo_key(number) for number in range(30)])) == 30


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda row: dataclasses.replace(row, vector=row.vector[:-1]), "16 numbers"),
        (lambda row: dataclasses.replace(row, vector=np.empty(0, np.float32)), "16 numbers"),
        (lambda row: dataclasses.replace(row, vector=np.full(DIM, np.nan, np.float32)), "finite"),
        (lambda row: dataclasses.replace(row, vector=np.full(DIM, np.inf, np.float32)), "finite"),
        (lambda row: dataclasses.replace(row, vector=row.vector * np.float32(1.01)), "norm"),
        (lambda row: dataclasses.replace(row, vector=np.zeros(DIM, np.float32)), "norm"),
        (lambda row: dataclasses.replace(row, photo="ABC"), "64 hexadecimal"),
        (lambda row: dataclasses.replace(row, photo=photo_key(1)), "twice"),
    ],
)
def test_what_must_not_lie_in_a_library_is_refused_whole(tmp_path: Path, spoil: object, words: str) -> None:
    """One bad row keeps its whole batch out, thumbnails too."""
    rows = photo_rows(3)
    rows[2] = spoil(rows[2])  # type: ignore[operator]
    with new_library(tmp_path) as store:
        with pytest.raises(ValueError, match=words):
            store.add_photos(rows)
        assert store.counts().photos == 0
        assert store.thumbnails([row.photo for row in rows]) == {}


def test_two_rows_of_one_file_are_refused(tmp_path: Path) -> None:
    """A batch that says two things of one file has no meaning."""
    from vecclust.types.files import FileRow

    row = FileRow("/a", "b", 1, 1, 1, 1)
    with new_library(tmp_path) as store:
        with pytest.raises(ValueError, match="twice"):
            store.put_files([row, row])
        store.put_files([])
        assert store.counts().files == 0


def test_more_keys_than_one_filter_holds_are_asked_for_in_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the list of photos is, each is read and removed once, and none that was not named."""
    monkeypatch.setattr("vecclust.store.tables._IDS_PER_FILTER", 3)
    with new_library(tmp_path, n_photos=12) as store:
        keys = [photo_key(number) for number in range(12)]
        asked = [*keys[:8], photo_key(999), keys[0]]
        assert [row.photo for row in store.photos(asked)] == [*keys[:8], keys[0]]
        assert store.thumbnails(asked).keys() == set(keys[:8])
        assert store.remove_photos(asked) == 8
        assert store.photo_keys() == set(keys[8:])
        assert store.remove_photos([]) == 0
        assert store.photo_keys() == set(keys[8:])


def test_vectors_come_ordered_by_photo_whatever_the_order_of_adding(tmp_path: Path) -> None:
    """The same photos give the same array: a fit depends on the order of its rows."""
    rows = photo_rows(40)
    by_photo = {row.photo: row.vector for row in rows}
    with new_library(tmp_path) as store:
        for part in (rows[30:], rows[:10], rows[10:30]):
            store.add_photos(part)
        store.remove_photos([rows[4].photo])
        store.add_photos([rows[4]])
        keys, vectors = store.vectors()
        assert keys == sorted(by_photo)
        assert np.array_equal(vectors, np.array([by_photo[key] for key in keys]))
        some = [rows[9].photo, rows[2].photo, photo_key(999)]
        keys, vectors = store.vectors(some)
        assert keys == sorted(some[:2])
        assert np.array_equal(vectors, np.array([by_photo[key] for key in keys]))
        assert store.vectors([])[1].shape == (0, DIM)


def test_photos_come_in_the_order_asked_for(tmp_path: Path) -> None:
    """Answers are ordered by the asker; unknown photos are left out."""
    with new_library(tmp_path, n_photos=5) as store:
        asked = [photo_key(number) for number in (3, 99, 0)]
        assert [row.photo for row in store.photos(asked)] == [asked[0], asked[2]]
        assert [row.photo for row in store.photos()] == sorted(store.photo_keys())
        with pytest.raises(NotFound, match=photo_key(99)):
            store.vector(photo_key(99))


def test_a_vector_that_rotted_on_the_disk_is_not_handed_out(tmp_path: Path) -> None:
    """Data files carry no checksums; the norm is the check."""
    row = photo_rows(1, first=7)[0]
    table = photo_table([row], dim=DIM, model_id=MODEL_ID)
    halves = pa.FixedSizeListArray.from_arrays(pa.array(np.full(DIM, 0.5, np.float32)), DIM)
    rotten = table.set_column(1, table_schema("photos", dim=DIM).field("vector"), halves)
    with new_library(tmp_path, n_photos=3) as store:
        store._tables.add("photos", rotten)
        with pytest.raises(StoreDamaged, match=row.photo):
            store.vectors()


def test_a_removed_photo_leaves_nothing_behind(tmp_path: Path) -> None:
    """Row, thumbnail and label go; what was never there is not an error."""
    with new_library(tmp_path, n_photos=4) as store:
        commit_sample_run(store)
        assert store.remove_photos([photo_key(0), photo_key(3), photo_key(77)]) == 2
        assert store.photo_keys() == {photo_key(1), photo_key(2)}
        assert set(store.labels()) == {photo_key(1), photo_key(2)}
        assert store.thumbnail(photo_key(0)) is None
        assert store.remove_photos([]) == 0


def test_photos_are_known_by_their_size(tmp_path: Path) -> None:
    """Moved files are recognised by length before anything is hashed."""
    rows = [*photo_rows(3), dataclasses.replace(photo_rows(1, first=3)[0], size_bytes=1001)]
    with new_library(tmp_path) as store:
        store.add_photos(rows)
        assert store.known_by_size() == {
            1000: {photo_key(0)},
            1001: {photo_key(1), photo_key(3)},
            1002: {photo_key(2)},
        }
