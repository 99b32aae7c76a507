"""Records to table rows and back, exactly.

Paths travel as their bytes, a time taken as ISO text (so that an unknown zone stays unknown) beside an
integer to sort by, mappings as JSON. What must never lie in a table is refused here, as a programmer's
mistake: a vector that is not finite, not of norm 1 or not of the library's width, and a key given twice in
one batch.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.store.schema import photos_schema, run_number, table_schema
from vecclust.store.values import sort_ns
from vecclust.types.clusters import ClusterName, ClusterRow, Label
from vecclust.types.edits import Edit
from vecclust.types.files import FileRow
from vecclust.types.photos import PhotoRow, Place, Taken
from vecclust.types.runs import Run

# float32 vectors normalised in half precision stray from norm 1 by up to some 4e-4.
NORM_TOLERANCE = 1e-3
_HASH = re.compile(r"[0-9a-f]{64}")

PHOTO_COLUMNS = (
    "photo",
    "width_px",
    "height_px",
    "size_bytes",
    "taken",
    "taken_source",
    "latitude",
    "longitude",
    "added_ns",
)
_NO_VECTOR: NDArray[np.float32] = np.empty(0, np.float32)
_NO_VECTOR.setflags(write=False)


def storable_text(text: str) -> str:
    """Give text a table can hold: what is not UTF-8 is written out as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def file_key(root: str, path: str) -> str:
    """Name a file by the bytes of its root and path, whatever they are."""
    return blake2b(os.fsencode(root) + b"\0" + os.fsencode(path), digest_size=16).hexdigest()


def to_json(value: Any) -> str:
    """Write a value as JSON that is pure ASCII, so that surrogate escapes come back as they were."""
    return json.dumps(value, default=_plain_number, sort_keys=True)


def refuse_repeated(keys: Sequence[str], *, what: str) -> None:
    """Raise where a key stands twice: one batch holding a new key twice would insert both."""
    if len(set(keys)) != len(keys):
        seen: set[str] = set()
        twice = next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"{what} {twice} stands twice in one batch")


def check_vector(vector: NDArray[np.float32], *, dim: int) -> NDArray[np.float32]:
    """Hand back the vector as float32, or raise where it is not one of this library.

    Args:
        vector: (dim,) of norm 1.
        dim: the library's width.

    Raises:
        ValueError: wrong width, not finite, or not of norm 1.
    """
    checked: NDArray[np.float32] = check_vectors(np.asarray(vector)[np.newaxis], dim=dim)[0]
    return checked


def check_vectors(vectors: NDArray[np.float32], *, dim: int) -> NDArray[np.float32]:
    """Hand back the vectors as float32, or raise where one is not of this library."""
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise ValueError(f"vectors of this library have {dim} numbers, not {vectors.shape[1:]}")
    checked = np.ascontiguousarray(vectors, dtype=np.float32)
    if not np.isfinite(checked).all():
        raise ValueError("a vector holds a number that is not finite")
    norms = np.linalg.norm(checked, axis=1)
    if checked.size and np.abs(norms - 1).max() > NORM_TOLERANCE:
        raise ValueError(f"a vector has norm {norms[np.abs(norms - 1).argmax()]:.4f}, not 1")
    return checked


def photo_table(rows: Sequence[PhotoRow], *, dim: int, model_id: str) -> Any:
    """Lay out photos as rows of `photos`.

    Raises:
        ValueError: a key that is no content hash or stands twice, or a vector that is not of this library.
    """
    import pyarrow as pa

    keys = [row.photo for row in rows]
    for key in keys:
        if not _HASH.fullmatch(key):
            raise ValueError(f"a photo is named by 64 hexadecimal digits, not {key!r}")
    refuse_repeated(keys, what="photo")
    if any(np.shape(row.vector) != (dim,) for row in rows):
        wrong = next(row for row in rows if np.shape(row.vector) != (dim,))
        raise ValueError(f"vectors of this library have {dim} numbers, photo {wrong.photo} {np.shape(wrong.vector)}")
    vectors = check_vectors(np.array([row.vector for row in rows], dtype=np.float32).reshape(-1, dim), dim=dim)
    taken = [row.taken for row in rows]
    columns = {
        "photo": keys,
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), dim),
        "model": [model_id] * len(rows),
        "width_px": [row.width_px for row in rows],
        "height_px": [row.height_px for row in rows],
        "size_bytes": [row.size_bytes for row in rows],
        "taken": [None if time is None else time.when.isoformat() for time in taken],
        "taken_source": [None if time is None else time.source for time in taken],
        "taken_ns": [None if time is None else sort_ns(time.when) for time in taken],
        "latitude": [None if row.place is None else row.place.latitude for row in rows],
        "longitude": [None if row.place is None else row.place.longitude for row in rows],
        "added_ns": [row.added_ns for row in rows],
    }
    return pa.table(columns, schema=photos_schema(dim))


def thumbnail_table(rows: Sequence[PhotoRow]) -> Any:
    """Lay out the thumbnails of photos, those that have one."""
    shown = [row for row in rows if row.thumbnail]
    return _table("thumbnails", [[row.photo for row in shown], [row.thumbnail for row in shown]])


def file_table(rows: Sequence[FileRow]) -> Any:
    """Lay out files as rows of `files`.

    Raises:
        ValueError: one file stands twice.
    """
    keys = [file_key(row.root, row.path) for row in rows]
    refuse_repeated(keys, what="file")
    columns: list[list[Any]] = [
        keys,
        [os.fsencode(row.root) for row in rows],
        [os.fsencode(row.path) for row in rows],
        [row.size_bytes for row in rows],
        [row.mtime_ns for row in rows],
        [row.ctime_ns for row in rows],
        [row.inode for row in rows],
        [row.photo for row in rows],
        [row.state for row in rows],
        [row.attempts for row in rows],
        [row.next_try_ns for row in rows],
        [storable_text(row.reason) for row in rows],
        [row.missing_since_ns for row in rows],
    ]
    return _table("files", columns)


def label_table(labels: Sequence[Label], *, table: str) -> Any:
    """Lay out labels.

    Raises:
        ValueError: a photo stands twice, or a strength is not within [0, 1].
    """
    refuse_repeated([label.photo for label in labels], what="photo")
    if not all(0.0 <= label.strength <= 1.0 for label in labels):
        raise ValueError("a strength lies within 0 and 1")
    columns: list[list[Any]] = [
        [label.photo for label in labels],
        [label.cluster for label in labels],
        [label.strength for label in labels],
        [label.assigned_by for label in labels],
        [label.novelty for label in labels],
        [label.newcomer for label in labels],
    ]
    return _table(table, columns)


def run_table(run: Run) -> Any:
    """Lay out one run."""
    row = {
        "run": run.run,
        "number": run_number(run.run),
        "created_ns": run.created_ns,
        "model": storable_text(run.model),
        "params": to_json(dict(run.params)),
        "n_photos": run.n_photos,
        "n_clusters": run.n_clusters,
        "n_noise": run.n_noise,
        "figures": to_json(dict(run.figures)),
        "seconds": to_json(dict(run.seconds)),
        "parent": run.parent,
        "reason": storable_text(run.reason),
        "changes": to_json(dict(run.changes)),
    }
    return _table("runs", [[value] for value in row.values()])


def cluster_table(clusters: Sequence[ClusterRow]) -> Any:
    """Lay out the clusters of a run."""
    columns: list[list[Any]] = [
        [row.run for row in clusters],
        [run_number(row.run) for row in clusters],
        [row.cluster for row in clusters],
        [row.size for row in clusters],
        [row.medoid for row in clusters],
        [float(row.strength) for row in clusters],
        [row.event for row in clusters],
        [to_json(list(row.sources)) for row in clusters],
    ]
    return _table("clusters", columns)


def name_table(names: Sequence[ClusterName]) -> Any:
    """Lay out names of clusters."""
    refuse_repeated([name.cluster for name in names], what="cluster")
    columns: list[list[Any]] = [
        [name.cluster for name in names],
        [storable_text(name.name) for name in names],
        [name.named_by for name in names],
        [name.named_ns for name in names],
    ]
    return _table("names", columns)


def edit_table(words: Sequence[Edit]) -> Any:
    """Lay out what the owner said."""
    columns: list[list[Any]] = [
        [word.number for word in words],
        [word.kind for word in words],
        [word.photo for word in words],
        [word.cluster for word in words],
        [word.other for word in words],
        [storable_text(word.name) for word in words],
        [word.run for word in words],
        [word.made_ns for word in words],
    ]
    return _table("words", columns)


def meta_table(entries: dict[str, Any]) -> Any:
    """Lay out the library's own entries."""
    return _table("meta", [list(entries), [to_json(value) for value in entries.values()]])


def read_photos(batches: Iterable[Any]) -> Iterator[PhotoRow]:
    """Read rows of `photos`, with their vectors where that column was asked for."""
    for batch in batches:
        vectors = vectors_of(batch) if "vector" in batch.schema.names else None
        plain = zip(*(batch.column(name).to_pylist() for name in PHOTO_COLUMNS), strict=True)
        for at, (photo, width, height, size, taken, source, latitude, longitude, added) in enumerate(plain):
            yield PhotoRow(
                photo=photo,
                vector=_NO_VECTOR if vectors is None else vectors[at].copy(),
                width_px=width,
                height_px=height,
                size_bytes=size,
                taken=None if taken is None else Taken(datetime.fromisoformat(taken), source),
                place=None if latitude is None else Place(latitude, longitude),
                added_ns=added,
            )


def vectors_of(batch: Any) -> NDArray[np.float32]:
    """View a batch's vectors as (n, d) without a copy."""
    column = batch.column("vector")
    flat: NDArray[np.float32] = column.flatten().to_numpy(zero_copy_only=True)
    return flat.reshape(batch.num_rows, column.type.list_size)


def read_files(batches: Iterable[Any]) -> Iterator[FileRow]:
    """Read rows of `files`."""
    for batch in batches:
        names = [name for name in table_schema("files").names if name != "file"]
        for root, path, *rest in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
            yield FileRow(os.fsdecode(root), os.fsdecode(path), *rest)


def read_labels(batches: Iterable[Any]) -> Iterator[Label]:
    """Read rows of a run's labels."""
    for batch in batches:
        names = ("photo", "cluster", "strength", "assigned_by", "novelty", "newcomer")
        rows = zip(*(batch.column(name).to_pylist() for name in names), strict=True)
        for photo, cluster, strength, assigned_by, novelty, newcomer in rows:
            yield Label(photo, cluster, strength, assigned_by, novelty, bool(newcomer))


def read_runs(batches: Iterable[Any]) -> Iterator[Run]:
    """Read rows of `runs`."""
    for row in _dicts(batches):
        del row["number"]
        for name in ("params", "figures", "seconds", "changes"):
            row[name] = json.loads(row[name])
        yield Run(**row)


def read_clusters(batches: Iterable[Any]) -> Iterator[ClusterRow]:
    """Read rows of `clusters`."""
    for row in _dicts(batches):
        del row["number"]
        row["sources"] = tuple(json.loads(row["sources"]))
        yield ClusterRow(**row)


def read_names(batches: Iterable[Any]) -> Iterator[ClusterName]:
    """Read rows of `names`."""
    for row in _dicts(batches):
        yield ClusterName(**row)


def read_edits(batches: Iterable[Any]) -> Iterator[Edit]:
    """Read rows of `words`."""
    for row in _dicts(batches):
        row["kind"] = row.pop("verb")
        row["made_ns"] = row.pop("said_ns")
        yield Edit(**row)


def _dicts(batches: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        yield from batch.to_pylist()


def _table(table: str, columns: Sequence[Sequence[Any]]) -> Any:
    import pyarrow as pa

    schema = table_schema(table)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def _plain_number(value: Any) -> Any:
    """JSON for the numpy scalars that figures are full of."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be kept as JSON")
