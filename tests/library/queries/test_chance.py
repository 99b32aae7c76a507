"""What is better than chance: measured on made-up libraries, of which it is known what they show."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vecclust.library.queries.chance import FEWEST_PHOTOS, LEAST_ABOVE_CHANCE, above_chance

Floats = NDArray[np.float32]
DIM = 64
N_KINDS = 60


def unit(vectors: Floats) -> Floats:
    """Make rows of norm 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture
def kinds() -> Floats:
    """The directions of sixty kinds; the words for them point there too, and a common way besides."""
    return unit(np.random.default_rng(1).normal(size=(N_KINDS, DIM)).astype(np.float32))


def words(kinds: Floats) -> Floats:
    """The words for kinds: all lean to one side, as the words of a CLIP model do."""
    aside = unit(np.random.default_rng(2).normal(size=(1, DIM)).astype(np.float32))
    return unit(kinds + aside)


def photos(kinds: Floats, n_each: list[int]) -> Floats:
    """Photos of kinds, so many of each, spread about."""
    rng = np.random.default_rng(3)
    centres = np.repeat(kinds[: len(n_each)], n_each, axis=0)
    return unit((centres + rng.normal(scale=0.12, size=centres.shape)).astype(np.float32))


def above(question: Floats, library: Floats, reference: Floats) -> float | None:
    """Ask a library."""
    nearest = np.argsort(-(library @ question))
    sample = np.random.default_rng(0).permutation(library)[:512]
    return above_chance(question, library[nearest], sample=sample, reference=reference, n_photos=len(library))


def is_shown(question: Floats, library: Floats, reference: Floats) -> bool:
    """Say whether a library shows what is asked for."""
    found = above(question, library, reference)
    assert found is not None
    return found >= LEAST_ABOVE_CHANCE


@pytest.mark.parametrize("n_each", [10, 40, 200])
def test_words_for_what_is_there_are_better_than_chance_and_others_are_not(kinds: Floats, n_each: int) -> None:
    """All of six kinds that are shown; few of meaningless words, and of kinds that are not there."""
    library = photos(kinds, [n_each] * 6)
    named, rng = words(kinds), np.random.default_rng(4)
    reference = named[::2]
    assert [is_shown(named[kind], library, reference) for kind in range(6)] == [True] * 6
    meaningless = unit((rng.normal(size=(100, DIM)) * 0.125 + named.mean(axis=0)).astype(np.float32))
    assert sum(is_shown(word, library, reference) for word in meaningless) <= 30
    assert sum(is_shown(word, library, reference) for word in named[6:]) <= 20


def test_few_photos_of_a_kind_among_many_are_better_than_chance(kinds: Floats) -> None:
    """Two photos of a thousand are found, though the ten nearest are mostly of other kinds."""
    library = photos(kinds, [2, *[200] * 5])
    named = words(kinds)
    assert is_shown(named[0], library, named[1::2])


def test_a_library_of_one_kind_shows_it(kinds: Floats) -> None:
    """Nothing stands out of the library there, and yet it is full of what is asked for."""
    library = photos(kinds, [200])
    named = words(kinds)
    assert is_shown(named[0], library, named[1::2])
    assert sum(is_shown(word, library, named[1::2]) for word in named[2::2]) <= 5


def test_where_it_cannot_be_told_nothing_is_said(kinds: Floats) -> None:
    """Too few photos; words that all say the same; no words; photos that are all the same."""
    named = words(kinds)
    library = photos(kinds, [FEWEST_PHOTOS - 1])
    assert above(named[0], library, named) is None
    library = photos(kinds, [100, 100])
    assert above(named[0], library, named[:1]) is None
    assert above(named[0], np.repeat(library[:1], 100, axis=0), named) is None
    flat = above(named[0], library, np.repeat(named[:1], 64, axis=0))
    assert flat is None or np.isfinite(flat)
