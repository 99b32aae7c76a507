"""The events, trips and places of photos, as they were found last: a question about photos finds nothing anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vecclust.library.timeline.found import kept_timeline_of
from vecclust.library.timeline.identity import group_id
from vecclust.library.timeline.naming import Names
from vecclust.library.timeline.shown import lay_over

if TYPE_CHECKING:
    from vecclust.store import Store


def place_in_time(store: Store, photo: str, *, language: str) -> dict[str, str | None]:
    """Give what is known of when and where a photo was taken, beside its date and its coordinates.

    Args:
        store: the library's tables.
        photo: content hash.
        language: of proposed names.

    Returns:
        Fields of `PhotoFacts`; none for a photo that came since events were found last.
    """
    found = kept_timeline_of(store)
    shown = None if found is None else lay_over(found, store.timeline_constraints())
    row = None if shown is None else shown.row_of(photo)
    if shown is None or row is None:
        return {}
    names, facts = Names(shown, language=language), dict[str, str | None]()
    event, trip, street, town = (int(numbers[row]) for numbers in (shown.event, shown.trip, shown.street, shown.town))
    if event:
        name = names.event(event, shown.rows_of_event(event))
        facts["event"], facts["event_name"] = group_id("event", event), name.text
    if trip:
        facts["trip"], facts["trip_name"] = group_id("trip", trip), names.trip(trip, shown.rows_of_trip(trip)).text
    if street:
        facts["place"], facts["place_name"] = group_id("street", street), names.place(street).text
    if town or street:
        facts["town"] = names.place(town).text if town else None
        facts["country"] = names.country(town or street)
    return facts


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
