"""Reference words of a library's model: vectors of words that have nothing to do with one another.

A question is held against them. They cost the model seconds, once: whoever needs them first leaves them in the
library's folder, where that may be written to, and this process keeps them beside.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.library.naming.kept_vectors import keep_vectors, key_of, read_vectors

if TYPE_CHECKING:
    from vecclust.embeddings import Embedder, TextEmbedder

# Of what a model was taught: 240 words told 83 to 94 % of meaningless questions apart, by collection, 128 of them 79
# to 92 %, and 64 of them 68 to 84 %.
MOST_WORDS = 128
# Models of one process.
_MOST_KNOWN = 4

_known: dict[str, NDArray[np.float32]] = {}


def reference_words(name: str) -> tuple[str, ...]:
    """Give the words that questions to a model are held against: of those it was taught, where that is known.

    Args:
        name: the model's.
    """
    from vecclust.embeddings import COMMON_WORDS, find_vocabulary

    vocabulary = find_vocabulary(name)
    words = COMMON_WORDS if vocabulary is None else vocabulary.phrases
    return words[:: max(1, -(-len(words) // MOST_WORDS))]


def reference_vectors(folder: Path, texts: Embedder | TextEmbedder) -> NDArray[np.float32]:
    """Give the vectors of a model's reference words.

    Args:
        folder: the library's directory.
        texts: embeds words with the library's model.

    Returns:
        (n, d) float32 of norm 1.

    Raises:
        ModelError: the model cannot be used.
    """
    words = reference_words(texts.name)
    key = key_of(texts.model_id, words)
    vectors = _known.get(key)
    if vectors is None:
        vectors = read_vectors(folder, key, n_words=len(words))
        if vectors is None:
            vectors = texts.embed_texts(words)
            keep_vectors(folder, key, vectors)
        while len(_known) >= _MOST_KNOWN:
            _known.pop(next(iter(_known)), None)
        _known[key] = vectors
    return vectors
