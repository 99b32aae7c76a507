"""The order in which a large map keeps its photos, so that what is seen together lies on few sheets of pictures.

First come a few photos from everywhere, then more from everywhere, each such layer along a curve that stays near where
it is: a view of the whole needs the first sheets, a view of a part a stretch of each layer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vecclust.types.pages import MapView

# Cells along each axis of the first layer: one photo each fills one sheet. Each layer after it has twice as many.
FIRST_CELLS = 20
N_LAYERS = 6
# Bits of each coordinate along the curve.
_BITS = 10


def in_view_order(shown: MapView, places: NDArray[np.float64]) -> MapView:
    """Put a map's rows in the order in which they are seen.

    Args:
        shown: the map.
        places: (n, 2) where its photos are drawn, in [0, 1].

    Returns:
        The same map, its rows in another order.
    """
    rows = view_order(places)
    rank = np.empty(len(rows), np.int64)
    rank[rows] = np.arange(len(rows))
    return replace(
        shown,
        photos=tuple(shown.photos[row] for row in rows.tolist()),
        positions=shown.positions[rows],
        neighbours=rank[shown.neighbours[rows]].astype(np.int32),
        labels=shown.labels[rows],
        covers=tuple(int(rank[row]) for row in shown.covers),
    )


def view_order(places: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order points by layer, and within a layer along a Z-order curve (Morton 1966).

    Args:
        places: (n, 2) in [0, 1].

    Returns:
        (n,) int64, the point that comes first, then the second, and so on.
    """
    layer = np.full(len(places), N_LAYERS)
    for number in range(N_LAYERS):
        left = np.flatnonzero(layer == N_LAYERS)
        cells = np.minimum(places[left] * (n_cells := FIRST_CELLS << number), n_cells - 1).astype(np.int64)
        _, first = np.unique(cells[:, 0] * n_cells + cells[:, 1], return_index=True)
        layer[left[first]] = number
    return np.lexsort((_along_the_curve(places), layer))


def _along_the_curve(places: NDArray[np.float64]) -> NDArray[np.int64]:
    cells = np.minimum(places * (1 << _BITS), (1 << _BITS) - 1).astype(np.int64)
    code = np.zeros(len(places), np.int64)
    for bit in range(_BITS):
        code |= ((cells[:, 0] >> bit) & 1) << (2 * bit) | ((cells[:, 1] >> bit) & 1) << (2 * bit + 1)
    return code
