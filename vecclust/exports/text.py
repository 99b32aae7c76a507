"""What pages share: the templates, links to originals, names and dates as text."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes

from vecclust.exports.colours import DARK_NOISE, DARK_PAGE, LIGHT_NOISE, LIGHT_PAGE
from vecclust.exports.plain import plain
from vecclust.types.clusters import ClusterEntry
from vecclust.types.pages import PhotoView

if TYPE_CHECKING:
    from jinja2 import Environment


def file_link(path: str) -> str:
    """Give the file:// address of a path from its exact bytes, whatever they are."""
    return "file://" + quote_from_bytes(os.fsencode(path), safe="/")


def file_name(path: str) -> str:
    """Give a path's last part as printable text."""
    return plain(os.path.basename(path))


def title_of(entry: ClusterEntry, *, names: bool) -> str:
    """Give a cluster's name as printable text, or its id where it has none or none is to be shown."""
    return plain(entry.name) if names and entry.name else entry.id


def day(when: datetime) -> str:
    """Write a day as people do; without the names of the locale, so that a page reads the same anywhere."""
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{when.day} {months[when.month - 1]} {when.year}"


def span(first: datetime | None, last: datetime | None) -> str:
    """Write a time span as short as it can be said; empty where it is unknown."""
    if first is None or last is None:
        return ""
    if first.date() == last.date():
        return day(first)
    if first.year == last.year:
        return f"{day(first).rsplit(' ', 1)[0]} – {day(last)}"  # noqa: RUF001 -- a span's own dash
    return f"{first.year} – {last.year}"  # noqa: RUF001 -- likewise


def shape(shown: PhotoView) -> float:
    """Give width over height, kept within what a row of pictures can bear: panoramas and strips are cut."""
    if shown.width_px <= 0 or shown.height_px <= 0:
        return 1.0
    return round(min(2.4, max(0.56, shown.width_px / shown.height_px)), 3)


def data_uri(picture: bytes) -> str:
    """Give a JPEG or WebP as an address that holds it."""
    kind = "webp" if picture[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}"


def script_hash(script: str) -> str:
    """Give the hash by which a content security policy allows one script and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


@functools.cache
def environment() -> Environment:
    """Open the templates; what they are given is escaped, and what they are not given is an error."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=ChoiceLoader([PackageLoader(room, "templates") for room in ("vecclust.exports", "vecclust.web")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages: dict[str, Any] = {
        "light_page": LIGHT_PAGE,
        "dark_page": DARK_PAGE,
        "light_noise": LIGHT_NOISE,
        "dark_noise": DARK_NOISE,
    }
    made.globals.update(pages)
    made.filters.update(day=day, thousands=lambda number: f"{number:,}")
    return made


@functools.cache
def template_source(name: str, *, room: str = "vecclust.exports") -> str:
    """Read a file that goes into a page as it is: our own style or script, never anything of the owner's."""
    from importlib.resources import files

    return (files(room) / "templates" / name).read_text(encoding="utf-8")
