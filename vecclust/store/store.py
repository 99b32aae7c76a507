"""A library, opened: the one thing other rooms hold in their hands.

Opening for writing takes the lock, sets torn commits aside, does due migrations and removes what killed refits left, in
this order. Opening for reading does none of this and changes nothing on the disk. A writer calls `maintain` after its
work, which decides by itself what is worth doing and changes no answer.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vecclust.store.files import FileTables
from vecclust.store.layout import META, LibraryPlace, StoreSettings, labels_table, run_number
from vecclust.store.photos import PhotoTables
from vecclust.store.runs import RunTables
from vecclust.store.schema import EDITS, FILES, NAMES, PHOTOS, TABLES, THUMBNAILS, Meta, bring_up_to_date, make_tables
from vecclust.store.tables import Tables
from vecclust.store.writer import Holder, WriterLock, read_holder

_log = logging.getLogger(__name__)
_INDEX_COLUMN = "vector"
# Rows an index does not cover yet are compared one by one, about 4 ms per 1,000 (512 wide): 5,000 are not
# felt.
_UNINDEXED_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Maintained:
    """What a round of maintenance did.

    Attributes:
        compacted: tables that were compacted or rid of old versions.
        indexed: whether the vector index was built or brought up to date.
        pruned: runs that can no longer be restored.
        thumbnails_removed: pictures whose photo has gone.
    """

    compacted: tuple[str, ...] = ()
    indexed: bool = False
    pruned: tuple[str, ...] = ()
    thumbnails_removed: int = 0


class Store(PhotoTables, FileTables, RunTables):
    """One library, open for reading or for writing. Made by `Store.open`, used as a context manager.

    Args:
        tables: the library's tables.
        meta: the library's entries.
        settings: how to commit and to tidy up.
        lock: the writer's lock, taken; None for reading.
    """

    def __init__(self, *, tables: Tables, meta: Meta, settings: StoreSettings, lock: WriterLock | None) -> None:
        super().__init__(tables=tables, meta=meta, settings=settings)
        self._lock = lock

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str],
        *,
        write: bool = False,
        create: bool = False,
        settings: StoreSettings | None = None,
    ) -> Self:
        """Open a library.

        Args:
            folder: the library's directory.
            write: become its one writer.
            create: make it where there is none; only for writing.
            settings: how to commit and to tidy up.

        Returns:
            The store; leaving it as a context manager, or `close`, gives the lock back.

        Raises:
            NotFound: there is no library.
            LibraryLocked: another writer holds it.
            StoreUnsuitable: the place cannot hold a library.
            StoreTooNew: a newer vecclust wrote it.
            StoreDamaged: a table cannot be read.
            ValueError: it is to be made but not written.
        """
        if create and not write:
            raise ValueError("a library is made by opening it for writing")
        place = LibraryPlace(Path(os.path.abspath(folder)))
        settings = settings or StoreSettings()
        if not create:
            place.require()
        if not write:
            return cls._opened(place, settings=settings, lock=None)
        place.prepare()
        lock = WriterLock(place, wait_s=settings.lock_wait_s)
        lock.acquire()
        try:
            place.probe()
            return cls._opened(place, settings=settings, lock=lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _opened(cls, place: LibraryPlace, *, settings: StoreSettings, lock: WriterLock | None) -> Self:
        writable = lock is not None
        if writable:
            place.sweep_discarded()
            for aside in place.set_torn_aside():
                _log.warning("a last commit was torn; it lies in %s now", aside)
        tables = Tables(place, writable=writable, settings=settings)
        meta = Meta(tables)
        if writable and not place.is_library:
            make_tables(tables, meta)
        bring_up_to_date(tables, meta)
        store = cls(tables=tables, meta=meta, settings=settings, lock=lock)
        if writable and (left := store.sweep_leftover_runs()):
            _log.info("removed what was left of %s", ", ".join(left))
        return store

    @property
    def writable(self) -> bool:
        """Whether this is the library's writer."""
        return self._lock is not None

    def stamp(self) -> str:
        """Name the state the library is in: another one means that something an answer may stand on has changed."""
        current = self.state().current_run
        tables = [PHOTOS, FILES, NAMES, EDITS, META, *([] if current is None else [labels_table(current)])]
        return "-".join([current or "r0", *(str(self._tables.version(table).number) for table in tables)])

    @staticmethod
    def last_writer(folder: str | os.PathLike[str]) -> Holder | None:
        """Read who says to be writing the library; believe it only as far as the process lives.

        Args:
            folder: the library's directory.

        Returns:
            The note, None where there is none.
        """
        return read_holder(LibraryPlace(Path(folder)))

    def maintain(self) -> Maintained:
        """Do what is due: prune, sweep, compact, index.

        Returns:
            What was done.
        """
        with self._writing():
            pruned = self._prune_runs()
            swept = self._sweep_thumbnails()
            compacted = [table for table in self._all_tables() if self._tables.tidy(table)]
            # Last, because compacting moves rows under an index.
            indexed = self._index()
        done = Maintained(tuple(compacted), indexed, tuple(pruned), swept)
        if done != Maintained():
            _log.info("maintenance: %s", done)
        return done

    def close(self) -> None:
        """Let go of the tables and give the lock back; a second call does nothing."""
        self._tables.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _all_tables(self) -> list[str]:
        current = self.state().current_run
        return [*TABLES, *([] if current is None else [labels_table(current)])]

    def _prune_runs(self) -> list[str]:
        """Let go of labels and arrays of old runs; their rows stay, for the history of clusters."""
        state = self.state()
        place = self._tables.place
        present = {run for run in (*place.labelled_runs(), *place.fit_runs()) if run_number(run) <= state.last_run}
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
        return self._tables.delete(THUMBNAILS, {"photo": orphans})

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
