"""Photos that are being made for another model, mended by whoever makes them.

They are not the library's yet: damage to them hinders no question and no writer, and is no writer's to mend, for
another process writes them at this very moment. Whoever goes on with them keeps what is whole and embeds the rest
again; what cannot even be told whose vectors it holds goes to `set-aside`, and is begun anew.
"""

from __future__ import annotations

from vecclust.errors import StoreDamaged, StoreError
from vecclust.store.ledger import Fault
from vecclust.store.mending import salvaged, set_aside, write_manifest
from vecclust.store.schema import FORMER, PHOTOS, Entries, photos_table, table_schema
from vecclust.store.tables import Tables


def tables_beside(tables: Tables, entries: Entries) -> list[str]:
    """Name the tables of photos that the library neither answers from nor can go back to.

    Args:
        tables: the library's tables.
        entries: its entries.
    """
    former = entries.get(FORMER)
    named = {photos_table(entries), None if former is None else former["table"]}
    return [table for table in tables.place.photo_tables() if table not in named]


def mend_beside(tables: Tables, entries: Entries) -> list[str]:
    """Make what prepares another model whole again, of what is left of it.

    Args:
        tables: the library's tables, open to write these.
        entries: its entries.

    Returns:
        What was done, a sentence each.
    """
    done = []
    for table in tables_beside(tables, entries):
        fault = _fault(tables, table)
        if fault is not None and fault.lost and write_manifest(tables.place, tables.ledger, table):
            done.append(f"the table {table}: {fault.what}; it was written anew from its copy")
            tables.renew()
            fault = _fault(tables, table)
        if fault is not None:
            done.append(f"the table {table}: {fault.what}; {_written_anew(tables, fault)}")
    return done


def _fault(tables: Tables, table: str) -> Fault | None:
    """Tell what is wrong with a table by its files, and by whether it can be opened at all."""
    fault = tables.ledger.table_fault(table)
    if fault is None and tables.has(table):
        try:
            tables.query(table, lambda handle: handle.schema)
            tables.count(table)
        except StoreError as error:
            return Fault(table, f"it cannot be read ({error.message})", lost=True)
    return fault


def _written_anew(tables: Tables, fault: Fault) -> str:
    table, place = fault.table, tables.place
    try:
        found = tables.query(table, lambda handle: handle.schema)
        schema = table_schema(PHOTOS, dim=found.field("vector").type.list_size).with_metadata(found.metadata)
        rows, n_before = salvaged(tables, fault, schema)
        tables.create(table, rows)
    except (StoreDamaged, KeyError):
        set_aside(place, place.table(table))
        tables.ledger.forget(table)
        tables.renew()
        return "it is begun anew"
    for path in fault.files:
        set_aside(place, place.table(table) / path)
    tables.record(table)
    return f"{rows.num_rows} of {n_before} rows are whole, the others are embedded again"
