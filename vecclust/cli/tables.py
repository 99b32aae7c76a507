"""Tables for people: as wide as the terminal and no wider, with what matters most kept where room is short.

Paths are shortened (or whole, where one thing is shown or a path is to be typed), sentences are wrapped between words,
columns that can be spared are left out; numbers, ids and dates are never cut.Refuses to know
what is in a table: what is a path is told by its type.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import PurePath

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vecclust.exports.text import Cell, day, plain

# Between two columns.
GAP = 2
# A path or a sentence with less room than this is hard to read: columns that can be spared give way to it.
COMFORTABLE = 26
# No column is narrower, on whatever terminal.
LEAST = 8
# Words up to this long are never broken.
LONGEST_WORD = 20
BELOW = "paths below "
ELLIPSIS = "…"
INDENT = "  "


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    title: str = "",
    spare: Collection[str] = (),
    whole_paths: bool = False,
) -> None:
    """Print a table to the terminal that stdout is.

    Args:
        columns: the headings; a column without a word in it is left out, and so are headings without one.
        rows: one cell per column, no headings where there is none; paths that lie in one folder are shown relative to
            it, and a line says so.
        title: stands above it.
        spare: headings of columns that may be left out where the terminal is too narrow, the first ones first.
        whole_paths: whether paths are shown with all their folders, going on in the next line behind one.
    """
    console, rows = Console(), [list(row) for row in rows]
    paths_shown = [cell for row in rows for cell in row if isinstance(cell, PurePath)]
    base = "" if whole_paths else common_folder(paths_shown)
    if title:
        console.print(Text(plain(title), style="italic"))
    if not rows:
        return
    texts = [[_text(cell, base) for cell in row] for row in rows]
    kept = [n for n in range(len(columns)) if not rows or any(row[n] for row in texts)]
    flexible = {number for number in kept if any(_is_flexible(row[number]) for row in rows)}
    natural = [max([cell_len(heading), *(cell_len(row[n]) for row in texts)]) for n, heading in enumerate(columns)]
    for heading in spare:
        wanted = sum(min(natural[n], COMFORTABLE) if n in flexible else natural[n] for n in kept)
        if wanted + GAP * (len(kept) - 1) <= console.width:
            break
        kept = [n for n in kept if columns[n] != heading]
    room = console.width - GAP * (len(kept) - 1) - sum(natural[n] for n in kept if n not in flexible)
    least = {n: max(_least(row[n]) for row in rows) for n in flexible}
    wanted_of = {n: natural[n] for n in kept if n in flexible}
    paths = set() if whole_paths else {n for n in flexible if any(isinstance(row[n], PurePath) for row in rows)}
    if paths and sum(wanted_of.values()) > room:
        # A sentence can be read on in the next line, a path loses what it has no room for.
        wanted_of |= {n: min(natural[n], COMFORTABLE) for n in wanted_of.keys() - paths}
    widths = _shared(wanted_of, room, least=least)
    if base and any(isinstance(row[n], PurePath) for row in rows for n in kept):
        console.print(Text(BELOW + fitted_path(short_path(base), console.width - len(BELOW)), style="italic"))
    table = Table(
        box=None,
        header_style="bold",
        pad_edge=False,
        padding=(0, GAP, 0, 0),
        collapse_padding=True,
        show_header=any(columns),
    )
    fit = folded_path if whole_paths else fitted_path
    for number in kept:
        numeric = bool(rows) and all(isinstance(row[number], int | float) or row[number] is None for row in rows)
        is_text = number in flexible - paths
        table.add_column(
            Text(columns[number]),
            justify="right" if numeric else "left",
            width=widths.get(number, natural[number]),
            no_wrap=not is_text,
            overflow="fold" if is_text else "ellipsis",
        )
    for row, text in zip(rows, texts, strict=True):
        table.add_row(*(Text(_fitted(row[n], text[n], widths.get(n), fit=fit)) for n in kept))
    console.print(table)


def print_sentences(*sentences: str) -> None:
    """Print sentences to the terminal that stdout is, each on a line of its own, wrapped between words.

    Args:
        sentences: plain text; an empty one is an empty line.
    """
    console = Console()
    for sentence in sentences:
        console.print(Text(plain(sentence)))


def print_command(sentence: str, command: str) -> None:
    """Print a sentence that ends in a command; where they are too wide for a line, the command stands below it.

    Args:
        sentence: what the command is for.
        command: as a shell takes it.
    """
    width = terminal_width()
    if cell_len(f"{sentence}: {command}") <= width:
        print_sentences(f"{sentence}: {command}")
        return
    print_sentences(f"{sentence}:", *(INDENT + line for line in folded_command(command, width=width - len(INDENT))))


def folded_command(command: str, *, width: int) -> list[str]:
    """Break a command line between its arguments where it is too wide, as a shell lets one.

    Args:
        command: the command line.
        width: columns there are.
    """
    if len(command) <= width:
        return [command]
    lines = [""]
    for number, argument in enumerate(_arguments(command)):
        longer = f"{lines[-1]} {argument}" if number else argument
        if len(longer) + len(" \\") <= width or not number:
            lines[-1] = longer
        else:
            lines[-1] += " \\"
            lines.append(INDENT + argument)
    return lines


def _arguments(command: str) -> list[str]:
    """Cut a command line between its arguments, leaving each as it is quoted."""
    found: list[str] = []
    for part in command.split(" "):
        open_quote = found and found[-1].count("'") % 2
        found[-1:] = [f"{found[-1]} {part}"] if open_quote else [*found[-1:], part]
    return found


def terminal_width() -> int:
    """Give the columns of the terminal that stdout is."""
    return Console().width


def common_folder(paths: Sequence[PurePath]) -> str:
    """Give the folder that all paths lie in.

    Args:
        paths: absolute ones.

    Returns:
        Its path; empty where there is none worth naming: no path, the root, or a folder that holds the home folder.
    """
    folders = {os.path.dirname(path) for path in paths}
    if not folders or not all(map(os.path.isabs, folders)):
        return ""
    base = os.path.commonpath(folders)
    return "" if _is_below(os.path.expanduser("~"), base) else base


def short_path(path: str) -> str:
    """Write a path as printable text, the home folder as `~`.

    Args:
        path: an absolute path.
    """
    home = os.path.expanduser("~")
    return plain("~" + path[len(home) :] if _is_below(path, home) and home != os.sep else path)


def fitted_path(path: str, width: int) -> str:
    """Leave out folders of a path from the left, and of a long name its middle, until it fits.

    Args:
        path: printable text.
        width: columns there are.
    """
    if cell_len(path) <= width:
        return path
    parts = path.split(os.sep)
    for first in range(1, len(parts)):
        shorter = os.sep.join([ELLIPSIS, *parts[first:]])
        if cell_len(shorter) <= width:
            return shorter
    name = parts[-1]
    tail = name[-max(1, (width - 1) // 2) :]
    while tail and cell_len(tail) > (width - 1) // 2:
        tail = tail[1:]
    return set_cell_size(name, width - 1 - cell_len(tail)).rstrip() + ELLIPSIS + tail


def folded_path(path: str, width: int) -> str:
    """Break a path into lines behind its folders; a name that is too long for a line loses its middle.

    Args:
        path: printable text.
        width: columns there are.
    """
    lines = [""]
    for part in re.findall(f"[^{os.sep}]*{os.sep}|[^{os.sep}]+", path):
        if lines[-1] and cell_len(lines[-1] + part) > width:
            lines.append("")
        name = part.removesuffix(os.sep)
        is_short = cell_len(part) <= width
        lines[-1] += part if is_short else fitted_path(name, width - len(part) + len(name)) + part[len(name) :]
    return "\n".join(lines)


def when(moment: datetime) -> str:
    """Write a moment as people do, to the minute.

    Args:
        moment: as it is to be shown; its zone is not.
    """
    return f"{day(moment)}, {moment:%H:%M}"


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _text(cell: Cell, base: str) -> str:
    if isinstance(cell, PurePath):
        return plain(os.path.relpath(cell, base)) if base else short_path(str(cell))
    if isinstance(cell, datetime):
        return when(cell)
    return f"{cell:,}" if isinstance(cell, int) else plain(cell)


def _is_flexible(cell: Cell) -> bool:
    """Say whether a cell can be had narrower: a path is shortened, a text of several words wrapped."""
    return isinstance(cell, PurePath) or (isinstance(cell, str) and " " in cell)


def _least(cell: Cell) -> int:
    """Give the columns that a cell of a flexible column cannot do without."""
    words = cell.split() if isinstance(cell, str) else []
    return max([LEAST, *(min(cell_len(plain(word)), LONGEST_WORD) for word in words)])


def _shared(natural: Mapping[int, int], room: int, *, least: Mapping[int, int]) -> dict[int, int]:
    """Share room out among columns: none gets more than it needs, and the needy ones the same."""
    widths: dict[int, int] = {}
    for done, (number, wanted) in enumerate(sorted(natural.items(), key=lambda item: item[1])):
        share = max(least[number], (room - sum(widths.values())) // (len(natural) - done))
        widths[number] = min(wanted, share)
    return widths


def _fitted(cell: Cell, text: str, width: int | None, *, fit: Callable[[str, int], str]) -> str:
    return fit(text, width) if width is not None and isinstance(cell, PurePath) else text
