"""The library's own entries: schema version, model, roots, state. One small table that each commit replaces.

Because a commit replaces all entries at once, entries that belong together change together: the current run,
the last run's number and the next cluster's number flip in one step, and a migration is recorded with what it
changed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from vecclust.errors import StoreDamaged
from vecclust.store.rows import meta_table
from vecclust.store.schema import META, SCHEMA_VERSION
from vecclust.store.tables import Tables
from vecclust.types.files import Root
from vecclust.types.photos import Framing
from vecclust.types.status import LibraryModel, LibraryState

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
        # Nobody but the writer changes them, and it asks for them a dozen times a batch, at 10 ms each.
        self._known: Entries | None = None
        # Between a reading of the old and the keeping of it no commit may come.
        self._lock = threading.RLock()

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
        if not self._tables.writable:
            return self._read()
        with self._lock:
            if self._known is None:
                self._known = self._read()
            return self._known

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

    def commit(self, changes: Mapping[str, Any]) -> None:
        """Change entries, all in one commit, and keep the others."""
        with self._lock:
            entries = {**self.entries(), **changes}
            # Whatever becomes of the commit, what is there then is read again.
            self._known = None
            self._tables.replace(META, meta_table(entries))

    def state(self) -> LibraryState:
        """Read which run is current."""
        return LibraryState(**self._entry(STATE))

    def commit_state(self, state: LibraryState) -> None:
        """Make another run the current one."""
        self.commit({STATE: asdict(state)})

    def model(self) -> LibraryModel | None:
        """Read the library's model, None while it has none."""
        entry = self._entry(MODEL)
        return None if entry is None else LibraryModel(**{**entry, "framing": Framing(**entry["framing"])})

    def commit_model(self, model: LibraryModel) -> None:
        """Bind the library to a model."""
        self.commit({MODEL: asdict(model)})

    def roots(self) -> list[Root]:
        """Read the folders the library keeps in step with."""
        return [Root(**{**entry, "mounts": tuple(entry.get("mounts", ()))}) for entry in self._entry(ROOTS)]

    def commit_roots(self, roots: Sequence[Root]) -> None:
        """Replace the folders the library keeps in step with."""
        self.commit({ROOTS: [asdict(root) for root in roots]})

    def _entry(self, key: str) -> Any:
        entries = self.entries()
        if key not in entries:
            raise StoreDamaged(
                f"the library's entry {key!r} is missing in {self._tables.place.folder}",
                hint="Restore a backup or scan into a new library",
            )
        return entries[key]
