"""The shipped vocabulary, and which of its words are covered by which.

`en.tsv` has a word a line: id, word, ids of the next wider words, where it is from, and further names of the same
thing. Ids are WordNet 3.0's (`n02084071`) where it has the word, else `place:beach` or `event:birthday-party`; they
stay when a word is spelled anew, since libraries keep them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

from vecclust.words.forms import stem

TEMPLATES = ("{}", "a photo of a {}.", "a picture of a {}.", "a close-up photo of a {}.")
"""Sentences around a word, as captions have it; the mean of their vectors is the word's. The bare word comes first."""

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Word:
    """One word or phrase of a vocabulary.

    Attributes:
        id: stable; `own:` and the phrase for a word of the owner's.
        text: in English, as in the middle of a sentence; as the owner wrote it for his own.
        wider: ids of the next wider words, nearest first; may be empty.
        also: further names of the same thing.
    """

    id: str
    text: str
    wider: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


@cache
def load_words() -> tuple[Word, ...]:
    """Read the shipped vocabulary; read once a process.

    Returns:
        Its words, in an order that stays; no two ids and no two texts alike.
    """
    return tuple(map(_parse, (FOLDER / "en.tsv").read_text(encoding="utf-8").splitlines()))


def _parse(line: str) -> Word:
    word_id, text, wider, _, also = line.split("\t")
    return Word(word_id, text, tuple(wider.split()), tuple(also.split("|")) if also else ())


def covers(words: Sequence[Word]) -> tuple[frozenset[int], ...]:
    """Say for each word which words may stand for it where it cannot be told from others.

    A part of a phrase may ("beach" for "people on the beach" and "beach party"), though not each part is true wherever
    the phrase is: a model that cannot tell "hot dog" from "dog" has no better word than "dog".

    Args:
        words: any, the owner's own among them.

    Returns:
        For each word the positions of itself, of the words that are parts of its phrase, in any number, and of its next
        wider words, where they are among `words`.
    """
    by_id = {word.id: place for place, word in enumerate(words)}
    stems = [stem(word.text, "en") for word in words]
    by_stem: dict[str, list[int]] = {}
    for place, stemmed in enumerate(stems):
        by_stem.setdefault(stemmed, []).append(place)
    return tuple(
        frozenset(
            {
                place,
                *(by_id[wider] for wider in word.wider if wider in by_id),
                *(other for part in _parts(stemmed) for other in by_stem.get(part, ())),
            }
        )
        for place, (word, stemmed) in enumerate(zip(words, stems, strict=True))
    )


def _parts(phrase: str) -> list[str]:
    words = phrase.split()
    return [" ".join(words[start:end]) for start, end in combinations(range(len(words) + 1), 2)]
