"""The timeline and the map of the world as pages: hostile names, exact places and far too many events."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.exports.test_pages import Seen
from tests.exports.views import HOSTILE_CLUSTERS, gallery, key_of, thumbnails
from vecclust.exports.gallery import write_gallery
from vecclust.exports.html import FileLinks
from vecclust.exports.text import made_of
from vecclust.exports.timeline import MOST_EVENTS, TimelineContext, land_path
from vecclust.types.clusters import Composition
from vecclust.types.pages import TimelineView
from vecclust.types.timeline import EventEntry, EventList, PlaceEntry, PlaceList, ShownIn, TripEntry, TripList

HOSTILE = HOSTILE_CLUSTERS[0]


def event(number: int, when: datetime, *, name: str | None = HOSTILE, trip: str | None = None) -> EventEntry:
    """Give an event of three photos."""
    return EventEntry(
        id=f"e{number}",
        name=name,
        named_by="auto",
        start=when,
        end=when + timedelta(hours=2),
        photos=3 + number,
        place="p1",
        place_name="Atlantis",
        trip=trip,
        cover=key_of(number),
        words=("beach",),
    )


def place(number: int, north: float, east: float, *, within: str | None = None) -> PlaceEntry:
    """Give a town, or a part of one."""
    return PlaceEntry(
        id=f"p{number}",
        name=HOSTILE if number == 1 else f"Atlantis {number}",
        named_by="owner",
        country="Nowhere",
        level="street" if within else "town",
        within=within,
        latitude=north,
        longitude=east,
        photos=10 * number,
        first=datetime(2020, 5, 1),
        last=datetime(2021, 5, 1),
        is_home=number == 1,
        cover=key_of(1),
    )


def view(n_events: int = 6, places: tuple[PlaceEntry, ...] | None = None) -> TimelineView:
    """Give some events in two years, of which the first two are a trip."""
    begin = datetime(2020, 12, 28, 10)
    events = [event(at, begin + timedelta(days=at), trip="t1" if at < 2 else None) for at in range(n_events)]
    trip = TripEntry(
        id="t1",
        name=HOSTILE,
        named_by="owner",
        start=begin,
        end=begin + timedelta(days=1),
        photos=7,
        events=("e0", "e1"),
        places=(ShownIn("p1", HOSTILE, 5), ShownIn("p2", "Atlantis 2", 1), ShownIn("p3", None, 1)),
        clusters=(ShownIn("c1", HOSTILE, 4),),
        cover=key_of(0),
    )
    given = (
        (place(1, 47.56, 7.59), place(2, 38.72, -9.14), place(3, 38.72, -9.14, within="p2"))
        if places is None
        else places
    )
    return TimelineView(
        events=EventList(tuple(reversed(events)), 3 * n_events, 2),
        trips=TripList((trip,), 7, (ShownIn("p1", HOSTILE, 10),)),
        places=PlaceList(given, 30, 4),
        pictures={one.id: (key_of(0), key_of(1), key_of(2)) for one in events},
    )


def written(tmp_path: Path, shown: TimelineView, *, names: bool = True) -> Path:
    """Write a gallery with a timeline."""
    write_gallery(replace(gallery(), timeline=shown), tmp_path / "out", thumbnails=thumbnails, names=names)
    return tmp_path / "out"


def test_pages_of_time_and_place_are_text_whatever_names_are(tmp_path: Path) -> None:
    """No name is an element, nothing is asked of anybody, and each page leads to the others."""
    out = written(tmp_path, view())
    pages = {page.name: Seen(page) for page in out.glob("*.html")}
    assert {"timeline.html", "year-2020.html", "year-2021.html", "world.html"} <= pages.keys()
    for name in ("timeline.html", "year-2020.html", "world.html", "index.html"):
        page = pages[name]
        assert HOSTILE in page.text
        assert not [attributes for tag, attributes in page.elements if "onerror" in attributes or tag == "script"]
        links = {link.partition("#")[0] for link in page.values("href")} - {""}
        assert all((out / link).exists() or link.startswith(("file://", "http")) for link in links), name
        assert not [link for link in links if link.startswith("http")]
        assert not [source for source in page.values("src") if not source.startswith("data:image/")]


def test_the_front_page_leads_with_trips_and_years(tmp_path: Path) -> None:
    """Before the clusters."""
    source = (written(tmp_path, view()) / "index.html").read_text(encoding="utf-8")
    assert source.index("The last trips") < source.index('id="c1"')
    assert "year-2020.html#t1" in source
    assert ">2021</a>" in source


def test_a_link_to_a_trip_or_event_leads_to_it(tmp_path: Path) -> None:
    """On the page of its year there is one place of that name."""
    source = (written(tmp_path, view()) / "year-2020.html").read_text(encoding="utf-8")
    for name in ("t1", "e0", "e1"):
        assert source.count(f'id="{name}"') == 1


def test_without_names_no_place_is_told(tmp_path: Path) -> None:
    """Neither a name nor a coordinate, and no map of the world."""
    out = written(tmp_path, view(), names=False)
    assert not (out / "world.html").exists()
    for page in out.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "Atlantis" not in text
        assert "Nowhere" not in text
        assert "world.html" not in text
        assert HOSTILE not in Seen(page).text


def test_no_coordinate_is_finer_than_a_kilometre(tmp_path: Path) -> None:
    """In any file, though the outline of land says a tenth of a degree."""
    shown = view(places=(place(1, 47.56, 7.59), place(2, -33.86, 151.21)))
    for page in written(tmp_path, shown).glob("*.html"):
        source = re.sub(r'src="data:[^"]*"', "", page.read_text(encoding="utf-8"))
        drawn = re.sub(r'<path id="land" d="[^"]*"/>', "", source)
        assert not re.findall(r"-?\d{1,3}\.\d{3,}", re.sub(r"<style>.*?</style>", "", drawn, flags=re.S))


def test_a_year_shows_its_largest_events(tmp_path: Path) -> None:
    """As many as a page bears, and how many it leaves out."""
    begin = datetime(2020, 1, 1)
    events = tuple(event(at, begin + timedelta(hours=20 * at)) for at in range(MOST_EVENTS + 7))
    shown = replace(view(), events=EventList(tuple(reversed(events)), 1, 0), pictures={})
    page = TimelineContext(shown, FileLinks(names=True), thumbnails=thumbnails).year(2020)
    assert page["n_left_out"] == 7
    assert sum(len(inside) for _, inside in page["months"]) == MOST_EVENTS


@pytest.mark.parametrize("n_events", [0, 1])
def test_a_library_with_next_to_nothing_has_its_pages(tmp_path: Path, n_events: int) -> None:
    """They say that there is nothing."""
    nothing = TimelineView(EventList((), 0, 24), TripList((), 0, ()), PlaceList((), 0, 24), {})
    shown = nothing if n_events == 0 else replace(view(1), trips=TripList((), 0, ()), places=PlaceList((), 0, 24))
    out = written(tmp_path, shown)
    assert "No photo here says where it was taken" in (out / "world.html").read_text(encoding="utf-8")
    assert ("No photo here has a date" in (out / "timeline.html").read_text(encoding="utf-8")) == (n_events == 0)


def test_the_map_shows_where_photos_are(tmp_path: Path) -> None:
    """Near to, where they are near to one another, and the whole world beside it; one view where they are all over."""
    near = (written(tmp_path, view()) / "world.html").read_text(encoding="utf-8")
    assert near.count("<svg") == 2
    assert near.count("<circle") == 4
    far = view(places=(place(1, 47.56, 7.59), place(2, -33.86, 151.21), place(3, 21.3, -157.86)))
    assert (written(tmp_path, far) / "world.html").read_text(encoding="utf-8").count("<svg") == 1
    assert len(land_path()) > 100_000


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ({}, ()),
        ({"Lisbon": 4}, ("In Lisbon.",)),
        ({"Lisbon": 3}, ("In Lisbon (as far as is known of 3 of 4).",)),
        ({"Lisbon": 3, "Porto": 1}, ("Mostly in Lisbon.",)),
        ({"Lisbon": 2, "Porto": 1, "Faro": 1}, ("Mostly in Lisbon and Faro.",)),
        ({"<b>": 4}, ("In <b>.",)),
    ],
)
def test_a_cluster_says_where_it_is_of(places: dict[str, int], said: tuple[str, ...]) -> None:
    """The fewest places that most of it is of."""
    ordered = dict(sorted(places.items(), key=lambda item: (-item[1], item[0])))
    composition = Composition(0, {}, {}, {}, 0, 0, {"photo": 4}, ordered)
    assert made_of(composition) == said
    assert made_of(composition, names=False) == ()
