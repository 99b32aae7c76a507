"""Places by how near photos were taken to one another: HDBSCAN on the globe, with its own haversine distance.

Leaves of its tree, joined below a stone's throw: a walk through a town leaves a trail without gaps, which any flat cut
makes one place, while the leaves are where photos gather along it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EARTH_M = 6_371_008.8
# Where one can walk to: gatherings nearer to one another than this are one place.
JOINED_BELOW_M = 150.0
# Photos that make a place, and neighbours that say how dense it is there.
LEAST_PHOTOS = 5
# A square of this side counts as many photos as make a place, though it has thousands: a home is no denser for
# that, and 200,000 photos are 86,000 points.
CELL_M = 100.0
# Who is further than this from the middle of a place was not there: leaves out in the country may be wide.
WALK_M = 1000.0


def find_places(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find places where photos were taken near one another.

    Args:
        latitudes: (n,) degrees north, NaN where unknown.
        longitudes: (n,) degrees east, likewise.

    Returns:
        (n,) int64 place of each photo from 0, -1 for none. Source: HDBSCAN (Campello et al. 2013), leaves joined by
        `cluster_selection_epsilon` (Malzer and Baum 2020).
    """
    places = np.full(len(latitudes), -1, np.int64)
    rows = np.flatnonzero(np.isfinite(latitudes) & np.isfinite(longitudes))
    if len(rows) < LEAST_PHOTOS:
        return places
    cells = _cells(latitudes[rows], longitudes[rows])
    order = np.argsort(cells, kind="stable")
    _, starts, back = np.unique(cells[order], return_index=True, return_inverse=True)
    rank = np.arange(len(order)) - starts[back]
    kept = order[rank < LEAST_PHOTOS]
    if len(kept) < LEAST_PHOTOS:
        return places
    labels = _fit(np.radians(np.stack([latitudes[rows[kept]], longitudes[rows[kept]]], axis=1)))
    # A square is of the place that most of those of it that were asked about are in.
    of_cell = np.full(len(starts), -1, np.int64)
    cell_of = np.empty(len(order), np.int64)
    cell_of[order] = back
    found = labels >= 0
    pairs, counts = np.unique(np.stack([cell_of[kept[found]], labels[found]]), axis=1, return_counts=True)
    by_count = np.argsort(counts, kind="stable")
    of_cell[pairs[0, by_count]] = pairs[1, by_count]
    places[rows] = of_cell[cell_of]
    return _walkable(places, latitudes, longitudes)


def _cells(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> NDArray[np.int64]:
    degrees = CELL_M / (EARTH_M * np.pi / 180)
    north = np.round(latitudes / degrees).astype(np.int64)
    shrunk = np.maximum(np.cos(np.radians(north * degrees)), 0.01)
    # At 180 degrees a square may be cut in two; what is in both is as near as ever.
    east: NDArray[np.int64] = np.round(longitudes * shrunk / degrees).astype(np.int64)
    return north * 4_000_000 + east


def _walkable(
    places: NDArray[np.int64], latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Take out of each place what is too far from its middle, and number those that are left."""
    rows = np.flatnonzero(places >= 0)
    rows = rows[np.argsort(places[rows], kind="stable")]
    kept = np.full(len(places), -1, np.int64)
    number = 0
    for members in np.split(rows, np.flatnonzero(np.diff(places[rows])) + 1):
        if len(members):
            # Around the first, so that 180 degrees is no edge.
            east = (longitudes[members] - longitudes[members[0]] + 180.0) % 360.0 - 180.0
            north = latitudes[members]
            shrunk = np.cos(np.radians(np.median(north)))
            away = np.hypot(north - np.median(north), (east - np.median(east)) * shrunk) * np.pi / 180 * EARTH_M
            inside = members[away <= WALK_M]
            if len(inside) >= LEAST_PHOTOS:
                kept[inside] = number
                number += 1
    return kept


def _fit(radians: NDArray[np.float64]) -> NDArray[np.int64]:
    from hdbscan import HDBSCAN

    # A tree of one place has no leaves.
    for selection in ("leaf", "eom"):
        found = HDBSCAN(
            min_cluster_size=LEAST_PHOTOS,
            min_samples=LEAST_PHOTOS,
            metric="haversine",
            cluster_selection_method=selection,
            cluster_selection_epsilon=JOINED_BELOW_M / EARTH_M,
            allow_single_cluster=selection == "eom",
            core_dist_n_jobs=1,
        ).fit_predict(radians)
        if found.max() >= 0:
            break
    return np.asarray(found, np.int64)
