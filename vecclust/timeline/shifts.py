"""Cameras whose clock is off: found where their photos fall together with the other cameras' at a common shift.

A camera left at another zone's time, or set wrongly, takes its photos at the events that the others see, all of them
early or late by the same amount, until somebody sets it. The likeliest course of shifts over the camera's days is found
by Viterbi's algorithm; leaving no shift costs so much that a few chance meetings do not pay for it.
"""

from __future__ import annotations

import numpy as np

from vecclust.timeline.arrays import Bools, Float64s, Int64s
from vecclust.timeline.diary import NO_TIME, SECOND_US

# Photos of one moment by two cameras are some minutes apart: bins of five, and the two beside them.
BIN_S = 300
BINS_A_DAY = 86_400 // BIN_S
# A camera left at home's time is further off than half a day on the other side of the world, but never a whole one.
MOST_BINS = BINS_A_DAY
# Of the moments of a camera whose clock is right, so many have another camera's photo beside them. In the diaries
# 0.45 in the mean of the days on which two cameras are used.
MEETINGS = 0.45
# Moments of one day count as at most so many: they stand together in one or two events and meet all or none.
MOMENTS_A_DAY = 4.0
# What evidence (log likelihood ratio) a shift must pay: to a zone that the library knows, by whole quarters of an
# hour, and by any odd amount; and back to none.
COST_OF_KNOWN = 6.0
COST_OF_QUARTER = 9.0
COST_OF_ODD = 12.0
COST_OF_RETURN = 2.0
# So many moments are looked up at once: 577 shifts of 4,096 are nineteen megabytes.
_CHUNK = 4096


def find_shifts(instant_us: Int64s, offsets: Int64s, camera: Int64s, *, said: Bools) -> Int64s:
    """Find by how much each photo's clock is ahead of the others'.

    Trusted are cameras that say the zone or the place of most of their photos, as phones do; where there is none, the
    one with most photos. All others are compared with these.

    Args:
        instant_us: (n,) int64 moments by the zones as they were found, `NO_TIME` where no date.
        offsets: (n,) int64 seconds east of UTC, those zones.
        camera: (n,) int64 codes, -1 unknown.
        said: (n,) bool, which say their zone or place themselves.

    Returns:
        (n,) int64 seconds, 0 where nothing speaks clearly for another.
    """
    shifts = np.zeros(len(instant_us), np.int64)
    dated = instant_us != NO_TIME
    codes = np.unique(camera[dated & (camera >= 0)])
    if len(codes) < 2:
        return shifts
    place = np.searchsorted(codes, camera)
    rows = np.flatnonzero(dated & (camera >= 0))
    counts = np.bincount(place[rows], minlength=len(codes))
    share = np.bincount(place[rows], weights=said[rows], minlength=len(codes)) / counts
    trusted = share >= 0.5 if (share >= 0.5).any() else np.arange(len(codes)) == counts.argmax()
    sure = rows[trusted[place[rows]]]
    for code in np.flatnonzero(~trusted).tolist():
        own = rows[place[rows] == code]
        shifts[own] = _course(instant_us[own], offsets[own], instant_us[sure], offsets[sure])
    return shifts


def _course(instant_us: Int64s, offsets: Int64s, sure_us: Int64s, sure_offsets: Int64s) -> Int64s:
    """Find the shift of each photo of one camera, (k,) int64 seconds."""
    bins = instant_us // (BIN_S * SECOND_US)
    moments, first, which = np.unique(bins, return_index=True, return_inverse=True)
    days, day = np.unique(moments // BINS_A_DAY, return_inverse=True)
    seen = _seen_around(days, np.unique(sure_us // (BIN_S * SECOND_US)))
    if not seen.any():
        return np.zeros(len(instant_us), np.int64)
    lags = np.arange(-MOST_BINS, MOST_BINS + 1)
    evidence = _evidence(seen, moments % BINS_A_DAY, day, lags=lags)
    local = offsets[first[np.searchsorted(day, np.arange(len(days)))]]
    costs = _costs(lags, local, sure_offsets)
    best = _likeliest(evidence, costs)
    shift = lags[best] * BIN_S
    return np.asarray(shift[day[which]], np.int64)


def _seen_around(days: Int64s, sure: Int64s) -> Bools:
    """Say in which bins of each day, and of the days before and after, a trusted camera took a photo or was near it."""
    rows = np.zeros((len(days), 3 * BINS_A_DAY), np.bool_)
    for beside in (-1, 0, 1):
        spread = np.unique(sure + beside)
        for part in range(3):
            wanted = days + part - 1
            at = np.clip(np.searchsorted(days, spread // BINS_A_DAY - part + 1), 0, len(days) - 1)
            there = wanted[at] == spread // BINS_A_DAY
            rows[at[there], part * BINS_A_DAY + spread[there] % BINS_A_DAY] = True
    return rows


def _evidence(seen: Bools, moment: Int64s, day: Int64s, *, lags: Int64s) -> Float64s:
    """Say how much each day speaks for each shift, (days, shifts) log likelihood ratios."""
    n_days = len(seen)
    meetings = np.zeros((n_days, len(lags)))
    for start in range(0, len(moment), _CHUNK):
        part = slice(start, start + _CHUNK)
        met = seen[day[part, None], BINS_A_DAY + moment[part, None] - lags]
        bounds = np.flatnonzero(np.diff(day[part], prepend=-1))
        meetings[day[part][bounds]] += np.add.reduceat(met, bounds, axis=0, dtype=np.float64)
    by_chance = np.clip(seen.mean(axis=1), 0.01, MEETINGS)
    weight = np.log(MEETINGS / by_chance) - np.log((1 - MEETINGS) / (1 - by_chance))
    n_moments = np.bincount(day, minlength=n_days)
    return np.asarray(meetings * (weight * np.minimum(1.0, MOMENTS_A_DAY / n_moments))[:, None], np.float64)


def _costs(lags: Int64s, local: Int64s, sure_offsets: Int64s) -> Float64s:
    """Say what it costs to begin each shift on each day, (days, shifts)."""
    base = np.where(lags * BIN_S % 900 == 0, COST_OF_QUARTER, COST_OF_ODD)
    base[lags == 0] = COST_OF_RETURN
    costs = np.tile(base, (len(local), 1))
    for zone in np.unique(sure_offsets).tolist():
        lag = (zone - local) // BIN_S + MOST_BINS
        fits = (lag >= 0) & (lag < len(lags)) & (zone != local)
        costs[np.flatnonzero(fits), lag[fits]] = COST_OF_KNOWN
    return costs


def _likeliest(evidence: Float64s, costs: Float64s) -> Int64s:
    """Find the best course of shifts over the days, by place among the shifts, (days,) int64."""
    n_days, n_lags = evidence.shape
    none = n_lags // 2
    value = evidence[0] - np.where(np.arange(n_lags) == none, 0.0, costs[0])
    came = np.empty((n_days, n_lags), np.int32)
    came[0] = np.arange(n_lags)
    for day in range(1, n_days):
        best = int(value.argmax())
        changed = value[best] - costs[day]
        stays = value >= changed
        came[day] = np.where(stays, np.arange(n_lags), best)
        value = np.where(stays, value, changed) + evidence[day]
    path = np.empty(n_days, np.int64)
    # Of equals, none at all.
    path[-1] = none if value[none] >= value.max() else int(value.argmax())
    for day in range(n_days - 1, 0, -1):
        path[day - 1] = came[day, path[day]]
    return path
