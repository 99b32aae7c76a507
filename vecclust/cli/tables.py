"""Rows to a rich table on a terminal, or to plain tab-separated lines anywhere else.

Names from files and owners are shown as text: control characters are written out as escapes, so that a file name
can neither break a line nor drive the terminal, and rich's markup is never interpreted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from vecclust.exports.text import Cell, plain


def show(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str = "") -> None:
    """Print rows to stdout.

    Args:
        columns: the headings; on a pipe they are left out, so that lines are data.
        rows: one cell per column.
        title: shown above the table on a terminal only.
    """
    if sys.stdout.isatty():
        _show_rich(columns, rows, title)
        return
    for row in rows:
        sys.stdout.write("\t".join(plain(cell) for cell in row) + "\n")


def show_paths(paths: Iterable[str], *, nul: bool = False) -> None:
    """Print bare paths, one a line or each ended by NUL, as the exact bytes of their names."""
    sys.stdout.flush()
    end = b"\0" if nul else b"\n"
    for path in paths:
        sys.stdout.buffer.write(os.fsencode(path) + end)
    sys.stdout.buffer.flush()


def _show_rich(columns: Sequence[str], rows: Iterable[Sequence[Cell]], title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left", header_style="bold", box=None)
    rows = [list(row) for row in rows]
    for number, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[number], int | float) or row[number] is None for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console().print(table)
