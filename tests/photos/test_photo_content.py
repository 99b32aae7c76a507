"""Reading a file's bytes: what was seen is what is read, and whose fault a failure is."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vecclust.errors import PhotoError, TooLarge, Unfinished, Unreachable, Unreadable, Vanished
from vecclust.photos import look_at, read_content
from vecclust.types.files import SeenFile

Put = Callable[[str, bytes], SeenFile]
LIMIT = 1_000_000


@pytest.mark.parametrize("data", [b"", b"x", b"photo" * 40_000])
def test_content_is_named_by_its_hash(put: Put, data: bytes) -> None:
    """All bytes are read, and their SHA-256 is the name."""
    content = read_content(put("caf\udce9.jpg", data), file_bytes=LIMIT)
    assert content.data == data
    assert content.photo == hashlib.sha256(data).hexdigest()


def test_a_file_that_is_gone_has_vanished(put: Put, tmp_path: Path) -> None:
    """Neither a missing file nor a missing folder is a failure of the photo."""
    seen = put("a.jpg", b"x")
    os.unlink(seen.absolute)
    with pytest.raises(Vanished):
        read_content(seen, file_bytes=LIMIT)
    with pytest.raises(Vanished):
        read_content(replace(seen, path="folder/a.jpg"), file_bytes=LIMIT)


@pytest.mark.parametrize("change", ["longer", "replaced", "touched"])
def test_a_file_that_changed_since_it_was_seen_is_unfinished(put: Put, tmp_path: Path, change: str) -> None:
    """Another size, another inode or another mtime: look again first."""
    seen = put("a.jpg", b"first")
    if change == "longer":
        Path(seen.absolute).write_bytes(b"first and more")
    elif change == "replaced":
        other = put("b.jpg", b"other")
        os.utime(other.absolute, ns=(seen.mtime_ns, seen.mtime_ns))
        os.replace(other.absolute, seen.absolute)
    else:
        os.utime(seen.absolute, ns=(seen.mtime_ns + 1, seen.mtime_ns + 1))
    with pytest.raises(Unfinished, match="changed since"):
        read_content(seen, file_bytes=LIMIT)


@pytest.mark.parametrize("growth", [b"more", b""])
def test_a_file_that_changes_while_it_is_read_is_unfinished(
    put: Put, monkeypatch: pytest.MonkeyPatch, growth: bytes
) -> None:
    """Growth and a rewrite in place both show after reading."""
    seen = put("a.jpg", b"first")
    real, calls = os.fstat, []

    def fstat(handle: int) -> os.stat_result:
        calls.append(handle)
        if len(calls) == 2:
            with open(seen.absolute, "r+b") as file:
                file.seek(0, os.SEEK_END if growth else os.SEEK_SET)
                file.write(growth or b"FIRST")
            os.utime(seen.absolute, ns=(1, 1))
        return real(handle)

    monkeypatch.setattr(os, "fstat", fstat)
    with pytest.raises(Unfinished, match="while it was read"):
        read_content(seen, file_bytes=LIMIT)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EBUSY, errno.EIO, errno.ESTALE, errno.ENOSPC, errno.ENODEV])
def test_what_the_system_refuses_is_not_the_photos_fault(
    put: Put, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The environment's errors are unreachable, with the system's words and its error as the cause."""
    seen = put("a.jpg", b"x")

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Unreachable, match=os.strerror(number)) as caught:
        read_content(seen, file_bytes=LIMIT)
    assert isinstance(caught.value.__cause__, OSError)


def test_running_out_of_memory_is_the_environments_fault(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry later, when there is memory."""
    seen = put("a.jpg", b"x")

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(os, "fdopen", fail)
    with pytest.raises(Unreachable, match="memory"):
        read_content(seen, file_bytes=LIMIT)


def test_a_file_that_is_not_ours_is_read_without_noatime(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system forbids hiding the access time of a stranger's file; the file itself can be read."""
    if not hasattr(os, "O_NOATIME"):
        pytest.skip("no O_NOATIME here")
    seen, real = put("a.jpg", b"x"), os.open

    def strict(path: str, flags: int) -> int:
        if flags & os.O_NOATIME:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        return real(path, flags)

    monkeypatch.setattr(os, "open", strict)
    assert read_content(seen, file_bytes=LIMIT).data == b"x"


def test_a_file_over_the_limit_is_not_read(put: Put) -> None:
    """The reason gives both sizes, the hint the key."""
    seen = put("a.jpg", bytes(2_000_001))
    with pytest.raises(TooLarge, match="2 MB, more than the 1 MB") as caught:
        read_content(seen, file_bytes=LIMIT)
    assert "photos.max_file_mb" in caught.value.hint


def test_a_pipe_in_the_files_place_does_not_block(tmp_path: Path) -> None:
    """What is no file is refused at once."""
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(Unreadable, match="regular"):
        read_content(look_at(tmp_path / "a.jpg"), file_bytes=LIMIT)


def test_reading_leaves_the_file_as_it_was(put: Put) -> None:
    """Nothing is written, and the descriptor is closed again."""
    seen = put("a.jpg", b"x")
    open_before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    read_content(seen, file_bytes=LIMIT)
    with pytest.raises(PhotoError):
        read_content(replace(seen, inode=0), file_bytes=LIMIT)
    assert look_at(seen.absolute) == seen
    if open_before:
        assert len(os.listdir("/proc/self/fd")) == open_before
