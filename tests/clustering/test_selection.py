"""Which nodes are the clusters: large ones split, small ones added, and nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score

from tests.clustering.conftest import Fitted, fitted
from tests.clustering.worlds import blobs, unit, world
from vecclust.clustering import Earlier, FitParams, Placer, fit
from vecclust.clustering.selection import cohesion, split_large
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
    got = split_large(_tree_of_two_halves(), np.array([1, 2], np.int32), neighbours=neighbours, max_share=max_share)
    np.testing.assert_array_equal(got, chosen)


def test_a_larger_limit_is_tried_when_the_small_one_finds_nothing() -> None:
    """Halves above the allowed share are still better than the whole."""
    got = split_large(_tree_of_two_halves(), np.array([1, 2], np.int32), neighbours=INSIDE, max_share=0.25)
    np.testing.assert_array_equal(got, [2, 3, 4])


def test_a_continued_fit_keeps_what_was_cut_and_what_was_whole(cut_blobs: Fitted, whole_blobs: Fitted) -> None:
    """The same photos again: the clusters of the earlier fit, where a free choice may fall the other way."""
    n = len(cut_blobs.vectors)
    for earlier in (cut_blobs.fit, whole_blobs.fit):
        again = fit(cut_blobs.vectors, FitParams(), earlier=Earlier(earlier.state, np.arange(n)), kind="continued")
        assert adjusted_mutual_info_score(earlier.labels, again.labels) > 0.8
        assert abs(again.figures["n_clusters"] - earlier.figures["n_clusters"]) <= 2


BIG, TRIPS = [150] * 8 + [60] * 8, 6
# Those of 2,000 photos, whatever is chosen for these.
SIZES = FitParams(min_cluster_size=20, min_group_size=5)


def trips(*, seed: int, width: int = 64) -> Fitted:
    """Sixteen kinds, sixty photos of none, and six trips of eight photos."""
    return fitted(*world(BIG + [8] * TRIPS, seed=seed, width=width, n_noise=60), SIZES)


@pytest.fixture(scope="module")
def planted() -> Fitted:
    """One of them."""
    return trips(seed=0)


def found_trips(labels: np.ndarray, truth: np.ndarray) -> list[int]:
    """Give the labels of clusters that are a trip: most of it, and of little else."""
    found = []
    for trip in range(len(BIG), len(BIG) + TRIPS):
        inside = labels[truth == trip]
        label = np.bincount(inside[inside >= 0], minlength=1).argmax()
        if (inside == label).sum() >= 6 and (labels == label).sum() <= 12:
            found.append(int(label))
    return found


def invented(found: Fitted) -> list[int]:
    """Give the small clusters that are no trip."""
    sizes = np.bincount(found.fit.labels[found.fit.labels >= 0])
    small = np.flatnonzero(sizes < found.fit.params.min_cluster_size).tolist()
    assert len(small) == found.fit.figures["n_small"]
    return sorted(set(small) - set(found_trips(found.fit.labels, found.truth)))


def test_trips_of_eight_are_found_and_the_size_for_all_stays(planted: Fitted) -> None:
    """Most of them, nothing invented, and the larger kinds as a fit without the second pass has them."""
    assert len(found_trips(planted.fit.labels, planted.truth)) >= 5
    assert invented(planted) == []
    first = fit(planted.vectors, FitParams(min_cluster_size=20))
    assert found_trips(first.labels, planted.truth) == []
    small = planted.fit.labels >= first.figures["n_clusters"]
    np.testing.assert_array_equal(planted.fit.labels[~small], first.labels[~small])


@pytest.mark.parametrize("width", [64, 512])
def test_photos_of_no_kind_are_no_small_group(width: int) -> None:
    """Random unit vectors: whatever the first pass makes of them, the second adds nothing."""
    noise = unit(np.random.default_rng(5).normal(size=(1000, width)))
    assert fit(noise, SIZES).figures["n_small"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("width", [64, 256])
def test_nothing_is_invented_in_six_worlds(width: int) -> None:
    """No false group, and three trips of four found."""
    worlds = [trips(seed=seed, width=width) for seed in range(3)]
    assert [invented(found) for found in worlds] == [[], [], []]
    assert np.mean([len(found_trips(found.fit.labels, found.truth)) for found in worlds]) >= 0.75 * TRIPS


def test_arrivals_of_a_trip_get_its_label(planted: Fitted) -> None:
    """Photos between two of a trip; photos of the larger kinds still get theirs."""
    labels, truth, vectors = planted.fit.labels, planted.truth, planted.vectors
    placer = Placer(planted.fit.state, vectors)
    right = []
    for label in found_trips(labels, truth):
        rows = np.flatnonzero(labels == label)
        between = unit(vectors[rows].astype(np.float64) + vectors[np.roll(rows, 1)])
        placed = placer.place(between)
        right += (placed.labels == label).tolist()
        assert placed.strengths[placed.labels == label].min() > 0.3
    assert np.mean(right) > 0.9
    kinds = np.flatnonzero(truth < len(BIG))[::20]
    near = unit(vectors[kinds] + 0.02 * np.random.default_rng(0).normal(size=(len(kinds), vectors.shape[1])))
    assert (placer.place(near).labels == labels[kinds]).mean() > 0.9


def test_a_continued_fit_keeps_the_trips(planted: Fitted) -> None:
    """With fifty photos more, each is the same photos still."""
    vectors, truth = planted.vectors, planted.truth
    old = np.sort(np.random.default_rng(0).permutation(len(vectors))[50:])
    before = fit(vectors[old], SIZES)
    rows = np.full(len(vectors), -1, np.int64)
    rows[old] = np.arange(len(old))
    after = fit(vectors, SIZES, earlier=Earlier(before.state, rows), kind="continued")
    assert after.kind == "continued"
    kept = 0
    trips_before = found_trips(before.labels, truth[old])
    for label in trips_before:
        now = after.labels[old][before.labels == label]
        commonest = np.bincount(now[now >= 0], minlength=1).argmax()
        kept += (now == commonest).mean() > 0.7 and (after.labels == commonest).sum() <= 14
    assert kept >= len(trips_before) - 1 > 2
