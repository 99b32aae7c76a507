"""What the owner said, a second time: a plain file of one line an edit, which a person can read.

Edits are the one thing in a library that cannot be computed again. Each is a row of a table and then a line here; a
writer that opens the library brings the two in step, so that what was lost in one comes back from the other. Lines are
only ever added. A line carries a sum, by which a torn or changed one is told; such a line is left out, not guessed at.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_SUM = "sum"

Line = Mapping[str, Any]


def add_lines(journal: Path, lines: Sequence[Line]) -> None:
    """Write lines behind those that are there, and bring them to the disk.

    Args:
        journal: the file; made where there is none.
        lines: what JSON can hold.

    Raises:
        OSError: it cannot be written.
    """
    if not lines:
        return
    text = "".join(f"{_written(line)}\n" for line in lines)
    with open(os.open(journal, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600), "r+b") as file:
        # A line that a lost power tore must not take the next one with it.
        if (end := file.seek(0, os.SEEK_END)) and os.pread(file.fileno(), 1, end - 1) != b"\n":
            text = "\n" + text
        file.write(text.encode("ascii"))
        file.flush()
        os.fsync(file.fileno())


def read_lines(journal: Path) -> tuple[list[Line], int]:
    """Read the lines that are whole.

    Args:
        journal: the file.

    Returns:
        The lines in order, and how many others there are; none where there is no such file.

    Raises:
        OSError: it is there and cannot be read.
    """
    try:
        text = journal.read_bytes()
    except FileNotFoundError:
        return [], 0
    lines, n_damaged = [], 0
    for one in text.split(b"\n"):
        if not one.strip():
            continue
        try:
            line = json.loads(one)
            if line.pop(_SUM) != _sum(line):
                raise ValueError("not what was written")
            lines.append(line)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            n_damaged += 1
    return lines, n_damaged


def _written(line: Line) -> str:
    return json.dumps({**line, _SUM: _sum(line)})


def _sum(line: Line) -> str:
    return hashlib.sha256(json.dumps(line, sort_keys=True).encode("ascii")).hexdigest()[:8]
