"""Which event, trip or place is meant by an id or a name, and which photos it has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from vecclust.errors import NotFound, UsageError
from vecclust.library.timeline.identity import group_number
from vecclust.library.timeline.shown import Shown, timeline_of
from vecclust.types.names import name_key
from vecclust.types.search import Filters, Near
from vecclust.types.timeline import TIMELINE_ID, EventEntry, PlaceEntry, TripEntry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vecclust.store import Store

Asked = Literal["event", "trip", "place"]
_LIST = {"event": "events", "trip": "trips", "place": "places"}
_PROPOSED = "~"


def number_meant(store: Store, asked: Asked, named: str, *, language: str) -> int:
    """Give the number of the event, trip or place that an id or a name means.

    Args:
        store: the library's tables.
        asked: which of them.
        named: its id, or its name as it is shown, whatever the case.
        language: of proposed names.

    Raises:
        NotFound: there is none.
        UsageError: several have this name.
    """
    shown = timeline_of(store)
    there = _there(shown, asked)
    letter = asked[0]
    key = name_key(named)
    if re.fullmatch(f"{letter}[1-9][0-9]*", key):
        number = group_number(shown.constraints.root(key))
        if number not in there:
            raise _no_such(asked, named)
        return number
    if (other := TIMELINE_ID.fullmatch(key)) is not None:
        kind = next(kind for kind in _LIST if kind[0] == other[0][0])
        raise UsageError(f"{key} is no {asked} but {_articled(kind)}", hint=f"vecclust {_LIST[asked]} lists them.")
    key = name_key(named.strip().removeprefix(_PROPOSED)) or key
    alike = [number for number, name in _names(store, asked, language=language) if name_key(name) == key]
    if asked == "place" and len(alike) > 1:
        # A town and its streets have one name: the town is meant.
        alike = [number for number in alike if number in set(shown.town.tolist())] or alike
    if not alike:
        raise _no_such(asked, named)
    if len(alike) > 1:
        ids = " and ".join(f"{letter}{number}" for number in alike)
        raise UsageError(f"{ids} are all called “{named}”", hint="Name the one you mean by its id.")
    return alike[0]


def photos_meant(store: Store, filters: Filters, *, language: str) -> list[frozenset[str]]:
    """Give the photos of the event, trip, place and surroundings that filters name, a set for each that they do.

    Args:
        store: the library's tables.
        filters: what an answer is limited to.
        language: of proposed names.

    Raises:
        NotFound: there is no such event, trip or place.
        UsageError: several have this name.
    """
    sets = []
    for asked, named in (("event", filters.event), ("trip", filters.trip)):
        if named is not None:
            number = number_meant(store, asked, named, language=language)  # type: ignore[arg-type]
            shown = timeline_of(store)
            sets.append(_photos(shown, _there(shown, asked)[number]))  # type: ignore[arg-type]
    if filters.place is not None:
        sets.append(_photos_at(store, filters.place, language=language))
    if filters.near is not None:
        sets.append(photos_near(store, filters.near))
    return sets


def photos_near(store: Store, near: Near) -> frozenset[str]:
    """Give the photos that were taken near a point.

    Args:
        store: the library's tables.
        near: the point, and how far from it.
    """
    from vecclust.timeline import distance_m

    takings = store.takings()
    rows = np.flatnonzero(np.isfinite(takings.latitude))
    away = distance_m(takings.latitude[rows], takings.longitude[rows], near.latitude, near.longitude)
    return frozenset(takings.photos[rows[away <= near.km * 1000.0]].astype(str).tolist())


def _photos_at(store: Store, named: str, *, language: str) -> frozenset[str]:
    """Give the photos of a place or, where no place has this name, of a country."""
    shown = timeline_of(store)
    try:
        number = number_meant(store, "place", named, language=language)
    except NotFound:
        inside = _in_country(store, named, language=language)
        if not inside:
            raise
        return frozenset().union(*(_photos(shown, shown.places[one]) for one in inside))
    return _photos(shown, shown.places[number])


def _in_country(store: Store, named: str, *, language: str) -> list[int]:
    from vecclust.library.timeline.naming import Names

    shown, key = timeline_of(store), name_key(named)
    names = Names(shown, language=language)
    english = Names(shown, language="en")
    return [
        number
        for number in shown.places
        if any(name_key(each.country(number) or "") == key for each in (names, english))
    ]


def _names(store: Store, asked: Asked, *, language: str) -> Iterable[tuple[int, str]]:
    from vecclust.library.timeline.answers import TimelineReader

    reader = TimelineReader(store, language=language)
    listed: Sequence[EventEntry | TripEntry | PlaceEntry]
    match asked:
        case "event":
            listed = reader.events().events
        case "trip":
            listed = reader.trips().trips
        case "place":
            listed = reader.places().places
    return [(group_number(one.id), one.name) for one in listed if one.name is not None]


def _there(shown: Shown, asked: Asked) -> Mapping[int, NDArray[np.int64]]:
    match asked:
        case "event":
            return shown.events
        case "trip":
            return shown.trips
    return shown.places


def _photos(shown: Shown, rows: NDArray[np.int64]) -> frozenset[str]:
    return frozenset(shown.found.photos[rows].astype(str).tolist())


def _no_such(asked: Asked, named: str) -> NotFound:
    name = named if TIMELINE_ID.fullmatch(named) else f"“{named}”"
    return NotFound(f"there is no {asked} {name}", hint=f"vecclust {_LIST[asked]} lists them.")


def _articled(kind: str) -> str:
    return f"an {kind}" if kind == "event" else f"a {kind}"
