"""Homes and trips of small diaries, written by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.timeline.diaries import LISBON, diary, microseconds, no_zone
from vecclust.timeline import Diary, Timeline, distance_m, find_timeline, set_clocks, trips

DAY_US = 86_400_000_000
KM = 1 / 111.195
START = microseconds("2018-01-01T00:00")


def north(km: float) -> tuple[float, float]:
    """Give a place north of home."""
    return LISBON[0] + km * KM, LISBON[1]


def east(km: float) -> tuple[float, float]:
    """Give a place east of home."""
    return LISBON[0], LISBON[1] + km * KM / 0.78


@dataclass
class Notes:
    """A diary that is being written."""

    clocks: list[int] = field(default_factory=list)
    places: list[tuple[float, float] | None] = field(default_factory=list)

    def take(self, day: float, hour: float, place: tuple[float, float] | None, n: int = 3) -> Notes:
        """Take some photos, a minute apart."""
        for k in range(n):
            self.clocks.append(START + int(day * DAY_US + hour * 3.6e9 + k * 6e7))
            self.places.append(place)
        return self

    def stay(self, first: int, last: int, place: tuple[float, float], *, hour: float = 20.0) -> Notes:
        """Take photos on each of some days, at one place."""
        for day in range(first, last):
            self.take(day, hour, place)
        return self

    def diary(self) -> Diary:
        """Give the diary."""
        return diary(self.clocks, places=self.places)

    def found(self) -> Timeline:
        """Find its timeline."""
        said = self.diary()
        return find_timeline(said, set_clocks(said, offsets_at=no_zone))

    def trip_on(self, day: int) -> set[int]:
        """Give the trips of the photos of a day."""
        found = self.found()
        first = START + day * DAY_US
        return {
            int(found.trip[event])
            for clock, event in zip(self.clocks, found.event.tolist(), strict=True)
            if first <= clock < first + DAY_US
        }


def lives(*, away: range) -> Notes:
    """Write of sixty evenings at home, but for some days."""
    notes = Notes()
    for day in range(60):
        if day not in away:
            notes.take(day, 20.0, LISBON)
    return notes


def test_home_is_where_the_days_end() -> None:
    """Not where most photos are taken by day."""
    notes = Notes()
    for day in range(0, 90, 2):
        notes.take(day, 11.0, north(6), n=20)
        notes.take(day, 21.0, LISBON, n=1)
    (home,) = notes.found().home
    assert float(distance_m(home.latitude, home.longitude, *LISBON)) < 100
    assert home.start_us < START + 3 * DAY_US
    assert home.end_us > START + 86 * DAY_US


def test_an_evening_says_more_of_home_than_days_do() -> None:
    """One a week, beside two days at work."""
    notes = Notes()
    for week in range(26):
        notes.take(7 * week, 11.0, north(6)).take(7 * week + 2, 11.0, north(6)).take(7 * week + 4, 21.0, LISBON)
    (home,) = notes.found().home
    assert float(distance_m(home.latitude, home.longitude, *LISBON)) < 100


def test_people_move() -> None:
    """Each home has its time; far away from the old one they are at home in the new."""
    notes = Notes().stay(0, 120, LISBON).stay(125, 250, north(900))
    found = notes.found()
    assert [round(home.latitude) for home in found.home] == [39, 47]
    assert found.home[0].end_us < found.home[1].start_us
    assert set(found.trip.tolist()) == {-1}


def test_a_long_holiday_is_no_move() -> None:
    """Five weeks at a beach are a trip, though every evening is photographed."""
    notes = Notes().stay(0, 100, LISBON).stay(100, 135, north(900)).stay(135, 240, LISBON)
    found = notes.found()
    assert len(found.home) == 1
    assert set(found.trip.tolist()) == {-1, 0}
    assert notes.trip_on(110) == {0}


def test_few_evenings_are_no_home() -> None:
    """A week in one place is all that is known."""
    assert Notes().stay(0, 7, LISBON).found().home == ()
    assert Notes().take(0, 20.0, LISBON).take(40, 20.0, LISBON).found().home == ()


def test_a_weekend_away_is_a_trip() -> None:
    """With the day of going and of coming back, until home is seen."""
    notes = lives(away=range(30, 32))
    notes.take(30, 12.0, north(90)).take(30, 18.0, north(90)).take(31, 11.0, north(90)).take(31, 21.0, LISBON)
    assert notes.trip_on(30) == {0}
    assert notes.trip_on(29) == {-1}
    assert notes.trip_on(31) == {-1, 0}


@pytest.mark.parametrize(("km", "apart_km", "trip"), [(45.0, 4.7, 0), (90.0, 8.0, 0), (90.0, 15.0, -1)])
def test_a_day_that_begins_near_where_one_ended_tells_of_a_night(km: float, apart_km: float, trip: int) -> None:
    """Near the bed: farther from it where home is farther."""
    beside = (north(km)[0], east(apart_km)[1])
    assert lives(away=range(30, 32)).take(30, 12.0, north(km)).take(31, 12.0, beside).trip_on(30) == {trip}


def test_an_outing_is_no_trip() -> None:
    """Nor are two, on days that follow one another, to different places."""
    notes = lives(away=range(30, 32)).take(30, 12.0, north(90)).take(31, 11.0, east(90))
    assert notes.trip_on(30) == notes.trip_on(31) == {-1}


def test_a_day_by_plane_is_a_trip() -> None:
    """Nobody drives so far for lunch."""
    assert lives(away=range(30, 31)).take(30, 12.0, north(600)).trip_on(30) == {0}
    assert lives(away=range(30, 31)).take(30, 12.0, north(200)).trip_on(30) == {-1}


def test_one_photo_of_far_away_is_no_trip() -> None:
    """The phone may not have known better."""
    assert lives(away=range(30, 31)).take(30, 12.0, north(600), n=1).trip_on(30) == {-1}
    notes = lives(away=range(30, 32)).take(30, 12.0, north(170), n=1).take(31, 16.0, north(90), n=1)
    for minutes in (10, 12, 14):
        notes.take(31, 16.0 + minutes / 60, north(3), n=1)
    assert notes.trip_on(30) == {-1}


@pytest.mark.parametrize(("morning", "trip"), [(7.0, 0), (11.5, -1)])
def test_a_night_without_the_time_to_go_home_was_away(morning: float, trip: int) -> None:
    """From ninety kilometres away at ten in the evening, to as far elsewhere in the morning."""
    notes = lives(away=range(30, 32)).take(30, 22.0, north(90)).take(31, morning, east(90))
    assert notes.trip_on(30) == {trip}


def test_the_way_home_tells_of_a_night() -> None:
    """Half-way on the next day, where it was too far for an outing."""
    notes = lives(away=range(30, 32)).take(30, 12.0, north(170)).take(31, 16.0, north(90))
    assert notes.trip_on(30) == {0}
    notes = lives(away=range(30, 32)).take(30, 12.0, north(95)).take(31, 16.0, north(60))
    assert notes.trip_on(30) == {-1}


def test_three_days_away_in_a_row_are_a_trip() -> None:
    """Though each might be an outing."""
    notes = lives(away=range(30, 33)).take(30, 12.0, north(90)).take(31, 12.0, east(90)).take(32, 12.0, north(60))
    assert notes.trip_on(31) == {0}


def test_after_days_of_silence_it_is_another_trip() -> None:
    """Somebody was home in between, seen or not; sooner where they drive than where they fly."""
    for km, pause in ((120.0, 4), (900.0, 6)):
        notes = lives(away=range(20, 34))
        for first in (20, 21 + pause):
            notes.take(first, 12.0, north(km)).take(first + 1, 11.0, north(km))
        assert notes.trip_on(20) == {0}
        assert notes.trip_on(21 + pause) == {1}
    notes = lives(away=range(20, 34))
    for day in (20, 21, 24, 25):
        notes.take(day, 12.0, north(900))
    assert notes.trip_on(20) == notes.trip_on(25) == {0}


def test_an_outing_before_a_journey_is_none_of_it() -> None:
    """Home lies between the two, seen or not."""
    notes = lives(away=range(30, 33)).take(30, 12.0, east(70)).take(31, 12.0, north(900)).take(32, 12.0, north(900))
    assert notes.trip_on(30) == {-1}
    assert notes.trip_on(31) == {0}


def test_photos_without_a_place_belong_to_the_trip_beside_them() -> None:
    """In its midst, or the nearer in time to it."""
    notes = lives(away=range(30, 33))
    notes.take(30, 7.0, None).take(30, 15.0, north(300)).take(31, 12.0, None).take(32, 10.0, north(300))
    assert notes.trip_on(30) == notes.trip_on(31) == {0}
    assert notes.take(33, 12.0, None).trip_on(33) == {-1}


def test_a_far_workplace_is_everyday_life() -> None:
    """Seen every week on working days, with and without home on the same evening."""
    notes = Notes()
    for week in range(20):
        monday = 7 * week
        notes.take(monday + 1, 10.0, north(65)).take(monday + 2, 12.0, north(65)).take(monday + 6, 20.0, LISBON)
        if week % 5:
            notes.take(monday + 1, 21.0, LISBON).take(monday + 4, 20.0, LISBON)
    assert set(notes.found().trip.tolist()) == {-1}


def test_a_cottage_is_a_trip_every_time() -> None:
    """As nights are spent there."""
    notes = Notes()
    for week in range(12):
        notes.stay(7 * week, 7 * week + 5, LISBON)
        notes.take(7 * week + 5, 15.0, north(110)).take(7 * week + 6, 11.0, north(110))
    assert sorted(set(notes.found().trip.tolist())) == list(range(-1, 12))


def test_a_town_near_by_ends_no_trip() -> None:
    """What is neither near home nor away is neither."""
    notes = lives(away=range(30, 33)).take(30, 12.0, north(90)).take(30, 20.0, north(90))
    notes.take(31, 9.0, north(90)).take(31, 14.0, north(30)).take(31, 21.0, north(90)).take(32, 9.0, north(90))
    assert notes.trip_on(31) == {0}


def test_home_is_at_either_place_while_people_move() -> None:
    """The old flat is looked after for some weeks more."""
    notes = Notes().stay(0, 120, LISBON).stay(120, 250, north(900))
    notes.take(130, 12.0, LISBON).take(131, 12.0, LISBON)
    assert notes.trip_on(131) == {-1}
    notes.take(200, 12.0, LISBON).take(201, 12.0, LISBON)
    assert notes.trip_on(201) != {-1}


def test_limits_stand_in_order() -> None:
    """Near is nearer than away, an outing farther, a flight farthest."""
    assert trips.NEAR_M < trips.AWAY_M < trips.OUTING_M < trips.FAR_M
