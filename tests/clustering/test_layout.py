"""Vectors to a layout, and the places of the map: repeatable, continued, sensible for the smallest collections."""

from __future__ import annotations

import numpy as np
import pytest

from tests.clustering.worlds import unit, world
from vecclust.clustering.layout import map_layout, principal_components, umap_layout
from vecclust.clustering.neighbours import neighbour_graph
from vecclust.clustering.params import FitParams
from vecclust.clustering.warm_start import impute_positions


def kinds(n: int, *, seed: int = 0, n_kinds: int = 4) -> np.ndarray:
    """Give unit vectors around a few directions."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_kinds, 24))
    vectors = centres[np.arange(n) % n_kinds] + 0.3 * rng.normal(size=(n, 24))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("n", [0, 1, 2, 10, 15, 16, 40])
def test_any_number_of_photos_has_finite_places(n: int) -> None:
    """Also none, one and two."""
    places = map_layout(kinds(n), seed=0)
    assert places.shape == (n, 2)
    assert places.dtype == np.float32
    assert np.isfinite(places).all()


def test_photos_all_alike_lie_at_one_place() -> None:
    """Copies of one picture do not break the layout."""
    same = np.repeat(kinds(1), 40, axis=0)
    assert (map_layout(same, seed=0) == 0).all()
    mixed = np.concatenate([kinds(30), same])
    places = map_layout(mixed, seed=0)
    assert (places[30:] == places[30]).all()


def test_the_same_rows_and_seed_give_the_same_map() -> None:
    """So that a page made twice is the same page."""
    vectors = kinds(80)
    assert (map_layout(vectors, seed=1) == map_layout(vectors, seed=1)).all()


def test_kinds_lie_apart() -> None:
    """A photo's nearest on the map is of its own kind."""
    places = map_layout(kinds(120), seed=0)
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (distances.argmin(axis=1) % 4 == np.arange(120) % 4).mean() > 0.95


def test_a_map_continues_an_earlier_one() -> None:
    """With twenty photos more, those that were there stay close to their places, wherever the map was turned to."""
    vectors = kinds(140)
    turned = np.array([[0.0, -1.0], [-1.0, 0.0]], np.float32)
    before = map_layout(vectors[:120], seed=0) @ turned + np.float32(7)
    earlier = np.concatenate([before, np.full((20, 2), np.nan, np.float32)])
    size = np.ptp(before, axis=0).max()

    def moved(places: np.ndarray) -> float:
        return float(np.linalg.norm(places[:120] - before, axis=1).mean() / size)

    assert moved(map_layout(vectors, seed=0, earlier=earlier)) < 0.1
    assert moved(map_layout(vectors, seed=0)) > 0.3


def test_a_map_of_which_most_is_new_is_made_anew() -> None:
    """A heap of newcomers is no beginning; the kinds still lie apart."""
    vectors = kinds(120)
    earlier = np.full((120, 2), np.nan, np.float32)
    earlier[:10] = map_layout(vectors, seed=0)[:10]
    places = map_layout(vectors, seed=0, earlier=earlier)
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (distances.argmin(axis=1) % 4 == np.arange(120) % 4).mean() > 0.95


def test_newcomers_lie_among_their_nearest() -> None:
    """At a place between them, or in the middle where they know nobody."""
    vectors = kinds(60)
    graph = neighbour_graph(vectors, k=5)
    places = map_layout(vectors, seed=0)
    with_new = places.copy()
    with_new[7] = np.nan
    near = places[graph.indices[7]]
    placed = impute_positions(with_new, graph=graph)
    assert placed is not None
    assert (placed[7] >= near.min(axis=0) - 1e-4).all()
    assert (placed[7] <= near.max(axis=0) + 1e-4).all()
    assert (np.delete(placed, 7, axis=0) == np.delete(places, 7, axis=0)).all()
    assert impute_positions(np.full((60, 2), np.nan, np.float32), graph=graph) is None


def test_principal_components_are_those_of_scikit_learn() -> None:
    """The same axes and positions, with the sign fixed by the largest weight."""
    from sklearn.decomposition import PCA

    vectors, _ = world([40, 40, 40])
    ours = principal_components(vectors, n_components=5)
    theirs = PCA(5, svd_solver="full").fit(vectors.astype(np.float64))
    turned = theirs.components_ * np.sign((theirs.components_ * ours.components).sum(axis=1))[:, None]
    np.testing.assert_allclose(ours.components, turned, atol=1e-4)
    np.testing.assert_allclose(ours.apply(vectors), (vectors - theirs.mean_) @ turned.T, atol=1e-4)
    assert (ours.components[range(5), np.abs(ours.components).argmax(axis=1)] > 0).all()


def test_axes_that_do_not_exist_are_zero() -> None:
    """Three photos span two dimensions; the rest of the position is 0."""
    vectors = unit(np.random.default_rng(0).normal(size=(3, 8)))
    positions = principal_components(vectors, n_components=5).apply(vectors)
    assert (positions[:, 2:] == 0).all()
    assert (np.abs(positions[:, :2]).sum(axis=0) > 0).all()


def test_the_layout_brings_neighbours_together() -> None:
    """Each photo's nearest photos of the layout are of its own group."""
    vectors, truth = world([30] * 4)
    graph = neighbour_graph(vectors, k=15)
    layout = umap_layout(vectors, graph, params=FitParams(n_neighbors=15, n_components=3))
    assert layout.shape == (120, 3)
    gaps = np.linalg.norm(layout[:, None] - layout[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    assert (truth[gaps.argmin(axis=1)] == truth).mean() > 0.98
