"""Which photos there are and which have a label: asked again and again, known without reading, never out of date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.store.samples import FAST, commit_sample_run, new_library, photo_key, photo_rows
from vecclust.store import Store
from vecclust.types.clusters import Label


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A library of eight photos, open for writing."""
    with new_library(tmp_path / "library", n_photos=8) as made:
        yield made


def counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List the tables that are read from now on."""
    read: list[str] = []
    tables = store._tables
    reading = tables.read

    def listening(table: str, *asked: Any, **more: Any) -> Iterator[Any]:
        read.append(table)
        return reading(table, *asked, **more)

    monkeypatch.setattr(tables, "read", listening)
    return read


def arrival(number: int) -> Label:
    """Label a photo that came after the fit."""
    return Label(photo_key(number), "c1", 0.5, "predict")


def test_what_was_written_since_is_known_without_reading(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon asks after every batch; reading all keys again would cost what the library is large."""
    run = commit_sample_run(store)
    assert len(store.photo_keys()) == len(store.labelled(run)) == 8
    read = counted(store, monkeypatch)
    for number in range(8, 12):
        store.add_photos(photo_rows(1, first=number))
        assert store.unlabelled() == [photo_key(number)]
        store.add_labels([arrival(number)], run=run)
        assert store.unlabelled() == []
    store.add_photos(photo_rows(3))
    assert store.photo_keys() == store.labelled(run) == {photo_key(number) for number in range(12)}
    assert not {"photos", f"labels_{run}"} & set(read)


def test_whatever_is_done_the_keys_are_those_of_the_tables(store: Store, tmp_path: Path) -> None:
    """Another look at the same tables, by a reader that was there before, and by one that is new, says the same."""
    with Store.open(tmp_path / "library", settings=FAST) as reader:

        def agree() -> None:
            with Store.open(tmp_path / "library", settings=FAST) as fresh:
                keys, labelled = fresh.photo_keys(), fresh.labelled()
            assert store.photo_keys() == reader.photo_keys() == keys
            assert store.labelled() == reader.labelled() == labelled

        agree()
        first = commit_sample_run(store)
        agree()
        store.add_photos(photo_rows(4, first=8))
        store.add_labels([arrival(8), arrival(9)], run=first)
        agree()
        store.remove_photos([photo_key(0), photo_key(8)])
        agree()
        store.add_labels([arrival(9), arrival(10)], run=first, replace=True)
        agree()
        store.maintain()
        store._tables.optimize("photos")
        agree()
        commit_sample_run(store)
        agree()
        store.set_current_run(first)
        agree()


def test_a_table_made_anew_under_its_name_is_read_again(store: Store) -> None:
    """Its versions begin again, at one that was known of the table before it."""
    first, second = commit_sample_run(store), commit_sample_run(store)
    store.add_labels([arrival(0)], run=second, replace=True)
    tables = store._tables
    for name in (first, second):
        assert len(store.labelled(name)) == 8
        version = tables.version(f"labels_{name}")
        few = tables.read_whole(f"labels_{name}", ["photo"]).slice(0, 3)
        tables.drop(f"labels_{name}")
        tables.create(f"labels_{name}", few)
        while tables.version(f"labels_{name}") < version:
            tables.add(f"labels_{name}", few.slice(0, 1))
        assert len(store.labelled(name)) == 3
