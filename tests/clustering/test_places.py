"""Places: streets out of latitudes and longitudes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vecclust.clustering.places import MOST_ACROSS_M, find_places

M = 1 / 111_195
Floats = NDArray[np.float64]


def around(latitude: float, longitude: float, *, n: int, metres: float, seed: int = 0) -> tuple[Floats, Floats]:
    """Scatter photos about a place."""
    scatter = np.random.default_rng(seed).normal(0, metres * M, (2, n))
    east = longitude + scatter[1] / np.cos(np.radians(latitude))
    return latitude + scatter[0], (east + 180) % 360 - 180


def put(*places: tuple[Floats, Floats]) -> Floats:
    """Put places one after another, (2, n)."""
    return np.concatenate(places, axis=1)


def test_two_streets_of_a_town_are_two_places() -> None:
    """A kilometre and a half from one another; the one with more photos comes first."""
    where = put(around(52.5, 13.4, n=30, metres=20), around(52.5135, 13.4, n=60, metres=20))
    assert find_places(*where).tolist() == [1] * 30 + [0] * 60


def test_a_single_street_is_a_place() -> None:
    """Also where there is no other to tell it from, and all photos are of one point."""
    assert find_places(*around(52.5, 13.4, n=30, metres=20)).tolist() == [0] * 30
    assert find_places(np.full(9, 52.5), np.full(9, 13.4)).tolist() == [0] * 9


def test_what_one_can_walk_to_is_one_place() -> None:
    """A garden two hundred metres from the door."""
    where = put(around(52.5, 13.4, n=30, metres=10), around(52.5 + 200 * M, 13.4, n=30, metres=10))
    assert set(find_places(*where).tolist()) == {0}


def test_a_town_walked_all_over_is_not_one_place() -> None:
    """Photos everywhere, without a gap, still make streets."""
    rng = np.random.default_rng(0)
    where = rng.uniform(-3000 * M, 3000 * M, (2, 4000))
    labels = find_places(*where)
    assert (labels >= 0).mean() > 0.9
    for label in range(int(labels.max()) + 1):
        latitudes, longitudes = where[:, labels == label]
        assert max(np.ptp(latitudes), np.ptp(longitudes)) <= 1.2 * MOST_ACROSS_M * M


def test_a_street_on_the_date_line_is_one_place() -> None:
    """At 180 degrees and at minus 180."""
    assert set(find_places(*around(-16.8, 180.0, n=40, metres=60)).tolist()) == {0}


def test_a_journey_changes_no_street_at_home() -> None:
    """What is far away is divided apart."""
    rng = np.random.default_rng(1)
    home = put(*(around(52.5 + k * 600 * M, 13.4, n=40 - k, metres=60, seed=k) for k in range(8)))
    away = put(*(around(*rng.uniform(-30, 30, 2), n=60, metres=900, seed=k) for k in range(9)))
    before, after = find_places(*home), find_places(*put(home, away))[: home.shape[1]]
    pairs = {*zip(before.tolist(), after.tolist(), strict=True)}
    assert len(pairs) == len(set(before.tolist())) > 1


def test_few_photos_and_those_without_a_place_are_none() -> None:
    """Four in one spot, far from all others, are no place unless asked."""
    where = put(
        around(52.5, 13.4, n=30, metres=20), around(40.0, 0.0, n=4, metres=5), (np.full(2, np.nan), np.full(2, 1.0))
    )
    assert find_places(*where).tolist() == [0] * 30 + [-1] * 6
    assert find_places(*where, least_photos=3).tolist() == [0] * 30 + [1] * 4 + [-1] * 2
    assert find_places(np.zeros(0), np.zeros(0)).tolist() == []


def test_a_place_of_one_photo_is_a_mistake() -> None:
    """Every photo would be one."""
    with pytest.raises(ValueError, match="at least 2 photos, not 1"):
        find_places(np.zeros(3), np.zeros(3), least_photos=1)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_the_photos_decides_nothing(seed: int) -> None:
    """Shuffled, the same photos are together."""
    rng = np.random.default_rng(seed)
    where = put(
        *(around(*rng.uniform(-60, 60, 2), n=int(rng.integers(2, 30)), metres=100, seed=seed) for _ in range(6))
    )
    rows = rng.permutation(where.shape[1])
    straight, shuffled = find_places(*where)[rows], find_places(*where[:, rows])
    pairs = {*zip(straight.tolist(), shuffled.tolist(), strict=True)}
    assert len(pairs) == len(set(straight.tolist())) == len(set(shuffled.tolist()))
