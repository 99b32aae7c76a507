"""Opening, making, locking, bringing up to date and mending a library."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.samples import FAST, commit_sample_run, new_library, photo_key, photo_rows
from vecclust.config import log_file
from vecclust.errors import LibraryLocked, NotFound, StoreDamaged, StoreError, StoreTooNew, StoreUnsuitable
from vecclust.store import Store, StoreSettings
from vecclust.store.layout import LibraryPlace, manifests
from vecclust.store.schema import MIGRATIONS, SCHEMA, SCHEMA_VERSION, Entries, Meta, Migration, bring_up_to_date
from vecclust.store.tables import Tables
from vecclust.types.clusters import Label


def python(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *args], capture_output=True, text=True, timeout=120, check=False
    )


def newest_manifest(library: Path, table: str) -> Path:
    """Find the manifest that counts."""
    return manifests(LibraryPlace(library).table(table))[0]


def test_importing_the_room_imports_no_vendor() -> None:
    """The command line stays quick: lancedb, pyarrow and filelock come with the first opened store."""
    done = python(
        "import vecclust.store, sys; print([m for m in ('lancedb','pyarrow','filelock') if m in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_the_rest_clients_are_left_out_and_still_there() -> None:
    """Opening a library does not run the generated clients' package, and whoever asks for one gets it."""
    done = python(
        "from vecclust.store.vendor import load_lancedb\n"
        "import sys\n"
        "load_lancedb()\n"
        "print('lance_namespace_urllib3_client' in sys.modules)\n"
        "import lance_namespace_urllib3_client as clients\n"
        "print(clients.TableApi.__name__, clients.__version__ is not None, hasattr(clients, 'nothing'))\n"
    )
    assert done.stdout.split() == ["False", "TableApi", "True", "False"], done.stderr


def test_reading_where_no_library_is_names_the_command_that_makes_one(tmp_path: Path) -> None:
    """A reader is told what to do and leaves the place as it was."""
    for write in (False, True):
        with pytest.raises(NotFound) as caught:
            Store.open(tmp_path / "none", write=write)
        assert "vecclust scan" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_library_is_made_only_for_a_writer(tmp_path: Path) -> None:
    """Making and reading at once is a programmer's mistake."""
    with pytest.raises(ValueError, match="writing"):
        Store.open(tmp_path, create=True)


def test_a_folder_that_holds_other_things_is_left_alone(tmp_path: Path) -> None:
    """Nobody's pictures become a library by a mistyped option."""
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(StoreUnsuitable, match=r"holiday\.jpg"):
        Store.open(tmp_path, write=True, create=True, settings=FAST)
    assert [entry.name for entry in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_file_is_no_place_for_a_library(tmp_path: Path) -> None:
    """A file where the library should be is named as such."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnsuitable, match="not a folder"):
        Store.open(tmp_path / "file", write=True, create=True, settings=FAST)


def test_a_configuration_and_a_log_may_be_there_before_the_library(tmp_path: Path) -> None:
    """What vecclust itself puts there does not count as foreign."""
    (tmp_path / "config.toml").write_text("")
    log_file(tmp_path).parent.mkdir()
    log_file(tmp_path).write_text("")
    with Store.open(tmp_path, write=True, create=True, settings=FAST) as store:
        assert store.counts().photos == 0


@pytest.mark.parametrize("name", ['it\'s "mine"', "a%20b #1?", "Fotos é😀", "back\\slash"])
def test_a_library_may_be_called_anything_printable(tmp_path: Path, name: str) -> None:
    """Quotes, percent signs and emoji in the folder's name reach the vendor unharmed."""
    with new_library(tmp_path / name, n_photos=1) as store:
        assert store.counts().photos == 1


@pytest.mark.parametrize("name", ["two\nlines", os.fsdecode(b"\xff")])
def test_a_name_the_vendor_cannot_take_is_refused_in_our_words(tmp_path: Path, name: str) -> None:
    """A folder name that LanceDB cannot open is an unsuitable place, not a traceback."""
    with pytest.raises(StoreUnsuitable):
        Store.open(tmp_path / name, write=True, create=True, settings=FAST)


@pytest.mark.parametrize(("call", "words"), [("link", "hard links"), ("touch", "written to")])
def test_a_place_that_refuses_commits_is_found_out_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, words: str
) -> None:
    """No hard links or no writing: said when opening, not after an hour of embedding."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os if call == "link" else Path, call, refuse)
    with pytest.raises(StoreUnsuitable, match=words) as caught:
        Store.open(tmp_path / "lib", write=True, create=True, settings=FAST)
    assert "--library" in caught.value.hint
    monkeypatch.undo()
    with Store.open(tmp_path / "lib", write=True, create=True, settings=FAST) as store:
        assert store.writable


def test_a_second_writer_is_turned_away_by_name(tmp_path: Path) -> None:
    """The message names the process that holds the library; readers come in all the same."""
    with new_library(tmp_path, n_photos=2):
        with pytest.raises(LibraryLocked, match=f"process {os.getpid()}"):
            Store.open(tmp_path, write=True, settings=FAST)
        with Store.open(tmp_path) as reader:
            assert reader.counts().photos == 2
        holder = Store.last_writer(tmp_path)
        assert holder is not None
        assert holder.pid == os.getpid()
    with Store.open(tmp_path, write=True, settings=FAST) as writer:
        assert writer.writable
    assert Store.last_writer(tmp_path) is None


def test_a_lock_whose_note_is_unreadable_still_holds(tmp_path: Path) -> None:
    """The note beside the lock is for messages; the lock is what counts."""
    with new_library(tmp_path):
        LibraryPlace(tmp_path).holder.write_text("{not json")
        with pytest.raises(LibraryLocked, match="another process"):
            Store.open(tmp_path, write=True, settings=FAST)


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    """Whoever holds no lock changes nothing."""
    new_library(tmp_path, n_photos=1).close()
    with Store.open(tmp_path) as reader:
        with pytest.raises(ValueError, match="for reading"):
            reader.add_photos(photo_rows(1, first=5))
        with pytest.raises(ValueError, match="for reading"):
            reader.remove_photos([photo_key(0)])
        assert reader.counts().photos == 1


def test_a_making_that_failed_half_way_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library exists from its last table on; before that, making it again is all that is needed."""
    monkeypatch.setattr(Meta, "create", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        new_library(tmp_path)
    monkeypatch.undo()
    with pytest.raises(NotFound):
        Store.open(tmp_path)
    with new_library(tmp_path, n_photos=1) as store:
        assert store.counts().photos == 1


def test_photos_without_entries_are_not_taken_for_a_new_library(tmp_path: Path) -> None:
    """If the library's entries are lost with their copy, making it anew would overwrite its vectors: it is refused."""
    new_library(tmp_path, n_photos=3).close()
    place = LibraryPlace(tmp_path)
    place.discard(place.table("meta"))
    place.discard(place.ledger)
    with pytest.raises(StoreDamaged, match="photos are there"):
        Store.open(tmp_path, write=True, create=True, settings=FAST)


def test_a_library_of_a_newer_vecclust_is_not_touched(tmp_path: Path) -> None:
    """Neither reader nor writer opens what it may misread."""
    with new_library(tmp_path) as store:
        store._meta.commit({SCHEMA: {"version": 99, "migrations": []}})
    for write in (False, True):
        with pytest.raises(StoreTooNew, match="schema 99"):
            Store.open(tmp_path, write=write)


def _fake_migrations(log: list[str]) -> list[Migration]:
    def first(tables: Tables, entries: Entries) -> Entries:
        log.append("first")
        return {"colour": "blue"}

    def second(tables: Tables, entries: Entries) -> Entries:
        log.append("second")
        assert entries["colour"] == "blue"
        return {"shape": "round"}

    return [Migration(SCHEMA_VERSION + 1, "colour", first), Migration(SCHEMA_VERSION + 2, "shape", second)]


def test_a_migration_is_recorded_with_what_it_changed(tmp_path: Path) -> None:
    """Each step and its record are one commit, done once and in order."""
    log: list[str] = []
    with new_library(tmp_path) as store:
        steps = _fake_migrations(log)
        before = store._tables.query("meta", lambda table: table.version)
        assert bring_up_to_date(store._tables, store._meta, target=SCHEMA_VERSION + 2, migrations=steps) == [
            "colour",
            "shape",
        ]
        assert store._tables.query("meta", lambda table: table.version) == before + 2
        assert bring_up_to_date(store._tables, store._meta, target=SCHEMA_VERSION + 2, migrations=steps) == []
        entries = store._meta.entries()
    assert log == ["first", "second"]
    assert entries[SCHEMA] == {"version": SCHEMA_VERSION + 2, "migrations": ["colour", "shape"]}
    assert (entries["colour"], entries["shape"]) == ("blue", "round")


def test_a_migration_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """Steps done stay done; the one that failed is done again."""
    log: list[str] = []
    with new_library(tmp_path) as store:
        good = _fake_migrations(log)

        def dying(tables: Tables, entries: Entries) -> Entries:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            bring_up_to_date(
                store._tables,
                store._meta,
                target=SCHEMA_VERSION + 2,
                migrations=[good[0], Migration(SCHEMA_VERSION + 2, "shape", dying)],
            )
        assert store._meta.entries()[SCHEMA]["version"] == SCHEMA_VERSION + 1
        assert bring_up_to_date(store._tables, store._meta, target=SCHEMA_VERSION + 2, migrations=good) == ["shape"]
    assert log == ["first", "second"]


def test_a_reader_does_not_migrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of an older library is told to let a writer in first."""
    new_library(tmp_path).close()
    with Store.open(tmp_path) as reader, pytest.raises(StoreError, match="older") as caught:
        bring_up_to_date(reader._tables, reader._meta, target=SCHEMA_VERSION + 1, migrations=_fake_migrations([]))
    assert "vecclust scan" in caught.value.hint


def test_a_gap_between_schemas_is_an_error(tmp_path: Path) -> None:
    """Raising the schema version without a migration does not go unnoticed."""
    with new_library(tmp_path) as store, pytest.raises(StoreError, match="no migration"):
        bring_up_to_date(store._tables, store._meta, target=SCHEMA_VERSION + 1, migrations=[])
    assert [step.version for step in MIGRATIONS] == list(range(2, SCHEMA_VERSION + 1))


def test_a_library_of_the_first_schema_keeps_every_label(tmp_path: Path) -> None:
    """Labels of all its runs gain what arrivals say of themselves since; a reader waits for a writer to do it."""
    with new_library(tmp_path, n_photos=6) as store:
        commit_sample_run(store)
        commit_sample_run(store)
        before = {run: store.labels(run) for run in ("r1", "r2")}
        for run in before:
            narrow = store._tables.read_whole(f"labels_{run}", ["photo", "cluster", "strength", "assigned_by"])
            store._tables.create(f"labels_{run}", narrow)
        store._meta.commit({SCHEMA: {"version": 1, "migrations": []}})
    with pytest.raises(StoreError, match="older"):
        Store.open(tmp_path)
    for _ in range(2):
        with Store.open(tmp_path, write=True, settings=FAST) as store:
            assert {run: store.labels(run) for run in before} == before
            store.add_photos(photo_rows(1, first=20))
            arrival = Label(photo_key(20), None, 0.0, "predict", 0.5, newcomer=True)
            store.add_labels([arrival], run="r2", replace=True)
            assert store.label(photo_key(20)) == arrival
            store._tables.delete("labels_r2", {"photo": [photo_key(20)]})
    with Store.open(tmp_path) as reader:
        assert reader.labels() == before["r2"]


@pytest.mark.parametrize("table", ["photos", "meta", "labels_r1"])
@pytest.mark.parametrize("kept_bytes", [0, 0.5])
def test_a_torn_last_commit_is_set_aside_by_the_next_writer(tmp_path: Path, table: str, kept_bytes: float) -> None:
    """After a loss of power a reader says what helps, and a writer does it without losing what came before."""
    with new_library(tmp_path, n_photos=6) as store:
        commit_sample_run(store)
        labels = store.labels()
        # One more commit to each table, which the loss of power will tear.
        store.add_photos(photo_rows(1, first=77))
        store.put_roots([])
        store.add_labels([labels[photo_key(0)]], run="r1", replace=True)
    torn = newest_manifest(tmp_path, table)
    torn.write_bytes(torn.read_bytes()[: int(kept_bytes * torn.stat().st_size)])
    with pytest.raises(StoreDamaged) as caught, Store.open(tmp_path) as reader:
        reader.photo_keys(), reader.labels()
    assert "vecclust scan" in caught.value.hint
    with Store.open(tmp_path, write=True, settings=FAST) as store:
        assert store.photo_keys() >= {photo_key(number) for number in range(6)}
        assert store.labels() == labels
        store.add_photos(photo_rows(1, first=77))
        assert store.counts().photos == 7
    assert [path.name.split("-")[0] for path in (tmp_path / "set-aside").iterdir()] == [table]


def test_what_is_not_synced_may_be_lost(tmp_path: Path) -> None:
    """Transaction files and the version hint are not synced: a loss of power that empties them harms nothing."""
    with new_library(tmp_path, n_photos=4) as store:
        commit_sample_run(store)
    tables = LibraryPlace(tmp_path).tables
    lost = [*tables.glob("*/_transactions/*"), *tables.glob("*/_versions/*.json")]
    assert len(lost) > 10
    for path in lost:
        os.truncate(path, 0)
    with Store.open(tmp_path, write=True, settings=FAST) as store:
        store.add_photos(photo_rows(1, first=50))
        store.remove_photos([photo_key(1)])
        commit_sample_run(store)
        store._tables.optimize("photos")
        assert store.photo_keys() == {photo_key(number) for number in (0, 2, 3, 50)}
        assert set(store.labels()) == store.photo_keys()


@pytest.mark.parametrize("damage", ["remove", "cut"])
def test_a_damaged_data_file_is_called_damage(tmp_path: Path, damage: str) -> None:
    """A missing or short data file becomes our own error with the next step in it."""
    new_library(tmp_path, n_photos=5).close()
    for data in (LibraryPlace(tmp_path).table("photos") / "data").iterdir():
        if damage == "remove":
            data.unlink()
        else:
            os.truncate(data, data.stat().st_size // 2)
    with pytest.raises(StoreDamaged) as caught, Store.open(tmp_path) as reader:
        reader.vectors()
    assert "vecclust scan" in caught.value.hint


def test_entries_that_are_no_entries_are_not_ours(tmp_path: Path) -> None:
    """A library whose own entries make no sense, and are what was written, says so."""
    from vecclust.store.schema import meta_table

    with new_library(tmp_path) as store:
        store._tables.replace("meta", meta_table({"schema": "nonsense"}))
    with pytest.raises(StoreTooNew, match="own entries"):
        Store.open(tmp_path)


def test_what_killed_removals_left_is_swept(tmp_path: Path) -> None:
    """Folders that a killed writer had put out of sight are gone after the next opening."""
    new_library(tmp_path).close()
    place = LibraryPlace(tmp_path)
    for left in (place.tables / ".dropped-1", place.fits / ".dropped-2"):
        (left / "data").mkdir(parents=True)
    (place.tables / ".probe-3").touch()
    Store.open(tmp_path, write=True, settings=FAST).close()
    assert not [entry for parent in (place.tables, place.fits) for entry in parent.glob(".*")]


def test_settings_out_of_range_are_refused() -> None:
    """A setting that cannot work is a programmer's mistake at once."""
    with pytest.raises(ValueError, match="keep_runs"):
        StoreSettings(keep_runs=0)
    with pytest.raises(ValueError, match="above 0"):
        StoreSettings(keep_versions_s=0)
    with pytest.raises(ValueError, match="negative"):
        StoreSettings(lock_wait_s=-1)


def test_entries_hold_only_json(tmp_path: Path) -> None:
    """The library's entries can be read by anything that reads JSON."""
    with new_library(tmp_path) as store:
        rows = store._tables.read_whole("meta", ["key", "value"]).to_pylist()
    assert {row["key"] for row in rows} == {"schema", "model", "roots", "state"}
    assert all(json.loads(row["value"]) != row for row in rows)
