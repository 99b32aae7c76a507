"""The library's own entries: schema version, model, roots, state. One small table that each commit replaces.

Because a commit replaces all entries at once, entries that belong together change together: the current run, the last
run's number and the next cluster's number flip in one step, and a migration is recorded with what it changed. What a
migration changes in other tables comes before that commit, so such a change must be harmless when done twice: a step
that was killed is simply done again. A library of a newer vecclust is never touched.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vecclust.errors import StoreDamaged, StoreError, StoreTooNew
from vecclust.store.layout import EDITS, META, StoreSettings, run_of_labels_table
from vecclust.store.schema import ARRIVAL_COLUMNS, SCHEMA_VERSION, arrow_table, fields, to_json
from vecclust.store.tables import Tables
from vecclust.types.files import Root
from vecclust.types.photos import Framing
from vecclust.types.status import LibraryModel, LibraryState

_log = logging.getLogger(__name__)

SCHEMA = "schema"
MODEL = "model"
ROOTS = "roots"
STATE = "state"

Entries = dict[str, Any]


class Meta:
    """The entries of one library.

    Args:
        tables: its tables.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def create(self) -> None:
        """Write the first entries; with them the making of the library is complete."""
        entries: Entries = {
            SCHEMA: {"version": SCHEMA_VERSION, "migrations": []},
            MODEL: None,
            ROOTS: [],
            STATE: asdict(LibraryState()),
        }
        self._tables.create(META, meta_table(entries))

    def entries(self) -> Entries:
        """Give all entries of one version, not to be changed in place.

        Raises:
            StoreDamaged: they are not what vecclust writes.
        """
        return self._tables.reading(META, "entries", self._read)

    def commit(self, changes: Mapping[str, Any]) -> None:
        """Change entries, all in one commit, and keep the others; the caller holds off other writing threads.

        Args:
            changes: the new values of some entries.
        """
        self._tables.renew()
        self._tables.replace(META, meta_table({**self.entries(), **changes}))

    def state(self) -> LibraryState:
        """Read which run is current."""
        return LibraryState(**self._entry(STATE))

    def commit_state(self, state: LibraryState) -> None:
        """Make another run the current one.

        Args:
            state: the run, and the numbers given so far.
        """
        self.commit({STATE: asdict(state)})

    def model(self) -> LibraryModel | None:
        """Read the library's model, None while it has none."""
        entry = self._entry(MODEL)
        return None if entry is None else LibraryModel(**{**entry, "framing": Framing(**entry["framing"])})

    def roots(self) -> list[Root]:
        """Read the folders the library keeps in step with."""
        return [Root(**{**entry, "mounts": tuple(entry.get("mounts", ()))}) for entry in self._entry(ROOTS)]

    def _entry(self, key: str) -> Any:
        entries = self.entries()
        if key not in entries:
            raise StoreDamaged(
                f"the library's entry {key!r} is missing in {self._tables.place.folder}",
                hint="Restore a backup or scan into a new library",
            )
        return entries[key]

    def _read(self) -> Entries:
        rows = self._tables.read_whole(META, ["key", "value"])
        try:
            entries = {row["key"]: json.loads(row["value"]) for row in rows.to_pylist()}
            if not isinstance(entries[SCHEMA]["version"], int):
                raise TypeError("the schema version is no number")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreDamaged(
                f"the library's own entries cannot be read in {self._tables.place.folder}: {error!r}",
                hint="Restore a backup or scan into a new library",
            ) from error
        return entries


def meta_table(entries: Entries) -> Any:
    """Lay out the library's own entries.

    Args:
        entries: all of them.
    """
    return arrow_table(META, [(key, to_json(value)) for key, value in entries.items()])


class StorePart:
    """What every part of a store stands on: tables, entries, settings and a lock for threads.

    Args:
        tables: the library's tables.
        meta: the library's entries.
        settings: how to commit and to tidy up.
    """

    def __init__(self, *, tables: Tables, meta: Meta, settings: StoreSettings) -> None:
        self._tables = tables
        self._meta = meta
        self._settings = settings
        # Several threads of a daemon share one store; whatever takes more than one commit holds this meanwhile.
        self._writing_lock = threading.RLock()

    @property
    def folder(self) -> Path:
        """The library's directory."""
        return self._tables.place.folder

    def state(self) -> LibraryState:
        """Tell which run is current, and the numbers given so far."""
        return self._meta.state()

    def snapshot(self) -> AbstractContextManager[None]:
        """Answer one question within: each table is read at one version, the newest one when it is first asked for.

        Which run is current and what the owner changed is asked at the beginning. Snapshots within one another are
        one. A snapshot is its thread's own and short-lived: an hour later, maintenance may remove what it reads. What
        the thread itself writes within is seen at once, with all that others wrote meanwhile.
        """
        return self._tables.snapshot(META, EDITS)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Be the one thread that writes, on the newest version of every table."""
        with self._writing_lock:
            self._tables.renew()
            yield


@dataclass(frozen=True, slots=True)
class Migration:
    """One step to a newer schema.

    Attributes:
        version: the schema version after it.
        name: a name that is never reused.
        apply: changes tables (harmlessly when done twice) and returns the entries it changes.
    """

    version: int
    name: str
    apply: Callable[[Tables, Entries], Entries]


def _say_how_new_arrivals_were(tables: Tables, entries: Entries) -> Entries:
    """Make room in the labels of every kept run; what was labelled before does not say."""
    for table in tables.place.table_names():
        if run_of_labels_table(table) and tables.has(table):
            tables.widen(table, fields(ARRIVAL_COLUMNS))
    return {}


# In order; version 1 is the first.
MIGRATIONS: tuple[Migration, ...] = (Migration(2, "novelty of arrivals", _say_how_new_arrivals_were),)


def bring_up_to_date(
    tables: Tables, meta: Meta, *, target: int = SCHEMA_VERSION, migrations: Sequence[Migration] = MIGRATIONS
) -> list[str]:
    """Do the steps a library still needs.

    Args:
        tables: the library's tables.
        meta: its entries.
        target: the schema version of this vecclust.
        migrations: all steps there are.

    Returns:
        Names of the steps done.

    Raises:
        StoreTooNew: the library was written by a newer vecclust.
        StoreError: it is older than the target and may not be written now.
    """
    schema = meta.entries()[SCHEMA]
    if schema["version"] > target:
        raise StoreTooNew(
            f"the library in {tables.place.folder} was written by a newer vecclust"
            f" (schema {schema['version']}, this one knows {target})",
            hint="Update vecclust",
        )
    if schema["version"] == target:
        return []
    if not tables.writable:
        raise StoreError(
            f"the library in {tables.place.folder} was written by an older vecclust",
            hint="Run `vecclust scan` once to bring it up to date",
        )
    done = [step.name for step in migrations if _apply(step, tables, meta)]
    if (reached := meta.entries()[SCHEMA]["version"]) != target:
        raise StoreError(f"no migration leads from schema {reached} to {target}")
    return done


def _apply(step: Migration, tables: Tables, meta: Meta) -> bool:
    entries = meta.entries()
    schema = entries[SCHEMA]
    if step.name in schema["migrations"] or step.version <= schema["version"]:
        return False
    changes = step.apply(tables, entries)
    record = {"version": step.version, "migrations": [*schema["migrations"], step.name]}
    meta.commit({**changes, SCHEMA: record})
    _log.info("library brought to schema %d by %s", step.version, step.name)
    return True
