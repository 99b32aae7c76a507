"""Looking through a folder."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from vecclust.photos import IgnoreRules, walk


def make(root: Path, *names: str) -> None:
    """Put small files into a folder."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def test_a_walk_gives_photos_in_a_fixed_order_and_prunes(tmp_path: Path) -> None:
    """Files come before the folders beside them, both by name; pruned folders are not entered."""
    make(tmp_path, "b.jpg", "a/z.JPG", "a/b/c.png", "a.jpg", "@eaDir/x.jpg", ".git/y.jpg", "notes.txt", "Z/q.heic")
    seen = walk(tmp_path)
    assert [file.path for file in seen.files] == ["a.jpg", "b.jpg", "Z/q.heic", "a/z.JPG", "a/b/c.png"]
    assert seen.exists
    assert seen.complete
    assert seen.device == os.stat(tmp_path).st_dev
    first = seen.files[0]
    status = os.stat(first.absolute)
    assert (first.size_bytes, first.mtime_ns, first.ctime_ns, first.inode, first.device) == (
        status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev,
    )  # fmt: skip


@pytest.mark.parametrize("marker", [".nomedia", ".vecclustignore", ".NoMedia"])
def test_a_marker_closes_a_folder_but_not_the_root(tmp_path: Path, marker: str) -> None:
    """A folder that holds a marker is left out with all below; the folder that was asked for is looked at."""
    make(tmp_path, marker, "a.jpg", f"closed/{marker}", "closed/b.jpg", "closed/deep/c.jpg", "open/d.jpg")
    assert [file.path for file in walk(tmp_path).files] == ["a.jpg", "open/d.jpg"]


def test_dot_files_are_counted_and_sync_files_are_not(tmp_path: Path) -> None:
    """What was skipped for its dot is named; what is never a photo is not."""
    make(tmp_path, ".secret.jpg", ".dir/a.jpg", ".syncthing.a.jpg.tmp", "._a.jpg", "b.jpg")
    seen = walk(tmp_path)
    assert sorted(seen.hidden) == [".dir", ".secret.jpg"]
    assert seen.n_skipped == 2


def test_a_folder_that_cannot_be_listed_makes_the_walk_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EACCES on a folder is named and its files are not absent; the rest is still seen."""
    make(tmp_path, "a.jpg", "closed/b.jpg", "open/c.jpg")
    real = os.scandir

    def refusing(path: str) -> object:
        if os.path.basename(path) == "closed":
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    seen = walk(tmp_path)
    assert [file.path for file in seen.files] == ["a.jpg", "open/c.jpg"]
    assert [(place.path, place.reason) for place in seen.unreadable] == [("closed", "Permission denied")]
    assert seen.exists
    assert not seen.complete


def test_a_root_that_is_missing_or_closed_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No root, a file as root and a root that cannot be listed are all incomplete, and none raises."""
    missing = walk(tmp_path / "gone")
    assert (missing.exists, missing.complete, missing.device, missing.files) == (False, False, 0, ())
    make(tmp_path, "a.jpg")
    assert not walk(tmp_path / "a.jpg").exists

    def refuse(path: str) -> object:
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr(os, "scandir", refuse)
    closed = walk(tmp_path)
    assert closed.exists
    assert not closed.complete


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    """A linked photo is a photo, a loop of folders is no loop, a broken link is nothing."""
    make(tmp_path, "real/a.jpg")
    (tmp_path / "real" / "loop").symlink_to(tmp_path)
    (tmp_path / "link.jpg").symlink_to(tmp_path / "real" / "a.jpg")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    seen = walk(tmp_path)
    assert [file.path for file in seen.files] == ["link.jpg", "real/a.jpg"]
    assert seen.files[0].inode == seen.files[1].inode
    assert seen.complete


def test_pipes_and_sockets_are_no_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would block when opened is not seen."""
    os.mkfifo(tmp_path / "pipe.jpg")
    monkeypatch.chdir(tmp_path)  # a socket's path may only be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jpg")
        assert walk(tmp_path).files == ()


def test_names_keep_their_bytes(tmp_path: Path) -> None:
    """A name that is not UTF-8 comes back as the same bytes."""
    names = [b"caf\xe9.jpg", b"\xff\xfe.png", "smile 😀 'quoted'.jpg".encode(), b"line\nbreak.jpg"]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(b"x")
    seen = walk(tmp_path)
    assert sorted(os.fsencode(file.path) for file in seen.files) == sorted(names)
    assert all(os.path.exists(file.absolute) for file in seen.files)


def test_a_relative_root_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record's root does not depend on where the caller stands."""
    make(tmp_path, "album/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert walk("album", IgnoreRules()).files[0].absolute == str(tmp_path / "album" / "a.jpg")


def test_a_photo_that_goes_away_meanwhile_is_simply_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder removed between being listed and being entered does not make the walk incomplete."""
    make(tmp_path, "a.jpg", "going/b.jpg")
    real = os.scandir

    def going(path: str) -> object:
        if os.path.basename(path) == "going":
            raise FileNotFoundError(2, "No such file or directory", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", going)
    seen = walk(tmp_path)
    assert [file.path for file in seen.files] == ["a.jpg"]
    assert seen.complete
