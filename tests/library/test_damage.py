"""A library that is broken in every way a disk knows: a reader refuses it, a scan makes it what it was, and says so."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.library.filled import filled_library
from vecclust.errors import StoreDamaged
from vecclust.library.watched import WatchedLibrary
from vecclust.store.layout import LibraryPlace, manifests
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.types.edits import EditRequest
from vecclust.types.progress import no_progress

TABLES = ("photos", "files", "thumbnails", "meta", "labels_r1", "labels_r2", "runs", "clusters", "words")
# Nothing of these can be read off another place, so that pictures are read again.
FROM_FILES = ("photos", "thumbnails", "files")


@dataclass(frozen=True)
class Told:
    """What a library says, as far as it must say it again."""

    clusters: list[tuple[str, str | None, int]]
    labels: object
    runs: list[str]
    edits: list[str]
    photos: set[str]
    vectors: object
    files: int


def told(library: WatchedLibrary) -> Told:
    """Ask a library everything."""
    store = library._store
    keys, vectors = store.vectors()
    assert set(store.thumbnails(keys)) == set(keys)
    return Told(
        [(one.id, one.name, one.size) for one in library.clusters().clusters],
        {label.photo: (label.cluster, label.assigned_by) for label in store.labels().values()},
        [run.run for run in library.runs()[0]],
        [edit.text for edit in library.edits(everything=True)],
        set(keys),
        vectors.round(5).tolist(),
        store.counts().ready,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    """A library of 36 photos, two runs, two named clusters and a pinned photo, and what it says."""
    place = tmp_path_factory.mktemp("whole")
    with filled_library(place, n_each=12) as made:
        made.rename("c1", "Grandma")
        made.rename("c2", "Lagoon")
        made.edit(EditRequest("pin", photos=(made.cluster("c3").photos[0].path or "",)))
        made.recluster()
        return place, told(made)


@pytest.fixture
def copy(whole: tuple[Path, Told], tmp_path: Path) -> Path:
    """A copy of the library to break; its photos are those of the first."""
    shutil.copytree(whole[0] / "library", tmp_path / "library")
    return tmp_path / "library"


def opened(folder: Path, *, write: bool) -> WatchedLibrary:
    """Open the library with a model that answers as the first one did."""
    clock, flags = FakeClock(time.time_ns() + 3600 * 10**9), {"clusters.reducer": "pca"}
    return WatchedLibrary.open(folder, write=write, flags=flags, embedder=FakeEmbedder(), clock=clock)


def data(library: Path, table: str) -> Path:
    """Find the largest data file of a table."""
    return max((LibraryPlace(library).table(table) / "data").iterdir(), key=lambda file: file.stat().st_size)


def newest(library: Path, table: str) -> Path:
    """Find the record of the newest commit."""
    return manifests(LibraryPlace(library).table(table))[0]


def cut(file: Path) -> None:
    """Lose the second half of a file."""
    os.truncate(file, file.stat().st_size // 2)


def zeroed(file: Path) -> None:
    """Lose the bytes and keep the length, as a file system does that was not synced."""
    file.write_bytes(bytes(file.stat().st_size))


def flipped(file: Path) -> None:
    """Change some bytes in the middle."""
    kept = file.read_bytes()
    at = len(kept) // 3
    file.write_bytes(kept[:at] + bytes(byte ^ 0x55 for byte in kept[at : at + 200]) + kept[at + 200 :])


def gone(path: Path) -> None:
    """Lose a file or folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def mended(library: Path, whole: tuple[Path, Told]) -> tuple[str, ...]:
    """Hold that a reader refuses a library or answers as before, and that a scan makes it what it was."""
    refused = None
    try:
        with opened(library, write=False) as reader:
            assert told(reader) == whole[1]
    except StoreDamaged as error:
        refused = error
    assert refused is None or "vecclust scan" in refused.hint
    with opened(library, write=True) as writer:
        report = writer.scan()
        assert told(writer) == whole[1]
    assert report.problems == 0
    with opened(library, write=False) as reader:
        assert told(reader) == whole[1]
    with opened(library, write=True) as writer:
        again = writer.scan()
    assert (again.mended, again.added, again.unchanged) == ((), 0, 36)
    return report.mended


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("harm", [cut, flipped, gone])
def test_the_record_of_a_last_commit_is_written_anew(
    whole: tuple[Path, Told], copy: Path, table: str, harm: Callable[[Path], None]
) -> None:
    """From its copy: nothing is lost and nothing is read again."""
    harm(newest(copy, table))
    sentences = mended(copy, whole)
    assert any(table in sentence for sentence in sentences)
    assert "again from their files" not in " ".join(sentences)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("harm", [zeroed, flipped, gone])
def test_a_data_file_that_is_not_what_was_written_costs_what_was_in_it(
    whole: tuple[Path, Told], copy: Path, table: str, harm: Callable[[Path], None]
) -> None:
    """What stands a second time comes from there, the rest from the photos; the file is kept."""
    file = data(copy, table)
    harm(file)
    sentences = mended(copy, whole)
    assert sentences
    if harm is not gone:
        assert any(file.name in kept.name for kept in (copy / "set-aside").iterdir())


@pytest.mark.parametrize("table", [*TABLES, "names"])
def test_a_table_that_is_gone_comes_back(whole: tuple[Path, Told], copy: Path, table: str) -> None:
    """A folder without it is damage, not a library without photos, names or entries."""
    gone(LibraryPlace(copy).table(table))
    assert any(table in sentence or "entries" in sentence for sentence in mended(copy, whole))


@pytest.mark.parametrize("table", TABLES)
def test_rows_that_another_program_removed_come_back(whole: tuple[Path, Told], copy: Path, table: str) -> None:
    """A commit that is not ours and leaves nothing is taken for what it is."""
    if table == "labels_r1":
        pytest.skip("nobody reads what an earlier run says until it is gone back to")
    import lancedb

    lancedb.connect(copy / "tables").open_table(table).delete("true")
    with pytest.raises(StoreDamaged, match="rows of it are gone"):
        opened(copy, write=False)
    assert mended(copy, whole)


def test_all_tables_are_gone(whole: tuple[Path, Told], copy: Path) -> None:
    """Photos are embedded again; clusters, names and pins are those there were."""
    gone(copy / "tables")
    mended(copy, whole)


def test_the_journal_comes_back_from_the_table_and_the_table_from_the_journal(
    whole: tuple[Path, Told], copy: Path
) -> None:
    """Either may be lost, or torn in the middle of a line."""
    journal = LibraryPlace(copy).journal
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:2]) + lines[2][:20])
    assert "1 lines of the journal" in " ".join(mended(copy, whole))
    assert journal.read_bytes() == b"".join(lines)
    journal.unlink()
    mended(copy, whole)
    assert journal.read_bytes() == b"".join(lines)


def test_a_lost_fit_is_made_again_without_waiting_for_a_photo(whole: tuple[Path, Told], copy: Path) -> None:
    """What places arrivals is there before the next one comes; ids and names stay."""
    gone(copy / "fits" / "r2" / "rows.npz")
    with opened(copy, write=True) as writer:
        report = writer.scan()
        assert (report.run, report.fitted) == ("r3", True)
        assert told(writer).clusters == whole[1].clusters


def test_one_changed_vector_costs_one_photo(whole: tuple[Path, Told], copy: Path) -> None:
    """Of a file that holds all of them."""
    file = data(copy, "photos")
    with opened(copy, write=True) as writer:
        writer._store._tables.optimize("photos")
        vector = writer._store.vectors()[1][7].tobytes()
    file = data(copy, "photos")
    kept = file.read_bytes()
    assert kept.count(vector) == 1
    file.write_bytes(kept.replace(vector, np.frombuffer(vector, "<f4")[::-1].tobytes()))
    embedder = FakeEmbedder()
    with pytest.raises(StoreDamaged):
        opened(copy, write=False)
    with WatchedLibrary.open(copy, write=True, embedder=embedder) as writer:
        assert "35 of 36 rows are whole" in writer.scan().mended[0]
        assert told(writer).vectors == whole[1].vectors
    assert embedder.n_frames_embedded == 1


def test_every_row_of_a_table_damaged_and_its_photos_away(whole: tuple[Path, Told], copy: Path, tmp_path: Path) -> None:
    """Nothing is embedded, nothing is forgotten: the photos come back with their drive, names and labels with them."""
    album = whole[0] / "album"
    gone(LibraryPlace(copy).table("photos"))
    album.rename(tmp_path / "away")
    try:
        with opened(copy, write=True) as writer:
            report = writer.scan()
            assert (report.removed, len(report.notices)) == (0, 1)
            assert writer._store.counts().ready == 36
    finally:
        (tmp_path / "away").rename(album)
    with opened(copy, write=True) as writer:
        writer.scan()
        found = told(writer)
    assert (found.photos, found.vectors, found.edits) == (whole[1].photos, whole[1].vectors, whole[1].edits)
    assert found.clusters == whole[1].clusters


@pytest.mark.parametrize("table", ["photos", "labels_r2", "meta", "words"])
def test_what_is_damaged_under_an_open_library_is_mended_by_its_next_look(
    whole: tuple[Path, Told], copy: Path, table: str
) -> None:
    """As a daemon looks; its askers are refused until then."""
    with opened(copy, write=True) as library, opened(copy, write=False) as asked:
        library.catch_up(None, more=False, progress=no_progress)
        asked._store.refuse_damaged()
        flipped(data(copy, table))
        with pytest.raises(StoreDamaged, match=table):
            asked._store.refuse_damaged()
        assert library.catch_up(None, more=False, progress=no_progress).mended
        asked._store.refuse_damaged()
        assert told(library) == whole[1]
