"""Dates and places as people type them.

Moments, days, months and years, each from its first moment to its last day or moment; a point, and how far from it.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime, time, timedelta

from vecclust.types.search import Near

# Its year, month and day, and its time of the day.
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}))?)?)?)?", re.ASCII)


def read_period(text: str) -> tuple[datetime, datetime]:
    """Read a date as its first moment and its last day or moment.

    Args:
        text: `2024`, `2024-06`, `2024-06-01`, `2024-06-01T18:30`, `today` or `yesterday`.

    Raises:
        ValueError: it is no date; what it says is for people.
    """
    today = datetime.combine(date.today(), time())
    near = {"today": today, "yesterday": today - timedelta(days=1)}.get(text.strip().lower())
    if near is not None:
        return near, near
    found = _DATE.fullmatch(text.strip())
    if found is None:
        raise ValueError("it should be a day as in 2024-06-01, 2024-06, 2024, yesterday or 2024-06-01T18:30")
    year, month, day, *clock = (int(part) if part else None for part in found.groups())
    try:
        if clock[0] is not None:
            moment = datetime(year or 0, month or 0, day or 0, clock[0], clock[1] or 0, clock[2] or 0)
            return moment, moment if clock[2] is not None else moment.replace(second=59)
        first = datetime(year or 0, month or 1, day or 1)
        last_month = first.replace(month=month or 12)
        last_day = monthrange(last_month.year, last_month.month)[1]
    except ValueError as error:
        raise ValueError(f"there is no such day: {error}") from None
    return first, last_month.replace(day=day or last_day)


def read_near(text: str) -> Near:
    """Read a point and how far from it, as `38.72,-9.14,5`.

    Args:
        text: degrees north, degrees east and kilometres.

    Raises:
        ValueError: it is none, with how it is written.
    """
    parts = text.lower().removesuffix("km").replace(";", ",").split(",")
    try:
        latitude, longitude, km = (float(part) for part in parts)
    except ValueError:
        raise ValueError(f"{text} is no point: write LAT,LON,KM, such as 38.72,-9.14,5") from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError(f"{text} is not on the globe: latitudes reach from -90 to 90, longitudes from -180 to 180")
    if not 0 < km < float("inf"):
        raise ValueError(f"{text} is near nothing: KM is a number above 0")
    return Near(latitude, longitude, km)
