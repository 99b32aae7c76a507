"""The weights of neighbours, held against UMAP's own functions."""

from __future__ import annotations

import numpy as np
import pytest

from vecclust.clustering.weights import arriving_weights, fitted_weights

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
    np.testing.assert_allclose(fitted_weights(distances), theirs[:, 1:], atol=1e-4)


def test_weights_of_arrivals_are_those_of_umaps_transform() -> None:
    """`smooth_knn_dist` and `compute_membership_strengths` as UMAP's transform calls them."""
    from umap.umap_ import compute_membership_strengths, smooth_knn_dist

    distances = np.sort(np.random.default_rng(0).uniform(0.05, 0.9, size=(40, 15)).astype(np.float32), axis=1)
    sigmas, rhos = smooth_knn_dist(distances, 15.0, local_connectivity=0.0)
    indices = np.tile(np.arange(15, dtype=np.int32), (40, 1))
    _, _, values, _ = compute_membership_strengths(indices, distances, sigmas, rhos, False, True)
    np.testing.assert_allclose(arriving_weights(distances), values.reshape(40, 15), rtol=2e-4)


def test_weights_survive_degenerate_distances() -> None:
    """One neighbour, copies of the arrival, all alike: finite and never all zero."""
    cases = [np.array([[0.3]]), np.zeros((1, 5)), np.array([[0, 0, 0, 0, 0.5]]), np.full((1, 15), 1.0)]
    for distances in cases:
        for weigh in (arriving_weights, fitted_weights):
            weights = weigh(distances.astype(np.float32))
            assert np.isfinite(weights).all()
            assert (weights.sum(axis=1) > 0).all()
