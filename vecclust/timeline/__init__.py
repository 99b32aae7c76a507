"""The timeline room: when and where photos were taken, to clocks set right, events, trips and homes.

Arrays in, arrays out, by numpy alone: knows no library, no names and no zones (which zone a place has is asked of a
function that is handed in). Invariants: the order of the photos decides nothing; what is decided of a day looks no
further than that day, so that a day at the end moves no event of before; a photo without a date is in no event.
"""

from __future__ import annotations

from vecclust.timeline.clocks import set_clocks
from vecclust.timeline.diary import NO_TIME, UNKNOWN_OFFSET, Clocks, Diary, Home, Timeline
from vecclust.timeline.distance import distance_m
from vecclust.timeline.timeline import find_timeline

__all__ = [
    "NO_TIME",
    "UNKNOWN_OFFSET",
    "Clocks",
    "Diary",
    "Home",
    "Timeline",
    "distance_m",
    "find_timeline",
    "set_clocks",
]
