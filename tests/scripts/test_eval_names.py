"""What the script that judges names holds them against."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_clip.naming import Vocabulary, judge, nearest_words

from vecclust.words import Word, covers

WORDS = (
    Word("1", "goldfish", wider=("2",)), Word("2", "fish", wider=("3",)), Word("3", "animal"),
    Word("4", "potter's wheel"), Word("5", "snowy mountains"), Word("6", "snow"), Word("7", "syllabub"),
)  # fmt: skip
KINDS = ("goldfish", "potter s wheel", "snowy mountains")


@pytest.fixture
def vocabulary() -> Vocabulary:
    """Give a few words, whose vectors are the axes."""
    return Vocabulary(WORDS, np.eye(len(WORDS), dtype=np.float32), covers(WORDS))


@pytest.mark.parametrize(
    ("kind", "true"),
    [
        ("goldfish", {"goldfish", "fish", "animal"}),
        ("potter s wheel", {"potter's wheel"}),
        ("snowy mountains", {"snowy mountains", "snow"}),
        ("trilobite", set()),
    ],
)
def test_a_kind_s_own_words_and_all_wider_ones_are_true_of_it(
    vocabulary: Vocabulary, kind: str, true: set[str]
) -> None:
    """However a collection spells its kinds, and other names that it is known to go by."""
    assert {vocabulary.words[place].text for place in vocabulary.true_of(kind)} == true


@pytest.mark.parametrize(
    ("name", "is_named", "is_right", "fits"),
    [
        ((0, -1), True, True, True),
        ((2, -1), True, True, True),
        ((3, -1), True, False, False),
        ((3, 0), True, True, True),
        ((-1, -1), False, False, False),
    ],
)
def test_a_name_is_right_where_it_is_true_of_half(
    vocabulary: Vocabulary, name: tuple[int, int], is_named: bool, is_right: bool, fits: bool
) -> None:
    """Of two words one is enough; of five photos three are goldfish."""
    found = judge(name, np.array([0, 0, 0, 1, 2]), names=KINDS, vocabulary=vocabulary)
    assert (found.is_named, found.is_right, found.fits) == (is_named, is_right, fits)
    assert (found.kind, found.share, found.is_nameable) == ("goldfish", 0.6, True)


def test_a_mixed_cluster_is_not_nameable(vocabulary: Vocabulary) -> None:
    """A name may be true of its commonest kind all the same, and be true of half of its photos nevertheless."""
    found = judge((0,), np.array([0, 0, 1, 1, 2]), names=KINDS, vocabulary=vocabulary)
    assert (found.share, found.is_nameable, found.is_right, found.fits) == (0.4, False, False, True)


def test_only_words_that_a_model_was_taught_may_name(vocabulary: Vocabulary) -> None:
    """The others stay there to be held against."""
    taught = vocabulary.taught("bundled")
    assert [word.text for word, by in zip(taught.words, taught.covers, strict=True) if not by] == ["syllabub"]


def test_others_are_drawn_beside_the_kinds(vocabulary: Vocabulary) -> None:
    """The kinds come first, and their vectors with them."""
    drawn = vocabulary.with_others(["snowy mountains", "goldfish"], 2)
    assert [word.text for word in drawn.words[:2]] == ["snowy mountains", "goldfish"]
    assert drawn.vectors.argmax(axis=1).tolist()[:2] == [4, 0]
    assert len(drawn.words) == len(drawn.vectors) == len(drawn.covers) == 4
    taught = vocabulary.taught("bundled").with_others(["goldfish"], 6)
    assert [word.text for word, by in zip(taught.words, taught.covers, strict=True) if not by] == ["syllabub"]


def test_the_nearest_word_is_that_of_the_centroid_or_of_the_medoid() -> None:
    """Two photos of the one and one of the other, which outweighs them by nothing."""
    vectors = np.eye(3, dtype=np.float32)[[0, 0, 1, 2]]
    found = nearest_words(vectors, np.array([0, 0, 0, 1]), np.eye(3, dtype=np.float32))
    assert {way: places.tolist() for way, places in found.items()} == {"centroid": [0, 2], "medoid": [0, 2]}
