"""Events: where one ends and the next begins, from gaps in time, jumps in place and, in doubt, what photos show.

Each gap between two photos is weighed: how long it is beside the pauses around it (after Platt's PhotoTOC and Graham's
browsers, by logarithms), how many photos stand close by, whether the place jumps more than it does around it. Photos
between two long gaps are a run; nothing is looked at beyond it, so that no event depends on another day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecclust.timeline.arrays import Bools, Float32s, Float64s, Int64s
from vecclust.timeline.diary import DAY_ENDS_US, DAY_US, HOUR_US, MINUTE_US, SECOND_US
from vecclust.timeline.distance import distance_m

# A gap of so long always ends an event where a day ends in it, whatever pauses were usual before.
NIGHT_US = 5 * HOUR_US
# Nothing is looked at beyond a gap of so long.
RUN_US = 4 * HOUR_US
# A gap of a minute is a pause between moments, a shorter one is within a moment and says nothing of what is usual.
PAUSE_US = MINUTE_US
# So many gaps on each side are the neighbourhood, and the usual pause (18 minutes) stands in as USUAL_COUNT of them.
AROUND = 25
USUAL_COUNT = 4.0
USUAL_LOG_S = 7.0
# Photos so near in time are close by.
CLOSE_US = 60 * MINUTE_US
# A jump is counted in multiples of what people walk about within an event and phones are wrong indoors; farther than
# FAR_M says no more than that: without the limit, F1 with places is 0.012 less.
JUMP_M = 200.0
FAR_M = 2_000.0
# What speaks for a boundary: logistic regression on half of the lives, in natural logarithms.
WEIGHT_OF_GAP = 2.0
WEIGHT_OF_USUAL = -0.66
WEIGHT_OF_CLOSE = 0.37
WEIGHT_OF_JUMP = 2.2
WEIGHT_OF_JUMPS_AROUND = -1.8
WEIGHT_OF_KNOWN_PLACE = -2.8
BIAS = -13.9
# A boundary is in doubt where the weights come to less than this, either way: only there is looked at pictures.
DOUBT = 2.0
# Photos looked at on each side, and how much more alike they are on one side than across where that says nothing.
PHOTOS_SEEN = 4
CONTRAST_EXPECTED = 0.2
WEIGHT_OF_CONTRAST = 7.0


@dataclass(frozen=True, slots=True)
class Taken:
    """Photos with a date, in order of time.

    Attributes:
        instant_us: (n,) int64, ascending.
        local_us: (n,) int64, clock on the wall.
        latitude: (n,) float64, NaN where none.
        longitude: (n,) float64, likewise.
        vectors: (m, d) float32 unit norm, or None.
        rows: (n,) int64, which of the vectors is of each photo.
    """

    instant_us: Int64s
    local_us: Int64s
    latitude: Float64s
    longitude: Float64s
    vectors: Float32s | None
    rows: Int64s


def find_events(taken: Taken) -> Int64s:
    """Number the events of photos in order of time.

    Args:
        taken: the photos.

    Returns:
        (n,) int64 from 0, ascending.
    """
    if not len(taken.instant_us):
        return np.zeros(0, np.int64)
    gap_us = np.diff(taken.instant_us)
    run = np.concatenate([[0], np.cumsum(gap_us >= RUN_US)])
    sure = _is_overnight(taken.local_us, gap_us)
    score = _weigh_time(taken, run) + _weigh_place(taken, run) + BIAS
    if taken.vectors is not None:
        doubtful = np.flatnonzero(~sure & (np.abs(score) < DOUBT))
        score[doubtful] += WEIGHT_OF_CONTRAST * (_contrast(taken, run, doubtful) - CONTRAST_EXPECTED)
    return np.concatenate([[0], np.cumsum(sure | (score > 0))]).astype(np.int64)


def _is_overnight(local_us: Int64s, gap_us: Int64s) -> Bools:
    """Say which gaps are long and have the end of a day in them, (n - 1,) bool."""
    day = (local_us - DAY_ENDS_US) // DAY_US
    return np.asarray((gap_us >= NIGHT_US) & (np.diff(day) > 0), np.bool_)


def _weigh_time(taken: Taken, run: Int64s) -> Float64s:
    """Weigh each gap by how long it is, beside the pauses around it, and by the photos close by, (n - 1,) float64."""
    instant_us = taken.instant_us
    gap_us = np.diff(instant_us)
    log_s = np.log(np.maximum(gap_us / SECOND_US, 1.0))
    pauses = (run[1:] == run[:-1]) & (gap_us > PAUSE_US)
    usual = _around(log_s, pauses, run[:-1], usual=USUAL_LOG_S)
    at = np.arange(len(gap_us))
    before = at + 1 - np.searchsorted(instant_us, instant_us[:-1] - CLOSE_US)
    after = np.searchsorted(instant_us, instant_us[1:] + CLOSE_US, side="right") - at - 1
    close = np.log(before) + np.log(after)
    return np.asarray(WEIGHT_OF_GAP * log_s + WEIGHT_OF_USUAL * usual + WEIGHT_OF_CLOSE * close, np.float64)


def _weigh_place(taken: Taken, run: Int64s) -> Float64s:
    """Weigh each gap by how far the place jumps, beside the jumps around it; 0 where it is not known, (n - 1,)."""
    jump = _jump(taken, run)
    known = np.isfinite(jump)
    jump = np.where(known, jump, 0.0)
    around = _around(jump, known & (run[1:] == run[:-1]), run[:-1], usual=0.0)
    weight = WEIGHT_OF_KNOWN_PLACE + WEIGHT_OF_JUMP * jump + WEIGHT_OF_JUMPS_AROUND * around
    return np.where(known, weight, 0.0)


def _around(values: Float64s, counted: Bools, run: Int64s, *, usual: float) -> Float64s:
    """Return the mean of the values around each, itself left out, with the usual one mixed in, (n,) float64.

    The values around are the nearest `AROUND` on each side of the same run, as far as they are counted.
    """
    sums = np.concatenate([[0.0], np.cumsum(np.where(counted, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(counted)])
    places = np.arange(len(values))
    first = np.maximum(np.searchsorted(run, run, side="left"), places - AROUND)
    last = np.minimum(np.searchsorted(run, run, side="right"), places + AROUND + 1)
    total = sums[last] - sums[first] - np.where(counted, values, 0.0)
    number = counts[last] - counts[first] - counted
    return np.asarray((total + USUAL_COUNT * usual) / (number + USUAL_COUNT), np.float64)


def _jump(taken: Taken, run: Int64s) -> Float64s:
    """Say how far it is across each gap: log(1 + distance / JUMP_M), NaN where either side's place is not known.

    The places are those of the two nearest photos on each side that have one, in the same run, and the shortest of the
    four distances is meant: a single place that is wrong is no jump.
    """
    n = len(run)
    best = np.full(n - 1, np.nan)
    placed = np.flatnonzero(np.isfinite(taken.latitude) & np.isfinite(taken.longitude))
    if not len(placed):
        return best
    nearest = np.searchsorted(placed, np.arange(1, n))
    for back in (1, 2):
        for ahead in (0, 1):
            left, right = nearest - back, nearest + ahead
            there = (left >= 0) & (right < len(placed))
            before, after = placed[np.where(there, left, 0)], placed[np.where(there, right, 0)]
            there &= (run[before] == run[:-1]) & (run[after] == run[:-1])
            a, b = before[there], after[there]
            far = distance_m(taken.latitude[a], taken.longitude[a], taken.latitude[b], taken.longitude[b])
            best[there] = np.fmin(best[there], far)
    return np.asarray(np.log1p(np.minimum(best, FAR_M) / JUMP_M), np.float64)


def _contrast(taken: Taken, run: Int64s, gaps: Int64s) -> Float64s:
    """Say how much more alike photos on the same side of gaps are than across them, (k,) float64.

    `CONTRAST_EXPECTED`, so that it decides nothing, where there are no two photos on either side.
    """
    before = _beside(taken, run, gaps, step=-1)
    after = _beside(taken, run, gaps + 1, step=1)
    pairs = before.pairs + after.pairs
    across = np.einsum("ij,ij->i", before.total, after.total) / np.maximum(before.count * after.count, 1)
    within = (before.alike + after.alike) / np.maximum(pairs, 1)
    return np.asarray(np.where(pairs > 0, within - across, CONTRAST_EXPECTED), np.float64)


@dataclass(frozen=True, slots=True)
class _Side:
    """Photos on one side of gaps: sums of their vectors, how many, their pairs and how alike these are in all."""

    total: Float32s
    count: Int64s
    pairs: Float64s
    alike: Float64s


def _beside(taken: Taken, run: Int64s, start: Int64s, *, step: int) -> _Side:
    """Sum up the few photos from each start on, in the same run."""
    assert taken.vectors is not None
    total = np.zeros((len(start), taken.vectors.shape[1]), np.float32)
    count = np.zeros(len(start), np.int64)
    for k in range(PHOTOS_SEEN):
        at = np.clip(start + k * step, 0, len(run) - 1)
        there = (run[at] == run[start]) & (at == start + k * step)
        total[there] += taken.vectors[taken.rows[at[there]]]
        count += there
    pairs = count * (count - 1) / 2
    return _Side(total, count, pairs, (np.einsum("ij,ij->i", total, total) - count) / 2)
