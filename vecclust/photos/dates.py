"""Dates as people, cameras and programs write them: in tags, in sidecars, in names of files.

Takes text, gives a time of the calendar or nothing. A plausible day survives an odd time (24:05, second 60, blanks, AM
and PM, names of zones); no offset means local time of an unknown zone, never UTC. Refuses to guess at a day: where day
and month could be either, or the year has two digits, there is none. Knows no file and no clock: whether a date is
believable is `metadata`'s question.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

_DAY = re.compile(r"(\d{4})\s*[:\-/.]\s*(\d{1,2})\s*[:\-/.]\s*(\d{1,2})(?!\d)")
_CLOCK = re.compile(
    r"[T\s,]*(\d{1,2})\s*[:.]\s*(\d{1,2})(?:\s*[:.]\s*(\d{1,2}))?(?:[.,:](\d+))?\s*([AaPp])?(?:\.?[Mm]\.?)?"
    r"\s*(?:(GMT|UTC)\s*)?(Z|[+-]\d{2}:?\d{2})?(?:\s*\(?[A-Z][A-Za-z]{1,4}\)?)?\s*"
)
_OFFSET = re.compile(r"(Z)|([+-])(\d{2}):?(\d{2})")
# Zones reach from -12:00 to +14:00; a camera that says more is misread.
_MAX_ZONE_MINUTES = 14 * 60

# A hash, or a number of a social network: digits in it are no date.
_HASH_NAME = re.compile(r"(?=[0-9-]*[a-fA-F])[0-9a-fA-F-]{24,}")
# Words between day and time ("at", "um", "klo"), or a sign or two.
_BETWEEN = r"(?:[ ,]+[^\W\d_]{1,6}[ .]+|[ ,T._~-]{1,3})"
# `2023-06-15 at 2.22.33 PM`, `20230615_142233123`, `2023_06_15_14_22_33`; with hour and minute alone where a sign
# stands between them. What follows may be a counter.
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})([-_.: ]?)(\d{2})\2(\d{2})(?!\d{1,5}(?!\d)|\d{7,8}(?!\d)|\d{10})")
_COMPACT = re.compile(r"(\d{2})(\d{2})(\d{2})(?:\d{3})?(?!\d)")
_NAME_CLOCK = re.compile(
    _BETWEEN + r"(?:(\d{2})(\d{2})(\d{2})(?:\d{3})?(?!\d)|(\d{1,2})([-_.:h])(\d{2})(?:[-_.:m](\d{2}))?(?!\d)"
    r"(?:\s?([AaPp])\.?[Mm])?)"
)
_BLANK_CLOCK = re.compile(r",? (\d{2}) (\d{2}) (\d{2})(?!\d)")
# `15.06.2023`: with dots the day comes first; with other signs only where one of the two can be no month.
_YEAR_LAST = re.compile(r"(?<!\d)(\d{2})([-_.])(\d{2})\2(\d{4})(?!\d)")
# Nextcloud's uploads: `23-06-15 14-22-33 1234`.
_NEXTCLOUD = re.compile(r"(\d{2})-(\d{2})-(\d{2}) (\d{2})-(\d{2})-(\d{2}) \d{4}")
# Milliseconds since 1970: `FB_IMG_1686838953123`, `mmexport1686838953123`.
_MILLISECONDS = re.compile(r"(?:FB_IMG_|mmexport|WeChat_|^)(1\d{12})(?!\d)")


def read_date(text: str, *, fraction: str = "", offset: str = "") -> datetime | None:
    """Read a date of a tag or of a sidecar.

    Args:
        text: year first as EXIF, XMP and ISO 8601 write it, or as in an e-mail.
        fraction: digits of the second where another tag has them.
        offset: "+hh:mm" where another tag has it.

    Returns:
        The time, aware where an offset or UTC is named; midnight where no time of the day can be read; None for what is
        no day of the calendar (all zeros, blanks, month 13).
    """
    text = " ".join(text.split())
    day = _DAY.match(text)
    if day is None:
        return _mail_date(text)
    clock = _CLOCK.fullmatch(text[day.end() :])
    if clock is None:
        return _moment(day.groups())
    hour, minute, second, own_fraction, half, utc, own_offset = clock.groups()
    zone = _zone(own_offset or offset) or (UTC if utc and not own_offset else None)
    digits = (own_fraction or fraction or "0")[:6].ljust(6, "0")
    return _moment(day.groups(), (hour, minute, second or "0"), half=half or "", microsecond=int(digits), zone=zone)


def _mail_date(text: str) -> datetime | None:
    """Read `Thu, 15 Jun 2023 14:22:33 +0200`, as PNG recommends it, and what C's ctime writes."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        pass
    else:
        # "-0000" is a time of an unknown zone; Python gives it none.
        return found if found.tzinfo is None or abs(found.utcoffset() or timedelta()) <= timedelta(hours=14) else None
    try:
        return datetime.strptime(text, "%a %b %d %H:%M:%S %Y")
    except ValueError:
        return None


def name_date(name: str) -> datetime | None:
    """Find the date that a camera, a messenger, a desktop or a person put into a file's name.

    Args:
        name: the file's own name.

    Returns:
        The time, local unless the program is known to write UTC; midnight where the name has a day alone; or None.
    """
    stem = name.rpartition(".")[0] or name
    if _HASH_NAME.fullmatch(stem):
        return None
    if found := _NEXTCLOUD.match(stem):
        year, month, day, *clock = found.groups()
        return _moment(("20" + year, month, day), tuple(clock))
    for found in _YEAR_FIRST.finditer(stem):
        # Google's camera names its files by UTC; every other one by the local clock.
        zone = UTC if stem.startswith("PXL_") else None
        if (when := _named(stem[found.end() :], (found[1], found[3], found[4]), found[2], zone=zone)) is not None:
            return when
    for found in _YEAR_LAST.finditer(stem):
        first, sign, second, year = found.groups()
        if sign == "." or int(first) > 12:
            day_parts = year, second, first
        elif int(second) > 12:
            day_parts = year, first, second
        else:
            continue
        if (when := _named(stem[found.end() :], day_parts, sign, zone=None)) is not None:
            return when
    if found := _MILLISECONDS.search(stem):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(found[1]))
    return None


def _named(rest: str, day: tuple[str, str, str], sign: str, *, zone: timezone | None) -> datetime | None:
    """Put the time of the day that follows a day in a name behind it, where there is one."""
    if not sign and (found := _COMPACT.match(rest)):
        return _moment(day, found.groups(), zone=zone)
    if found := _NAME_CLOCK.match(rest):
        compact, (hour, _, minute, second, half) = found.groups()[:3], found.groups()[3:]
        if compact[0]:
            return _moment(day, compact, zone=zone)
        return _moment(day, (hour, minute, second or "0"), half=half or "", zone=zone)
    if found := _BLANK_CLOCK.match(rest):
        return _moment(day, found.groups(), zone=zone)
    return _moment(day)


def _moment(
    day: tuple[str, ...],
    clock: tuple[str, ...] = ("0", "0", "0"),
    *,
    half: str = "",
    microsecond: int = 0,
    zone: timezone | None = None,
) -> datetime | None:
    """Give a moment, without an odd time of the day where its day is one of the calendar."""
    year, month, date = (int(part) for part in day)
    try:
        midnight = datetime(year, month, date)
    except ValueError:
        return None
    hour, minute, second = (int(part) for part in clock)
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half in "Pp" else 0)
    # Some cameras count the hour after midnight as the 24th, and a leap second is one.
    hour, second = (0 if hour == 24 else hour), min(second, 59 if second == 60 else second)
    if hour > 23 or minute > 59 or second > 59:
        return midnight
    return midnight.replace(hour=hour, minute=minute, second=second, microsecond=microsecond, tzinfo=zone)


def _zone(offset: str) -> timezone | None:
    found = _OFFSET.fullmatch(offset)
    if found is None:
        return None
    if found[1]:
        return UTC
    minutes = int(found[3]) * 60 + int(found[4])
    if minutes > _MAX_ZONE_MINUTES or int(found[4]) >= 60:
        return None
    return timezone(timedelta(minutes=-minutes if found[2] == "-" else minutes))
