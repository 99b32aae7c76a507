"""The moment at which each photo was taken: the zone of each clock, and clocks that are off."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vecclust.timeline.arrays import Bools, Float64s, Int64s
from vecclust.timeline.diary import DAY_US, NO_TIME, SECOND_US, UNKNOWN_OFFSET, Clocks, Diary
from vecclust.timeline.shifts import find_shifts

# The zone of a place: latitudes, longitudes and clocks on the wall to seconds east of UTC.
OffsetsAt = Callable[[Float64s, Float64s, Int64s], Int64s]

# For so long the same camera's zone is believed before any other camera's: people fly less often than daily.
SAME_CAMERA_US = DAY_US


def set_clocks(diary: Diary, *, offsets_at: OffsetsAt) -> Clocks:
    """Find the moment at which each photo was taken.

    The zone is the one that the photo names, else that of its place, else that of the same camera's nearest photo of
    the day, else of any camera's nearest. Nothing is ever taken to be UTC: where no photo at all knows of a zone, the
    clocks are compared as they are. Cameras whose clock is off beside the others' are set right.

    Args:
        diary: what the photos say.
        offsets_at: gives the zone of places: (k,) latitudes, longitudes and clocks on the wall (microseconds) to (k,)
            int64 seconds east of UTC, `UNKNOWN_OFFSET` where it does not know.

    Returns:
        The clocks, set.
    """
    dated = diary.dated
    offsets = np.where(dated, diary.offset_s, UNKNOWN_OFFSET)
    ask = np.flatnonzero(dated & (offsets == UNKNOWN_OFFSET) & diary.placed)
    if len(ask):
        offsets[ask] = offsets_at(diary.latitude[ask], diary.longitude[ask], diary.clock_us[ask])
    said = offsets != UNKNOWN_OFFSET
    offsets = _fill(offsets, diary.clock_us, diary.camera, dated=dated)
    instant = np.where(dated, diary.clock_us - offsets * SECOND_US, NO_TIME)
    local, corrected = diary.clock_us.copy(), np.zeros(len(diary), np.bool_)
    shift_s = find_shifts(instant, offsets, diary.camera, said=said)
    off = np.flatnonzero(shift_s)
    if len(off):
        instant[off] -= shift_s[off] * SECOND_US
        sure = np.flatnonzero(dated & (shift_s == 0))
        near = sure[_nearest(instant[sure], instant[off])]
        local[off] = instant[off] + offsets[near] * SECOND_US
        corrected[off] = True
    return Clocks(instant, local, corrected)


def _fill(offsets: Int64s, clock_us: Int64s, camera: Int64s, *, dated: Bools) -> Int64s:
    """Give photos without a zone that of their neighbours in time; 0 where there is none to take."""
    filled = offsets.copy()
    known = np.flatnonzero(dated & (offsets != UNKNOWN_OFFSET))
    missing = np.flatnonzero(dated & (offsets == UNKNOWN_OFFSET))
    filled[~dated] = 0
    if not len(known):
        filled[missing] = 0
        return filled
    if not len(missing):
        return filled
    filled[missing] = offsets[known[_nearest(clock_us[known], clock_us[missing])]]
    for code in np.unique(camera[missing][camera[missing] >= 0]).tolist():
        own, lost = known[camera[known] == code], missing[camera[missing] == code]
        if len(own):
            near = own[_nearest(clock_us[own], clock_us[lost])]
            believed = np.abs(clock_us[near] - clock_us[lost]) <= SAME_CAMERA_US
            filled[lost[believed]] = offsets[near[believed]]
    return filled


def _nearest(times: Int64s, wanted: Int64s) -> Int64s:
    """Find for each wanted time the nearest of some, by place among them; of two as near, the earlier."""
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    after = np.clip(np.searchsorted(ordered, wanted), 0, len(ordered) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(ordered[before] - wanted) <= np.abs(ordered[after] - wanted)
    return np.asarray(order[np.where(nearer, before, after)], np.int64)
