"""Where each photo lies on the map: read from the run, or laid out and, by the library's writer, kept with the run.

A run's own map is not laid out twice: photos that came since are put beside their nearest. A new run's map begins at
the newest earlier one. The file is a cache: one that is missing or damaged is made again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import DamagedRun
from vecclust.library.runs.rows import pack_photos, reading_arrays, save_arrays, unpack_photos

if TYPE_CHECKING:
    from vecclust.clustering.neighbours import Neighbours
    from vecclust.store import Store

log = logging.getLogger(__name__)

MAP_FILE = "map.npz"
# Newcomers at the mean of their nearest pile up in the middle of clusters: a map of which more than this share has
# come so is laid out anew, beginning at itself.
MOST_NEWCOMERS = 0.2


@dataclass(frozen=True, eq=False)
class MapPositions:
    """Where photos lie on the map.

    Attributes:
        photos: content hashes.
        positions: (n, 2) float32 in their order, finite.
        laid_out_for: the run whose map this is from now on, or None where nothing was laid out that is to be kept.
    """

    photos: Sequence[str]
    positions: NDArray[np.float32]
    laid_out_for: str | None = None


def map_positions(
    store: Store, photos: Sequence[str], *, vectors: NDArray[np.float32], graph: Callable[[], Neighbours], seed: int
) -> MapPositions:
    """Give every photo its place on the map; nothing is kept, so that no lock is held while it is laid out.

    Args:
        store: the library.
        photos: content hashes, in the order of the rows.
        vectors: (n, d) float32 unit norm.
        graph: gives the nearest rows of each row; asked only where photos are to be placed.
        seed: of the layout.

    Returns:
        The positions, which `keep_map` keeps for the next time.
    """
    from vecclust.clustering.layout import map_layout
    from vecclust.clustering.warm_start import impute_positions

    current = store.state().current_run
    source, earlier = _earlier(store, current, photos)
    if earlier is not None and source == current:
        n_new = int(np.isnan(earlier).any(axis=1).sum())
        if n_new == 0:
            return MapPositions(photos, earlier)
        if n_new <= MOST_NEWCOMERS * len(photos):
            placed = impute_positions(earlier, graph=graph())
            if placed is not None:
                return MapPositions(photos, placed)
    return MapPositions(photos, map_layout(vectors, seed=seed, graph=graph(), earlier=earlier), laid_out_for=current)


def kept_positions(store: Store, photos: Sequence[str]) -> NDArray[np.float32] | None:
    """Read where the current run's map has these photos, without laying anything out.

    Args:
        store: the library.
        photos: content hashes.

    Returns:
        (n, 2) float32, finite, or None where one of them has no place yet.
    """
    current = store.state().current_run
    source, earlier = _earlier(store, current, photos)
    if earlier is None or source != current or np.isnan(earlier).any():
        return None
    return earlier


def _earlier(store: Store, current: str | None, photos: Sequence[str]) -> tuple[str | None, NDArray[np.float32] | None]:
    """Find the current run's map, else that of the newest run before it, as rows of these photos."""
    names = [run.run for run in store.runs()]
    if current not in names:
        return None, None
    for run in reversed(names[: names.index(current) + 1]):
        try:
            known = _read(store.fit_folder(run) / MAP_FILE)
        except DamagedRun as reason:
            log.warning("the map of run %s cannot be used and is made again: %s", run, reason)
            continue
        positions = np.array([known.get(photo, (np.nan, np.nan)) for photo in photos], np.float32).reshape(-1, 2)
        if np.isfinite(positions).all(axis=1).any():
            return run, positions
    return None, None


def _read(path: Path) -> dict[str, tuple[float, float]]:
    if not path.exists():
        return {}
    with reading_arrays(path) as arrays:
        photos, positions = unpack_photos(arrays["photos"]), arrays["positions"]
        if positions.shape != (len(photos), 2) or positions.dtype != np.float32 or not np.isfinite(positions).all():
            raise ValueError("the positions are not those of the photos")
    return {photo: (float(x), float(y)) for photo, (x, y) in zip(photos, positions, strict=True)}


def keep_map(store: Store, laid: MapPositions) -> None:
    """Keep a map that was laid out beside its run's arrays; where that fails, it is only laid out again the next time.

    Args:
        store: the library; one that is opened for reading keeps nothing, nor does one whose run is another by now.
        laid: as `map_positions` gave it.
    """
    run = laid.laid_out_for
    if run is None or not store.writable or run != store.state().current_run:
        return
    try:
        file = store.fit_folder(run) / MAP_FILE
        beside = file.with_name(MAP_FILE + ".new")
        save_arrays(beside, photos=pack_photos(laid.photos), positions=laid.positions.astype(np.float32))
        os.replace(beside, file)
    except (OSError, DamagedRun) as reason:
        log.warning("the map of run %s is not kept: %s", run, reason)
