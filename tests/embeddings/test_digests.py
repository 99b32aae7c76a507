"""Digests are remembered for files that stayed as they were, and for no others."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from pathlib import Path

import pytest

from vecclust.embeddings import digests
from vecclust.embeddings.digests import file_digest


class Counted:
    """Counts how often a file is read for its digest."""

    def __init__(self) -> None:
        self.n = 0
        self._real = hashlib.file_digest

    def __call__(self, stream: object, name: str) -> object:
        """Read it."""
        self.n += 1
        return self._real(stream, name)  # type: ignore[arg-type, type-var]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that is not there yet, for files of any size that need not be quiet."""
    monkeypatch.setattr(digests, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(digests, "_FROM_BYTES", 1)
    monkeypatch.setattr(digests, "_QUIET_NS", -1)
    return tmp_path / "cache"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """How often a file was read."""
    counted = Counted()
    monkeypatch.setattr(hashlib, "file_digest", counted)
    return counted


def sha256(content: bytes) -> str:
    """Give a digest."""
    return hashlib.sha256(content).hexdigest()


def test_a_file_that_stays_is_read_once(tmp_path: Path, cache: Path, reads: Counted) -> None:
    """By any of its names; what is kept is the owner's alone."""
    file, link = tmp_path / "wéights.bin", tmp_path / "link"
    file.write_bytes(b"weights")
    link.symlink_to(file)
    assert [file_digest(file), file_digest(file), file_digest(link)] == [sha256(b"weights")] * 3
    assert reads.n == 1
    assert [one.name for one in cache.iterdir()] == ["weights.json"]
    assert stat.S_IMODE((cache / "weights.json").stat().st_mode) == 0o600


def test_a_file_that_changed_is_read_again(tmp_path: Path, cache: Path) -> None:
    """Of the same size too, with its modification time put back, and where another took its place."""
    file = tmp_path / "weights.bin"
    file.write_bytes(b"one")
    assert file_digest(file) == sha256(b"one")
    before = file.stat()
    for content, change in ((b"two", lambda: None), (b"six", lambda: os.utime(file, ns=(0, before.st_mtime_ns)))):
        file.write_bytes(content)
        change()
        assert file_digest(file) == sha256(content)
    (tmp_path / "other").write_bytes(b"ten")
    os.utime(tmp_path / "other", ns=(0, before.st_mtime_ns))
    os.replace(tmp_path / "other", file)
    assert file_digest(file) == sha256(b"ten")


def test_a_file_that_was_only_just_written_is_not_remembered(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may change once more within the same tick of the clock."""
    monkeypatch.setattr(digests, "_QUIET_NS", 3600 * 10**9)
    (tmp_path / "weights.bin").write_bytes(b"one")
    file_digest(tmp_path / "weights.bin")
    assert not cache.exists()


def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows what the digest is of."""
    file = tmp_path / "weights.bin"
    file.write_bytes(b"one")
    real = hashlib.file_digest

    def growing(stream: object, name: str) -> object:
        digest = real(stream, name)  # type: ignore[arg-type, type-var]
        file.write_bytes(b"longer")
        return digest

    monkeypatch.setattr(hashlib, "file_digest", growing)
    file_digest(file)
    assert not cache.exists()


def test_small_files_are_not_remembered(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read faster than looked up."""
    monkeypatch.setattr(digests, "_FROM_BYTES", 4)
    (tmp_path / "weights.bin").write_bytes(b"one")
    assert file_digest(tmp_path / "weights.bin") == sha256(b"one")
    assert not cache.exists()


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", "[" * 100_000, '{"PATH": 1}', '{"PATH": [MARK, "12"]}', '{"PATH": [MARK]}', '{"PATH": [MARK, 7]}'],
)
def test_what_is_kept_may_be_damaged(content: str, tmp_path: Path, cache: Path, reads: Counted) -> None:
    """Then the file is read, and remembered anew."""
    file = tmp_path / "weights.bin"
    file.write_bytes(b"one")
    file_digest(file)
    (kept,) = json.loads((cache / "weights.json").read_text()).items()
    damaged = content.replace('"PATH"', json.dumps(kept[0])).replace("MARK", json.dumps(kept[1][0]))
    (cache / "weights.json").write_text(damaged)
    assert [file_digest(file), file_digest(file)] == [sha256(b"one")] * 2
    assert reads.n == 2


def test_only_so_many_are_kept(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest."""
    monkeypatch.setattr(digests, "_MOST_KEPT", 2)
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode())
        file_digest(tmp_path / name)
    assert [Path(path).name for path in json.loads((cache / "weights.json").read_text())] == ["b", "c"]


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path, cache: Path, reads: Counted) -> None:
    """A file lies where its folder should be."""
    cache.write_bytes(b"")
    (tmp_path / "weights.bin").write_bytes(b"one")
    assert [file_digest(tmp_path / "weights.bin") for _ in range(2)] == [sha256(b"one")] * 2
    assert reads.n == 2


def test_a_clock_that_runs_ahead_is_no_reason_to_remember(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A modification time to come says nothing of how long the file has been quiet."""
    monkeypatch.setattr(digests, "_QUIET_NS", 5 * 10**9)
    file = tmp_path / "weights.bin"
    file.write_bytes(b"one")
    os.utime(file, ns=(0, time.time_ns() + 10**15))
    file_digest(file)
    assert not cache.exists()
