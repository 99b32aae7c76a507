"""However photos come, change and go: the library equals the folder, told by events alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.daemon.kept import Kept
from tests.test_library import picture


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


WAYS = [
    slowly, aside, preallocated, tree_copied, moved_in, tree_moved_in, copied_with_times, overwritten,
    overwritten_by_rename, moved_within, tree_moved_within, doubled, renamed_in_case,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_written_the_library_equals_the_folder(kept: Kept, way: Callable[[Kept], None]) -> None:
    """Each distinct content once, under its final names, labelled, told by events alone."""
    way(kept)
    kept.until(kept.in_step)
    assert not list(kept.library._store.files(state="problem"))
