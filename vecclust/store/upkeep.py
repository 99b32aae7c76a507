"""Maintenance: compaction, old versions, the vector index, runs that are too old, pictures without a photo.

A writer calls it after its work; it decides by itself what is worth doing. Nothing here changes an answer.
"""

from __future__ import annotations

import logging

from vecclust.store.filters import one_of
from vecclust.store.schema import (
    CLUSTERS,
    EDITS,
    FILES,
    META,
    NAMES,
    PHOTOS,
    RUNS,
    THUMBNAILS,
    labels_table,
    run_number,
    run_of_labels_table,
)
from vecclust.store.shelf import Shelf, in_parts
from vecclust.store.values import Maintained

_log = logging.getLogger(__name__)
_INDEX_COLUMN = "vector"
# Rows an index does not cover yet are compared one by one, about 4 ms per 1,000 (512 wide): 5,000 are not
# felt.
_UNINDEXED_ROWS = 5_000


class UpkeepShelf(Shelf):
    """The part of a store that keeps it quick and small."""

    def maintain(self) -> Maintained:
        """Do what is due: prune, sweep, compact, index.

        Returns:
            What was done.
        """
        with self._writing:
            pruned = self._prune_runs()
            swept = self._sweep_thumbnails()
            compacted = [table for table in self._all_tables() if self._tables.tidy(table)]
            # Last, because compacting moves rows under an index.
            indexed = self._index()
        done = Maintained(tuple(compacted), indexed, tuple(pruned), swept)
        if done != Maintained():
            _log.info("maintenance: %s", done)
        return done

    def _all_tables(self) -> list[str]:
        current = self._meta.state().current_run
        fixed = [PHOTOS, THUMBNAILS, FILES, RUNS, CLUSTERS, NAMES, EDITS, META]
        return fixed if current is None else [*fixed, labels_table(current)]

    def _prune_runs(self) -> list[str]:
        """Let go of labels and arrays of old runs; their rows stay, for the history of clusters."""
        state = self._meta.state()
        place = self._tables.place
        labelled = filter(None, map(run_of_labels_table, place.table_names()))
        present = {run for run in (*labelled, *place.fit_runs()) if run_number(run) <= state.last_run}
        old = sorted(present, key=run_number)[: -self._settings.keep_runs]
        pruned = [run for run in old if run != state.current_run]
        for run in pruned:
            # Labels first: without them the run no longer counts as restorable. A killed prune is done again.
            self._tables.drop(labels_table(run))
            place.discard(place.fit(run))
        return pruned

    def _sweep_thumbnails(self) -> int:
        if self._tables.count(THUMBNAILS) <= self._tables.count(PHOTOS):
            return 0
        orphans = self._tables.keys(THUMBNAILS, "photo") - self._tables.keys(PHOTOS, "photo")
        return sum(self._tables.delete(THUMBNAILS, one_of("photo", part)) for part in in_parts(orphans))

    def _index(self) -> bool:
        """Build the vector index where it pays, or take in the rows it does not cover."""
        n_photos = self._tables.count(PHOTOS)
        if n_photos < self._settings.index_from_photos:
            return False
        indexes = self._tables.query(PHOTOS, lambda table: list(table.list_indices()))
        mine = [index for index in indexes if list(index.columns) == [_INDEX_COLUMN]]
        if not mine:
            from lancedb.index import IvfSq

            self._tables.build_index(PHOTOS, _INDEX_COLUMN, IvfSq(distance_type="cosine"))
            return True
        if sum(index.num_unindexed_rows or 0 for index in mine) <= max(_UNINDEXED_ROWS, n_photos // 20):
            return False
        self._tables.optimize(PHOTOS)
        return True
