"""Names, links and dates from files and owners as plain text, for terminals, pages and logs alike.

Nothing that leaves here can break a line, drive a terminal or be anything but text.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

if TYPE_CHECKING:
    from vecclust.types.clusters import ClusterEntry

Cell = str | int | float | datetime | PurePath | None


def plain(cell: Cell) -> str:
    """Write one cell as text without control characters, so that no name can break a line or drive a terminal.

    Args:
        cell: None is empty, a number has three decimals at most, a time is to the minute.

    Returns:
        Printable text; what is not printable is written as its escape.
    """
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.3f}"
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="minutes")
    text = str(cell)
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode("ascii")
        for letter in text
    )


def file_link(path: str) -> str:
    """Give the file:// address of a path from its exact bytes, whatever they are.

    Args:
        path: absolute path.
    """
    return "file://" + quote_from_bytes(os.fsencode(path), safe="/")


def file_name(path: str) -> str:
    """Give a path's last part as printable text.

    Args:
        path: any path.
    """
    return plain(os.path.basename(path))


def title_of(entry: ClusterEntry, *, names: bool) -> str:
    """Give a cluster's name as printable text, or its id where it has none or none is to be shown.

    Args:
        entry: the cluster.
        names: whether names are shown.
    """
    return plain(entry.name) if names and entry.name else entry.id


def day(when: datetime) -> str:
    """Write a day as people do; without the names of the locale, so that a page reads the same anywhere.

    Args:
        when: a time of that day.
    """
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{when.day} {months[when.month - 1]} {when.year}"


_TAKEN_FROM = {
    **dict.fromkeys(("original", "digitized"), "the camera"),
    "xmp": "XMP in the file",
    "iptc": "IPTC in the file",
    "png": "text in the PNG",
    "gps": "the satellites' clock",
    "sidecar": "a file beside it",
    "name": "the file's name",
    "datetime": "the last change that the file names",
    "mtime": "the file's own time, which may be that of a copy",
}


def taken(when: datetime | None, source: str | None) -> str:
    """Write when a photo was taken, by the clock on the wall, and where that is known from.

    Args:
        when: the time, or None.
        source: a `TakenSource`, or None.

    Returns:
        Something like "15 Jun 2023, 14:22 (the camera)"; empty where the time is not known.
    """
    if when is None:
        return ""
    told = f"{day(when)}, {when:%H:%M}"
    if when.tzinfo is not None and source != "mtime":
        told += f" {when.isoformat()[-6:]}"
    return f"{told} ({_TAKEN_FROM.get(source or '', source)})"


def span(first: datetime | None, last: datetime | None) -> str:
    """Write a time span as short as it can be said; empty where it is unknown.

    Args:
        first: its beginning, or None.
        last: its end, or None.
    """
    if first is None or last is None:
        return ""
    if first.date() == last.date():
        return day(first)
    if first.year == last.year:
        return f"{day(first).rsplit(' ', 1)[0]} – {day(last)}"  # noqa: RUF001 -- a span's own dash
    return f"{first.year} – {last.year}"  # noqa: RUF001 -- likewise
