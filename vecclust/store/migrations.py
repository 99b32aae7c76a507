"""How a library written by an older vecclust becomes one of today: named steps, each recorded as it is done.

A step's change of the library's own entries and the record that it was done are one commit. What a step
changes in other tables comes before that commit, so such a change must be harmless when done twice: a step
that was killed is simply done again. A library of a newer vecclust is never touched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vecclust.errors import StoreError, StoreTooNew
from vecclust.store.meta import SCHEMA, Entries, Meta
from vecclust.store.schema import SCHEMA_VERSION, arrival_fields, run_of_labels_table
from vecclust.store.tables import Tables

_log = logging.getLogger(__name__)


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
            tables.widen(table, arrival_fields())
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
