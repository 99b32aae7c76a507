"""A question reads one version of each table, the newest when it begins, and nothing twice that has not changed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.store.samples import FAST, commit_sample_run, new_library, photo_key, photo_rows
from vecclust.errors import NotFound
from vecclust.store import Store
from vecclust.store.layout import NO_TABLE, LibraryPlace
from vecclust.types.clusters import ClusterName, Label
from vecclust.types.edits import Edit


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A library of nine photos and a run, open for writing."""
    with new_library(tmp_path / "lib", n_photos=9) as opened:
        commit_sample_run(opened)
        opened.add_edits([Edit(0, "pin", photo_key(1), "c1")])
        yield opened


@pytest.fixture
def reader(store: Store) -> Iterator[Store]:
    """The same library, open for reading."""
    with Store.open(store.folder, settings=FAST) as opened:
        yield opened


def counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> tuple[Counter[str], Counter[str]]:
    """Count from now on how often tables are opened to be read, and how often their version is asked for."""
    read: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    handle, newest = store._tables._handle, LibraryPlace.newest

    def opening(table: str) -> Any:
        read[table] += 1
        return handle(table)

    def asking(place: LibraryPlace, table: str) -> Any:
        asked[table] += 1
        return newest(place, table)

    monkeypatch.setattr(store._tables, "_handle", opening)
    monkeypatch.setattr(LibraryPlace, "newest", asking)
    return read, asked


def ask_everything(store: Store) -> tuple[Any, ...]:
    """Ask for what nearly every answer stands on, more than once."""
    twice = [
        (store.state(), store.model(), store.roots(), store.edits(), store.constraints(), store.names(), store.counts())
        for _ in range(2)
    ]
    assert twice[0] == twice[1]
    return *twice[0], store.runs(), store.run_clusters(), store.splits(), store.label_counts()


def test_a_question_reads_entries_edits_and_names_once_and_the_next_one_not_at_all(
    reader: Store, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until a commit comes; then only what it changed is read again, whoever made it."""
    read, asked = counted(reader, monkeypatch)
    with reader.snapshot():
        first = ask_everything(reader)
    assert {read[table] for table in ("words", "names", "runs")} == {1}
    assert read["meta"] == 0, "it was read as the library was opened"
    assert set(asked.values()) == {1}
    read.clear()
    with reader.snapshot():
        assert ask_everything(reader) == first
    # What the owner pinned is read among the labels, which are too many to be kept.
    assert set(read) <= {"labels_r1"}
    store.put_names([ClusterName("c1", "Lagoon", "owner", 1)])
    read.clear()
    with reader.snapshot():
        assert ask_everything(reader)[5] == {"c1": ClusterName("c1", "Lagoon", "owner", 1)}
    assert set(read) <= {"labels_r1", "names"}
    assert read["names"] == 1


def test_a_snapshot_stays_what_it_was_and_the_next_is_the_newest(reader: Store, store: Store) -> None:
    """Photos, labels, edits and the current run, of which other processes commit new versions meanwhile."""
    with reader.snapshot():
        before = ask_everything(reader), reader.photo_keys(), reader.labels(), reader.vectors()[0]
        store.add_photos(photo_rows(3, first=20))
        store.add_labels([Label(photo_key(20), "c1", 0.5, "predict")], run="r1")
        store.add_edits([Edit(0, "merge", cluster="c1", other="c2")])
        commit_sample_run(store, clusters=("c3",))
        after = ask_everything(reader), reader.photo_keys(), reader.labels(), reader.vectors()[0]
    assert after == before
    with reader.snapshot():
        assert reader.state().current_run == "r2"
        assert len(reader.photo_keys()) == 12
        assert len(reader.edits()) == 2


def test_edits_and_the_current_run_count_from_the_beginning(reader: Store, store: Store) -> None:
    """Also where nothing was read of them yet when another process committed."""
    with reader.snapshot():
        commit_sample_run(store, clusters=("c3",))
        store.add_edits([Edit(0, "merge", cluster="c1", other="c2")])
        assert reader.state().current_run == "r1"
        assert len(reader.edits()) == 1


def test_outside_a_snapshot_every_read_is_of_the_newest(reader: Store, store: Store) -> None:
    """As it always was: a reader that has read everything before sees each commit."""
    ask_everything(reader)
    for number in range(3):
        store.rename({"c1": f"name {number}"}, named_ns=number)
        assert reader.names()["c1"].name == f"name {number}"
        assert len(reader.edits()) == 2 + number
        commit_sample_run(store)
        assert reader.state().current_run == f"r{number + 2}"
        assert [run.run for run in reader.runs()][-1] == f"r{number + 2}"


def test_what_a_thread_writes_in_its_snapshot_it_sees(store: Store) -> None:
    """And what others wrote before it, so that it loses nothing of theirs."""
    with store.snapshot():
        assert store.new_cluster() == "c3"
        other = threading.Thread(target=store.new_cluster)
        other.start()
        other.join()
        assert store.new_cluster() == "c5"
        store.rename({"c1": "Lagoon"}, named_ns=1)
        assert (store.names()["c1"].name, store.edits()[-1].name) == ("Lagoon", "Lagoon")


def test_a_snapshot_is_its_threads_own(reader: Store, store: Store) -> None:
    """Another thread of the same store reads the newest meanwhile; snapshots within one another are one."""
    found: list[int] = []
    with reader.snapshot():
        assert len(reader.edits()) == 1
        store.add_edits([Edit(0, "unpin", photo_key(1))])
        thread = threading.Thread(target=lambda: found.append(len(reader.edits())))
        thread.start()
        thread.join()
        with reader.snapshot():
            assert len(reader.edits()) == 1
    assert found == [2]


def test_a_failure_ends_the_snapshot(reader: Store, store: Store) -> None:
    """The next question begins anew."""
    reader.edits()
    with pytest.raises(NotFound), reader.snapshot():
        reader.vector("no photo")
    store.add_edits([Edit(0, "unpin", photo_key(1))])
    assert len(reader.edits()) == 2


def test_the_newest_version_is_the_one_the_vendor_would_read(store: Store) -> None:
    """After every kind of commit; a table that was dropped and made anew is told from the one before."""
    tables, place = store._tables, store._tables.place

    def agree() -> None:
        for table in place.table_names():
            assert place.newest(table).number == tables._connection.open_table(table).version
            assert tables.version(table) == place.newest(table)

    agree()
    store.add_photos(photo_rows(2, first=30))
    store.remove_photos([photo_key(30)])
    store.put_names([ClusterName("c1", "a", "auto", 1)])
    agree()
    store.maintain()
    tables.optimize("photos")
    agree()
    few = tables.read_whole("labels_r1", ["photo"])
    before = tables.version("labels_r1")
    tables.drop("labels_r1")
    assert tables.version("labels_r1") is NO_TABLE
    tables.create("labels_r1", few)
    assert tables.version("labels_r1") != before
    assert store.labelled() == frozenset(few.column(0).to_pylist())
