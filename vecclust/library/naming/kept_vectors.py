"""Vectors of words that are made once and kept in the library's folder, a file for each list of words of a model.

Whoever needs them first leaves them there, where that may be written to. What is found damaged is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import DamagedRun
from vecclust.library.runs.rows import reading_arrays, save_arrays

log = logging.getLogger(__name__)

FOLDER = "words"


def key_of(model_id: str, words: Sequence[str]) -> str:
    """Give what the vectors of words of a model are kept under.

    Args:
        model_id: the model's.
        words: the words, in order.
    """
    return hashlib.sha256("\n".join([model_id, *words]).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def kept_file(folder: Path, key: str) -> Path:
    """Name the file of vectors.

    Args:
        folder: the library's directory.
        key: as `key_of` gives it.
    """
    return folder / FOLDER / f"{key}.npz"


def read_vectors(folder: Path, key: str, *, n_words: int) -> NDArray[np.float32] | None:
    """Read vectors that were kept.

    Args:
        folder: the library's directory.
        key: as `key_of` gives it.
        n_words: how many words they are of.

    Returns:
        (n, d) float32 of norm 1; None where there are none that can be used.
    """
    file = kept_file(folder, key)
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
        log.warning("vectors of words cannot be used and are made again: %s", reason)
        return None
    return vectors


def keep_vectors(folder: Path, key: str, vectors: NDArray[np.float32]) -> None:
    """Write vectors for the next one who asks; where that fails, they are only made again.

    Args:
        folder: the library's directory.
        key: as `key_of` gives it.
        vectors: (n, d) float32 of norm 1.
    """
    file = kept_file(folder, key)
    beside = file.with_name(f".{uuid.uuid4().hex}.new")
    try:
        file.parent.mkdir(exist_ok=True)
        save_arrays(beside, vectors=vectors)
        os.replace(beside, file)
    except OSError as reason:
        log.info("vectors of words are not kept: %s", reason)
        with contextlib.suppress(OSError):
            beside.unlink()
