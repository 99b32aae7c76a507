"""Which moment each photo is of: its zone, and what a camera's clock was off by.

A zone is the offset that a photo names, else that of its place, else that of its neighbours in time, never UTC. Clocks
that nobody set, or set at home and never on a journey, are found by what other cameras took at the same moments: under
the right shift far more photos of one fall together with photos of the others than under none. A clock is set right
only where that is clear.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vecclust.timeline.diary import NO_TIME, UNKNOWN_OFFSET, Clocks, Diary

OffsetsAt = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]], NDArray[np.int64]]
Longs = NDArray[np.int64]

_MINUTE_US = 60_000_000
# Two photos are of the same moment within this; two people at one table take theirs minutes apart.
_TOGETHER_US = 5 * _MINUTE_US
# A clock may be in any zone, which are a quarter of an hour apart at least.
_STEP_US, _MOST_STEPS = 15 * _MINUTE_US, 56
# A shift is believed where at least this share of a camera's photos, and so many of them, fall together with others',
# and this many times as many as would without it.
_LEAST_SHARE, _LEAST_TOGETHER, _CLEARER = 0.3, 8, 2.0
# As many photos of a camera tell its shift.
_MOST_ASKED = 3000


def set_clocks(diary: Diary, *, offsets_at: OffsetsAt) -> Clocks:
    """Find the moment that each photo was taken at.

    Args:
        diary: what photos say.
        offsets_at: gives the offset from UTC, in seconds, of places (n,), (n,) and wall clocks (n,) in microseconds.

    Returns:
        The moments, and the wall clocks where they were taken.
    """
    local = diary.clock_us.copy()
    offset = diary.offset_s.copy()
    is_dated = local != NO_TIME
    by_place = is_dated & (offset == UNKNOWN_OFFSET) & np.isfinite(diary.latitude) & np.isfinite(diary.longitude)
    if by_place.any():
        offset[by_place] = offsets_at(diary.latitude[by_place], diary.longitude[by_place], local[by_place])
    if is_dated.any() and not (is_dated & (offset != UNKNOWN_OFFSET)).any():
        # Nobody knows any zone: all are in that of the camera that took most.
        cameras, counts = np.unique(diary.camera[is_dated], return_counts=True)
        offset[is_dated & (diary.camera == cameras[counts.argmax()])] = 0
    known = np.flatnonzero(is_dated & (offset != UNKNOWN_OFFSET))
    known = known[np.argsort(local[known], kind="stable")]
    unknown = np.flatnonzero(is_dated & (offset == UNKNOWN_OFFSET))
    corrected = np.zeros(len(local), bool)
    for camera in np.unique(diary.camera[unknown]).tolist():
        rows = unknown[diary.camera[unknown] == camera]
        # Neighbours of the camera's own, where it has any that tell; else everybody's.
        own = known[diary.camera[known] == camera] if camera >= 0 else known[:0]
        if not len(own):
            shifts = _shifts(local[rows], local[known], offset[known])
            local[rows] += shifts
            corrected[rows] = shifts != 0
        near = own if len(own) else known
        offset[rows] = _of_nearest(local[rows], local[near], offset[near])
    instant = np.full(len(local), NO_TIME, np.int64)
    instant[is_dated] = local[is_dated] - offset[is_dated] * 1_000_000
    return Clocks(instant, local, corrected)


def _of_nearest(times: Longs, ordered: Longs, values: Longs) -> Longs:
    """Give the value that stands at the nearest of some ordered times; of two as near, the earlier."""
    after = np.searchsorted(ordered, times)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(ordered) - 1)
    is_before = np.abs(times - ordered[before]) <= np.abs(ordered[after] - times)
    return np.where(is_before, values[before], values[after])


def _shifts(clocks: Longs, others: Longs, offsets: Longs) -> Longs:
    """Find what a camera's clock was off by, for each of its photos, against the wall clocks of others."""
    shifts = np.zeros(len(clocks), np.int64)
    # Off by the same all the time: never set, or set to another zone.
    always = _best_shift(clocks, others, np.arange(-_MOST_STEPS, _MOST_STEPS + 1) * _STEP_US)
    shifts += always
    # Or right at home and not on a journey: where the others' zone is another than most of the time, it may be off by
    # as much as that zone is from one of those that the others were in.
    zones = _of_nearest(clocks, others, offsets)
    present, counts = np.unique(zones, return_counts=True)
    for zone in present[np.argsort(-counts)][1:].tolist():
        rows = np.flatnonzero(zones == zone)
        wanted = np.unique([(zone - other) * 1_000_000 for other in present.tolist()])
        by_zone = _best_shift(clocks[rows] + always, others, wanted)
        shifts[rows] += by_zone
    return shifts


def _best_shift(clocks: Longs, others: Longs, shifts: Longs) -> int:
    """Give the shift under which clearly more of a camera's photos fall together with others' than under none."""
    asked = clocks[:: len(clocks) // _MOST_ASKED + 1]
    together = np.array([_n_together(asked + shift, others) for shift in shifts.tolist()])
    unshifted = _n_together(asked, others)
    best = int(together.argmax())
    enough = max(_LEAST_TOGETHER, _LEAST_SHARE * len(asked), _CLEARER * unshifted)
    return int(shifts[best]) if together[best] >= enough else 0


def _n_together(times: Longs, ordered: Longs) -> int:
    first = np.searchsorted(ordered, times - _TOGETHER_US)
    return int(
        (ordered[np.minimum(first, len(ordered) - 1)] - times <= _TOGETHER_US).sum() - (first == len(ordered)).sum()
    )
