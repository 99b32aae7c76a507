"""Names from files and owners as plain text, for terminals, pages and logs alike."""

from __future__ import annotations

from datetime import datetime

Cell = str | int | float | datetime | None


def plain(cell: Cell) -> str:
    """Write one cell as text without control characters, so that no name can break a line or drive a terminal.

    Args:
        cell: None is empty, a number has three decimals at most, a time is to the minute.

    Returns:
        Printable text; what is not printable is written as its escape.
    """
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.3f}"
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="minutes")
    text = str(cell)
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode("ascii")
        for letter in text
    )
