"""However photos come, change and go: the library equals the folder, told by events alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.daemon.kept import Kept
from tests.library.test_library import picture


def slowly(kept: Kept) -> None:
    """Written straight to its name in chunks, the daemon looking on."""
    data = picture("red", 100)
    with (kept.album / "new.jpg").open("wb") as file:
        for start in range(0, len(data), len(data) // 3):
            file.write(data[start : start + len(data) // 3])
            file.flush()
            kept.step()


def aside(kept: Kept) -> None:
    """Written under a temporary name, then renamed."""
    (kept.album / ".new.jpg.Ab12Cd").write_bytes(picture("red", 100))
    os.rename(kept.album / ".new.jpg.Ab12Cd", kept.album / "new.jpg")


def preallocated(kept: Kept) -> None:
    """Made at its full length first and filled later."""
    data = picture("red", 100)
    with (kept.album / "new.jpg").open("wb") as file:
        file.truncate(len(data))
        kept.step()
        kept.step()
        file.write(data)


def tree_copied(kept: Kept) -> None:
    """A tree, copied by `cp -r`."""
    source = kept.album.parent / "source"
    for number in range(6):
        (source / f"{number}.d" / "deep").mkdir(parents=True)
        (source / f"{number}.d" / "deep" / "a.jpg").write_bytes(picture("blue", 100 + number))
    subprocess.run(["cp", "-r", str(source), str(kept.album / "copy")], check=True)


def moved_in(kept: Kept) -> None:
    """A file moved in from outside, its old mtime kept."""
    outside = kept.album.parent / "outside.jpg"
    outside.write_bytes(picture("green", 100))
    os.utime(outside, ns=(10**18, 10**18))
    os.rename(outside, kept.album / "new.jpg")


def tree_moved_in(kept: Kept) -> None:
    """A directory moved in from outside."""
    (kept.album.parent / "source" / "deep").mkdir(parents=True)
    (kept.album.parent / "source" / "deep" / "a.jpg").write_bytes(picture("green", 100))
    os.rename(kept.album.parent / "source", kept.album / "moved")


def copied_with_times(kept: Kept) -> None:
    """Copied over another photo with an old mtime, as `cp -p` and rsync do."""
    outside = kept.album.parent / "outside.jpg"
    outside.write_bytes(picture("green", 100))
    os.utime(outside, ns=(10**18, 10**18))
    shutil.copy2(outside, kept.album / "red" / "00.jpg")


def overwritten(kept: Kept) -> None:
    """Overwritten in place."""
    (kept.album / "red" / "00.jpg").write_bytes(picture("red", 100))


def overwritten_by_rename(kept: Kept) -> None:
    """Another file renamed over it."""
    (kept.album / "new.part").write_bytes(picture("red", 100))
    os.replace(kept.album / "new.part", kept.album / "red" / "00.jpg")


def moved_within(kept: Kept) -> None:
    """Moved to another name, in another directory."""
    os.rename(kept.album / "red" / "00.jpg", kept.album / "blue" / "moved.jpg")


def tree_moved_within(kept: Kept) -> None:
    """A directory given another name."""
    os.rename(kept.album / "red", kept.album / "scarlet")


def doubled(kept: Kept) -> None:
    """A second file and a second name of the same content."""
    shutil.copy(kept.album / "red" / "00.jpg", kept.album / "copy.jpg")
    os.link(kept.album / "red" / "01.jpg", kept.album / "link.jpg")


def renamed_in_case(kept: Kept) -> None:
    """Renamed in case only."""
    os.rename(kept.album / "red" / "00.jpg", kept.album / "red" / "00.JPG")


def put_at_length(kept: Kept) -> None:
    """Made at its full length by fallocate, filled in place in chunks that stall longer than a file must settle."""
    data = picture("red", 100)
    step_bytes = len(data) // 4 + 1
    with (kept.album / "new.jpg").open("wb", buffering=0) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, len(data))
        for start in range(0, len(data), step_bytes):
            kept.settle()
            file.write(data[start : start + step_bytes])
        kept.settle()


def overwritten_slowly(kept: Kept) -> None:
    """Written over in place, longer than before, with a stall in the middle."""
    data = picture("green", 100) + b"x" * 5000
    with (kept.album / "red" / "00.jpg").open("r+b", buffering=0) as file:
        for half in (data[: len(data) // 2], data[len(data) // 2 :]):
            file.write(half)
            kept.settle()
        file.truncate()


def shortened(kept: Kept) -> None:
    """Cut to nothing and written anew, shorter."""
    (kept.album / "red" / "00.jpg").write_bytes(picture("red", 100) + b"x" * 5000)
    kept.settle()
    (kept.album / "red" / "00.jpg").write_bytes(picture("red", 100))


def source_of(kept: Kept) -> Path:
    """Make a tree outside: ten photos on three levels, one of them old, and what is no photo."""
    source = kept.album.parent / "source"
    (source / "a" / "b").mkdir(parents=True)
    for number in range(10):
        folder = (source, source / "a", source / "a" / "b")[number % 3]
        (folder / f"{number}.jpg").write_bytes(picture("blue", 200 + number))
    os.utime(source / "0.jpg", ns=(10**18, 10**18))
    (source / "notes.txt").write_text("no photo")
    return source


def rsync(kept: Kept, *options: str) -> None:
    """Run rsync from a tree outside into the album."""
    program = shutil.which("rsync")
    if program is None:
        pytest.skip("there is no rsync on this machine")
    subprocess.run([program, *options, f"{kept.album.parent / 'source'}/", str(kept.album)], check=True)


def rsynced(kept: Kept) -> None:
    """By rsync, which writes under temporary names; then again, one photo another and one new."""
    source = source_of(kept)
    rsync(kept, "-a")
    kept.step()
    (source / "0.jpg").write_bytes(picture("green", 300))
    (source / "a" / "late.jpg").write_bytes(picture("green", 301))
    rsync(kept, "-a")


def rsynced_in_place(kept: Kept) -> None:
    """By rsync straight to the names, slowly."""
    source_of(kept)
    rsync(kept, "-a", "--inplace", "--bwlimit=20k")


def unpacked(kept: Kept) -> None:
    """By `tar x`, which puts old times on what it has written."""
    source = source_of(kept)
    subprocess.run(["tar", "-C", str(source), "-cf", str(source.parent / "all.tar"), "."], check=True)
    subprocess.run(["tar", "-C", str(kept.album), "-xf", str(source.parent / "all.tar")], check=True)


def from_the_future(kept: Kept) -> None:
    """From a camera whose clock is a year ahead."""
    (kept.album / "new.jpg").write_bytes(picture("red", 100))
    ahead_ns = time.time_ns() + 365 * 86_400 * 10**9
    os.utime(kept.album / "new.jpg", ns=(ahead_ns, ahead_ns))


def touched(kept: Kept) -> None:
    """Given other times and rights, its content as before."""
    os.utime(kept.album / "red" / "00.jpg")
    (kept.album / "red" / "01.jpg").chmod(0o600)


def linked(kept: Kept) -> None:
    """Links to a photo inside, to one outside, to a folder, to nothing."""
    outside = kept.album.parent / "outside.jpg"
    outside.write_bytes(picture("green", 100))
    (kept.album / "out.jpg").symlink_to(outside)
    (kept.album / "in.jpg").symlink_to(kept.album / "red" / "00.jpg")
    (kept.album / "nothing.jpg").symlink_to(kept.album / "missing.jpg")
    (kept.album / "folder").symlink_to(kept.album / "red")


def link_remains(kept: Kept) -> None:
    """A second name for a photo, then the first one removed: the photo stays."""
    os.link(kept.album / "red" / "01.jpg", kept.album / "link.jpg")
    kept.settle()
    (kept.album / "red" / "01.jpg").unlink()


def swapped(kept: Kept) -> None:
    """Two photos change their names."""
    red, blue = kept.album / "red" / "00.jpg", kept.album / "blue" / "00.jpg"
    os.rename(red, kept.album / "third.jpg")
    os.rename(blue, red)
    os.rename(kept.album / "third.jpg", blue)


def folder_renamed_in_case(kept: Kept) -> None:
    """A directory renamed in case only."""
    os.rename(kept.album / "red", kept.album / "RED")


def most_moved_within(kept: Kept) -> None:
    """Most of what there is moved into a new directory at once: no loss, for it is all there."""
    (kept.album / "2024").mkdir()
    for colour in ("red", "green"):
        os.rename(kept.album / colour, kept.album / "2024" / colour)


WAYS = [
    slowly, aside, preallocated, tree_copied, moved_in, tree_moved_in, copied_with_times, overwritten,
    overwritten_by_rename, moved_within, tree_moved_within, doubled, renamed_in_case, put_at_length, overwritten_slowly,
    shortened, rsynced, rsynced_in_place, unpacked, from_the_future, touched, linked, link_remains, swapped,
    folder_renamed_in_case, most_moved_within,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_written_the_library_equals_the_folder(kept: Kept, way: Callable[[Kept], None]) -> None:
    """Each distinct content once, under its final names, labelled, told by events alone."""
    way(kept)
    kept.until(kept.in_step)
    assert not list(kept.library._store.files(state="problem"))


def deleted(kept: Kept) -> None:
    """One photo deleted."""
    (kept.album / "red" / "00.jpg").unlink()


def tree_deleted(kept: Kept) -> None:
    """A directory deleted."""
    shutil.rmtree(kept.album / "red")


def tree_moved_out(kept: Kept) -> None:
    """A directory moved out, which tells of none of its files."""
    os.rename(kept.album / "red", kept.album.parent / "red")


def became_a_folder(kept: Kept) -> None:
    """A photo replaced by a directory of its name, with a photo in it."""
    (kept.album / "red" / "00.jpg").unlink()
    (kept.album / "red" / "00.jpg").mkdir()
    (kept.album / "red" / "00.jpg" / "a.jpg").write_bytes(picture("green", 100))


def became_a_file(kept: Kept) -> None:
    """A directory replaced by a photo of its name."""
    os.rename(kept.album / "red", kept.album / "red.jpg")
    kept.settle()
    shutil.rmtree(kept.album / "red.jpg")
    (kept.album / "red.jpg").write_bytes(picture("green", 100))


@pytest.mark.parametrize("way", [deleted, tree_deleted, tree_moved_out, became_a_folder, became_a_file])
def test_however_it_goes_what_is_left_answers(kept: Kept, way: Callable[[Kept], None]) -> None:
    """What is not there any more is marked, not removed: a day must pass. What came instead is there."""
    before = kept.library._store.photo_keys()
    way(kept)
    kept.until(lambda: kept.rows() == kept.folder())
    store = kept.library._store
    assert store.photo_keys() == set(store.labels()) == before | set(kept.folder().values())
    assert not list(store.files(state="problem"))
    assert kept.library.status().folders[0].paused == ""
