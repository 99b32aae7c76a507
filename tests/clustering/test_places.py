"""Places: where photos gather, by the distance over the globe."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.places import find_places

METRE = 1 / 111_195


def around(latitude: float, longitude: float, *, n: int, metres: float, seed: int = 0) -> NDArray[np.float64]:
    """Scatter photos around a point."""
    rng = np.random.default_rng(seed)
    spread = rng.normal(0, metres * METRE, (n, 2)) / [1, max(0.05, np.cos(np.radians(latitude)))]
    return np.array([latitude, longitude]) + spread


def places_of(*groups: NDArray[np.float64]) -> list[list[int]]:
    """Find the places of groups of photos."""
    points = np.concatenate(groups)
    east = (points[:, 1] + 180) % 360 - 180
    found = find_places(points[:, 0], east)
    return [part.tolist() for part in np.split(found, np.cumsum([len(group) for group in groups])[:-1])]


def test_two_streets_of_a_town_are_two_places() -> None:
    """A kilometre apart; however many photos one has."""
    one, other = places_of(around(47.56, 7.59, n=400, metres=40), around(47.57, 7.59, n=12, metres=40))
    assert {*one} - {-1} == {one[0]}
    assert {*other} - {-1} == {other[0]}
    assert one[0] != other[0]


def test_a_walk_through_a_town_is_no_one_place() -> None:
    """A trail without gaps between two sights leaves two."""
    trail = np.stack([np.linspace(47.56, 47.60, 60), np.full(60, 7.59)], axis=1)
    one, other, _ = places_of(around(47.56, 7.59, n=80, metres=50), around(47.60, 7.59, n=80, metres=50, seed=1), trail)
    assert one[0] != other[0]


def test_180_degrees_is_no_edge() -> None:
    """A beach on both sides of it is one place."""
    (beach,) = places_of(around(-16.8, 180.0, n=60, metres=60))
    assert len({*beach} - {-1}) == 1
    assert beach.count(-1) <= 6


def test_photos_without_a_place_are_in_none() -> None:
    """Nor are too few, wherever they are."""
    unknown = np.full((3, 2), np.nan)
    assert places_of(unknown) == [[-1] * 3]
    assert places_of(around(10.0, 10.0, n=4, metres=5)) == [[-1] * 4]
    one, none = places_of(around(10.0, 10.0, n=20, metres=5), unknown)
    assert ({*one}, {*none}) == ({0}, {-1})


def test_a_place_can_be_walked() -> None:
    """Photos strewn over a country are in none."""
    rng = np.random.default_rng(0)
    strewn = np.stack([rng.uniform(46, 48, 40), rng.uniform(6, 9, 40)], axis=1)
    home, country = places_of(around(47.56, 7.59, n=100, metres=30), strewn)
    assert home.count(home[0]) >= 95
    assert {*country} == {-1}
