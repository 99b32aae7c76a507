"""The tables as sets of rows: read, add, merge, delete, compact. What the rows mean is not known here.

The one module that calls lancedb, which `vendor` imports. Every write is one commit: made under the writer's lock,
tried again on a conflict, synced to the disk before it is acknowledged. Every read is of one version of its table: the
newest of any process, or within a `snapshot` the one that was the newest when the snapshot first asked. Keyed writes
scan the key column instead of using an index, for with an index LanceDB lets two writers insert the same new key.
"""

from __future__ import annotations

import functools
import logging
import operator
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from vecclust.errors import StoreDamaged, StoreFull, VecclustError
from vecclust.store.failures import FULL_HINT, MEND_HINT, PANICS, is_conflict, translated
from vecclust.store.layout import (
    GROWING_TABLES,
    LATE_TABLES,
    META,
    NO_TABLE,
    LibraryPlace,
    StoreSettings,
    Version,
    manifest_number,
    manifests,
    storable_text,
)
from vecclust.store.ledger import Ledger
from vecclust.store.vendor import load_lancedb
from vecclust.store.writer import SyncedFiles

# Older than any version.
_ALWAYS = timedelta(days=36_500)
# All numbers of a column; its ends are no bounds to a filter.
INT64 = range(-(2**63), 2**63)

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
# Which rows: by column, the values of which it holds one, or the range it lies in; all of several columns hold. No
# value is ever spliced into SQL, whatever it contains: quotes, backslashes, emoji.
Where = Mapping[str, Collection[str] | Collection[int] | range | slice]

# Under our own lock nobody but our own maintenance can be in the way, which takes seconds at most.
_TRIES = 6
_FIRST_PAUSE_S = 0.05
# The photos, their thumbnails and the labels of the current run; at 200,000 photos the keys of each take 30 MB.
_MOST_KEY_SETS = 3
# What is read whole of small tables: entries, edits, names, runs, the clusters of the runs asked for last.
_MOST_READINGS = 16
# One filter with 10,000 ids takes 0.1 s; past that, several filters cost less memory and no more time.
_IDS_PER_FILTER = 5_000


@contextmanager
def border(doing: str, *, place: Path) -> Iterator[None]:
    """Turn whatever lancedb raises inside into our own errors.

    Args:
        doing: what is being done, as the object of "while": `adding photos`.
        place: where, for the message.

    Raises:
        StoreFull: no space, or no more allowed, where the library lies.
        StoreUnsuitable: the place refuses to be written.
        StoreDamaged: a table cannot be read.
        StoreError: anything else.
    """
    try:
        yield
    except (VecclustError, GeneratorExit):
        raise
    # Broad on purpose: this is the border, and lancedb names no exceptions that could be listed.
    except Exception as error:
        raise translated(error, doing=doing, place=place) from error
    except BaseException as error:
        if type(error).__module__ != PANICS:
            raise
        raise translated(error, doing=doing, place=place) from error


def retried(
    attempt: Callable[[], _T], *, again: Callable[[], object], pause: Callable[[float], None] = time.sleep
) -> _T:
    """Commit, and commit again where another commit came first.

    Args:
        attempt: makes one commit; a conflict means that it did not happen.
        again: called before every new attempt, to read the newest version.
        pause: waits the given seconds.

    Returns:
        What the attempt returned.
    """
    for tries in range(1, _TRIES):
        try:
            return attempt()
        except (RuntimeError, ValueError, OSError) as error:
            if not is_conflict(error):
                raise
            _log.info("another commit came first, trying again (%d of %d)", tries, _TRIES)
            pause(_FIRST_PAUSE_S * 2 ** (tries - 1))
            again()
    return attempt()


def condition(where: Where) -> Any:
    """Turn a choice of rows into the vendor's expression.

    It is handed over as it is and never rendered: its text form (`to_sql`) escapes a quote but not a backslash before
    it. Text that cannot be stored cannot be found either, and is no error to look for.

    Args:
        where: which rows, by at least one column; rows where a column is null are not chosen.
    """
    from lancedb.expr import col, lit

    parts = []
    for column, wanted in where.items():
        if isinstance(wanted, range):
            parts += [col(column) >= lit(wanted.start)] * (wanted.start > INT64.start)
            parts += [col(column) < lit(wanted.stop)] * (wanted.stop < INT64.stop)
        elif isinstance(wanted, slice):
            parts += [col(column) >= lit(wanted.start)] if wanted.start is not None else []
            parts += [col(column) < lit(wanted.stop)] if wanted.stop is not None else []
        else:
            values = [storable_text(one) if isinstance(one, str) else one for one in wanted]
            parts.append(col(column).isin([lit(value) for value in values]))
    return functools.reduce(operator.and_, parts)


def _conditions(where: Where) -> Iterator[Any]:
    """Turn a choice of rows into expressions of bearable length, each row in one of them; none for no values."""
    for column, wanted in where.items():
        if not isinstance(wanted, range | slice) and not 0 < len(wanted) <= _IDS_PER_FILTER:
            keys: list[Any] = list(dict.fromkeys(wanted))
            for start in range(0, len(keys), _IDS_PER_FILTER):
                yield condition({**where, column: keys[start : start + _IDS_PER_FILTER]})
            return
    yield condition(where)


def rows_of(batches: Iterable[Any], columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of record batches as plain values.

    Args:
        batches: arrow record batches.
        columns: names of some of their columns, in the order in which values are wanted.
    """
    for batch in batches:
        yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)


# By table and what was read of it.
_Readings = OrderedDict[tuple[str, str], tuple[Version, Any]]


class _Versioned(threading.local):
    """The versions that this thread's snapshot reads; None where it has none."""

    seen: dict[str, Version] | None = None


class Tables:
    """The tables of one library.

    Args:
        place: the library.
        writable: whether this process holds the writer's lock.
        settings: sizes of caches and commits.
        only: what names of tables begin with that may be written, for who does not hold the writer's lock.
    """

    def __init__(self, place: LibraryPlace, *, writable: bool, settings: StoreSettings, only: str = "") -> None:
        lancedb = load_lancedb()
        self.place = place
        self.writable = writable
        self._only = only
        self._settings = settings
        self._synced = SyncedFiles() if writable else None
        self.ledger = Ledger(place)
        self._snapshot = _Versioned()
        # Handles that only read, each held at a version: a handle that writes would take readers along.
        self._handles: dict[str, tuple[Version, Any]] = {}
        # What was read of tables, each as of one version; threads may ask side by side.
        self._readings, self._keys = _Readings(), _Readings()
        self._learning = threading.Lock()
        with border("opening the library", place=place.folder):
            self._connection = lancedb.connect(
                place.tables.absolute(),
                session=lancedb.Session(
                    index_cache_size_bytes=settings.index_cache_bytes,
                    metadata_cache_size_bytes=settings.metadata_cache_bytes,
                ),
            )

    @contextmanager
    def snapshot(self, *tables: str) -> Iterator[None]:
        """Read one version of each table within; snapshots within one another are one.

        A snapshot is its thread's own. What the thread itself writes within is seen at once.

        Args:
            tables: those whose version counts from the beginning; that of any other from its first use.
        """
        if self._snapshot.seen is not None:
            yield
            return
        self._snapshot.seen = {table: self.place.newest(table) for table in tables}
        try:
            yield
        finally:
            self._snapshot.seen = None

    def renew(self) -> None:
        """Let this thread's snapshot, where it has one, go on with the newest versions."""
        if self._snapshot.seen is not None:
            self._snapshot.seen = {}

    def version(self, table: str) -> Version:
        """Tell which version of a table is read now: `NO_TABLE` where there is no such table.

        Args:
            table: its name.
        """
        seen = self._snapshot.seen
        if seen is None:
            return self.place.newest(table)
        if table not in seen:
            seen[table] = self.place.newest(table)
        return seen[table]

    def has(self, table: str) -> bool:
        """Tell whether a table exists.

        Args:
            table: its name.
        """
        return self.version(table) is not NO_TABLE

    def create(self, table: str, data: Any) -> None:
        """Make a table with its first rows in one commit, in place of one that is there.

        Args:
            table: its name.
            data: an arrow table, of no rows too.
        """
        self._require_writer(table)
        with border(f"making the table {table}", place=self.place.folder):
            there = self.place.newest(table) is not NO_TABLE
            if not there:
                # A making that was killed before its commit left a folder without a version.
                self.place.discard(self.place.table(table))
            self._connection.create_table(table, data=data, mode="overwrite" if there else "create")
        self.renew()
        self._refuse_torn(table, doing="making the table")
        self.sync_folder(self.place.table(table))
        self.record(table)

    def drop(self, table: str) -> None:
        """Remove a table with all its versions.

        Args:
            table: its name; nothing happens where there is none.
        """
        self._require_writer(table)
        self._handles.pop(table, None)
        with border(f"dropping the table {table}", place=self.place.folder):
            self.ledger.forget(table)
            self.place.discard(self.place.table(table))
        if self._synced is not None:
            self._synced.forget(self.place.table(table))
        self.renew()

    def read(self, table: str, columns: Sequence[str] | None = None, *, where: Where | None = None) -> Iterator[Any]:
        """Stream the rows of one version of a table as record batches, none where there is no such table.

        Args:
            table: its name.
            columns: the columns wanted, None for all.
            where: which rows.
        """
        if not self.has(table):
            return
        with border(f"reading {table}", place=self.place.folder):
            handle = self._handle(table)
            for wanted in [None] if where is None else _conditions(where):
                query = handle.search() if wanted is None else handle.search().where(wanted)
                yield from (query if columns is None else query.select(list(columns))).to_batches()

    def rows(self, table: str, columns: Sequence[str], *, where: Where | None = None) -> Iterator[tuple[Any, ...]]:
        """Stream rows as plain values, in the order of the columns.

        Args:
            table: its name; no rows where there is none.
            columns: the columns wanted.
            where: which rows.
        """
        return rows_of(self.read(table, columns, where=where), columns)

    def read_whole(self, table: str, columns: Sequence[str]) -> Any:
        """Read columns as one arrow table, or None where there is no such table.

        Args:
            table: its name.
            columns: the columns wanted.
        """
        if not self.has(table):
            return None
        with border(f"reading {table}", place=self.place.folder):
            return self._handle(table).search().select(list(columns)).to_arrow()

    def reading(self, table: str, name: str, read: Callable[[], _T]) -> _T:
        """Give what is read of a table, made anew only where the table has changed since.

        Args:
            table: its name.
            name: what is read of it.
            read: reads it, from this table alone; what it returns is shared and not changed by anybody.
        """
        return self._known(self._readings, (table, name), read)

    def keys(self, table: str, column: str) -> frozenset[str]:
        """Collect a column's values; those of a version that was asked for last are known without reading.

        A daemon asks after every batch which photos have no label; reading the keys of 20,000 photos and of their
        labels took most of the 0.1 s that a label cost beyond its placing.

        Args:
            table: its name.
            column: a column of text without nulls.
        """
        return self._known(self._keys, (table, column), lambda: frozenset(key for (key,) in self.rows(table, [column])))

    def count(self, table: str) -> int:
        """Count rows, 0 where there is no such table.

        Without a filter, for the vendor counts only by SQL text, and what its own expressions render as such
        breaks on a backslash before a quote (lancedb 0.40).

        Args:
            table: its name.
        """
        if not self.has(table):
            return 0
        return self.reading(table, "count", lambda: self.query(table, lambda handle: int(handle.count_rows())))

    def query(self, table: str, ask: Callable[[Any], _T]) -> _T:
        """Ask the vendor's table something that has no verb here.

        Args:
            table: its name.
            ask: reads from the vendor's table.
        """
        with border(f"searching {table}", place=self.place.folder):
            return ask(self._handle(table))

    def add(self, table: str, data: Any) -> None:
        """Append rows without looking at keys.

        Args:
            table: its name; it is made where it is one that comes with its first rows.
            data: an arrow table; nothing happens where it has no rows.
        """
        if not data.num_rows:
            return
        if table in LATE_TABLES and not self.has(table) and self.ledger.note(table) is None:
            self.create(table, data)
        else:
            self._commit(table, lambda handle: handle.add(data), doing="adding to")

    def replace(self, table: str, data: Any) -> None:
        """Put these rows in place of all rows, in one commit.

        Args:
            table: its name.
            data: an arrow table.
        """
        self._commit(table, lambda handle: handle.add(data, mode="overwrite"), doing="replacing")

    def insert_missing(self, table: str, data: Any) -> int:
        """Insert the rows whose key is new and leave the others alone.

        17 to 30 ms for 256 rows beside 50,000 (3.5 ms for a plain append): nothing beside embedding them, and
        it relies on no keys in memory that could be out of date.

        Args:
            table: its name.
            data: an arrow table, no key twice.

        Returns:
            How many were new.
        """
        return sum(int(done.num_inserted_rows) for done in self._merge(table, data, doing="adding to"))

    def upsert(self, table: str, data: Any) -> None:
        """Insert the rows whose key is new and put the others in place of those with their key.

        Args:
            table: its name.
            data: an arrow table, no key twice.
        """
        self._merge(table, data, doing="writing", replace=True)

    def widen(self, table: str, fields: Sequence[Any]) -> None:
        """Add columns that are not there yet, null in every row; no row is rewritten.

        Args:
            table: its name.
            fields: nullable arrow fields.
        """
        there = self.query(table, lambda handle: handle.schema.names)
        new = [field for field in fields if field.name not in there]
        if new:
            self._commit(table, lambda handle: handle.add_columns(new), doing="widening")

    def delete(self, table: str, where: Where) -> int:
        """Delete rows.

        Args:
            table: its name; nothing happens where there is none.
            where: which rows.

        Returns:
            How many there were.
        """
        if not self.has(table):
            return 0
        deletions = [lambda handle, wanted=wanted: handle.delete(wanted) for wanted in _conditions(where)]
        return sum(int(self._commit(table, delete, doing="deleting from").num_deleted_rows) for delete in deletions)

    def tidy(self, table: str) -> bool:
        """Compact a table and drop its old versions where it pays.

        Compacting rewrites all that is not in a full fragment of a million rows, so it waits until the small
        ones are many and hold a fair share of the rows: each row is then rewritten a handful of times at
        most.

        Args:
            table: its name.

        Returns:
            Whether it did.
        """
        if not self.has(table):
            return False
        most = self._settings.compact_fragments
        stats = self.query(table, lambda handle: handle.stats())
        fragments = stats["fragment_stats"]
        n_small, largest = fragments["num_small_fragments"], fragments["lengths"]["max"]
        pays = n_small > most and (stats["num_rows"] - largest > largest / 4 or n_small > 4 * most)
        if not pays and self._n_old_versions(table) <= most:
            return False
        self.optimize(table)
        return True

    def optimize(self, table: str) -> None:
        """Compact a table, bring its indexes up to date and drop versions that no reader uses.

        Args:
            table: its name.
        """
        age = timedelta(seconds=self._settings.keep_versions_s)
        # Nothing is let go of before what replaces it is known to be whole.
        self._commit(table, lambda handle: handle.optimize(cleanup_older_than=_ALWAYS), doing="compacting")
        self._commit(table, lambda handle: handle.optimize(cleanup_older_than=age), doing="compacting")

    def build_index(self, table: str, column: str, config: Any) -> None:
        """Build an index, in place of one that is there.

        Args:
            table: its name.
            column: which column.
            config: the vendor's description of the index.
        """
        self._commit(table, lambda handle: handle.create_index(column, config=config), doing="indexing")

    def sync_folder(self, folder: Path) -> None:
        """Sync a folder that is written beside the tables.

        Args:
            folder: the folder.
        """
        if self._settings.durable and self._synced is not None:
            with border("syncing to the disk", place=folder):
                self._synced.sync(folder)

    def shrank(self, table: str) -> bool:
        """Tell whether a table lost, in a commit that is not noted, what nothing here removes.

        Args:
            table: its name.

        Returns:
            Whether all rows are gone, or any of a table that is only ever added to.
        """
        note = self.ledger.note(table)
        if note is None or not note.rows or self.version(table).number <= note.version:
            return False
        try:
            rows = self.count(table)
        except StoreDamaged:
            return True
        return rows == 0 or (table in GROWING_TABLES and rows < note.rows)

    def close(self) -> None:
        """Let go of everything that is open."""
        self._handles.clear()

    def _n_old_versions(self, table: str) -> int:
        oldest_kept = time.time() - self._settings.keep_versions_s
        ages = [manifest.stat().st_mtime for manifest in manifests(self.place.table(table))]
        return sum(age < oldest_kept for age in ages[1:])

    def _handle(self, table: str) -> Any:
        """Give the vendor's table held at the version that is read now."""
        version = self.version(table)
        held, handle = self._handles.get(table, (NO_TABLE, None))
        if handle is None or held != version:
            handle = self._connection.open_table(table)
            if version.number not in (0, handle.version):
                handle.checkout(version.number)
            self._handles[table] = version, handle
        return handle

    def _commit(self, table: str, write: Callable[[Any], _T], *, doing: str) -> _T:
        self._require_writer(table)
        if self.place.newest(table) is NO_TABLE:
            raise StoreDamaged(f"the table {table} is missing in {self.place.folder}", hint=MEND_HINT)
        with border(f"{doing} {table}", place=self.place.folder):
            handle = self._connection.open_table(table)
            done = retried(lambda: write(handle), again=handle.checkout_latest)
            newest = self.place.newest(table)
            if handle.version == newest.number:
                self._handles[table] = newest, handle
        self.renew()
        self._refuse_torn(table, doing=doing)
        self.sync_folder(self.place.table(table))
        self.record(table)
        return done

    def _refuse_torn(self, table: str, *, doing: str) -> None:
        """Take a commit back of which the disk holds a part only.

        LanceDB (0.40) loses the error of the last piece that it writes of a file, and commits.
        """
        place, note = self.place, self.ledger.note(table)
        with border(f"{doing} {table}", place=place.folder):
            torn = self.ledger.torn_files(table)
            if not torn:
                return
            for manifest in manifests(place.table(table)):
                if note is None or manifest_number(manifest) > note.version:
                    manifest.unlink()
            for path in torn:
                path.unlink()
        self._handles.pop(table, None)
        self.renew()
        raise StoreFull(f"no space left while {doing} {table} in {place.folder}", hint=FULL_HINT)

    def record(self, table: str) -> None:
        """Note what a table consists of now.

        Args:
            table: its name.
        """
        kept = [list(row) for row in self.rows(table, ["key", "value"])] if table == META else None
        with border("noting what the tables consist of", place=self.place.folder):
            self.ledger.record(table, rows=lambda: self.count(table), kept=kept)

    def _merge(self, table: str, data: Any, *, doing: str, replace: bool = False) -> list[Any]:
        """Write rows by their key, and know afterwards which keys there are if that was known before."""
        column, size = data.schema.names[0], self._settings.max_merge_rows

        def write(handle: Any, part: Any) -> Any:
            # The first column of a table is its declared key.
            merge = handle.merge_insert(column).when_not_matched_insert_all()
            return (merge.when_matched_update_all() if replace else merge).use_index(False).execute(part)

        done = []
        for start in range(0, data.num_rows, size):
            part = data.slice(start, size)
            before = self.place.newest(table)
            of_version, known = self._keys.get((table, column), (None, frozenset()))
            done.append(self._commit(table, lambda handle, part=part: write(handle, part), doing=doing))  # type: ignore[misc]
            after = self.place.newest(table)
            # One further version is this commit and no other.
            if of_version == before and after.number == before.number + 1:
                self._learn(self._keys, (table, column), after, known.union(part.column(0).to_pylist()))
        return done

    def _known(self, readings: _Readings, name: tuple[str, str], read: Callable[[], _T]) -> _T:
        table, _ = name
        of_version, reading = readings.get(name, (None, None))
        if of_version != self.version(table):
            with self.snapshot():
                reading = read()
                self._learn(readings, name, self.version(table), reading)
        return cast(_T, reading)

    def _learn(self, readings: _Readings, name: tuple[str, str], version: Version, reading: Any) -> None:
        with self._learning:
            readings[name] = version, reading
            readings.move_to_end(name)
            while len(readings) > (_MOST_KEY_SETS if readings is self._keys else _MOST_READINGS):
                readings.popitem(last=False)

    def _require_writer(self, table: str) -> None:
        if not self.writable:
            raise ValueError("this store was opened for reading")
        if not table.startswith(self._only):
            raise ValueError(f"the table {table} is the library's writer's to write")
