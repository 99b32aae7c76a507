"""When and where beside what is shown: vectors that are near where photos were taken together, too.

The similarity of two photos becomes the weighted mean of that of their pictures and of Gaussian kernels of the time
and of the way over the globe between them, by random Fourier features (Rahimi and Recht 2007), so that whatever works
on vectors works on these. A photo without a time or place is as far from all as its picture, and a little further from
those with one.
"""

from __future__ import annotations

import numpy as np

from vecclust.clustering.arrays import Bools, Float32s, Float64s, Int64s

# A season, and a region: within them photos are near, at three times as much not at all.
SEASON_DAYS, REGION_KM = 60.0, 50.0
# Cosines and sines of so many random frequencies: kernels to about a tenth.
N_FREQUENCIES = 64
_EARTH_KM, _DAY_US = 6371.0, 86_400_000_000
_NO_TIME = np.iinfo(np.int64).min


def with_auxiliary(
    vectors: Float32s,
    *,
    moments_us: Int64s,
    places: Float64s,
    time_weight: float = 0.0,
    place_weight: float = 0.0,
) -> Float32s:
    """Put when and where photos were taken beside what they show.

    Args:
        vectors: (n, d) float32 of norm 1.
        moments_us: (n,) int64 microseconds; the lowest int64 where a photo has no time.
        places: (n, 2) float64 degrees north and east, NaN where it has no place.
        time_weight: weight of the time beside the picture's 1; 0 for none.
        place_weight: likewise of the place.

    Returns:
        (n, d + 128 per weight) float32 of norm 1; the vectors themselves where both weights are 0.
    """
    parts: list[Float32s] = [vectors]
    if time_weight:
        days = np.where(moments_us == _NO_TIME, np.nan, moments_us / _DAY_US)
        parts.append(_features(days[:, np.newaxis] / SEASON_DAYS, weight=time_weight))
    if place_weight:
        north, east = np.radians(places[:, 0]), np.radians(places[:, 1])
        globe = np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1)
        parts.append(_features(globe * (_EARTH_KM / REGION_KM), weight=place_weight))
    if len(parts) == 1:
        return vectors
    joined = np.concatenate(parts, axis=1)
    return np.asarray(joined / np.linalg.norm(joined, axis=1, keepdims=True), np.float32)


def _features(points: Float64s, *, weight: float) -> Float32s:
    """Give vectors of squared norm `weight` whose products fall off as a Gaussian; zeros where a point is unknown."""
    frequencies = np.random.default_rng(0).normal(size=(points.shape[1], N_FREQUENCIES))
    known: Bools = np.asarray(np.isfinite(points).all(axis=1))
    turns = np.where(known[:, np.newaxis], points, 0.0) @ frequencies
    found = np.concatenate([np.cos(turns), np.sin(turns)], axis=1) * np.sqrt(weight / N_FREQUENCIES)
    return np.asarray(found * known[:, np.newaxis], np.float32)
