"""Reference words of a library's model: vectors of words that have nothing to do with one another.

A question is held against them. They cost the model seconds, once: whoever needs them first leaves them in the
library's folder, where that may be written to, and this process keeps them beside. What is found damaged there is
made again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import DamagedRun
from vecclust.library.runs.rows import reading_arrays, save_arrays

if TYPE_CHECKING:
    from vecclust.embeddings import Embedder, TextEmbedder

log = logging.getLogger(__name__)

FOLDER = "words"
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
    key = hashlib.sha256("\n".join([texts.model_id, *words]).encode()).hexdigest()[:16]
    vectors = _known.get(key)
    if vectors is None:
        file = folder / FOLDER / f"{key}.npz"
        vectors = _read(file, n_words=len(words))
        if vectors is None:
            vectors = texts.embed_texts(words)
            _keep(file, vectors)
        while len(_known) >= _MOST_KNOWN:
            _known.pop(next(iter(_known)), None)
        _known[key] = vectors
    return vectors


def _read(file: Path, *, n_words: int) -> NDArray[np.float32] | None:
    if not file.exists():
        return None
    try:
        with reading_arrays(file) as arrays:
            vectors = arrays["vectors"]
            if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != n_words:
                raise ValueError("the vectors are not those of the words")
            if not (np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-3).all():
                raise ValueError("the vectors are not of norm 1")
    except DamagedRun as reason:
        log.warning("the reference words cannot be used and are made again: %s", reason)
        return None
    return vectors


def _keep(file: Path, vectors: NDArray[np.float32]) -> None:
    """Write them for the next one who asks; where that fails, they are only made again."""
    beside = file.with_name(f".{uuid.uuid4().hex}.new")
    try:
        file.parent.mkdir(exist_ok=True)
        save_arrays(beside, vectors=vectors)
        os.replace(beside, file)
    except OSError as reason:
        log.info("the reference words are not kept: %s", reason)
        beside.unlink(missing_ok=True)
