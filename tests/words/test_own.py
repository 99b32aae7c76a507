"""The owner's own words: read as written, and a bad file is said plainly."""

from __future__ import annotations

from pathlib import Path

import pytest

from vecclust.errors import ConfigError
from vecclust.words import Word, own_words


def test_phrases_are_read_in_order_without_comments_and_doubles(tmp_path: Path) -> None:
    """Spaces are tidied; the first spelling of a phrase stays."""
    file = tmp_path / "vocabulary.txt"
    file.write_text("\ufeff# places\n\n  our   garden \nRex\nrex\n#Rex\nSchrebergarten im März\n", encoding="utf-8")
    assert own_words(file) == (
        Word("own:our garden", "our garden"),
        Word("own:Rex", "Rex"),
        Word("own:Schrebergarten im März", "Schrebergarten im März"),
    )


def test_no_file_is_no_words(tmp_path: Path) -> None:
    """Most owners have none."""
    assert own_words(tmp_path / "vocabulary.txt") == ()


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """With what it should be."""
    file = tmp_path / "vocabulary.txt"
    file.write_bytes(b"caf\xe9\n")
    with pytest.raises(ConfigError, match=r"vocabulary\.txt cannot be read.*UTF-8"):
        own_words(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        own_words(tmp_path)
