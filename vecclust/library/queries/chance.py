"""Whether the photos found for some words are better than chance: arrays in, a verdict out.

A cosine alone says nothing: how high it is for words that mean nothing here depends on the model, on the library and
on the photo. So a photo's score for the question is standardised twice. Over the library, as each word's is in naming
clusters: how far above all photos does this one lie for these words? And over reference words: how far above what it
has for any other word? For words that say nothing this is a standard normal variable, the best k of n photos have a
known expectation (Blom 1958) and spread, and what lies above is better than chance. Where nearly all photos show what
is asked for, none stands out of the library; there, the second comparison alone tells.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.order_statistics import best_by_chance

Floats = NDArray[np.float32]

# Below, the best of meaningless words and those of words that are shown overlap: of the latter 5 and 13 % would be
# called chance at 30 photos, 0 and 2 % at 50, on two collections with known kinds.
FEWEST_PHOTOS = 50
# The best photo alone, for a kind with few photos, and the mean over several, which is surer where there are more.
N_BEST = (1, 3, 10)
# In spreads of what is expected by chance. Of words that find what they name 0 to 2 % lie below on two collections and
# 2 to 11 % on a third, which the bundled model knows badly; of meaningless ones 64 to 87 %. Chosen on two so that 2 %
# of the former are lost, it would be 1.05, 1.24 or 2.36 (scripts/eval_words, docs/figures.md).
LEAST_ABOVE_CHANCE = 1.5
# Photos from which the library's mean and spread are taken: a word's spread is known to 3 %.
N_SAMPLED = 512
# In cosine. Of words that are all told apart by less, rounding decides.
_LEAST_SPREAD = 1e-4


def above_chance(question: Floats, hits: Floats, *, sample: Floats, reference: Floats, n_photos: int) -> float | None:
    """Say how far the best photos for some words lie above what words that mean nothing would find.

    Args:
        question: (d,) of norm 1, the vector of the words.
        hits: (k, d) the photos nearest to it, nearest first; those beyond the tenth are passed over.
        sample: (m, d) photos drawn at random from the whole library.
        reference: (w, d) vectors of words that have nothing to do with one another.
        n_photos: photos among which the hits are the nearest.

    Returns:
        Spreads above the expectation, or None where there are too few photos or words to tell.
    """
    ks = [k for k in N_BEST if k <= min(len(hits), n_photos // 10)]
    if n_photos < FEWEST_PHOTOS or not ks or len(sample) < FEWEST_PHOTOS or len(reference) < 2:
        return None
    words = np.vstack([question, reference])
    over_library = sample @ words.T
    scores = hits[: max(ks)] @ words.T
    # Words that mean something to the model, of which all photos show the same, stand out by the second alone.
    spread = over_library.std(axis=0)
    if not (spread[1:] > _LEAST_SPREAD).all():
        return None
    among_photos = (scores - over_library.mean(axis=0)) / np.maximum(spread, _LEAST_SPREAD)
    best = -math.inf
    for compared in (among_photos, scores):
        own, others = compared[:, 0], compared[:, 1:]
        standardised = (own - others.mean(axis=1)) / np.maximum(others.std(axis=1), _LEAST_SPREAD)
        for k in ks:
            expected, deviation = best_by_chance(k, n_photos)
            best = max(best, (float(standardised[:k].mean()) - expected) / deviation)
    return best
