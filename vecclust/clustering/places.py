"""Places: photos taken within a walk of one another, by HDBSCAN under the haversine distance.

Knows degrees and metres, nothing of names. Photos of one small square count as one point, so that a library of any size
has as many points as places where its owner stood. Labels depend on where the points are, not on their order.
"""

from __future__ import annotations

import warnings

import numpy as np

from vecclust.clustering.arrays import Float64s, Int64s

# The mean radius of the Earth (IUGG).
EARTH_RADIUS_M = 6_371_008.8
# Squares of about 110 m: phones are as wrong as that among houses. Half as wide they cost a third more time and make
# the same places but for one in a hundred.
SQUARE_DEGREES = 0.001
# Tiles of some 5 km: what lies in tiles that do not touch is divided apart, so that a journey changes no street at home
# (and as HDBSCAN's time grows faster than the points).
TILE_DEGREES = 0.05
# A street is where one can walk to without a thought; HDBSCAN does not divide anything narrower.
STREET_M = 400.0
# A place has this many photos at least.
LEAST_PHOTOS = 5
# Wider than an hour's walk around, a group of squares is a town and no street, however densely somebody walked it.
MOST_ACROSS_M = 2_000.0
# Epsilons below this tell doors apart.
LEAST_EPSILON_M = 100.0
# A wide group that falls apart so that more than this share of it is in no street is one that was walked evenly: a
# smaller epsilon leaves crumbs of it, and it is cut into squares of a street's size instead.
MOST_LOST = 0.05
# Points on which the search may rest that are no photos: one of them is far from all.
_ANCHORS = ((-89.0, 0.0), (0.0, -155.0), (0.0, 85.0), (-50.0, -25.0), (-50.0, 100.0), (85.0, 0.0))


def find_places(latitudes: Float64s, longitudes: Float64s, *, least_photos: int = LEAST_PHOTOS) -> Int64s:
    """Find places: groups of photos within a walk of one another.

    Args:
        latitudes: (n,) float64 degrees north, NaN where none.
        longitudes: (n,) float64 degrees east, likewise.
        least_photos: photos of the smallest place, at least 2.

    Returns:
        (n,) int64, the place of each photo: 0 the one with most photos; -1 for none.

    Raises:
        ValueError: where a place would have less than 2 photos.
    """
    if least_photos < 2:
        raise ValueError(f"a place has at least 2 photos, not {least_photos}")
    labels = np.full(len(latitudes), -1, np.int64)
    known = np.flatnonzero(np.isfinite(latitudes) & np.isfinite(longitudes))
    if len(known) < least_photos:
        return labels
    points, square, counts = _squares(latitudes[known], longitudes[known])
    copies, region = np.minimum(counts, least_photos), _regions(points)
    found = np.full(len(points), -1, np.int64)
    order = np.argsort(region, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(region[order])) + 1):
        if copies[rows].sum() >= least_photos:
            streets = _streets(points[rows], copies[rows], epsilon_m=STREET_M, least=least_photos)
            found[rows] = np.where(streets >= 0, streets + found.max() + 1, -1)
    labels[known] = found[square]
    return _by_size(labels, least=least_photos)


def _squares(latitudes: Float64s, longitudes: Float64s) -> tuple[Float64s, Int64s, Int64s]:
    """Collapse photos to small squares.

    Returns:
        (s, 2) float64 middles in degrees; (n,) int64 the square of each photo; (s,) int64 photos of each.
    """
    east = (longitudes + 180.0) % 360.0 - 180.0
    row = np.round(latitudes / SQUARE_DEGREES)
    wide = SQUARE_DEGREES / np.maximum(np.cos(np.radians(row * SQUARE_DEGREES)), 0.01)
    column = np.round(east / wide)
    keys, square, counts = np.unique(np.stack([row, column], axis=1), axis=0, return_inverse=True, return_counts=True)
    middle = keys[:, 0] * SQUARE_DEGREES
    points = np.stack([middle, keys[:, 1] * SQUARE_DEGREES / np.maximum(np.cos(np.radians(middle)), 0.01)], axis=1)
    return np.clip(points, (-90.0, -180.0), (90.0, 180.0)), square.ravel(), counts.astype(np.int64)


def _regions(points: Float64s) -> Int64s:
    """Number regions of tiles that touch, right across 180 degrees, (s,) int64."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    around = round(360.0 / TILE_DEGREES)
    row = np.floor((points[:, 0] + 90.0) / TILE_DEGREES).astype(np.int64) + 1
    column = np.floor((points[:, 1] + 180.0) / TILE_DEGREES).astype(np.int64) % around
    tiles, tile = np.unique(row * around + column, return_inverse=True)
    ends = []
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        beside = (tiles // around + down) * around + (tiles + right) % around
        at = np.minimum(np.searchsorted(tiles, beside), len(tiles) - 1)
        there = np.flatnonzero(tiles[at] == beside)
        ends.append(np.stack([there, at[there]]))
    links = np.concatenate(ends, axis=1)
    graph = coo_array((np.ones(links.shape[1]), (links[0], links[1])), shape=(len(tiles), len(tiles)))
    return np.asarray(connected_components(graph, directed=False)[1][tile.ravel()], np.int64)


def _streets(points: Float64s, copies: Int64s, *, epsilon_m: float, least: int) -> Int64s:
    """Group squares, and again more narrowly what is too wide to be a street, (s,) int64."""
    labels = _hdbscan(points, copies, epsilon_m=epsilon_m, least=least)
    n_labels = int(labels.max(initial=-1)) + 1
    for label in range(n_labels):
        rows = np.flatnonzero(labels == label)
        if _across_m(points[rows]) <= MOST_ACROSS_M:
            continue
        parts = np.full(len(rows), -1, np.int64)
        if epsilon_m / 2 >= LEAST_EPSILON_M:
            parts = _streets(points[rows], copies[rows], epsilon_m=epsilon_m / 2, least=least)
        if copies[rows][parts < 0].sum() > MOST_LOST * copies[rows].sum():
            parts = _halved(points[rows])
        labels[rows] = np.where(parts >= 0, n_labels + parts, -1)
        n_labels += int(parts.max(initial=-1)) + 1
    return labels


def _hdbscan(points: Float64s, copies: Int64s, *, epsilon_m: float, least: int) -> Int64s:
    """Cluster squares, each as often as it has photos up to the fewest of a place, (s,) int64."""
    from hdbscan import HDBSCAN

    anchor = max(_ANCHORS, key=lambda place: float(_distance_m(points, np.asarray(place)).min()))
    # Without something far away all photos of one place would be the root of the tree, which is never chosen.
    each = np.concatenate([np.repeat(points, copies, axis=0), np.tile(anchor, (least, 1))])
    model = HDBSCAN(
        min_cluster_size=least,
        min_samples=1,
        metric="haversine",
        cluster_selection_epsilon=epsilon_m / EARTH_RADIUS_M,
        core_dist_n_jobs=1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = np.asarray(model.fit_predict(np.radians(each)), np.int64)
    first = np.concatenate([[0], np.cumsum(copies)[:-1]])
    own = labels[first]
    return np.asarray(np.where(own == labels[-1], -1, own) if labels[-1] >= 0 else own, np.int64)


def _halved(points: Float64s) -> Int64s:
    """Cut squares that lie evenly in halves across their longer side, until each is a street, (s,) int64."""
    if _across_m(points) <= MOST_ACROSS_M:
        return np.zeros(len(points), np.int64)
    # The eastings count from one of them: a street may lie across 180 degrees.
    east = (points[:, 1] - points[0, 1] + 180.0) % 360.0 - 180.0
    sides = np.stack([points[:, 0], east * np.cos(np.radians(points[0, 0]))], axis=1)
    side = sides[:, int(np.ptp(sides, axis=0).argmax())]
    upper = side > (side.min() + side.max()) / 2
    labels = np.zeros(len(points), np.int64)
    labels[~upper] = _halved(points[~upper])
    labels[upper] = labels[~upper].max() + 1 + _halved(points[upper])
    return labels


def _across_m(points: Float64s) -> float:
    """Return how far squares reach: twice the distance of the farthest from one in their middle, at most."""
    if len(points) < 2:
        return 0.0
    ends = points[int(_distance_m(points, points[0]).argmax())]
    return float(_distance_m(points, ends).max())


def _distance_m(points: Float64s, place: Float64s) -> Float64s:
    """Measure the distance of each point from a place, by the haversine formula, (s,) float64."""
    north, east = np.radians(points[:, 0]), np.radians(points[:, 1])
    to_north, to_east = np.radians(place)
    square = np.sin((north - to_north) / 2) ** 2 + np.cos(north) * np.cos(to_north) * np.sin((east - to_east) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(square, 0.0, 1.0))), np.float64)


def _by_size(labels: Int64s, *, least: int) -> Int64s:
    """Number groups by their photos, the largest first and of equals the one that comes first; small ones are none."""
    there = labels >= 0
    names, first, which, counts = np.unique(labels[there], return_index=True, return_inverse=True, return_counts=True)
    ranks = np.lexsort((first, -counts))
    number = np.empty(len(names), np.int64)
    number[ranks] = np.arange(len(names))
    number[counts < least] = -1
    numbered = np.full(len(labels), -1, np.int64)
    numbered[there] = number[which.ravel()]
    return numbered
