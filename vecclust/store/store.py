"""A library, opened: the one thing other rooms hold in their hands.

Opening for writing takes the lock, sets torn commits aside, does due migrations and removes what killed refits left, in
this order. Opening for reading does none of this and changes nothing on the disk. A writer calls `maintain` after its
work, which decides by itself what is worth doing and changes no answer.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vecclust.errors import StoreDamaged
from vecclust.store.failures import MEND_HINT, refusal
from vecclust.store.files import FileTables
from vecclust.store.layout import (
    EDITS,
    META,
    NAMED_FILE,
    NO_TABLE,
    TIMELINE,
    LibraryPlace,
    StoreSettings,
    is_photo_table,
    labels_table,
    run_number,
)
from vecclust.store.ledger import Fault, Ledger
from vecclust.store.models import ModelTables, migration_place
from vecclust.store.photos import PhotoTables
from vecclust.store.schema import (
    FILES,
    NAMES,
    PHOTOS,
    TABLES,
    THUMBNAILS,
    Meta,
    bring_up_to_date,
    make_tables,
    photos_table,
    refuse_newer,
)
from vecclust.store.tables import Tables, border
from vecclust.store.upgrades import drop_kept
from vecclust.store.writer import Holder, WriterLock, read_holder
from vecclust.types.checkup import CheckDepth

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


class Store(PhotoTables, FileTables, ModelTables):
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
        # What was found damaged, and what was done about it, until somebody has said so.
        self.mended: tuple[str, ...] = ()

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str],
        *,
        write: bool = False,
        create: bool = False,
        settings: StoreSettings | None = None,
        repair: CheckDepth | None = None,
    ) -> Self:
        """Open a library.

        Args:
            folder: the library's directory.
            write: become its one writer.
            create: make it where there is none; only for writing.
            settings: how to commit and to tidy up.
            repair: how closely to look for damage, only for writing; None for as closely as every writer does.

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
        try:
            return cls._open(folder, write=write, create=create, settings=settings, repair=repair)
        except OSError as error:
            raise (refusal(error) or error) from error

    @classmethod
    def _open(
        cls,
        folder: str | os.PathLike[str],
        *,
        write: bool,
        create: bool,
        settings: StoreSettings | None,
        repair: CheckDepth | None,
    ) -> Self:
        place = LibraryPlace(Path(os.path.abspath(folder)))
        settings = settings or StoreSettings()
        if not create and not (place.newest(META) is NO_TABLE and Ledger(place).note(META) is not None):
            place.require()
        tables = None
        if place.tables.is_dir():
            # Before anything is written, be it a lock: a newer vecclust may mean something else by it.
            tables = Tables(place, writable=write, settings=settings)
            refuse_newer(tables, Meta(tables))
        if not write:
            return cls._opened(tables or Tables(place, writable=False, settings=settings), settings=settings, lock=None)
        place.prepare()
        lock = WriterLock(place, wait_s=settings.lock_wait_s)
        lock.acquire()
        try:
            place.probe()
            opened = tables or Tables(place, writable=True, settings=settings)
            return cls._opened(opened, settings=settings, lock=lock, repair=repair)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open_beside(cls, folder: str | os.PathLike[str], *, settings: StoreSettings | None = None) -> Self:
        """Open a library to fill another model's table of photos, while its writer goes on with everything else.

        Args:
            folder: the library's directory.
            settings: how to commit and to tidy up.

        Returns:
            The store; it reads everything and writes no table but those of photos.

        Raises:
            NotFound: there is no library.
            LibraryLocked: another process is filling that table.
        """
        place = LibraryPlace(Path(os.path.abspath(folder)))
        settings = settings or StoreSettings()
        place.require()
        from vecclust.store.beside import mend_beside

        lock = WriterLock(migration_place(place), wait_s=settings.lock_wait_s)
        lock.acquire()
        try:
            tables = Tables(place, writable=True, settings=settings, only=PHOTOS)
            meta = Meta(tables)
            for sentence in mend_beside(tables, meta.entries()):
                _log.warning("%s", sentence)
            return cls(tables=tables, meta=meta, settings=settings, lock=lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _opened(
        cls,
        tables: Tables,
        *,
        settings: StoreSettings,
        lock: WriterLock | None,
        repair: CheckDepth | None = None,
    ) -> Self:
        writable, place = lock is not None, tables.place
        meta = Meta(tables)
        mended = _mended(tables, meta, repair=repair) if writable else []
        if not writable:
            refuse_damaged(tables)
        if writable and not place.is_library:
            make_tables(tables, meta)
        if not bring_up_to_date(tables, meta) and writable:
            drop_kept(place.folder)
        store = cls(tables=tables, meta=meta, settings=settings, lock=lock)
        store.mended = tuple(mended)
        if writable and (left := store.sweep_leftover_runs()):
            _log.info("removed what was left of %s", ", ".join(left))
            store.mended += (f"what a killed fit left of {', '.join(left)} was removed",) * (repair is not None)
        if writable:
            store.sweep_former_model()
        if repair is not None:
            store.mended += tuple(store._completed())
        return store

    @property
    def writable(self) -> bool:
        """Whether this is the library's writer."""
        return self._lock is not None

    def stamp(self) -> str:
        """Name the state the library is in: another one means that something an answer may stand on has changed."""
        current = self.state().current_run
        tables = [
            self._photos,
            FILES,
            NAMES,
            EDITS,
            TIMELINE,
            META,
            *([] if current is None else [labels_table(current)]),
        ]
        versions = [str(self._tables.version(table).number) for table in tables]
        return "-".join([current or "r0", *versions, self._named_at(current)])

    def _named_at(self, run: str | None) -> str:
        """Tell when the clusters of a run were named last; names may be found after the run was."""
        try:
            return "" if run is None else str(os.stat(self._tables.place.fit(run) / NAMED_FILE).st_mtime_ns)
        except OSError:
            return ""

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

    def mend(self) -> None:
        """Look again whether the tables are what was noted, as at the opening, and mend what is not.

        Raises:
            StoreDamaged: it cannot be mended.
        """
        with self._writing():
            self._tables.close()
            self.mended += tuple(_mended(self._tables, self._meta, repair=None))

    def refuse_damaged(self) -> None:
        """Raise where a table is not what was noted of it; a few milliseconds.

        Raises:
            StoreDamaged: one is not.
        """
        refuse_damaged(self._tables)

    def drop_dangling(self) -> int:
        """Remove labels of photos that are not there, which only damage leaves behind.

        Returns:
            How many there were.
        """
        with self._writing():
            run = self.state().current_run
            if run is None:
                return 0
            dangling = self._tables.keys(labels_table(run), "photo") - self._tables.keys(self._photos, "photo")
            return self._tables.delete(labels_table(run), {"photo": dangling}) if dangling else 0

    def set_fit_aside(self, run: str, names: Sequence[str]) -> None:
        """Take arrays of a run that cannot be read out of the way, keeping them; a refit makes new ones.

        Args:
            run: its id.
            names: files in its folder; those that are not there are passed over.
        """
        from vecclust.store.mending import set_aside

        with self._writing(), border("looking after the library", place=self.folder):
            place = self._tables.place
            for name in names:
                set_aside(place, place.fit(run) / name)
            self._tables.ledger.record_fit(run)

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

    def _completed(self) -> list[str]:
        """Write a second time what stands once, and count on from the highest number of a cluster."""
        from vecclust.store.checkup import complete_copies, next_cluster_of

        done = complete_copies(self._tables)
        state, least = self.state(), next_cluster_of(self._tables)
        if state.next_cluster < least:
            self._meta.commit_state(dataclasses.replace(state, next_cluster=least))
            done.append(f"the next cluster is c{least}: the number before it was taken already")
        return done

    def _all_tables(self) -> list[str]:
        current = self.state().current_run
        fixed = [self._photos if table == PHOTOS else table for table in TABLES]
        return [*fixed, *([] if current is None else [labels_table(current)])]

    def _prune_runs(self) -> list[str]:
        """Let go of labels and arrays of old runs; their rows stay, for the history of clusters."""
        state = self.state()
        place = self._tables.place
        present = {run for run in (*place.labelled_runs(), *place.fit_runs()) if run_number(run) <= state.last_run}
        old = sorted(present, key=run_number)[: -self._settings.keep_runs]
        former = self.former_model()
        needed = {state.current_run, former.run if former is not None and former.kept else None}
        pruned = [run for run in old if run not in needed]
        for run in pruned:
            # Labels first: without them the run no longer counts as restorable. A killed prune is done again.
            self._tables.drop(labels_table(run))
            self._tables.ledger.forget_fit(run)
            place.discard(place.fit(run))
        return pruned

    def _sweep_thumbnails(self) -> int:
        if self._tables.count(THUMBNAILS) <= self._tables.count(self._photos):
            return 0
        orphans = self._tables.keys(THUMBNAILS, "photo") - self._tables.keys(self._photos, "photo")
        return self._tables.delete(THUMBNAILS, {"photo": orphans})

    def _index(self) -> bool:
        """Build the vector index where it pays, or take in the rows it does not cover."""
        n_photos = self._tables.count(self._photos)
        if n_photos < self._settings.index_from_photos:
            return False
        indexes = self._tables.query(self._photos, lambda table: list(table.list_indices()))
        mine = [index for index in indexes if list(index.columns) == [_INDEX_COLUMN]]
        if not mine:
            from lancedb.index import IvfSq

            self._tables.build_index(self._photos, _INDEX_COLUMN, IvfSq(distance_type="cosine"))
            return True
        if sum(index.num_unindexed_rows or 0 for index in mine) <= max(_UNINDEXED_ROWS, n_photos // 20):
            return False
        self._tables.optimize(self._photos)
        return True


def _mended(tables: Tables, meta: Meta, *, repair: CheckDepth | None) -> list[str]:
    """Set right what can be, before anything is read; say so, where nobody asked for it and shows what was done."""
    from vecclust.store.checkup import leftovers, unnoted_tables, unsound_tables
    from vecclust.store.mending import mend, mend_files

    place = tables.place
    unnoted, left = (unnoted_tables(tables), sorted(leftovers(place))) if repair is not None else ([], [])
    with border("looking after the library", place=place.folder):
        place.sweep_discarded()
        faults, done = mend_files(place, tables.ledger, deep=repair == "deep")
    if repair not in (None, "quick"):
        known = [fault.table for fault in faults]
        faults += unsound_tables(tables, leave_out=known, with_pictures=repair == "deep")
    done += mend(tables, meta, faults)
    if repair is not None and place.is_library:
        if tables.ledger.note(META) is None:
            tables.record(META)
        done += [f"what was left by a killed process was removed: {', '.join(left)}"] * bool(left)
        done += [f"what the tables consist of was noted anew: {', '.join(unnoted)}"] * bool(unnoted)
    for sentence in done:
        _log.log(logging.WARNING if repair is None else logging.INFO, "%s", sentence)
    return done


def refuse_damaged(tables: Tables) -> None:
    """Raise where a table is not what was noted, so that no answer stands on half of the rows.

    No answer stands on what is being made for another model, nor on what was there of the one before. What a writer
    does at the same moment may look like damage for an instant: only what is still so at a second look is.

    Args:
        tables: the library's tables.

    Raises:
        StoreDamaged: it is.
    """
    for _ in range(2):
        ledger = Ledger(tables.place)
        faults = [fault for fault in ledger.faults() if fault.lost or fault.files]
        faults += [Fault(table, "rows of it are gone") for table in ledger.tables() if tables.shrank(table)]
        if any(is_photo_table(fault.table) for fault in faults):
            own = photos_table(Meta(tables).entries())
            faults = [fault for fault in faults if fault.table == own or not is_photo_table(fault.table)]
        if not faults:
            return
    raise StoreDamaged(
        f"the library in {tables.place.folder} is damaged: the table {faults[0].table}: {faults[0].what}"
        + (f", and {len(faults) - 1} more" if len(faults) > 1 else ""),
        hint=MEND_HINT,
    )
