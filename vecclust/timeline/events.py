"""Where one event ends and the next begins.

A long gap ends an event always, a short one never unless the place jumps; between, a gap has to stand out of those
around it. What is around never reaches across a gap that ends an event always, so that a day that is added moves no
boundary of another day.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vecclust.timeline.diary import NO_TIME, Clocks, Diary, distance_m

_MINUTE_US = 60_000_000
# Nothing goes on over a gap as long as this.
LONGEST_GAP_US = 300 * _MINUTE_US
# A gap ends an event where it is this many times as long as those around it, by their geometric mean over as many on
# either side; but no shorter one than the first of these, and any longer one than the second.
TIMES_AROUND, N_AROUND = 40.0, 8
SHORTEST_GAP_US, LONG_GAP_US = 70 * _MINUTE_US, 130 * _MINUTE_US
# Gaps below this are of one burst, and all alike.
BURST_US = _MINUTE_US
# Somewhere else, and back at the same place; and by how much a gap counts as longer or shorter then.
ELSEWHERE_M, HERE_M = 1200.0, 250.0
ELSEWHERE_TIMES, HERE_TIMES = 3.0, 0.5
# A place counts for a gap that is no further from it than this.
_NEAR_US = 60 * _MINUTE_US


def find_events(diary: Diary, clocks: Clocks) -> NDArray[np.int64]:
    """Say of which event each photo is.

    Args:
        diary: where photos were taken.
        clocks: when.

    Returns:
        (n,) int64 event in order of time from 0; -1 without a date.
    """
    event = np.full(len(clocks.instant_us), -1, np.int64)
    rows = np.flatnonzero(clocks.instant_us != NO_TIME)
    rows = rows[np.argsort(clocks.instant_us[rows], kind="stable")]
    if len(rows):
        ends = is_boundary(clocks.instant_us[rows], diary.latitude[rows], diary.longitude[rows])
        event[rows] = np.concatenate([[0], np.cumsum(ends)])
    return event


def is_boundary(
    times: NDArray[np.int64], latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Say which gaps end an event.

    Args:
        times: (n,) int64 moments in microseconds, ascending.
        latitude: (n,) degrees north, NaN where unknown.
        longitude: (n,) degrees east, likewise.

    Returns:
        (n - 1,) bool.
    """
    gaps = np.diff(times)
    if not len(gaps):
        return np.zeros(0, bool)
    weighed = gaps * _by_place(times, gaps, latitude, longitude)
    around = _around(gaps)
    threshold = np.clip(TIMES_AROUND * around, SHORTEST_GAP_US, LONG_GAP_US)
    return (weighed > threshold) | (gaps > LONGEST_GAP_US)


def _around(gaps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the geometric mean of the gaps around each one, itself and those beyond a long one left out."""
    is_long = gaps > LONG_GAP_US
    logs = np.where(is_long, 0.0, np.log(np.maximum(gaps, BURST_US)))
    sums = np.concatenate([[0.0], np.cumsum(logs)])
    n = len(gaps)
    at = np.arange(n)
    # The first and the last gap of the stretch between long ones that each is in; a long one is alone.
    first = np.maximum.accumulate(np.where(is_long, at + 1, 0))
    last = np.minimum.accumulate(np.where(is_long, at, n)[::-1])[::-1]
    start, stop = np.maximum(first, at - N_AROUND), np.minimum(last, at + N_AROUND + 1)
    stop = np.maximum(stop, start)
    counts = stop - start - 1
    total = sums[stop] - sums[start] - logs
    return np.where(counts > 0, np.exp(total / np.maximum(counts, 1)), BURST_US)


def _by_place(
    times: NDArray[np.int64],
    gaps: NDArray[np.int64],
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give by how much each gap counts as longer or shorter for where the photos before and after it were taken."""
    at = np.arange(len(times))
    has_place = np.isfinite(latitude) & np.isfinite(longitude)
    before = np.maximum.accumulate(np.where(has_place, at, -1))[:-1]
    after = np.minimum.accumulate(np.where(has_place, at, len(times))[::-1])[::-1][1:]
    known = (before >= 0) & (after < len(times))
    before, after = np.maximum(before, 0), np.minimum(after, len(times) - 1)
    known &= (times[:-1] - times[before] <= _NEAR_US) & (times[after] - times[1:] <= _NEAR_US)
    away = distance_m(latitude[before], longitude[before], latitude[after], longitude[after])
    factor = np.ones(len(gaps))
    factor[known & (away > ELSEWHERE_M)] = ELSEWHERE_TIMES
    factor[known & (away < HERE_M)] = HERE_TIMES
    return factor
