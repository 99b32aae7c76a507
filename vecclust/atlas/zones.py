"""Time zones: which one holds at a place, how far its clocks are from UTC, and the country it is of."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

_HOUR_US = 3_600_000_000
# A place is asked for once in a square of this many degrees, 100 m: that far may a border be missed.
_GRID = 0.001
# Numbers of squares by which a pair of them is one number; likewise of hours, from long before 1970 to long after.
_ROWS, _COLUMNS, _HOURS = 100_000, 1_000_000, 1 << 26


def zone_at(latitude: float, longitude: float) -> str:
    """Name the time zone of a place, as IANA does; `Etc/GMT+5` and the like at sea.

    Args:
        latitude: degrees north.
        longitude: degrees east.

    Raises:
        ValueError: it is not on the globe.
    """
    if not (-90.0 <= latitude <= 90.0 and -180.0 <= longitude <= 180.0):
        raise ValueError(f"{latitude}, {longitude} is not on the globe")
    import tzfpy

    # At 180 degrees exactly tzfpy names the other side's.
    return str(tzfpy.get_tz(min(longitude, 179.9999), latitude)) or "Etc/UTC"


def offsets_at(
    latitudes: NDArray[np.float64], longitudes: NDArray[np.float64], local_us: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Say how far clocks were from UTC at places and times by the clock on the wall.

    Args:
        latitudes: (n,) degrees north, finite.
        longitudes: (n,) degrees east, finite.
        local_us: (n,) int64 microseconds since 1970 by the wall clock. Of an hour that a change to winter time
            repeats, the first is meant.

    Returns:
        (n,) int64 seconds east of UTC.
    """
    zones, of_zone = np.unique(_zones_at(latitudes, longitudes), return_inverse=True)
    # Clocks change on the hour, and on few days at all: an hour is only asked about on one of those.
    hours = np.asarray(local_us, np.int64) // _HOUR_US
    days = hours // 24
    first, last = _offsets(zones, of_zone, days * 24), _offsets(zones, of_zone, days * 24 + 24)
    changing = first != last
    first[changing] = _offsets(zones, of_zone[changing], hours[changing])
    return first


def _offsets(zones: NDArray[np.str_], of_zone: NDArray[np.int64], hours: NDArray[np.int64]) -> NDArray[np.int64]:
    pairs, back = np.unique(of_zone * _HOURS + hours + _HOURS // 2, return_inverse=True)
    wanted = zip((pairs // _HOURS).tolist(), (pairs % _HOURS - _HOURS // 2).tolist(), strict=True)
    return np.array([_offset(str(zones[zone]), hour) for zone, hour in wanted], np.int64)[back]


def countries_at(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> list[str | None]:
    """Say in which countries places are.

    Args:
        latitudes: (n,) degrees north, finite.
        longitudes: (n,) degrees east, finite.

    Returns:
        Codes of two letters; None at sea.
    """
    countries = _countries()
    return [countries.get(str(zone)) for zone in _zones_at(latitudes, longitudes)]


def _zones_at(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> NDArray[np.str_]:
    north, east = (np.round(np.asarray(one) / _GRID).astype(np.int64) for one in (latitudes, longitudes))
    cells, back = np.unique((north + _ROWS) * _COLUMNS + east + _COLUMNS // 2, return_inverse=True)
    zones = [
        zone_at(
            float(np.clip((cell // _COLUMNS - _ROWS) * _GRID, -90, 90)),
            float(np.clip((cell % _COLUMNS - _COLUMNS // 2) * _GRID, -180, 180)),
        )
        for cell in cells.tolist()
    ]
    return np.array(zones, np.str_)[back]


@lru_cache(100_000)
def _offset(zone: str, hour: int) -> int:
    from datetime import datetime, timedelta

    try:
        when = datetime(1970, 1, 1) + timedelta(hours=hour)
        offset = when.replace(tzinfo=_zone(zone)).utcoffset()
    except (OverflowError, ValueError):
        return 0
    return 0 if offset is None else round(offset.total_seconds())


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@cache
def _countries() -> dict[str, str]:
    """Read the country of each zone that people live in."""
    lines = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {row[2]: row[0] for row in rows}
