"""A disk that takes a part of a file: lancedb commits it all the same, and the store takes that back."""

from __future__ import annotations

import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.store.samples import FAST, new_library, photo_rows
from vecclust.errors import StoreFull
from vecclust.store import Store
from vecclust.store.layout import LibraryPlace, manifests
from vecclust.store.ledger import Ledger

N_BATCHES, N_EACH = 4, 50
# Of the 38,746 bytes of all photos in one file (lancedb 0.40): what lacks of the last 2 kB is not told. A commit of
# fifty photos has 12 kB.
LIMITS = (10, 3000, 10_000, 12_000, 30_000, 37_000, 38_500, 38_745)


@contextmanager
def short_disk(size_bytes: int) -> Iterator[None]:
    """Have no file grow beyond a size, as a disk that is full stops in the middle of one."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of some commits."""
    folder = tmp_path_factory.mktemp("short") / "library"
    with new_library(folder) as store:
        for batch in range(N_BATCHES):
            store.add_photos(photo_rows(N_EACH, first=batch * N_EACH))
    return folder


def compact(store: Store) -> None:
    """Write all photos into one file."""
    store._tables.optimize("photos")


def add(store: Store) -> None:
    """Bring more photos in."""
    store.add_photos(photo_rows(N_EACH, first=N_BATCHES * N_EACH))


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("write", [compact, add])
def test_what_was_acknowledged_is_there_however_short_the_disk_was(
    library: Path, tmp_path: Path, write: Callable[[Store], None], limit: int
) -> None:
    """Either the write is refused for lack of room and all is as before, or it is whole."""
    folder = tmp_path / "library"
    shutil.copytree(library, folder)
    n_photos = N_BATCHES * N_EACH
    with Store.open(folder, write=True, settings=FAST) as store:
        try:
            with short_disk(limit):
                write(store)
            n_photos = store.counts().photos
        except StoreFull:
            pass
        assert n_photos <= len(store.vectors()[0]) <= N_BATCHES * N_EACH + N_EACH
    with Store.open(folder, write=True, settings=FAST) as store:
        assert store.mended == ()
        assert len(set(store.vectors()[0])) == len(store.vectors()[0]) >= n_photos
        # There is room again.
        add(store)
        compact(store)
        assert len(store.vectors()[0]) == N_BATCHES * N_EACH + N_EACH
    assert Ledger(LibraryPlace(folder)).faults(deep=True) == []


def test_the_error_is_lost_by_lancedb_still(library: Path, tmp_path: Path) -> None:
    """Once it reports what the disk refuses, this can go: a compaction into a file that is cut short is a commit."""
    folder = tmp_path / "library"
    shutil.copytree(library, folder)
    with Store.open(folder, write=True, settings=FAST) as store:
        before = store._tables.place.newest("photos").number
        handle = store._tables._connection.open_table("photos")
        with short_disk(38_500):
            handle.optimize()
        assert store._tables.place.newest("photos").number > before
        assert store._tables.ledger.torn_files("photos")


@pytest.mark.parametrize("table", ["photos", "meta"])
def test_a_commit_whose_files_a_power_loss_took_is_gone_back_before(library: Path, tmp_path: Path, table: str) -> None:
    """Its record is whole, its rows were never written; nobody was told of it."""
    folder = tmp_path / "library"
    shutil.copytree(library, folder)
    place = LibraryPlace(folder)
    with Store.open(folder, write=True, settings=FAST) as store:
        noted = place.newest(table)
        before = set((place.table(table) / "data").iterdir())
        handle = store._tables._connection.open_table(table)
        # Without a note of it, as a process leaves it that the power takes.
        handle.add(handle.to_arrow())
        for file in set((place.table(table) / "data").iterdir()) - before:
            file.write_bytes(b"")
    with Store.open(folder, write=True, settings=FAST) as store:
        assert "never finished" in " ".join(store.mended)
        assert place.newest(table).number == noted.number
        assert len(store.vectors()[0]) == N_BATCHES * N_EACH
    assert Ledger(place).faults(deep=True) == []
    assert manifests(place.table(table))


@pytest.mark.parametrize("acknowledged", [False, True])
def test_deleted_rows_of_a_killed_process_hinder_no_commit(library: Path, tmp_path: Path, acknowledged: bool) -> None:
    """Their file is torn and no record names it; of one that a record names, the commit was never finished."""
    folder = tmp_path / "library"
    shutil.copytree(library, folder)
    place = LibraryPlace(folder)
    with Store.open(folder, write=True, settings=FAST) as store:
        handle = store._tables._connection.open_table("photos")
        handle.delete(f"photo = '{min(store.photo_keys())}'")
        (file,) = (place.table("photos") / "_deletions").iterdir()
        file.write_bytes(file.read_bytes()[:40])
        if not acknowledged:
            min(manifests(place.table("photos"))).unlink()
    with Store.open(folder, write=True, settings=FAST) as store:
        assert bool(store.mended) == acknowledged
        add(store)
        assert len(store.vectors()[0]) == N_BATCHES * N_EACH + N_EACH
    assert Ledger(place).faults(deep=True) == []
