"""Dates in the small files that other programs lay beside a photo: XMP, and Google Takeout's JSON.

Knows where such files lie and the one thing in each that is asked for. Only reads; what is missing, too large or no
such file is as good as absent. A sidecar that comes after its photo is not noticed until the photo is read again.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

# Takeout's are a kilobyte, an XMP file with a picture's whole history some tens.
_MAX_BYTES = 1 << 20
# Takeout cuts the name of a sidecar, without its own ending, to so many characters.
_TAKEOUT_CHARACTERS = 46
_COUNTED = re.compile(r"(.*)(\(\d+\))(\.[^.]*)?")


def xmp_beside(path: str) -> bytes:
    """Give the XMP packet that lies beside a photo, as `photo.jpg.xmp` or `photo.xmp`.

    Args:
        path: the photo's.

    Returns:
        The packet, or nothing.
    """
    stem = os.path.splitext(path)[0]
    for beside in (path + ".xmp", stem + ".xmp", path + ".XMP", stem + ".XMP"):
        if data := _read(beside):
            return data
    return b""


def takeout_date(path: str) -> datetime | None:
    """Give the time taken that Google Photos wrote beside a photo.

    Args:
        path: the photo's.

    Returns:
        The time in UTC, or None.
    """
    folder, name = os.path.split(path)
    for beside in _takeout_names(name):
        try:
            told = json.loads(_read(os.path.join(folder, beside)) or b"null")
            stamp = int(told["photoTakenTime"]["timestamp"])
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=stamp)
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
            continue
    return None


def _takeout_names(name: str) -> Iterator[str]:
    """Give the names that a photo's sidecar may have: that of `a(1).jpg` is `a.jpg(1).json`."""
    stem, ending = os.path.splitext(name)
    # Of an edited picture there is the original's.
    for whole in (name, stem.removesuffix("-edited") + ending):
        counted = _COUNTED.fullmatch(whole)
        photo, number = (counted[1] + (counted[3] or ""), counted[2]) if counted else (whole, "")
        for told in (photo + ".supplemental-metadata", photo, os.path.splitext(photo)[0]):
            yield f"{told[:_TAKEOUT_CHARACTERS]}{number}.json"


def _read(path: str) -> bytes:
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MAX_BYTES:
            return b""
        with open(path, "rb") as file:
            return file.read(_MAX_BYTES)
    except (OSError, ValueError):
        return b""
