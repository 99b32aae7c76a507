"""Events, trips and homes: from when and where photos were taken, arrays in, arrays out, usable without a library.

`clocks` says which moment each photo is of, `events` where one event ends and the next begins, `travels` where people
lived and which events were away from there. Knows no pictures, no names and no ids; `docs/timeline.md` has figures.
"""

from vecclust.timeline.clocks import set_clocks
from vecclust.timeline.diary import NO_TIME, UNKNOWN_OFFSET, Clocks, Diary, Home, Timeline, distance_m
from vecclust.timeline.events import find_events
from vecclust.timeline.travels import find_homes, find_trips

__all__ = [
    "NO_TIME",
    "UNKNOWN_OFFSET",
    "Clocks",
    "Diary",
    "Home",
    "Timeline",
    "distance_m",
    "find_events",
    "find_homes",
    "find_timeline",
    "find_trips",
    "set_clocks",
]


def find_timeline(diary: Diary, clocks: Clocks) -> Timeline:
    """Find events, homes and trips.

    Args:
        diary: when and where photos were taken, as they say.
        clocks: when they were taken, as `set_clocks` found.

    Returns:
        Events in order of time, the trip of each, and homes, the earliest first.
    """
    event = find_events(diary, clocks)
    homes = find_homes(diary, clocks)
    return Timeline(event, find_trips(diary, clocks, event, homes), homes)
