"""The tables of a library, column by column, and the version that names their shape.

Photos and thumbnails are two tables so that compacting vectors does not rewrite pictures. Labels are one
narrow table per run: a refit writes its own unseen, and one commit of `meta` makes it the current one. Keys
are declared as primary keys and never nullable; two writers merging the same new key would otherwise both
insert.
"""

from __future__ import annotations

import re
from typing import Any

SCHEMA_VERSION = 2

PHOTOS = "photos"
THUMBNAILS = "thumbnails"
FILES = "files"
RUNS = "runs"
CLUSTERS = "clusters"
NAMES = "names"
EDITS = "words"
META = "meta"

# Made with the library; `photos` needs a width and comes with the model, `words` comes with the first of them, `meta`
# comes last and ends the making.
FIXED_TABLES = (THUMBNAILS, FILES, RUNS, CLUSTERS, NAMES)

_LABELS = "labels_"
_RUN = re.compile(r"r([1-9][0-9]{0,17})")


def labels_table(run: str) -> str:
    """Name the table of a run's labels."""
    return _LABELS + run


def run_of_labels_table(table: str) -> str | None:
    """Name the run whose labels a table holds, or None for any other table."""
    run = table.removeprefix(_LABELS)
    return run if run != table and _RUN.fullmatch(run) else None


def run_number(run: str) -> int:
    """Read the number of a run id, or 0 where it is none."""
    match = _RUN.fullmatch(run)
    return int(match.group(1)) if match else 0


def photos_schema(dim: int) -> Any:
    """Lay out `photos` for vectors of this width."""
    import pyarrow as pa

    return pa.schema(
        [
            _key("photo"),
            pa.field("vector", pa.list_(pa.float32(), dim), nullable=False),
            pa.field("model", pa.string(), nullable=False),
            pa.field("width_px", pa.int64(), nullable=False),
            pa.field("height_px", pa.int64(), nullable=False),
            pa.field("size_bytes", pa.int64(), nullable=False),
            pa.field("taken", pa.string()),
            pa.field("taken_source", pa.string()),
            pa.field("taken_ns", pa.int64()),
            pa.field("latitude", pa.float64()),
            pa.field("longitude", pa.float64()),
            pa.field("added_ns", pa.int64(), nullable=False),
        ]
    )


def table_schema(table: str) -> Any:
    """Lay out any table but `photos`."""
    import pyarrow as pa

    text, whole, binary = pa.string(), pa.int64(), pa.binary()
    if run_of_labels_table(table):
        return _schema(
            _key("photo"),
            _may("cluster", text),
            _must("strength", pa.float32()),
            _must("assigned_by", text),
            *arrival_fields(),
        )
    columns = {
        THUMBNAILS: [_key("photo"), _must("jpeg", binary)],
        FILES: [
            _key("file"),
            _must("root", binary),
            _must("path", binary),
            *(_must(name, whole) for name in ("size_bytes", "mtime_ns", "ctime_ns")),
            _must("inode", pa.uint64()),
            _may("photo", text),
            _must("state", text),
            _must("attempts", whole),
            _must("next_try_ns", whole),
            _must("reason", text),
            _must("missing_since_ns", whole),
        ],
        RUNS: [
            _key("run"),
            *(_must(name, whole) for name in ("number", "created_ns")),
            *(_must(name, text) for name in ("model", "params")),
            *(_must(name, whole) for name in ("n_photos", "n_clusters", "n_noise")),
            *(_must(name, text) for name in ("figures", "seconds")),
            _may("parent", text),
            *(_must(name, text) for name in ("reason", "changes")),
        ],
        CLUSTERS: [
            _must("run", text),
            _must("number", whole),
            _must("cluster", text),
            _must("size", whole),
            _must("medoid", text),
            _must("strength", pa.float64()),
            _must("event", text),
            _must("sources", text),
        ],
        NAMES: [_key("cluster"), _must("name", text), _must("named_by", text), _must("named_ns", whole)],
        EDITS: [
            _must("number", whole),
            _must("verb", text),
            *(_may(name, text) for name in ("photo", "cluster", "other")),
            _must("name", text),
            _may("run", text),
            _must("said_ns", whole),
        ],
        META: [_key("key"), _must("value", text)],
    }
    return _schema(*columns[table])


def arrival_fields() -> list[Any]:
    """Lay out what labels say of arrivals since schema 2; nothing of photos that were fitted."""
    import pyarrow as pa

    return [_may("novelty", pa.float32()), _may("newcomer", pa.bool_())]


def _schema(*fields: Any) -> Any:
    import pyarrow as pa

    return pa.schema(list(fields))


def _key(name: str) -> Any:
    import pyarrow as pa

    return pa.field(
        name,
        pa.string(),
        nullable=False,
        metadata={"lance-schema:unenforced-primary-key:position": "1"},
    )


def _must(name: str, kind: Any) -> Any:
    import pyarrow as pa

    return pa.field(name, kind, nullable=False)


def _may(name: str, kind: Any) -> Any:
    import pyarrow as pa

    return pa.field(name, kind, nullable=True)
