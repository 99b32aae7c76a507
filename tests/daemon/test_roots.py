"""A folder that goes away is no deletion: unmounted, replaced, emptied, renamed, unreadable, a device in it gone."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.kept import Kept, fill, keep, put_one
from tests.library.test_library import picture
from vecclust.daemon.backend import DaemonBackend
from vecclust.daemon.schedule import Schedule
from vecclust.server.app import Question
from vecclust.server.verbs import VERBS
from vecclust.testing import FakeClock
from vecclust.watching import Hint

DAY_S = 86_400.0


@pytest.fixture
def mount() -> Iterator[Callable[[Path], None]]:
    """Mount empty file systems in memory; what is left of them is unmounted."""
    mounted: list[Path] = []

    def begin(place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "vecclust", str(place)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("nothing may be mounted here")
        mounted.append(place)

    yield begin
    for place in reversed(mounted):
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


def unmount(place: Path) -> None:
    """Take a file system away as a pulled cable does: at once, used or not."""
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def clock() -> FakeClock:
    """An hour ahead of the files, so that all of them have settled."""
    return FakeClock(time.time_ns() + 3600 * 10**9)


def three_days(kept: Kept, clock: FakeClock) -> None:
    """Let the daemon check its folders and look at everything, a day after the other."""
    for _ in range(3):
        kept.daemon._watcher.check()
        kept.look()
        clock.advance(DAY_S + 1)


def test_an_unmounted_root_is_no_deletion(tmp_path: Path, mount: Callable[[Path], None], clock: FakeClock) -> None:
    """Days without it, days with another device in its place; back, nothing is embedded again and it is heard."""
    hidden, album = tmp_path / "hidden", tmp_path / "album"
    mount(hidden)
    fill(hidden)
    album.mkdir()
    subprocess.run(["mount", "--bind", str(hidden), str(album)], check=True)
    try:
        with keep(tmp_path / "library", album, flags={}, clock=clock) as kept:
            before, rows = kept.n_embedded, kept.rows()
            unmount(album)
            three_days(kept, clock)
            assert "the folder is empty" in kept.paused
            assert kept.rows() == rows
            mount(album)
            (album / "other.jpg").write_bytes(picture("red", 100))
            three_days(kept, clock)
            assert "none of the 18 known files is there" in kept.paused
            assert kept.rows() == rows
            put_one(album, 102)
            kept.settle()
            assert kept.rows() == rows, "what arrives on another drive is not taken in"
            unmount(album)
            subprocess.run(["mount", "--bind", str(hidden), str(album)], check=True)
            kept.daemon._watcher.check()
            kept.until(lambda: kept.paused == "" and kept.rows() == rows)
            assert kept.n_embedded == before
            put_one(album, 101)
            kept.until(lambda: str(album / "101.jpg") in kept.rows())
    finally:
        subprocess.run(["umount", "-l", str(album)], capture_output=True, check=False)


def test_a_card_mounted_in_the_folder_that_is_pulled_is_no_deletion(
    tmp_path: Path, mount: Callable[[Path], None], clock: FakeClock
) -> None:
    """A third of the photos is on it: too few to be called most, and still no deletion, its directory there or not."""
    album = tmp_path / "album"
    mount(album / "red")
    for colour in ("green", "blue"):
        (album / colour).mkdir()
    for colour in ("red", "green", "blue"):
        for number in range(6):
            (album / colour / f"{number:02}.jpg").write_bytes(picture(colour, number))
    with keep(tmp_path / "library", album, flags={}, clock=clock) as kept:
        before, rows = kept.n_embedded, kept.rows()
        unmount(album / "red")
        three_days(kept, clock)
        assert "'red' in it is no longer on a device of its own" in kept.paused
        (album / "red").rmdir()
        three_days(kept, clock)
        assert "'red' in it" in kept.paused
        assert kept.rows() == rows
        mount(album / "red")
        for number in range(6):
            (album / "red" / f"{number:02}.jpg").write_bytes(picture("red", number))
        kept.until(lambda: kept.in_step() and kept.paused == "")
        assert kept.n_embedded == before
        unmount(album / "red")
        kept.library.scan(prune=True)
        assert (kept.paused, len(kept.rows())) == ("", 12)


def renamed_away(album: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Renamed, and nothing in its place."""
    os.rename(album, album.with_name("away"))
    return lambda: os.rename(album.with_name("away"), album)


def replaced(album: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Renamed, and an empty folder in its place."""
    os.rename(album, album.with_name("away"))
    album.mkdir()
    return lambda: (album.rmdir(), os.rename(album.with_name("away"), album))


def emptied(album: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """All of it moved out, the folder itself left."""
    shutil.copytree(album, album.with_name("away"), copy_function=shutil.copy2)
    for folder in album.iterdir():
        shutil.rmtree(folder)
    return lambda: shutil.copytree(album.with_name("away"), album, dirs_exist_ok=True)


def mostly_gone(album: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Two thirds of it gone at once."""
    for colour in ("red", "blue"):
        os.rename(album / colour, album.with_name(colour))
    return lambda: [os.rename(album.with_name(colour), album / colour) for colour in ("red", "blue")]


def forbidden(place: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> Callable[[], object]:
    """Have the system refuse to list a directory, as it does to all but root and, on macOS, to everybody."""
    scandir = os.scandir

    def refuse(path: str) -> object:
        if os.fspath(path) == str(place) or os.fspath(path) == f"{place}/":
            raise OSError(code, os.strerror(code), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return lambda: monkeypatch.setattr(os, "scandir", scandir)


def forbidden_by_privacy(album: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """EPERM for the folder itself."""
    return forbidden(album, monkeypatch, errno.EPERM)


def partly_forbidden(album: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """EACCES for a directory in it, while another loses a photo."""
    give_back = forbidden(album / "red", monkeypatch, errno.EACCES)
    os.rename(album / "blue" / "00.jpg", album.with_name("00.jpg"))
    return lambda: (give_back(), os.rename(album.with_name("00.jpg"), album / "blue" / "00.jpg"))


def test_another_folder_in_its_place_is_held_until_it_is_accepted(
    tmp_path: Path, album: Path, clock: FakeClock
) -> None:
    """The same names: what lies there and what arrives is not taken in; accepted, at once, and the first is kept."""
    other, away = tmp_path / "other", tmp_path / "away"
    for colour in ("red", "blue"):
        (other / colour).mkdir(parents=True)
        for number in range(6):
            (other / colour / f"{number:02}.jpg").write_bytes(picture(colour, 500 + number))
    with keep(tmp_path / "library", album, flags={}, clock=clock) as kept:
        before, rows = kept.n_embedded, kept.rows()
        album.rename(away)
        other.rename(album)
        three_days(kept, clock)
        assert "none of the 18 known files is there" in kept.paused
        put_one(album, 600)
        kept.settle()
        kept.look()
        assert (kept.rows(), kept.n_embedded) == (rows, before)
        assert kept.library.status().folders[0].held == 13
        asked = Question(VERBS["accept_drive"], {"folder": album}, None)
        lines = DaemonBackend(kept.library, kept.daemon._jobs).write(asked)
        assert next(lines) == {"taken": True}
        kept.until(lambda: kept.rows() == kept.folder())
        assert list(lines)[-1]["result"].away == 18
        assert (kept.paused, kept.library.status().photos) == ("", 18 + 13)
        album.rename(other)
        away.rename(album)
        three_days(kept, clock)
        assert (kept.rows(), kept.paused, kept.n_embedded) == (rows, "", before + 13)


def test_a_file_that_is_heard_of_where_nothing_known_is_left_asks_for_a_look(
    tmp_path: Path, album: Path, clock: FakeClock
) -> None:
    """It is not taken in by itself; the look finds the folder to be another, and the next file asks for none."""
    with keep(tmp_path / "library", album, flags={}, clock=clock) as kept:
        rows, new = kept.rows(), album / "red" / "20.jpg"
        schedule = kept.daemon._schedule = Schedule(settle_s=0.0, now_s=time.monotonic() + 3600)
        for file in album.rglob("*.jpg"):
            file.write_bytes(picture("red", 900 + int(file.stem)))
        new.write_bytes(picture("red", 999))
        schedule.add_hint(Hint(frozenset({str(new)})), now_s=0.0)
        kept.daemon.work()
        assert (kept.rows(), kept.paused) == (rows, "")
        kept.daemon.work()
        assert "none of the 18 known files is there" in kept.paused
        n_looks = kept.daemon.n_looks
        schedule.add_hint(Hint(frozenset({str(new)})), now_s=0.0)
        kept.daemon.work()
        kept.daemon.work()
        assert (kept.rows(), kept.daemon.n_looks) == (rows, n_looks + 1)


@pytest.mark.parametrize(
    ("go_away", "says"),
    [
        (renamed_away, "not there or cannot be read"),
        (replaced, "is empty"),
        (emptied, "is empty"),
        (mostly_gone, "12 of 18 files are gone at once"),
        (forbidden_by_privacy, "the folder cannot be read (Operation not permitted)"),
        (partly_forbidden, "a part of the folder cannot be read"),
    ],
)
def test_a_folder_that_is_away_for_days_loses_nothing(
    tmp_path: Path,
    album: Path,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    go_away: Callable[[Path, pytest.MonkeyPatch], Callable[[], object]],
    says: str,
) -> None:
    """No row goes, `status` says why, and when it is back nothing is embedded again."""
    with keep(tmp_path / "library", album, flags={}, clock=clock) as kept:
        before, rows = kept.n_embedded, kept.rows()
        come_back = go_away(album, monkeypatch)
        three_days(kept, clock)
        assert says in kept.paused
        assert kept.rows() == rows
        come_back()
        kept.daemon._watcher.check()
        kept.look()
        kept.until(lambda: kept.in_step() and kept.paused == "")
        assert kept.n_embedded == before


def test_what_is_deleted_goes_a_day_later_with_its_label_and_its_picture(
    tmp_path: Path, album: Path, clock: FakeClock
) -> None:
    """Missing in two complete looks a day apart, and not before; a photo that came back meanwhile stays."""
    with keep(tmp_path / "library", album, flags={}, clock=clock) as kept:
        store, gone = kept.library._store, kept.folder()[str(album / "red" / "00.jpg")]
        back = (album / "red" / "01.jpg").read_bytes()
        for number in (0, 1):
            (album / "red" / f"{number:02}.jpg").unlink()
        kept.until(lambda: kept.rows() == kept.folder())
        clock.advance(DAY_S / 2)
        kept.look()
        assert (gone in store.photo_keys(), store.thumbnail(gone) is not None) == (True, True)
        (album / "red" / "01.jpg").write_bytes(back)
        kept.until(lambda: kept.rows() == kept.folder())
        clock.advance(DAY_S / 2 + 1)
        kept.look()
        assert gone not in store.photo_keys() | set(store.labels())
        assert store.thumbnail(gone) is None
        assert kept.in_step()
        assert kept.library.status().missing == 0
