"""A disk that is full in the middle of a scan: what was committed stays, and it is known how many files still wait."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.library.test_library import picture
from vecclust import Library
from vecclust.errors import StoreFull
from vecclust.store import Store
from vecclust.testing import FakeClock, FakeEmbedder

FLAGS = {"store.commit_photos": 4, "clusters.reducer": "pca"}


def _open(place: Path, *, write: bool = True) -> Library:
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    embedder = FakeEmbedder(batch_size=4)
    return Library.open(place / "library", write=write, flags=FLAGS, embedder=embedder, clock=clock)


def _fill(monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Have the disk take so many commits of photos and no more."""
    real, commits = Store.add_photos, iter(range(10**6))

    def add_photos(self: Store, rows: Any, **asked: Any) -> int:
        if next(commits) >= after:
            raise StoreFull("no space left while adding to thumbnails", hint="Free some space")
        return real(self, rows, **asked)

    monkeypatch.setattr(Store, "add_photos", add_photos)


@pytest.mark.parametrize(("after", "n_in"), [(0, 0), (2, 8)])
def test_what_still_waits_is_counted_until_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, n_in: int
) -> None:
    """By whoever asks, also when the scan has ended; the next scan with room reads the rest."""
    album = tmp_path / "album"
    album.mkdir()
    for number in range(15):
        (album / f"{number:02}.jpg").write_bytes(picture("red", number))
    with monkeypatch.context() as filled, _open(tmp_path) as library:
        _fill(filled, after=after)
        with pytest.raises(StoreFull):
            library.scan([album])
    with _open(tmp_path, write=False) as library:
        status = library.status()
        assert (status.photos, status.pending) == (n_in, 15 - n_in)
    with _open(tmp_path) as library:
        library.scan()
        status = library.status()
        assert (status.photos, status.files, status.pending) == (15, 15, 0)
    assert not (tmp_path / "library" / "unread").exists()


def test_a_note_is_written_over_and_read_whatever_it_holds(tmp_path: Path) -> None:
    """A smaller number leaves nothing of a larger one, and what is none counts as none; nothing goes through a link."""
    note = tmp_path / "library" / "unread"
    with Store.open(tmp_path / "library", write=True, create=True) as store:
        store.note_unread(123_456)
        inode = os.stat(note).st_ino
        store.note_unread(7)
        assert (store.unread(), os.stat(note).st_ino) == (7, inode)
        for other in (b"", b"-4", b"\xff\0"):
            note.write_bytes(other)
            assert store.unread() == 0
        store.note_unread(0)
        assert not note.exists()
        (tmp_path / "dear").write_text("dear")
        note.symlink_to(tmp_path / "dear")
        store.note_unread(5)
        assert (tmp_path / "dear").read_text() == "dear"
