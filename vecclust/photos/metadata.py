"""When and where a photo was taken, from what the file says of itself.

Takes plain values out of an opened picture and believes little: no date with another tag's offset, no
offset means local time of an unknown zone (never UTC), no year before 1900 or after the next one, no place
that is not on the globe. Metadata never blocks a photo: what cannot be read is as good as absent.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from vecclust.types.photos import Place, Taken, TakenSource

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
# Each date with the sub-seconds and the offset that belong to it, and to no other.
_ORIGINAL, _DIGITIZED, _CHANGED = (0x9003, 0x9291, 0x9011), (0x9004, 0x9292, 0x9012), (0x0132, 0x9290, 0x9010)
_LATITUDE, _LONGITUDE, _GPS_TIME, _GPS_DATE = (1, 2), (3, 4), 7, 29
_FIRST_YEAR = 1900

_DATE = re.compile(
    r"(\d{4})[:\-/.](\d{1,2})[:\-/.](\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:[.,](\d+))?)?"
    r"\s*(?:GMT|UTC)?(Z|[+-]\d{2}:?\d{2})?"
)
_OFFSET = re.compile(r"(Z)|([+-])(\d{2}):?(\d{2})")

# Property names by trust; each may stand as an attribute or as an element. A search, not a parser: XMP
# comes from strangers, and no parser means no entity expansion.
_XMP_NAMES = ("exif:DateTimeOriginal", "photoshop:DateCreated", "exif:DateTimeDigitized", "xmp:CreateDate")
_XMP_GPS_NAMES = ("exif:GPSTimeStamp",)
_XMP_PROPERTY = rb"%(n)s\s*=\s*[\"']([^\"'<>]{4,40})[\"']|<%(n)s(?:\s[^<>]*)?>\s*([^<>]{4,40})<"
_XMP_SEARCHES = {name: re.compile(_XMP_PROPERTY % {b"n": name.encode()}) for name in (*_XMP_NAMES, *_XMP_GPS_NAMES)}

# `IMG_20240131_235959`, `PXL_20240131_235959123`, `Screenshot_2024-01-31-23-59-59`, `IMG-20240131-WA0001`.
_CLOCK_NAME = re.compile(
    r"(?:^|[^A-Za-z])(IMG|PXL|MVIMG|PANO|VID|DSC|Screenshot)[_-]"
    r"(\d{4})-?(\d{2})-?(\d{2})[_-](\d{2})-?(\d{2})-?(\d{2})(?![0-9]{4})"
)
_DAY_NAME = re.compile(r"(?:^|[^A-Za-z])IMG-(\d{4})(\d{2})(\d{2})-WA\d")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The parts of a picture's metadata that are read here, as its decoder gave them.

    Attributes:
        tags: tags of the first directory and of the Exif directory, by number.
        gps: tags of the GPS directory, by number.
        xmp: the XMP packet, or empty.
    """

    tags: Mapping[int, Any] = field(default_factory=dict)
    gps: Mapping[int, Any] = field(default_factory=dict)
    xmp: bytes = b""


def read_metadata(image: Image.Image) -> Metadata:
    """Take the metadata out of an opened picture.

    Args:
        image: the picture as opened, before any change.

    Returns:
        What could be read; empty parts where reading failed.
    """
    try:
        exif = image.getexif()
        tags = {**exif, **exif.get_ifd(_EXIF_IFD)}
        gps = dict(exif.get_ifd(_GPS_IFD))
    except Exception as error:  # metadata comes from strangers and its parser raises nearly anything
        log.debug("EXIF cannot be read: %r", error)
        tags, gps = {}, {}
    xmp = image.info.get("xmp", image.info.get("XML:com.adobe.xmp", b""))
    if isinstance(xmp, str):
        xmp = xmp.encode("utf-8", "replace")
    return Metadata(tags, gps, bytes(xmp) if isinstance(xmp, bytes | bytearray) else b"")


def taken_at(metadata: Metadata, *, name: str, mtime_ns: int, now_ns: int) -> Taken | None:
    """Say when a photo was taken, by the first of the known places that gives a believable date.

    Args:
        metadata: what the file says.
        name: the file's own name.
        mtime_ns: when the file last changed: the last resort, marked as such.
        now_ns: the time, which bounds what is believed.

    Returns:
        The time and where it was read, or None.
    """
    last_year = datetime.fromtimestamp(now_ns / 1e9, UTC).year + 1
    tags = metadata.tags
    places: tuple[tuple[TakenSource, datetime | None], ...] = (
        ("original", _exif_date(tags, *_ORIGINAL)),
        ("digitized", _exif_date(tags, *_DIGITIZED)),
        ("xmp", _xmp_date(metadata.xmp, _XMP_NAMES)),
        ("gps", _gps_date(metadata.gps) or _in_utc(_xmp_date(metadata.xmp, _XMP_GPS_NAMES))),
        ("name", _name_date(name)),
        ("datetime", _exif_date(tags, *_CHANGED)),
        ("mtime", _mtime_date(mtime_ns)),
    )
    for source, when in places:
        if when is not None and _FIRST_YEAR <= when.year <= last_year:
            return Taken(when, source)
    return None


def place_of(metadata: Metadata) -> Place | None:
    """Say where a photo was taken.

    Args:
        metadata: what the file says.

    Returns:
        The place, or None where it is absent, off the globe or exactly (0, 0), which is what broken writers
        put.
    """
    latitude = _degrees(metadata.gps, *_LATITUDE, negative="S", positive="N", limit=90.0)
    longitude = _degrees(metadata.gps, *_LONGITUDE, negative="W", positive="E", limit=180.0)
    if latitude is None or longitude is None or (latitude == 0.0 and longitude == 0.0):
        return None
    return Place(latitude, longitude)


def _text(value: Any) -> str:
    """Give a tag's text without the NULs and blanks that writers pad it with."""
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    return str(value).partition("\0")[0].strip() if isinstance(value, str | int) else ""


def _exif_date(tags: Mapping[int, Any], date: int, fraction: int, offset: int) -> datetime | None:
    digits = _text(tags.get(fraction, ""))
    return _date(
        _text(tags.get(date, "")),
        fraction=digits if digits.isascii() and digits.isdigit() else "",
        offset=_text(tags.get(offset, "")),
    )


def _xmp_date(xmp: bytes, names: tuple[str, ...]) -> datetime | None:
    for name in names:
        found = _XMP_SEARCHES[name].search(xmp)
        if found and (when := _date((found[1] or found[2]).decode("ascii", "replace").strip())) is not None:
            return when
    return None


def _date(text: str, *, fraction: str = "", offset: str = "") -> datetime | None:
    """Read a date of EXIF or XMP; what is no date of the calendar (all zeros, blanks, month 13) is None."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, own_fraction, own_offset = found.groups()
    microsecond = int((own_fraction or fraction or "0")[:6].ljust(6, "0"))
    try:
        return datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), microsecond,
            tzinfo=_zone(own_offset or offset),
        )  # fmt: skip
    except ValueError:
        return None


def _zone(offset: str) -> timezone | None:
    found = _OFFSET.fullmatch(offset)
    if found is None:
        return None
    if found[1]:
        return UTC
    minutes = int(found[3]) * 60 + int(found[4])
    # Zones reach from -12:00 to +14:00; a camera that says more is misread.
    if minutes > 14 * 60 or int(found[4]) >= 60:
        return None
    return timezone(timedelta(minutes=-minutes if found[2] == "-" else minutes))


def _gps_date(gps: Mapping[int, Any]) -> datetime | None:
    day = _date(_text(gps.get(_GPS_DATE, "")))
    clock = _numbers(gps.get(_GPS_TIME))
    if day is None or clock is None or len(clock) != 3:
        return None
    hour, minute, second = clock
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 61):
        return None
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    try:
        return start + timedelta(hours=hour, minutes=minute, seconds=second)
    except OverflowError:
        return None


def _in_utc(when: datetime | None) -> datetime | None:
    """Give a satellite's date its zone: it has no other."""
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when


def _name_date(name: str) -> datetime | None:
    if found := _CLOCK_NAME.search(name):
        # Google's camera names its files by UTC (`PXL_`); every other one by the local clock.
        zone = UTC if found[1] == "PXL" else None
        parts = found.groups()[1:]
    elif found := _DAY_NAME.search(name):
        zone, parts = None, found.groups()
    else:
        return None
    try:
        hour, minute, second = (int(part) for part in parts[3:] or (0, 0, 0))
        return datetime(int(parts[0]), int(parts[1]), int(parts[2]), hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def _mtime_date(mtime_ns: int) -> datetime | None:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=mtime_ns // 1000)
    except OverflowError:
        return None


def _numbers(value: Any) -> tuple[float, ...] | None:
    """Give the finite numbers of a tag; 0/0 reads as NaN and makes the whole value void."""
    try:
        parts = tuple(float(part) for part in (value if isinstance(value, tuple | list) else (value,)))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return parts if parts and all(math.isfinite(part) for part in parts) else None


def _degrees(gps: Mapping[int, Any], ref: int, tag: int, *, negative: str, positive: str, limit: float) -> float | None:
    """Read one coordinate: the letter wins over the sign; without a letter only a minus tells the side."""
    parts = _numbers(gps.get(tag))
    if parts is None or len(parts) > 3:
        return None
    size = sum(abs(part) / 60**power for power, part in enumerate(parts))
    letter = _text(gps.get(ref, "")).upper()[:1]
    if letter == negative or (letter not in (negative, positive) and parts[0] < 0):
        size = -size
    elif letter != positive:
        return None
    return size if abs(size) <= limit else None
