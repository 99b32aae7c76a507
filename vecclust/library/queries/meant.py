"""Which clusters some words mean: by the vocabulary, or else by the words' own vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.library.queries.proposals import ENGLISH, NOT_CALLED, called, run_words
from vecclust.types.names import name_key
from vecclust.types.search import MeantCluster

if TYPE_CHECKING:
    from vecclust.library.naming.run_words import NamedCluster
    from vecclust.library.queries.proposals import Called
    from vecclust.store import Store

# How directly a cluster is meant: it is called so, by its owner or by a word; it is one of the kinds that the word
# covers; the word is one of its tags.
_CALLED, _KIND, _TAGGED = 0, 1, 2


def meant_clusters(store: Store, texts: Sequence[str], *, language: str = ENGLISH) -> tuple[MeantCluster, ...]:
    """Give the clusters of the current run that texts mean, most directly first, then by how well their words fit.

    Args:
        store: the library's tables.
        texts: words or names, each alone, in any language that ships.
        language: of the words that are proposed as names, and in which the texts are looked for first.

    Returns:
        The clusters; none where the texts are no words of the vocabulary and name no cluster.
    """
    names, words = called(store, language=language), run_words(store)
    if not names:
        return ()
    sizes = store.label_counts().by_cluster
    places: dict[str, tuple[int, float]] = {}
    for text in texts:
        key, meant = name_key(text), _meant(text, language)
        for cluster, one in names.items():
            how = None if cluster not in sizes else _how(one, words.get(cluster), key=key, meant=meant)
            if how is not None:
                score = words[cluster].score if cluster in words else 0.0
                places[cluster] = min(places.get(cluster, (how, -score)), (how, -score))
    ordered = sorted(places, key=lambda cluster: (*places[cluster], len(cluster), cluster))
    found = ((cluster, names.get(cluster, NOT_CALLED)) for cluster in ordered)
    return tuple(MeantCluster(cluster, one.name, one.named_by) for cluster, one in found)


def _meant(text: str, language: str) -> tuple[frozenset[str], frozenset[str]]:
    """Give the ids of the words that a text is, and of the kinds of these."""
    from vecclust.words import load_words, words_meant

    meant = frozenset(words_meant(text, language))
    if not meant:
        return meant, meant
    return meant, frozenset(word.id for word in load_words() if meant.intersection(word.wider))


def _how(
    one: Called, words: NamedCluster | None, *, key: str, meant: tuple[frozenset[str], frozenset[str]]
) -> int | None:
    exactly, kinds = meant
    if key in {name_key(name) for name in (one.name, one.word) if name} or exactly.intersection(one.ids):
        return _CALLED
    if kinds.intersection(one.ids):
        return _KIND
    tagged = () if words is None else (word.id for word in words.tags)
    if exactly.intersection(tagged) or key in map(name_key, one.tags):
        return _TAGGED
    return None


def clusters_by_fit(store: Store, vector: NDArray[np.float32]) -> tuple[str, ...]:
    """Order the clusters of the current run by how much more their photos are like some words than the library's.

    The measure is that of naming: the correlation of likeness with being in the cluster.

    Args:
        store: the library's tables.
        vector: (d,) float32 of norm 1, of the words.

    Returns:
        The clusters whose photos are more like them than the library's are, best first.
    """
    labels = store.labels()
    photos, vectors = store.vectors(sorted(labels))
    ids = sorted({label.cluster for label in labels.values() if label.cluster is not None})
    if not ids:
        return ()
    place = {cluster: number for number, cluster in enumerate(ids)}
    of_row = np.array([place.get(labels[photo].cluster or "", -1) for photo in photos], np.int64)
    likeness = (vectors @ vector).astype(np.float64)
    likeness -= likeness.mean()
    inside = of_row >= 0
    sizes = np.bincount(of_row[inside], minlength=len(ids))
    sums = np.bincount(of_row[inside], weights=likeness[inside], minlength=len(ids))
    # Of a cluster that is the whole library there is nothing to compare it with.
    others = np.maximum(len(photos) - sizes, 0.5)
    fits = sums / np.sqrt(np.maximum(sizes, 1) * others)
    return tuple(ids[number] for number in np.argsort(-fits, kind="stable").tolist() if fits[number] > 0)
