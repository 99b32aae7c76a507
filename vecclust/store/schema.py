"""The tables of a library, column by column, the version that names their shape, and how rows are laid out for them.

Photos and thumbnails are two tables so that compacting vectors does not rewrite pictures. Labels are one narrow table
per run: a refit writes its own unseen, and one commit of `meta` makes it the current one. Keys are declared as primary
keys and never null; two writers merging the same new key would otherwise both insert. Times lie as integers, mappings
as JSON that is pure ASCII.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from vecclust.store.layout import CLUSTERS, EDITS, FILES, META, NAMES, PHOTOS, RUNS, THUMBNAILS, run_of_labels_table

SCHEMA_VERSION = 2

# Made with the library; `photos` needs a width and comes with the model, `words` comes with the first edit, `meta`
# comes last and ends the making.
FIXED_TABLES = (THUMBNAILS, FILES, RUNS, CLUSTERS, NAMES)

# What labels say of arrivals since schema 2; nothing of photos that were fitted.
ARRIVAL_COLUMNS = "novelty float?, newcomer bool?"

# Column and type of each table, in order; what ends in `?` may be null, and a key is text that is unique.
_COLUMNS = {
    PHOTOS: "photo key, vector vector, model string, width_px int64, height_px int64, size_bytes int64, taken string?,"
    " taken_source string?, taken_ns int64?, latitude double?, longitude double?, added_ns int64",
    THUMBNAILS: "photo key, jpeg binary",
    FILES: "file key, root binary, path binary, size_bytes int64, mtime_ns int64, ctime_ns int64, inode uint64,"
    " photo string?, state string, attempts int64, next_try_ns int64, reason string, missing_since_ns int64",
    RUNS: "run key, number int64, created_ns int64, model string, params string, n_photos int64, n_clusters int64,"
    " n_noise int64, figures string, seconds string, parent string?, reason string, changes string",
    CLUSTERS: "run string, number int64, cluster string, size int64, medoid string, strength double, event string,"
    " sources string",
    NAMES: "cluster key, name string, named_by string, named_ns int64",
    EDITS: "number int64, verb string, photo string?, cluster string?, other string?, name string, run string?,"
    " said_ns int64",
    META: "key key, value string",
}
_LABEL_COLUMNS = "photo key, cluster string?, strength float, assigned_by string, " + ARRIVAL_COLUMNS
_KEY = {"lance-schema:unenforced-primary-key:position": "1"}


def table_schema(table: str, *, dim: int = 0) -> Any:
    """Lay out a table.

    Args:
        table: its name.
        dim: the width of vectors; only `photos` needs it.

    Returns:
        An arrow schema.
    """
    import pyarrow as pa

    columns = _LABEL_COLUMNS if run_of_labels_table(table) else _COLUMNS[table]
    return pa.schema(fields(columns, dim=dim))


def fields(columns: str, *, dim: int = 0) -> list[Any]:
    """Turn column declarations into arrow fields.

    Args:
        columns: names and types, as this module declares them.
        dim: the width of a vector.
    """
    import pyarrow as pa

    made = []
    for column in columns.split(", "):
        name, kind = column.split()
        plain = kind.rstrip("?")
        if plain == "key":
            made.append(pa.field(name, pa.string(), nullable=False, metadata=_KEY))
        else:
            of_type = pa.list_(pa.float32(), dim) if plain == "vector" else pa.type_for_alias(plain)
            made.append(pa.field(name, of_type, nullable=kind != plain))
    return made


def arrow_table(table: str, rows: Sequence[Sequence[Any]]) -> Any:
    """Lay out rows of any table but `photos`.

    Args:
        table: its name.
        rows: values in the order of its columns.
    """
    import pyarrow as pa

    schema = table_schema(table)
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def to_json(value: Any) -> str:
    """Write a value as JSON that is pure ASCII, so that surrogate escapes come back as they were.

    Args:
        value: what JSON can hold, numpy scalars and arrays included.
    """
    return json.dumps(value, default=_plain_number, sort_keys=True)


def refuse_repeated(keys: Sequence[str], *, what: str) -> None:
    """Raise where a key stands twice: one batch holding a new key twice would insert both.

    Args:
        keys: the keys of one batch.
        what: what a key names, for the message.

    Raises:
        ValueError: with the first key that stands twice.
    """
    if len(set(keys)) != len(keys):
        seen: set[str] = set()
        twice = next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"{what} {twice} stands twice in one batch")


def _plain_number(value: Any) -> Any:
    """JSON for the numpy scalars that figures are full of."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be kept as JSON")
