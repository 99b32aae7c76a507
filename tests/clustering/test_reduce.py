"""Vectors to a layout."""

from __future__ import annotations

import numpy as np

from tests.clustering.worlds import unit, world
from vecclust.clustering.neighbours import neighbour_graph
from vecclust.clustering.params import FitParams
from vecclust.clustering.reduce import principal_components, umap_layout


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
    layout = umap_layout(vectors, graph, params=FitParams(n_components=3))
    assert layout.shape == (120, 3)
    gaps = np.linalg.norm(layout[:, None] - layout[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    assert (truth[gaps.argmin(axis=1)] == truth).mean() > 0.98
