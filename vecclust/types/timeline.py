"""Time and place: events, trips and places, what is known of each, and what lists of them answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Ids of events, trips and places; those of clusters begin with a c.
TIMELINE_ID = re.compile("[etp][1-9][0-9]*")

# Streets and towns are both places.
TimelineKind = Literal["event", "trip", "street", "town"]

# A street is where one can walk to, a town what has a name of its own.
PlaceLevel = Literal["street", "town", "country"]


@dataclass(frozen=True, slots=True)
class TimelineGroup:
    """An event, trip or place as it is kept, by which it is known again: wherever most of its anchors are, it is.

    Attributes:
        id: its stable id: `e12` an event, `t3` a trip, `p5` a place.
        kind: which of them.
        anchors: a few of its photos, by the first 16 letters of their content hash.
        n_photos: photos in it when it was kept; 0 where it was not found again.
    """

    id: str
    kind: TimelineKind
    anchors: tuple[str, ...]
    n_photos: int


@dataclass(frozen=True, eq=False)
class Takings:
    """When, where and with what all photos of a library were taken, as they say.

    Attributes:
        photos: (n,) S64 content hashes, ascending.
        clock_us: (n,) int64 wall clock in microseconds since 1970; the lowest int64 where there is no date.
        offset_s: (n,) int64 seconds east of UTC that the photo names; the lowest int64 where it names none.
        source: (n,) what told the date, as `TakenSource`; empty where there is none.
        latitude: (n,) float64 degrees north, NaN where there is no place.
        longitude: (n,) float64 degrees east, likewise.
        camera: (n,) int64 place of its camera among `cameras`, -1 where that is not known.
        cameras: their names.
    """

    photos: NDArray[np.bytes_]
    clock_us: NDArray[np.int64]
    offset_s: NDArray[np.int64]
    source: NDArray[np.str_]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    camera: NDArray[np.int64]
    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownIn:
    """Something of another kind that photos are in, too.

    Attributes:
        id: its stable id.
        name: its name, its owner's or a proposed one, or None.
        photos: how many of the photos are in it.
    """

    id: str
    name: str | None
    photos: int


@dataclass(frozen=True, slots=True)
class EventEntry:
    """One event: photos taken one after another, with a gap around them.

    Attributes:
        id: its stable id, as `e12`.
        name: its owner's name, else the one that is proposed from place, date and words, or None.
        named_by: who gave the name: `owner` or `auto`; None without one.
        start: its first moment, by the clock on the wall where it was taken, without a zone.
        end: its last moment likewise.
        photos: how many it has.
        place: the place where most of it was, by id, or None.
        place_name: that place's name, or None.
        trip: the trip it belongs to, by id, or None.
        cover: the photo that stands for it, by content hash.
        words: a few words for what its photos show, the best first; often none.
    """

    id: str
    name: str | None
    named_by: Literal["owner", "auto"] | None
    start: datetime
    end: datetime
    photos: int
    place: str | None
    place_name: str | None
    trip: str | None
    cover: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TripEntry:
    """One trip: events away from home.

    Attributes:
        id: its stable id, as `t3`.
        name: its owner's name, else the one that is proposed from places and dates, or None.
        named_by: who gave the name: `owner` or `auto`; None without one.
        start: its first moment, by the clock on the wall, without a zone.
        end: its last moment likewise.
        photos: how many it has.
        events: its events, by id, in order of time.
        places: the places where it went, most photos first.
        clusters: the clusters that most of its photos are in, likewise.
        cover: the photo that stands for it, by content hash.
    """

    id: str
    name: str | None
    named_by: Literal["owner", "auto"] | None
    start: datetime
    end: datetime
    photos: int
    events: tuple[str, ...]
    places: tuple[ShownIn, ...]
    clusters: tuple[ShownIn, ...]
    cover: str


@dataclass(frozen=True, slots=True)
class PlaceEntry:
    """One place: photos taken near one another.

    Attributes:
        id: its stable id, as `p5`.
        name: its owner's name, else that of the town it is in or near, or None at sea and far from any.
        named_by: who gave the name: `owner` or `auto`; None without one.
        country: the country it is in, by name, or None.
        level: how wide it is.
        within: the wider place it is a part of, by id, or None.
        latitude: its middle, in degrees north, rounded to about a kilometre.
        longitude: likewise, in degrees east.
        photos: how many it has.
        first: when its first photo was taken, by the clock on the wall; None where none has a date.
        last: its last likewise.
        is_home: whether its owner lived there for some time.
        cover: the photo that stands for it, by content hash.
    """

    id: str
    name: str | None
    named_by: Literal["owner", "auto"] | None
    country: str | None
    level: PlaceLevel
    within: str | None
    latitude: float
    longitude: float
    photos: int
    first: datetime | None
    last: datetime | None
    is_home: bool
    cover: str


@dataclass(frozen=True, slots=True)
class EventList:
    """The events of a library.

    Attributes:
        events: in order of time, the last first.
        photos: photos that are in one.
        undated: photos without a date that can be trusted, which are in none.
    """

    events: tuple[EventEntry, ...]
    photos: int
    undated: int


@dataclass(frozen=True, slots=True)
class TripList:
    """The trips of a library.

    Attributes:
        trips: in order of time, the last first.
        photos: photos that are in one.
        homes: the places that count as home, by id, earliest first.
    """

    trips: tuple[TripEntry, ...]
    photos: int
    homes: tuple[ShownIn, ...]


@dataclass(frozen=True, slots=True)
class PlaceList:
    """The places of a library.

    Attributes:
        places: most photos first, those within another right after it.
        photos: photos that are in one.
        unplaced: photos that say no place.
    """

    places: tuple[PlaceEntry, ...]
    photos: int
    unplaced: int


@dataclass(frozen=True, slots=True)
class EventPhoto:
    """One photo of an event.

    Attributes:
        photo: content hash.
        path: absolute path of a file that holds it, or None where none is there now.
        taken: when, by the clock on the wall, without a zone.
        cluster: its cluster in the current run, or None.
        cluster_name: that cluster's name, its owner's or a proposed one, or None.
    """

    photo: str
    path: str | None
    taken: datetime
    cluster: str | None
    cluster_name: str | None


@dataclass(frozen=True, slots=True)
class EventPage:
    """One event with its photos.

    Attributes:
        event: what is known of it.
        clusters: the clusters that its photos are in, most photos first.
        results: its photos, in order of time.
    """

    event: EventEntry
    clusters: tuple[ShownIn, ...]
    results: tuple[EventPhoto, ...]
