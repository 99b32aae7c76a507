"""Homes: where somebody lived and when, found from where their days began and ended.

Each place where days ended or began for weeks may be home; which was, week by week, is the likeliest course over the
weeks (Viterbi's algorithm), where moving costs as much as many nights: a long holiday is no move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecclust.timeline.arrays import Float64s, Int64s
from vecclust.timeline.diary import DAY_ENDS_US, DAY_US, HOUR_US, WEEK_US, Home
from vecclust.timeline.distance import distance_m

# A photo between these hours is taken where one sleeps, or near; one by day may be anywhere.
EVENING_US = 19 * HOUR_US
MORNING_US = 9 * HOUR_US
WEIGHT_BY_DAY = 0.3
# A flat and what is around it; and the squares in which flats are looked for.
HOME_M = 1_500.0
SQUARE_DEGREES = 0.01
# So many places are tried as homes at most.
MOST_HOMES = 60
# A home was seen on so many days' ends, over so many weeks.
LEAST_NIGHTS = 6.0
LEAST_WEEKS = 4
# One end of a day says of a week what more of them say: on holiday people photograph every evening, at home few.
NIGHTS_A_WEEK = 1.0
# What it costs to move, in weeks that speak for it: a holiday of six weeks is no move.
COST_OF_MOVING = 7.0


@dataclass(frozen=True, slots=True)
class Seen:
    """Photos that have a date and a place, in order of time.

    Attributes:
        instant_us: (m,) int64, ascending.
        local_us: (m,) int64, clock on the wall.
        latitude: (m,) float64.
        longitude: (m,) float64.
    """

    instant_us: Int64s
    local_us: Int64s
    latitude: Float64s
    longitude: Float64s

    def of(self, rows: Int64s | slice) -> Seen:
        """Give some of them.

        Args:
            rows: which, in order of time.
        """
        return Seen(self.instant_us[rows], self.local_us[rows], self.latitude[rows], self.longitude[rows])


def find_homes(seen: Seen) -> tuple[Home, ...]:
    """Find where somebody lived.

    Args:
        seen: photos with a date and a place.

    Returns:
        The homes, earliest first; a home that was returned to stands twice.
    """
    if not len(seen.instant_us):
        return ()
    rows, weights = _ends_of_days(seen.local_us)
    ends = seen.of(rows)
    places = _candidates(ends, weights)
    if not len(places):
        return ()
    near = [distance_m(ends.latitude, ends.longitude, lat, lon) <= HOME_M for lat, lon in places.tolist()]
    of = np.where(np.any(near, axis=0), np.argmax(near, axis=0), -1)
    week = ends.local_us // WEEK_US
    weeks, at = np.unique(week, return_inverse=True)
    nights = np.zeros((len(weeks), len(places)))
    np.add.at(nights, (at[of >= 0], of[of >= 0]), weights[of >= 0])
    lived = _likeliest(np.minimum(nights, NIGHTS_A_WEEK))
    changes = np.flatnonzero(np.diff(lived)) + 1
    homes = []
    for first, last in zip([0, *changes.tolist()], [*changes.tolist(), len(weeks)], strict=True):
        there = np.flatnonzero((of == lived[first]) & (at >= first) & (at < last))
        if weights[there].sum() >= LEAST_NIGHTS and week[there[-1]] - week[there[0]] >= LEAST_WEEKS:
            latitude, longitude = places[lived[first]].tolist()
            homes.append(Home(latitude, longitude, int(ends.instant_us[there[0]]), int(ends.instant_us[there[-1]])))
    return tuple(homes)


def _ends_of_days(local_us: Int64s) -> tuple[Int64s, Float64s]:
    """Find the first and the last photo of each day, and how much each says of where one slept."""
    day = (local_us - DAY_ENDS_US) // DAY_US
    order = np.lexsort((np.arange(len(day)), local_us))
    first = order[np.flatnonzero(np.diff(day[order], prepend=day[order[0]] - 1))]
    last = order[np.flatnonzero(np.diff(day[order], append=day[order[-1]] + 1))]
    rows = np.concatenate([first, last[last != first]])
    rows = np.sort(rows)
    hour = local_us[rows] % DAY_US
    return rows, np.where((hour >= EVENING_US) | (hour < MORNING_US), 1.0, WEIGHT_BY_DAY)


def _candidates(ends: Seen, weights: Float64s) -> Float64s:
    """Find places where many days ended, those with most first, (k, 2) float64 latitude and longitude."""
    left = np.ones(len(weights), np.bool_)
    row = np.floor(ends.latitude / SQUARE_DEGREES).astype(np.int64)
    wide = SQUARE_DEGREES / np.maximum(np.cos(np.radians(row * SQUARE_DEGREES)), SQUARE_DEGREES)
    column = np.floor(ends.longitude / wide).astype(np.int64)
    _, square = np.unique(np.stack([row, column], axis=1), axis=0, return_inverse=True)
    square = square.ravel()
    places = []
    for _ in range(MOST_HOMES):
        totals = np.bincount(square[left], weights=weights[left], minlength=1)
        # Half of a home's days may lie in the squares beside.
        if totals.max(initial=0.0) < LEAST_NIGHTS / 4:
            break
        inside = left & (square == int(totals.argmax()))
        for _ in range(2):
            middle = _middle(ends.latitude[inside], ends.longitude[inside])
            inside = left & (distance_m(ends.latitude, ends.longitude, *middle) <= HOME_M)
            if not inside.any():
                break
        if not inside.any():
            left &= square != int(totals.argmax())
            continue
        if weights[inside].sum() >= LEAST_NIGHTS:
            places.append(middle)
        left &= ~inside
    return np.asarray(places, np.float64).reshape(-1, 2)


def _middle(latitude: Float64s, longitude: Float64s) -> tuple[float, float]:
    """Return the median place, right across 180 degrees."""
    east = np.where(np.abs(longitude - longitude[0]) > 180.0, longitude + 360.0 * np.sign(longitude[0]), longitude)
    middle = float(np.median(east))
    return float(np.median(latitude)), (middle + 180.0) % 360.0 - 180.0


def _likeliest(nights: Float64s) -> Int64s:
    """Find the best course over the weeks, (weeks,) int64 places."""
    n_weeks, n_places = nights.shape
    value, came = nights[0].copy(), np.empty((n_weeks, n_places), np.int64)
    for week in range(1, n_weeks):
        best = int(value.argmax())
        stays = value >= value[best] - COST_OF_MOVING
        came[week] = np.where(stays, np.arange(n_places), best)
        value = np.where(stays, value, value[best] - COST_OF_MOVING) + nights[week]
    path = np.empty(n_weeks, np.int64)
    path[-1] = int(value.argmax())
    for week in range(n_weeks - 1, 0, -1):
        path[week - 1] = came[week, path[week]]
    return path
