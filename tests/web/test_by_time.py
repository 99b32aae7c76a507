"""The live pages of time and place: years, the map of the world, and names that are given on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.library.timeline.conftest import Kept, at_home, in_portugal
from tests.web.served import Served, serving

NAME = "<b>Portugal</b> by train"


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[Served]:
    """A library with events, trips and places, served."""
    kept = Kept(tmp_path / "library")
    kept.add([*at_home(), *in_portugal()])
    with kept.open() as library:
        library.events()
    with serving(tmp_path) as server:
        yield server


def test_the_timeline_leads_from_page_to_page(timed: Served) -> None:
    """The front page to the years, these to events, and all of them back."""
    front = timed.get("/")
    assert front.status == 200
    assert "The last trips" in front.text
    assert 'href="/timeline/2018#t1"' in front.text
    overview = timed.get("/timeline")
    assert "Lisbon and Porto, April 2018" in overview.text
    assert "at home in Basel" in overview.text
    year = timed.get("/timeline/2018")
    assert year.text.count('class="event"') == 20
    assert year.text.count('id="t1"') == 1
    places = timed.get("/places")
    assert places.text.count("<title>Lisbon: 60 photos") == 2
    assert "Switzerland" in places.text


@pytest.mark.parametrize("address", ["/timeline/1999", "/timeline/20x8", "/timeline/-1", "/timeline/99999"])
def test_a_year_without_events_has_no_page(timed: Served, address: str) -> None:
    """Nor has what is no year."""
    assert timed.get(address).status == 404


def test_events_trips_and_places_are_named_on_the_pages(timed: Served) -> None:
    """As text, at once, and back where it was done."""
    answer = timed.form("/group/t1/name", f"year=2018&name={NAME}".encode())
    assert answer.headers["location"] == "/timeline/2018#t1"
    assert "&lt;b&gt;Portugal&lt;/b&gt; by train" in timed.get("/timeline").text
    assert NAME not in timed.get("/timeline").text
    assert timed.form("/group/p1/name", b"name=Home").headers["location"] == "/places#p1"
    assert ">Home<" in timed.get("/places").text
    assert timed.form("/group/e1/name", b"name=&year=2018").status == 400
    assert timed.form("/group/e99/name", b"name=Nothing&year=2018").status == 404
    assert timed.form("/group/c1/name", b"name=Cluster").status == 404


def test_a_library_without_dates_has_no_timeline_to_lead_with(served: Served) -> None:
    """And the pages say so."""
    assert "The last trips" not in served.get("/").text
    assert "No photo here has a date" in served.get("/timeline").text
    assert "No photo here says where" in served.get("/places").text
