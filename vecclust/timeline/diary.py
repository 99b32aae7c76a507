"""What a timeline is made from, what it is, and how far places are from one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_TIME = int(np.iinfo(np.int64).min)
UNKNOWN_OFFSET = int(np.iinfo(np.int64).min)
_EARTH_M = 6_371_008.8


@dataclass(frozen=True, eq=False)
class Diary:
    """When and where photos were taken, as they say; one entry a photo, in any order.

    Attributes:
        clock_us: (n,) int64 wall clock in microseconds since 1970; `NO_TIME` where no date can be trusted.
        offset_s: (n,) int64 seconds east of UTC that the photo names, `UNKNOWN_OFFSET` where it names none.
        latitude: (n,) float64 degrees north, NaN where there is no place.
        longitude: (n,) float64 degrees east, likewise.
        camera: (n,) int64 which camera, -1 where that is not known.
    """

    clock_us: NDArray[np.int64]
    offset_s: NDArray[np.int64]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    camera: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Clocks:
    """When photos were taken, as far as can be told.

    Attributes:
        instant_us: (n,) int64 moment in UTC, in microseconds since 1970; `NO_TIME` where there is no date. Where no
            zone is known at all, all such photos are in one, and their moments tell only their order.
        local_us: (n,) int64 wall clock where it was taken, a camera's wrong clock set right.
        corrected: (n,) bool whether its camera's clock was found to be off.
    """

    instant_us: NDArray[np.int64]
    local_us: NDArray[np.int64]
    corrected: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Home:
    """Where the photographer lived for some time.

    Attributes:
        latitude: degrees north.
        longitude: degrees east.
        start_us: from when, by the wall clock, in microseconds since 1970.
        end_us: until when.
    """

    latitude: float
    longitude: float
    start_us: int
    end_us: int


@dataclass(frozen=True, eq=False)
class Timeline:
    """What was found.

    Attributes:
        event: (n,) int64 event of each photo, in order of time from 0; -1 where it has no date.
        trip: (e,) int64 trip of each event, in order of time from 0; -1 for none.
        homes: earliest first.
    """

    event: NDArray[np.int64]
    trip: NDArray[np.int64]
    homes: tuple[Home, ...]


def distance_m(
    latitude: NDArray[np.float64] | float,
    longitude: NDArray[np.float64] | float,
    other_latitude: NDArray[np.float64] | float,
    other_longitude: NDArray[np.float64] | float,
) -> NDArray[np.float64]:
    """Measure the way over the globe between places, by the haversine formula; NaN where one is unknown.

    Args:
        latitude: degrees north.
        longitude: degrees east.
        other_latitude: of the other end.
        other_longitude: likewise.

    Returns:
        Metres.
    """
    north, other_north = np.radians(latitude), np.radians(other_latitude)
    east = np.radians(np.asarray(longitude) - np.asarray(other_longitude))
    half = np.sin((north - other_north) / 2) ** 2 + np.cos(north) * np.cos(other_north) * np.sin(east / 2) ** 2
    return np.asarray(2 * _EARTH_M * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))), np.float64)
