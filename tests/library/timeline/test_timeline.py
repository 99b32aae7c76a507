"""Events, trips and places of a library, as they are asked for, corrected and known again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.library.timeline.conftest import BASEL, LISBON, PORTO, Kept, at_home, in_portugal, series, shot
from tests.store.samples import commit_sample_run
from vecclust import Library
from vecclust.config import load_config
from vecclust.errors import NotFound, UsageError
from vecclust.library import daily
from vecclust.library.timeline.found import FILE
from vecclust.store import Store
from vecclust.store.layout import LibraryPlace
from vecclust.types.edits import EditRequest
from vecclust.types.photos import Taken
from vecclust.types.search import Filters, Near
from vecclust.types.timeline import EventEntry


def event_at(library: Library, when: str) -> EventEntry:
    """Give the event that begins then."""
    return next(one for one in library.events().events if one.start == datetime.fromisoformat(when))


def photos_of(library: Library, event: str) -> list[str]:
    """Give the photos of an event."""
    return [one.photo for one in library.event(event).results]


def test_events_trips_and_places_are_named_by_what_is_known(library: Library) -> None:
    """By place and date; the home is known, and each is within the next."""
    listed = library.events()
    assert (len(listed.events), listed.photos, listed.undated) == (20, 176, 0)
    assert [one.start for one in listed.events] == sorted((one.start for one in listed.events), reverse=True)
    lisbon = event_at(library, "2018-04-15T10:00")
    assert (lisbon.name, lisbon.named_by) == ("Lisbon, 15 April 2018", "auto")
    assert (lisbon.place_name, lisbon.photos) == ("Lisbon", 20)
    trips = library.trips()
    (trip,) = trips.trips
    assert (trip.name, trip.named_by) == ("Lisbon and Porto, April 2018", "auto")
    assert len(trip.events) == 4
    assert [(one.name, one.photos) for one in trip.places] == [("Lisbon", 60), ("Porto", 20)]
    assert [(one.name, one.photos) for one in trips.homes] == [("Basel", 96)]
    places = library.places()
    assert [(one.name, one.level, one.is_home) for one in places.places] == [
        ("Basel", "town", True), ("Basel", "street", False), ("Lisbon", "town", False),
        ("Lisbon", "street", False), ("Porto", "town", False), ("Porto", "street", False),
    ]  # fmt: skip
    assert {one.country for one in places.places} == {"Switzerland", "Portugal"}
    assert [one.within for one in places.places[:2]] == [None, places.places[0].id]


def test_coordinates_of_lists_are_coarse(library: Library) -> None:
    """About a kilometre, though photos say metres."""
    for one in library.places().places:
        assert (one.latitude, one.longitude) == (round(one.latitude, 2), round(one.longitude, 2))


def test_an_event_is_shown_with_its_photos(library: Library) -> None:
    """In order of time, by its id or its name."""
    event = event_at(library, "2018-04-17T11:00")
    page = library.event(event.id)
    assert [one.taken for one in page.results] == sorted(one.taken for one in page.results)
    assert len(page.results) == 20
    assert library.event("porto, 17 april 2018").event == page.event
    assert library.event("~ Porto, 17 April 2018").event == page.event
    for wrong in ("e99", "Nowhere, 1 May 2018"):
        with pytest.raises(NotFound, match="there is no event"):
            library.event(wrong)
    with pytest.raises(UsageError, match="t1 is no event but a trip"):
        library.event("t1")


@pytest.mark.parametrize(
    ("filters", "n_events"),
    [
        (Filters(trip="t1"), 4),
        (Filters(trip="lisbon and porto, april 2018"), 4),
        (Filters(place="Lisbon"), 3),
        (Filters(place="Portugal"), 4),
        (Filters(near=Near(*PORTO, 5.0)), 1),
        (Filters(near=Near(0.0, 0.0, 5.0)), 0),
        (Filters(since=datetime(2018, 4, 16), until=datetime(2018, 4, 17)), 2),
        (Filters(place="Lisbon", near=Near(*BASEL, 5.0)), 0),
    ],
)
def test_filters_choose_by_time_and_place(library: Library, filters: Filters, n_events: int) -> None:
    """Of every question: what has a photo that they let through."""
    assert len(library.events(filters=filters).events) == n_events


def test_a_name_that_several_have_is_asked_about(kept: Kept) -> None:
    """Two mornings in Lisbon on one day; ids tell them apart."""
    kept.add(series("2018-04-15T16:00", (0, 2, 4), LISBON, zone_h=0))
    with kept.open() as library, pytest.raises(UsageError, match="are all called"):
        library.event("Lisbon, 15 April 2018")


def test_ids_stay_through_what_comes(kept: Kept) -> None:
    """A day at the end, an import of old photos, photos that are gone, another opening."""
    with kept.open() as library:
        before = {one.start: one.id for one in library.events().events}
        trip = library.trips().trips[0].id
        places = {one.name: one.id for one in library.places().places if one.level == "town"}
    kept.add(series("2018-05-05T10:00", (0, 5, 9), BASEL))
    kept.add([one for day in range(1, 29) for one in series(f"2017-11-{day:02}T12:00", range(0, 80, 3), BASEL)])
    kept.remove([one for one in in_portugal() if one.taken is not None and one.taken.clock.minute == 0])
    with kept.open() as library:
        after = {one.id for one in library.events().events}
        assert set(before.values()) <= after
        assert len(after) == len(before) + 29
        found = {one.start: one.id for one in library.events().events}
        assert all(found[start] == one for start, one in before.items() if start in found)
        assert library.trips().trips[0].id == trip
        assert {one.name: one.id for one in library.places().places if one.level == "town"} == places


def test_a_reader_finds_what_the_writer_kept(kept: Kept) -> None:
    """And where there is more by now finds it too, with the ids the writer will give."""
    with kept.open() as library:
        listed = library.events()
    with kept.open(write=False) as reader:
        assert reader.events() == listed
    kept.add(series("2018-05-05T10:00", (0, 5, 9), BASEL))
    with kept.open(write=False) as reader:
        ahead = reader.events()
    with kept.open() as library:
        assert library.events() == ahead


@pytest.mark.parametrize("harm", ["gone", "torn", "foreign"])
def test_the_file_of_what_was_found_is_a_cache(kept: Kept, harm: str) -> None:
    """Whatever becomes of it, the answer is the same."""
    with kept.open() as library:
        listed = library.events()
    file = Path(kept.folder) / FILE
    if harm == "gone":
        file.unlink()
    elif harm == "torn":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        file.write_bytes(b"no archive")
    with kept.open() as library:
        assert library.events() == listed


def test_owners_names_stay(kept: Kept) -> None:
    """Through imports; another one of the kind may not have it, and a name is found by itself."""
    with kept.open() as library:
        trip = library.trips().trips[0].id
        assert library.rename(trip, "Portugal by train").name == "Portugal by train"
        town = next(one.id for one in library.places().places if one.name == "Porto")
        library.rename(town, "Grandma's")
        event = event_at(library, "2018-04-14T10:00").id
        library.rename(event, "Fado night")
        with pytest.raises(UsageError, match="is named “Fado night” already"):
            library.rename("e1", "fado NIGHT")
        with pytest.raises(NotFound, match="there is no trip t9"):
            library.rename("t9", "Nowhere")
        with pytest.raises(UsageError, match="what ids look like"):
            library.rename(event, "t5")
    kept.add([one for day in range(1, 29) for one in series(f"2017-11-{day:02}T12:00", range(0, 80, 3), BASEL)])
    with kept.open() as library:
        assert (library.trips().trips[0].name, library.trips().trips[0].named_by) == ("Portugal by train", "owner")
        assert library.event("Fado night").event.id == event
        assert len(library.events(filters=Filters(place="grandma's")).events) == 1
        assert [entry.cluster_name for entry in library.edits()] == ["Portugal by train", "Grandma's", "Fado night"]


def test_events_are_merged_split_and_given_photos(kept: Kept) -> None:
    """It holds through imports until it is taken back; photos keep their clusters."""
    with kept.open() as library:
        one, other = (event_at(library, f"2018-04-{day}T10:00").id for day in (14, 15))
        merged = library.edit(EditRequest("merge", cluster=one, other=other))
        assert library.event(one).event.photos == 40
        assert {entry.id for entry in library.events().events}.isdisjoint({other})
        assert library.event(other).event.id == one
        some = photos_of(library, one)[:5]
        split = library.edit(EditRequest("split-off", photos=tuple(some), cluster=one, name="Breakfast"))
        assert split.cluster_name == "Breakfast"
        assert photos_of(library, "Breakfast") == some
        home = event_at(library, "2018-04-11T19:00").id
        library.edit(EditRequest("move", photos=(some[0],), cluster=home))
        assert some[0] in photos_of(library, home)
        assert library.event("Breakfast").event.photos == 4
    kept.add(series("2018-05-05T10:00", (0, 5, 9), BASEL))
    with kept.open() as library:
        assert library.event("Breakfast").event.photos == 4
        assert merged.edit is not None
        library.edit(EditRequest("take-back", edits=(merged.edit,)))
        assert library.event(other).event.photos == 20
        assert library.event("Breakfast").event.photos == 4
        # A new event never has the number of one that its owner made.
        assert len({entry.id for entry in library.events().events}) == len(library.events().events)


def test_what_makes_no_sense_is_refused(library: Library) -> None:
    """With what is wrong, and nothing is said."""
    town = library.places().places[0].id
    street = library.places().places[1].id
    for request, words in (
        (EditRequest("merge", cluster="e1", other="t1"), "t1 is no event"),
        (EditRequest("merge", cluster="e1", other="e1"), "is one event already"),
        (EditRequest("merge", cluster=town, other=street), "is a town, the other a part of one"),
        (EditRequest("not-together", cluster="e1", other="e2"), "not-together is for clusters"),
        (EditRequest("split-off", cluster="e1", photos=tuple(photos_of(library, "e1"))), "are all the photos"),
        (EditRequest("split-off", cluster="e1", photos=tuple(photos_of(library, "e2")[:1])), "is not in e1"),
        (EditRequest("move", cluster="t1", photos=tuple(photos_of(library, "e2")[:1])), "t1 is no event"),
    ):
        with pytest.raises(UsageError, match=words):
            library.edit(request)
    with pytest.raises(NotFound, match="there is no event e99"):
        library.edit(EditRequest("merge", cluster="e1", other="e99"))
    assert library.edits(everything=True) == ()


def test_photos_of_which_only_the_day_is_known_are_put_to_that_day(kept: Kept) -> None:
    """To what was on it, else to an event of their own, within a trip too; the file's own time counts for nothing."""
    day = Taken(datetime(2018, 4, 16), "name")
    days = [replace(shot("2018-04-16T00:00", None, seed=seed), taken=day) for seed in (1, 2)]
    alone = replace(shot("2018-05-20T00:00", None, seed=3), taken=Taken(datetime(2018, 5, 20), "name"))
    copied = replace(shot("2018-05-21T10:00", None, seed=4), taken=Taken(datetime(2018, 5, 21, 10), "mtime"))
    kept.add([*days, alone, copied])
    with kept.open() as library:
        assert event_at(library, "2018-04-16T00:00").photos == 22
        assert event_at(library, "2018-05-20T00:00").photos == 1
        assert library.events().undated == 1


def test_a_library_without_photos_has_nothing(tmp_path: Path) -> None:
    """And says so by empty lists."""
    kept = Kept(tmp_path / "empty")
    kept.add([])
    with kept.open() as library:
        assert (library.events().events, library.trips().trips, library.places().places) == ((), (), ())


def test_names_are_in_the_owners_language(kept: Kept) -> None:
    """Towns, countries and dates."""
    with kept.open() as library:
        library.events()
    (kept.folder / "config.toml").write_text('[names]\nlanguage = "de"\n')
    config = load_config(kept.folder / "config.toml")
    with Library(Store.open(kept.folder), config=config, clock=kept.clock) as library:
        assert library.trips().trips[0].name == "Lissabon und Porto, April 2018"
        assert event_at(library, "2018-04-15T10:00").name == "Lissabon, 15. April 2018"
        assert len(library.events(filters=Filters(place="Schweiz")).events) == 16


def test_at_home_alone_there_is_no_trip(tmp_path: Path) -> None:
    """Sixteen evenings are sixteen events."""
    kept = Kept(tmp_path / "library")
    kept.add(at_home())
    with kept.open() as library:
        assert (len(library.events().events), len(library.trips().trips)) == (16, 0)


def corrected(library: Library) -> None:
    """Say all that can be said."""
    library.rename(library.trips().trips[0].id, "Portugal by train")
    library.rename(next(one.id for one in library.places().places if one.name == "Porto"), "Grandma's")
    one, other = (event_at(library, f"2018-04-{day}T10:00").id for day in (14, 15))
    library.edit(EditRequest("merge", cluster=one, other=other))
    library.edit(EditRequest("split-off", photos=tuple(photos_of(library, one)[:5]), cluster=one, name="Breakfast"))


def told(library: Library) -> tuple[object, ...]:
    """Give what was said, whatever ids are."""
    return (
        [one.name for one in library.trips().trips],
        sorted(one.name for one in library.places().places if one.named_by == "owner" and one.name),
        sorted((one.photos, one.name) for one in library.events().events if one.named_by == "owner" or one.photos > 30),
    )


def test_a_daily_backup_brings_names_and_corrections_to_a_library_made_anew(kept: Kept, tmp_path: Path) -> None:
    """Where ids are others: they are found by photos; twice is as once."""
    with kept.open() as library:
        corrected(library)
        wanted = told(library)
        file = daily.keep_day(library._store, date(2040, 3, 1))
    assert file is not None
    anew = Kept(tmp_path / "anew")
    # An older event, so that all numbers are others.
    anew.add([*series("2016-05-05T10:00", (0, 5, 9), BASEL), *at_home(), *in_portugal()])
    with Store.open(anew.folder, write=True) as store:
        commit_sample_run(store)
    with anew.open() as library:
        assert told(library) != wanted
        report = daily.restore_day(library._store, file)
        assert (report.edits, report.lost_names) == (4, ())
        assert told(library)[:2] == wanted[:2]
        assert event_at(library, "2018-04-14T10:10").photos == 35
        assert library.event("Breakfast").event.photos == 5
        assert daily.restore_day(library._store, file).edits == 0


def test_a_whole_backup_has_the_ids(kept: Kept, tmp_path: Path) -> None:
    """And the corrections with them."""
    with kept.open() as library:
        corrected(library)
        listed = library.events()
        library.backup(tmp_path / "copy.tar")
    Library.restore(tmp_path / "copy.tar", tmp_path / "back")
    with Library.open(tmp_path / "back") as library:
        assert library.events() == listed


@pytest.mark.parametrize("harm", ["torn", "gone"])
def test_ids_that_are_lost_are_missed_by_doctor_and_given_anew(kept: Kept, harm: str) -> None:
    """What was found last has them still where that is there; nothing is silent about it."""
    with kept.open() as library:
        library.events()
    kept.add(series("2016-05-05T10:00", (0, 5, 9), BASEL))  # the earliest, with the highest number
    with kept.open() as library:
        before = {one.start: one.id for one in library.events().events}
        assert before[datetime(2016, 5, 5, 10)] == "e21"
    table = LibraryPlace(kept.folder).table("timeline")
    if harm == "gone":
        shutil.rmtree(table)
    else:
        for file in (table / "data").iterdir():
            file.write_bytes(file.read_bytes()[:40])
    found = Library.checkup(kept.folder, depth="deep")
    assert [one for one in found.findings if one.state == "fault" and "timeline" in f"{one}"]
    mended = Library.checkup(kept.folder, depth="deep", repair=True)
    assert not [one for one in mended.findings if one.state == "fault" and one.check != "model"]
    assert any("timeline" in one for one in mended.repaired)
    with kept.open() as library:
        assert {one.start: one.id for one in library.events().events} == before


def test_pictures_decide_a_doubtful_boundary(tmp_path: Path) -> None:
    """A pause of two hours at one place: another thing is another event, more of the same is not."""
    found = []
    for second in (0, 1):
        rows = []
        for start, kind in (("2018-06-02T10:00", 0), ("2018-06-02T12:30", second)):
            for at, row in enumerate(series(start, range(0, 40, 4), BASEL)):
                vector = np.zeros(len(row.vector), np.float32)
                vector[kind], vector[2 + at % 3] = 0.95, np.sqrt(1 - 0.95**2)
                rows.append(replace(row, vector=vector))
        kept = Kept(tmp_path / f"library{second}")
        kept.add(rows)
        with kept.open() as library:
            found.append(len(library.events().events))
    assert found == [1, 2]
