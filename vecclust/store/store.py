"""A library, opened: the one thing other rooms hold in their hands.

Opening for writing takes the lock, sets torn commits aside, does due migrations and removes what killed
refits left, in this order. Opening for reading does none of this and changes nothing on the disk.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from vecclust.errors import StoreDamaged
from vecclust.store.files import FileShelf
from vecclust.store.lock import WriterLock, read_holder
from vecclust.store.meta import Meta
from vecclust.store.migrations import bring_up_to_date
from vecclust.store.photos import PhotoShelf
from vecclust.store.place import LibraryPlace
from vecclust.store.schema import EDITS, FILES, FIXED_TABLES, META, NAMES, PHOTOS, labels_table, table_schema
from vecclust.store.search import SearchShelf
from vecclust.store.settings import StoreSettings
from vecclust.store.shown import ShownShelf
from vecclust.store.tables import Tables
from vecclust.store.upkeep import UpkeepShelf
from vecclust.store.values import Holder

_log = logging.getLogger(__name__)


class Store(PhotoShelf, FileShelf, ShownShelf, SearchShelf, UpkeepShelf):
    """One library, open for reading or for writing. Made by `Store.open`, used as a context manager."""

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
        """
        if create and not write:
            raise ValueError("a library is made by opening it for writing")
        place = LibraryPlace(Path(os.path.abspath(folder)))
        settings = settings or StoreSettings()
        if not write:
            place.require()
            return cls._opened(place, settings=settings, lock=None)
        if not create:
            place.require()
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
            for table in place.table_names():
                for aside in place.set_torn_aside(table):
                    _log.warning("the last commit of %s was torn; it lies in %s now", table, aside)
        tables = Tables(place, writable=writable, settings=settings)
        meta = Meta(tables)
        if writable and not place.is_library:
            _make(tables, meta)
        bring_up_to_date(tables, meta)
        store = cls(tables=tables, meta=meta, settings=settings, lock=lock)
        if writable and (left := store.sweep_leftover_runs()):
            _log.info("removed what was left of %s", ", ".join(left))
        return store

    @property
    def writable(self) -> bool:
        """Whether this is the library's writer."""
        return self._lock is not None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read one version."""
        yield

    def stamp(self) -> str:
        """Name the state the library is in: another one means that something an answer may stand on has changed."""
        current = self._meta.state().current_run
        tables = [PHOTOS, FILES, NAMES, EDITS, META, *([] if current is None else [labels_table(current)])]
        versions = (self._tables.version(table) for table in tables)
        return "-".join([current or "r0", *map(str, versions)])

    @staticmethod
    def last_writer(folder: str | os.PathLike[str]) -> Holder | None:
        """Read who says to be writing the library; believe it only as far as the process lives."""
        return read_holder(LibraryPlace(Path(folder)))

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


def _make(tables: Tables, meta: Meta) -> None:
    """Make the tables of a new library, also where a making was killed."""
    if tables.count(PHOTOS):
        raise StoreDamaged(
            f"the library's own entries are missing in {tables.place.folder}, its photos are there",
            hint="Restore a backup or scan into a new library",
        )
    for table in tables.place.table_names():
        tables.drop(table)
    for table in FIXED_TABLES:
        tables.create(table, table_schema(table).empty_table())
    meta.create()
