"""What leaves a command: JSON documents for scripts, tables and lines for people, progress on stderr.

In documents paths are absolute strings (bytes that are not UTF-8 as surrogate escapes), scores lie in [-1, 1],
strengths in [0, 1], times are ISO 8601; the keys are the contract and are golden-tested. Elsewhere names from files and
owners are shown as text: control characters are written out as escapes, so that a file name can neither break a line
nor drive the terminal, and rich's markup is never interpreted.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from vecclust.types.progress import Progress, no_progress

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

    from vecclust.exports.text import Cell

Document = dict[str, Any]
Found = TypeVar("Found")

# Decimals of the fields that are not written with all they have.
_DECIMALS = {"score": 6, "strength": 6, "novelty": 6, "seconds": 3, "stage_seconds": 3}


def document_of(record: Any, keys: str = "", **given: Any) -> Document:
    """Write the fields of a record as JSON has them.

    Args:
        record: a dataclass.
        keys: the keys of the document, in order, with blanks between; `key=field` where the field has another name.
            All fields in their own order where empty, those of times without their `_ns`.
        given: values of keys that no field holds as they are to be written.

    Returns:
        The document: records within it as documents, tuples as lists, times as ISO 8601, None as None.
    """
    document: Document = {}
    for named in keys.split() or _all_keys(type(record)):
        key, _, field = named.partition("=")
        if key in given:
            document[key] = given[key]
            continue
        value = getattr(record, field or key)
        document[key] = value if value is None or isinstance(value, str) else _json_value(value, field or key)
    return document


def _all_keys(kind: Any) -> list[str]:
    return [f"{field.name.removesuffix('_ns')}={field.name}" for field in dataclasses.fields(kind)]


def _json_value(value: Any, field: str) -> Any:
    if field.endswith("_ns"):
        return iso_ns(value)
    if field in _DECIMALS and isinstance(value, int | float):
        return round(value, _DECIMALS[field])
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _json_value(inner, field) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(inner, "") for inner in value]
    return document_of(value) if dataclasses.is_dataclass(value) else value


def iso_ns(time_ns: int | None) -> str | None:
    """Write a time as ISO 8601 in UTC, to the second.

    Args:
        time_ns: nanoseconds since 1970; None and 0 stay None.
    """
    if not time_ns:
        return None
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="seconds")


def dump(document: Document) -> str:
    """Write a document as JSON in ASCII, so that surrogate escapes survive any terminal.

    Args:
        document: of JSON's own types.
    """
    return json.dumps(document, ensure_ascii=True, indent=2, allow_nan=False)


def answer(
    found: Found,
    table: Callable[[Found], None],
    *,
    as_json: bool,
    document: Callable[[Found], Document] = document_of,
) -> None:
    """Write an answer to stdout, as one JSON document or for people.

    Args:
        found: the answer.
        table: prints it for people.
        as_json: whether a document is wanted.
        document: makes the document, where it is not simply all fields.
    """
    if as_json:
        sys.stdout.write(dump(document(found)) + "\n")
    else:
        table(found)


def tell(sentence: str, *, hint: str = "") -> None:
    """Write a sentence to stderr.

    Args:
        sentence: names in it may be anything.
        hint: the next step, on a line of its own; none where empty.
    """
    from vecclust.exports.text import plain

    sys.stderr.write(f"vecclust: {plain(sentence)}\n" + (f"  {plain(hint)}\n" if hint else ""))


def show(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str = "") -> None:
    """Print rows to stdout: as a table on a terminal, anywhere else as tab-separated lines.

    Args:
        columns: the headings; on a pipe they are left out, so that lines are data.
        rows: one cell per column.
        title: shown above the table on a terminal only.
    """
    from vecclust.exports.text import plain

    if sys.stdout.isatty():
        _show_rich(columns, rows, title)
        return
    for row in rows:
        sys.stdout.write("\t".join(map(plain, row)) + "\n")


def show_facts(*facts: tuple[str, Cell], title: str = "") -> None:
    """Print what is known of one thing: a line for each fact.

    Args:
        facts: what each is called, and its value.
        title: stands above the names, only on a terminal.
    """
    show((title, ""), facts)


def show_paths(paths: Iterable[str], *, nul: bool = False) -> None:
    """Print bare paths as the exact bytes of their names.

    Args:
        paths: the paths, bytes that are not UTF-8 as surrogate escapes.
        nul: whether each is ended by NUL instead of a newline.
    """
    sys.stdout.flush()
    end = b"\0" if nul else b"\n"
    for path in paths:
        sys.stdout.buffer.write(os.fsencode(path) + end)
    sys.stdout.buffer.flush()


def _show_rich(columns: Sequence[str], rows: Iterable[Sequence[Cell]], title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from vecclust.exports.text import plain

    table = Table(title=Text(title) if title else None, title_justify="left", header_style="bold", box=None)
    rows = [list(row) for row in rows]
    for number, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[number], int | float) or row[number] is None for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console().print(table)


@contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Show a bar per stage on stderr while the block runs, with rate and time left.

    Args:
        quiet: show nothing even on a terminal; nothing is ever shown where stderr is none.

    Yields:
        What the work tells its progress to.
    """
    if quiet or not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns: list[ProgressColumn] = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _rate_column(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    ]
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def note(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total or None)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield note


def _rate_column() -> ProgressColumn:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class RateColumn(ProgressColumn):
        """Steps a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.1f}/s")

    return RateColumn()
