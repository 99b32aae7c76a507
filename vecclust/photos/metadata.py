"""When and where a photo was taken, from what the file says of itself and what lies beside it.

Takes plain values out of an opened picture and believes little: no date with another tag's offset, no offset means
local time of an unknown zone (never UTC), no year before 1900, no time to come, no clock that was never set, no place
that is not on the globe. Metadata never blocks a photo: what cannot be read is as good as absent.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from vecclust.photos.dates import name_date, read_date
from vecclust.photos.sidecars import takeout_date, xmp_beside
from vecclust.types.photos import Place, Taken, TakenSource

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
# Each date with the sub-seconds and the offset that belong to it, and to no other.
_ORIGINAL, _DIGITIZED, _CHANGED = (0x9003, 0x9291, 0x9011), (0x9004, 0x9292, 0x9012), (0x0132, 0x9290, 0x9010)
_LATITUDE, _LONGITUDE, _GPS_TIME, _GPS_DATE = (1, 2), (3, 4), 7, 29
_CAMERA, _LONGEST_CAMERA = (0x010F, 0x0110, 0xA431), 80
_FIRST_YEAR = 1900
# A clock may be ahead, and the day begins east of here.
_AHEAD = timedelta(days=1)
# What a clock shows that was never set or lost its battery: the first moment of some computer's time.
_RESET_DAYS = frozenset({date(1904, 1, 1), date(1970, 1, 1), date(1980, 1, 1), date(2000, 1, 1)})
# Two of them are stored as a number of seconds, which a zone shifts: nobody took a digital photo so early.
_EPOCHS, _WIDEST_ZONE = (datetime(1904, 1, 1), datetime(1970, 1, 1)), timedelta(hours=14)
_IPTC_DATE, _IPTC_TIME = (2, 55), (2, 60)
# By trust. `date:create`, which ImageMagick writes, is a file's.
_PNG_DATES = ("exif:DateTimeOriginal", "Creation Time", "Creation time", "DateTimeOriginal")

# Property names by trust; each may stand as an attribute or as an element. A search, not a parser: XMP
# comes from strangers, and no parser means no entity expansion.
_XMP_NAMES = ("exif:DateTimeOriginal", "photoshop:DateCreated", "exif:DateTimeDigitized", "xmp:CreateDate")
_XMP_GPS_NAMES = ("exif:GPSTimeStamp",)
_XMP_PROPERTY = rb"%(n)s\s*=\s*[\"']([^\"'<>]{4,40})[\"']|<%(n)s(?:\s[^<>]*)?>\s*([^<>]{4,40})<"
_XMP_SEARCHES = {name: re.compile(_XMP_PROPERTY % {b"n": name.encode()}) for name in (*_XMP_NAMES, *_XMP_GPS_NAMES)}


@dataclass(frozen=True, slots=True)
class Metadata:
    """The parts of a picture's metadata that are read here, as its decoder gave them.

    Attributes:
        tags: tags of the first directory and of the Exif directory, by number.
        gps: tags of the GPS directory, by number.
        xmp: the XMP packet, or empty.
        iptc: the day created and the time of it, as IPTC writes them, or empty.
        texts: what a PNG says of itself, by keyword.
    """

    tags: Mapping[int, Any] = field(default_factory=dict)
    gps: Mapping[int, Any] = field(default_factory=dict)
    xmp: bytes = b""
    iptc: tuple[str, str] = ("", "")
    texts: Mapping[str, str] = field(default_factory=dict)


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
    texts = {key: image.info[key] for key in _PNG_DATES if isinstance(image.info.get(key), str)}
    return Metadata(
        tags, gps, bytes(xmp) if isinstance(xmp, bytes | bytearray) else b"", iptc=_read_iptc(image), texts=texts
    )


def _read_iptc(image: Image.Image) -> tuple[str, str]:
    from PIL.ImageFile import ImageFile
    from PIL.IptcImagePlugin import getiptcinfo

    try:
        found = (getiptcinfo(image) if isinstance(image, ImageFile) else None) or {}
    except Exception as error:  # as with EXIF
        log.debug("IPTC cannot be read: %r", error)
        found = {}
    return _text(found.get(_IPTC_DATE, "")), _text(found.get(_IPTC_TIME, ""))


def taken_at(metadata: Metadata, *, path: str, mtime_ns: int, now_ns: int) -> Taken | None:
    """Say when a photo was taken, by the first of the known places that gives a believable date.

    Args:
        metadata: what the file says.
        path: where the file lies: its name may tell, and so may what lies beside it.
        mtime_ns: when the file last changed: the last resort, marked as such.
        now_ns: the time, after which nothing can have been taken.

    Returns:
        The time and where it was read, or None.
    """
    latest = _EPOCHS[1].replace(tzinfo=UTC) + timedelta(microseconds=now_ns // 1000) + _AHEAD
    for source, when in _dates(metadata, path=path, mtime_ns=mtime_ns):
        if when is not None and _is_believable(when, latest=latest):
            return Taken(when, source)
    return None


def _dates(metadata: Metadata, *, path: str, mtime_ns: int) -> Iterator[tuple[TakenSource, datetime | None]]:
    """Give the dates by trust; what lies beside the photo is looked at only where the photo itself says nothing."""
    tags = metadata.tags
    yield "original", _exif_date(tags, *_ORIGINAL)
    yield "digitized", _exif_date(tags, *_DIGITIZED)
    yield "xmp", _xmp_date(metadata.xmp, _XMP_NAMES)
    yield "iptc", _iptc_date(*metadata.iptc)
    for key in _PNG_DATES:
        yield "png", read_date(metadata.texts.get(key, ""))
    yield "gps", _by_local_clock(_gps_date(metadata.gps) or _in_utc(_xmp_date(metadata.xmp, _XMP_GPS_NAMES)))
    yield "sidecar", _xmp_date(xmp_beside(path), _XMP_NAMES)
    yield "sidecar", _by_local_clock(takeout_date(path))
    yield "name", _by_local_clock(name_date(path.replace("\\", "/").rpartition("/")[2]))
    yield "datetime", _exif_date(tags, *_CHANGED)
    yield "mtime", _by_local_clock(_mtime_date(mtime_ns))


def _by_local_clock(when: datetime | None) -> datetime | None:
    """Give a time that is known in UTC alone by the clock of this place: the likeliest that hung where it was taken."""
    if when is None or when.tzinfo is not UTC:
        return when
    try:
        return when.astimezone()
    except (OverflowError, OSError, ValueError):
        return when


def _is_believable(when: datetime, *, latest: datetime) -> bool:
    clock = when.replace(tzinfo=None)
    if when.year < _FIRST_YEAR or (when if when.tzinfo else when.replace(tzinfo=UTC)) > latest:
        return False
    if clock.date() in _RESET_DAYS and clock.time() == datetime.min.time():
        return False
    return all(abs(clock - epoch) > _WIDEST_ZONE for epoch in _EPOCHS)


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


def camera_of(metadata: Metadata) -> str:
    """Say what took a photo: make, model and, where the file names it, which of its kind.

    Args:
        metadata: what the file says.

    Returns:
        Text of one line of at most 80 letters, or empty where the file names no model.
    """
    make, model, serial = (_one_line(_text(metadata.tags.get(tag, ""))) for tag in _CAMERA)
    if not model:
        return ""
    # Many a model begins with its make.
    named = model if model.lower().startswith(make.lower().partition(" ")[0]) else f"{make} {model}"
    return " ".join(filter(None, [named, serial]))[:_LONGEST_CAMERA].strip()


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _text(value: Any) -> str:
    """Give a tag's text without the NULs and blanks that writers pad it with."""
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    return str(value).partition("\0")[0].strip() if isinstance(value, str | int) else ""


def _exif_date(tags: Mapping[int, Any], moment: int, fraction: int, offset: int) -> datetime | None:
    digits = _text(tags.get(fraction, ""))
    return read_date(
        _text(tags.get(moment, "")),
        fraction=digits if digits.isascii() and digits.isdigit() else "",
        offset=_text(tags.get(offset, "")),
    )


def _xmp_date(xmp: bytes, names: tuple[str, ...]) -> datetime | None:
    for name in names:
        found = _XMP_SEARCHES[name].search(xmp)
        if found and (when := read_date((found[1] or found[2]).decode("ascii", "replace"))) is not None:
            return when
    return None


def _iptc_date(day: str, clock: str) -> datetime | None:
    """Read `20230615` and `142233+0200`; a month or day that is not known is 00."""
    if len(day) != 8 or not day.isdigit():
        return None
    spelt = f"{clock[:2]}:{clock[2:4]}:{clock[4:]}" if clock[:6].isdigit() else ""
    return read_date(f"{day[:4]}-{day[4:6]}-{day[6:]} {spelt}")


def _gps_date(gps: Mapping[int, Any]) -> datetime | None:
    day = read_date(_text(gps.get(_GPS_DATE, "")))
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
