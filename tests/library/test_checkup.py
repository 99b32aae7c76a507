"""What `doctor` looks at: every kind of fault is found, looking changes nothing, and a repair mends what it can."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tarfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lancedb
import numpy as np
import pytest

from tests.library.filled import filled_library
from tests.library.test_damage import (
    TABLES,
    Told,
    copy,
    cut,
    data,
    flipped,
    gone,
    newest,
    opened,
    told,
    whole,
    zeroed,
)
from vecclust import Library
from vecclust.config import Config
from vecclust.errors import LibraryLocked, NotFound, StoreDamaged, StoreError, StoreTooNew
from vecclust.library import checkup
from vecclust.library.daily import keep_day
from vecclust.library.watched import WatchedLibrary
from vecclust.store.layout import LibraryPlace
from vecclust.store.ledger import Ledger
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.types.checkup import CheckDepth, Checkup, Finding
from vecclust.watching import WatchState, kernel, write_state

__all__ = ["copy", "whole"]
# Of a model that no computer has; what is said of models has a test of its own.
NO_SUCH_MODEL = "model"
DEPTHS: tuple[CheckDepth, ...] = ("quick", "usual", "deep")
EARLIER = Path(__file__).parent / "made_by_0_1_0"


def looked_at(library: Path, depth: CheckDepth = "usual", *, repair: bool = False, now_ns: int = 0) -> Checkup:
    """Look at a library as one does an hour after it was made."""
    clock = FakeClock(now_ns or time.time_ns() + 3600 * 10**9)
    return Library.checkup(library, depth=depth, repair=repair, clock=clock)


def wrong(found: Checkup) -> list[Finding]:
    """Give what is wrong, but for the model."""
    return [finding for finding in found.faults if finding.check != NO_SUCH_MODEL]


def noted(found: Checkup) -> list[Finding]:
    """Give what is wrong and what is to be looked at, but for the model."""
    return [*wrong(found), *(one for one in found.warnings if one.check != NO_SUCH_MODEL)]


def everything(library: Path) -> dict[str, tuple[int, int, str]]:
    """Give every file and folder of a library: mode, time of change and what is in it."""
    return {
        str(path.relative_to(library)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in (library, *sorted(library.rglob("*")))
    }


def rot(file: Path, *, at: float = 0.4, n: int = 8) -> None:
    """Change bytes of a file as a disk does: neither its length nor its time is another."""
    before, kept = file.stat(), bytearray(file.read_bytes())
    first = int(len(kept) * at)
    kept[first : first + n] = bytes(byte ^ 0xFF for byte in kept[first : first + n])
    file.write_bytes(kept)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def table(library: Path, name: str) -> Any:
    """Open a table behind vecclust's back."""
    return lancedb.connect(library / "tables").open_table(name)


def one_photo(library: Path) -> str:
    """Name a photo of the library."""
    return str(table(library, "photos").search().select(["photo"]).to_list()[0]["photo"])


def lost_photo(library: Path) -> None:
    """Lose one row."""
    table(library, "photos").delete(f"photo = '{one_photo(library)}'")


def lost_thumbnail(library: Path) -> None:
    """Lose one picture."""
    table(library, "thumbnails").delete(f"photo = '{one_photo(library)}'")


def swapped_vector(library: Path) -> None:
    """Change a vector as another program would, which knows nothing of sums."""
    turned = np.eye(32, dtype=np.float32)[5].tolist()
    table(library, "photos").update(where=f"photo = '{one_photo(library)}'", values={"vector": turned})


def long_vector(library: Path) -> None:
    """Make a vector three times as long, and take away the sum that would tell."""
    photos = table(library, "photos")
    photos.update(where=f"photo = '{one_photo(library)}'", values={"vector": [3.0] + [0.0] * 31})
    photos.update(where=f"photo = '{one_photo(library)}'", values_sql={"check": "NULL"})


def label_of_nothing(library: Path) -> None:
    """Label a photo that is not there."""
    labels = table(library, "labels_r2")
    row = labels.search().to_arrow().slice(0, 1).to_pylist()[0]
    labels.add([{**row, "photo": "f" * 64}], mode="append")


def label_of_no_cluster(library: Path) -> None:
    """Put a photo in a cluster that the run does not have."""
    table(library, "labels_r2").update(where=f"photo = '{one_photo(library)}'", values={"cluster": "c99"})


def lost_label(library: Path) -> None:
    """Lose one label."""
    table(library, "labels_r2").delete(f"photo = '{one_photo(library)}'")


def other_medoid(library: Path) -> None:
    """Let a photo of another cluster stand for one."""
    rows = table(library, "labels_r2").search().to_list()
    elsewhere = next(row["photo"] for row in rows if row["cluster"] == "c2")
    table(library, "clusters").update(where="run = 'r2' AND cluster = 'c1'", values={"medoid": elsewhere})


def name_of_no_cluster(library: Path) -> None:
    """Name a cluster that never was, with a number that is to come."""
    table(library, "names").add([{"cluster": "c77", "name": "Nobody", "named_by": "auto", "named_ns": 1}])


def twice(library: Path) -> None:
    """Write a row of files a second time."""
    files = table(library, "files")
    files.add(files.search().to_arrow().slice(0, 1), mode="append")


def other_root(library: Path) -> None:
    """Forget the folder that all files lie in."""
    files = table(library, "files").search().to_list()
    meta = table(library, "meta")
    assert files
    meta.update(where="key = 'roots'", values={"value": "[]"})


def lost_line(library: Path) -> None:
    """Lose the last line of the journal."""
    journal = LibraryPlace(library).journal
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))


def torn_line(library: Path) -> None:
    """Tear a line of the journal."""
    journal = LibraryPlace(library).journal
    journal.write_bytes(journal.read_bytes()[:-30])


def lost_edit(library: Path) -> None:
    """Lose an edit from the table, as it comes back from the journal."""
    table(library, "words").delete("number = 1")


def rotten_note(library: Path) -> None:
    """Change what is noted of a table."""
    flipped(LibraryPlace(library).ledger / "photos.json")


def no_notes(library: Path) -> None:
    """Have nothing noted, as libraries of before."""
    gone(LibraryPlace(library).ledger)


def rotten_record(library: Path) -> None:
    """Change the record of a last commit, of which there is no copy."""
    no_notes(library)
    flipped(newest(library, "clusters"))


def torn_and_gone(library: Path) -> None:
    """Tear the only record of a table whose files are gone with it."""
    cut(newest(library, "labels_r2"))
    gone(LibraryPlace(library).table("labels_r2") / "data")


def no_entries(library: Path) -> None:
    """Lose the library's own entries and their copy."""
    gone(LibraryPlace(library).table("meta"))
    gone(LibraryPlace(library).ledger)


def no_copy(library: Path) -> None:
    """Have labels in the table alone, as libraries of before."""
    gone(library / "fits" / "r1" / "labels.arrow")
    gone(LibraryPlace(library).ledger / "fits-r1.json")


def lost_row(library: Path) -> None:
    """Lose the row of an earlier run, and its copy."""
    gone(library / "fits" / "r1" / "runs.arrow")
    (LibraryPlace(library).ledger / "fits-r1.json").unlink()
    (LibraryPlace(library).ledger / "runs.json").unlink()
    table(library, "runs").delete("run = 'r1'")


def rotten_array_and_note(library: Path) -> None:
    """Change an array of the current run, and lose what would tell."""
    rot(library / "fits" / "r2" / "rows.npz")
    (LibraryPlace(library).ledger / "fits-r2.json").write_bytes(b"")


def lost_array(library: Path) -> None:
    """Lose an array of the current run."""
    gone(library / "fits" / "r2" / "rows.npz")


def killed_drop(library: Path) -> None:
    """Leave what a killed process leaves."""
    (library / "tables" / ".dropped-1").mkdir()


def bad_settings(library: Path) -> None:
    """Mistype a setting."""
    (library / "config.toml").write_text("[clusters]\nmin_cluster_siz = 3\n", encoding="utf-8")


def dead_daemon(library: Path) -> None:
    """Leave the note of a daemon that was killed."""
    write_state(library, WatchState(2**22 + 17, "1", 1))


def dead_writer(library: Path) -> None:
    """Leave the note of a writer that was killed."""
    note = {"pid": 2**22 + 17, "command": "vecclust scan", "since_ns": 1}
    (library / "lock.holder").write_text(json.dumps(note), encoding="utf-8")


def open_to_all(library: Path) -> None:
    """Let others look in."""
    library.chmod(0o755)


def aside(library: Path) -> None:
    """Have something from earlier damage."""
    (library / "set-aside").mkdir()
    (library / "set-aside" / "tables-photos-1").write_bytes(bytes(2000))


def stranger(library: Path) -> None:
    """Put files of one's own beside the tables."""
    (library / "holiday.txt").write_text("mine", encoding="utf-8")
    (library / "tables" / "other.lance").mkdir()


HARMS: dict[str, tuple[Callable[[Path], None], CheckDepth, str, str]] = {
    "a table is gone": (lambda library: gone(LibraryPlace(library).table("names")), "quick", "table names", "fault"),
    "entries are gone": (lambda library: gone(LibraryPlace(library).table("meta")), "quick", "table meta", "fault"),
    "a data file is cut": (lambda library: cut(data(library, "photos")), "quick", "table photos", "fault"),
    "all tables are gone": (lambda library: gone(library / "tables"), "quick", "tables", "fault"),
    "all rows are gone": (lambda library: table(library, "files").delete("true"), "quick", "table files", "fault"),
    "rot in vectors": (lambda library: rot(data(library, "photos")), "deep", "table photos", "fault"),
    "rot in pictures": (lambda library: rot(data(library, "thumbnails")), "deep", "table thumbnails", "fault"),
    "rot in entries": (lambda library: rot(data(library, "meta")), "deep", "table meta", "fault"),
    "rot in arrays": (lambda library: rot(library / "fits" / "r2" / "state.npz"), "deep", "run r2", "fault"),
    "another vector": (swapped_vector, "usual", "table photos", "fault"),
    "a vector too long": (long_vector, "usual", "table photos", "fault"),
    "a row twice": (twice, "usual", "table files", "fault"),
    "a photo lost": (lost_photo, "usual", "photos", "fault"),
    "a picture lost": (lost_thumbnail, "usual", "thumbnails", "fault"),
    "a label of nothing": (label_of_nothing, "usual", "labels", "fault"),
    "a label of no cluster": (label_of_no_cluster, "usual", "labels", "fault"),
    "a label lost": (lost_label, "usual", "labels", "warning"),
    "another medoid": (other_medoid, "usual", "clusters", "fault"),
    "a name of no cluster": (name_of_no_cluster, "usual", "names", "warning"),
    "a number taken": (name_of_no_cluster, "usual", "numbers", "fault"),
    "a folder forgotten": (other_root, "usual", "files", "warning"),
    "a line lost": (lost_line, "quick", "edits", "fault"),
    "a line torn": (torn_line, "quick", "edits", "fault"),
    "an edit lost": (lost_edit, "quick", "table words", "fault"),
    "a note rotten": (rotten_note, "quick", "ledger", "fault"),
    "no notes": (no_notes, "quick", "ledger", "warning"),
    "a record rotten and nothing noted": (rotten_record, "quick", "table clusters", "fault"),
    "a record torn and files gone": (torn_and_gone, "quick", "table labels_r2", "fault"),
    "no copy": (no_copy, "quick", "copies", "warning"),
    "an array lost": (lost_array, "quick", "run r2", "fault"),
    "a row of a run lost": (lost_row, "usual", "runs", "fault"),
    "rot in arrays and their note": (rotten_array_and_note, "deep", "run r2", "fault"),
    "a killed drop": (killed_drop, "quick", "leftovers", "warning"),
    "settings": (bad_settings, "quick", "settings", "fault"),
    "a dead daemon": (dead_daemon, "quick", "daemon", "warning"),
    "a dead writer": (dead_writer, "quick", "writer", "warning"),
    "open to all": (open_to_all, "quick", "permissions", "warning"),
    "set aside": (aside, "quick", "set-aside", "ok"),
    "strangers": (stranger, "quick", "other files", "warning"),
}
# What a repair leaves to a scan, to a fit, or to its owner.
LEFT = {
    "a photo lost": "vecclust scan",
    "a picture lost": "vecclust scan",
    "a label of nothing": "vecclust scan",
    "a label lost": "vecclust scan",
    "a label of no cluster": "vecclust recluster",
    "another medoid": "vecclust recluster",
    "an array lost": "vecclust scan",
    "rot in arrays": "vecclust scan",
    "rot in arrays and their note": "vecclust scan",
    "rot in vectors": "vecclust scan",
    "rot in pictures": "vecclust scan",
    "another vector": "vecclust scan",
    "a vector too long": "vecclust scan",
    "a data file is cut": "vecclust scan",
    "all tables are gone": "vecclust scan",
    "a name of no cluster": "nothing",
    "a number taken": "nothing",
    "a folder forgotten": "vecclust scan DIR",
    "settings": "Did you mean clusters.min_cluster_size?",
    "strangers": "move them elsewhere",
    "a dead daemon": "vecclust watch",
}
# What is for its owner to do, or for nobody.
STAYS = {
    "a name of no cluster": {"names"},
    "a number taken": {"names"},
    "settings": {"settings"},
    "strangers": {"other files"},
    "a dead daemon": {"daemon"},
}


@pytest.mark.parametrize("depth", DEPTHS)
def test_nothing_is_wrong_with_a_whole_library(copy: Path, depth: CheckDepth) -> None:
    """And everything that is looked at says so."""
    found = looked_at(copy, depth)
    assert noted(found) == []
    checks = {"schema", "tables", "edits", "runs", "clock", "arrays", "model", "settings", "disk", "permissions"}
    checks |= {"folders", "watches", "daemon"} | (set() if depth == "quick" else {"files", "thumbnails", "labels"})
    assert {finding.check for finding in found.findings} >= checks - ({"runs"} if depth == "quick" else set())
    assert looked_at(copy, depth, repair=True).repaired == ()


@pytest.mark.parametrize("harm", HARMS)
def test_each_harm_is_found_without_a_byte_changed_and_mended_once(copy: Path, harm: str) -> None:
    """At its own depth and below; what a repair leaves says what to do, and a second repair does nothing."""
    do, depth, check, state = HARMS[harm]
    do(copy)
    before = everything(copy)
    for closer in DEPTHS[DEPTHS.index(depth) :]:
        found = looked_at(copy, closer)
        assert (check, state) in [(one.check, one.state) for one in found.findings], closer
        assert all(one.todo for one in noted(found))
    assert everything(copy) == before
    # A quick repair asks nobody what it left.
    depth = max(depth, "usual", key=DEPTHS.index)
    first = looked_at(copy, depth, repair=True)
    left = noted(first)
    assert all(LEFT[harm] in one.todo for one in left), left
    assert bool(left) == (harm in LEFT)
    second = looked_at(copy, depth, repair=True)
    assert (second.repaired, noted(second)) == ((), left)
    follow(copy, " ".join(one.todo for one in left))
    assert {one.check for one in noted(looked_at(copy, depth))} <= STAYS.get(harm, set())


def follow(library: Path, todo: str) -> None:
    """Do what is to be done where that is a command."""
    if "vecclust" not in todo:
        return
    with opened(library, write=True) as writer:
        if "vecclust scan DIR" in todo:
            writer.scan([os.fsdecode(table(library, "files").search().to_list()[0]["root"])])
        elif "vecclust scan" in todo:
            writer.scan()
        if "vecclust recluster" in todo:
            writer.recluster()


@pytest.mark.parametrize("part", ["thumbnails", "photos"])
def test_what_lies_in_files_that_are_away_waits_for_them(tmp_path: Path, part: str) -> None:
    """It cannot be made again, so it is no fault that `vecclust scan` would mend; with the files back it is made."""
    with filled_library(tmp_path, n_each=12):
        pass
    library, album = tmp_path / "library", tmp_path / "album"
    file = sorted(album.rglob("*.jpg"))[0]
    kept = file.read_bytes()
    file.unlink()
    with opened(library, write=True) as writer:
        writer.scan()
        photo = next(row.photo for row in writer._store.files() if row.missing_since_ns)
        writer._store._tables.delete(part, {"photo": [photo]})
    assert wrong(looked_at(library)) == []
    told = [one for one in looked_at(library).findings if one.check == part]
    assert [(one.state, "once the files are back" in one.todo) for one in told] == [("warning", True)]
    file.write_bytes(kept)
    with opened(library, write=True) as writer:
        writer.scan()
    assert [one.state for one in looked_at(library).findings if one.check in ("thumbnails", "files")] == ["ok", "ok"]


@pytest.mark.parametrize("harm", ["rot in vectors", "rot in pictures", "rot in arrays"])
def test_rot_that_keeps_length_and_time_is_not_seen_by_a_quick_look(copy: Path, harm: str) -> None:
    """Only every byte tells; a quick look reads none and says so before."""
    do, *_ = HARMS[harm]
    do(copy)
    assert noted(looked_at(copy, "quick")) == []
    costs = [Library.checkup_cost(copy, depth=depth) for depth in DEPTHS]
    assert costs[0].bytes_read == 0 < costs[1].bytes_read < costs[2].bytes_read
    assert costs[2].bytes_read >= sum(file.stat().st_size for file in (copy / "fits").rglob("*.npz"))
    assert {cost.files for cost in costs} == {sum(path.is_file() for path in copy.rglob("*"))}


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("harm", [cut, zeroed, flipped, gone, rot])
@pytest.mark.parametrize("part", [data, newest])
def test_after_repair_and_scan_the_library_is_what_it_was(
    whole: tuple[Path, Told], copy: Path, name: str, harm: Callable[[Path], None], part: Callable[[Path, str], Path]
) -> None:
    """Whatever file of whatever table: doctor finds it, mends it, and leaves at most reading photos again to a scan."""
    harm(part(copy, name))
    assert wrong(looked_at(copy, "deep"))
    mended = looked_at(copy, "deep", repair=True)
    assert mended.repaired
    assert all("vecclust scan" in one.todo for one in wrong(mended)), wrong(mended)
    with opened(copy, write=True) as writer:
        assert writer.scan().problems == 0
        assert told(writer) == whole[1]
    assert noted(looked_at(copy, "deep")) == []


def test_one_bad_vector_costs_one_photo_though_the_file_is_as_noted(whole: tuple[Path, Told], copy: Path) -> None:
    """The row's own sum tells; the row is kept aside, the others stay, and one photo is embedded again."""
    with opened(copy, write=True) as writer:
        writer._store._tables.optimize("photos")
        vector = writer._store.vectors()[1][7].tobytes()
    file = data(copy, "photos")
    kept = file.read_bytes()
    file.write_bytes(kept.replace(vector, np.frombuffer(vector, "<f4")[::-1].tobytes()))
    note = LibraryPlace(copy).ledger / "photos.json"
    note.unlink()
    Ledger(LibraryPlace(copy)).record("photos", rows=lambda: 36)
    assert noted(looked_at(copy, "quick")) == []
    assert [one.what for one in wrong(looked_at(copy))] == ["1 of its 36 rows are not what was written"]
    mended = looked_at(copy, repair=True)
    assert "35 of 36 rows are whole" in mended.repaired[0]
    assert [one.name.startswith("rows-of-photos-") for one in (copy / "set-aside").iterdir()] == [True]
    embedder = FakeEmbedder()
    with WatchedLibrary.open(copy, write=True, embedder=embedder) as writer:
        writer.scan()
        assert told(writer).vectors == whole[1].vectors
    assert embedder.n_frames_embedded == 1


def test_what_no_repair_can_tell_is_left_alone(copy: Path) -> None:
    """Without entries and their copy nobody knows which run is current: it is said, and nothing is thrown away."""
    no_entries(copy)
    before = everything(copy)
    found = wrong(looked_at(copy))
    assert {one.check for one in found} == {"schema", "table meta"}
    (day,) = LibraryPlace(copy).days()
    todo = "restore a backup (vecclust restore FILE), or scan into a new library"
    in_new = f"{todo}: vecclust restore {day} brings names and edits into that one"
    assert {one.todo for one in found} == {in_new}
    mended = looked_at(copy, repair=True)
    assert (mended.repaired, wrong(mended), everything(copy)) == ((), found, before)
    with pytest.raises(StoreDamaged) as refused:
        opened(copy, write=True)
    assert refused.value.hint == f"R{in_new[1:]}"
    day.unlink()
    assert {one.todo for one in wrong(looked_at(copy))} == {todo}


@pytest.mark.parametrize("torn", [False, True])
def test_edits_that_neither_table_nor_journal_has_come_back_from_the_newest_day(copy: Path, torn: bool) -> None:
    """Doctor and its repair name the command, the table is there again, and what the command adds are the edits."""
    with opened(copy, write=True) as writer:
        before, names = writer._store.edits(), writer._store.names()
        day = keep_day(writer._store, date(2030, 1, 1))
    command = f"vecclust restore {day}"
    place = LibraryPlace(copy)
    if torn:
        cut(data(copy, "words"))
        place.journal.write_bytes(bytes(place.journal.stat().st_size))
    else:
        gone(place.table("words"))
        gone(place.journal)
    (found,) = (one for one in wrong(looked_at(copy)) if one.check == "table words")
    assert found.todo == f"vecclust doctor --repair mends it, {command} then adds what the journal lacks too"
    mended = looked_at(copy, repair=True)
    assert mended.repaired[0].endswith(f", the others are gone; {command} adds those it has")
    assert wrong(mended) == []
    with opened(copy, write=True) as writer:
        assert len(writer._store.edits()) < len(before)
        writer.restore_day(str(day))
        assert {one.name for one in writer._store.names().values()} == {one.name for one in names.values()}
        assert len(writer._store.edits()) == len(before)


def test_edits_that_the_journal_has_are_left_to_the_repair(copy: Path) -> None:
    """No backup is named where none is needed."""
    gone(LibraryPlace(copy).table("words"))
    assert {one.todo for one in wrong(looked_at(copy))} == {"vecclust doctor --repair mends it"}
    assert "restore" not in " ".join(looked_at(copy, repair=True).repaired)


def test_strangers_stay_where_they_are(copy: Path) -> None:
    """What vecclust did not make is named and left alone; modes are tightened."""
    stranger(copy)
    open_to_all(copy)
    looked_at(copy, "deep", repair=True)
    assert (copy / "holiday.txt").read_text(encoding="utf-8") == "mine"
    assert (copy / "tables" / "other.lance").is_dir()
    assert copy.stat().st_mode & 0o777 == 0o700


def test_numbers_of_clusters_are_never_given_twice(copy: Path) -> None:
    """A repair counts on from the highest that anything names."""
    name_of_no_cluster(copy)
    assert "the next cluster is c78" in " ".join(looked_at(copy, repair=True).repaired)
    with opened(copy, write=True) as writer:
        assert writer._store.new_cluster() == "c78"


def test_copies_of_an_earlier_library_are_written(whole: tuple[Path, Told], copy: Path) -> None:
    """After a repair its labels come back from them."""
    no_copy(copy)
    looked_at(copy, repair=True)
    gone(LibraryPlace(copy).table("labels_r1"))
    with opened(copy, write=True) as writer:
        writer.rollback("r1")
        assert writer._store.labels()


def test_a_library_of_an_earlier_version_is_only_looked_at(tmp_path: Path) -> None:
    """What it lacks are warnings; a repair brings it up to date, and then there are none."""
    with tarfile.open(EARLIER / "library.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    before = everything(tmp_path / "library")
    found = looked_at(tmp_path / "library", "deep")
    assert everything(tmp_path / "library") == before
    assert wrong(found) == []
    assert {"schema", "ledger"} <= {one.check for one in found.warnings}
    after = looked_at(tmp_path / "library", "deep", repair=True)
    assert not {"schema", "ledger", "copies"} & {one.check for one in noted(after)}


def test_a_library_of_a_newer_version_is_refused_and_left_alone(copy: Path) -> None:
    """Whatever is asked: it may be whole by rules that are not known here."""
    schema = json.dumps({"version": 99, "migrations": []})
    table(copy, "meta").update(where="key = 'schema'", values={"value": schema})
    before = everything(copy)
    for depth in DEPTHS:
        with pytest.raises(StoreTooNew, match="schema 99"):
            looked_at(copy, depth)
    assert everything(copy) == before
    with pytest.raises(StoreTooNew):
        looked_at(copy, repair=True)


def test_where_there_is_no_library_there_is_none_afterwards(tmp_path: Path) -> None:
    """Neither looking nor a repair makes one."""
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "nowhere", tmp_path / "empty"):
        for repair in (False, True):
            with pytest.raises(NotFound, match="there is no library"):
                looked_at(place, repair=repair)
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


@pytest.mark.parametrize("depth", DEPTHS)
def test_an_empty_library_is_whole(tmp_path: Path, depth: CheckDepth) -> None:
    """No photo, no model, no run: nothing of it is missing."""
    (tmp_path / "album").mkdir()
    with WatchedLibrary.open(tmp_path / "library", write=True, embedder=FakeEmbedder()) as made:
        made.scan([tmp_path / "album"])
    found = looked_at(tmp_path / "library", depth)
    assert noted(found) == []
    assert looked_at(tmp_path / "library", depth, repair=True).repaired == ()


def test_a_writer_is_not_disturbed_and_a_repair_waits_for_it(copy: Path) -> None:
    """Looking needs no lock; mending does."""
    with opened(copy, write=True) as writer:
        assert noted(looked_at(copy, "deep")) == []
        writer.rename("c3", "Basalt")
        with pytest.raises(LibraryLocked):
            looked_at(copy, repair=True)
    assert noted(looked_at(copy)) == []


def test_a_clock_that_is_late_is_told(copy: Path) -> None:
    """By the newest commit, which cannot be in the future."""
    late = time.time_ns() - 3 * 86_400 * 10**9
    (found,) = [one for one in looked_at(copy, "quick", now_ns=late).findings if one.check == "clock"]
    assert (found.state, "3 days before the newest commit" in found.what) == ("warning", True)


def test_files_of_a_time_to_come_are_told(copy: Path) -> None:
    """By the first of them; nothing is wrong with them."""
    table(copy, "files").update(where="true", values={"mtime_ns": 5 * 10**18})
    (found,) = [one for one in looked_at(copy).findings if one.check == "file times"]
    assert (found.state, "36 files are of a time to come" in found.what, ".jpg first" in found.what) == (
        "ok",
        True,
        True,
    )
    assert "file times" not in {one.check for one in looked_at(copy, "quick").findings}


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    """A library whose folder is away, as a drive that is not plugged in."""
    with filled_library(tmp_path, n_each=4) as made:
        assert made.folder == tmp_path / "library"
    (tmp_path / "album").rename(tmp_path / "away")
    return tmp_path / "library"


def test_a_folder_that_is_away_is_told(moved: Path) -> None:
    """Its photos are not, for they stay."""
    (found,) = noted(looked_at(moved))
    assert (found.check, found.state, "album is not there" in found.what) == ("folder", "warning", True)


def test_too_few_watches_are_told_with_the_number_that_would_do(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a quick look counts no directories."""
    (tmp_path / "max_user_watches").write_text("2\n", encoding="ascii")
    (tmp_path / "max_user_instances").write_text("128\n", encoding="ascii")
    monkeypatch.setattr(kernel, "LIMITS", tmp_path)
    (found,) = noted(looked_at(copy))
    assert (found.check, found.todo.split("=")[1].split(",")[0]) == ("watches", "65536")
    assert noted(looked_at(copy, "quick")) == []


@pytest.mark.parametrize(
    ("free", "state"), [(10**7, "fault"), (5 * 10**7 + 10_000, "warning"), (10**12, "ok")], ids=str
)
def test_room_on_the_disk_is_held_against_what_is_to_come(
    copy: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    """Commits, then tidying up and a fit, then another model."""
    monkeypatch.setattr(checkup.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    (found,) = [one for one in looked_at(copy, "quick").findings if one.check == "disk"]
    assert (found.state, "MB" in found.what or "GB" in found.what) == (state, True)


def test_a_disk_that_goes_away_in_the_middle_is_said_in_one_line(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As any library that cannot be read."""

    def gone(folder: Path) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(folder))

    monkeypatch.setattr(checkup.shutil, "disk_usage", gone)
    with pytest.raises(StoreError, match="cannot be looked at"):
        looked_at(copy, "quick")


def test_what_cannot_be_read_or_is_another_users_is_told(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by its first file."""
    refused = str(copy / "config.toml")
    Path(refused).write_text("", encoding="utf-8")
    really = os.access
    monkeypatch.setattr(checkup.os, "access", lambda path, mode: path != refused and really(path, mode))
    (found,) = noted(looked_at(copy, "quick"))
    assert (found.check, found.state, refused in found.what) == ("permissions", "fault", True)
    monkeypatch.undo()
    if os.geteuid() == 0:
        os.chown(refused, 12345, 12345)
        (found,) = noted(looked_at(copy, "quick"))
        assert (found.check, found.state, refused in found.what) == ("permissions", "warning", True)


def test_tables_that_may_not_be_read_are_told_with_all_the_rest(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's library is no reason for a traceback."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(copy / "tables"))

    monkeypatch.setattr("vecclust.store.checkup.check_store", refuse)
    (found,) = noted(looked_at(copy))
    assert (found.check, found.what) == ("tables", f"{copy / 'tables'} cannot be read: Permission denied")


def of_model(bound: tuple[str, str] | None, *, config: Config | None = None, deep: bool = False) -> Finding:
    """Say how a model stands."""
    (found,) = checkup._model(bound, config or Config(), deep=deep)
    return found


def test_the_model_is_looked_for_and_read_where_every_byte_is(tmp_path: Path) -> None:
    """There, elsewhere, never heard of, of other weights, and another one asked for."""
    assert of_model(None).state == "ok"
    assert of_model(("bundled", "bundled@000000000000")).state == "ok"
    other = of_model(("bundled", "bundled@000000000000"), deep=True)
    assert (other.state, "bundled@000000000000" in other.what) == ("fault", True)
    assert of_model((f"local-dir:{tmp_path}", "x@1")).state == "fault"
    assert of_model(("fake/colours", "x@1")).state == "fault"
    away = of_model(("ViT-B-32-256/datacomp_s34b_b86k", "x@1"))
    assert away.state in ("ok", "warning")
    asked = Config(model="ViT-B-32-256/datacomp_s34b_b86k", given=frozenset({"model"}))
    assert of_model(("bundled", "bundled@000000000000"), config=asked).state == "warning"
