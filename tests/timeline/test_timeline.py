"""Events, homes and trips: what a person would say of the same photos."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vecclust.timeline import NO_TIME, UNKNOWN_OFFSET, Diary, distance_m, find_events, find_timeline, set_clocks

BASEL, FREIBURG, LISBON = (47.56, 7.59), (47.99, 7.85), (38.72, -9.14)
NOWHERE = (np.nan, np.nan)
# When, where, the offset from UTC in hours or None, which camera.
Shot = tuple[datetime, tuple[float, float], float | None, int]


def zone(
    latitudes: NDArray[np.float64], longitudes: NDArray[np.float64], local: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Give whole hours by the sun."""
    return np.round(longitudes / 15).astype(np.int64) * 3600


def diary_of(shots: Sequence[Shot]) -> Diary:
    """Lay shots out as a diary."""
    return Diary(
        clock_us=np.array([(when - datetime(1970, 1, 1)) // timedelta(microseconds=1) for when, *_ in shots], np.int64),
        offset_s=np.array([UNKNOWN_OFFSET if off is None else round(off * 3600) for _, _, off, _ in shots], np.int64),
        latitude=np.array([where[0] for _, where, *_ in shots], np.float64),
        longitude=np.array([where[1] for _, where, *_ in shots], np.float64),
        camera=np.array([camera for *_, camera in shots], np.int64),
    )


def series(
    start: str,
    minutes: Sequence[float],
    where: tuple[float, float] = NOWHERE,
    offset: float | None = 0,
    camera: int = 0,
) -> list[Shot]:
    """Take photos some minutes after a start."""
    begin = datetime.fromisoformat(start)
    return [(begin + timedelta(minutes=at), where, offset, camera) for at in minutes]


def events(shots: Sequence[Shot]) -> list[int]:
    """Find the event of each shot."""
    diary = diary_of(shots)
    return find_events(diary, set_clocks(diary, offsets_at=zone)).tolist()


def weeks_at_home(n_weeks: int, where: tuple[float, float], start: str = "2020-01-01T19:00") -> list[Shot]:
    """Live somewhere: two photos every Wednesday evening."""
    begin = datetime.fromisoformat(start)
    return [
        shot for week in range(n_weeks) for shot in series(f"{begin + timedelta(weeks=week)}", (0, 30), where, offset=1)
    ]


def trips_of(shots: Sequence[Shot]) -> list[list[str]]:
    """Find the days of each trip."""
    diary = diary_of(shots)
    clocks = set_clocks(diary, offsets_at=zone)
    timeline = find_timeline(diary, clocks)
    of_photo = np.where(timeline.event >= 0, timeline.trip[timeline.event], -1)
    days = [f"{when:%m-%d}" for when, *_ in shots]
    return [
        sorted({day for day, trip in zip(days, of_photo, strict=True) if trip == number})
        for number in range(int(of_photo.max()) + 1)
    ]


def test_a_gap_that_stands_out_ends_an_event() -> None:
    """Three hours after a row of minutes; a quarter of an hour does not."""
    assert events(series("2020-05-01T10:00", (0, 2, 5, 9, 24, 26, 206, 208, 210))) == [0] * 6 + [1] * 3


def test_who_walks_all_day_is_on_one_walk() -> None:
    """A gap of a hundred minutes stands out among minutes, and not among hours."""
    assert len(set(events(series("2020-05-01T08:00", (0, 70, 145, 240, 320, 420))))) == 1
    assert len(set(events(series("2020-05-01T08:00", (0, 2, 4, 104, 106, 108))))) == 2


def test_a_jump_of_the_place_ends_an_event_sooner() -> None:
    """After half an hour; and at the same place a pause is a pause."""
    here, there = (47.56, 7.59), (47.56, 7.63)
    morning, later = series("2020-05-01T10:00", (0, 2, 4), here), series("2020-05-01T10:35", (0, 2), there)
    assert events(morning + later) == [0, 0, 0, 1, 1]
    assert events(morning + series("2020-05-01T10:35", (0, 2), here)) == [0] * 5
    assert events(morning + series("2020-05-01T12:00", (0, 2), NOWHERE)) == [0, 0, 0, 1, 1]
    assert events(morning + series("2020-05-01T12:00", (0, 2), here)) == [0] * 5


def test_nothing_goes_on_over_a_night() -> None:
    """However long the gaps around are."""
    assert len(set(events(series("2020-05-01T08:00", (0, 120, 240, 360, 670))))) == 2


def test_photos_without_a_date_are_in_no_event() -> None:
    """And an empty diary has none."""
    diary = diary_of(series("2020-05-01T10:00", (0, 1)))
    diary.clock_us[0] = NO_TIME
    clocks = set_clocks(diary, offsets_at=zone)
    assert find_events(diary, clocks).tolist() == [-1, 0]
    assert clocks.instant_us[0] == NO_TIME
    empty = diary_of([])
    assert len(find_timeline(empty, set_clocks(empty, offsets_at=zone)).event) == 0


def test_a_zone_is_the_photos_own_else_the_places_else_the_neighbours() -> None:
    """And never UTC."""
    shots = [
        *series("2020-05-01T10:00", (0,), LISBON, offset=1, camera=0),
        *series("2020-05-01T10:00", (1,), (35.7, 139.7), offset=None, camera=1),
        *series("2020-05-01T10:00", (2,), NOWHERE, offset=None, camera=1),
        *series("2020-05-01T10:00", (-3,), NOWHERE, offset=None, camera=2),
    ]
    diary = diary_of(shots)
    clocks = set_clocks(diary, offsets_at=zone)
    off = (clocks.local_us - clocks.instant_us) // 3_600_000_000
    # The third camera has the zone of the photo that is nearest in time, whichever camera took it.
    assert off.tolist() == [1, 9, 9, 1]


@pytest.mark.parametrize("off_h", [-6, 3.5, 11])
def test_a_clock_that_was_never_set_is_set_right(off_h: float) -> None:
    """By the other camera's photos of the same moments."""
    phone = [shot for day in range(1, 29) for shot in series(f"2020-05-{day:02}T10:{day:02}", (0, 3, 50), BASEL, 2)]
    beside = [(when + timedelta(hours=off_h, minutes=1), NOWHERE, None, 1) for when, *_ in phone]
    diary = diary_of(phone + beside)
    clocks = set_clocks(diary, offsets_at=zone)
    assert clocks.corrected.tolist() == [False] * len(phone) + [True] * len(beside)
    assert np.abs(clocks.instant_us[len(phone) :] - clocks.instant_us[: len(phone)]).max() <= 5 * 60_000_000


def test_a_clock_that_stays_at_home_on_a_journey_is_set_right_there_alone() -> None:
    """Two weeks in Lisbon by the time of Basel."""
    phone = [shot for day in range(1, 29) for shot in series(f"2020-04-{day:02}T1{day % 8}:00", (0, 3, 50), BASEL, 2)]
    away = [shot for day in range(1, 12) for shot in series(f"2020-05-{day:02}T1{day % 8}:00", (0, 3, 50), LISBON, -3)]
    beside = [(when + timedelta(minutes=1), NOWHERE, None, 1) for when, *_ in phone]
    beside += [(when + timedelta(hours=5, minutes=1), NOWHERE, None, 1) for when, *_ in away]
    diary = diary_of(phone + away + beside)
    corrected = set_clocks(diary, offsets_at=zone).corrected[len(phone) + len(away) :]
    assert corrected.tolist() == [False] * len(phone) + [True] * len(away)


def test_a_clock_is_left_alone_where_nothing_is_clear() -> None:
    """Two people who photograph on different days."""
    phone = [shot for day in range(1, 15) for shot in series(f"2020-05-{day:02}T10:00", (0, 3), BASEL, 2)]
    other = [shot for day in range(16, 29) for shot in series(f"2020-05-{day:02}T18:00", (0, 3), NOWHERE, None, 1)]
    assert not set_clocks(diary_of(phone + other), offsets_at=zone).corrected.any()


def test_a_trip_is_days_away_with_a_night() -> None:
    """A day trip is none, nor are two on a weekend from nearby; photos without a place within a trip are on it."""
    home = weeks_at_home(20, BASEL)
    trip = [shot for day in (7, 8, 9) for shot in series(f"2020-03-{day:02}T10:00", (0, 5, 300), LISBON, 0)]
    lost = series("2020-03-08T17:00", (0, 5), NOWHERE, 0)
    assert trips_of(home + trip + lost) == [["03-07", "03-08", "03-09"]]
    assert trips_of(home + series("2020-03-07T10:00", (0, 300), LISBON, 0)) == []
    weekend = [shot for day in (7, 8) for shot in series(f"2020-03-{day:02}T11:00", (0, 240), FREIBURG, 1)]
    assert trips_of(home + weekend) == []
    nights = [shot for day in (7, 8) for shot in series(f"2020-03-{day:02}T09:00", (0, 240, 780), FREIBURG, 1)]
    assert trips_of(home + nights) == [["03-07", "03-08"]]


def test_coming_home_ends_a_trip() -> None:
    """A photo at home between two weeks away makes two trips."""
    home = weeks_at_home(20, BASEL)
    away = [shot for day in (5, 6, 13, 14) for shot in series(f"2020-03-{day:02}T10:00", (0, 5), LISBON, 0)]
    assert trips_of(home + away) == [["03-05", "03-06"], ["03-13", "03-14"]]


def test_homes_are_dated() -> None:
    """Who moves has two, each from its first to its last week; a fortnight away is none."""
    shots = weeks_at_home(30, BASEL) + weeks_at_home(30, LISBON, "2020-08-05T19:00")
    shots += [shot for day in range(1, 15) for shot in series(f"2020-04-{day:02}T10:00", (0, 600), (35.7, 139.7), 9)]
    diary = diary_of(shots)
    homes = find_timeline(diary, set_clocks(diary, offsets_at=zone)).homes
    assert [(round(home.latitude, 1), round(home.longitude, 1)) for home in homes] == [(47.6, 7.6), (38.7, -9.1)]
    assert homes[0].end_us < homes[1].start_us
    assert trips_of(weeks_at_home(2, BASEL)) == []


def test_distances_are_those_of_the_globe() -> None:
    """Over 180 degrees too, and unknown where a place is."""
    assert distance_m(0.0, 179.9, 0.0, -179.9) == pytest.approx(22_239, abs=1)
    assert np.isnan(distance_m(np.nan, 0.0, 0.0, 0.0))


@st.composite
def albums(draw: st.DrawFn) -> list[Shot]:
    """Draw photos of some days, in any order, at few places and with few cameras."""
    minutes = draw(st.lists(st.integers(0, 60 * 24 * 30), min_size=1, max_size=40, unique=True))
    begin = datetime(2020, 3, 1)
    places, offsets = st.sampled_from([BASEL, LISBON, NOWHERE]), st.sampled_from([None, 0.0, 2.0])
    return [(begin + timedelta(minutes=at), draw(places), draw(offsets), draw(st.integers(0, 2))) for at in minutes]


@settings(max_examples=60, deadline=None)
@given(albums(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(shots: list[Shot], random: np.random.Generator) -> None:
    """The same photos, the same events."""
    order = list(range(len(shots)))
    random.shuffle(order)  # type: ignore[arg-type]
    mixed = events([shots[at] for at in order])
    found = events(shots)
    assert [found[at] for at in order] == mixed


@settings(max_examples=60, deadline=None)
@given(albums())
def test_a_day_at_the_end_moves_nothing(shots: list[Shot]) -> None:
    """The events before it are what they were."""
    told = [(when, where, 1.0 if off is None else off, camera) for when, where, off, camera in shots]
    later = series("2020-05-01T10:00", (0, 3, 200), BASEL, 1)
    assert events(told + later)[: len(told)] == events(told)
