"""A diary with its clocks set, to events, trips and homes."""

from __future__ import annotations

import numpy as np

from vecclust.timeline.arrays import Float32s, Int64s
from vecclust.timeline.diary import Clocks, Diary, Timeline
from vecclust.timeline.events import Taken, find_events
from vecclust.timeline.homes import Seen, find_homes
from vecclust.timeline.trips import Spans, find_trips


def find_timeline(diary: Diary, clocks: Clocks, *, vectors: Float32s | None = None) -> Timeline:
    """Find the events, trips and homes of a diary.

    Args:
        diary: what the photos say.
        clocks: their clocks, as `set_clocks` sets them.
        vectors: (n, d) float32 unit norm, what the photos show; None to do without.

    Returns:
        The timeline.
    """
    rows = _in_order(diary, clocks, vectors)
    latitude = np.where(diary.placed, diary.latitude, np.nan)[rows]
    longitude = np.where(diary.placed, diary.longitude, np.nan)[rows]
    instant, local = clocks.instant_us[rows], clocks.local_us[rows]
    events = find_events(Taken(instant, local, latitude, longitude, vectors, rows))
    event = np.full(len(diary), -1, np.int64)
    event[rows] = events
    placed = np.flatnonzero(np.isfinite(latitude))
    seen = Seen(instant, local, latitude, longitude).of(placed)
    homes = find_homes(seen)
    spans = Spans(instant[np.diff(events, prepend=-1) > 0], instant[np.diff(events, append=len(rows)) > 0])
    return Timeline(event, find_trips(seen, events[placed], homes, spans=spans), homes)


def _in_order(diary: Diary, clocks: Clocks, vectors: Float32s | None) -> Int64s:
    """Put the photos with a date in order of time; those of one moment by what else they say, however they came."""
    rows = np.flatnonzero(diary.dated)
    keys = [diary.longitude[rows], diary.latitude[rows], diary.camera[rows], clocks.local_us[rows]]
    if vectors is not None and vectors.shape[1]:
        keys.insert(0, vectors[rows, 0])
    return np.asarray(rows[np.lexsort((*keys, clocks.instant_us[rows]))], np.int64)
