"""Exports into place: written beside, moved when whole, and only ever over what vecclust itself wrote.

A folder of pages carries a list of what is in it. One that holds anything else, or no list, is refused: nothing
that somebody put there is ever removed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from vecclust.errors import UsageError, VecclustError

MANIFEST = ".vecclust-gallery.json"
# The first bytes of a map.
MAP_MARK = b"<!doctype html><!-- vecclust map -->"


@contextlib.contextmanager
def new_folder(out: Path, *, mark: str = "") -> Iterator[Path]:
    """Give a folder to write pages into; it takes the place of `out` when the block ends well.

    Args:
        out: the folder as it is asked for; missing, empty, or one that this function made.
        mark: what pages that may lead to one another have in common, or empty.

    Yields:
        An empty folder beside it.

    Raises:
        UsageError: `out` holds something that is not ours, is a link, or cannot be written.
    """
    out = _place_of(out, option="--out")
    _require_ours(out)
    beside = _beside(out, "new")
    with _disk_errors(out):
        beside.mkdir(parents=True)
    try:
        with _disk_errors(out):
            yield beside
            names = sorted(entry.name for entry in os.scandir(beside))
            listed = json.dumps({"made_by": "vecclust gallery", "pages": mark, "files": names})
            (beside / MANIFEST).write_text(listed, encoding="utf-8")
            _require_ours(out)
            earlier = _beside(out, "old")
            if out.exists():
                os.rename(out, earlier)
            os.rename(beside, out)
        shutil.rmtree(earlier, ignore_errors=True)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


@contextlib.contextmanager
def new_file(out: Path, *, is_ours: Callable[[Path], bool], option: str) -> Iterator[Path]:
    """Give a file to write; it takes the place of `out` when the block ends well.

    Args:
        out: the file as it is asked for; missing, or one of ours.
        is_ours: tells whether a file is one that vecclust wrote.
        option: what names another place on the command line.

    Yields:
        A path beside it, where nothing is yet.

    Raises:
        UsageError: something else is there, a link too, or it cannot be written.
    """
    out = _place_of(out, option=option)
    beside = _beside(out, "new")
    with _disk_errors(out, option=option):
        if os.path.lexists(out) and not (out.is_file() and is_ours(out)):
            hint = f"Name another with {option}."
            raise UsageError(f"{out} is there already and vecclust did not make it", hint=hint)
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            os.replace(beside, out)
        finally:
            beside.unlink(missing_ok=True)


def remove_folder(out: Path) -> None:
    """Remove a folder that `new_folder` made; one that holds anything else is left alone.

    Args:
        out: the folder; nothing happens where it is missing.
    """
    with contextlib.suppress(OSError, UsageError):
        if (out / MANIFEST).is_file() and not out.is_symlink():
            _require_ours(out)
            shutil.rmtree(out)


def read_manifest(folder: Path) -> tuple[str, ...]:
    """Name the files that `new_folder` left in a folder; none where it did not make it.

    Args:
        folder: the folder.
    """
    try:
        return tuple(map(str, json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]))
    except (OSError, ValueError, TypeError, LookupError):
        return ()


def pages_mark(folder: Path) -> str | None:
    """Give the mark with which `new_folder` made a folder, None where it did not make it.

    Args:
        folder: the folder.
    """
    try:
        return str(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["pages"])
    except (OSError, ValueError, TypeError, LookupError):
        return None


def is_map_page(file: Path) -> bool:
    """Tell whether a file is a map of ours.

    Args:
        file: the file.
    """
    with file.open("rb") as opened:
        return opened.read(len(MAP_MARK)) == MAP_MARK


def _place_of(out: Path, *, option: str) -> Path:
    """Give the real place of what is written; what a link leads to may be anybody's."""
    if out.is_symlink():
        raise UsageError(
            f"{out} is a link to {os.readlink(out)}; nothing is written through it",
            hint=f"Name the place itself, or another, with {option}.",
        )
    return Path(os.path.realpath(out))


def _require_ours(out: Path) -> None:
    if not os.path.lexists(out):
        return
    with _disk_errors(out):
        found = {entry.name for entry in os.scandir(out)} if out.is_dir() else None
    ours = found is not None and (not found or (MANIFEST in found and found <= {*read_manifest(out), MANIFEST}))
    if not ours:
        raise UsageError(
            f"{out} is there already and holds what vecclust did not make", hint="Name another folder with --out."
        )


def _beside(out: Path, end: str) -> Path:
    return out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.{end}")


@contextlib.contextmanager
def _disk_errors(out: Path, *, option: str = "--out") -> Iterator[None]:
    """Turn what the disk says into our own errors."""
    try:
        yield
    except OSError as reason:
        if reason.errno in (errno.ENOSPC, errno.EDQUOT):
            raise VecclustError(f"no space left for {out}", hint="Make room, or name another place.") from reason
        raise UsageError(f"{out} cannot be written: {reason.strerror}", hint=f"Name another with {option}.") from reason
