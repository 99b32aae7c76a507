"""The timeline and the map of the world, as the templates take them: years with their trips and events, and places.

Whole without a script, and nobody is asked for anything: land is outlined from what ships with vecclust. Coordinates
are those of lists, rounded to a kilometre; without names no place is told at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from vecclust.exports.html import Links
from vecclust.exports.text import plain, span
from vecclust.types.pages import Thumbnails, TimelineView
from vecclust.types.timeline import EventEntry, PlaceEntry, TripEntry

# On the page of a year, the largest; what is left out is counted.
MOST_EVENTS = 150
# Trips on the front page, the last ones.
N_TRIPS_IN_FRONT = 4
# Pictures on a trip's card, beside its cover.
N_ON_A_TRIP = 4
# Pictures of a year, of as many events.
N_OF_A_YEAR = 10
# Degrees that a map shows at least, and the room around the outermost places.
_LEAST_WIDE, _MARGIN = 24.0, 0.12
# A view of the whole world is as good where places are further apart.
_WIDEST = 150.0
# Of the outlines: a tenth of a degree, and no island of fewer points than these.
_GRID, _LEAST_POINTS = 0.1, 6
# Mercator has no poles.
_POLE = 84.0


class TimelineContext:
    """Events, trips and places to what the templates are given.

    Args:
        view: what there is.
        links: where pages find pictures and one another.
        thumbnails: gives the pictures.
        names: whether names of any kind are shown, and places at all.
    """

    def __init__(self, view: TimelineView, links: Links, *, thumbnails: Thumbnails, names: bool = True) -> None:
        self._view = view
        self._links = links
        self._thumbnails = thumbnails
        self._names = names
        self._year_of = {one.id: one.start.year for one in view.events.events}

    @property
    def years(self) -> list[int]:
        """The years in which there are events, the last first."""
        return sorted(set(self._year_of.values()), reverse=True)

    def front(self) -> dict[str, Any]:
        """Give what the front page leads with: the last trips, and the years."""
        trips = self._view.trips.trips[:N_TRIPS_IN_FRONT]
        return {
            "trips": [self.trip(one) for one in trips],
            "years": self._year_links(),
            "timeline": self._links.timeline,
        }

    def overview(self) -> dict[str, Any]:
        """Give the page of all years: each with its trips and how many events it has."""
        trips: dict[int, list[TripEntry]] = {}
        for one in self._view.trips.trips:
            trips.setdefault(one.start.year, []).append(one)
        years = [
            {
                **one,
                "trips": [self.trip(trip) for trip in trips.get(int(one["year"]), ())],
                "pictures": self._pictures(self._largest(int(one["year"]))),
            }
            for one in self._year_links()
        ]
        return {
            "years": years,
            "n_events": len(self._view.events.events),
            "n_trips": len(self._view.trips.trips),
            "undated": self._view.events.undated,
            "homes": [plain(one.name) for one in self._view.trips.homes if one.name] if self._names else [],
        }

    def year(self, year: int) -> dict[str, Any]:
        """Give the page of one year: its events by month, the last first.

        Args:
            year: which.
        """
        events = [one for one in self._view.events.events if one.start.year == year]
        shown = sorted(events, key=lambda one: -one.photos)[:MOST_EVENTS]
        kept = {one.id for one in shown}
        # All pictures of a page in one read: one by one they cost a look through all keys each.
        self._thumbnails([photo for one in shown for photo in self._view.pictures.get(one.id, ())])
        months: dict[str, list[dict[str, Any]]] = {}
        for one in events:
            if one.id in kept:
                months.setdefault(f"{one.start:%B}", []).append(self.event(one))
        years = self.years
        at = years.index(year)
        return {
            "year": year,
            "months": list(months.items()),
            "n_left_out": len(events) - len(shown),
            "before": years[at + 1] if at + 1 < len(years) else None,
            "after": years[at - 1] if at else None,
            "address": self._links.year,
        }

    def _largest(self, year: int) -> list[str]:
        """Choose a picture of each of a year's largest events that are of no trip, in order of time."""
        events = [one for one in self._view.events.events if one.start.year == year and one.trip is None]
        largest = sorted(events, key=lambda one: -one.photos)[:N_OF_A_YEAR]
        return [one.cover for one in sorted(largest, key=lambda one: one.start)]

    def event(self, one: EventEntry) -> dict[str, Any]:
        """Give one event.

        Args:
            one: the event.
        """
        trip = next((trip for trip in self._view.trips.trips if trip.id == one.trip), None)
        return self._named(one) | {
            "when": _when(one.start, one.end),
            "photos": one.photos,
            "place": plain(one.place_name) if self._names and one.place_name else "",
            "trip": None if trip is None else self._named(trip),
            "pictures": self._pictures(self._view.pictures.get(one.id, ())),
        }

    def trip(self, one: TripEntry) -> dict[str, Any]:
        """Give one trip's card.

        Args:
            one: the trip.
        """
        chosen = [photo for event in one.events for photo in self._view.pictures.get(event, ())[:2]]
        step = max(1, len(chosen) // (N_ON_A_TRIP + 1))
        pictures = self._pictures([one.cover, *(photo for photo in chosen[::step] if photo != one.cover)])
        return self._named(one) | {
            "when": span(one.start, one.end),
            "photos": one.photos,
            "n_events": len(one.events),
            "places": [plain(each.name) for each in one.places if each.name] if self._names else [],
            "clusters": [self._cluster(each.id, each.name) for each in one.clusters],
            "cover": pictures[0] if pictures else None,
            "pictures": pictures[1 : N_ON_A_TRIP + 1],
            "link": f"{self._links.year(one.start.year)}#{one.id}",
        }

    def world(self) -> dict[str, Any]:
        """Give the map of the world with its places, and the list beside it."""
        places = self._view.places.places
        towns = [one for one in places if one.within is None]
        countries: dict[str, list[dict[str, Any]]] = {}
        for one in towns:
            countries.setdefault(plain(one.country or "At sea"), []).append(self._place(one, places))
        views = [_view_of(-180.0, 180.0, _down(80.0), _down(-58.0))]
        if (near := _near(towns)) is not None:
            views.insert(0, near)
        return {
            "land": land_path(),
            "views": [view | {"circles": _circles(towns, view)} for view in views] if towns else [],
            "countries": sorted(countries.items(), key=lambda item: -sum(one["photos"] for one in item[1])),
            "n_places": len(towns),
            "unplaced": self._view.places.unplaced,
        }

    def _place(self, one: PlaceEntry, places: Sequence[PlaceEntry]) -> dict[str, Any]:
        inside = [each for each in places if each.within == one.id]
        return {
            **{"id": one.id, "name": plain(one.name or f"{one.latitude:.2f}, {one.longitude:.2f}")},
            **{"is_proposed": one.named_by == "auto" and one.name is not None, "photos": one.photos},
            **{"when": span(one.first, one.last), "is_home": one.is_home},
            "parts": [plain(each.name) for each in inside if each.named_by == "owner" and each.name],
        }

    def _named(self, one: EventEntry | TripEntry) -> dict[str, Any]:
        name = one.name if self._names else None
        return {
            "id": one.id,
            "title": plain(name) if name else (f"{one.start.day} {one.start:%B %Y}"),
            "is_proposed": name is not None and one.named_by == "auto",
            "year": one.start.year,
        }

    def _cluster(self, cluster: str, name: str | None) -> dict[str, str]:
        return {"title": plain(name) if name and self._names else cluster, "link": self._links.page(cluster, 0)}

    def _year_links(self) -> list[dict[str, Any]]:
        counts: dict[int, tuple[int, int]] = {}
        for one in self._view.events.events:
            n_events, n_photos = counts.get(one.start.year, (0, 0))
            counts[one.start.year] = n_events + 1, n_photos + one.photos
        return [
            {"year": year, "link": self._links.year(year), "n_events": counts[year][0], "n_photos": counts[year][1]}
            for year in self.years
        ]

    def _pictures(self, photos: Iterable[str]) -> list[str]:
        wanted = list(photos)
        found = self._thumbnails(wanted)
        return [self._links.small(key, found[key]) for key in wanted if key in found]


def _when(start: datetime, end: datetime) -> str:
    day = f"{start.day} {start:%B %Y}"
    if start == end:
        return f"{day}, {start:%H:%M}"
    if start.date() == end.date():
        return f"{day}, {start:%H:%M} to {end:%H:%M}"
    return f"{day}, {start:%H:%M} to {end.day} {end:%B}, {end:%H:%M}"


@cache
def land_path() -> str:
    """Give the outline of land as the path of an SVG, in degrees east and down as Mercator has them."""
    from vecclust.atlas import land_outlines

    parts = []
    for ring in land_outlines():
        steps = (ring / _GRID).round().astype(int)
        kept = [steps[0], *(point for point, last in zip(steps[1:], steps[:-1], strict=True) if (point != last).any())]
        if len(kept) >= _LEAST_POINTS:
            parts.append("M" + " ".join(f"{east / 10:g},{_down(north / 10):.1f}" for east, north in kept) + "z")
    return "".join(parts)


def _down(north: float) -> float:
    """Give how far down a latitude is on a map whose shapes are true: Mercator's."""
    return -math.degrees(math.asinh(math.tan(math.radians(max(-_POLE, min(_POLE, north))))))


def _view_of(west: float, east: float, top: float, bottom: float) -> dict[str, Any]:
    return {"box": f"{west:.2f} {top:.2f} {east - west:.2f} {bottom - top:.2f}", "wide": east - west}


def _near(towns: Sequence[PlaceEntry]) -> dict[str, Any] | None:
    """Give the part of the world where the places are, or None where that is most of it."""
    if not towns:
        return None
    east, down = [one.longitude for one in towns], [_down(one.latitude) for one in towns]
    wide = max(_LEAST_WIDE, (max(east) - min(east)) * (1 + 2 * _MARGIN))
    if wide > _WIDEST:
        return None
    tall = max(wide / 2.2, (max(down) - min(down)) * (1 + 2 * _MARGIN))
    wide = max(wide, 1.2 * tall)
    middle, level = (max(east) + min(east)) / 2, (max(down) + min(down)) / 2
    return _view_of(middle - wide / 2, middle + wide / 2, level - tall / 2, level + tall / 2)


def _circles(towns: Sequence[PlaceEntry], view: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give a circle for each place, its area as its photos, the largest below."""
    most = max(one.photos for one in towns)
    unit = view["wide"] / 100
    return [
        {
            **{"id": one.id, "name": plain(one.name or ""), "photos": one.photos},
            **{"x": f"{one.longitude:.2f}", "y": f"{_down(one.latitude):.2f}"},
            "r": f"{unit * (0.5 + 2.0 * (one.photos / most) ** 0.5):.2f}",
        }
        for one in sorted(towns, key=lambda one: -one.photos)
    ]
