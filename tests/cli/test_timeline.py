"""Events, trips and places on the command line: tables, documents, filters and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_documents import run
from tests.library.timeline.conftest import LISBON, Kept, at_home, in_portugal, series
from vecclust.library.queries.periods import read_near
from vecclust.types.search import Near


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with events, trips and places, closed."""
    kept = Kept(tmp_path_factory.mktemp("kept") / "library")
    kept.add([*at_home(), *in_portugal(), *series("2018-04-16T20:00", (0,), None)])
    with kept.open() as opened:
        opened.rename(opened.trips().trips[0].id, "Portugal by train")
    return kept.folder


def test_events_are_listed_the_last_first(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Plain lines where stdout is no terminal, with the mark of a proposed name."""
    code, out, err = run(library, "events", capture=capsys)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "e21\t~ Basel, 18 April 2018\t6\t2018-04-18 19:00\t2018-04-18 19:20\tBasel\t"
    assert len(lines) == 21
    assert "~ Porto, 17 April 2018\t20\t2018-04-17 11:00\t2018-04-17 11:38\tPorto\tt1" in out


def test_documents_of_time_and_place_have_their_keys(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts rely on them."""

    def document(*arguments: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(run(library, *arguments, "--json", capture=capsys)[1])
        return found

    events = document("events")
    assert set(events) == {"events", "photos", "undated"}
    (first, *_) = events["events"]  # type: ignore[misc]
    keys = {"id", "name", "named_by", "start", "end", "photos", "place", "place_name", "trip", "words", "cover"}
    assert set(first) == keys
    event = document("event", "e1")
    assert set(event) == keys | {"clusters", "results"}
    assert set(event["results"][0]) == {"photo", "path", "taken", "cluster", "cluster_name"}  # type: ignore[index]
    trips = document("trips")
    assert set(trips) == {"trips", "photos", "homes"}
    (trip,) = trips["trips"]  # type: ignore[misc]
    assert (trip["name"], trip["named_by"]) == ("Portugal by train", "owner")
    assert [one["name"] for one in trip["places"]] == ["Lisbon", "Porto"]
    places = document("places")
    assert set(places) == {"places", "photos", "unplaced"}
    assert places["unplaced"] == 1
    assert set(places["places"][0]) == {  # type: ignore[index]
        *("id", "name", "named_by", "country", "level", "within", "latitude", "longitude", "photos", "first"),
        *("last", "is_home", "cover"),
    }


@pytest.mark.parametrize(
    ("filters", "n_lines"),
    [
        (("--trip", "t1"), 5),
        (("--trip", "portugal by TRAIN"), 5),
        (("--place", "Portugal"), 4),
        (("--near", "38.71,-9.13,10km"), 3),
        (("--near", "38.71,-9.13,10km", "--until", "2018-04-15"), 2),
        (("--place", "Basel", "--trip", "t1"), 0),
    ],
)
def test_filters_limit_what_is_listed(
    library: Path, capsys: pytest.CaptureFixture[str], filters: tuple[str, ...], n_lines: int
) -> None:
    """One by one and together; an empty answer says so on stderr."""
    code, out, err = run(library, "events", *filters, capture=capsys)
    assert (code, len(out.splitlines())) == (0, n_lines)
    assert ("none" in err) == (n_lines == 0)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("event", "e99"), 1, "there is no event e99"),
        (("event", "t1"), 2, "t1 is no event but a trip"),
        (("events", "--place", "Atlantis"), 1, "there is no place “Atlantis”"),
        (("events", "--near", "91,0,5"), 2, "not on the globe"),
        (("events", "--near", "nonsense"), 2, "write LAT,LON,KM"),
        (("rename", "t1", "p7"), 2, "what ids look like"),
        (("merge", "e1", "t1"), 2, "t1 is no event"),
    ],
)
def test_mistakes_are_refused_with_what_is_wrong(
    library: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    """And with where to look."""
    given, out, err = run(library, *arguments, capture=capsys)
    assert (given, out) == (code, "")
    assert words in " ".join(err.split())


def test_a_library_without_dates_and_places_says_why_there_is_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr, and that is no failure."""
    kept = Kept(tmp_path / "library")
    kept.add([])
    for command, words in (
        ("events", "no photo here has a date"),
        ("trips", "where home is cannot be told"),
        ("places", "no photo here says where"),
    ):
        code, out, err = run(kept.folder, command, capture=capsys)
        assert (code, out) == (0, "")
        assert words in err


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("38.72,-9.14,5", Near(38.72, -9.14, 5.0)),
        (" -33.9 ; 18.4 ; 0.5 km", Near(-33.9, 18.4, 0.5)),
        ("0,180,10KM", Near(0.0, 180.0, 10.0)),
    ],
)
def test_points_are_read_as_people_type_them(text: str, near: Near) -> None:
    """Degrees and kilometres."""
    assert read_near(text) == near


@pytest.mark.parametrize(
    "text", ["1,2", "1,2,3,4", "a,b,c", "1,2,0", "1,2,-5", "1,2,inf", "nan,1,1", "90.5,1,1", "1,181,1"]
)
def test_what_is_no_point_is_refused(text: str) -> None:
    """With how it is written."""
    with pytest.raises(ValueError, match=r"LAT,LON,KM|globe|number above 0"):
        read_near(text)


def test_photos_near_lisbon_are_found(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By degrees as the photos say them."""
    found = json.loads(run(library, "places", "--near", f"{LISBON[0]},{LISBON[1]},1", "--json", capture=capsys)[1])
    assert {one["name"] for one in found["places"]} == {"Lisbon"}
