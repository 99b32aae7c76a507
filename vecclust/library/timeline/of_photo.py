"""The events, trips and places of photos, as they were found last: a question about photos finds nothing anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from vecclust.library.timeline.found import kept_timeline_of
from vecclust.library.timeline.identity import group_id
from vecclust.library.timeline.naming import Names
from vecclust.library.timeline.shown import Shown, lay_over

if TYPE_CHECKING:
    from vecclust.store import Store
    from vecclust.types.photos import PhotoRow

# Beside another in time and place, until all is found again: no event ends at a gap as short, and no walk is shorter.
_BESIDE_US, _BESIDE_M = 15 * 60_000_000, 150.0


def place_in_time(store: Store, photo: PhotoRow, *, language: str) -> dict[str, str | None]:
    """Give what is known of when and where a photo was taken, beside its date and its coordinates.

    Args:
        store: the library's tables.
        photo: the photo; one that came since events were found last is where its nearest in time and place are.
        language: of proposed names.

    Returns:
        Fields of `PhotoFacts`; those that are not known may be left out.
    """
    found = kept_timeline_of(store)
    if found is None:
        return {}
    shown = lay_over(found, store.timeline_constraints())
    row = shown.row_of(photo.photo)
    event, street, town = _newcomer(store, shown, photo) if row is None else _numbers(shown, row)
    names, facts = Names(shown, language=language), dict[str, str | None]()
    if event:
        rows = shown.rows_of_event(event)
        facts["event"], facts["event_name"] = group_id("event", event), names.event(event, rows).text
        if trip := int(shown.trip[rows[0]]):
            facts["trip"], facts["trip_name"] = group_id("trip", trip), names.trip(trip, shown.rows_of_trip(trip)).text
    if street:
        facts["place"], facts["place_name"] = group_id("street", street), names.place(street).text
    if town or street:
        facts["town"] = names.place(town).text if town else None
        facts["country"] = names.country(town or street)
    return facts


def _numbers(shown: Shown, row: int) -> tuple[int, int, int]:
    """Give the event, street and town of a photo by its row."""
    return int(shown.event[row]), int(shown.street[row]), int(shown.town[row])


def _newcomer(store: Store, shown: Shown, photo: PhotoRow) -> tuple[int, int, int]:
    """Give the event, street and town of the photos that one which came since is beside; 0 where it is beside none."""
    event = street = town = 0
    times = shown.found.local_us
    if photo.taken is not None and photo.taken.source != "mtime" and len(shown.by_time):
        at = (photo.taken.clock - datetime(1970, 1, 1)) // timedelta(microseconds=1)
        nearest = shown.by_time[np.abs(times[shown.by_time] - at).argmin()]
        event = int(shown.event[nearest]) if abs(int(times[nearest]) - at) <= _BESIDE_US else 0
    if photo.place is not None:
        from vecclust.timeline import distance_m

        takings = store.takings()
        rows = np.flatnonzero(np.isfinite(takings.latitude) & np.isin(takings.photos, shown.found.photos))
        away = distance_m(takings.latitude[rows], takings.longitude[rows], photo.place.latitude, photo.place.longitude)
        if len(rows) and away.min() <= _BESIDE_M:
            at = int(np.searchsorted(shown.found.photos, takings.photos[rows[away.argmin()]]))
            street, town = int(shown.street[at]), int(shown.town[at])
    return event, street, town


def towns_of_photos(store: Store, *, language: str) -> dict[str, str]:
    """Name the town that each photo was taken in, or its country where there is none near; others are left out.

    Args:
        store: the library's tables.
        language: of names.
    """
    found = kept_timeline_of(store)
    if found is None:
        return {}
    shown = lay_over(found, store.timeline_constraints())
    names = Names(shown, language=language)
    numbers = np.where(shown.town > 0, shown.town, shown.street)
    called = {
        number: names.place(number).text or names.country(number) for number in np.unique(numbers[numbers > 0]).tolist()
    }
    rows = np.flatnonzero(numbers > 0)
    photos = found.photos[rows].astype(str).tolist()
    places = [called[number] for number in numbers[rows].tolist()]
    return {photo: place for photo, place in zip(photos, places, strict=True) if place is not None}
