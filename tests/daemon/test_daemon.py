"""The daemon with real files, a real observer and a real library; the model alone is a fake."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.processes import folder_of, rows_of
from tests.test_library import HUES, picture
from vecclust import Library
from vecclust.daemon import Daemon, Rhythm
from vecclust.testing import FakeEmbedder
from vecclust.watch import Watcher

DEADLINE_S = 30.0
FLAGS = {"clusters.reducer": "pca", "photos.settle_s": 0.3, "photos.decode_processes": 1}


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with six photos of each of three colours."""
    folder = tmp_path / "album"
    for colour in HUES:
        (folder / colour).mkdir(parents=True)
        for number in range(6):
            (folder / colour / f"{number:02}.jpg").write_bytes(picture(colour, number))
    return folder


class Kept:
    """A library that a daemon keeps, stepped by the test itself."""

    def __init__(self, library: Library, daemon: Daemon, album: Path) -> None:
        self.library, self.daemon, self.album = library, daemon, album

    def rows(self) -> dict[str, str | None]:
        """Give the photo of every file the library believes to be there."""
        return rows_of(self.library)

    def folder(self) -> dict[str, str]:
        """Give the content of every photo file there is."""
        return folder_of(self.album)

    def until(self, reached: Callable[[], bool]) -> None:
        """Let the daemon go on until something is so."""
        deadline = time.monotonic() + DEADLINE_S
        while not reached():
            assert time.monotonic() < deadline, (self.rows(), self.folder())
            self.step()

    def step(self) -> None:
        """Let the daemon listen for a moment and do what is due."""
        self.daemon.listen(at_most_s=0.2)
        self.daemon.work()

    def in_step(self) -> bool:
        """Tell whether rows, labels and folder agree."""
        rows, folder = self.rows(), self.folder()
        store = self.library._store
        return rows == folder and store.photo_keys() == set(folder.values()) == set(store.labels())


@pytest.fixture
def kept(tmp_path: Path, album: Path) -> Iterator[Kept]:
    """A daemon that has caught up; only events can tell it anything for the next hour."""
    place = tmp_path / "library"
    with Library.open(place, write=True, flags=FLAGS, embedder=FakeEmbedder()) as library:
        roots = library.remember([album])
        library.keep_warm()
        watcher = Watcher(roots, rules=library.rules, canary=place / "watch" / "canary")
        rhythm = Rhythm(interval_s=3600.0, poll_s=3600.0, canary_s=3600.0, settle_s=0.3)
        daemon = Daemon(library, watcher, rhythm=rhythm)
        watcher.arm()
        made = Kept(library, daemon, album)
        made.until(made.in_step)
        yield made
        watcher.close()


def slowly(kept: Kept) -> None:
    """Written straight to its name in chunks, the daemon looking on."""
    data = picture("red", 100)
    with (kept.album / "new.jpg").open("wb") as file:
        for start in range(0, len(data), len(data) // 3):
            file.write(data[start : start + len(data) // 3])
            file.flush()
            kept.step()


def aside(kept: Kept) -> None:
    """Written under a temporary name, then renamed."""
    (kept.album / ".new.jpg.Ab12Cd").write_bytes(picture("red", 100))
    os.rename(kept.album / ".new.jpg.Ab12Cd", kept.album / "new.jpg")


def preallocated(kept: Kept) -> None:
    """Made at its full length first and filled later."""
    data = picture("red", 100)
    with (kept.album / "new.jpg").open("wb") as file:
        file.truncate(len(data))
        kept.step()
        kept.step()
        file.write(data)


def tree_copied(kept: Kept) -> None:
    """A tree, copied by `cp -r`."""
    source = kept.album.parent / "source"
    for number in range(6):
        (source / f"{number}.d" / "deep").mkdir(parents=True)
        (source / f"{number}.d" / "deep" / "a.jpg").write_bytes(picture("blue", 100 + number))
    subprocess.run(["cp", "-r", str(source), str(kept.album / "copy")], check=True)


def moved_in(kept: Kept) -> None:
    """A file moved in from outside, its old mtime kept."""
    outside = kept.album.parent / "outside.jpg"
    outside.write_bytes(picture("green", 100))
    os.utime(outside, ns=(10**18, 10**18))
    os.rename(outside, kept.album / "new.jpg")


def tree_moved_in(kept: Kept) -> None:
    """A directory moved in from outside."""
    (kept.album.parent / "source" / "deep").mkdir(parents=True)
    (kept.album.parent / "source" / "deep" / "a.jpg").write_bytes(picture("green", 100))
    os.rename(kept.album.parent / "source", kept.album / "moved")


def copied_with_times(kept: Kept) -> None:
    """Copied over another photo with an old mtime, as `cp -p` and rsync do."""
    outside = kept.album.parent / "outside.jpg"
    outside.write_bytes(picture("green", 100))
    os.utime(outside, ns=(10**18, 10**18))
    shutil.copy2(outside, kept.album / "red" / "00.jpg")


def overwritten(kept: Kept) -> None:
    """Overwritten in place."""
    (kept.album / "red" / "00.jpg").write_bytes(picture("red", 100))


def overwritten_by_rename(kept: Kept) -> None:
    """Another file renamed over it."""
    (kept.album / "new.part").write_bytes(picture("red", 100))
    os.replace(kept.album / "new.part", kept.album / "red" / "00.jpg")


def moved_within(kept: Kept) -> None:
    """Moved to another name, in another directory."""
    os.rename(kept.album / "red" / "00.jpg", kept.album / "blue" / "moved.jpg")


def tree_moved_within(kept: Kept) -> None:
    """A directory given another name."""
    os.rename(kept.album / "red", kept.album / "scarlet")


def doubled(kept: Kept) -> None:
    """A second file and a second name of the same content."""
    shutil.copy(kept.album / "red" / "00.jpg", kept.album / "copy.jpg")
    os.link(kept.album / "red" / "01.jpg", kept.album / "link.jpg")


def renamed_in_case(kept: Kept) -> None:
    """Renamed in case only."""
    os.rename(kept.album / "red" / "00.jpg", kept.album / "red" / "00.JPG")


WAYS = [
    slowly, aside, preallocated, tree_copied, moved_in, tree_moved_in, copied_with_times, overwritten,
    overwritten_by_rename, moved_within, tree_moved_within, doubled, renamed_in_case,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_written_the_library_equals_the_folder(kept: Kept, way: Callable[[Kept], None]) -> None:
    """Each distinct content once, under its final names, labelled, told by events alone."""
    way(kept)
    kept.until(kept.in_step)
    assert not list(kept.library._store.files(state="problem"))


def test_what_is_deleted_answers_nothing_and_stays_for_a_day(kept: Kept) -> None:
    """One file, then a directory of them: marked as missing, not removed."""
    (kept.album / "red" / "00.jpg").unlink()
    kept.until(lambda: kept.rows() == kept.folder())
    shutil.rmtree(kept.album / "blue")
    kept.until(lambda: kept.rows() == kept.folder())
    assert kept.library.status().photos == 18


def test_a_moved_photo_costs_no_embedding(kept: Kept) -> None:
    """The look at everything that a move asks for sees both ends of it."""
    embedder = kept.library._binding._embedder
    assert isinstance(embedder, FakeEmbedder)
    before = embedder.n_frames_embedded
    moved_within(kept)
    kept.until(kept.in_step)
    assert embedder.n_frames_embedded == before
    assert kept.library.status().missing == 0


def test_a_root_that_goes_and_comes_loses_nothing(kept: Kept) -> None:
    """Renamed away: paused. Back: nothing is embedded again, and new photos are heard of."""
    embedder = kept.library._binding._embedder
    assert isinstance(embedder, FakeEmbedder)
    before = embedder.n_frames_embedded
    away = kept.album.parent / "away"
    os.rename(kept.album, away)
    kept.daemon._watcher.check()
    kept.until(lambda: bool(kept.library.status().folders[0].paused))
    assert kept.library.status().photos == 18
    assert any("not there" in problem for problem in kept.daemon._watcher.problems)
    os.rename(away, kept.album)
    kept.daemon._watcher.check()
    kept.until(lambda: not kept.library.status().folders[0].paused)
    assert kept.in_step()
    assert embedder.n_frames_embedded == before
    aside(kept)
    kept.until(kept.in_step)


def test_a_broken_file_is_tried_again_by_itself(kept: Kept) -> None:
    """Recorded, asked about on the ladder without any event, and read once it is whole."""
    (kept.album / "new.jpg").write_bytes(picture("red", 100)[:500])
    kept.until(lambda: len(kept.library.problems()) == 1)
    assert kept.daemon._agenda.next_s - time.monotonic() < 6
    (kept.album / "new.jpg").write_bytes(picture("red", 100))
    kept.until(kept.in_step)
    assert kept.library.problems() == ()


def test_only_the_files_that_were_named_are_looked_at(kept: Kept) -> None:
    """A small batch leaves the rest alone: absence is not judged by it, foreign paths are passed over."""
    (kept.album / "red" / "00.jpg").unlink()
    (kept.album / "new.jpg").write_bytes(picture("red", 100))
    (kept.album / "other.jpg").write_bytes(picture("red", 101))
    os.utime(kept.album / "new.jpg")
    named = {str(kept.album / name) for name in ("new.jpg", "nothing.jpg", "notes.txt", "../outside.jpg")}
    deadline = time.monotonic() + DEADLINE_S
    while (report := kept.library.catch_up(named)).pending:
        assert time.monotonic() < deadline
    assert (report.added, report.missing, report.removed, report.unchanged) == (1, 0, 0, 0)
    assert str(kept.album / "other.jpg") not in kept.rows()
    assert str(kept.album / "red" / "00.jpg") in kept.rows()
    assert report.labelled == 1


def test_a_marked_or_linked_directory_is_not_looked_into(kept: Kept) -> None:
    """A hint is judged as a walk would judge it."""
    (kept.album / "quiet").mkdir()
    (kept.album / "quiet" / ".nomedia").touch()
    (kept.album / "quiet" / "a.jpg").write_bytes(picture("red", 100))
    (kept.album / "linked").symlink_to(kept.album / "red")
    report = kept.library.catch_up({str(kept.album / "quiet" / "a.jpg"), str(kept.album / "linked" / "00.jpg")})
    assert (report.added, report.pending, report.unchanged) == (0, 0, 0)


def test_processes_and_arrays_stay_warm(kept: Kept) -> None:
    """The decoding process of one batch is that of the next."""
    aside(kept)
    kept.until(kept.in_step)
    assert kept.library._intake._pool is not None
    pids = kept.library._intake._pool.pids
    assert pids
    moved_in(kept)
    kept.until(kept.in_step)
    assert kept.library._intake._pool.pids == pids
