"""What a library writes for eyes, and what live pages read of it: the part of `vecclust.Library` that shows.

Only reads, but for the places of a map, which the library's writer keeps.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vecclust.config import Config
from vecclust.library import catalogue
from vecclust.library import showing as looking
from vecclust.library.paging import Paging
from vecclust.types.pages import PageReport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vecclust.store import Store


class Viewing:
    """The pages of one library; the base of `vecclust.Library`.

    Args:
        store: its tables.
        config: the settings.
    """

    def __init__(self, store: Store, *, config: Config) -> None:
        self._store = store
        self._config = config

    def gallery(self, out: Path | str, *, names: bool = True) -> PageReport:
        """Write the clusters as contact sheets: a folder of pages that open offline.

        Args:
            out: the folder; an earlier gallery there is replaced.
            names: whether file names, paths and cluster names are shown.

        Returns:
            What was written.

        Raises:
            UsageError: `out` holds something that vecclust did not make, or cannot be written.
        """
        from vecclust.exports.gallery import write_gallery

        store = self._store
        exhibit = catalogue.steadily(store, lambda: looking.read_gallery(store, catalogue.list_clusters(store)))
        return write_gallery(exhibit, _place(out), thumbnails=self._store.thumbnails, names=names)

    def map(self, out: Path | str, *, names: bool = True) -> PageReport:
        """Write the photos as points on a plane: one page that opens offline.

        Opened for writing, the library keeps the places, and the map of a later run begins at them.

        Args:
            out: the file; an earlier map there is replaced.
            names: whether file names, paths and cluster names are in it.

        Returns:
            What was written.

        Raises:
            UsageError: something that vecclust did not make is there, or it cannot be written.
        """
        from vecclust.exports.map import write_map

        store, seed = self._store, self._config.clusters.seed
        exhibit = catalogue.steadily(store, lambda: looking.read_map(store, catalogue.list_clusters(store), seed=seed))
        return write_map(exhibit, _place(out), thumbnails=self._store.thumbnails, names=names)

    def export(self, out: Path | str, *, names: bool = True) -> PageReport:
        """Write the map as a Parquet table, for Embedding Atlas and notebooks.

        Opened for writing, the library keeps the places, as `map` does.

        Args:
            out: the file; an earlier table there is replaced.
            names: whether file names, paths and cluster names are in it.

        Returns:
            What was written.

        Raises:
            UsageError: something that vecclust did not make is there, or it cannot be written.
        """
        from vecclust.exports.output import new_file
        from vecclust.store.points import is_point_table, write_points

        listed, place = catalogue.list_clusters(self._store), _place(out)
        with new_file(place, is_ours=is_point_table, option="--export") as file:
            points = looking.read_points(self._store, listed, seed=self._config.clusters.seed)
            write_points(points, file, names=names)
            size_bytes = file.stat().st_size
        return PageReport(str(place), len(points.photos), len(listed.clusters), 1, size_bytes)

    def thumbnails(self, photos: Collection[str]) -> Mapping[str, bytes]:
        """Read the small JPEGs of photos by content hash, leaving out those that have none."""
        return self._store.thumbnails(photos)

    def paging(self) -> Paging:
        """Give the library a page at a time, for pages that are live."""
        return Paging(self._store)

    def map_positions(self) -> tuple[list[str], NDArray[np.float32]]:
        """Give every photo's place on the map, laid out where that is not done yet.

        Returns:
            Content hashes, and (n, 2) float32 positions. Opened for writing, the library keeps them.
        """
        return looking.read_positions(self._store, seed=self._config.clusters.seed)


def _place(out: Path | str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(out)))
