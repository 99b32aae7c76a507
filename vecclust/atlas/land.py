"""The outline of land, for maps of the world."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_FILE = Path(__file__).with_name("land.npz")


@cache
def land_outlines() -> tuple[NDArray[np.float32], ...]:
    """Give the rings that bound land, lakes left out, to some five kilometres.

    What lies across 180 degrees goes on beyond it, and is there once from either side: a map is cut at its edges.

    Returns:
        One (n, 2) float32 array a ring: degrees east, then degrees north; the last point is the first.

    Source: Natural Earth, 1:50 million.
    """
    with np.load(_FILE, allow_pickle=False) as data:
        points = data["points"].astype(np.float32) * np.float32(data["grid"])
        return tuple(np.split(points, data["ends"][:-1]))
