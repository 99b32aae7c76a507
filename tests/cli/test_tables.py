"""Plain output: one record a line whatever the names hold."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecclust.cli import tables
from vecclust.exports.text import plain


@given(st.text())
def test_a_cell_is_one_printable_piece(text: str) -> None:
    """No name can break a line, add a column or drive the terminal."""
    shown = plain(text)
    assert all(letter.isprintable() for letter in shown)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("plain é 🌋", "plain é 🌋"),
        ("a\tb\nc", "a\\tb\\nc"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\udcff", "\\udcff"),
        (None, ""),
        (0.12345, "0.123"),
        (7, "7"),
    ],
)
def test_cells_are_written_as_text(cell: tables.Cell, shown: str) -> None:
    """Escapes, numbers and gaps."""
    assert plain(cell) == shown


def test_a_pipe_gets_tab_separated_lines_without_headings(capsys: pytest.CaptureFixture[str]) -> None:
    """What `cut -f2` sees is data."""
    tables.show(("a", "b"), [(1, "x\ty"), (2, None)], title="not for pipes")
    assert capsys.readouterr().out == "1\tx\\ty\n2\t\n"


def test_paths_leave_as_their_exact_bytes(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A name that is not UTF-8 can be piped into xargs."""
    name = os.fsdecode(b"/p/\xff\n.jpg")
    tables.show_paths([name, "/p/b"], nul=True)
    assert capfdbinary.readouterr().out == b"/p/\xff\n.jpg\0/p/b\0"


def test_markup_in_names_is_not_interpreted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal too, a cluster called [red]x[/red] is shown as that."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    tables.show(("name",), [("[red]x[/red]",)], title="[bold]t")
    out = capsys.readouterr().out
    assert "[red]x[/red]" in out
    assert "[bold]t" in out
