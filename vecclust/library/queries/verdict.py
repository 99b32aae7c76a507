"""What an answer says of the words it was asked for: which the model never learnt, and whether the library shows them.

Sentences for people, and what the answer carries besides. What is measured is `chance`'s affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.library.queries.chance import FEWEST_PHOTOS, LEAST_ABOVE_CHANCE, N_BEST, N_SAMPLED, above_chance
from vecclust.library.reference import reference_vectors

if TYPE_CHECKING:
    from vecclust.embeddings import Vocabulary
    from vecclust.library.model import ModelBinding
    from vecclust.library.queries.search import Scope
    from vecclust.store import Store


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of the words of a question.

    Attributes:
        better_than_chance: whether the library shows one of the texts that are to be near; None where that cannot be
            told.
        unknown_words: those that the model never learnt, in order.
        notices: sentences that say so, the most important first.
    """

    better_than_chance: bool | None
    unknown_words: tuple[str, ...]
    notices: tuple[str, ...]


def judge_words(
    store: Store,
    model: ModelBinding,
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    *,
    others: Sequence[str],
    scope: Scope,
) -> Verdict:
    """Judge the words of a question.

    Args:
        store: the library's tables.
        model: its model.
        texts: n texts that are to be near; may be none.
        vectors: (n, d) float32 of norm 1, theirs.
        others: texts that are to be far: whether they are shown does not matter.
        scope: among which photos is looked.

    Returns:
        The verdict.
    """
    from vecclust.embeddings import find_vocabulary

    vocabulary = find_vocabulary(model.known().name)
    unknown = () if vocabulary is None else vocabulary.unknown(" ".join([*texts, *others]))
    found: bool | None = None
    if texts:
        shown = [
            _is_shown(store, model, vector, scope=scope) if _means_something(text, vocabulary) else False
            for text, vector in zip(texts, vectors, strict=True)
        ]
        found = True if True in shown else None if None in shown else False
    notices = [] if found is not False else [_nothing_shown(texts)]
    if vocabulary is not None and unknown:
        notices.append(_unknown(unknown, vocabulary))
    return Verdict(found, unknown, tuple(notices))


def _means_something(text: str, vocabulary: Vocabulary | None) -> bool:
    """Say whether the model may know what a text means: not where it never learnt any of its words."""
    from vecclust.embeddings import naming_words

    if vocabulary is None:
        return True
    return len(vocabulary.unknown(text)) < max(1, len(naming_words(text)))


def _is_shown(store: Store, model: ModelBinding, vector: NDArray[np.float32], *, scope: Scope) -> bool | None:
    """Say whether the best photos for some words are better than chance, None where that cannot be told."""
    n_photos = store.count_photos(within=scope.within, since=scope.since, until=scope.until)
    if n_photos < FEWEST_PHOTOS:
        return None
    found = store.search(vector, limit=max(N_BEST), within=scope.within, since=scope.since, until=scope.until)
    rows = {row.photo: row.vector for row in store.photos([photo for photo, _ in found], with_vectors=True)}
    hits = [rows[photo] for photo, _ in found if photo in rows]
    above = above_chance(
        vector,
        np.array(hits, np.float32).reshape(-1, len(vector)),
        sample=store.sample_vectors(N_SAMPLED),
        reference=reference_vectors(store.folder, model.texts()),
        n_photos=n_photos,
    )
    return None if above is None else above >= LEAST_ABOVE_CHANCE


def _nothing_shown(texts: Sequence[str]) -> str:
    return f"no photo here matches {_listed(texts, 'or')} better than chance: these are only the nearest ones"


def _unknown(words: Sequence[str], vocabulary: Vocabulary) -> str:
    known = [other for other in map(vocabulary.nearest, words) if other is not None]
    instead = f", but it knows {_listed(known, 'and')}" if known else ""
    kind = "word" if len(words) == 1 else "words"
    return f"this library's model does not know the {kind} {_listed(words, 'and')}{instead}"


def _listed(words: Sequence[str], last: str) -> str:
    quoted = [f'"{word}"' for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"
