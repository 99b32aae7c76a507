"""What is asked for: words and pictures, some of them to be near and some to be far, as one vector.

The vector is the sum of the examples' unit vectors, those that are to be far taken away, made of norm 1: Rocchio's
relevance feedback (1971) with equal weights. Taking the mean of pictures and that of words away first, because the two
lie apart in a CLIP model, was measured and changes little: two pictures of a kind find it to .51 of ten hits and .53
with it, a picture and its word .74 and .74, a picture less a word .34 and .35 (Tiny ImageNet, 40 kinds, the bundled
model), and on Intel's scenes it costs .01.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import UsageError
from vecclust.library.queries.proposals import ENGLISH
from vecclust.library.queries.search import answer, scope_of, vector_of
from vecclust.library.queries.verdict import judge_words
from vecclust.types.search import Answer, Examples, Filters, MeantCluster

if TYPE_CHECKING:
    from vecclust.library.model import ModelBinding
    from vecclust.photos import DecodeLimits
    from vecclust.store import Store

# Below this nothing is left of what is asked for: rounding would decide. Two vectors as like as any two photos of one
# burst differ by more.
_LEAST_NORM = 1e-3


@dataclass(frozen=True, slots=True)
class Combined:
    """What is asked for.

    Attributes:
        vector: (d,) float32 of norm 1.
        photos: content hashes of the pictures that it is made of, which are no answers.
        texts: the texts that are to be near.
        text_vectors: (n, d) float32 of norm 1, theirs.
        far_texts: those that are to be far.
        plus: every example that is to be near, as an answer says it.
        minus: every one that is to be far, likewise.
    """

    vector: NDArray[np.float32]
    photos: frozenset[str]
    texts: tuple[str, ...]
    text_vectors: NDArray[np.float32]
    far_texts: tuple[str, ...]
    plus: tuple[str, ...]
    minus: tuple[str, ...]


def embed_all(model: ModelBinding, plus: Examples, minus: Examples) -> NDArray[np.float32]:
    """Embed the words of a question, those that are to be near first.

    Args:
        model: the library's.
        plus: what is to be near.
        minus: what is to be far.

    Returns:
        (n, d) float32 of norm 1; (0, 0) where there are no words, and the model is not loaded then.

    Raises:
        UsageError: a text is empty.
        ModelError: the model cannot be used.
        NotFound: the library is empty.
    """
    texts = [*plus.texts, *minus.texts]
    if not all(map(str.strip, texts)):
        raise UsageError("nothing to search for", hint="Say what the pictures show: vecclust search waterfalls.")
    return model.texts().embed_texts(texts) if texts else np.empty((0, 0), np.float32)


def combine(
    store: Store, model: ModelBinding, plus: Examples, minus: Examples, *, words: NDArray[np.float32],
    limits: DecodeLimits,
) -> Combined:  # fmt: skip
    """Make one vector of all examples.

    Args:
        store: the library's tables.
        model: its model.
        plus: what is to be near; at least one example.
        minus: what is to be far.
        words: the vectors of the texts, as `embed_all` gives them.
        limits: what decoding a file may cost that the library does not know.

    Returns:
        The vector, and what it is made of.

    Raises:
        NotFound: the library is empty, or there is no such file.
        PhotoError: a file cannot be read as a picture.
        ModelError: a file is not in the library and the model cannot be used.
        UsageError: nothing is left of what is asked for.
    """
    near = tuple(os.path.abspath(path) for path in plus.photos)
    far = tuple(os.path.abspath(path) for path in minus.photos)
    pictures = [vector_of(store, model, path, limits) for path in (*near, *far)]
    vectors = [vector for _, vector in pictures]
    parts = [*words[: len(plus.texts)], *vectors[: len(near)]]
    taken_away = [*words[len(plus.texts) :], *vectors[len(near) :]]
    vector = parts[0]
    if len(parts) + len(taken_away) > 1:
        whole = np.sum(parts, axis=0, dtype=np.float64) - np.sum([np.zeros(len(vector)), *taken_away], axis=0)
        norm = np.linalg.norm(whole)
        if norm < _LEAST_NORM:
            raise UsageError(
                "nothing is left of what is asked for: all of it is taken away again",
                hint="Leave one out, or say what else the pictures show.",
            )
        vector = (whole / norm).astype(np.float32)
    return Combined(
        vector=vector,
        photos=frozenset(photo for photo, _ in pictures),
        texts=plus.texts,
        text_vectors=words[: len(plus.texts)],
        far_texts=minus.texts,
        plus=(*plus.texts, *near),
        minus=(*minus.texts, *far),
    )


def answer_combined(
    store: Store,
    model: ModelBinding,
    query: str,
    asked: Combined,
    *,
    limit: int,
    filters: Filters,
    language: str = ENGLISH,
) -> Answer:
    """Answer with the photos nearest to what is asked for, and say what there is to say of its words.

    Args:
        store: the library's tables.
        model: its model.
        query: the first of the examples that are to be near, as the answer says it.
        asked: what is asked for.
        limit: hits wanted, at least 1.
        filters: what the answer is limited to.
        language: of the words that are proposed as names.

    Returns:
        The answer, without the pictures that are asked about.

    Raises:
        NotFound: there is no such cluster or folder.
        UsageError: the filters let nothing through.
    """
    found = answer(
        store, model, query, asked.vector, limit=limit, leave_out=asked.photos, filters=filters, language=language
    )
    besides = list(asked.plus)
    besides.remove(query)
    scope = scope_of(store, filters, language=language)
    verdict = judge_words(store, model, asked.texts, asked.text_vectors, others=asked.far_texts, scope=scope)
    return dataclasses.replace(
        found,
        notices=(*verdict.notices, *found.notices),
        plus=tuple(besides),
        minus=asked.minus,
        better_than_chance=verdict.better_than_chance,
        unknown_words=verdict.unknown_words,
        clusters=_meant(store, asked.texts, language=language),
    )


def _meant(store: Store, texts: Sequence[str], *, language: str) -> tuple[MeantCluster, ...]:
    """Give the clusters that words mean; pictures alone mean none, and ask nobody."""
    if not texts:
        return ()
    from vecclust.library.queries.meant import meant_clusters

    return meant_clusters(store, texts, language=language)
