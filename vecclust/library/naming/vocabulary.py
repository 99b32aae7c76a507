"""The words by which a library's clusters are named: its owner's own first, then those that ship; and their vectors.

The vectors are made in parts, so that whoever is interrupted goes on where it was. A part is kept by the words in it:
of another vocabulary only the parts that differ are made again.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import ConfigError, ModelError, UsageError
from vecclust.library.naming.kept_vectors import keep_vectors, kept_file, key_of, read_vectors
from vecclust.types.names import checked_name, name_key
from vecclust.types.progress import Progress, no_progress
from vecclust.words import OWN_WORDS_FILE, Word, covers, load_words, own_words

if TYPE_CHECKING:
    from vecclust.embeddings import Embedder, TextEmbedder

log = logging.getLogger(__name__)

# Some 13 CPU s of a model of the size of ViT-B-32, which is what a kill costs.
PART_WORDS = 256

# The vocabulary read last, with what its file looked like, and the vectors read last: of one library in most processes.
_read: dict[Path, tuple[tuple[int, int] | None, Vocabulary]] = {}
_vectors: dict[str, NDArray[np.float32]] = {}


@dataclass(frozen=True)
class Vocabulary:
    """Words that may name a cluster.

    Attributes:
        words: the owner's own first; no two are alike as names.
        n_own: how many of them are the owner's.
    """

    words: tuple[Word, ...]
    n_own: int = 0

    @cached_property
    def key(self) -> str:
        """Another one means that words were added, or are others."""
        text = "\n".join(f"{word.id}\t{word.text}\t{' '.join(word.wider)}" for word in self.words)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @cached_property
    def _covers(self) -> tuple[frozenset[int], ...]:
        return covers(self.words)

    def covers(self, model: str) -> tuple[frozenset[int], ...]:
        """Give for each word the places of those that are true wherever it is, itself among them.

        Args:
            model: its name. Of a word that this was never taught, where that is known, there are none: its vector is
                an arbitrary one, good to hold others against and no more.
        """
        if model not in self._covers_by_model:
            from vecclust.embeddings import find_vocabulary

            taught = find_vocabulary(model)
            self._covers_by_model[model] = (
                self._covers
                if taught is None
                else tuple(
                    frozenset() if taught.unknown(word.text) else by
                    for word, by in zip(self.words, self._covers, strict=True)
                )
            )
        return self._covers_by_model[model]

    @cached_property
    def _covers_by_model(self) -> dict[str, tuple[frozenset[int], ...]]:
        return {}

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each word by its id."""
        return {word.id: place for place, word in enumerate(self.words)}

    @cached_property
    def places_by_name(self) -> Mapping[str, int]:
        """The place of each word by what names have in common that a person takes for one."""
        return {name_key(word.text): place for place, word in enumerate(self.words)}

    def parts(self) -> Iterator[tuple[str, ...]]:
        """Give the texts of the words, in order, part by part; a part has the owner's words or shipped ones."""
        for start, end in ((0, self.n_own), (self.n_own, len(self.words))):
            for first in range(start, end, PART_WORDS):
                yield tuple(word.text for word in self.words[first : min(first + PART_WORDS, end)])


def read_vocabulary(folder: Path) -> Vocabulary:
    """Read the words of a library; where its owner's file cannot be read, those that ship.

    Args:
        folder: the library's directory.
    """
    file = folder / OWN_WORDS_FILE
    try:
        found = os.stat(file)
        looks = (found.st_mtime_ns, found.st_size)
    except OSError:
        looks = None
    known = _read.get(folder)
    if known is None or known[0] != looks:
        known = looks, _all_words(file)
        _read.clear()
        _read[folder] = known
    return known[1]


def _all_words(file: Path) -> Vocabulary:
    own: dict[str, Word] = {}
    try:
        for word in own_words(file):
            try:
                own.setdefault(name_key(checked_name(word.text)), word)
            except UsageError as error:
                log.warning("%s: %s", file, error.message)
    except ConfigError as error:
        log.warning("%s", error.message)
    shipped = [word for word in load_words() if name_key(word.text) not in own]
    return Vocabulary((*own.values(), *shipped), n_own=len(own))


def kept_words(folder: Path, model_id: str, vocabulary: Vocabulary) -> NDArray[np.float32] | None:
    """Read the vectors of a vocabulary.

    Args:
        folder: the library's directory.
        model_id: the model's.
        vocabulary: the words.

    Returns:
        (m, d) float32 of norm 1, in the words' order; None where not all of them are there.
    """
    key = f"{vocabulary.key} {model_id}"
    # Asked once: another thread may let go of them at any time.
    vectors = _vectors.get(key)
    if vectors is None:
        if lacking_words(folder, model_id, vocabulary):
            return None
        parts = [read_vectors(folder, key_of(model_id, part), n_words=len(part)) for part in vocabulary.parts()]
        if not parts or any(part is None for part in parts):
            return None
        vectors = np.concatenate([part for part in parts if part is not None])
        _keep_in_mind(key, vectors)
    return vectors


def lacking_words(folder: Path, model_id: str, vocabulary: Vocabulary) -> bool:
    """Tell whether vectors of a vocabulary are still to be made; none is read.

    Args:
        folder: the library's directory.
        model_id: the model's.
        vocabulary: the words.
    """
    if f"{vocabulary.key} {model_id}" in _vectors:
        return False
    return any(not kept_file(folder, key_of(model_id, part)).exists() for part in vocabulary.parts())


def embed_words(
    folder: Path,
    texts: Callable[[], Embedder | TextEmbedder],
    vocabulary: Vocabulary,
    *,
    progress: Progress = no_progress,
) -> NDArray[np.float32]:
    """Make the vectors of a vocabulary that are not kept yet, and keep them.

    Args:
        folder: the library's directory.
        texts: gives what embeds words with the library's model; asked for each part, for it may be let go meanwhile.
        vocabulary: the words.
        progress: told about words.

    Returns:
        (m, d) float32 of norm 1, in the words' order.

    Raises:
        ModelError: the model cannot be used, or the library has been given another one meanwhile.
    """
    model_id = texts().model_id
    key, made = f"{vocabulary.key} {model_id}", list[NDArray[np.float32]]()
    for part in vocabulary.parts():
        progress("words", sum(map(len, made)), len(vocabulary.words))
        part_key = key_of(model_id, part)
        vectors = read_vectors(folder, part_key, n_words=len(part))
        if vectors is None:
            model = texts()
            if model.model_id != model_id:
                raise ModelError(f"the library's model is {model.name} by now")
            vectors = model.embed_texts(part)
            keep_vectors(folder, part_key, vectors)
        made.append(vectors)
    progress("words", len(vocabulary.words), len(vocabulary.words))
    vectors = np.concatenate(made)
    _keep_in_mind(key, vectors)
    return vectors


def _keep_in_mind(key: str, vectors: NDArray[np.float32]) -> None:
    _vectors.clear()
    _vectors[key] = vectors


def let_go_of_words() -> None:
    """Let go of the vectors that this process has read; they are read again at the next need."""
    _vectors.clear()
