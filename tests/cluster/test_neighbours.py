"""Exact neighbours and the outlier ratio."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cluster.worlds import unit, world
from vecclust.cluster import neighbours
from vecclust.cluster.neighbours import local_outlier_ratio, nearest_rows, neighbour_graph, reach_of


def test_graph_is_what_sorting_all_pairs_gives() -> None:
    """Nearest first, ties by row, never the row itself."""
    vectors, _ = world([30, 30], n_noise=7)
    graph = neighbour_graph(vectors, k=10)
    exact = 1.0 - vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(exact, np.inf)
    wanted = np.argsort(exact, axis=1, kind="stable")[:, :10]
    np.testing.assert_array_equal(graph.indices, wanted)
    np.testing.assert_allclose(graph.distances, np.take_along_axis(exact, wanted, axis=1), atol=1e-6)


def test_graph_does_not_depend_on_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same lists to the bit, whatever memory allows, and one block's end is not another list."""
    vectors, _ = world([50, 41])
    whole = neighbour_graph(vectors, k=15)
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", 4 * len(vectors) * 7)
    seen: list[tuple[int, int]] = []
    parts = neighbour_graph(vectors, k=15, threads=1, progress=lambda done, total: seen.append((done, total)))
    np.testing.assert_array_equal(parts.indices, whole.indices)
    np.testing.assert_array_equal(parts.distances, whole.distances)
    assert seen[0] == (7, 91)
    assert seen[-1] == (91, 91)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_few_rows_have_as_many_neighbours_as_there_are(n: int) -> None:
    """No row is its own neighbour, even where it has no other."""
    graph = neighbour_graph(unit(np.random.default_rng(0).normal(size=(n, 8))), k=15)
    assert graph.indices.shape == (n, max(0, n - 1))
    assert all(row not in graph.indices[row] for row in range(n))
    assert reach_of(graph.distances).shape == (n,)


def test_an_arrival_finds_its_own_copy_first() -> None:
    """A row equal to the arrival counts, at distance 0."""
    vectors, _ = world([40])
    found = nearest_rows(vectors, vectors[5:8], k=3)
    np.testing.assert_array_equal(found.indices[:, 0], [5, 6, 7])
    assert found.distances[:, 0].max() < neighbours.SAME_PICTURE


def test_outlier_ratio_is_one_at_home_and_large_abroad() -> None:
    """A photo of a kind never seen is farther from its neighbours than they are from theirs."""
    vectors, _ = world([80], seed=1)
    graph = neighbour_graph(vectors, k=15)
    reach = reach_of(graph.distances)
    home = local_outlier_ratio(reach, neighbours=graph.indices, fitted_distance=reach)
    abroad = nearest_rows(vectors, -vectors[:4], k=15)
    away = local_outlier_ratio(abroad.distances[:, -1], neighbours=abroad.indices, fitted_distance=reach)
    assert np.median(home) == pytest.approx(1.0, abs=0.1)
    assert away.min() > 3 * np.percentile(home, 95)


def test_copies_all_round_are_no_outliers() -> None:
    """Distances of 0 give the ratio 1 instead of a division by zero."""
    nothing = np.zeros(4, np.float32)
    lists = np.zeros((4, 2), np.int32)
    np.testing.assert_array_equal(local_outlier_ratio(nothing, neighbours=lists, fitted_distance=nothing), 1.0)
