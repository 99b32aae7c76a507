"""How far it is from one place to another."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vecclust.timeline.arrays import Float64s

# The mean radius of the Earth (IUGG): a sphere is at most 0.6 % off, less than any threshold here is sharp.
EARTH_RADIUS_M = 6_371_008.8


def distance_m(latitude: ArrayLike, longitude: ArrayLike, to_latitude: ArrayLike, to_longitude: ArrayLike) -> Float64s:
    """Measure distances along the Earth's surface, by the haversine formula.

    Args:
        latitude: degrees north, of any shape.
        longitude: degrees east, likewise.
        to_latitude: degrees north of the other ends, of a shape that fits.
        to_longitude: degrees east likewise.

    Returns:
        float64 metres; NaN where a place is not known.
    """
    north, to_north = np.radians(np.asarray(latitude, np.float64)), np.radians(np.asarray(to_latitude, np.float64))
    east, to_east = np.radians(np.asarray(longitude, np.float64)), np.radians(np.asarray(to_longitude, np.float64))
    square = np.sin((to_north - north) / 2) ** 2
    square = square + np.cos(north) * np.cos(to_north) * np.sin((to_east - east) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(square, 0.0, 1.0))), np.float64)
