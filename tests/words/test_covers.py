"""Which words may stand for others that they cannot be told from."""

from __future__ import annotations

import pytest

from vecclust.words import Word, covers, load_words

WORDS = (
    Word("1", "beach"), Word("2", "people on the beach"), Word("3", "people"), Word("4", "flower"),
    Word("5", "meadow full of flowers"), Word("6", "dog", wider=("7", "elsewhere")), Word("7", "animal"),
    Word("8", "golden retriever", wider=("6",)), Word("9", "beachball"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("word", "by"),
    [
        ("beach", {"beach"}),
        ("people on the beach", {"people on the beach", "beach", "people"}),
        ("meadow full of flowers", {"meadow full of flowers", "flower"}),
        ("dog", {"dog", "animal"}),
        ("golden retriever", {"golden retriever", "dog"}),
        ("beachball", {"beachball"}),
    ],
)
def test_a_word_is_covered_by_parts_of_its_phrase_and_the_next_wider_word(word: str, by: set[str]) -> None:
    """In any number, whole words only; not by wider words that are not there, nor by those beyond the next."""
    texts = [each.text for each in WORDS]
    assert {texts[place] for place in covers(WORDS)[texts.index(word)]} == by


def test_every_shipped_word_covers_itself() -> None:
    """A word that covers nothing, not even itself, would name nothing."""
    words = load_words()
    assert all(place in covering for place, covering in enumerate(covers(words)))
