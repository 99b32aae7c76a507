"""What photos say of time and place, and what is made of it: parallel arrays, one entry a photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecclust.timeline.arrays import Bools, Float64s, Int64s

# Stand in for a date and for an offset that are not known; no photo can have either.
NO_TIME = int(np.iinfo(np.int64).min)
UNKNOWN_OFFSET = int(np.iinfo(np.int64).min)

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
WEEK_US = 7 * DAY_US
# A day ends when people are in bed: in the diaries, fewest photos are taken from four to five in the morning.
DAY_ENDS_US = 4 * HOUR_US


@dataclass(frozen=True, slots=True)
class Diary:
    """What photos say of themselves, in any order.

    Attributes:
        clock_us: (n,) int64, the clock on the wall as the photo says, in microseconds since 1970-01-01 without a zone;
            `NO_TIME` where no date can be trusted.
        offset_s: (n,) int64, seconds east of UTC that the photo itself names; `UNKNOWN_OFFSET` where none.
        latitude: (n,) float64, degrees north; NaN where none.
        longitude: (n,) float64, degrees east; NaN where none.
        camera: (n,) int64, code of the camera, -1 unknown.
    """

    clock_us: Int64s
    offset_s: Int64s
    latitude: Float64s
    longitude: Float64s
    camera: Int64s

    def __len__(self) -> int:
        return len(self.clock_us)

    @property
    def dated(self) -> Bools:
        """Say which have a date, (n,) bool."""
        return np.asarray(self.clock_us != NO_TIME, np.bool_)

    @property
    def placed(self) -> Bools:
        """Say which have a place, (n,) bool."""
        return np.asarray(np.isfinite(self.latitude) & np.isfinite(self.longitude), np.bool_)


@dataclass(frozen=True, slots=True)
class Clocks:
    """When photos were taken, once their clocks are set.

    Attributes:
        instant_us: (n,) int64, the moment in UTC, in microseconds since 1970-01-01; `NO_TIME` where no date.
        local_us: (n,) int64, the clock on the wall where it was taken, without a zone; `NO_TIME` likewise.
        corrected: (n,) bool, whether the clock of its camera was found to be off.
    """

    instant_us: Int64s
    local_us: Int64s
    corrected: Bools


@dataclass(frozen=True, slots=True)
class Home:
    """Where somebody lived, and when.

    Attributes:
        latitude: degrees north.
        longitude: degrees east.
        start_us: the first moment that was seen of it, in UTC, in microseconds since 1970-01-01.
        end_us: the last likewise.
    """

    latitude: float
    longitude: float
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Events, trips and homes.

    Attributes:
        event: (n,) int64, the event of each photo, numbered in order of time from 0; -1 for photos without a date.
        trip: (n_events,) int64, the trip of each event, numbered in order of time from 0; -1 for none.
        home: where the owner lived, earliest first.
    """

    event: Int64s
    trip: Int64s
    home: tuple[Home, ...]
