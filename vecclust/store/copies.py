"""What the tables say of a run, a second time: Arrow files in the folder of its arrays.

Labels, clusters and the run's own row are made by hours of computing and by the owner's patience with it. They are
written here before they are in the tables, so that a damaged table is made again as it was and not by another fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecclust.store.layout import LibraryPlace

if TYPE_CHECKING:
    from vecclust.store.tables import Tables

_LABELS = "labels"


def save_copies(tables: Tables, run: str, made: Mapping[str, Any]) -> None:
    """Write what is about to be added to the tables into the run's folder, and note what the folder holds.

    Args:
        tables: the library's tables.
        run: its id.
        made: arrow tables by the name of the table they are added to.
    """
    import pyarrow as pa

    from vecclust.store.tables import border

    folder = tables.place.fit(run)
    with border(f"keeping a copy of run {run}", place=folder):
        folder.mkdir(parents=True, exist_ok=True)
        for table, rows in made.items():
            with pa.OSFile(str(_copy(folder, table)), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
                writer.write_table(rows)
    tables.sync_folder(folder)
    with border(f"noting the arrays of run {run}", place=folder):
        tables.ledger.record_fit(run)


def read_copy(place: LibraryPlace, run: str, table: str) -> Any:
    """Read what a run's folder holds of a table's rows.

    Args:
        place: the library.
        run: the run.
        table: the table's name.

    Returns:
        An arrow table, or None where there is none that can be read.
    """
    import pyarrow as pa

    try:
        with pa.OSFile(str(_copy(place.fit(run), table)), "rb") as file:
            return pa.ipc.open_file(file).read_all()
    except (OSError, pa.ArrowException):
        return None


def _copy(folder: Path, table: str) -> Path:
    # A run has one table of labels, whatever it is called.
    return folder / f"{_LABELS if table.startswith(_LABELS) else table}.arrow"
