"""Looking through a folder."""

from __future__ import annotations

import os
import socket
from importlib import import_module
from pathlib import Path

import pytest

from vecclust.photos import IgnoreRules, look_below, walk
from vecclust.photos.walk import volume_of

# The room's function of that name hides it.
walk_room = import_module("vecclust.photos.walk")


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


def test_whatever_is_left_out_is_counted_by_kind(tmp_path: Path) -> None:
    """Every entry that is no photo has a kind: by its ending, its name or what it is; a folder counts as one."""
    make(tmp_path, "a.jpg", "b.NEF", "b.dng", "c.mov", "c.xmp", "d.txt", "no ending", ".secret.jpg", ".dir/e.jpg")
    make(tmp_path, ".syncthing.f.jpg.tmp", "g.jpg.part", "Thumbs.db", "._a.jpg", "@eaDir/h.jpg", "@eaDir/i.jpg")
    make(tmp_path, "drafts/j.jpg", "k_edited.jpg", "closed/.nomedia", "closed/deep/l.jpg", "inner/m.jpg")
    (tmp_path / "folder").symlink_to(tmp_path / "inner")
    (tmp_path / "folder.jpg").symlink_to(tmp_path / "inner")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "broken").symlink_to(tmp_path / "nothing")
    (tmp_path / "text").symlink_to(tmp_path / "d.txt")
    os.mkfifo(tmp_path / "pipe.jpg")
    seen = walk(tmp_path, IgnoreRules(patterns=["drafts/", "*_edited.*"]), list_skipped=True)
    assert [file.path for file in seen.files] == ["a.jpg", "inner/m.jpg"]
    found: dict[str, list[str]] = {}
    for one in seen.skipped:
        found.setdefault(one.kind, []).append(one.path)
    assert found == {
        "raw": ["b.NEF", "b.dng"],
        "video": ["c.mov"],
        "sidecar": ["c.xmp"],
        "other": ["d.txt", "no ending", "text"],
        "hidden": [".dir", ".secret.jpg"],
        "unfinished": [".syncthing.f.jpg.tmp", "g.jpg.part"],
        "system": ["._a.jpg", "Thumbs.db"],
        "program_folder": ["@eaDir"],
        "asked": ["drafts", "k_edited.jpg"],
        "marked": ["closed"],
        "linked_folder": ["folder", "folder.jpg"],
        "broken_link": ["broken", "broken.jpg"],
        "special": ["pipe.jpg"],
    }
    assert seen.n_skipped == {kind: len(paths) for kind, paths in found.items()}
    counted = walk(tmp_path, IgnoreRules(patterns=["drafts/", "*_edited.*"]))
    assert (counted.n_skipped, counted.skipped) == (seen.n_skipped, ())


@pytest.mark.parametrize("follow", [False, True])
def test_a_link_to_a_file_outside_is_followed_only_where_that_is_asked_for(tmp_path: Path, follow: bool) -> None:
    """Links within the folder are photos as ever, by whatever way; those that leave it are counted, also by chains."""
    make(tmp_path, "root/a.jpg", "root/.git/annex/b.jpg", "rooted/c.jpg", "other/d.jpg")
    root, other = tmp_path / "root", tmp_path / "other"
    (tmp_path / "by link").symlink_to(root)
    (root / "inside.jpg").symlink_to("a.jpg")
    (root / "annexed.jpg").symlink_to(".git/annex/b.jpg")
    (root / "round about.jpg").symlink_to(tmp_path / "by link" / "a.jpg")
    (root / "outside.jpg").symlink_to(other / "d.jpg")
    (root / "a neighbour.jpg").symlink_to(tmp_path / "rooted" / "c.jpg")
    (other / "back.jpg").symlink_to(other / "d.jpg")
    (root / "chain.jpg").symlink_to(other / "back.jpg")
    rules = IgnoreRules(follow_links=follow)
    inside = ["a.jpg", "annexed.jpg", "inside.jpg", "round about.jpg"]
    outside = ["a neighbour.jpg", "chain.jpg", "outside.jpg"]
    for top in (root, tmp_path / "by link"):
        seen = walk(top, rules)
        assert [file.path for file in seen.files] == sorted([*inside, *outside] if follow else inside)
        assert seen.n_skipped.get("outside_link", 0) == (0 if follow else 3)
        assert all(look_below(str(top), path, rules) for path in inside)
        assert [look_below(str(top), path, rules) is not None for path in outside] == [follow] * 3
    (root / "folder").symlink_to(other)
    assert walk(root, rules).n_skipped["linked_folder"] == 1


def test_a_link_that_may_not_be_looked_at_matters_only_where_it_may_be_a_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no photo by its name makes no walk incomplete, wherever it leads."""
    make(tmp_path, "there/a.jpg")
    for name in ("link.jpg", "link.txt"):
        (tmp_path / name).symlink_to(tmp_path / "there" / "a.jpg")
    real = os.stat

    def refusing(path: str, **options: object) -> os.stat_result:
        if os.path.basename(path).startswith("link"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", refusing)
    seen = walk(tmp_path)
    assert [place.path for place in seen.unreadable] == ["link.jpg"]
    assert seen.n_skipped == {"other": 1}


def test_other_programs_copies_are_left_out_and_their_originals_are_not(tmp_path: Path) -> None:
    """Apple's, Capture One's, Lightroom's, Nextcloud's, Synology's and systems' copies; also in a root of their own."""
    apple = "Photos Library.photoslibrary"
    originals = [
        f"{apple}/originals/A/a.heic", f"{apple}/resources/cloudsharing/data/b.jpg",
        f"{apple}/scopes/x/originals/c.jpg",
        "iPhoto Library/Masters/Previews/d.jpg", "Job/Capture/e.jpg", "Trips.cocatalog/Originals/f.jpg",
        "Mobile Downloads.lrdata/1/g.jpg", "Cloud.lrlibrary/1/originals/h.jpg", "cloud/ann/files/i.jpg",
        "resources/j.jpg", "Cache/k.jpg", "preview/l.jpg",
    ]  # fmt: skip
    copies = [
        f"{apple}/resources/derivatives/A/a.jpeg", f"{apple}/resources/renders/a.jpeg",
        f"{apple}/resources/cloudsharing/resources/derivatives/thumbs/b.jpg", f"{apple}/scopes/x/resources/c.jpg",
        f"{apple}/private/x/c.jpg", "iPhoto Library/Previews/d.jpg", "Old.aplibrary/Thumbnails/d.jpg",
        "Job/Capture/CaptureOne/Cache/Thumbnails/e.jpg", "Trips.cocatalog/Cache/f.jpg", "Trips Previews.lrdata/g.jpg",
        "Cloud.lrlibrary/1/previews/h.jpg", "cloud/appdata_ocab12cd/preview/1/i.jpg", "cloud/appdata_x/preview/i.jpg",
        "cloud/ann/files_versions/i.jpg.jpg", "cloud/ann/files_trashbin/files/i.jpg", "@eaDir/j.jpg/x.jpg",
        "#recycle/k.jpg", "$RECYCLE.BIN/S-1/$R1.jpg", ".Trashes/501/l.jpg", ".Trash-1000/files/l.jpg",
    ]  # fmt: skip
    make(tmp_path, *originals, *copies)
    seen = walk(tmp_path)
    assert sorted(file.path for file in seen.files) == sorted(originals)
    assert set(seen.n_skipped) == {"program_folder"}
    in_it = walk(tmp_path / apple)
    assert [file.path for file in in_it.files] == [
        "originals/A/a.heic", "resources/cloudsharing/data/b.jpg", "scopes/x/originals/c.jpg",
    ]  # fmt: skip
    assert look_below(str(tmp_path / apple), "resources/renders/a.jpeg", IgnoreRules()) is None
    # A root is taken at its word.
    assert len(walk(tmp_path / "Trips Previews.lrdata").files) == 1
    make(tmp_path, "Trips Previews.lrdata/deep/er/m.jpg")
    assert len(walk(tmp_path / "Trips Previews.lrdata").files) == 2
    assert len(walk(tmp_path / apple / "resources" / "renders").files) == 1


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


def test_a_file_system_is_named_by_the_link_to_its_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the number of a block device alone; dead links, other files and a system without such links tell nothing."""
    monkeypatch.setattr(walk_room, "VOLUMES", str(tmp_path / "nowhere"))
    assert volume_of(5) == ""
    monkeypatch.setattr(walk_room, "VOLUMES", str(tmp_path))
    (tmp_path / "0000-DEAD").symlink_to(tmp_path / "gone")
    (tmp_path / "1111-FILE").write_bytes(b"")
    (tmp_path / "2222-DISK").write_bytes(b"")
    stat_at = os.stat

    def stat(path: str) -> os.stat_result:
        found = stat_at(path)
        disk = path.endswith("DISK")
        return os.stat_result([0o060660 if disk else found.st_mode, *found[1:10]], {"st_rdev": 5 if disk else 0})

    monkeypatch.setattr(os, "stat", stat)
    assert (volume_of(5), volume_of(6), volume_of(0)) == ("2222-DISK", "", "")


def test_a_mount_is_one_place_however_many_folders_are_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory that is on another device than the one it lies in; its own file system is named."""
    for folder in ("card/DCIM/100CANON", "card/inner/a", "plain"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "1.jpg").write_bytes(b"")

    class Entry:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.entry, self.name = entry, entry.name

        def __getattr__(self, name: str) -> object:
            return getattr(self.entry, name)

        def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
            found, path = self.entry.stat(follow_symlinks=follow_symlinks), os.path.relpath(self.entry.path, tmp_path)
            device = 9 if path.startswith("card/inner") else 7 if path.startswith("card") else found.st_dev
            return os.stat_result([*found[:2], device, *found[3:10]], {"st_mtime_ns": 0, "st_ctime_ns": 0})

    entries = walk_room._entries
    monkeypatch.setattr(
        walk_room, "_entries", lambda *given: found and [*map(Entry, found)] if (found := entries(*given)) else found
    )
    monkeypatch.setattr(walk_room, "volume_of", {7: "7777-CARD", 9: ""}.get)
    seen = walk(tmp_path)
    assert (seen.mounts, dict(seen.volumes)) == (("card", "card/inner"), {"card": "7777-CARD"})
    assert len(seen.files) == 3
