"""The daemon with real files, a real observer and a real library; the model alone is a fake."""

from __future__ import annotations

import os
import shutil
import time

from tests.daemon.kept import DEADLINE_S, Kept, put_one
from tests.library.test_library import picture
from vecclust.testing import FakeEmbedder


def test_what_is_deleted_answers_nothing_and_stays_for_a_day(kept: Kept) -> None:
    """One file, then a directory of them: marked as missing, not removed."""
    (kept.album / "red" / "00.jpg").unlink()
    kept.until(lambda: kept.rows() == kept.folder())
    shutil.rmtree(kept.album / "blue")
    kept.until(lambda: kept.rows() == kept.folder())
    assert kept.library.status().photos == 18


def test_a_moved_photo_costs_no_embedding(kept: Kept) -> None:
    """The look at everything that a move asks for sees both ends of it."""
    embedder = kept.library._model._embedder
    assert isinstance(embedder, FakeEmbedder)
    before = embedder.n_frames_embedded
    os.rename(kept.album / "red" / "00.jpg", kept.album / "blue" / "moved.jpg")
    kept.until(kept.in_step)
    assert embedder.n_frames_embedded == before
    assert kept.library.status().missing == 0


def test_a_root_that_goes_and_comes_loses_nothing(kept: Kept) -> None:
    """Renamed away: paused. Back: nothing is embedded again, and new photos are heard of."""
    embedder = kept.library._model._embedder
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
    put_one(kept.album, 100)
    kept.until(kept.in_step)


def test_a_broken_file_is_tried_again_by_itself(kept: Kept) -> None:
    """Recorded, asked about on the ladder without any event, and read once it is whole."""
    (kept.album / "new.jpg").write_bytes(picture("red", 100)[:500])
    kept.until(lambda: len(kept.library.problems()) == 1)
    assert kept.daemon._schedule.next_s - time.monotonic() < 6
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
    put_one(kept.album, 100)
    kept.until(kept.in_step)
    assert kept.library._ingest._pool is not None
    pids = kept.library._ingest._pool.pids
    assert pids
    put_one(kept.album, 101)
    kept.until(kept.in_step)
    assert kept.library._ingest._pool.pids == pids
