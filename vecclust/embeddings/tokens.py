"""CLIP's own tokenizer without torch: words to the numbers that open_clip's `SimpleTokenizer` gives.

open_clip's own is the same byte-pair encoding, but importing it imports torch, which costs more than all the rest of
a question. The vocabulary is open_clip's file; text is cleaned by ftfy, as there. Knows no model.
"""

from __future__ import annotations

import gzip
import html
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vecclust.embeddings.vendor import open_clip_vocabulary

# The numbers are those of single bytes, of bytes that end a word, of merges, and of the two that begin and end a text.
N_BYTES = 256
N_MERGES = 49152 - N_BYTES - 2
START = 2 * N_BYTES + N_MERGES
END = START + 1
VOCABULARY_SIZE = END + 1

# What stands with a blank before it in what tokens spell.
_SIGNS = ".,;:!?'"
_WORD_END = "</w>"
_SPECIAL = {"<start_of_text>": START, "<end_of_text>": END}
_PATTERN = "|".join(_SPECIAL) + r"|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def tokenize(texts: Sequence[str], context_length: int) -> NDArray[np.int64]:
    """Turn texts into token numbers.

    Args:
        texts: may be none.
        context_length: tokens that the model reads, the first and the last included.

    Returns:
        (n, context_length), filled up with 0; a text that is too long is cut and ended.
    """
    tokens = np.zeros((len(texts), context_length), dtype=np.int64)
    for row, text in zip(tokens, texts, strict=True):
        numbers = [START, *_encode(text)[: context_length - 2], END]
        row[: len(numbers)] = numbers
    return tokens


def _encode(text: str) -> list[int]:
    import regex

    clean = " ".join(_mended(text).split()).lower()
    numbers: list[int] = []
    for word in regex.findall(_PATTERN, clean, regex.IGNORECASE):
        numbers += [_SPECIAL[word]] if word in _SPECIAL else _merged(word)
    return numbers


def _mended(text: str) -> str:
    """Undo wrong decoding and HTML's escapes, as open_clip does."""
    if text.isascii() and text.isprintable() and "&" not in text:
        return text  # nothing to mend, and importing ftfy costs 0.05 s
    import ftfy

    mended: str = html.unescape(html.unescape(ftfy.fix_text(text)))
    return mended


def _merged(word: str) -> list[int]:
    """Merge the bytes of a word, the pair that is most common in the language first."""
    ranks, letters = _merges(), _letters()
    symbols = [letters[byte] for byte in word.encode("utf-8")]
    symbols[-1] += _WORD_END
    numbers = {letter: number for number, letter in enumerate(sorted(letters))}
    known = {letter: numbers[letter] for letter in symbols[:-1]}
    known[symbols[-1]] = N_BYTES + numbers[symbols[-1].removesuffix(_WORD_END)]
    while len(symbols) > 1:
        pairs = [f"{left} {right}" for left, right in pairwise(symbols)]
        best = min(pairs, key=lambda pair: ranks.get(pair, N_MERGES))
        if best not in ranks:
            break
        whole = best.replace(" ", "")
        known[whole] = 2 * N_BYTES + ranks[best]
        symbols = _with_merged(symbols, best.split(" "), whole)
    return [known[symbol] for symbol in symbols]


def _with_merged(symbols: list[str], pair: list[str], whole: str) -> list[str]:
    merged: list[str] = []
    place = 0
    while place < len(symbols):
        here = symbols[place : place + 2] == pair
        merged.append(whole if here else symbols[place])
        place += 2 if here else 1
    return merged


@cache
def _merges() -> dict[str, int]:
    """Read the pairs that are merged, with their ranks."""
    lines = gzip.decompress(open_clip_vocabulary().read_bytes()).decode("utf-8").split("\n")
    return {pair: rank for rank, pair in enumerate(lines[1 : N_MERGES + 1])}


@cache
def _letters() -> list[str]:
    """Give each byte the printable letter by which the vocabulary spells it."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = iter(range(N_BYTES, 2 * N_BYTES))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(N_BYTES)]


def sentence(text: str) -> str:
    """Write what tokens spell as people write a sentence.

    Args:
        text: in small letters, with a blank behind each word and sign.

    Returns:
        One line, with a capital at its beginning and a sign at its end; empty where there is no word.
    """
    line = " ".join(text.split())
    for sign in _SIGNS:
        line = line.replace(f" {sign}", sign)
    line = line.lstrip(" " + _SIGNS).rstrip(" .,;:'")
    if not line:
        return ""
    return line[0].upper() + line[1:] + ("" if line[-1] in "!?" else ".")
