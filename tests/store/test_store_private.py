"""A library is its owner's alone: closed to others, and nothing is written through a link inside it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.samples import FAST, new_library
from vecclust.errors import LibraryLocked, StoreUnsuitable
from vecclust.store import Store, private
from vecclust.store.layout import LibraryPlace
from vecclust.store.writer import is_alive, read_holder


def _open(folder: Path) -> Store:
    return Store.open(folder, write=True, create=True, settings=FAST)


def _mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


@pytest.mark.parametrize("holds", ["nothing", "a library"])
def test_an_open_folder_is_closed_and_that_is_said_once(
    tmp_path: Path, holds: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Made by hand or by an earlier version, readable by a group: closed with the first opening for writing."""
    folder = tmp_path / "lib"
    folder.mkdir()
    if holds == "a library":
        new_library(folder).close()
    folder.chmod(0o755)
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="vecclust"):
        for _ in range(2):
            _open(folder).close()
            assert _mode(folder) == 0o700
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder} was open to other users of this computer; it is closed to them now"
    ]


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns the folder can read what is in it; nothing was put there."""
    monkeypatch.setattr(private.os, "geteuid", lambda: os.stat(tmp_path).st_uid + 1)
    monkeypatch.setattr(private, "_keeps_owners", lambda folder: True)
    with pytest.raises(StoreUnsuitable, match="belongs to another user") as caught:
        _open(tmp_path)
    assert "--library" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_permissions_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A stick gives everything to one user and everybody, and ignores what it is told."""
    tmp_path.chmod(0o777)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    # What is made there belongs to the one user too.
    monkeypatch.setattr(private.os, "geteuid", lambda: os.stat(tmp_path).st_uid + 1)
    with caplog.at_level(logging.WARNING, logger="vecclust"):
        _open(tmp_path).close()
    assert "keeps no permissions" in caplog.text


@pytest.mark.parametrize(
    "part",
    [
        "tables", "fits", "log", "ledger", "journal.jsonl", "set-aside", "watch", "lock", "lock.holder",
        "tables/photos.lance", "fits/r1", "ledger/photos.json", "watch/state.new", "log/vecclust.log",
    ],
)  # fmt: skip
def test_nothing_is_written_through_a_link(tmp_path: Path, part: str) -> None:
    """What the link leads to stays as it was, and the reason is given; without the link all is well again."""
    library, elsewhere = tmp_path / "lib", tmp_path / "elsewhere"
    new_library(library).close()
    path = library / part
    path.parent.mkdir(exist_ok=True)
    if path.exists():
        path.rename(tmp_path / "moved")
    elsewhere.write_text("dear")
    path.symlink_to(elsewhere)
    with pytest.raises(StoreUnsuitable, match="is a link to") as caught:
        _open(library)
    assert str(path) in caught.value.message
    assert elsewhere.read_text() == "dear"
    path.unlink()
    if (tmp_path / "moved").exists():
        (tmp_path / "moved").rename(path)
    _open(library).close()


def test_the_folder_itself_and_its_settings_may_be_links(tmp_path: Path) -> None:
    """Who has little room makes the first, who keeps settings in one place the second."""
    new_library(tmp_path / "real").close()
    (tmp_path / "lib").symlink_to(tmp_path / "real")
    (tmp_path / "own.toml").write_text("")
    (tmp_path / "real" / "config.toml").symlink_to(tmp_path / "own.toml")
    _open(tmp_path / "lib").close()


def test_a_number_that_was_given_to_another_process_is_not_believed(tmp_path: Path) -> None:
    """The note of a killed writer names a process that lives, and is not the writer."""
    with new_library(tmp_path):
        place = LibraryPlace(tmp_path)
        holder = read_holder(place)
        assert holder is not None
        assert holder.lives
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        try:
            place.holder.write_text(json.dumps({"pid": child.pid, "command": "x", "since_ns": 1, "started": "12"}))
            found = read_holder(place)
            assert found is not None
            assert is_alive(found.pid)
            assert not found.lives
            with pytest.raises(LibraryLocked, match="another process"):
                Store.open(tmp_path, write=True, settings=FAST)
        finally:
            child.kill()
            child.wait()
            assert child.stdin is not None
            child.stdin.close()


@pytest.mark.parametrize("pid", [0, -1, 10**30])
def test_what_is_no_number_of_a_process_lives_not(pid: int) -> None:
    """The system takes 0 and -1 for groups of processes, of which there always are some."""
    assert not is_alive(pid)
