"""Labelled collections that are unlike one another: made from photos' vectors, or drawn by code.

A collection is vectors of norm 1 and the kind of each, -1 for photos of no kind. The same arguments give the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tests.clustering.worlds import blobs, unit, world

Drawn = tuple[NDArray[np.float32], NDArray[np.int64]]


def some_of_each(drawn: Drawn, kinds: Sequence[int], sizes: Sequence[int], *, rng: np.random.Generator) -> Drawn:
    """Draw so many photos of each of these kinds, or all that there are, shuffled.

    Args:
        drawn: where from.
        kinds: which ones.
        sizes: of each, as many.
        rng: whom to ask.
    """
    vectors, truth = drawn
    rows = [np.flatnonzero(truth == kind) for kind in kinds]
    few = [rng.choice(each, min(size, len(each)), replace=False) for each, size in zip(rows, sizes, strict=True)]
    chosen = np.concatenate(few)
    rng.shuffle(chosen)
    return vectors[chosen], truth[chosen]


def random_kinds(drawn: Drawn, sizes: Sequence[int], *, seed: int = 0) -> Drawn:
    """Draw as many kinds as there are sizes, and so many photos of each."""
    rng = np.random.default_rng(seed + 1000 * len(sizes))
    kinds = rng.choice(int(drawn[1].max()) + 1, len(sizes), replace=False)
    return some_of_each(drawn, kinds.tolist(), sizes, rng=rng)


def three_kinds(drawn: Drawn, *, n_photos: int, seed: int) -> Drawn:
    """Draw a small collection: three kinds, as many photos of each."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(int(drawn[1].max()) + 1, 3, replace=False)
    return some_of_each(drawn, kinds.tolist(), [n_photos // 3] * 3, rng=rng)


def together(one: Drawn, other: Drawn, *, seed: int = 1) -> Drawn:
    """Mix two collections; the kinds of the other stay apart from those of the one."""
    truth = np.concatenate([one[1], other[1] + int(one[1].max()) + 1])
    order = np.random.default_rng(seed).permutation(len(truth))
    return np.vstack([one[0], other[0]])[order], truth[order]


def one_large(
    of_one_kind: NDArray[np.float32], others: Drawn, *, n_photos: int, sizes: Sequence[int], seed: int
) -> Drawn:
    """Draw many photos of one kind and a few small kinds beside it.

    Args:
        of_one_kind: where the many come from.
        others: where the small kinds come from.
        n_photos: how many.
        sizes: of the small kinds.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    many = of_one_kind[rng.permutation(len(of_one_kind))[:n_photos]]
    few, truth = random_kinds(others, sizes, seed=seed + 7)
    truth = np.concatenate([np.full(len(many), int(others[1].max()) + 1), truth])
    order = rng.permutation(len(truth))
    return np.vstack([many, few])[order], truth[order]


def with_bursts(drawn: Drawn, *, n_bursts: int = 25, n_copied: int = 25, seed: int = 0) -> Drawn:
    """Add eight near-copies of some photos and four exact ones of others, shuffled."""
    vectors, truth = drawn
    rng = np.random.default_rng(seed)
    rows, kinds = [vectors], [truth]
    for row in rng.choice(len(vectors), n_bursts, replace=False):
        rows.append(unit(vectors[row] + 0.02 * rng.normal(size=(8, vectors.shape[1]))))
        kinds.append(np.full(8, truth[row]))
    for row in rng.choice(len(vectors), n_copied, replace=False):
        rows.append(np.repeat(vectors[row : row + 1], 4, axis=0))
        kinds.append(np.full(4, truth[row]))
    order = rng.permutation(sum(map(len, kinds)))
    return np.vstack(rows).astype(np.float32)[order], np.concatenate(kinds)[order]


def into_cone(drawn: Drawn, *, mean_cosine: float = 0.6, seed: int = 5) -> Drawn:
    """Add one direction to all, as models do whose vectors all point the same way."""
    vectors, truth = drawn
    common = np.random.default_rng(seed).normal(size=vectors.shape[1])
    common *= np.sqrt(mean_cosine / (1 - mean_cosine)) / np.linalg.norm(common)
    return unit(vectors + common), truth


def uneven_kinds() -> Drawn:
    """Thirty kinds of 12 photos to some hundred, and 100 strangers among 2,000."""
    rng = np.random.default_rng(0)
    sizes = np.maximum(12, (1900 * rng.dirichlet(np.ones(30))).astype(int)).tolist()
    return world(sizes, width=256, n_noise=100)


SYNTHETIC: dict[str, Callable[[], Drawn]] = {
    "uneven kinds, 5 % strangers": uneven_kinds,
    "50 kinds, 5 % strangers": lambda: world([20 + 4 * kind for kind in range(50)], width=256, n_noise=300),
    "25 kinds, 1 % strangers": lambda: world([60] * 25, width=256, n_noise=15, seed=6),
    "30 kinds, 10 % strangers": lambda: world([30] * 30, width=512, n_noise=100, seed=4),
    "25 kinds, 30 % strangers": lambda: world([60] * 25, width=256, n_noise=640, seed=7),
    "cone, 20 kinds": lambda: into_cone(world([40 + 6 * kind for kind in range(20)], width=512, seed=3)),
    "cone, 30 kinds, 10 % strangers": lambda: into_cone(world([30] * 30, width=512, n_noise=100, seed=4)),
    "overlapping kinds": blobs,
    "one clear kind of 400, ten of 6": lambda: world([400] + [6] * 10, width=256, seed=2),
    "30 photos of three clear kinds": lambda: world([10] * 3, width=128, seed=1),
}
