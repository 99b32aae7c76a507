"""A look at everything that reads a bounded number of photos: what goes first, and what is never left."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.library.test_library import picture
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeClock, FakeEmbedder

AT_MOST = 2


@pytest.fixture
def library(tmp_path: Path) -> Iterator[WatchedLibrary]:
    """A library that keeps an empty folder, its clock an hour ahead of the files."""
    (tmp_path / "album").mkdir()
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    flags = {"store.commit_photos": AT_MOST, "photos.decode_processes": 1}
    with WatchedLibrary.open(
        tmp_path / "library", write=True, flags=flags, embedder=FakeEmbedder(), clock=clock
    ) as opened:
        opened.remember([tmp_path / "album"])
        opened.keep_warm()
        yield opened


def put(album: Path, numbers: range) -> list[str]:
    """Write photos one after the other, each later than the one before by the file system's clock, each longer."""
    earlier_ns = 0
    for number in numbers:
        file = album / f"{number}.jpg"
        while not file.exists() or file.stat().st_ctime_ns <= earlier_ns:
            file.write_bytes(picture("red", number).ljust(10_000 + number, b"x"))
        earlier_ns = file.stat().st_ctime_ns
    return [str(album / f"{number}.jpg") for number in numbers]


def test_the_newest_are_read_and_the_others_are_named(library: WatchedLibrary, tmp_path: Path) -> None:
    """What was left is read when it is asked for, and a further look finds nothing to do."""
    paths = put(tmp_path / "album", range(5))
    report = library.catch_up()
    assert (report.added, report.left) == (AT_MOST, (paths[2], paths[1], paths[0]))
    assert {row.absolute for row in library._store.files()} == {paths[4], paths[3]}
    assert library.catch_up(report.left).added == 3
    assert (library.catch_up().left, library.status().photos) == ((), 5)


def test_what_moved_is_never_left(library: WatchedLibrary, tmp_path: Path) -> None:
    """A tree that was renamed during an import is found whole: nothing missing, nothing embedded again."""
    album = tmp_path / "album"
    (album / "a").mkdir()
    put(album / "a", range(6))
    library.scan()
    os.rename(album / "a", album / "b")
    put(album, range(10, 15))
    report = library.catch_up()
    assert (report.moved, report.missing, report.added, len(report.left)) == (6, 0, AT_MOST, 3)
    assert library._store.counts().missing == 0


def test_photos_without_a_file_stay_while_files_are_left(library: WatchedLibrary, tmp_path: Path) -> None:
    """A scan that was killed may have left such a photo, and its file may be among those not read yet."""
    put(tmp_path / "album", range(6))
    library.scan()
    store = library._store
    store.remove_files([(row.root, row.path) for row in store.files()])
    first = library.catch_up()
    assert (len(first.left), len(store.photo_keys()), first.new_photos) == (4, 6, 0)
    last = library.catch_up(first.left)
    assert (last.new_photos, last.added) == (0, 4)
