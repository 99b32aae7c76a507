"""The owner's own words: a phrase a line in a file of the library's folder."""

from __future__ import annotations

from pathlib import Path

from vecclust.errors import ConfigError
from vecclust.words.vocabulary import Word

OWN_WORDS_FILE = "vocabulary.txt"
"""The file's name in the library's folder."""

OWN_PREFIX = "own:"
"""What the id of an owner's word begins with; the rest is the phrase."""


def own_words(file: Path) -> tuple[Word, ...]:
    """Read the owner's own words.

    Args:
        file: a phrase a line; empty lines and those that begin with `#` are comments.

    Returns:
        The words in the file's order, none twice in whatever letters; none where there is no such file.

    Raises:
        ConfigError: the file is there and cannot be read, or is not UTF-8.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{file} cannot be read: {error}", hint="It has a phrase a line, as plain text in UTF-8"
        ) from error
    phrases: dict[str, str] = {}
    for line in lines:
        phrase = " ".join(line.split())
        if phrase and not phrase.startswith("#"):
            phrases.setdefault(phrase.casefold(), phrase)
    return tuple(Word(f"{OWN_PREFIX}{phrase}", phrase) for phrase in phrases.values())
