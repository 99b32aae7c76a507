"""Exact neighbours, and their weights held against UMAP's own functions."""

from __future__ import annotations

import numpy as np
import pytest

from tests.clustering.worlds import unit, world
from vecclust.clustering import neighbours
from vecclust.clustering.neighbours import (
    agrees_with_vectors,
    fit_weights,
    nearest_rows,
    neighbour_graph,
    transform_weights,
    update_graph,
)


def test_graph_is_what_sorting_all_pairs_gives() -> None:
    """Nearest first, ties by row, never the row itself."""
    vectors, _ = world([30, 30], n_noise=7)
    graph = neighbour_graph(vectors, k=10)
    exact = 1.0 - vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(exact, np.inf)
    wanted = np.argsort(exact, axis=1, kind="stable")[:, :10]
    np.testing.assert_array_equal(graph.indices, wanted)
    np.testing.assert_allclose(graph.distances, np.take_along_axis(exact, wanted, axis=1), atol=1e-6)


def test_graph_does_not_depend_on_its_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same lists to the bit, and what is done is the share of the pairs."""
    vectors, _ = world([50, 41])
    whole = neighbour_graph(vectors, k=15)
    monkeypatch.setattr(neighbours, "TILE", 7)
    seen: list[tuple[int, int]] = []
    parts = neighbour_graph(vectors, k=15, threads=1, progress=lambda done, total: seen.append((done, total)))
    np.testing.assert_array_equal(parts.indices, whole.indices)
    np.testing.assert_array_equal(parts.distances, whole.distances)
    assert seen[0] == (91 - round(84**2 / 91), 91)
    assert seen[-1] == (91, 91)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_few_rows_have_as_many_neighbours_as_there_are(n: int) -> None:
    """No row is its own neighbour, even where it has no other."""
    graph = neighbour_graph(unit(np.random.default_rng(0).normal(size=(n, 8))), k=15)
    assert graph.indices.shape == (n, max(0, n - 1))
    assert all(row not in graph.indices[row] for row in range(n))


def test_an_arrival_finds_its_own_copy_first() -> None:
    """A row equal to the arrival counts, at distance 0."""
    vectors, _ = world([40])
    found = nearest_rows(vectors, vectors[5:8], k=3)
    np.testing.assert_array_equal(found.indices[:, 0], [5, 6, 7])
    assert found.distances[:, 0].max() < neighbours.SAME_PICTURE


@pytest.mark.parametrize("kind", ["clouds", "ties"])
@pytest.mark.parametrize("kept", [1.0, 0.9, 0.3])
def test_a_graph_brought_up_to_date_is_the_one_a_search_finds(kind: str, kept: float) -> None:
    """Rows come, rows go: the same lists and distances to the bit, many equally far neighbours included."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        vectors, _ = world([40, 30, 20], seed=seed, n_noise=9)
        if kind == "ties":
            drawn = np.unique(np.round(2 * rng.normal(size=(120, 5))), axis=0)
            vectors = unit(drawn[np.abs(drawn).sum(axis=1) > 0])
            vectors = np.unique(vectors, axis=0)[rng.permutation(len(np.unique(vectors, axis=0)))]
        before = np.sort(rng.choice(len(vectors), int(rng.uniform(0.3, 1.0) * len(vectors)), replace=False))
        stays = rng.random(len(before)) < kept
        row_before = np.full(len(vectors), -1, np.int64)
        row_before[before[stays]] = np.flatnonzero(stays)
        there = np.setdiff1d(np.arange(len(vectors)), before[~stays])
        earlier = neighbour_graph(vectors[before], k=7)
        grown = update_graph(vectors[there], earlier, known=row_before[there])
        wanted = neighbour_graph(vectors[there], k=7)
        np.testing.assert_array_equal(grown.indices, wanted.indices)
        np.testing.assert_array_equal(grown.distances, wanted.distances)
        assert agrees_with_vectors(grown, vectors=vectors[there], rows=np.arange(len(there)))


def test_only_what_came_or_lost_a_neighbour_is_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newcomer that many lists take in does not cause their search; one that crowds a list does."""
    vectors, _ = world([80, 60])
    searched: list[int] = []

    def listen(done: int, total: int) -> None:
        searched.append(total)

    earlier = neighbour_graph(vectors[:130], k=7)
    known = np.concatenate([np.arange(130), np.full(10, -1)])
    update_graph(vectors, earlier, known=known, progress=listen)
    assert set(searched) == {10}
    monkeypatch.setattr(neighbours, "MAX_NEWCOMERS_PER_LIST", 0)
    crowded = update_graph(vectors, earlier, known=known, progress=listen)
    assert searched[-1] > 10
    np.testing.assert_array_equal(crowded.indices, neighbour_graph(vectors, k=7).indices)


def test_a_graph_of_other_vectors_is_told() -> None:
    """Distances that are not those of the vectors are not believed."""
    vectors, _ = world([40])
    graph = neighbour_graph(vectors, k=5)
    assert agrees_with_vectors(graph, vectors=vectors, rows=np.arange(40))
    assert not agrees_with_vectors(graph, vectors=vectors[::-1].copy(), rows=np.arange(40))


# umap says at its first import that it does without TensorFlow.
pytestmark = pytest.mark.filterwarnings("ignore:Tensorflow:ImportWarning")


def test_weights_of_fitted_rows_are_those_of_umaps_fit() -> None:
    """Whatever the distances: usual ones, copies of the row itself, all alike."""
    from umap.umap_ import compute_membership_strengths, smooth_knn_dist

    distances = np.sort(np.random.default_rng(0).random((40, 14)).astype(np.float32), axis=1)
    distances[1, :3], distances[2], distances[3] = 0, 0.5, 0
    lists = np.hstack([np.zeros((40, 1), np.float32), distances])
    others = np.full(lists.shape, 99, np.int32)  # of no row here, so that none is its own neighbour
    theirs = compute_membership_strengths(others, lists, *smooth_knn_dist(lists, 15.0))[2].reshape(lists.shape)
    np.testing.assert_allclose(fit_weights(distances), theirs[:, 1:], atol=1e-4)


def test_weights_of_arrivals_are_those_of_umaps_transform() -> None:
    """`smooth_knn_dist` and `compute_membership_strengths` as UMAP's transform calls them."""
    from umap.umap_ import compute_membership_strengths, smooth_knn_dist

    distances = np.sort(np.random.default_rng(0).uniform(0.05, 0.9, size=(40, 15)).astype(np.float32), axis=1)
    sigmas, rhos = smooth_knn_dist(distances, 15.0, local_connectivity=0.0)
    indices = np.tile(np.arange(15, dtype=np.int32), (40, 1))
    _, _, values, _ = compute_membership_strengths(indices, distances, sigmas, rhos, False, True)
    np.testing.assert_allclose(transform_weights(distances), values.reshape(40, 15), rtol=2e-4)


def test_weights_survive_degenerate_distances() -> None:
    """One neighbour, copies of the arrival, all alike: finite and never all zero."""
    cases = [np.array([[0.3]]), np.zeros((1, 5)), np.array([[0, 0, 0, 0, 0.5]]), np.full((1, 15), 1.0)]
    for distances in cases:
        for weigh in (transform_weights, fit_weights):
            weights = weigh(distances.astype(np.float32))
            assert np.isfinite(weights).all()
            assert (weights.sum(axis=1) > 0).all()
