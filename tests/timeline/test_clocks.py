"""Clocks: the zone of each photo, and cameras whose clock is off."""

from __future__ import annotations

import numpy as np

from tests.timeline.diaries import BERLIN, HOUR_S, LISBON, burst, by_longitude, diary, microseconds, no_zone
from vecclust.timeline import NO_TIME, UNKNOWN_OFFSET, set_clocks

NOON = microseconds("2018-04-01T12:00")
HOUR_US = 3_600_000_000


def test_a_photo_that_names_its_zone_is_believed() -> None:
    """Also where its place would say otherwise."""
    clocks = set_clocks(diary([NOON], offsets=[2 * HOUR_S], places=[LISBON]), offsets_at=by_longitude)
    assert clocks.instant_us.tolist() == [NOON - 2 * HOUR_US]
    assert clocks.local_us.tolist() == [NOON]
    assert not clocks.corrected.any()


def test_the_place_gives_the_zone_where_the_photo_does_not() -> None:
    """By the function that is handed in, which is asked of nothing else."""
    asked: list[int] = []

    def zones(latitudes, longitudes, local_us):  # type: ignore[no-untyped-def]
        asked.append(len(latitudes))
        return by_longitude(latitudes, longitudes, local_us)

    said = diary([NOON, NOON, NO_TIME], offsets=[0, UNKNOWN_OFFSET, UNKNOWN_OFFSET], places=[None, BERLIN, BERLIN])
    clocks = set_clocks(said, offsets_at=zones)
    assert clocks.instant_us.tolist() == [NOON, NOON - HOUR_US, NO_TIME]
    assert asked == [1]


def test_the_same_camera_gives_the_zone_before_others() -> None:
    """Of the same day; of any camera where its own are further away."""
    said = diary(
        [NOON, NOON + HOUR_US, NOON + 2 * HOUR_US, NOON + 100 * HOUR_US, NOON + 101 * HOUR_US],
        offsets=[HOUR_S, UNKNOWN_OFFSET, 5 * HOUR_S, UNKNOWN_OFFSET, 9 * HOUR_S],
        cameras=[0, 0, 1, 0, 1],
    )
    clocks = set_clocks(said, offsets_at=no_zone)
    zones = (said.clock_us - clocks.instant_us) // HOUR_US
    assert zones.tolist() == [1, 1, 5, 9, 9]


def test_no_photo_is_taken_to_be_of_utc() -> None:
    """A camera without any zone beside a phone in Tokyo is in Tokyo."""
    said = diary([NOON, NOON + HOUR_US], offsets=[9 * HOUR_S, UNKNOWN_OFFSET], cameras=[0, 1])
    assert set_clocks(said, offsets_at=no_zone).instant_us.tolist() == [NOON - 9 * HOUR_US, NOON - 8 * HOUR_US]


def test_where_nothing_is_known_of_zones_clocks_are_compared_as_they_are() -> None:
    """And dates that cannot be trusted stay unknown."""
    clocks = set_clocks(diary([NOON, NO_TIME]), offsets_at=no_zone)
    assert clocks.instant_us.tolist() == [NOON, NO_TIME]
    assert clocks.local_us.tolist() == [NOON, NO_TIME]


def test_nothing_comes_of_nothing() -> None:
    """An empty diary has no clocks."""
    assert len(set_clocks(diary([]), offsets_at=no_zone).instant_us) == 0


def two_cameras(*, days: int, ahead_s: int, said_by_camera: bool = False) -> tuple[list[int], list[int], list[int]]:
    """Make events of a phone and a camera beside it, whose clock is ahead."""
    clocks, offsets, cameras = [], [], []
    rng = np.random.default_rng(0)
    for day in range(days):
        for hour in rng.choice(np.arange(8, 22), 3, replace=False).tolist():
            for minute in range(0, 40, 8):
                moment = NOON + day * 24 * HOUR_US + (hour - 12) * HOUR_US + minute * 60_000_000
                clocks += [moment, moment + 60_000_000 + ahead_s * 1_000_000]
                offsets += [HOUR_S, HOUR_S if said_by_camera else UNKNOWN_OFFSET]
                cameras += [0, 1]
    return clocks, offsets, cameras


def test_a_camera_left_in_another_zone_is_set_right() -> None:
    """Found where its photos fall together with the phone's."""
    clocks, offsets, cameras = two_cameras(days=6, ahead_s=-7 * HOUR_S)
    said = diary(clocks, offsets=offsets, cameras=cameras)
    found = set_clocks(said, offsets_at=no_zone)
    of_camera = said.camera == 1
    assert found.corrected.tolist() == of_camera.tolist()
    assert np.abs(found.instant_us[of_camera] - found.instant_us[~of_camera]).max() <= 10 * 60_000_000
    assert np.array_equal(found.local_us - found.instant_us, np.full(len(said), HOUR_US))


def test_a_camera_that_is_right_is_left_alone() -> None:
    """However often it is used."""
    clocks, offsets, cameras = two_cameras(days=60, ahead_s=0)
    found = set_clocks(diary(clocks, offsets=offsets, cameras=cameras), offsets_at=no_zone)
    assert not found.corrected.any()


def test_one_day_is_no_clear_evidence() -> None:
    """Photos of one evening may be an hour apart for many reasons."""
    clocks, offsets, cameras = two_cameras(days=1, ahead_s=HOUR_S)
    found = set_clocks(diary(clocks, offsets=offsets, cameras=cameras), offsets_at=no_zone)
    assert not found.corrected.any()


def test_cameras_that_never_meet_are_left_alone() -> None:
    """There is nothing to compare."""
    said = diary(
        [*burst("2018-04-01T12:00"), *burst("2019-04-01T12:00")], offsets=[0] * 5 + [UNKNOWN_OFFSET] * 5,
        cameras=[0] * 5 + [1] * 5,
    )  # fmt: skip
    assert not set_clocks(said, offsets_at=no_zone).corrected.any()
