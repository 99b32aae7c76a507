"""The log: rotated, its owner's alone, a line a record, and never in the way."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from vecclust.daemon.log_file import log_to_file
from vecclust.errors import StoreError

FULL = Path("/dev/full")
log = logging.getLogger("vecclust.daemon.loop")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the log goes."""
    return tmp_path / "library" / "log" / "watch.log"


def test_a_line_a_record_with_its_time_whatever_a_file_is_called(file: Path) -> None:
    """Newlines and bytes that are no text are written out; the terminal's quiet does not matter."""
    logging.getLogger("vecclust").setLevel(logging.ERROR)
    try:
        with log_to_file(file, size_bytes=10**6, n_files=2):
            log.info("%s added", "a\nb\rc \udcff \u00e9")
            log.debug("not this")
    finally:
        assert logging.getLogger("vecclust").level == logging.ERROR
        logging.getLogger("vecclust").setLevel(logging.NOTSET)
    log.warning("nor this")
    (line,) = file.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} INFO a\\nb\\rc \\udcff \u00e9 added", line), line


def test_it_rotates_and_is_its_owners_alone(file: Path) -> None:
    """So many files of such a size, no more."""
    with log_to_file(file, size_bytes=2000, n_files=3):
        for number in range(200):
            log.info("batch %d", number)
    files = sorted(file.parent.iterdir())
    assert [each.name for each in files] == ["watch.log", "watch.log.1", "watch.log.2"]
    assert all(each.stat().st_size <= 2000 and each.stat().st_mode & 0o777 == 0o600 for each in files)
    assert file.read_text().splitlines()[-1].endswith("batch 199")


def test_where_it_cannot_be_written_it_is_said_once_and_tried_again(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing ends for it."""
    file.parent.parent.mkdir()
    file.parent.write_text("a file where the directory should be")
    with log_to_file(file, size_bytes=10**6, n_files=2):
        log.info("one")
        log.info("two")
        file.parent.unlink()
        log.info("three")
        file.unlink()
        file.parent.rmdir()
    assert sum("cannot be written" in message for message in caplog.messages) == 1


@pytest.mark.skipif(not FULL.exists(), reason="there is no device here that is always full")
def test_a_full_disk_costs_lines_and_nothing_else(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is said when there is room again is written."""
    file.parent.mkdir(parents=True)
    with log_to_file(file, size_bytes=10**6, n_files=2):
        (handler,) = logging.getLogger("vecclust").handlers
        monkeypatch.setattr(handler, "baseFilename", str(FULL))
        for number in range(20):
            log.info("lost %d", number)
        monkeypatch.setattr(handler, "baseFilename", str(file))
        log.info("there is room")
    assert sum("cannot be written" in message for message in caplog.messages) == 1
    assert file.read_text().splitlines()[-1].endswith("there is room")


def test_why_it_ended_stands_in_it(file: Path) -> None:
    """A defect with its traceback, an error of the store in a line."""
    for error in (StoreError("no room for a table"), ZeroDivisionError("a defect")):
        with pytest.raises(type(error)), log_to_file(file, size_bytes=10**6, n_files=2):
            raise error
    said = file.read_text()
    assert "ERROR it ends: no room for a table" in said.splitlines()[0]
    assert said.count("Traceback") == 1
