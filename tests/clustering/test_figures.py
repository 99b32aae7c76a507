"""Figures and the photo in the middle."""

from __future__ import annotations

import numpy as np
import pytest

from tests.clustering.conftest import Fitted
from tests.clustering.worlds import world
from vecclust.clustering import mean_strengths, medoids
from vecclust.clustering.figures import figures_of, nearest_clusters


def test_medoid_has_the_highest_mean_cosine_to_its_cluster() -> None:
    """The short way over the mean vector equals all pairs; noise has no cluster, an unused label no medoid."""
    vectors, labels = world([30, 12], n_noise=5)
    labels = np.where(labels == 1, 2, labels)
    got = medoids(vectors, labels)
    for label in (0, 2):
        members = np.flatnonzero(labels == label)
        pairs = vectors[members].astype(np.float64) @ vectors[members].T.astype(np.float64)
        assert got[label] == members[pairs.mean(axis=1).argmax()]
    assert got[1] == -1
    assert len(medoids(vectors, np.full(len(vectors), -1))) == 0


def test_mean_strength_is_taken_over_members_alone() -> None:
    """Noise does not lower it."""
    strengths = np.array([1.0, 0.5, 0.0, 0.2], np.float32)
    np.testing.assert_allclose(mean_strengths(strengths, np.array([0, 0, -1, 2])), [0.75, 0.0, 0.2])


def test_figures_tell_good_from_bad(groups: Fitted) -> None:
    """Shuffled labels on the same photos score near nothing."""
    good = groups.fit.figures
    labels = np.random.default_rng(0).permutation(groups.fit.labels)
    bad = figures_of(labels, vectors=groups.vectors, layout=groups.fit.positions, seed=1)
    assert good["n_clusters"] == 12
    assert good["dbcv"] > 0.5 > 0.0 > bad["dbcv"]
    assert good["silhouette_cosine"] > 0.2 > 0.05 > bad["silhouette_cosine"]


@pytest.mark.parametrize("labels", [[], [-1] * 6, [0] * 6, [0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, 1]])
def test_a_figure_that_cannot_be_had_is_none(labels: list[int]) -> None:
    """Nothing, noise, one cluster, clusters of one: no flattering number and no warning."""
    vectors = world([6])[0][: len(labels)]
    got = figures_of(np.array(labels, np.int64), vectors=vectors, layout=vectors[:, :5], seed=0)
    assert got["dbcv"] is None
    assert got["n_clusters"] == len({label for label in labels if label >= 0})
    if labels[-1:] != [1]:
        assert got["silhouette_cosine"] is None


def test_shares_are_of_photos(groups: Fitted) -> None:
    """Largest and unclustered, by counting."""
    labels = np.array([0, 0, 0, 1, -1, -1, -1, -1])
    got = figures_of(labels, vectors=groups.vectors[:8], layout=groups.fit.positions[:8], seed=0)
    assert (got["share_largest"], got["share_unclustered"], got["n_clusters"]) == (0.375, 0.5, 2)


def test_the_nearest_cluster_is_that_of_the_nearest_mean(groups: Fitted) -> None:
    """Photos left out of their kind come back to it; those that have a cluster, and a fit without one, give none."""
    labels = groups.fit.labels.copy()
    labels[::10] = -1
    nearest = nearest_clusters(groups.vectors, labels)
    np.testing.assert_array_equal(nearest[::10], groups.fit.labels[::10])
    assert (nearest[labels >= 0] == -1).all()
    assert (nearest_clusters(groups.vectors, np.full(len(labels), -1)) == -1).all()
