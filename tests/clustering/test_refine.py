"""Looking inside a cluster that holds a large share."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score

from tests.clustering.conftest import Fitted, fitted
from tests.clustering.worlds import blobs, world
from vecclust.clustering import Earlier, FitParams, fit
from vecclust.clustering.refine import cohesion, refine
from vecclust.clustering.tree import CondensedTree


@pytest.fixture(scope="module")
def cut_blobs() -> Fitted:
    """Give a weak model's collection in blobs, looked into; left to itself the fit would choose sizes without any."""
    return fitted(*blobs(), FitParams(min_cluster_size=18, min_samples=5))


@pytest.fixture(scope="module")
def whole_blobs() -> Fitted:
    """Give the same with the look inside switched off."""
    return fitted(*blobs(), FitParams(min_cluster_size=18, min_samples=5, max_share=1.0))


def test_blobs_are_cut_and_the_pieces_are_truer(cut_blobs: Fitted, whole_blobs: Fitted) -> None:
    """Three blobs of six groups: more clusters, none with a fourth of the photos, nearer the truth."""
    cut, whole = cut_blobs.fit, whole_blobs.fit
    assert whole.figures["share_largest"] > 0.25
    assert cut.figures["share_largest"] < 0.25
    assert cut.figures["n_refined"] >= 1
    assert cut.figures["n_clusters"] > whole.figures["n_clusters"]
    assert cut.figures["share_unclustered"] < 0.4
    truth = cut_blobs.truth
    assert adjusted_mutual_info_score(truth, cut.labels) > adjusted_mutual_info_score(truth, whole.labels)


def test_what_was_apart_before_stays_apart(cut_blobs: Fitted, whole_blobs: Fitted) -> None:
    """A cut only looks inside: two photos in different clusters of the plain fit are never joined."""
    for label in range(cut_blobs.fit.figures["n_clusters"]):
        parents = whole_blobs.fit.labels[cut_blobs.fit.labels == label]
        assert len(np.unique(parents)) == 1


@pytest.mark.parametrize("size", [120, 300])
def test_a_large_cluster_of_one_kind_is_left_alone(size: int) -> None:
    """HDBSCAN finds parts in any cloud; photos whose neighbours are everywhere in it are one kind."""
    vectors, truth = world([size] + [size // 12] * 12, width=256)
    result = fit(vectors, FitParams())
    largest = result.labels[truth == 0]
    assert (largest == np.bincount(largest[largest >= 0]).argmax()).mean() > 0.95
    assert result.figures["n_refined"] == 0
    assert result.figures["share_largest"] > 0.4


def _tree_of_two_halves() -> CondensedTree:
    """Root with nodes 1 (of points 0 to 7) and 2 (8, 9); inside 1 nodes 3 (0 to 3) and 4 (4 to 7)."""
    return CondensedTree(
        point_parent=np.array([3] * 4 + [4] * 4 + [2] * 2, np.int32),
        point_lambda=np.array([2.1] * 8 + [9.0] * 2),
        node_parent=np.array([-1, 0, 0, 1, 1], np.int32),
        node_birth=np.array([0.0, 0.5, 0.5, 2.0, 2.0]),
        node_size=np.array([10, 8, 2, 4, 4]),
    )


INSIDE = np.array(
    [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [5, 6, 7], [4, 6, 7], [4, 5, 7], [4, 5, 6], [9, 8, 8], [8, 9, 9]],
    np.int32,
)
ACROSS = np.array([[4, 5, 6]] * 4 + [[0, 1, 2]] * 4 + [[9, 8, 8]] * 2, np.int32)
MIXED = np.where(np.arange(3) == 2, ACROSS, INSIDE).astype(np.int32)


def test_a_cut_counts_links_that_stay_in_a_part_beyond_chance() -> None:
    """The measure by hand: halves keep half of the links by chance; all, two thirds, or none are kept here."""
    tree = _tree_of_two_halves()
    halves = np.array([3, 4], np.int32)
    assert cohesion(tree, 1, parts=halves, neighbours=INSIDE) == pytest.approx(1.0 - 0.5)
    assert cohesion(tree, 1, parts=halves, neighbours=MIXED) == pytest.approx(2 / 3 - 0.5)
    assert cohesion(tree, 1, parts=halves, neighbours=ACROSS) == pytest.approx(0.0 - 0.5)
    assert cohesion(tree, 1, parts=halves[:1], neighbours=INSIDE) == pytest.approx(0.5 - 0.25)


@pytest.mark.parametrize(
    ("neighbours", "max_share", "chosen"),
    [(INSIDE, 0.5, [2, 3, 4]), (ACROSS, 0.5, [1, 2]), (MIXED, 0.5, [1, 2]), (INSIDE, 0.8, [1, 2])],
)
def test_a_cut_is_made_where_its_parts_hold_together(
    neighbours: NDArray[np.int32], max_share: float, chosen: list[int]
) -> None:
    """Only above the share, and only where the photos' neighbours say so."""
    got = refine(_tree_of_two_halves(), np.array([1, 2], np.int32), neighbours=neighbours, max_share=max_share)
    np.testing.assert_array_equal(got, chosen)


def test_a_larger_limit_is_tried_when_the_small_one_finds_nothing() -> None:
    """Halves above the allowed share are still better than the whole."""
    got = refine(_tree_of_two_halves(), np.array([1, 2], np.int32), neighbours=INSIDE, max_share=0.25)
    np.testing.assert_array_equal(got, [2, 3, 4])


def test_a_continued_fit_keeps_what_was_cut_and_what_was_whole(cut_blobs: Fitted, whole_blobs: Fitted) -> None:
    """The same photos again: the clusters of the earlier fit, where a free choice may fall the other way."""
    n = len(cut_blobs.vectors)
    for earlier in (cut_blobs.fit, whole_blobs.fit):
        again = fit(cut_blobs.vectors, FitParams(), earlier=Earlier(earlier.state, np.arange(n)), kind="continued")
        assert adjusted_mutual_info_score(earlier.labels, again.labels) > 0.8
        assert abs(again.figures["n_clusters"] - earlier.figures["n_clusters"]) <= 2
