"""Libraries of every earlier schema come up to date, whenever that is killed; those of a later one are left alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.store.earlier import ANSWERS, ARCHIVES, earlier_library, read_entries, write_entries
from tests.store.samples import FAST, commit_sample_run, new_library
from tests.store.test_store_earlier import agree
from tests.store.test_store_faults import killed
from vecclust.errors import StoreError, StoreFull, StoreTooNew
from vecclust.store import Store, schema, upgrades
from vecclust.store.layout import LibraryPlace
from vecclust.store.schema import SCHEMA_VERSION

KEPT = f"before-schema-{SCHEMA_VERSION}"


@pytest.fixture
def answers() -> Any:
    """What these libraries answered when they were made."""
    return json.loads(ANSWERS.read_text(encoding="utf-8"))


def contents(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def is_up_to_date(library: Path, answers: Any) -> None:
    """Check that a library is of this schema and answers what it answered before."""
    assert read_entries(library)["schema"]["version"] == SCHEMA_VERSION
    with Store.open(library) as store:
        agree(store, answers)
        assert {label.novelty for label in store.labels().values() if label.assigned_by == "fit"} == {None}


def test_every_schema_has_a_library_in_the_tests() -> None:
    """A new schema brings one of its own along, made by the code that brought it in."""
    assert set(ARCHIVES) == set(range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("version", sorted(ARCHIVES))
def test_a_library_of_each_schema_opens_and_comes_up_to_date(tmp_path: Path, version: int, answers: Any) -> None:
    """Step by step; as it was before it is kept until it has been opened once more."""
    library = earlier_library(tmp_path, version)
    assert read_entries(library)["schema"]["version"] == version
    as_it_was = contents(library / "tables")
    with Store.open(library, write=True, settings=FAST) as store:
        agree(store, answers)
    assert (library / KEPT).exists() == (version < SCHEMA_VERSION)
    if version < SCHEMA_VERSION:
        kept = contents(library / KEPT / "tables")
        assert as_it_was.items() <= kept.items()
        # Whoever wants it back has it whole.
        back = tmp_path / "back"
        shutil.copytree(library / KEPT, back)
        assert read_entries(back)["schema"]["version"] == version
    is_up_to_date(library, answers)
    with Store.open(library, write=True, settings=FAST) as store:
        agree(store, answers)
    assert not [name for name in library.iterdir() if "before-schema" in name.name]


# Two tables of labels are widened, then `meta`; photos and thumbnails are widened, names go, then `meta`.
@pytest.mark.parametrize("commit", [*(pytest.param(at, marks=pytest.mark.slow) for at in (1, 2, 4, 5, 6)), 3, 7])
def test_a_migration_killed_before_any_commit_goes_on(tmp_path: Path, commit: int, answers: Any) -> None:
    """The copy of before is there and stays what it was; the next writer ends what was begun."""
    library = earlier_library(tmp_path, 1)
    as_it_was = contents(library / "tables")
    assert killed(library, "open", commit)
    assert as_it_was.items() <= contents(library / KEPT / "tables").items()
    with Store.open(library, write=True, settings=FAST) as store:
        agree(store, answers)
        names = [edit for edit in store.edits() if edit.kind == "rename"]
        assert len(names) == len({(edit.cluster, edit.name) for edit in names})
    assert as_it_was.items() <= contents(library / KEPT / "tables").items()
    is_up_to_date(library, answers)
    Store.open(library, write=True, settings=FAST).close()
    assert not (library / KEPT).exists()


def test_a_copy_that_cannot_be_made_keeps_the_library_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: Any
) -> None:
    """A full disk before the first step: nothing is migrated, nothing half-made is taken for a copy."""
    library = earlier_library(tmp_path, 2)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(upgrades.os, "link", full)
    monkeypatch.setattr(LibraryPlace, "probe", lambda _: None)
    with pytest.raises(StoreFull):
        Store.open(library, write=True, settings=FAST)
    assert not (library / KEPT).exists()
    assert read_entries(library)["schema"]["version"] == 2
    monkeypatch.undo()
    Store.open(library, write=True, settings=FAST).close()
    is_up_to_date(library, answers)
    Store.open(library, write=True, settings=FAST).close()
    assert not [name for name in library.iterdir() if "before-schema" in name.name]


def test_a_step_that_fails_says_where_the_library_lies_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next writer tries again."""
    library = earlier_library(tmp_path, 2)

    def failing(*_: object) -> dict[str, Any]:
        raise StoreError("it went wrong")

    step = schema.Migration(SCHEMA_VERSION, "one that fails", failing, is_readable=True)
    with monkeypatch.context() as patched:
        patched.setattr(schema.bring_up_to_date, "__kwdefaults__", {"target": SCHEMA_VERSION, "migrations": (step,)})
        with pytest.raises(StoreError) as caught:
            Store.open(library, write=True, settings=FAST)
    assert str(library / KEPT) in caught.value.hint
    Store.open(library, write=True, settings=FAST).close()
    assert read_entries(library)["schema"]["version"] == SCHEMA_VERSION


def _only_a_version(library: Path) -> None:
    write_entries(library, {"schema": {"version": SCHEMA_VERSION + 7}})


def _others_beside(library: Path) -> None:
    write_entries(library, {**read_entries(library), "schema": {"version": SCHEMA_VERSION + 1, "steps": 3}, "state": 5})


def _another_shape(library: Path) -> None:
    write_entries(library, {**read_entries(library), "schema": {"major": 4, "minor": 1}})


def _a_text(library: Path) -> None:
    write_entries(library, {**read_entries(library), "schema": "4.1"})


def _without_a_schema(library: Path) -> None:
    write_entries(library, {"layout": {"version": 12}})


def _no_json(library: Path) -> None:
    write_entries(library, {"schema": "version: 4", "model": "none"}, raw=True)


def _other_columns(library: Path) -> None:
    import lancedb
    import pyarrow as pa

    rows = pa.table({"name": ["schema"], "body": [b"\x82\x04"]})
    lancedb.connect(library / "tables").create_table("meta", data=rows, mode="overwrite")


def _another_ledger(library: Path) -> None:
    (library / "ledger" / "meta.json").write_text(json.dumps({"format": 2, "tree": "sha3-512:abc"}))


def _a_ledger_of_lists(library: Path) -> None:
    (library / "ledger" / "photos.json").write_text(json.dumps({"format": 3, "files": [["a", 1]], "sum": "1"}))


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    "make_newer",
    [
        _only_a_version,
        _others_beside,
        _another_shape,
        _a_text,
        _without_a_schema,
        _no_json,
        _other_columns,
        _another_ledger,
        _a_ledger_of_lists,
    ],
)
def test_a_newer_library_is_refused_whatever_its_entries(
    tmp_path: Path, make_newer: Callable[[Path], None], write: bool
) -> None:
    """For readers and for writers, with the next step, and not one byte is another afterwards."""
    with new_library(tmp_path / "library", n_photos=3) as store:
        commit_sample_run(store)
    make_newer(tmp_path / "library")
    before = contents(tmp_path)
    with pytest.raises(StoreTooNew) as caught:
        Store.open(tmp_path / "library", write=write, create=write, settings=FAST)
    assert "newer" in caught.value.message
    assert "Update vecclust" in caught.value.hint
    assert contents(tmp_path) == before


def test_a_note_of_the_ledger_that_rotted_is_not_taken_for_a_newer_one(tmp_path: Path) -> None:
    """Its sum is that of the form it was written in: it is noted anew, and the library opens."""
    with new_library(tmp_path / "library", n_photos=3):
        pass
    note = tmp_path / "library" / "ledger" / "photos.json"
    note.write_bytes(note.read_bytes().replace(b'"format": 1', b'"format": 5'))
    with Store.open(tmp_path / "library", write=True, settings=FAST) as store:
        assert store.counts().photos == 3
    assert b'"format": 1' in note.read_bytes()


def test_entries_that_rotted_are_not_taken_for_those_of_a_newer_vecclust(tmp_path: Path) -> None:
    """They are not what was noted: they come back from their copy."""
    with new_library(tmp_path / "library", n_photos=3):
        pass
    place = LibraryPlace(tmp_path / "library")
    for data in (place.table("meta") / "data").iterdir():
        data.write_bytes(data.read_bytes().replace(b'"version"', b'"varsion"'))
    with Store.open(tmp_path / "library", write=True, settings=FAST) as store:
        assert "entries" in store.mended[0]
        assert store.counts().photos == 3
