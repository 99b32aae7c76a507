"""Row filters, built as expressions so that no value is ever spliced into SQL.

Values are data here whatever they contain: quotes, backslashes, emoji, anything a file or a cluster may be
called. An expression is handed to the vendor as it is and never rendered: its text form (`to_sql`) escapes a
quote but not a backslash before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vecclust.store.rows import storable_text

# An opaque lancedb expression; its type stays inside this room.
Filter = Any


def equals(column: str, value: str | int) -> Filter:
    """Rows whose column holds exactly this value."""
    from lancedb.expr import col, lit

    return col(column) == lit(_plain(value))


def one_of(column: str, values: Iterable[str] | Iterable[int]) -> Filter:
    """Rows whose column holds one of these values."""
    from lancedb.expr import col, lit

    return col(column).isin([lit(_plain(value)) for value in values])


def at_least(column: str, value: int) -> Filter:
    """Rows whose column is this or more."""
    from lancedb.expr import col, lit

    return col(column) >= lit(value)


def below(column: str, value: int) -> Filter:
    """Rows whose column is less than this."""
    from lancedb.expr import col, lit

    return col(column) < lit(value)


def both(first: Filter | None, second: Filter | None) -> Filter | None:
    """Rows that pass both filters, None standing for all rows."""
    if first is None or second is None:
        return second if first is None else first
    return first & second


def _plain(value: str | int) -> str | int:
    """Text that cannot be stored cannot be found either, and must not be an error to look for."""
    return storable_text(value) if isinstance(value, str) else value
