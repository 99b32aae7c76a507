"""Commands about time and place: `events`, `event`, `trips` and `places`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import Document, answer, document_of, show, show_paths, shown_name
from vecclust.cli.session import (
    AsJson,
    AtPlace,
    Everything,
    InCluster,
    InFolder,
    NearTo,
    Nul,
    OnTrip,
    Paths,
    Since,
    Until,
    filter_options,
    session_of,
)
from vecclust.exports.text import span
from vecclust.types.search import Filters

if TYPE_CHECKING:
    from vecclust.types.timeline import EventEntry, EventList, EventPage, PlaceEntry, PlaceList, ShownIn, TripList

EVENT_KEYS = "id name named_by start end photos place place_name trip words cover"
TRIP_KEYS = "id name named_by start end photos events places clusters cover"
# Of a trip's places and an event's clusters, as many as fit a line.
MOST_NAMED = 3


def events(
    context: typer.Context,
    cluster: InCluster = None,
    trip: OnTrip = None,
    place: AtPlace = None,
    near: NearTo = None,
    since: Since = None,
    until: Until = None,
    folder: InFolder = None,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Show the events, the last first.

    An event is photos taken one after another, with a gap around them. A name after ~ is proposed; `vecclust rename
    e3 NAME` gives one that lasts.

    \b
    vecclust events
    vecclust events --trip t2
    vecclust events --place Lisbon --since 2018
    """
    session = session_of(context)
    filters = Filters(cluster=cluster, trip=trip, place=place, near=near, since=since, until=until, folder=folder)
    found = session.client().events(filters=filters)
    if not found.events:
        session.notices(["no events: no photo here has a date that can be trusted" if filters == Filters() else "none"])
    see_all = "" if everything else session.command("events", *filter_options(filters), "--all")
    answer(found, partial(show_events, see_all=see_all), document=events_document, as_json=as_json)


def event(
    context: typer.Context,
    event_id: Annotated[str, typer.Argument(metavar="ID", help="An event, by its id or its name.")],
    cluster: InCluster = None,
    everything: Everything = False,
    paths: Paths = False,
    nul: Nul = False,
    as_json: AsJson = False,
) -> None:
    """Show one event and its photos, in order of time.

    \b
    vecclust event e12
    vecclust event e12 --paths -0 | xargs -0 cp -t /tmp/party
    """
    session = session_of(context)
    filters = Filters(cluster=cluster)
    page = session.client().event(event_id, filters=filters)
    if paths and not as_json:
        show_paths((one.path for one in page.results if one.path is not None), nul=nul)
        return
    see_all = "" if everything else session.command("event", event_id, *filter_options(filters), "--all")
    answer(page, partial(show_event, see_all=see_all), document=event_document, as_json=as_json)


def trips(
    context: typer.Context,
    cluster: InCluster = None,
    place: AtPlace = None,
    near: NearTo = None,
    since: Since = None,
    until: Until = None,
    folder: InFolder = None,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Show the trips, the last first.

    A trip is days away from home, with a night. Home is where photos are taken week after week; nobody has to say
    where that is.

    \b
    vecclust trips
    vecclust trips --place Portugal
    vecclust search beaches --trip t2
    """
    session = session_of(context)
    filters = Filters(cluster=cluster, place=place, near=near, since=since, until=until, folder=folder)
    found = session.client().trips(filters=filters)
    if not found.trips:
        why = "" if found.homes else ": where home is cannot be told from these photos"
        session.notices([f"no trips{why}"])
    see_all = "" if everything else session.command("trips", *filter_options(filters), "--all")
    answer(found, partial(show_trips, see_all=see_all), document=trips_document, as_json=as_json)


def places(
    context: typer.Context,
    cluster: InCluster = None,
    trip: OnTrip = None,
    near: NearTo = None,
    since: Since = None,
    until: Until = None,
    folder: InFolder = None,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Show the places, most photos first.

    Towns, and the parts of them where photos were taken. They are named offline, in the language of the setting
    names.language.

    \b
    vecclust places
    vecclust rename p4 "Grandma's"
    vecclust search cats --place "Grandma's"
    """
    session = session_of(context)
    filters = Filters(cluster=cluster, trip=trip, near=near, since=since, until=until, folder=folder)
    found = session.client().places(filters=filters)
    if not found.places:
        session.notices(["no places: no photo here says where it was taken" if filters == Filters() else "none"])
    see_all = "" if everything else session.command("places", *filter_options(filters), "--all")
    answer(found, partial(show_places, see_all=see_all), document=places_document, as_json=as_json)


def events_document(found: EventList) -> Document:
    """Give the document of `events`.

    Args:
        found: the events.
    """
    return document_of(found, events=[document_of(one, EVENT_KEYS) for one in found.events])


def event_document(page: EventPage) -> Document:
    """Give the document of `event`.

    Args:
        page: the event.
    """
    return document_of(page.event, EVENT_KEYS) | {
        "clusters": [document_of(one) for one in page.clusters],
        "results": [document_of(one) for one in page.results],
    }


def trips_document(found: TripList) -> Document:
    """Give the document of `trips`.

    Args:
        found: the trips.
    """
    return document_of(
        found,
        trips=[
            document_of(
                one,
                TRIP_KEYS,
                places=[document_of(each) for each in one.places],
                clusters=[document_of(each) for each in one.clusters],
            )
            for one in found.trips
        ],
        homes=[document_of(one) for one in found.homes],
    )


def places_document(found: PlaceList) -> Document:
    """Give the document of `places`.

    Args:
        found: the places.
    """
    return document_of(found, places=[document_of(one) for one in found.places])


def show_events(found: EventList, *, see_all: str = "") -> None:
    """Print the events, the last first.

    Args:
        found: the events.
        see_all: the command that shows all of them; where it is given, a terminal gets the last only.
    """
    undated = f", {found.undated:,} without a date" if found.undated else ""
    show(
        ("id", "name", "photos", "when", "trip"),
        [
            (one.id, shown_name(one.name, one.named_by), one.photos, _times(one.start, one.end), one.trip)
            for one in found.events
        ],
        title=f"{len(found.events):,} event{_s(len(found.events))}, {found.photos:,} photos{undated}",
        spare=("trip",),
        lines=[
            (one.id, shown_name(one.name, one.named_by), one.photos, *_moments(one), one.place_name, one.trip)
            for one in found.events
        ],
        see_all=see_all,
    )


def show_event(page: EventPage, *, see_all: str = "") -> None:
    """Print one event's photos in order of time, and on a terminal what they show.

    Args:
        page: the event.
        see_all: the command that shows all photos; where it is given, a terminal gets the first only.
    """
    entry = page.event
    name = f" “{shown_name(entry.name, entry.named_by)}”" if entry.name else ""
    trip = f", on {entry.trip}" if entry.trip else ""
    show(
        ("when", "path", "cluster", "name"),
        [
            (one.taken, PurePath(one.path) if one.path else f"(no file) {one.photo}", one.cluster, one.cluster_name)
            for one in page.results
        ],
        title=f"{entry.id}{name}: {entry.photos:,} photo{_s(entry.photos)}, {_times(entry.start, entry.end)}{trip}",
        see_all=see_all,
    )
    if sys.stdout.isatty() and page.clusters:
        from vecclust.cli.tables import print_sentences

        print_sentences(f"Clusters: {_named(page.clusters)}")


def show_trips(found: TripList, *, see_all: str = "") -> None:
    """Print the trips, the last first.

    Args:
        found: the trips.
        see_all: the command that shows all of them; where it is given, a terminal gets the last only.
    """
    homes = f"; home: {_named(found.homes)}" if found.homes else ""
    show(
        ("id", "name", "photos", "days", "events", "places"),
        [
            (
                one.id,
                shown_name(one.name, one.named_by),
                one.photos,
                span(one.start, one.end),
                len(one.events),
                _named(one.places),
            )
            for one in found.trips
        ],
        title=f"{len(found.trips):,} trip{_s(len(found.trips))}, {found.photos:,} photos{homes}",
        spare=("places", "events"),
        see_all=see_all,
    )


def show_places(found: PlaceList, *, see_all: str = "") -> None:
    """Print the places, those of a town below it, where it has more than one.

    Args:
        found: the places.
        see_all: the command that shows all of them; where it is given, a terminal gets the first only.
    """
    unplaced = f", {found.unplaced:,} without a place" if found.unplaced else ""
    n_inside: dict[str | None, int] = {}
    for one in found.places:
        n_inside[one.within] = n_inside.get(one.within, 0) + 1
    shown = [one for one in found.places if one.within is None or n_inside[one.within] > 1 or one.named_by == "owner"]
    n_towns = sum(one.level == "town" for one in found.places)
    show(
        ("id", "name", "country", "photos", "taken"),
        [(one.id, _place_name(one), one.country, one.photos, span(one.first, one.last)) for one in shown],
        title=f"{n_towns:,} town{_s(n_towns)}, {found.photos:,} photos{unplaced}",
        spare=("taken", "country"),
        see_all=see_all,
    )


def _place_name(one: PlaceEntry) -> str:
    """Give a place's name, below that of its town a part's, and that its owner lived there."""
    point = f"{one.latitude:.2f}, {one.longitude:.2f}"
    inside = one.within is not None
    what = f"a part, {point}" if inside and one.named_by != "owner" else one.name or f"at {point}"
    return f"{'  ' if inside else ''}{what}{' (home)' if one.is_home else ''}"


def _named(shown: Sequence[ShownIn]) -> str:
    names = [one.name or one.id for one in shown[:MOST_NAMED]]
    more = f" and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else ""
    return ", ".join(names) + more


def _times(start: datetime, end: datetime) -> str:
    """Say when something was: its day and hours, or its days."""
    day = f"{start:%Y-%m-%d}"
    if start == end:
        return f"{day} {start:%H:%M}"
    return f"{day} {start:%H:%M}-{end:%H:%M}" if start.date() == end.date() else f"{day} - {end:%Y-%m-%d}"


def _moments(one: EventEntry) -> tuple[str, str]:
    return f"{one.start:%Y-%m-%d %H:%M}", f"{one.end:%Y-%m-%d %H:%M}"


def _s(number: int) -> str:
    return "" if number == 1 else "s"
