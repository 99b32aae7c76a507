"""Events, trips and homes of small diaries, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.timeline.diaries import BERLIN, LISBON, burst, diary, no_zone
from vecclust.timeline import NO_TIME, Clocks, Diary, Timeline, distance_m, find_timeline, set_clocks


def found(said: Diary, vectors: NDArray[np.float32] | None = None) -> Timeline:
    """Find the timeline of a diary by its own clocks."""
    return find_timeline(said, set_clocks(said, offsets_at=no_zone), vectors=vectors)


def part(said: Diary, rows: NDArray[np.int64]) -> Diary:
    """Give some photos of a diary, in an order."""
    return Diary(*(getattr(said, name)[rows] for name in ("clock_us", "offset_s", "latitude", "longitude", "camera")))


def test_photos_of_two_days_are_two_events() -> None:
    """Numbered in order of time, whatever the order they came in."""
    said = diary([*burst("2018-04-02T10:00"), *burst("2018-04-01T10:00")])
    assert found(said).event.tolist() == [1] * 5 + [0] * 5


def test_a_gap_that_stands_out_ends_an_event() -> None:
    """Three hours after photos by the minute."""
    said = diary([*burst("2018-04-01T10:00", n=12), *burst("2018-04-01T14:00", n=12)])
    assert found(said).event.tolist() == [0] * 12 + [1] * 12


def test_a_party_goes_on_past_midnight() -> None:
    """Nothing ends it but a gap."""
    said = diary(burst("2018-04-01T20:00", n=30, every_s=900))
    assert found(said).event.tolist() == [0] * 30


def test_a_night_ends_an_event() -> None:
    """Even where hours between photos were usual the day before."""
    said = diary([*burst("2018-04-01T19:00", n=4, every_s=3600), *burst("2018-04-02T07:00", n=3, every_s=3600)])
    event = found(said).event
    assert event[3] != event[4]


def test_a_jump_in_place_ends_an_event() -> None:
    """Where time alone would not."""
    clocks = [*burst("2018-04-01T10:00", n=6, every_s=240), *burst("2018-04-01T11:10", n=6, every_s=240)]
    here, there = LISBON, (LISBON[0] + 0.2, LISBON[1])
    assert found(diary(clocks)).event.tolist() == [0] * 12
    assert found(diary(clocks, places=[here] * 6 + [there] * 6)).event.tolist() == [0] * 6 + [1] * 6


def test_one_wrong_place_is_no_jump() -> None:
    """A phone may give the place where it last was."""
    clocks = burst("2018-04-01T10:00", n=12, every_s=240)
    assert found(diary(clocks, places=[LISBON] * 6 + [BERLIN] + [LISBON] * 5)).event.tolist() == [0] * 12


def test_photos_without_a_date_are_in_no_event() -> None:
    """And change nothing of the others."""
    said = diary([NO_TIME, *burst("2018-04-01T10:00"), NO_TIME])
    assert found(said).event.tolist() == [-1, *[0] * 5, -1]


def test_nothing_comes_of_nothing() -> None:
    """No photos, or none with a date."""
    for clocks in ([], [NO_TIME, NO_TIME]):
        timeline = found(diary(clocks))
        assert timeline.event.tolist() == [-1] * len(clocks)
        assert len(timeline.trip) == 0
        assert timeline.home == ()


def test_distances_are_right_across_the_date_line() -> None:
    """A degree of longitude on the equator is 111 km there as elsewhere."""
    assert float(distance_m(0.0, 179.5, 0.0, -179.5)) == pytest.approx(111_195, rel=1e-3)
    assert float(distance_m(*LISBON, *BERLIN)) == pytest.approx(2_315_000, rel=0.01)
    assert np.isnan(distance_m(np.nan, 0.0, 0.0, 0.0))


moments = st.integers(0, 40 * 24 * 60)
places = st.sampled_from([None, LISBON, (38.90, -9.10), BERLIN, (-16.8, 179.99), (-16.8, -179.99)])
photos = st.lists(st.tuples(moments, places, st.integers(-1, 2)), min_size=1, max_size=60)


def told(taken: list[tuple[int, tuple[float, float] | None, int]]) -> Diary:
    """Write a diary of minutes, places and cameras."""
    start = 1_500_000_000_000_000
    clocks = [start + minute * 60_000_000 for minute, _, _ in taken]
    return diary(clocks, places=[place for _, place, _ in taken], cameras=[camera for *_, camera in taken])


@settings(max_examples=60, deadline=None)
@given(photos, st.randoms(use_true_random=False))
def test_the_order_of_the_photos_decides_nothing(taken, chance) -> None:  # type: ignore[no-untyped-def]
    """Shuffled, each photo is in the same event."""
    said = told(taken)
    rows = np.array(chance.sample(range(len(taken)), len(taken)), np.int64)
    vectors = np.stack([np.cos(said.clock_us / 1e9), np.sin(said.clock_us / 1e9)], axis=1).astype(np.float32)
    straight, shuffled = found(said, vectors), found(part(said, rows), vectors[rows])
    assert np.array_equal(straight.event[rows], shuffled.event)
    assert np.array_equal(straight.trip, shuffled.trip)
    assert straight.home == shuffled.home


@settings(max_examples=60, deadline=None)
@given(photos, photos, st.integers(300, 3000))
def test_a_day_at_the_end_moves_no_event(taken, later, pause) -> None:  # type: ignore[no-untyped-def]
    """Nothing beyond a gap of hours is looked at."""
    last = max(minute for minute, *_ in taken)
    more = [(last + pause + minute % 1200, place, camera) for minute, place, camera in later]
    before, after = told(taken), told([*taken, *more])
    clocks = [Clocks(said.clock_us, said.clock_us, np.zeros(len(said), np.bool_)) for said in (before, after)]
    old = find_timeline(before, clocks[0]).event
    assert np.array_equal(find_timeline(after, clocks[1]).event[: len(old)], old)
