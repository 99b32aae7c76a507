"""Naming the clusters of a run: the rule of `clustering.naming`, given what is kept and what the owner said.

A new run is named before it is visible, where the vectors of the words are there already. Else, and where what was
decided is lost or the vocabulary is another, the writer names the current run as soon as it can. Either way a kill
leaves a run with names or without them, and those are found by the next writer. What goes wrong here keeps nobody from
a fit.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import DamagedRun, VecclustError
from vecclust.library.naming.run_words import (
    KnownWord,
    NamedCluster,
    RunWords,
    load_run_words,
    load_statistics,
    save_run_words,
)
from vecclust.library.naming.vocabulary import Vocabulary, embed_words, kept_words, read_vocabulary
from vecclust.types.clusters import Label
from vecclust.types.names import name_key
from vecclust.types.progress import Progress, no_progress

if TYPE_CHECKING:
    from vecclust.clustering.naming import ClusterWords, Kept
    from vecclust.library.model import ModelBinding
    from vecclust.store import Store

log = logging.getLogger(__name__)


class Naming:
    """Names the clusters of one library's runs.

    Args:
        store: its tables, open for writing.
        model: its model.

    Attributes:
        embeds_here: whether the vectors of words are made by whoever names; else somebody makes them elsewhere.
    """

    def __init__(self, store: Store, model: ModelBinding) -> None:
        self._store = store
        self._model = model
        self.embeds_here = True
        self._done: tuple[str, ...] = ()

    def name_fit(self, store: Store, folder: Path, labels: Sequence[Label]) -> None:
        """Name the clusters of a run that is not visible yet, where the vectors of the words are there.

        Args:
            store: the library as it will be: of the model that the fit is of.
            folder: the run's folder.
            labels: as the run has them.
        """
        try:
            self._name(store, folder, labels, self._before(store))
        except (VecclustError, OSError) as error:
            log.warning("the clusters have no names by words: %s", error)

    def name_current(self, progress: Progress = no_progress) -> str:
        """Name the clusters of the current run where that is not done, or the words are others by now.

        Args:
            progress: told about words whose vectors are made.

        Returns:
            What is lacking for it: another one whenever something else is; empty where it is done.
        """
        store = self._store
        run, model = store.state().current_run, store.model()
        if run is None or model is None:
            return ""
        vocabulary = read_vocabulary(store.folder)
        wanted = (run, model.model_id, vocabulary.key)
        if self._done == wanted or not vocabulary.words:
            return ""
        try:
            folder = store.fit_folder(run)
            before = load_run_words(folder)
            is_same = before is not None and (before.model, before.vocabulary) == wanted[1:]
            if not is_same or load_statistics(folder, n_words=len(vocabulary.words)) is None:
                if kept_words(store.folder, model.model_id, vocabulary) is None:
                    if not self.embeds_here:
                        return " ".join(wanted)
                    embed_words(store.folder, self._model.texts, vocabulary, progress=progress)
                self._name(store, folder, list(store.run_labels(run).values()), before or self._before(store))
        except (VecclustError, OSError) as error:
            log.warning("the clusters of %s have no names by words: %s", run, error)
        # Also where it failed: it is tried again with the next run, or by the next process.
        self._done = wanted
        return ""

    def make_vectors(self) -> None:
        """Make the vectors of the words that are not there yet, for whoever names; from any thread.

        Raises:
            ModelError: the model cannot be used.
        """
        if (vocabulary := read_vocabulary(self._store.folder)).words:
            embed_words(self._store.folder, self._model.texts, vocabulary)

    def _before(self, store: Store) -> RunWords | None:
        """Read what the clusters are called now, or were in the newest run of which that is known."""
        current = store.state().current_run
        runs = [run.run for run in store.runs()]
        for run in reversed(runs[: runs.index(current) + 1] if current in runs else []):
            try:
                found = load_run_words(store.fit_folder(run))
            except DamagedRun:
                continue
            if found is not None:
                return found
        return None

    def _name(self, store: Store, folder: Path, labels: Sequence[Label], before: RunWords | None) -> None:
        from vecclust.clustering.naming import name_clusters, word_statistics

        model, vocabulary = store.model(), read_vocabulary(store.folder)
        vectors_of_words = None if model is None else kept_words(store.folder, model.model_id, vocabulary)
        if model is None or vectors_of_words is None:
            return
        constraints = store.constraints()
        shown = {label.photo: constraints.label(label) for label in labels}
        # All of them at once: asked for by name they take three times as long to read. What came since has no label.
        photos, vectors = store.vectors()
        known = [row for row, photo in enumerate(photos) if photo in shown]
        if len(known) < len(photos):
            photos, vectors = [photos[row] for row in known], vectors[known]
        # What was only nearest says nothing of what a cluster shows.
        clusters = [None if shown[one].assigned_by == "nearest" else shown[one].cluster for one in photos]
        ids = sorted({one for one in clusters if one is not None}, key=lambda one: (len(one), one))
        label_of = {cluster: label for label, cluster in enumerate(ids)}
        rows = np.array([-1 if one is None else label_of[one] for one in clusters], np.int64)
        statistics = word_statistics(vectors, vectors_of_words)
        found = name_clusters(
            vectors,
            rows,
            vectors_of_words,
            covers=vocabulary.covers(model.name),
            kept=_kept(ids, before, vocabulary),
            refused=_refused(store, ids, vocabulary),
            statistics=statistics,
        )
        named = {cluster: _known(one, vocabulary) for cluster, one in zip(ids, found, strict=True)}
        words = RunWords(model.model_id, vocabulary.key, named)
        save_run_words(folder, words, statistics)


def _kept(ids: Sequence[str], before: RunWords | None, vocabulary: Vocabulary) -> dict[int, Kept]:
    """Give the names that clusters have, by label."""
    from vecclust.clustering.naming import Kept

    kept: dict[int, Kept] = {}
    for label, cluster in enumerate(ids):
        named = None if before is None else before.clusters.get(cluster)
        places = [] if named is None else [vocabulary.places.get(word.id, -1) for word in named.name]
        if named is not None and places and min(places) >= 0:
            kept[label] = Kept(places[0], places[1] if len(places) > 1 else -1, named.n_beaten)
    return kept


def _refused(store: Store, ids: Sequence[str], vocabulary: Vocabulary) -> dict[int, frozenset[int]]:
    """Give the words that may not name a cluster, by label: refused, or the name that another one has by its owner."""
    constraints, sizes = store.constraints(), frozenset(ids)
    refused_by = constraints.refused_by()
    owners = {cluster: name_key(one.name) for cluster, one in constraints.named.items() if cluster in sizes}
    places = vocabulary.places_by_name if owners else {}
    found: dict[int, frozenset[int]] = {}
    for label, cluster in enumerate(ids):
        theirs = {places[key] for other, key in owners.items() if other != cluster and key in places}
        said = {vocabulary.places[word] for word in refused_by.get(cluster, ()) if word in vocabulary.places}
        if theirs | said:
            found[label] = frozenset(theirs | said)
    return found


def _known(found: ClusterWords, vocabulary: Vocabulary) -> NamedCluster:
    def word(place: int) -> KnownWord:
        return KnownWord(vocabulary.words[place].id, vocabulary.words[place].text)

    return NamedCluster(
        name=tuple(word(place) for place in (found.word, found.beside) if place >= 0),
        tags=tuple(word(place) for place in found.tags),
        score=float(found.score),
        n_beaten=found.n_beaten,
        otherwise=None if found.otherwise is None else _known(found.otherwise, vocabulary),
    )


def words_of_photo(store: Store, photo: str) -> tuple[KnownWord, ...]:
    """Give words for what one photo shows, the best first; none where its run knows no words.

    Args:
        store: the library's tables.
        photo: content hash.
    """
    return words_of_photos(store, [photo]).get(photo, ())


def words_of_photos(store: Store, photos: Sequence[str]) -> dict[str, tuple[KnownWord, ...]]:
    """Give words for what each of some photos shows, the best first; nothing where their run knows no words.

    Args:
        store: the library's tables.
        photos: content hashes; those that are not in the library are left out.
    """
    run, model = store.state().current_run, store.model()
    if run is None or model is None:
        return {}
    try:
        folder = store.fit_folder(run)
    except DamagedRun:
        return {}
    named, vocabulary = load_run_words(folder), read_vocabulary(store.folder)
    if named is None or (named.model, named.vocabulary) != (model.model_id, vocabulary.key):
        return {}
    words = kept_words(store.folder, model.model_id, vocabulary)
    statistics = None if words is None else load_statistics(folder, n_words=len(words))
    if words is None or statistics is None:
        return {}
    from vecclust.clustering.naming import score_words

    found = zip(*store.vectors(photos), strict=True)
    covers = vocabulary.covers(model.name)
    return {photo: _best_words(score_words(vector, words, statistics), vocabulary, covers) for photo, vector in found}


def _best_words(
    scores: NDArray[np.float32], vocabulary: Vocabulary, covers: Sequence[frozenset[int]]
) -> tuple[KnownWord, ...]:
    """Give the words of a photo that say more than its library does, none that another one of them covers."""
    from vecclust.clustering.naming import LEAST_SCORE, MOST_TAGS

    # The least score is that of clusters. With it .30 of Tiny ImageNet's photos have a word, .70 of these rightly, and
    # .06 of pacs-photo's, of which the bundled model knows little; with half of it .47, .59 and .15.
    best: list[int] = []
    for place in np.argsort(-scores, kind="stable").tolist():
        if scores[place] < LEAST_SCORE or len(best) == MOST_TAGS:
            break
        if covers[place] and not any(place in covers[other] or other in covers[place] for other in best):
            best.append(place)
    return tuple(KnownWord(vocabulary.words[place].id, vocabulary.words[place].text) for place in best)
