"""Trips: runs of events away from home, from when it was left to when it was come back to.

A trip has a night away that can be told, or goes farther than anybody goes for an outing. What can be told is little:
between two photos somebody may have been home, where there was time. Rather no trip than one that was none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecclust.timeline.arrays import Bools, Float64s, Int64s
from vecclust.timeline.diary import DAY_ENDS_US, DAY_US, HOUR_US, WEEK_US, Home
from vecclust.timeline.distance import distance_m
from vecclust.timeline.homes import Seen

# Away is further than people go for a day's errands.
AWAY_M = 40_000.0
# Nearer than this is home's surroundings; what lies between the two is neither.
NEAR_M = 20_000.0
# So far away even a single day is a trip: further than a car takes people there and back for an outing.
FAR_M = 250_000.0
# This many photos tell so; one or two may give the place of a day before.
FAR_PHOTOS = 3
# An outing goes no farther than this, and leaves time to sleep at home before a journey.
OUTING_M = 100_000.0
# After so long without a photo somebody has been home in between; not so soon from where one goes by plane.
SILENCE_US = 3 * DAY_US
FAR_SILENCE_US = 4 * DAY_US
# A single photo tells of no trip: phones give the place where they were the day before.
LEAST_PHOTOS = 2
# A night was spent away where the next day began near where the day had ended, or where there was no time to drive
# home, rest and drive back. Near is relative: people who sleep far away begin their days farther from their bed.
SAME_NIGHT_M = 5_000.0
SAME_NIGHT_SHARE = 0.1
REST_US = 8 * HOUR_US
DRIVE_M_AN_HOUR = 70_000.0
# Likewise where one of the two lies straight between home and the other, and this is farther than outings go: the way
# there goes on, or the way home begins. Two outings seldom go the same way.
DETOUR = 1.03
# And where so many days in a row were away: nobody goes on outings for so long.
DAYS_AWAY = 3
# Events without a place belong to a trip where they are nearer in time to it than to what was seen of home, and so
# near at most.
BESIDE_US = 12 * HOUR_US
# For so long around a move both homes are home.
MOVING_US = 4 * WEEK_US
# A place is everyday life, like a far workplace, where it was seen in so many weeks of the year around that saw home,
# too, mostly from Monday to Friday, and nights were told there of few of the days: of the commuter's days 0.1, of
# those in a cottage or with relatives at least 0.2.
EVERYDAY_M = 10_000.0
WEEKS_AROUND = 26
EVERYDAY_WEEKS = 5
EVERYDAY_NIGHTS = 0.2
EVERYDAY_WORKDAYS = 0.6
# So many such places are looked for at most.
MOST_EVERYDAY = 40


@dataclass(frozen=True, slots=True)
class Spans:
    """Events in order of time.

    Attributes:
        start_us: (k,) int64, the first moment of each, in UTC.
        end_us: (k,) int64, the last.
    """

    start_us: Int64s
    end_us: Int64s


def find_trips(seen: Seen, event: Int64s, homes: tuple[Home, ...], *, spans: Spans) -> Int64s:
    """Number the trips of events.

    Args:
        seen: photos with a date and a place, in order of time.
        event: (m,) int64, the event of each.
        homes: where the owner lived.
        spans: when all events were.

    Returns:
        (k,) int64, the trip of each event, from 0 in order of time; -1 for none.
    """
    trip = np.full(len(spans.start_us), -1, np.int64)
    if not homes or not len(event):
        return trip
    far = _from_home(seen, homes)
    far[_everyday(seen, far)] = 0.0
    known, event_far = _farness(event, far, spans)
    away = event_far > AWAY_M
    pause = spans.start_us[known[1:]] - spans.end_us[known[:-1]]
    parted = ~(away[1:] & away[:-1]) | _is_silent(event_far, pause)
    leaps = ~parted & _is_leap(event_far, pause)
    run = np.concatenate([[0], np.cumsum(parted | leaps)])
    n_runs = int(run[-1]) + 1
    of = _run_of(event, known, np.where(away, run, -1))
    told = _nights(seen, far, of=of, n_runs=n_runs) | (_days(seen, of, n_runs=n_runs) >= DAYS_AWAY)
    inside = (of >= 0) & (far >= FAR_M)
    told |= np.bincount(of[inside], minlength=n_runs) >= FAR_PHOTOS
    told &= np.bincount(of[of >= 0], minlength=n_runs) >= LEAST_PHOTOS
    # What lies on both sides of a leap is one trip where each would be one by itself.
    joined = np.append(False, leaps[np.flatnonzero(parted | leaps)]) & told & np.append(False, told[:-1])
    numbers = np.cumsum(told & ~joined) - 1
    for each in np.flatnonzero(told).tolist():
        first = each - 1 if joined[each] else each
        events = known[(run >= first) & (run <= each)]
        trip[events[0] : events[-1] + 1] = numbers[each]
    return _with_those_beside(trip, known, spans)


def _farness(event: Int64s, far: Float64s, spans: Spans) -> tuple[Int64s, Float64s]:
    """Say how far from home events were: by the photo in the middle, as a single place that is wrong is not.

    Left out are events that were neither near nor away, and a single photo that says home in the midst of a day far
    away: phones give the place where they last were.

    Returns:
        (e,) int64 events; (e,) float64 metres.
    """
    order = np.lexsort((far, event))
    known, first, count = np.unique(event[order], return_index=True, return_counts=True)
    metres = far[order[first + (count - 1) // 2]]
    kept = (metres <= NEAR_M) | (metres > AWAY_M)
    if len(known) > 2:
        amid = (metres[:-2] > FAR_M) & (metres[2:] > FAR_M)
        amid &= spans.start_us[known[2:]] - spans.end_us[known[:-2]] < DAY_US
        kept[1:-1] &= ~(amid & (count[1:-1] == 1))
    return known[kept], metres[kept]


def _is_leap(event_far: Float64s, pause_us: Int64s) -> Bools:
    """Say where an outing and the journey of the next day may follow one another, (e - 1,) bool."""
    nearer, farther = np.minimum(event_far[1:], event_far[:-1]), np.maximum(event_far[1:], event_far[:-1])
    return np.asarray((nearer < OUTING_M) & (farther > FAR_M) & (pause_us >= REST_US), np.bool_)


def _is_silent(event_far: Float64s, pause_us: Int64s) -> Bools:
    """Say where somebody may have been home between two events, as nothing is known of so long, (e - 1,) bool."""
    limit = np.where(np.minimum(event_far[1:], event_far[:-1]) > FAR_M, FAR_SILENCE_US, SILENCE_US)
    return np.asarray(pause_us >= limit, np.bool_)


def _run_of(event: Int64s, known: Int64s, run: Int64s) -> Int64s:
    """Say in which run of events each photo is, (m,) int64; -1 where it is between two of them."""
    at = np.minimum(np.searchsorted(known, event), len(known) - 1)
    before = run[np.where(known[at] <= event, at, np.maximum(at - 1, 0))]
    return np.where(before == run[at], run[at], -1)


def _days(seen: Seen, of: Int64s, *, n_runs: int) -> Int64s:
    """Count the days of each run, (r,) int64."""
    day = (seen.local_us - DAY_ENDS_US) // DAY_US
    pairs = np.unique(np.stack([of, day])[:, of >= 0], axis=1)
    return np.bincount(pairs[0], minlength=n_runs)


def _nights(seen: Seen, far: Float64s, *, of: Int64s, n_runs: int) -> Bools:
    """Say in which runs of events a night was spent away, (r,) bool."""
    day = (seen.local_us - DAY_ENDS_US) // DAY_US
    later = np.diff(day)
    pause = np.diff(seen.instant_us)
    before, after = seen.of(slice(None, -1)), seen.of(slice(1, None))
    apart = distance_m(before.latitude, before.longitude, after.latitude, after.longitude)
    nearer, farther = np.minimum(far[1:], far[:-1]), np.maximum(far[1:], far[:-1])
    near = apart <= np.maximum(SAME_NIGHT_M, SAME_NIGHT_SHARE * nearer)
    near &= (later == 1) | (nearer > OUTING_M)
    no_time = pause < REST_US + 2 * nearer / DRIVE_M_AN_HOUR * HOUR_US
    on_the_way = (apart + nearer <= DETOUR * farther) & (farther - nearer >= SAME_NIGHT_M) & (later == 1)
    on_the_way &= farther >= OUTING_M
    night = (later > 0) & (pause < SILENCE_US) & (nearer > NEAR_M) & (near | no_time | on_the_way)
    # The way home may end at home: its event is none of the run then.
    night &= (of[:-1] < 0) | (of[1:] < 0) | (of[:-1] == of[1:])
    run = np.maximum(of[:-1], of[1:])[night]
    return np.asarray(np.bincount(run[run >= 0], minlength=n_runs) > 0, np.bool_)


def _with_those_beside(trip: Int64s, known: Int64s, spans: Spans) -> Int64s:
    """Give trips the events without a place just before and after them, (k,) int64."""
    given = trip.copy()
    at = np.arange(len(trip))
    place = np.searchsorted(known, at)
    unknown = np.flatnonzero((trip < 0) & (known[np.minimum(place, len(known) - 1)] != at))
    left, right = place[unknown] - 1, place[unknown]
    has_left, has_right = left >= 0, right < len(known)
    left, right = known[np.maximum(left, 0)], known[np.minimum(right, len(known) - 1)]
    since = np.where(has_left, spans.start_us[unknown] - spans.end_us[left], np.iinfo(np.int64).max)
    until = np.where(has_right, spans.start_us[right] - spans.end_us[unknown], np.iinfo(np.int64).max)
    nearest = np.where(since <= until, left, right)
    joins = np.minimum(since, until) <= BESIDE_US
    given[unknown[joins]] = trip[nearest[joins]]
    return given


def _from_home(seen: Seen, homes: tuple[Home, ...]) -> Float64s:
    """Return how far from home each photo is, (m,) float64 metres: from the nearest, while people move."""
    nearest = np.full(len(seen.instant_us), np.inf)
    for place, home in enumerate(homes):
        lived = np.ones(len(nearest), np.bool_)
        if place:
            lived &= seen.instant_us >= min(homes[place - 1].end_us, home.start_us - MOVING_US)
        if place + 1 < len(homes):
            lived &= seen.instant_us <= max(homes[place + 1].start_us, home.end_us + MOVING_US)
        rows = np.flatnonzero(lived)
        far = distance_m(seen.latitude[rows], seen.longitude[rows], home.latitude, home.longitude)
        nearest[rows] = np.minimum(nearest[rows], far)
    return nearest


def _everyday(seen: Seen, far: Float64s) -> Bools:
    """Say which photos away were taken where somebody goes to and comes back from all the time, (m,) bool."""
    found = np.zeros(len(far), np.bool_)
    weeks, at = np.unique(seen.local_us // WEEK_US, return_inverse=True)
    at_home = np.bincount(at, weights=far <= AWAY_M) > 0
    left = np.flatnonzero(far > AWAY_M)
    squares = np.floor(seen.latitude[left] * 10) * 10_000 + np.floor(seen.longitude[left] * 10)
    _, square = np.unique(squares, return_inverse=True)
    n_weeks = np.bincount(np.unique(square * len(weeks) + at[left]) // len(weeks))
    busiest = np.argsort(-n_weeks, kind="stable")[:MOST_EVERYDAY]
    # A place may lie in two squares.
    for each in busiest[n_weeks[busiest] >= EVERYDAY_WEEKS / 2].tolist():
        one = left[square == each]
        if not len(one):
            continue
        middle = float(np.median(seen.latitude[one])), float(np.median(seen.longitude[one]))
        near = distance_m(seen.latitude[left], seen.longitude[left], *middle) <= EVERYDAY_M
        near |= square == each
        there = left[near]
        left, square = left[~near], square[~near]
        seen_there = (np.bincount(at[there], minlength=len(weeks)) > 0) & at_home
        often = _within(weeks, seen_there) >= EVERYDAY_WEEKS
        if often.any() and _is_workplace(seen, there):
            found[there] = often[at[there]]
    return found


def _within(weeks: Int64s, counted: Bools) -> Int64s:
    """Count the weeks in the year around each, (w,) int64."""
    sums = np.concatenate([[0], np.cumsum(counted)])
    first = np.searchsorted(weeks, weeks - WEEKS_AROUND)
    last = np.searchsorted(weeks, weeks + WEEKS_AROUND, side="right")
    return np.asarray(sums[last] - sums[first], np.int64)


def _is_workplace(seen: Seen, there: Int64s) -> bool:
    """Say whether people go to a place on working days, and come back for the night.

    Args:
        seen: photos with a date and a place, in order of time.
        there: (k,) int64, which of them are of that place.
    """
    day = (seen.local_us[there] - DAY_ENDS_US) // DAY_US
    days = np.unique(day)
    # 1970 began on a Thursday.
    workdays = float(((days + 3) % 7 < 5).mean())
    stays = (np.diff(there) == 1) & (np.diff(day) == 1)
    return workdays >= EVERYDAY_WORKDAYS and float(stays.sum()) <= EVERYDAY_NIGHTS * len(days)
