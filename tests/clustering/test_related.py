"""Related clusters: found where kinds lie beside one another, and nowhere among kinds that are there by chance."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.clustering.worlds import blobs, unit, world
from vecclust.clustering import related
from vecclust.clustering.neighbours import N_NEAREST, Neighbours, neighbour_graph
from vecclust.clustering.related import related_clusters


def overlapping(n_kinds: int, *, size: int, spread: float, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Give kinds around random directions of 160 dimensions, so wide that a third of their links leave them."""
    rng = np.random.default_rng(seed)
    kinds = np.repeat(np.arange(n_kinds), size)
    centres = unit(rng.normal(size=(n_kinds, 160)))
    return unit(centres[kinds] + spread * rng.normal(size=(len(kinds), 160)) / np.sqrt(160)), kinds


def found(vectors: NDArray[np.float32], labels: NDArray[np.int64]) -> list[list[int]]:
    """Give the related of each kind."""
    near = neighbour_graph(vectors, k=N_NEAREST)
    return [others.tolist() for others in related_clusters(near, labels)]


@pytest.mark.parametrize("seed", range(3))
def test_kinds_by_chance_are_not_related(seed: int) -> None:
    """Not where they lie apart, nor where they overlap with photos of no kind among them."""
    assert not any(found(*world([15, 20, 30, 60, 90, 120] * 2, seed=seed, n_noise=60)))
    vectors, kinds = overlapping(12, size=60, spread=2.6, seed=seed)
    near = neighbour_graph(vectors, k=N_NEAREST)
    assert 0.1 < (kinds[near.indices] != kinds[:, None]).mean() < 0.5
    assert not any(found(vectors, kinds))


def test_a_smaller_lift_would_find_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The threshold is what keeps pairs out that are there by chance."""
    monkeypatch.setattr(related, "LEAST_LIFT", 1.5)
    assert any(any(found(*overlapping(12, size=60, spread=2.6, seed=seed))) for seed in range(3))


@pytest.mark.parametrize("seed", range(3))
def test_kinds_of_one_blob_are_related_to_one_another_alone(seed: int) -> None:
    """Three far blobs of six kinds that overlap: no kind is related to one of another blob, and it goes both ways."""
    others = found(*blobs(seed=seed))
    assert sum(map(bool, others)) >= 9
    for kind, related_ones in enumerate(others):
        assert {other // 6 for other in related_ones} <= {kind // 6}
        assert all(kind in others[other] for other in related_ones)


def test_the_nearest_by_links_comes_first() -> None:
    """Cluster 0 of twenty shares half of its links with 1 and a quarter with 2; 3 and all others have their own."""
    labels = np.repeat(np.arange(20), 10)
    own = np.arange(200)[:, None] // 10 * 10 + np.arange(4)[None]
    own[:10, :2], own[:10, 2] = 10 + np.arange(2), 20
    near = Neighbours(own.astype(np.int32), np.zeros(own.shape, np.float32))
    others = [ones.tolist() for ones in related_clusters(near, labels)]
    assert others[:4] == [[1, 2], [0], [0], []]
    labels[10:20] = -1
    assert [ones.tolist() for ones in related_clusters(near, labels)][:3] == [[2], [], [0]]


def test_none_one_and_all_without_a_cluster() -> None:
    """Nothing to be related to is no error; neither are pictures without neighbours."""
    empty = Neighbours(np.zeros((0, 0), np.int32), np.zeros((0, 0), np.float32))
    assert related_clusters(empty, np.zeros(0, np.int64)) == []
    vectors, _ = world([30, 30])
    assert found(vectors, np.full(60, -1)) == []
    assert found(vectors, np.zeros(60, np.int64)) == [[]]
    alone = Neighbours(np.zeros((4, 0), np.int32), np.zeros((4, 0), np.float32))
    assert [len(ones) for ones in related_clusters(alone, np.array([0, 0, 1, 1]))] == [0, 0]
