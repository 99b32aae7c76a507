"""What `scripts/eval_names` holds names against: the words that are true of a kind, and the nearest words.

Knows kinds, words and arrays. Refuses to know pictures and how a name is chosen. A word is true of a kind where it is
its name, another one in `ALSO`, or a wider one, by the vocabulary's own wider words or by `kinds.toml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tiny_clip.words import read_kinds
from vecclust.embeddings import Embedder, find_vocabulary
from vecclust.words import Word, covers, load_words
from vecclust.words.forms import stem

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

# Further names of the kinds of PACS, of Intel's scenes and of the demo, looked up in what their pictures show; 45 of
# Intel's 55 photos of the sea that are one cluster are sunsets.
ALSO = {
    "elephant": ("African elephant", "Asian elephant"),
    "house": ("building",),
    "person": ("portrait", "face", "smiling person"),
    "buildings": ("building", "city", "street"),
    "forest": ("woods", "trees in a forest"),
    "glacier": ("alp", "mountain", "snowy mountains", "mountains in snow", "snow", "snowy landscape"),
    "mountain": ("alp", "snowy mountains", "mountains in snow", "snow", "snowy landscape"),
    "sea": ("seashore", "beach", "sunset", "sunset over the sea"),
    "street": ("city", "building"),
    "beach": ("sandy beach with a parasol", "palm tree on the beach", "seashore"),
    "snowy mountains": ("mountain", "mountains in snow", "snow", "snowy landscape"),
    "city at night": ("night", "night skyline", "skyline at night", "skyscrapers with lit windows", "skyscraper"),
    "sunset": ("sunset over the sea", "evening sun"),
    "desert": ("sand dunes", "dunes in the desert", "sand"),
    "waterfall": ("waterfall in a green valley",),
    "flowers": ("flower", "flower meadow", "meadow full of flowers"),
    "birthday cake": ("cake with candles", "birthday party", "cake"),
    "red car": ("red car on a road", "car"),
    "sailing boat": ("sailboat", "yacht with a white sail", "boat", "sail"),
    "portrait": ("face", "portrait of a person", "smiling person", "person", "close-up of a face"),
}


@dataclass(frozen=True)
class Vocabulary:
    """Words and their vectors.

    Attributes:
        words: m of them.
        vectors: (m, d) float32 unit norm.
        covers: for each word the places of those that may stand for it.
    """

    words: tuple[Word, ...]
    vectors: Floats
    covers: tuple[frozenset[int], ...]

    @classmethod
    def of(cls, embedder: Embedder, words: Sequence[Word] | None = None) -> Vocabulary:
        """Embed words as a library does, all that ship where none are given."""
        words = tuple(load_words() if words is None else words)
        return cls(words, embedder.embed_texts([word.text for word in words]), covers(words))

    def with_others(self, kinds: Sequence[str], n_others: int, *, seed: int = 0) -> Vocabulary:
        """Keep the names of some kinds and so many other words."""
        names = [self.place(kind) for kind in kinds]
        others = np.setdiff1d(np.arange(len(self.words)), names)
        chosen = [*names, *np.random.default_rng(seed).permutation(others)[:n_others].tolist()]
        words = tuple(self.words[place] for place in chosen)
        by = zip(chosen, covers(words), strict=True)
        return Vocabulary(
            words, self.vectors[chosen], tuple(own if self.covers[old] else frozenset() for old, own in by)
        )

    def taught(self, model: str) -> Vocabulary:
        """Let only words name that a model was taught; the others are there to be held against."""
        known = find_vocabulary(model)
        assert known is not None
        own = (
            by if not known.unknown(word.text) else frozenset()
            for word, by in zip(self.words, self.covers, strict=True)
        )
        return replace(self, covers=tuple(own))

    @cached_property
    def _by_text(self) -> dict[str, int]:
        return {_plain(word.text): place for place, word in enumerate(self.words)}

    @cached_property
    def _by_id(self) -> dict[str, int]:
        return {word.id: place for place, word in enumerate(self.words)}

    @cached_property
    def _true(self) -> dict[str, frozenset[int]]:
        return {}

    def place(self, kind: str) -> int:
        """Give the place of a kind's own name, -1 for none."""
        return self._by_text.get(_plain(kind), -1)

    def true_of(self, kind: str) -> frozenset[int]:
        """Give the places of all words that are true of a kind."""
        if kind not in self._true:
            wide = [wider for wider, members in read_kinds().items() if kind in members]
            todo = [place for name in (kind, *ALSO.get(kind, ()), *wide) if (place := self.place(name)) >= 0]
            found: set[int] = set()
            while todo:
                place = todo.pop()
                if place not in found:
                    found.add(place)
                    todo += [self._by_id[wider] for wider in self.words[place].wider if wider in self._by_id]
            self._true[kind] = frozenset(found)
        return self._true[kind]

    def text(self, *places: int) -> str:
        """Write a name."""
        return ", ".join(self.words[place].text for place in places if place >= 0) or "-"


def _plain(text: str) -> str:
    return stem(text.replace("'", " "), "en")


def nearest_words(vectors: Floats, labels: Labels, words: Floats) -> dict[str, Labels]:
    """Give for each cluster the nearest word to its centroid and to its medoid."""
    centroids = np.stack([vectors[labels == label].mean(axis=0) for label in range(int(labels.max()) + 1)])
    medoids = [
        np.flatnonzero(labels == label)[(vectors[labels == label] @ centre).argmax()]
        for label, centre in enumerate(centroids)
    ]
    return {"centroid": (centroids @ words.T).argmax(axis=1), "medoid": (vectors[medoids] @ words.T).argmax(axis=1)}


@dataclass(frozen=True, slots=True)
class Judged:
    """What a name of a cluster is worth.

    Attributes:
        kind: the commonest one.
        share: of the cluster's photos that are of it.
        is_named: whether there is a name.
        is_right: whether a word of it is true of at least half of the photos.
        fits: whether a word of it is true of the commonest kind.
    """

    kind: str
    share: float
    is_named: bool
    is_right: bool
    fits: bool

    @property
    def is_nameable(self) -> bool:
        """Whether the cluster is of one kind by half or more."""
        return self.share >= 0.5


def judge(name: Sequence[int], kinds: Labels, *, names: Sequence[str], vocabulary: Vocabulary) -> Judged:
    """Judge the name of one cluster.

    Args:
        name: places of its words, -1 for none.
        kinds: of its photos.
        names: of the kinds.
        vocabulary: the words.
    """
    shown, counts = np.unique(kinds, return_counts=True)
    words = [place for place in name if place >= 0]
    true = {
        place: sum(n for kind, n in zip(shown, counts, strict=True) if place in vocabulary.true_of(names[kind]))
        for place in words
    }
    common = names[shown[counts.argmax()]]
    return Judged(
        kind=common,
        share=float(counts.max() / len(kinds)),
        is_named=bool(words),
        is_right=any(n >= len(kinds) / 2 for n in true.values()),
        fits=any(place in vocabulary.true_of(common) for place in words),
    )
