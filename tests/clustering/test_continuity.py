"""Photos stay in their clusters until their own neighbours say otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vecclust.clustering.continuity import counterparts, keep_labels

K = 4


def ring(*groups: int) -> NDArray[np.int32]:
    """Give neighbours: in groups of these sizes each photo knows the K next ones of its own group."""
    neighbours, start = [], 0
    for size in groups:
        rows = np.arange(size)
        neighbours.append(start + (rows[:, None] + np.arange(1, K + 1)) % size)
        start += size
    return np.concatenate(neighbours).astype(np.int32)


def labels(*runs: tuple[int, int]) -> NDArray[np.int64]:
    """Give labels from (label, how many) pairs."""
    return np.concatenate([np.full(n, label, np.int64) for label, n in runs])


def test_photos_at_an_edge_stay_where_they_were() -> None:
    """Two of a cluster fall to its neighbour and two to noise, while theirs stayed: nothing moves."""
    before = labels((0, 20), (1, 20))
    found = labels((0, 16), (1, 2), (-1, 2), (1, 20))
    result = keep_labels(found, before, neighbours=ring(20, 20), least_size=6)
    np.testing.assert_array_equal(result, before)


def test_a_group_that_parts_with_its_neighbours_goes() -> None:
    """Two groups that were one cluster and know nothing of one another are two now."""
    before, found = labels((0, 30)), labels((0, 18), (1, 12))
    result = keep_labels(found, before, neighbours=ring(18, 12), least_size=6)
    np.testing.assert_array_equal(result, found)


def test_a_cut_through_a_group_is_not_made() -> None:
    """The same cut where photos on both sides know one another leaves one cluster; newcomers go with it."""
    before = labels((0, 29), (-2, 1))
    far = ring(30)[:, :1]
    across = np.random.default_rng(0).permuted(np.tile(np.arange(30, dtype=np.int32), (30, 1)), axis=1)[:, : K - 1]
    result = keep_labels(labels((0, 18), (1, 12)), before, neighbours=np.hstack([far, across]), least_size=6)
    np.testing.assert_array_equal(result, np.zeros(30))


def test_a_cluster_that_the_fit_lost_lives_on() -> None:
    """Its photos were taken for another cluster's, or for noise, but know one another: it comes after the fit's own."""
    before = labels((0, 20), (1, 8), (2, 8))
    found = labels((0, 28), (-1, 8))
    result = keep_labels(found, before, neighbours=ring(20, 8, 8), least_size=8)
    np.testing.assert_array_equal(result, before)


def test_noise_joins_only_where_most_of_its_neighbours_are() -> None:
    """One that knows the cluster joins it; one that knows noise stays noise; a new cluster takes all it has."""
    before = labels((0, 20), (-1, 12))
    found = labels((0, 22), (1, 10))
    neighbours = np.vstack([ring(20), np.tile([0, 1, 2, 3], (1, 1)), np.tile([0, 22, 23, 24], (1, 1)), 22 + ring(10)])
    result = keep_labels(found, before, neighbours=neighbours.astype(np.int32), least_size=6)
    np.testing.assert_array_equal(result, labels((0, 21), (-1, 1), (1, 10)))


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_the_answer_is_one(seed: int) -> None:
    """Labels have no gaps, no cluster is too small, and the order of the photos does not matter."""
    rng = np.random.default_rng(seed)
    n = 60
    before, found = rng.integers(-2, 5, n), rng.integers(-1, 6, n)
    neighbours = np.array([rng.permutation(np.delete(np.arange(n), row))[:K] for row in range(n)], np.int32)
    result = keep_labels(found, before, neighbours=neighbours, least_size=6)
    kept = result[result >= 0]
    np.testing.assert_array_equal(np.unique(kept), np.arange(kept.max(initial=-1) + 1))
    sizes = np.bincount(kept)
    assert (sizes >= 3).all()
    order = rng.permutation(n)
    place = np.argsort(order)
    turned = keep_labels(
        found[order], before[order], neighbours=place[neighbours[order]].astype(np.int32), least_size=6
    )
    np.testing.assert_array_equal(turned, result[order])


def test_counterparts_are_one_to_one() -> None:
    """Of two new clusters the one that is more like the old has it; one like none has none."""
    before = labels((0, 10), (1, 10), (2, 4))
    found = labels((1, 7), (2, 3), (0, 10), (-1, 4))
    np.testing.assert_array_equal(counterparts(found, before), [1, 0, -1])
