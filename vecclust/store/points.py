"""The map as a Parquet table that other programs read: Embedding Atlas, DuckDB, pandas, Polars.

One row per photo. Embedding Atlas takes `--x x --y y --neighbors neighbors`, and neighbours as a struct of `ids`,
which are row numbers from 0, and `distances`. The file says in its metadata that vecclust wrote it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.store.layout import storable_text
from vecclust.types.pages import PointTable

_MARK = b"vecclust"
_MADE_BY = "vecclust map --export"


def write_points(points: PointTable, file: Path, *, names: bool) -> None:
    """Write a table.

    Args:
        points: what is in it.
        file: where, over whatever is there.
        names: whether file names, paths and cluster names are in it.

    Raises:
        OSError: it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = _plain_columns(points) | (_named_columns(points) if names else {})
    mark = {"made_by": _MADE_BY, "run": None if points.run is None else points.run.run}
    table = pa.table(columns).replace_schema_metadata({_MARK: json.dumps(mark)})
    pq.write_table(table, file, compression="zstd")


def is_point_table(file: Path) -> bool:
    """Tell whether vecclust wrote a file as such a table.

    Args:
        file: which one; it is there.

    Raises:
        OSError: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        mark = json.loads((pq.read_schema(file).metadata or {})[_MARK])
        return bool(mark["made_by"] == _MADE_BY)
    except (pa.ArrowException, ValueError, KeyError, TypeError):
        return False


def _plain_columns(points: PointTable) -> dict[str, Any]:
    import pyarrow as pa

    ids, distances = _lists(points.neighbours), _lists(points.distances)
    labels, photos = points.labels, points.photos
    return {
        "photo": pa.array([photo.photo for photo in photos], pa.string()),
        "x": pa.array(points.positions[:, 0], pa.float32()),
        "y": pa.array(points.positions[:, 1], pa.float32()),
        "neighbors": pa.StructArray.from_arrays([ids, distances], ["ids", "distances"]),
        "cluster": pa.array([None if label is None else label.cluster for label in labels], pa.string()),
        "strength": pa.array([None if label is None else label.strength for label in labels], pa.float32()),
        "assigned_by": pa.array([None if label is None else label.assigned_by for label in labels], pa.string()),
        "newcomer": pa.array([None if label is None else label.newcomer for label in labels], pa.bool_()),
        # As it stands in the photo: a column has one zone, photos have many or none.
        "taken": pa.array([photo.taken and photo.taken.replace(tzinfo=None) for photo in photos], pa.timestamp("us")),
        "width": pa.array([photo.width_px for photo in photos], pa.int32()),
        "height": pa.array([photo.height_px for photo in photos], pa.int32()),
    }


def _named_columns(points: PointTable) -> dict[str, Any]:
    import pyarrow as pa

    paths = [photo.path for photo in points.photos]
    clusters = ["" if label is None else label.cluster or "" for label in points.labels]
    return {
        "cluster_name": _texts([points.names.get(cluster) for cluster in clusters]),
        "file_name": _texts([None if path is None else os.path.basename(path) for path in paths]),
        "path": _texts(paths),
        # Where the text does not say it exactly.
        "path_bytes": pa.array(
            [None if path is None or storable_text(path) == path else os.fsencode(path) for path in paths], pa.binary()
        ),
    }


def _texts(texts: Sequence[str | None]) -> Any:
    import pyarrow as pa

    return pa.array([None if text is None else storable_text(text) for text in texts], pa.string())


def _lists(rows: NDArray[Any]) -> Any:
    import pyarrow as pa

    n, k = rows.shape
    offsets = pa.array(np.arange(n + 1, dtype=np.int32) * k)
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(rows).reshape(-1)))
