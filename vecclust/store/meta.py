"""The library's own entries: schema version, model, roots, state. One small table that each commit replaces.

Because a commit replaces all entries at once, entries that belong together change together: the current run,
the last run's number and the next cluster's number flip in one step, and a migration is recorded with what it
changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from vecclust.errors import StoreDamaged
from vecclust.records import Framing, LibraryModel, LibraryState, Root
from vecclust.store.rows import meta_table
from vecclust.store.schema import META, SCHEMA_VERSION
from vecclust.store.tables import Tables

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
        """Read all entries of one version.

        Raises:
            StoreDamaged: they are not what vecclust writes.
        """
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
        self._tables.replace(META, meta_table({**self.entries(), **changes}))

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
