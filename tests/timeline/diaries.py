"""Small diaries, written by hand, and those of a whole simulated life."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vecclust.timeline import UNKNOWN_OFFSET, Diary

LISBON = (38.72, -9.14)
BERLIN = (52.52, 13.40)
HOUR_S = 3600


def microseconds(moment: str) -> int:
    """Read a clock on the wall: `2018-04-01T10:00`."""
    return int((datetime.fromisoformat(moment) - datetime(1970, 1, 1)).total_seconds()) * 1_000_000


def diary(
    clocks: list[int],
    *,
    offsets: list[int] | None = None,
    places: list[tuple[float, float] | None] | None = None,
    cameras: list[int] | None = None,
) -> Diary:
    """Write a diary of photos that say nothing but their clock, where nothing else is given."""
    n = len(clocks)
    where = [(np.nan, np.nan) if place is None else place for place in places or [None] * n]
    return Diary(
        np.array(clocks, np.int64),
        np.full(n, UNKNOWN_OFFSET) if offsets is None else np.array(offsets, np.int64),
        np.array([place[0] for place in where], np.float64),
        np.array([place[1] for place in where], np.float64),
        np.full(n, -1) if cameras is None else np.array(cameras, np.int64),
    )


def burst(moment: str, *, n: int = 5, every_s: int = 60) -> list[int]:
    """Give the clocks of photos one after another."""
    return [microseconds(moment) + k * every_s * 1_000_000 for k in range(n)]


def no_zone(
    latitudes: NDArray[np.float64], longitudes: NDArray[np.float64], local_us: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Know of no zone."""
    return np.full(len(latitudes), UNKNOWN_OFFSET, np.int64)


def by_longitude(
    latitudes: NDArray[np.float64], longitudes: NDArray[np.float64], local_us: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Know the zones of a simple world: an hour every 15 degrees."""
    return np.asarray(np.round(longitudes / 15) * HOUR_S, np.int64)
