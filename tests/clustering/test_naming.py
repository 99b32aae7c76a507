"""Names of clusters from a vocabulary: the right word, one for two, two for one, or none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vecclust.clustering import ClusterWords, Kept, name_clusters, score_words, word_statistics
from vecclust.clustering.naming import LEAST_SCORE

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

N_KINDS, N_EACH, N_OTHERS, DIM = 40, 20, 400, 256


def unit(vectors: NDArray[np.float64]) -> Floats:
    """Make rows of norm 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


class World:
    """Photos of kinds, a word for each, and words for nothing that is there.

    Attributes:
        vectors: of the photos, those of one kind after those of another.
        labels: the kind of each.
        words: those of the kinds, in order, then the others.
    """

    def __init__(self, *, seed: int = 0, spread: float = 0.7) -> None:
        rng = np.random.default_rng(seed)
        self.rng = rng
        self.kinds = unit(rng.normal(size=(N_KINDS, DIM)))
        common = unit(rng.normal(size=DIM))
        self.labels = np.repeat(np.arange(N_KINDS), N_EACH)
        noise = spread * unit(rng.normal(size=(len(self.labels), DIM)))
        self.vectors = unit(self.kinds[self.labels] + noise + 1.5 * common)
        others = unit(rng.normal(size=(N_OTHERS, DIM)))
        self.words = unit(np.concatenate([self.kinds + 0.3 * unit(rng.normal(size=(N_KINDS, DIM))), others]))
        # The first of the others lies near every photo, as words do that photos in general are like.
        self.words[N_KINDS] = unit(common + 0.4 * self.words[N_KINDS])

    def add_word(self, kind: int, *, off: float) -> int:
        """Add a word for a kind that has one, so far from it in some direction; give its place."""
        word = unit(self.words[kind] + off * unit(self.rng.normal(size=DIM)))
        self.words = np.concatenate([self.words, word[None]])
        return len(self.words) - 1

    def covers(self, by: dict[int, set[int]] | None = None) -> list[frozenset[int]]:
        """Give each word itself and what else covers it."""
        return [frozenset({place, *(by or {}).get(place, ())}) for place in range(len(self.words))]

    def named(self, by: dict[int, set[int]] | None = None, **also: dict[int, Kept]) -> list[ClusterWords]:
        """Name the kinds."""
        return name_clusters(self.vectors, self.labels, self.words, covers=self.covers(by), kept=also.get("kept"))


@pytest.mark.parametrize("seed", range(3))
def test_each_kind_is_called_by_its_own_word(seed: int) -> None:
    """Among hundreds of others, one of them nearer to every photo than the word for what it shows."""
    world = World(seed=seed)
    assert [one.word for one in world.named()] == list(range(N_KINDS))
    nearest = (world.vectors @ world.words.T).argmax(axis=1)
    assert (nearest == N_KINDS).mean() > 0.5
    assert all(one.beside == -1 and one.score > LEAST_SCORE and one.n_beaten == 0 for one in world.named())


@pytest.mark.parametrize("seed", range(3))
def test_a_kind_without_a_word_has_no_name(seed: int) -> None:
    """The best word of a vocabulary that has none for it is no better than chance, and its tags are none either."""
    world = World(seed=seed)
    world.words = world.words[N_KINDS:]
    assert sum(one.word >= 0 for one in world.named()) <= 1
    assert all(one.tags == () for one in world.named() if one.word < 0)


def test_strangers_in_a_cluster_do_not_change_its_name() -> None:
    """With 40 % of the photos in clusters at random nearly all have theirs, and none another's."""
    world = World()
    rng = np.random.default_rng(1)
    strange = rng.random(len(world.labels)) < 0.4
    world.labels[strange] = rng.permutation(world.labels[strange])
    names = np.array([one.word for one in world.named()])
    assert (names == np.arange(N_KINDS)).mean() > 0.9
    assert set(names[names != np.arange(N_KINDS)].tolist()) <= {-1}


def test_one_word_covers_those_that_cannot_be_told_apart() -> None:
    """As "dog" does the breeds of dogs, however far from the photos its own vector lies."""
    world = World()
    other, wider = world.add_word(4, off=0.02), N_KINDS + 7
    (named,) = [one for one in world.named({4: {wider}, other: {wider}}) if wider in (one.word, one.beside)]
    assert (named.word, named.beside) == (wider, -1)


def test_two_words_say_together_what_neither_does() -> None:
    """Two that cannot be told apart, neither covering the other; a third leaves the cluster without a name."""
    world = World()
    second = world.add_word(4, off=0.02)
    named = world.named()[4]
    assert {named.word, named.beside} == {4, second}
    third = world.add_word(4, off=0.02)
    assert (world.named()[4].word, world.named()[4].beside) == (-1, -1)
    assert set(world.named()[4].tags) == {4, second, third}
    assert {world.named({third: {4}})[4].word, world.named({third: {4}})[4].beside} == {4, second}


def test_a_word_that_is_told_apart_does_not_contend() -> None:
    """It is a tag, as long as it neither covers the name nor is covered by it."""
    world = World()
    further = world.add_word(4, off=0.8)
    assert (world.named()[4].word, world.named()[4].tags) == (4, (further,))
    assert world.named({4: {further}})[4].tags == ()
    assert world.named({further: {4}})[4].tags == ()
    none = [frozenset() if place == further else by for place, by in enumerate(world.covers())]
    assert name_clusters(world.vectors, world.labels, world.words, covers=none)[4].tags == ()


def test_a_word_without_covers_names_nothing() -> None:
    """It is held against the others all the same, so that fewer words that may name are no reason for worse names."""
    world = World()
    covers = world.covers()
    covers[4] = frozenset()
    found = name_clusters(world.vectors, world.labels, world.words, covers=covers)
    assert [one.word for one in found] == [-1 if kind == 4 else kind for kind in range(N_KINDS)]
    assert found[3].score == world.named()[3].score


def test_what_was_refused_does_not_come_back() -> None:
    """Not as a name, not in one of two, not among the tags, nor where it was kept."""
    world = World()
    second = world.add_word(4, off=0.8)
    assert second in world.named()[4].tags
    for kept in ({}, {4: Kept(4)}):
        found = name_clusters(
            world.vectors, world.labels, world.words, covers=world.covers(), kept=kept, refused={4: frozenset({4})}
        )[4]
        assert (found.word, found.beside) == (second, -1)
        assert 4 not in found.tags
    pair = {4: Kept(second, beside=4)}
    both = {4: frozenset({4, second})}
    found = name_clusters(world.vectors, world.labels, world.words, covers=world.covers(), kept=pair, refused=both)[4]
    assert (found.word, found.beside, found.tags) == (-1, -1, ())


@pytest.mark.parametrize("seed", range(3))
def test_what_a_cluster_is_called_otherwise_is_what_it_is_called_once_that_is_refused(seed: int) -> None:
    """By the same rule: the wider word of two that cannot be told apart, none where all is noise."""
    world = World(seed=seed)
    second, alike = world.add_word(4, off=0.8), [world.add_word(5, off=0.8) for _ in range(2)]
    covers = world.covers({alike[0]: {alike[1]}, 6: {second}})
    kept = {4: Kept(4), 6: Kept(6)}
    found = name_clusters(world.vectors, world.labels, world.words, covers=covers, kept=kept)
    refused = {label: frozenset({one.word, one.beside} - {-1}) for label, one in enumerate(found)}
    then = name_clusters(world.vectors, world.labels, world.words, covers=covers, refused=refused)
    assert [one.otherwise for one in found] == [
        None if one.word < 0 else ClusterWords(one.word, one.beside, one.score, one.tags) for one in then
    ]
    named = {label: one.otherwise.word for label, one in enumerate(found) if one.otherwise is not None}
    assert named == {4: second, 5: alike[1]}


def test_no_two_clusters_have_the_same_name() -> None:
    """Of two that show the same one has the word; the other a second one beside it, or none where there is none."""
    world = World()
    both = np.flatnonzero((world.labels == 4) | (world.labels == 5))
    world.vectors[both] = world.vectors[both[:N_EACH]].repeat(2, axis=0)
    world.labels[both] = np.tile([4, 5], N_EACH)
    # A wider word that the photos do not bear out is no way out.
    covers = world.covers({4: {N_KINDS + 7}})

    def names() -> list[tuple[int, int]]:
        found = name_clusters(world.vectors, world.labels, world.words, covers=covers)
        return sorted((one.word, one.beside) for one in found[4:6])

    assert names() == [(-1, -1), (4, -1)]
    further = world.add_word(4, off=1.2)
    covers = world.covers({4: {N_KINDS + 7}})
    assert names() == [(4, -1), (4, further)]


def test_a_kept_name_is_given_up_when_it_was_beaten_twice_in_a_row() -> None:
    """Once is chance; what is not beaten the next time begins anew."""
    world = World()
    worse = world.add_word(4, off=1.2)
    once = world.named(kept={4: Kept(worse)})[4]
    assert (once.word, once.n_beaten) == (worse, 1)
    twice = world.named(kept={4: Kept(worse, n_beaten=once.n_beaten)})[4]
    assert (twice.word, twice.n_beaten) == (4, 0)
    again = world.named(kept={4: Kept(4, n_beaten=1)})[4]
    assert (again.word, again.n_beaten) == (4, 0)


def test_a_kept_name_that_is_as_good_or_wider_is_not_beaten() -> None:
    """A little behind the best, or true of whatever the best is."""
    world = World()
    wider = N_KINDS + 7
    found = world.named({4: {wider}}, kept={4: Kept(wider, n_beaten=1)})[4]
    assert (found.word, found.n_beaten) == (wider, 0)
    near = world.add_word(4, off=0.05)
    found = world.named(kept={4: Kept(near, n_beaten=1)})[4]
    assert (found.word, found.beside, found.n_beaten) == (near, -1, 0)


def test_a_kept_name_is_not_another_clusters() -> None:
    """The cluster that has it keeps it, whoever else fits it better."""
    world = World()
    found = world.named(kept={3: Kept(4)})
    assert found[3].word == 4
    assert (found[4].word, found[4].beside) != (4, -1)


@pytest.mark.parametrize("n_words", [0, 1, 2])
def test_hardly_any_words_name_nothing(n_words: int) -> None:
    """No vocabulary to hold a word against, no name."""
    world = World()
    words = world.words[:n_words]
    covers = [frozenset({place}) for place in range(n_words)]
    found = name_clusters(world.vectors, world.labels, words, covers=covers)
    assert [(one.word, one.tags) for one in found] == [(-1, ())] * N_KINDS


def test_odd_libraries_are_named_without_a_warning() -> None:
    """One photo, copies of one, one cluster of all, a label without photos, no cluster at all, no photo."""
    world = World()
    covers = world.covers()

    def names(vectors: Floats, labels: list[int]) -> list[int]:
        return [one.word for one in name_clusters(vectors, np.array(labels, np.int64), world.words, covers=covers)]

    assert names(world.vectors[:1], [0]) == [-1]
    assert names(np.repeat(world.vectors[:1], 20, axis=0), [0] * 10 + [1] * 10) == [-1, -1]
    assert len(names(world.vectors[:N_EACH], [0] * N_EACH)) == 1
    assert names(world.vectors[:3], [-1] * 3) == []
    assert names(world.vectors[:0], []) == []
    missing = np.where(world.labels >= 4, world.labels + 1, world.labels)
    assert names(world.vectors, missing.tolist()) == [0, 1, 2, 3, -1, *range(4, N_KINDS)]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_photos_and_words_does_not_matter(seed: int) -> None:
    """Whatever the order, the same clusters have the same words."""
    world = World(spread=0.8)
    world.add_word(4, off=0.02)
    world.add_word(6, off=0.6)
    expected = world.named()
    rng = np.random.default_rng(seed)
    photos, words = rng.permutation(len(world.vectors)), rng.permutation(len(world.words))
    covers = [frozenset({place}) for place in range(len(words))]
    found = name_clusters(world.vectors[photos], world.labels[photos], world.words[words], covers=covers)
    for one, before in zip(found, expected, strict=True):
        assert {int(words[place]) for place in (one.word, one.beside) if place >= 0} == {
            place for place in (before.word, before.beside) if place >= 0
        }
        assert [int(words[place]) for place in one.tags] == list(before.tags)
        assert one.score == pytest.approx(before.score, abs=0.01)


def test_chance_names_few_clusters() -> None:
    """Clusters of nothing, in a vocabulary of words for nothing: one in eighty by the limit, less than one in 30."""
    rng = np.random.default_rng(0)
    n_named = n_clusters = 0
    for _ in range(8):
        vectors, words = unit(rng.normal(size=(2000, DIM))), unit(rng.normal(size=(1000, DIM)))
        labels = rng.integers(0, 50, 2000)
        covers = [frozenset({place}) for place in range(len(words))]
        scores = [one.score for one in name_clusters(vectors, labels, words, covers=covers)]
        n_named += sum(score >= LEAST_SCORE for score in scores)
        n_clusters += len(scores)
    assert n_named / n_clusters < 1 / 30


def test_a_photo_has_its_own_words() -> None:
    """By what the library has for them: the word of its kind first, not the one that is near to every photo."""
    world = World(spread=0.4)
    statistics = word_statistics(world.vectors, world.words)
    scores = np.stack([score_words(vector, world.words, statistics) for vector in world.vectors])
    assert (scores.argmax(axis=1) == world.labels).mean() > 0.9
    assert scores.dtype == np.float32


def test_statistics_are_those_of_all_photos() -> None:
    """Without one product of a photo and a word: means and deviations as numpy has them."""
    world = World()
    cosines = world.vectors @ world.words.T
    statistics = word_statistics(world.vectors, world.words)
    assert statistics.means == pytest.approx(cosines.mean(axis=0), abs=1e-5)
    assert statistics.spreads == pytest.approx(cosines.std(axis=0), rel=1e-3)


def test_what_is_measured_already_is_not_measured_again() -> None:
    """The names are those that the statistics give, to the last bit, and of other photos they would be others."""
    world = World()
    covers, statistics = world.covers(), word_statistics(world.vectors, world.words)
    told = name_clusters(world.vectors, world.labels, world.words, covers=covers, statistics=statistics)
    assert told == world.named()
    others = word_statistics(World(seed=1).vectors, world.words)
    assert name_clusters(world.vectors, world.labels, world.words, covers=covers, statistics=others) != told
