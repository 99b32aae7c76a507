"""Libraries of every schema there ever was, as their vecclust left them.

Schema 2 is what version 0.1.0 wrote. Schema 1 is the same library with the tables as they were then: labels that say
nothing of novelty. Schema 3 is the same library, brought to it by the vecclust that brought it in,
and so is schema 4.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

from vecclust.store.layout import LibraryPlace

KEPT = Path(__file__).parents[1] / "library"
ARCHIVES = {1: "made_by_0_1_0", 2: "made_by_0_1_0", 3: "made_with_schema_3", 4: "made_with_schema_4"}
ANSWERS = KEPT / "made_by_0_1_0" / "answers.json"


def earlier_library(place: Path, schema: int) -> Path:
    """Unpack a library of a schema into a folder, and give its directory."""
    with tarfile.open(KEPT / ARCHIVES[schema] / "library.tar.xz") as packed:
        packed.extractall(place, filter="data")
    library = place / "library"
    if schema == 1:
        _make_first(library)
    return library


def _make_first(library: Path) -> None:
    """Write anew what schema 2 widened."""
    import lancedb

    tables = lancedb.connect(library / "tables")
    for name in LibraryPlace(library).table_names():
        if name.startswith("labels_"):
            rows = tables.open_table(name).to_arrow().drop_columns(["novelty", "newcomer"])
            tables.drop_table(name)
            tables.create_table(name, data=rows)
    write_entries(library, {**read_entries(library), "schema": {"version": 1, "migrations": []}})


def read_entries(library: Path) -> dict[str, Any]:
    """Read a library's own entries, as they lie in their table."""
    import lancedb

    rows = lancedb.connect(library / "tables").open_table("meta").to_arrow().to_pylist()
    return {row["key"]: json.loads(row["value"]) for row in rows}


def write_entries(library: Path, entries: dict[str, Any], *, raw: bool = False) -> None:
    """Replace a library's own entries; `raw` ones are text already. What was noted of them stays as it was."""
    import lancedb
    import pyarrow as pa

    table = lancedb.connect(library / "tables").open_table("meta")
    values = [value if raw else json.dumps(value) for value in entries.values()]
    rows = pa.table({"key": list(entries), "value": values}, schema=table.schema)
    table.add(rows, mode="overwrite")
