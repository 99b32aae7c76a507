"""A library in one file: taken while it is written, checked byte by byte, and put in its place in one step."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store.samples import FAST, commit_sample_run, new_library, photo_key, photo_rows
from tests.store.test_store_faults import assert_sound, start
from tests.store.test_store_upgrades import contents
from vecclust.errors import LibraryLocked, StoreDamaged, StoreFull, StoreTooNew, StoreUnsuitable, UsageError
from vecclust.store import Store, StoreSettings, backups
from vecclust.store.backups import take_snapshot, write_backup
from vecclust.store.layout import LibraryPlace
from vecclust.store.restoring import Restored, read_backup, restore_backup
from vecclust.types.edits import Edit
from vecclust.types.progress import no_progress


def back_up(library: Path, file: Path) -> None:
    """Copy a library."""
    with take_snapshot(library) as snapshot:
        write_backup(snapshot, file, progress=no_progress)


def restored(file: Path, library: Path) -> Restored:
    """Bring a library back."""
    return restore_backup(file, library, settings=FAST, progress=no_progress)


def told(library: Path) -> object:
    """Ask a library what it holds, byte for byte."""
    with Store.open(library) as store:
        assert_sound(store)
        keys, vectors = store.vectors()
        return (
            dict(zip(keys, map(bytes, vectors), strict=True)),
            store.thumbnails(keys),
            store.labels(),
            store.clusters(),
            store.runs(),
            store.names(),
            store.edits(),
            store.state(),
        )


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library of 12 photos with a run, a name and an edit."""
    with new_library(tmp_path / "library", n_photos=12) as store:
        commit_sample_run(store)
        store.rename({"c1": "Grandma"}, named_ns=5)
        store.add_edits([Edit(0, "pin", photo_key(1), "c2", made_ns=6)])
    return tmp_path / "library"


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz", ".tgz"])
def test_a_library_comes_back_as_it_was(library: Path, tmp_path: Path, suffix: str) -> None:
    """Beside its writer, packed in any way; nothing in it is found damaged, and it is its owner's alone."""
    before, file = told(library), tmp_path / f"copy{suffix}"
    (library / "config.toml").write_text("[watch]\nnice = 3\n")
    with Store.open(library, write=True, settings=FAST):
        back_up(library, file)
    done = restored(file, tmp_path / "new" / "place")
    assert (done.aside, done.mended, done.backup.photos) == (None, (), 12)
    assert told(tmp_path / "new" / "place") == before
    assert (tmp_path / "new" / "place" / "config.toml").read_text() == "[watch]\nnice = 3\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new" / "place").stat().st_mode & 0o777 == 0o700
    assert not list(tmp_path.glob(".*"))
    with Store.open(tmp_path / "new" / "place", write=True, settings=FAST) as store:
        assert store.mended == ()
        assert commit_sample_run(store) == "r2"


def test_what_comes_and_goes_is_not_in_it(library: Path, tmp_path: Path) -> None:
    """Locks, logs, sockets, what was set aside and what is being written."""
    for name in ("log", "watch", "set-aside", "before-schema-3", ".hidden"):
        (library / name).mkdir()
        (library / name / "file").write_text("x")
    (library / "tables" / "photos.lance" / "data" / "half-written.lance").write_text("x")
    (library / "fits" / "r2").mkdir()
    (library / "fits" / "r2" / "half.npy").write_text("x")
    back_up(library, tmp_path / "copy.tar")
    with tarfile.open(tmp_path / "copy.tar") as tar:
        names = tar.getnames()
    assert not [name for name in names if name.rpartition("/")[2] in ("file", "lock", "half-written.lance", "half.npy")]
    assert "library/journal.jsonl" in names
    assert "library/fits/r1/layout.npy" in names


def test_a_copy_of_a_library_that_is_written_is_one_moment_of_it(tmp_path: Path) -> None:
    """Another process adds photos and commits runs all the while: every copy is sound, and has what it had shown."""
    library = tmp_path / "library"
    new_library(library, n_photos=3).close()
    writer = start(str(library), "forever", "0")
    assert writer.stdout is not None
    try:
        for number in range(4):
            for _ in range(5):
                assert writer.stdout.readline()
            with Store.open(library) as reader:
                shown = reader.photo_keys()
                runs = {run.run for run in reader.runs()}
            back_up(library, tmp_path / f"{number}.tar")
            done = restored(tmp_path / f"{number}.tar", tmp_path / f"back{number}")
            with Store.open(done.aside or tmp_path / f"back{number}", write=True, settings=FAST) as store:
                assert_sound(store)
                assert shown <= store.photo_keys()
                assert runs <= {run.run for run in store.runs()}
                store.add_photos(photo_rows(2, first=500_000))
                commit_sample_run(store)
                assert_sound(store)
    finally:
        writer.kill()
        writer.communicate(timeout=60)


def test_a_commit_that_was_killed_before_it_was_noted_is_in_it(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a reader of the library sees, a reader of the copy sees."""
    note = LibraryPlace(library).ledger / "photos.json"
    kept = note.read_bytes()
    with Store.open(library, write=True, settings=FAST) as store:
        store.add_photos(photo_rows(3, first=50))
    note.write_bytes(kept)
    monkeypatch.setattr(backups, "_PAUSE_S", 0.001)
    back_up(library, tmp_path / "copy.tar")
    restored(tmp_path / "copy.tar", tmp_path / "new")
    assert told(tmp_path / "new") == told(library)
    with Store.open(tmp_path / "new") as store:
        assert store.counts().photos == 15


def test_what_maintenance_removes_meanwhile_is_held(library: Path, tmp_path: Path) -> None:
    """The copy is of the moment it was begun at, whatever goes from its folders."""
    before = told(library)
    quick = StoreSettings(durable=False, keep_versions_s=0.001)
    with take_snapshot(library) as snapshot, Store.open(library, write=True, settings=quick) as store:
        store.add_photos(photo_rows(3, first=50))
        time.sleep(0.01)  # older than the versions that are kept
        for table in ("photos", "thumbnails", "meta"):
            store._tables.optimize(table)
        gone = [part for part in snapshot.parts if not (library / part.path).exists()]
        assert gone
        write_backup(snapshot, tmp_path / "copy.tar", progress=no_progress)
    restored(tmp_path / "copy.tar", tmp_path / "new")
    assert told(tmp_path / "new") == before


def test_a_process_that_may_hold_few_files_still_copies(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those it cannot hold are opened by their names."""
    before, dup, n_held = told(library), os.dup, 0

    def few(number: int) -> int:
        nonlocal n_held
        n_held += 1
        if n_held > 3:
            raise OSError(24, "Too many open files")
        return dup(number)

    with monkeypatch.context() as patched:
        patched.setattr(backups.os, "dup", few)
        back_up(library, tmp_path / "copy.tar")
    restored(tmp_path / "copy.tar", tmp_path / "new")
    assert told(tmp_path / "new") == before


@pytest.mark.parametrize("harm", ["changed", "cut", "gone"])
def test_a_damaged_library_is_not_copied(library: Path, tmp_path: Path, harm: str) -> None:
    """Also where only its bytes say so: no backup is taken for good that is not."""
    file = max((LibraryPlace(library).table("photos") / "data").iterdir(), key=lambda one: one.stat().st_size)
    times, content = file.stat(), file.read_bytes()
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-5] + (b"" if harm == "cut" else b"\x01\x02\x03\x04\x05"))
        os.utime(file, ns=(times.st_mtime_ns, times.st_mtime_ns))
    with pytest.raises(StoreDamaged) as caught:
        back_up(library, tmp_path / "copy.tar")
    assert "vecclust scan" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["library"]


def test_no_file_is_written_over(library: Path, tmp_path: Path) -> None:
    """Not even by one that was begun before it came."""
    with take_snapshot(library) as snapshot:
        (tmp_path / "copy.tar").write_text("mine")
        with pytest.raises(UsageError, match="there already"):
            write_backup(snapshot, tmp_path / "copy.tar", progress=no_progress)
    assert (tmp_path / "copy.tar").read_text() == "mine"
    assert not list(tmp_path.glob(".*"))


def test_a_drive_without_hard_links_takes_backups_too(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the sticks do that people keep them on; nothing is written over there either."""

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(backups.os, "link", refused)
    back_up(library, tmp_path / "copy.tar")
    assert read_backup(tmp_path / "copy.tar").photos == 12
    with pytest.raises(UsageError, match="there already"):
        back_up(library, tmp_path / "copy.tar")


@pytest.mark.parametrize(("number", "ours"), [(28, StoreFull), (27, StoreFull), (30, StoreUnsuitable)])
def test_a_place_that_refuses_is_named(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, ours: type[Exception]
) -> None:
    """Full, too small for files of that size, or read-only: said so, and nothing is left there."""

    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tarfile.TarFile, "addfile", refused)
    with pytest.raises(ours, match=r"copy\.tar"):
        back_up(library, tmp_path / "copy.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["library"]


def test_the_library_that_was_there_is_set_aside(library: Path, tmp_path: Path) -> None:
    """Under a name beside its own, as it was; twice in one second too."""
    first = told(library)
    back_up(library, tmp_path / "copy.tar")
    with Store.open(library, write=True, settings=FAST) as store:
        store.add_photos(photo_rows(4, first=70))
    second = told(library)
    done = restored(tmp_path / "copy.tar", library)
    assert done.aside is not None
    assert done.aside.name.startswith("library-before-restore-")
    assert (told(library), told(done.aside)) == (first, second)
    again = restored(tmp_path / "copy.tar", library)
    assert again.aside not in (None, done.aside)
    assert told(library) == first


def test_a_library_that_is_gone_in_part_is_set_aside_too(library: Path, tmp_path: Path) -> None:
    """What is left of it may hold what the backup lacks."""
    before = told(library)
    back_up(library, tmp_path / "copy.tar")
    shutil.rmtree(library / "tables")
    done = restored(tmp_path / "copy.tar", library)
    assert done.aside is not None
    assert (done.aside / "journal.jsonl").exists()
    assert told(library) == before


def test_a_system_that_cannot_exchange_names_sets_aside_step_by_step(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As network drives do."""
    before = told(library)
    back_up(library, tmp_path / "copy.tar")
    monkeypatch.setattr("vecclust.store.restoring._exchanged", lambda *_: False)
    done = restored(tmp_path / "copy.tar", library)
    assert done.aside is not None
    assert told(done.aside) == told(library) == before
    assert not list(tmp_path.glob(".*"))


def test_what_is_no_library_is_left_alone(library: Path, tmp_path: Path) -> None:
    """A folder of photos is not set aside, and a writer is waited for by its owner."""
    back_up(library, tmp_path / "copy.tar")
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "a.jpg").write_text("x")
    with pytest.raises(StoreUnsuitable, match=r"a\.jpg"):
        restored(tmp_path / "copy.tar", tmp_path / "album")
    assert [path.name for path in (tmp_path / "album").iterdir()] == ["a.jpg"]
    with Store.open(library, write=True, settings=FAST), pytest.raises(LibraryLocked):
        restored(tmp_path / "copy.tar", library)
    (tmp_path / "empty").mkdir()
    assert restored(tmp_path / "copy.tar", tmp_path / "empty").aside is None
    assert told(tmp_path / "empty") == told(library)


def repacked(file: Path, change: Callable[[dict[str, object], list[tuple[tarfile.TarInfo, bytes]]], None]) -> None:
    """Write a backup anew with another header or other members."""
    with tarfile.open(file) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]
    header = json.loads(members[0][1])
    rest = members[1:]
    change(header, rest)
    first = members[0][0]
    text = json.dumps(header).encode()
    first.size = len(text)
    with tarfile.open(file, "w") as tar:
        tar.addfile(first, io.BytesIO(text))
        for member, content in rest:
            tar.addfile(member, io.BytesIO(content))


def renamed_to(name: str) -> Callable[[dict[str, object], list[tuple[tarfile.TarInfo, bytes]]], None]:
    """Give one member another name, in the list too."""

    def change(header: dict[str, object], rest: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        rest[-1][0].name = f"library/{name}"
        header["files"][-1][0] = name  # type: ignore[index]

    return change


def a_link(header: dict[str, object], rest: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """Make a link of one member."""
    rest[-1][0].type, rest[-1][0].linkname = tarfile.SYMTYPE, "/etc/passwd"


def unlisted(header: dict[str, object], rest: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """Put a file in that is not listed."""
    rest.append((tarfile.TarInfo("../evil"), b""))


def twice(header: dict[str, object], rest: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """Put a file in twice."""
    rest.append(rest[-1])


def lacking(header: dict[str, object], rest: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """Leave one out."""
    del rest[3]


def other_bytes(header: dict[str, object], rest: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """Change a byte."""
    at = next(at for at, (member, _) in enumerate(rest) if "photos.lance/data" in member.name)
    rest[at] = rest[at][0], bytes([rest[at][1][0] ^ 1]) + rest[at][1][1:]


def no_list(header: dict[str, object], rest: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """Leave the list out."""
    del header["files"]


@pytest.mark.parametrize(
    "change",
    [
        renamed_to("../../evil"),
        renamed_to("/tmp/evil"),
        renamed_to("tables/../../evil"),
        renamed_to(""),
        a_link,
        unlisted,
        twice,
        lacking,
        other_bytes,
        no_list,
    ],
)
def test_a_backup_that_is_not_what_was_made_changes_nothing(
    library: Path, tmp_path: Path, change: Callable[[dict[str, object], list[tuple[tarfile.TarInfo, bytes]]], None]
) -> None:
    """Rotten or made to harm: refused before the library is touched, and nothing is written anywhere else."""
    file = tmp_path / "copy.tar"
    back_up(library, file)
    repacked(file, change)
    before = contents(tmp_path)
    with pytest.raises(StoreDamaged, match="the backup"):
        restored(file, library)
    assert contents(tmp_path) == before
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9])
def test_a_backup_that_was_cut_changes_nothing(library: Path, tmp_path: Path, suffix: str, share: float) -> None:
    """Wherever the copying of it ended."""
    file = tmp_path / f"copy{suffix}"
    back_up(library, file)
    os.truncate(file, int(file.stat().st_size * share))
    before = contents(tmp_path)
    with pytest.raises((StoreDamaged, UsageError)):
        restored(file, library)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("newer", [{"schema": 99}, {"format": 2, "files": "elsewhere"}])
def test_a_backup_of_a_newer_vecclust_is_refused(library: Path, tmp_path: Path, newer: dict[str, object]) -> None:
    """Politely, and nothing is changed."""
    file = tmp_path / "copy.tar"
    back_up(library, file)
    repacked(file, lambda header, rest: header.update(newer))
    before = contents(tmp_path)
    with pytest.raises(StoreTooNew, match="newer vecclust"):
        restored(file, library)
    assert contents(tmp_path) == before


def test_any_other_file_is_no_backup(tmp_path: Path) -> None:
    """Said so, whatever it is."""
    (tmp_path / "text.tar").write_text("no tar at all")
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(tmp_path / "text.tar", "text")
    for name in ("text.tar", "other.tar", "missing.tar"):
        with pytest.raises(UsageError):
            restored(tmp_path / name, tmp_path / "library")
    assert not (tmp_path / "library").exists()


_RESTORER = """
import os, signal, sys
from pathlib import Path
from vecclust.store import Store, restoring
from tests.store.samples import FAST
left = int(sys.argv[3])
def dying(method):
    def around(*args, **kwargs):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return method(*args, **kwargs)
    return around
for owner, name in ((restoring, "_write"), (restoring, "_exchanged"), (restoring, "sync_folder"), (Path, "rename")):
    setattr(owner, name, dying(getattr(owner, name)))
restoring.restore_backup(Path(sys.argv[1]), Path(sys.argv[2]), settings=FAST, progress=lambda *_: None)
"""


def test_a_restore_that_is_killed_leaves_a_library_in_its_place(library: Path, tmp_path: Path) -> None:
    """Before any of its steps: the old one or the new one, whole, and the old one is never gone."""
    first = told(library)
    back_up(library, tmp_path / "copy.tar")
    with Store.open(library, write=True, settings=FAST) as store:
        store.add_photos(photo_rows(4, first=70))
    second = told(library)
    n_files = len(read_backup(tmp_path / "copy.tar").files)
    seen = []
    for step in (1, n_files // 2, *range(n_files + 1, n_files + 6)):
        here = tmp_path / f"at{step}"
        shutil.copytree(library, here / "library")
        process = start(str(tmp_path / "copy.tar"), str(here / "library"), str(step), code=_RESTORER)
        _, err = process.communicate(timeout=120)
        assert process.returncode in (0, -signal.SIGKILL), err
        seen.append(told(here / "library"))
        if seen[-1] == first:
            (aside,) = here.glob("library-before-restore-*")
            assert told(aside) == second
        else:
            assert seen[-1] == second
        if process.returncode == 0:
            break
    assert first in seen
    assert seen[0] == second
