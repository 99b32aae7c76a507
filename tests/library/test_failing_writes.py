"""Every write of a scan, a refit and an edit fails once, as on a disk that is full for a moment: nothing is lost."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.library.filled import filled_library
from tests.library.test_damage import told
from tests.library.test_library import picture
from vecclust.errors import StoreError
from vecclust.library.watched import WatchedLibrary
from vecclust.store import journal, labels
from vecclust.store.ledger import Ledger
from vecclust.store.tables import Tables
from vecclust.store.writer import SyncedFiles
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.types.edits import EditRequest

# More writes than any of these jobs makes; reaching it means that none was counted.
MOST_WRITES = 200


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with a run and a name, and six photos in its album that it does not know yet."""
    place = tmp_path_factory.mktemp("start")
    with filled_library(place, n_each=8) as made:
        made.rename("c1", "Lagoon")
    for number in range(100, 106):
        (place / "album" / f"red{number}.jpg").write_bytes(picture("red", number))
        os.utime(place / "album" / f"red{number}.jpg", ns=(10**18, 10**18))
    return place


def opened(folder: Path) -> WatchedLibrary:
    """Open the library to write."""
    clock, flags = FakeClock(time.time_ns() + 3600 * 10**9), {"clusters.reducer": "pca"}
    return WatchedLibrary.open(folder, write=True, flags=flags, embedder=FakeEmbedder(), clock=clock)


def scan(library: WatchedLibrary) -> None:
    """Take in what came."""
    library.scan()


def refit(library: WatchedLibrary) -> None:
    """Fit from nothing."""
    library.recluster()


def edit(library: WatchedLibrary) -> None:
    """Give a name, and pin a photo, where that is not done yet."""
    if "Beach" not in {name.name for name in library._store.names().values()}:
        library.rename("c2", "Beach")
    if not library._store.constraints().pins:
        library.edit(EditRequest("pin", photos=(min(library._store.photo_keys()),)))


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, number: int) -> Iterator[list[int]]:
    """Have one write fail: a commit, what is synced after it, its note, a line of the journal, an array of a fit."""
    count = [0]

    def wrapped(write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            count[0] += 1
            if count[0] == number:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(*args, **kwargs)

        return counted

    with monkeypatch.context() as patch:
        for owner, name in (
            *((Tables, name) for name in ("_commit", "create")),
            *((SyncedFiles, name) for name in ("sync",)),
            *((Ledger, name) for name in ("_write",)),
            *((module, "add_lines") for module in (labels, journal)),
            (os, "fsync"),
        ):
            patch.setattr(owner, name, wrapped(getattr(owner, name)))
        yield count


@pytest.mark.slow
@pytest.mark.parametrize("job", [scan, refit, edit])
def test_a_write_that_fails_loses_nothing(
    start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: Callable[[WatchedLibrary], None]
) -> None:
    """Whichever it is: the job ends in our own words, and done again it comes to what it would have come to at once."""
    whole = tmp_path / "whole"
    shutil.copytree(start / "library", whole)
    with opened(whole) as library:
        job(library)
        expected = told(library)
    for number in range(1, MOST_WRITES):
        folder = tmp_path / f"library{number}"
        shutil.copytree(start / "library", folder)
        # Nothing else is raised: neither an end nor a defect of ours.
        with opened(folder) as library, failing(monkeypatch, number) as count, suppress(StoreError, OSError):
            job(library)
        with opened(folder) as library:
            job(library)
            found = told(library)
        assert (found.photos, found.vectors, found.files) == (expected.photos, expected.vectors, expected.files)
        assert found.clusters == expected.clusters, number
        assert sorted(set(found.edits)) == sorted(set(expected.edits)), number
        shutil.rmtree(folder)
        if count[0] < number:
            break
    assert 3 < number < MOST_WRITES - 1
