"""Which words a model was taught, where that is known, and words to hold a question against.

A large model has seen millions of captions, and no word is foreign to its tokens: for it only a comparison tells. A
small one may have a list beside its weights, `words.txt`, of all that it was taught, a phrase a line; any other word
gives it an arbitrary vector. Knows words, no vectors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vecclust.embeddings.names import ModelName
from vecclust.errors import ModelError

WORDS_FILE = "words.txt"

# Unlike one another and in everybody's captions, so that a photo's likeness to them is likeness to nothing in
# particular. More would tell more apart, and each costs a model of the size of ViT-B-32 some 0.05 CPU s, once for a
# library (docs/figures.md).
COMMON_WORDS = (
    "apple", "baby", "beach", "bicycle", "bird", "boat", "book", "bottle", "bread", "bridge", "bus", "cake", "camera",
    "car", "cat", "chair", "cheese", "church", "clock", "cloud", "coin", "computer", "cow", "crowd", "cup", "desert",
    "dog", "door", "dress", "fire", "fish", "flag", "flower", "forest", "fruit", "guitar", "hat", "horse", "house",
    "insect", "kitchen", "knife", "lamp", "map", "money", "monkey", "moon", "mountain", "office", "paper", "person",
    "plane", "road", "rock", "sea", "shoe", "snow", "soup", "statue", "table", "tractor", "train", "tree", "window",
)  # fmt: skip

# Words that name nothing a picture could show, those in which the bundled model was asked among them.
_NAMELESS = frozenset(
    {
        "a", "an", "and", "are", "as", "at", "be", "by", "close", "for", "from", "has", "have", "her", "his",
        "i", "image", "images", "in", "is", "it", "its", "large", "my", "near", "of", "on", "one", "or", "our",
        "out", "over", "photo", "photograph", "photos", "picture", "pictures", "small", "some", "that", "the",
        "their", "there", "these", "this", "those", "to", "up", "we", "with", "you", "your",
    }
)  # fmt: skip
_WORD = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile("['\N{RIGHT SINGLE QUOTATION MARK}]s\\b")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All that a model was taught.

    Attributes:
        phrases: as it was taught them, none twice.
    """

    phrases: tuple[str, ...]

    def unknown(self, text: str) -> tuple[str, ...]:
        """Give the words of a text that the model was never taught, in order, none twice.

        Args:
            text: a question; words that name nothing, such as "of", count as known.
        """
        known = _words_of(self.phrases)
        return tuple(word for word in naming_words(text) if word not in known)

    def nearest(self, word: str) -> str | None:
        """Give the singular or plural of a word, where it was taught that instead.

        Args:
            word: in small letters.
        """
        known = _words_of(self.phrases)
        others = (word.removesuffix("es"), word.removesuffix("s"), f"{word}s", f"{word}es")
        return next((other for other in others if other != word and other in known), None)


def naming_words(text: str) -> tuple[str, ...]:
    """Give the words of a text that may name something, in small letters, in order, none twice.

    Args:
        text: any.
    """
    words = _WORD.findall(_POSSESSIVE.sub("", text.lower()))
    return tuple(dict.fromkeys(word for word in words if word not in _NAMELESS))


@cache
def _words_of(phrases: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word for phrase in phrases for word in naming_words(phrase))


def find_vocabulary(name: str | ModelName) -> Vocabulary | None:
    """Find the list of what a model was taught.

    Args:
        name: as for `load`.

    Returns:
        The list, or None where the model has none beside its weights: then nothing is known of its words.

    Raises:
        ModelError: the list cannot be read.
    """
    folder = ModelName.of(name).folder
    return None if folder is None else _read(folder / WORDS_FILE)


@cache
def _read(file: Path) -> Vocabulary | None:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} cannot be read: {error}") from error
    phrases = tuple(dict.fromkeys(filter(None, map(str.strip, lines))))
    return Vocabulary(phrases) if phrases else None


def write_vocabulary(folder: Path, phrases: Sequence[str]) -> None:
    """Write the list of what a model was taught beside its weights.

    Args:
        folder: the model's.
        phrases: all of them.
    """
    lines = sorted(set(phrases))
    (folder / WORDS_FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
