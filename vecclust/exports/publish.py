"""Pages into place: written beside, moved when whole, and only ever over what vecclust itself wrote.

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

LIST = ".vecclust-gallery.json"
# The first bytes of a page that is one file.
FILE_MARK = b"<!doctype html><!-- vecclust map -->"


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a folder to write pages into; it takes the place of `out` when the block ends well.

    Args:
        out: the folder as it is asked for; missing, empty, or one that this function made.

    Yields:
        An empty folder beside it.

    Raises:
        UsageError: `out` holds something that is not ours, or cannot be written.
    """
    out = Path(os.path.realpath(out))
    _require_ours(out)
    beside = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.new")
    with _border(out):
        beside.mkdir(parents=True)
    try:
        with _border(out):
            yield beside
            names = sorted(entry.name for entry in os.scandir(beside))
            (beside / LIST).write_text(json.dumps({"made_by": "vecclust gallery", "files": names}), encoding="utf-8")
            _require_ours(out)
            aside = _moved_aside(out)
            os.rename(beside, out)
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
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
        UsageError: something else is there, or it cannot be written.
    """
    out = Path(os.path.realpath(out))
    require_free_file(out, is_ours=is_ours, option=option)
    beside = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.new")
    with _border(out, option=option):
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            os.replace(beside, out)
        finally:
            beside.unlink(missing_ok=True)


def remove_folder(out: Path) -> None:
    """Remove a folder that `new_folder` made; one that holds anything else is left alone."""
    with contextlib.suppress(OSError, UsageError):
        if (out / LIST).is_file() and not out.is_symlink():
            _require_ours(out)
            shutil.rmtree(out)


def require_free_file(out: Path, *, is_ours: Callable[[Path], bool], option: str) -> None:
    """Raise where `out` is there and not ours; see `new_file`.

    Raises:
        UsageError: so it is.
    """
    if not os.path.lexists(out):
        return
    with _border(out, option=option):
        ours = out.is_file() and is_ours(out)
    if not ours:
        raise UsageError(f"{out} is there already and vecclust did not make it", hint=f"Name another with {option}.")


def begins_with_mark(file: Path) -> bool:
    """Tell whether a file is a page of ours."""
    with file.open("rb") as opened:
        return opened.read(len(FILE_MARK)) == FILE_MARK


def _require_ours(out: Path) -> None:
    if not os.path.lexists(out):
        return
    with _border(out):
        found = {entry.name for entry in os.scandir(out)} if out.is_dir() else None
    ours = found is not None and (not found or (LIST in found and found <= _listed(out) | {LIST}))
    if not ours:
        raise UsageError(
            f"{out} is there already and holds what vecclust did not make", hint="Name another folder with --out."
        )


def _listed(out: Path) -> set[str]:
    try:
        return set(json.loads((out / LIST).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, TypeError, LookupError):
        return set()


def _moved_aside(out: Path) -> Path | None:
    if not out.exists():
        return None
    aside = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.old")
    os.rename(out, aside)
    return aside


@contextlib.contextmanager
def _border(out: Path, *, option: str = "--out") -> Iterator[None]:
    """Turn what the disk says into our own errors."""
    try:
        yield
    except OSError as reason:
        if reason.errno in (errno.ENOSPC, errno.EDQUOT):
            raise VecclustError(f"no space left for {out}", hint="Make room, or name another place.") from reason
        raise UsageError(f"{out} cannot be written: {reason.strerror}", hint=f"Name another with {option}.") from reason
