"""Vectors with when and where beside what is shown."""

from __future__ import annotations

import numpy as np
import pytest

from vecclust.clustering import FitParams, fit
from vecclust.clustering.auxiliary import REGION_KM, SEASON_DAYS, with_auxiliary

DAY_US = 86_400_000_000
NONE = np.iinfo(np.int64).min


def unit(n: int, *, dim: int = 16, seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Draw vectors of norm 1."""
    drawn = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_without_weights_nothing_changes() -> None:
    """Not even the array."""
    vectors = unit(3)
    given = {"moments_us": np.zeros(3, np.int64), "places": np.zeros((3, 2))}
    assert with_auxiliary(vectors, **given) is vectors


def test_photos_of_one_time_and_place_are_nearer() -> None:
    """By the kernel's measure: full at once, little a few scales away; and of norm 1 all the same."""
    vectors = np.repeat(unit(1), 4, axis=0)
    days = np.array([0, 1, SEASON_DAYS, 10 * SEASON_DAYS])
    found = with_auxiliary(
        vectors, moments_us=(days * DAY_US).astype(np.int64), places=np.full((4, 2), np.nan), time_weight=0.5
    )
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    to_first = found @ found[0]
    expected = (1 + 0.5 * np.exp(-((days / SEASON_DAYS) ** 2) / 2)) / 1.5
    assert to_first == pytest.approx(expected, abs=0.08)
    east = np.array([0.0, 0.1, 0.45, 90.0])
    places = np.stack([np.zeros(4), east], axis=1)
    near = with_auxiliary(vectors, moments_us=np.full(4, NONE), places=places, place_weight=0.5)
    km = east * 111.2
    expected = (1 + 0.5 * np.exp(-((km / REGION_KM) ** 2) / 2)) / 1.5
    assert near @ near[0] == pytest.approx(expected, abs=0.08)


def test_180_degrees_is_no_edge() -> None:
    """Places on both sides of it are neighbours."""
    places = np.array([[-17.0, 179.99], [-17.0, -179.99]])
    found = with_auxiliary(np.repeat(unit(1), 2, axis=0), moments_us=np.full(2, NONE), places=places, place_weight=1.0)
    assert found[0] @ found[1] == pytest.approx(1, abs=0.01)


def test_what_has_neither_is_as_far_from_all_as_its_picture() -> None:
    """Two without a time are as like as their pictures."""
    vectors = unit(2)
    given = {"moments_us": np.full(2, NONE), "places": np.full((2, 2), np.nan)}
    found = with_auxiliary(vectors, **given, time_weight=0.5, place_weight=0.5)
    assert found[0] @ found[1] == pytest.approx(vectors[0] @ vectors[1], abs=1e-5)


def test_one_kind_in_two_summers_is_parted_where_time_is_weighed() -> None:
    """And is one without: that is what the weight is for, and why it is off."""
    rng = np.random.default_rng(0)
    middle = unit(2, dim=64)
    kinds = np.repeat([0, 0, 1], 40)
    drawn = middle[kinds] + rng.normal(0, 0.03, (120, 64))
    vectors = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    days = np.repeat([0, 700, 0], 40) + rng.integers(0, 20, 120)
    given = {"moments_us": (days * DAY_US).astype(np.int64), "places": np.full((120, 2), np.nan)}
    plain = fit(vectors, FitParams(seed=1))
    timed = fit(with_auxiliary(vectors, **given, time_weight=0.3), FitParams(seed=1, time_weight=0.3))
    assert len(set(plain.labels.tolist()) - {-1}) == 2
    assert len(set(timed.labels.tolist()) - {-1}) == 3


@pytest.mark.parametrize("given", [{"time_weight": 1.5}, {"place_weight": -0.1}, {"time_weight": "much"}])
def test_weights_are_from_0_to_1(given: dict[str, object]) -> None:
    """Anything else is a mistake."""
    with pytest.raises(ValueError, match="from 0 to 1"):
        FitParams(**given)  # type: ignore[arg-type]
