"""Documents of records, and plain output: one record a line whatever the names hold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecclust.cli import output
from vecclust.exports.text import Cell, plain


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
def test_cells_are_written_as_text(cell: Cell, shown: str) -> None:
    """Escapes, numbers and gaps."""
    assert plain(cell) == shown


def test_a_pipe_gets_tab_separated_lines_without_headings(capsys: pytest.CaptureFixture[str]) -> None:
    """What `cut -f2` sees is data."""
    output.show(("a", "b"), [(1, "x\ty"), (2, None)], title="not for pipes")
    assert capsys.readouterr().out == "1\tx\\ty\n2\t\n"


def test_paths_leave_as_their_exact_bytes(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A name that is not UTF-8 can be piped into xargs."""
    name = os.fsdecode(b"/p/\xff\n.jpg")
    output.show_paths([name, "/p/b"], nul=True)
    assert capfdbinary.readouterr().out == b"/p/\xff\n.jpg\0/p/b\0"


def test_markup_in_names_is_not_interpreted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal too, a cluster called [red]x[/red] is shown as that."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    output.show(("name",), [("[red]x[/red]",)], title="[bold]t")
    out = capsys.readouterr().out
    assert "[red]x[/red]" in out
    assert "[bold]t" in out


@dataclass(frozen=True)
class Record:
    """What is known of something."""

    name: str
    strength: float | None
    seen_ns: int
    taken: datetime | None
    parts: tuple[Any, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


def test_a_record_becomes_a_document_of_all_its_fields() -> None:
    """Times without their unit, numbers with the decimals their field has, records in records, None as None."""
    inner = Record("in", None, 0, None)
    record = Record("\udcff", 0.12345678, 1_000_000_000, datetime(2024, 6, 1, 8), (inner, "x", 1), {"fit": 1.23456})
    assert output.document_of(record) == {
        "name": "\udcff",
        "strength": 0.123457,
        "seen": "1970-01-01T00:00:01+00:00",
        "taken": "2024-06-01T08:00:00",
        "parts": [output.document_of(inner), "x", 1],
        "seconds": {"fit": 1.235},
    }
    assert output.document_of(inner)["seen"] is output.document_of(inner)["strength"] is None


def test_keys_are_chosen_ordered_renamed_and_given() -> None:
    """As a document's contract has them; a key that is no field is a mistake."""
    record = Record("a", 0.5, 0, None)
    document = output.document_of(record, "other strength id=name", other=[1])
    assert list(document.items()) == [("other", [1]), ("strength", 0.5), ("id", "a")]
    with pytest.raises(AttributeError, match="other"):
        output.document_of(record, "other")


def test_sentences_are_broken_between_words_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Notices and hints; elsewhere they are lines, and nothing is lost where a word is longer than the screen."""
    sentence, hint = "the drive is not there " * 8 + "x" * 90, "try again " * 12
    output.tell(sentence, hint=hint)
    assert capsys.readouterr().err == f"vecclust: {sentence}\n  {hint}\n"
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    output.tell(sentence, hint=hint)
    written = capsys.readouterr().err
    assert written.split() == ["vecclust:", *sentence.split(), *hint.split()]
    assert [line.strip() for line in written.splitlines() if len(line) > 80] == ["x" * 90]
