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
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from vecclust.types.progress import Progress, no_progress

if TYPE_CHECKING:
    from vecclust.exports.text import Cell

Document = dict[str, Any]
Found = TypeVar("Found")

_STAGES = {
    "opening": "opening the library",
    "walking": "looking for photos",
    "loading": "loading the model",
    "photos": "reading photos",
    "embedding": "embedding photos with the other model",
    "waiting": "waiting for files still being written",
    "distinct": "finding identical pictures",
    "neighbours": "finding pictures that are alike",
    "layout": "putting like pictures together",
    "clusters": "finding clusters",
    "figures": "judging the clusters",
    "words": "reading the vocabulary",
    "tidying": "tidying up",
    "compare": "comparing ways to cluster",
    "copying": "copying the library (MB)",
    "unpacking": "unpacking the library (MB)",
    "checking": "looking whether all is well",
}
# What a terminal shows of a long list unless asked for all: about what fits it without scrolling.
MOST_ROWS = 20
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


def local_time(time_ns: int | None) -> datetime | None:
    """Give a time as the clock on the wall shows it, for people.

    Args:
        time_ns: nanoseconds since 1970; None and 0 stay None.
    """
    return datetime.fromtimestamp(time_ns / 1e9) if time_ns else None


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


def shown_name(name: str | None, named_by: str | None) -> str | None:
    """Give a cluster's name as people see it: one that is proposed after `~`.

    Args:
        name: the name, or None.
        named_by: who gave it.
    """
    return f"~ {name}" if name and named_by == "auto" else name


def tell(sentence: str, *, hint: str = "") -> None:
    """Write a sentence to stderr.

    Args:
        sentence: names in it may be anything.
        hint: the next step, on a line of its own; none where empty.
    """
    from vecclust.exports.text import plain

    lines = [f"vecclust: {plain(sentence)}", *([f"  {plain(hint)}"] if hint else [])]
    sys.stderr.write("".join(f"{fitted(line)}\n" for line in lines))


def fitted(line: str) -> str:
    """Break a line for stderr between words where that is a terminal too narrow for it.

    Args:
        line: printable text.
    """
    return broken(line) if sys.stderr.isatty() else line


def broken(line: str) -> str:
    """Break a line between words where the terminal is too narrow for it.

    Args:
        line: printable text.
    """
    import shutil
    import textwrap

    width = shutil.get_terminal_size().columns
    lines = textwrap.wrap(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def show(
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    title: str = "",
    spare: Collection[str] = (),
    lines: Iterable[Sequence[Cell]] | None = None,
    see_all: str = "",
    whole_paths: bool = False,
) -> None:
    """Print rows to stdout: as a table on a terminal, anywhere else as tab-separated lines.

    Args:
        columns: the headings; on a pipe they are left out, so that lines are data.
        rows: one cell per column; paths are shortened on a terminal.
        title: shown above the table on a terminal only.
        spare: headings of columns that a narrow terminal is spared, the first ones first.
        lines: what a pipe gets where that is something else.
        see_all: the command that shows all rows; where it is given, a terminal gets the first ones and is told of it.
        whole_paths: whether a terminal gets paths with all their folders.
    """
    from vecclust.exports.text import plain

    if sys.stdout.isatty():
        from vecclust.cli.tables import print_command, print_table

        rows = list(rows)
        shown = rows[:MOST_ROWS] if see_all else rows
        print_table(columns, shown, title=title, spare=spare, whole_paths=whole_paths)
        if len(shown) < len(rows):
            print_command(f"{len(shown)} of {len(rows):,} shown; all of them", see_all)
        return
    # At once: where a letter cannot be written, nothing is.
    sys.stdout.write("".join("\t".join(map(plain, row)) + "\n" for row in (rows if lines is None else lines)))


def show_facts(*facts: tuple[str, Cell], title: str = "", lines: Iterable[tuple[str, Cell]] | None = None) -> None:
    """Print what is known of one thing: a line for each fact, on a terminal only of those that are known.

    Args:
        facts: what each is called, and its value; a path is shown with all its folders.
        title: stands above the names, only on a terminal.
        lines: what a pipe gets where that is something else.
    """
    known = [fact for fact in facts if fact[1] not in (None, "")]
    show((title, ""), known, lines=facts if lines is None else lines, whole_paths=True)


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


@contextmanager
def shown_progress(*, quiet: bool = False, lines: bool = False) -> Iterator[Progress]:
    """Show on stderr what is being done while the block runs: on a terminal a bar, with count and time left.

    Args:
        quiet: show nothing.
        lines: where stderr is no terminal, write a line when something begins; else nothing is shown there.

    Yields:
        What the work tells its progress to.
    """
    if quiet or not (lines or sys.stderr.isatty()):
        yield no_progress
    elif sys.stderr.isatty():
        from vecclust.cli.bars import shown_bars

        with shown_bars(in_words) as progress:
            yield progress
    else:
        yield _line_of_each_stage()


def _line_of_each_stage() -> Progress:
    said: set[str] = set()

    def note(stage: str, done: int, total: int) -> None:
        sentence = in_words(stage)
        if sentence not in said:
            said.add(sentence)
            tell(sentence)

    return note


def in_words(stage: str) -> str:
    """Say what is being done in words that people know.

    Args:
        stage: as progress is told of it; one that has no words here stands for itself.
    """
    return _STAGES.get(stage, stage)
