"""Upkeep: small files gathered, old versions dropped, nothing lost; and commits that are on the disk."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.store.samples import FAST, commit_sample_run, new_library, photo_key, photo_rows
from vecclust.store import Maintained, Store
from vecclust.store.layout import LibraryPlace, manifests
from vecclust.types.files import FileRow


def fragments(store: Store, table: str) -> int:
    """Count a table's fragments."""
    return int(store._tables.query(table, lambda handle: handle.stats()["fragment_stats"]["num_fragments"]))


def test_many_small_additions_are_gathered(tmp_path: Path) -> None:
    """A library filled photo by photo is as compact as one filled at once, and holds the same."""
    with new_library(tmp_path, settings=replace(FAST, compact_fragments=8)) as store:
        rows = photo_rows(20)
        for at, row in enumerate(rows):
            store.add_photos([row])
            store.put_files([FileRow("/a", f"{at}.jpg", 1, 1, 1, 1, photo=row.photo)])
        assert fragments(store, "photos") == 20
        done = store.maintain()
        assert {"photos", "thumbnails", "files"} <= set(done.compacted)
        assert [fragments(store, table) for table in ("photos", "thumbnails", "files")] == [1, 1, 1]
        assert store.maintain() == Maintained()
        keys, vectors = store.vectors()
        by_photo = {row.photo: row.vector for row in rows}
        assert np.array_equal(vectors, np.array([by_photo[key] for key in keys]))
        assert store.thumbnail(photo_key(7)) == b"jpeg 7"
        assert store.counts().files == 20


def test_a_large_table_is_not_rewritten_for_a_few_rows(tmp_path: Path) -> None:
    """Compacting rewrites everything, so small fragments beside many rows wait until they are many more."""
    with new_library(tmp_path, n_photos=400, settings=replace(FAST, compact_fragments=4)) as store:
        for number in range(12):
            store.add_photos(photo_rows(1, first=1000 + number))
        assert "photos" not in store.maintain().compacted
        for number in range(12, 18):
            store.add_photos(photo_rows(1, first=1000 + number))
        assert "photos" in store.maintain().compacted
        assert fragments(store, "photos") == 1


def test_old_versions_go_and_young_ones_stay(tmp_path: Path) -> None:
    """What a reader may still be reading is kept for as long as is asked."""
    patient = replace(FAST, compact_fragments=3)
    with new_library(tmp_path, n_photos=2, settings=patient) as store:
        for number in range(6):
            store.add_photos(photo_rows(1, first=10 + number))
        store.maintain()
    table = LibraryPlace(tmp_path).table("photos")
    assert len(manifests(table)) >= 8
    impatient = replace(FAST, compact_fragments=3, keep_versions_s=0.001)
    with Store.open(tmp_path, write=True, settings=impatient) as store:
        assert "photos" in store.maintain().compacted
        assert len(manifests(table)) < 4
        assert store.counts().photos == 8
        assert store.vectors()[1].shape[0] == 8


def test_pictures_without_a_photo_are_swept(tmp_path: Path) -> None:
    """A writer killed between picture and photo leaves a picture; it goes, and the others stay."""
    from vecclust.store.photos import thumbnail_table

    with new_library(tmp_path, n_photos=3) as store:
        store._tables.insert_missing("thumbnails", thumbnail_table(photo_rows(2, first=50)))
        assert store.maintain().thumbnails_removed == 2
        assert store.thumbnails([photo_key(number) for number in (0, 1, 2, 50, 51)]).keys() == {
            photo_key(number) for number in range(3)
        }
        assert store.maintain().thumbnails_removed == 0


def test_maintaining_an_empty_library_does_nothing(tmp_path: Path) -> None:
    """Not even a model is needed."""
    with Store.open(tmp_path, write=True, create=True, settings=FAST) as store:
        assert store.maintain() == Maintained()


def test_every_commit_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write syncs every file and folder it made, and each folder that got a new entry."""
    synced: set[int] = set()
    known: set[Path] = set()
    real = os.fsync

    def noting(opened: int) -> None:
        synced.add(os.fstat(opened).st_ino)
        real(opened)

    def unsynced() -> set[str]:
        needless = {"latest_version_hint.json", "_transactions"}
        parts = (tmp_path / "lib" / "tables", tmp_path / "lib" / "fits")
        there = {path for part in parts for path in part.rglob("*") if needless.isdisjoint(path.parts)}
        new = there - known
        missed = {str(path) for path in new | {path.parent for path in new} if path.stat().st_ino not in synced}
        known.update(there)
        synced.clear()
        assert new
        return missed

    monkeypatch.setattr(os, "fsync", noting)
    with new_library(tmp_path / "lib", settings=replace(FAST, durable=True)) as store:
        assert unsynced() == set()
        store.add_photos(photo_rows(3))
        assert unsynced() == set()
        commit_sample_run(store)
        assert unsynced() == set()
        store.remove_photos([photo_key(0)])
        assert unsynced() == set()
        store._tables.optimize("photos")
        assert unsynced() == set()
        commit_sample_run(store)
        assert unsynced() == set()


def test_syncing_can_be_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a loss of power does not matter, commits are not synced."""
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("synced"))
    with new_library(tmp_path, n_photos=1, settings=FAST) as store:
        assert store.counts().photos == 1
