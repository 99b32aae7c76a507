"""Which word names a cluster: arrays in, places in a vocabulary out.

How near a word lies to a photo says more of the word than of the photo, so a word is measured against itself: how far
above the rest of the library do the cluster's photos lie on it, in its own spread within either (the effect size that
belongs to the point-biserial correlation of a word with being in the cluster)? Then it is held against the whole
vocabulary: how far above what chance gives the best of so many words? All of it follows from the mean and covariance
of the library and the mean of each cluster; no photo meets a word.

Words that cannot be told from the best contend for the name with it. It is given where one word covers them all, as
"dog" does the breeds of dogs, or two do; otherwise there is none, for an honest "c7" is better than a wrong name.
Nothing here knows pictures with labels or a model: the measure is the vocabulary itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from vecclust.clustering.arrays import Bools, Float32s, Int64s
from vecclust.clustering.order_statistics import best_by_chance

# All figures: scripts/eval_names, docs/figures.md.
# A word has to lie so many spreads above what chance gives the best of the vocabulary. By the limit of extremes
# (Gumbel) chance brings that to one cluster in eighty. On photos of kinds that the model does not know the best wrong
# word had 2.5.
LEAST_SCORE = 3.0
# Words less than so many spreads below the best contend with it: texts that say the same have scores as far apart.
NEAR = 1.5
# And so do those whose correlation is not lower than the best one's by so many standard errors: in a library of 500
# photos these tell few words apart, in one of 10,000 nearly all.
STANDARD_ERRORS = 2.0
# A name that a cluster has is given up when it is beaten so often in a row.
BEATEN_ENOUGH = 2
MOST_TAGS = 3
# Best words of a cluster that are looked at. Where more contend, nothing tells them apart.
_N_LOOKED_AT = 32
# Clusters whose words are scored at once, so that no array is as large as all clusters by all words.
_BLOCK = 128
# In cosine. Of words that are all told apart by less, rounding decides.
_LEAST_SPREAD = 1e-6
_MOST_CORRELATED = np.float32(0.9999)
# More than all scores, so that as many clusters as can be have a name, whatever their words' scores.
_WORTH_OF_A_NAME = 1e6

# A word, and a second beside it or -1.
_Name = tuple[int, int]
_NO_NAME: _Name = (-1, -1)


@dataclass(frozen=True, slots=True)
class Kept:
    """The name that a cluster has.

    Attributes:
        word: its place in the vocabulary.
        beside: the place of the second word of a pair, -1 for none.
        n_beaten: how often in a row another word beat it.
    """

    word: int
    beside: int = -1
    n_beaten: int = 0


@dataclass(frozen=True, slots=True)
class ClusterWords:
    """Words of one cluster, as places in the vocabulary.

    Attributes:
        word: its name, -1 for none.
        beside: the second word of a name of two, as in "beach, palm tree"; -1 for none.
        score: of the name, of the lesser of two words, or of the best word where there is no name: spreads above what
            chance gives the best word of the vocabulary.
        tags: up to three further words that chance does not explain either, none of which covers the name or another or
            is covered by it, best first.
        n_beaten: how often in a row another word beat the name that was kept.
        otherwise: its words where those of the name are refused; None where it has no name then, or that is not known.
            Another cluster may have that name.
    """

    word: int = -1
    beside: int = -1
    score: float = 0.0
    tags: tuple[int, ...] = ()
    n_beaten: int = 0
    otherwise: ClusterWords | None = None


@dataclass(frozen=True, slots=True)
class WordStatistics:
    """How like a library's photos each word is.

    Attributes:
        means: (m,) float32, the mean cosine.
        spreads: (m,) float32, its standard deviation, above 0.
    """

    means: Float32s
    spreads: Float32s


@dataclass(frozen=True, slots=True)
class MeasuredWords(WordStatistics):
    """How like a library's photos each word is, and what that was measured by.

    Attributes:
        covariance: (d, d) float32 of the photos.
    """

    covariance: Float32s


def word_statistics(vectors: Float32s, words: Float32s) -> MeasuredWords:
    """Measure words over a library, from the mean and covariance of its photos.

    Args:
        vectors: (n, d) float32 unit norm, n at least 1.
        words: (m, d) float32 unit norm.
    """
    covariance = _covariance(vectors)
    variances = np.einsum("md,md->m", words @ covariance, words)
    spreads = np.sqrt(np.maximum(variances, np.float32(_LEAST_SPREAD**2)))
    return MeasuredWords(words @ _mean(vectors), spreads, covariance)


def score_words(vector: Float32s, words: Float32s, statistics: WordStatistics) -> Float32s:
    """Score the words of a single photo against what its library's photos have for them.

    Args:
        vector: (d,) float32 unit norm.
        words: (m, d) float32 unit norm, m at least 2.
        statistics: of these words over the library.

    Returns:
        (m,) float32, spreads above what chance gives the best word of the vocabulary.
    """
    standardised = (words @ vector - statistics.means) / statistics.spreads
    scores: Float32s = _above_chance(standardised[None])[0]
    return scores


def score_clusters(vectors: Float32s, labels: Int64s, words: Float32s) -> Iterator[Float32s]:
    """Score all words for one cluster after another.

    Args:
        vectors: (n, d) float32 unit norm.
        labels: (n,) int64 from 0, -1 for photos in no cluster, which count as the library's all the same.
        words: (m, d) float32 unit norm, m at least 2.

    Returns:
        For each label, from 0, (m,) float32, spreads above what chance gives the best word of the vocabulary.
    """
    return (one.scores for one in _measure(vectors, labels, words)) if labels.max(initial=-1) >= 0 else iter(())


def name_clusters(
    vectors: Float32s,
    labels: Int64s,
    words: Float32s,
    *,
    covers: Sequence[frozenset[int]],
    kept: Mapping[int, Kept] | None = None,
    refused: Mapping[int, frozenset[int]] | None = None,
    statistics: MeasuredWords | None = None,
) -> list[ClusterWords]:
    """Name clusters by words of a vocabulary, where its words are told apart.

    Args:
        vectors: (n, d) float32 unit norm.
        labels: (n,) int64 from 0, -1 for photos in no cluster, which count as the library's all the same.
        words: (m, d) float32 unit norm.
        covers: for each word the places of the words that are true where it is, itself among them. A word with none is
            held against the others but is no name and no tag: a model gives words that it was never taught any vector.
        kept: by label the name that its cluster has.
        refused: by label words that are not to be its name or its tags.
        statistics: what `word_statistics` gives of the same photos and words, where that is measured already.

    Returns:
        For each label, from 0, its words. No two have the same name.
    """
    n_clusters = int(labels.max(initial=-1)) + 1
    if n_clusters == 0 or len(words) < 2:
        return [ClusterWords()] * n_clusters
    kept, refused = kept or {}, refused or {}
    nameless = np.array([not covering for covering in covers])
    return _without_doubles(
        [
            _judge_twice(one, covers, kept=kept.get(label), barred=_also(nameless, refused.get(label, frozenset())))
            for label, one in enumerate(_measure(vectors, labels, words, statistics))
        ]
    )


# One cluster by itself


@dataclass(frozen=True, slots=True)
class _Measured:
    """How the words fit one cluster.

    Attributes:
        scores: (m,) of all words.
        correlations: (m,) of all words with being in the cluster.
        words: (m, d).
        covariance: (d, d) of the library.
        spreads: (m,) of the words over the library.
        n_photos: in the library.
    """

    scores: Float32s
    correlations: Float32s
    words: Float32s
    covariance: Float32s
    spreads: Float32s
    n_photos: int

    def contenders(self, best: list[int]) -> list[int]:
        """Give those of some words, best first, that cannot be told from the first.

        Two correlations with one thing are compared by the test of Meng, Rosenthal and Rubin (1992), for they depend
        on one another: words that say nearly the same are told apart by a small difference.
        """
        few = np.array(best)
        near = self.scores[few] > self.scores[few[0]] - NEAR
        words, spreads, correlations = self.words[few], self.spreads[few], self.correlations[few]
        between = np.clip(words @ (self.covariance @ words[0]) / (spreads * spreads[0]), -1, 1)
        squares = (correlations**2 + correlations[0] ** 2) / 2
        share = np.minimum((1 - between) / (2 * (1 - squares)), 1)
        widening = (1 - share * squares) / (1 - squares)
        error = np.sqrt(2 * (1 - between) * widening / max(self.n_photos - 3, 1))
        difference = np.arctanh(correlations[0]) - np.arctanh(correlations)
        return [int(place) for place in few[near | (difference <= STANDARD_ERRORS * error)]]


@dataclass(frozen=True, slots=True)
class _Judged:
    """What may name one cluster.

    Attributes:
        best: places of its best words, best first.
        scores: (m,) of all words.
        covers: by word.
        names: that it may have, best first.
        kept: the name that it keeps, or None.
        n_beaten: how often in a row another word beat that.
        otherwise: its words where the likeliest name is refused, or None.
    """

    best: list[int]
    scores: Float32s
    covers: Sequence[frozenset[int]]
    names: list[_Name]
    kept: _Name | None
    n_beaten: int
    otherwise: ClusterWords | None = None

    @property
    def likeliest(self) -> _Name:
        """The name that it keeps, else the best one; none where it may have none."""
        return self.kept or (self.names[0] if self.names else _NO_NAME)

    def words(self, name: _Name) -> ClusterWords:
        """Give its words when it has this name."""
        used = [place for place in name if place >= 0]
        n_in_name = len(used)
        for place in self.best:
            if self.scores[place] < LEAST_SCORE or len(used) == n_in_name + MOST_TAGS:
                break
            covers = self.covers[place]
            if covers and not any(place in self.covers[other] or other in covers for other in used):
                used.append(place)
        score = _worth(name, self.scores) if n_in_name else float(self.scores[self.best[0]]) if self.best else 0.0
        otherwise = self.otherwise if name == self.likeliest else None
        return ClusterWords(*name, score, tuple(used[n_in_name:]), self.n_beaten, otherwise)


def _judge_twice(one: _Measured, covers: Sequence[frozenset[int]], *, kept: Kept | None, barred: Bools) -> _Judged:
    """Find the names that one cluster may have, and its words where the likeliest of them is refused."""
    judged = _judge(one, covers, kept=kept, barred=barred)
    refused = frozenset(place for place in judged.likeliest if place >= 0)
    if not refused:
        return judged
    then = _judge(one, covers, kept=None, barred=_also(barred, refused))
    return replace(judged, otherwise=then.words(then.names[0])) if then.names else judged


def _also(barred: Bools, refused: Collection[int]) -> Bools:
    """Bar further words."""
    if not refused:
        return barred
    both = barred.copy()
    both[list(refused)] = True
    return both


def _judge(one: _Measured, covers: Sequence[frozenset[int]], *, kept: Kept | None, barred: Bools) -> _Judged:
    """Find the names that one cluster may have, and whether it keeps the one it has."""
    best = _best(one.scores, barred)
    names = _names(best, one, covers, barred)
    name = _NO_NAME if kept is None else (kept.word, kept.beside)
    if kept is None or not best or any(barred[place] for place in name if place >= 0):
        return _Judged(best, one.scores, covers, names, None, 0)
    # A wider word than the best is still right, and what is as good as the best by chance is not beaten.
    still = name in names or not covers[best[0]].isdisjoint(name)
    beaten = not still and one.scores[best[0]] - one.scores[kept.word] > NEAR
    n_beaten = kept.n_beaten + 1 if beaten else 0
    if n_beaten >= BEATEN_ENOUGH:
        return _Judged(best, one.scores, covers, names, None, 0)
    return _Judged(best, one.scores, covers, names, name, n_beaten)


def _best(scores: Float32s, barred: Bools) -> list[int]:
    """Give the places of the best words that are not barred, best first."""
    scores = np.where(barred, np.float32(-np.inf), scores)
    n_best = min(_N_LOOKED_AT, len(scores))
    few = np.argpartition(-scores, n_best - 1)[:n_best]
    few = few[np.isfinite(scores[few])]
    return [int(place) for place in few[np.lexsort((few, -scores[few]))]]


def _names(best: list[int], one: _Measured, covers: Sequence[frozenset[int]], barred: Bools) -> list[_Name]:
    """Give the words that cover all contenders, or the pairs that do where none does, best first."""
    if not best or one.scores[best[0]] < LEAST_SCORE:
        return []
    contenders = one.contenders(best)
    if len(contenders) == _N_LOOKED_AT:
        return []
    covered: dict[int, set[int]] = {}
    for place in contenders:
        for wider in covers[place]:
            if not barred[wider]:
                covered.setdefault(wider, set()).add(place)
    by_score = sorted(covered, key=lambda place: (-float(one.scores[place]), place))
    names: list[_Name] = [(place, -1) for place in by_score if len(covered[place]) == len(contenders)]
    names = names or [
        (first, second)
        for first, second in combinations(by_score, 2)
        if len(covered[first] | covered[second]) == len(contenders)
        and first not in covers[second]
        and second not in covers[first]
    ]
    # The others are for where the first is another cluster's, and then their own score has to bear them out.
    return [name for number, name in enumerate(names) if number == 0 or _worth(name, one.scores) >= LEAST_SCORE]


def _worth(name: _Name, scores: Float32s) -> float:
    """Give the score of a name: of two words that of the lesser, for both are said."""
    return min(float(scores[place]) for place in name if place >= 0)


# All clusters together


def _without_doubles(judged: list[_Judged]) -> list[ClusterWords]:
    """Give each cluster a name of its own: those that are kept, and the others so that all together score highest."""
    found: dict[int, _Name] = {}
    for label, one in enumerate(judged):
        if one.kept is not None and one.kept not in found.values():
            found[label] = one.kept
    open_labels = [label for label, one in enumerate(judged) if one.names and label not in found]
    found |= _assigned(judged, open_labels, taken=set(found.values()))
    for label in sorted(
        set(open_labels) - found.keys(), key=lambda label: -_worth(judged[label].names[0], judged[label].scores)
    ):
        one, taken = judged[label], set(found.values())
        pairs = ((word, tag) for word, beside in one.names if beside < 0 for tag in one.words((word, -1)).tags)
        pair = next((pair for pair in pairs if pair not in taken), None)
        if pair is not None:
            found[label] = pair
    return [one.words(found.get(label, _NO_NAME)) for label, one in enumerate(judged)]


def _assigned(judged: list[_Judged], labels: list[int], *, taken: set[_Name]) -> dict[int, _Name]:
    """Assign names to some clusters one to one: to as many as can be, then with the highest scores."""
    from scipy.optimize import linear_sum_assignment

    names = sorted({name for label in labels for name in judged[label].names} - taken)
    if not names:
        return {}
    column = {name: place for place, name in enumerate(names)}
    worth = np.zeros((len(labels), len(names)))
    for row, label in enumerate(labels):
        for name in judged[label].names:
            if name in column:
                worth[row, column[name]] = _WORTH_OF_A_NAME + _worth(name, judged[label].scores)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return {
        labels[row]: names[place]
        for row, place in zip(rows.tolist(), columns.tolist(), strict=True)
        if worth[row, place]
    }


# Scores


def _measure(
    vectors: Float32s, labels: Int64s, words: Float32s, statistics: MeasuredWords | None = None
) -> Iterator[_Measured]:
    """Measure all words for one label after another."""
    statistics = statistics or word_statistics(vectors, words)
    n_clusters = int(labels.max()) + 1
    sizes = np.bincount(labels[labels >= 0], minlength=n_clusters)
    order = np.argsort(labels, kind="stable")[len(labels) - int(sizes.sum()) :]
    members = np.split(order, np.cumsum(sizes)[:-1])
    means = np.stack([_mean(vectors[rows]) for rows in members])
    odds = np.sqrt(sizes / np.maximum(len(labels) - sizes, 0.5)).astype(np.float32)
    for start in range(0, n_clusters, _BLOCK):
        block = slice(start, start + _BLOCK)
        correlations = (means[block] @ words.T - statistics.means) / statistics.spreads * odds[block, None]
        np.clip(correlations, -_MOST_CORRELATED, _MOST_CORRELATED, out=correlations)
        scores = _above_chance(correlations / np.sqrt(1 - correlations**2))
        for row in range(len(scores)):
            yield _Measured(
                scores[row], correlations[row], words, statistics.covariance, statistics.spreads, len(labels)
            )


def _above_chance(measures: Float32s) -> Float32s:
    """Hold the words' measures (k, m) against those of the whole vocabulary, row by row."""
    expected, deviation = best_by_chance(1, measures.shape[1])
    spreads = np.maximum(measures.std(axis=1, keepdims=True), np.float32(_LEAST_SPREAD))
    centred = measures - measures.mean(axis=1, keepdims=True)
    return np.asarray(centred / (spreads * np.float32(deviation)) - np.float32(expected / deviation), np.float32)


def _mean(vectors: Float32s) -> Float32s:
    """Give the mean of vectors; nothing but zeros where there are none."""
    if len(vectors) == 0:
        return np.zeros(vectors.shape[1], np.float32)
    mean: Float32s = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def _covariance(vectors: Float32s) -> Float32s:
    """Give the covariance of vectors, from their second moment: no copy of them without their mean is made."""
    mean = _mean(vectors)
    covariance: Float32s = vectors.T @ vectors / np.float32(max(1, len(vectors))) - np.outer(mean, mean)
    return covariance
