"""Copies beside a daemon: one of the whole library while it takes photos in, and one of what was said each day."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.kept import Kept, put_one
from vecclust.errors import LibraryLocked
from vecclust.library.backups import back_up
from vecclust.library.daily import kept_days
from vecclust.library.library import Library


def test_a_copy_is_taken_beside_it_and_it_is_stopped_for_a_restore(kept: Kept, tmp_path: Path) -> None:
    """What it had taken in by then is in the copy; nothing is done in the place of the library it keeps."""
    number = len(kept.rows())
    put_one(kept.album, 100)
    kept.until(lambda: len(kept.rows()) == number + 1)
    report = back_up(kept.library.folder, tmp_path / "copy.tar")
    put_one(kept.album, 101)
    kept.until(lambda: len(kept.rows()) == number + 2)
    with pytest.raises(LibraryLocked):
        Library.restore(report.file, kept.library.folder)
    assert len(kept.rows()) == number + 2
    Library.restore(report.file, tmp_path / "back")
    with Library.open(tmp_path / "back") as back:
        assert back.status().files == number + 1


def test_what_was_said_is_kept_each_day_by_itself(kept: Kept) -> None:
    """Where something was said, and not before."""
    kept.step()
    assert kept_days(kept.library.folder) == []
    (kept.library.folder / "config.toml").write_text("[watch]\nnice = 3\n")
    kept.library._day_kept = None  # the next day
    kept.step()
    (day,) = kept_days(kept.library.folder)
    assert "nice = 3" in day.read_text()
