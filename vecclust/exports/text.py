"""Names, links and dates from files and owners as plain text, for terminals, pages and logs alike.

Nothing that leaves here can break a line, drive a terminal or be anything but text.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

if TYPE_CHECKING:
    from vecclust.types.clusters import ClusterEntry, Composition

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


def name_of(entry: ClusterEntry, *, names: bool) -> str:
    """Give a cluster's name as printable text, the owner's or the one that is proposed; empty where there is none.

    Args:
        entry: the cluster.
        names: whether what the owner wrote is shown; words of the shipped vocabulary are in any case.
    """
    return plain((entry if names else entry.without_owners_words()).name)


def is_proposed(entry: ClusterEntry, *, names: bool) -> bool:
    """Say whether the name that is shown of a cluster is vecclust's and not yet its owner's.

    Args:
        entry: the cluster.
        names: whether what the owner wrote is shown.
    """
    return (entry if names else entry.without_owners_words()).named_by == "auto"


def tags_of(entry: ClusterEntry, *, names: bool) -> list[str]:
    """Give further words for a cluster as printable text, the fittest first.

    Args:
        entry: the cluster.
        names: whether what the owner wrote is shown.
    """
    return [plain(tag) for tag in (entry if names else entry.without_owners_words()).tags]


# In which pages are written.
_LANGUAGE = "en"


def name_language(entry: ClusterEntry, *, names: bool) -> str:
    """Give the language of a proposed name; empty where it is that of the pages, or not known to be any.

    Args:
        entry: the cluster.
        names: whether what the owner wrote is shown.
    """
    shown = entry if names else entry.without_owners_words()
    is_known = shown.named_by == "auto" and shown.name == shown.word and shown.word not in shown.own_words
    return shown.language if is_known and shown.language != _LANGUAGE else ""


def tags_language(entry: ClusterEntry, *, names: bool) -> str:
    """Give the language of further words; empty where there are none, it is that of the pages, or some are the owner's.

    Args:
        entry: the cluster.
        names: whether what the owner wrote is shown.
    """
    shown = entry if names else entry.without_owners_words()
    is_known = shown.tags and set(shown.tags).isdisjoint(shown.own_words)
    return shown.language if is_known and shown.language != _LANGUAGE else ""


def title_of(entry: ClusterEntry, *, names: bool) -> str:
    """Give what a cluster goes by in plain text: its name, `~` before one that is only proposed, or its id.

    Args:
        entry: the cluster.
        names: whether what the owner wrote is shown.
    """
    name = name_of(entry, names=names)
    return (f"~ {name}" if is_proposed(entry, names=names) else name) or entry.id


# Without those of the locale, so that a page reads the same anywhere.
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def day(when: datetime) -> str:
    """Write a day as people do.

    Args:
        when: a time of that day.
    """
    return f"{when.day} {_MONTHS[when.month - 1][:3]} {when.year}"


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


# Said as "mostly" of two thirds, and of fewer photos than this not at all: of four, two thirds are three.
_MOSTLY, _LEAST_TOLD = 2 / 3, 5
# Consecutive months that are one time of the year, whichever side of the globe: no season is named, for it depends on
# that. Even over the year, three months hold a quarter.
_MOST_MONTHS = 3
# As many places as one takes in at a glance.
_MOST_PLACES = 3
_PARTS_OF_DAY = {
    "at night": range(6),
    "in the morning": range(6, 12),
    "in the afternoon": range(12, 18),
    "in the evening": range(18, 24),
}


def made_of(composition: Composition, *, names: bool = True) -> tuple[str, ...]:
    """Say in a sentence or two what a cluster is made of.

    Args:
        composition: the counts.
        names: whether places are named.

    Returns:
        When and where its photos were taken, as far as that is known of any; and what they are, where not all are
        plain photos.
    """
    where = _where_taken(composition) if names else ""
    return tuple(filter(None, (_when_taken(composition), where, _what_kinds(composition))))


def _where_taken(composition: Composition) -> str:
    """Name the places that most of some photos are of, the fewest that it takes, and how many others there are."""
    counts, n_placed = composition.places, sum(composition.places.values())
    if not n_placed:
        return ""
    named, n_named = list[str](), 0
    for place, count in counts.items():
        if named and (n_named >= _MOSTLY * n_placed or len(named) == _MOST_PLACES):
            break
        named.append(plain(place))
        n_named += count
    both = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    begin = "Mostly in" if n_named < n_placed else "In"
    n_photos = sum(composition.kinds.values())
    known = "" if n_placed == n_photos else f" (as far as is known of {n_placed:,} of {n_photos:,})"
    return f"{begin} {both}{known}."


def _when_taken(composition: Composition) -> str:
    if not composition.dated:
        return ""
    n_photos, parts = sum(composition.kinds.values()), [_years(composition.years)]
    if composition.dated >= _LEAST_TOLD:
        parts += filter(None, (_months(composition.months), _part_of_day(composition.hours)))
    known = "" if composition.dated == n_photos else f" (as far as is known of {composition.dated:,} of {n_photos:,})"
    return f"Taken {', '.join(parts)}{known}."


def _years(counts: Mapping[str, int]) -> str:
    years, n_dated = sorted(counts), sum(counts.values())
    if len(years) == 1:
        return years[0]
    said = f"{years[0]} – {years[-1]}"  # noqa: RUF001 -- a span's own dash
    best = max(years, key=lambda year: counts[year])
    is_most = n_dated >= _LEAST_TOLD and counts[best] >= _MOSTLY * n_dated
    return f"{said}, mostly {best}" if is_most else said


def _months(counts: Mapping[str, int]) -> str:
    """Name the fewest months in a row that hold most of some photos; over the end of the year too."""
    of_month, n_dated = [counts.get(f"{month:02}", 0) for month in range(1, 13)], sum(counts.values())
    for length in range(1, _MOST_MONTHS + 1):
        sums = [sum(of_month[(first + step) % 12] for step in range(length)) for first in range(12)]
        first = max(range(12), key=lambda month: sums[month])
        if sums[first] >= _MOSTLY * n_dated:
            names = [_MONTHS[first]] + ([_MONTHS[(first + length - 1) % 12]] if length > 1 else [])
            return ("" if sums[first] == n_dated else "mostly ") + (
                " to ".join(names) if length > 2 else " and ".join(names)
            )
    return ""


def _part_of_day(counts: Mapping[str, int]) -> str:
    n_known = sum(counts.values())
    if n_known < _LEAST_TOLD:
        return ""
    for said, hours in _PARTS_OF_DAY.items():
        n_then = sum(counts.get(f"{hour:02}", 0) for hour in hours)
        if n_then >= _MOSTLY * n_known:
            return said if n_then == n_known else f"mostly {said}"
    return ""


def _what_kinds(composition: Composition) -> str:
    kinds = [f"{count:,} {kind}{'' if count == 1 else 's'}" for kind, count in composition.kinds.items()]
    parts = [] if set(composition.kinds) <= {"photo"} else [_listed(kinds)]
    if composition.bursts:
        often = "a burst" if composition.bursts == 1 else f"{composition.bursts:,} bursts"
        parts.append(f"{composition.in_bursts:,} in {often}")
    said = "; ".join(parts)
    return f"{said}." if said else ""


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
