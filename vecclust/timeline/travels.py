"""Where people lived, and when they were away.

A home is where the first and the last photo of a day are taken week after week: a place counts for a week once, so that
a fortnight at the sea with a hundred photos a day is two weeks, and a home of which there is a photo every other week
is more. A trip is a run of events away from the home of that time, with a night.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vecclust.timeline.diary import NO_TIME, Clocks, Diary, Home, distance_m

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
_WEEK_US = 7 * _DAY_US
# A day ends when people sleep.
_NIGHT_ENDS_US = 4 * _HOUR_US
# What lies within this is one place to live at: a town and its surroundings.
HOME_M = 15_000.0
# Weeks to either side that say where one lives, and in how many of them the place is seen at least.
N_WEEKS, LEAST_WEEKS = 13, 4
# A stay shorter than this is none to live at.
SHORTEST_STAY_WEEKS = 8
# Away is further from home than this; a run of it is a trip where it has a night.
AWAY_M = 30_000.0
# Who is not seen for longer than this may have slept at home, by how far that is: from nearby in a night, from further
# away in two, from another country in a week.
NEAR_M, FAR_M, BY_PLANE_M = 100_000.0, 250_000.0, 700_000.0
NIGHT_US, NIGHTS_US, WEEK_US = 12 * _HOUR_US, 60 * _HOUR_US, 120 * _HOUR_US
# Once a night away is sure, days around it are of the same trip unless there is a longer time between them; but whoever
# comes by plane to somewhere near home has most likely come home.
SAME_TRIP_US = 96 * _HOUR_US


def find_homes(diary: Diary, clocks: Clocks) -> tuple[Home, ...]:
    """Find where the photographer lived, and when.

    Args:
        diary: where photos were taken.
        clocks: when.

    Returns:
        Homes, earliest first; none where there are no places or too few weeks with any.
    """
    times, north, east = _ends_of_days(diary, clocks)
    if not len(times):
        return ()
    weeks = times // _WEEK_US
    weeks -= weeks[0]
    spots = _spots(north, east)
    n_weeks, n_spots = int(weeks[-1]) + 1, int(spots.max()) + 1
    pairs = np.unique(np.stack([spots, weeks]), axis=1)
    often = np.flatnonzero(np.bincount(pairs[0], minlength=n_spots) >= LEAST_WEEKS)
    if not len(often):
        return ()
    # Of each week, how many of those around it each spot was seen in.
    seen = np.zeros((len(often), n_weeks + 2 * N_WEEKS))
    place = np.full(n_spots, -1, np.int64)
    place[often] = np.arange(len(often))
    kept = place[pairs[0]] >= 0
    seen[place[pairs[0, kept]], pairs[1, kept] + N_WEEKS] = 1
    sums = np.concatenate([np.zeros((len(often), 1)), np.cumsum(seen, axis=1)], axis=1)
    around = sums[:, 2 * N_WEEKS + 1 :] - sums[:, :n_weeks]
    best = np.where(around.max(axis=0) >= LEAST_WEEKS, around.argmax(axis=0), -1)
    return _stays(best, often, spots, times, north, east)


def _ends_of_days(diary: Diary, clocks: Clocks) -> tuple[Longs, Floats, Floats]:
    """Give the first and the last photo with a place of each day, in order of time."""
    rows = np.flatnonzero((clocks.local_us != NO_TIME) & np.isfinite(diary.latitude) & np.isfinite(diary.longitude))
    rows = rows[np.argsort(clocks.local_us[rows], kind="stable")]
    days = (clocks.local_us[rows] - _NIGHT_ENDS_US) // _DAY_US
    changes = np.flatnonzero(np.diff(days)) + 1
    first = np.concatenate([[0], changes])[: len(rows)]
    last = np.concatenate([changes - 1, [len(rows) - 1]])[: len(rows)]
    ends = rows[np.unique(np.concatenate([first, last]))]
    return clocks.local_us[ends], diary.latitude[ends], diary.longitude[ends]


def _spots(north: Floats, east: Floats) -> Longs:
    """Put places together that are within a town of one another: the busiest first takes what is near it."""
    grid = HOME_M / 4 / 111_195
    shrunk = np.maximum(np.cos(np.radians(np.round(north))), 0.05)
    cells = np.stack([np.round(north / grid), np.round(east * shrunk / grid)]).astype(np.int64)
    _, back, counts = np.unique(cells, axis=1, return_inverse=True, return_counts=True)
    back = back.reshape(-1)
    middle_north = np.bincount(back, north) / counts
    first = np.full(len(counts), -1)
    first[back[::-1]] = np.arange(len(back))[::-1]
    middle_east = east[first]
    spot = np.full(len(counts), -1, np.int64)
    number = 0
    for cell in np.argsort(-counts, kind="stable").tolist():
        if spot[cell] >= 0:
            continue
        away = distance_m(middle_north, middle_east, middle_north[cell], middle_east[cell])
        spot[(away <= HOME_M) & (spot < 0)] = number
        number += 1
    return spot[back]


def _stays(best: Longs, often: Longs, spots: Longs, times: Longs, north: Floats, east: Floats) -> tuple[Home, ...]:
    """Make homes of the place of each week: what is shorter than a stay belongs to those around it."""
    known = np.flatnonzero(best >= 0)
    if not len(known):
        return ()
    # Weeks without enough photos belong to the stay before them, the first to the first.
    nearest = np.maximum.accumulate(np.where(best >= 0, np.arange(len(best)), known[0]))
    best = best[nearest]
    while True:
        starts = np.concatenate([[0], np.flatnonzero(np.diff(best)) + 1, [len(best)]])
        lengths = np.diff(starts)
        if len(lengths) == 1 or lengths.min() >= SHORTEST_STAY_WEEKS:
            break
        short = int(lengths.argmin())
        beside = short - 1 if short else 1
        best[starts[short] : starts[short + 1]] = best[starts[beside]]
    homes = []
    begin = times[0] // _WEEK_US
    for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        weeks = times // _WEEK_US - begin
        rows = np.flatnonzero((weeks >= start) & (weeks < stop) & (spots == often[best[start]]))
        if len(rows):
            middle = rows[np.argsort(north[rows], kind="stable")[len(rows) // 2]]
            homes.append(
                Home(float(np.median(north[rows])), float(east[middle]), int(times[rows[0]]), int(times[rows[-1]]))
            )
    return tuple(homes)


def find_trips(diary: Diary, clocks: Clocks, event: Longs, homes: tuple[Home, ...]) -> Longs:
    """Say of which trip each event is.

    Args:
        diary: where photos were taken.
        clocks: when.
        event: (n,) int64 event of each photo, -1 for none.
        homes: where the photographer lived, earliest first.

    Returns:
        (e,) int64 trip of each event, in order of time from 0; -1 for none. An event of which nobody knows the place
        is on the trip that it lies within.
    """
    n_events = int(event.max(initial=-1)) + 1
    trip = np.full(n_events, -1, np.int64)
    if not homes or not n_events:
        return trip
    start, end, north, east = _by_event(diary, clocks, event, n_events)
    away_m = _from_home(start, north, east, homes)
    placed = np.flatnonzero(np.isfinite(away_m))
    is_away = away_m[placed] > AWAY_M
    changes = np.concatenate([[0], np.flatnonzero(np.diff(is_away)) + 1, [len(placed)]])
    number = 0
    for first, stop in zip(changes[:-1].tolist(), changes[1:].tolist(), strict=True):
        if first == stop or not is_away[first]:
            continue
        for run in _parted(placed[first:stop], start, end, away_m):
            trip[run[0] : run[-1] + 1] = number
            number += 1
    return trip


def _by_event(diary: Diary, clocks: Clocks, event: Longs, n_events: int) -> tuple[Longs, Longs, Floats, Floats]:
    """Give the wall clock of each event's first and last photo, and the middle of its places, NaN where none."""
    rows = np.flatnonzero(event >= 0)
    start, end = np.full(n_events, np.iinfo(np.int64).max), np.full(n_events, NO_TIME)
    np.minimum.at(start, event[rows], clocks.local_us[rows])
    np.maximum.at(end, event[rows], clocks.local_us[rows])
    north, east = np.full(n_events, np.nan), np.full(n_events, np.nan)
    rows = rows[np.isfinite(diary.latitude[rows]) & np.isfinite(diary.longitude[rows])]
    # The middle one by latitude: a photo that was really taken there, whatever a wrong place is among them.
    rows = rows[np.lexsort([diary.latitude[rows], event[rows]])]
    present, first, counts = np.unique(event[rows], return_index=True, return_counts=True)
    middle = rows[first + counts // 2] if len(rows) else rows
    north[present], east[present] = diary.latitude[middle], diary.longitude[middle]
    return start, end, north, east


def _from_home(times: Longs, north: Floats, east: Floats, homes: tuple[Home, ...]) -> Floats:
    """Measure how far each event was from the home of its time; around a move, from the nearer of the two."""
    ends = np.array([home.end_us for home in homes])
    at = np.minimum(np.searchsorted(ends, times), len(homes) - 1)
    home_north, home_east = np.array([home.latitude for home in homes]), np.array([home.longitude for home in homes])
    away = distance_m(north, east, home_north[at], home_east[at])
    before = np.maximum(at - 1, 0)
    moving = times < np.array([home.start_us for home in homes])[at] + N_WEEKS * _WEEK_US
    from_before = distance_m(north, east, home_north[before], home_east[before])
    return np.where(moving, np.fmin(away, from_before), away)


def _parted(run: Longs, start: Longs, end: Longs, away_m: Floats) -> list[Longs]:
    """Part a run of events away into trips, and leave out what may have been days from home and back."""
    gaps = start[run[1:]] - end[run[:-1]]
    nearest = np.minimum(away_m[run[1:]], away_m[run[:-1]])
    furthest = np.maximum(away_m[run[1:]], away_m[run[:-1]])
    longest = np.select([nearest < NEAR_M, nearest < FAR_M], [NIGHT_US, NIGHTS_US], WEEK_US)
    together = np.where(nearest < NEAR_M, NIGHTS_US, np.maximum(longest, SAME_TRIP_US))
    together = np.where((nearest < NEAR_M) & (furthest > BY_PLANE_M), NIGHT_US, together)
    days = (np.stack([start[run], end[run]]) - _NIGHT_ENDS_US) // _DAY_US
    nights = (gaps <= longest) & (days[0, 1:] != days[1, :-1])
    # An event may last over a night, too.
    has_night = np.concatenate([nights, [False]]) | np.concatenate([[False], nights]) | (days[0] != days[1])
    parts = np.split(run, np.flatnonzero(gaps > together) + 1)
    at = {int(one): has for one, has in zip(run, has_night, strict=True)}
    return [part for part in parts if any(at[int(one)] for one in part)]
