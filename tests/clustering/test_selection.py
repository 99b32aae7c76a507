"""Which photos are a cluster: kinds large and small, as fine as they are evident, and nothing where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.metrics import adjusted_mutual_info_score

from tests.clustering.conftest import Fitted, fitted
from tests.clustering.worlds import blobs, unit, world
from vecclust.clustering import Earlier, FitParams, Placer, fit, group_within
from vecclust.clustering.communities import link_graph
from vecclust.clustering.neighbours import neighbour_graph
from vecclust.clustering.selection import (
    choose_clusters,
    coarsen,
    continue_clusters,
    dissolve_small,
    give_clusters,
    halve,
    new_kinds,
    parts_of,
    strongest_links,
)

# Clusters come from the neighbour graph; the quickest layout will do where a test is not about places.
PCA = FitParams(reducer="pca")


def ones(n: int) -> NDArray[np.int64]:
    """Say that each of n pictures is one photo."""
    return np.ones(n, np.int64)


def blocks(shares: list[list[float]], *, size: int) -> csr_array:
    """Give groups of nodes, each linked evenly to all nodes of a group with such a weight in all, not with itself."""
    weights = np.kron(np.array(shares), np.ones((size, size)) / size)
    np.fill_diagonal(weights, 0.0)
    return csr_array(weights)


def is_inside(fine: NDArray[np.int64], coarse: NDArray[np.int64]) -> bool:
    """Say whether each cluster is whole within one of the coarser ones."""
    return all(len(np.unique(coarse[fine == label])) == 1 for label in range(fine.max() + 1))


@pytest.mark.parametrize("n", [12, 30, 60])
@pytest.mark.parametrize("seed", range(3))
def test_three_clear_kinds_of_a_few_photos_are_three_clusters(n: int, seed: int) -> None:
    """Each of one kind, also where a kind has four photos."""
    vectors, truth = world([n // 3] * 3, seed=seed, width=256)
    found = fit(vectors, FitParams())
    assert found.figures["n_clusters"] == 3
    assert found.figures["share_unclustered"] < 0.1
    inside = found.labels >= 0
    assert adjusted_mutual_info_score(truth[inside], found.labels[inside]) == pytest.approx(1.0)


@pytest.mark.parametrize("n", range(12))
def test_hardly_any_photos_have_an_answer(n: int) -> None:
    """A label for each of none to eleven photos of no kind, at most one cluster for every three."""
    vectors = unit(np.random.default_rng(n).normal(size=(n, 16)))
    near = neighbour_graph(vectors, k=30)
    labels, resolution = choose_clusters(vectors, link_graph(near), copies=ones(n), seed=0, least_size=3)
    assert labels.shape == (n,)
    assert labels.max(initial=-1) + 1 <= n // 3
    assert resolution > 0


def test_one_large_kind_among_small_ones_is_not_sliced() -> None:
    """Four hundred photos of one kind are one cluster, and eight of the ten kinds of six beside it are found."""
    vectors, truth = world([400] + [6] * 10, width=256)
    labels = fit(vectors, PCA).labels
    largest = np.bincount(labels[labels >= 0]).argmax()
    assert (labels[truth == 0] == largest).mean() > 0.95
    small = [
        kind
        for kind in range(1, 11)
        if any((labels[truth == kind] == label).sum() >= 5 and (labels == label).sum() <= 7 for label in range(13))
    ]
    assert len(small) >= 8


@pytest.mark.parametrize("seed", range(2))
def test_a_large_cluster_of_one_kind_is_left_alone(seed: int) -> None:
    """Half of the photos are of one kind, in which nothing is finer; the other twelve kinds are found as well."""
    vectors, truth = world([300] + [25] * 12, width=256, seed=seed)
    result = fit(vectors, PCA)
    largest = result.labels[truth == 0]
    assert (largest == np.bincount(largest[largest >= 0]).argmax()).mean() > 0.95
    assert result.figures["share_largest"] > 0.45
    assert result.figures["n_clusters"] == 13


def test_overlapping_groups_are_told_apart(overlapping: Fitted) -> None:
    """Three blobs of six groups: no cluster has a fourth of the photos, hardly one has none, and most are one group."""
    found = overlapping.fit
    assert found.figures["share_largest"] < 0.25
    assert found.figures["share_unclustered"] < 0.05
    assert 10 <= found.figures["n_clusters"] <= 22
    assert adjusted_mutual_info_score(overlapping.truth, found.labels) > 0.75
    for label in range(found.figures["n_clusters"]):
        assert len(np.unique(overlapping.truth[found.labels == label] // 6)) == 1, "of one blob"


@pytest.mark.parametrize(("n", "width"), [(150, 64), (400, 16), (1000, 64), (300, 512)])
def test_photos_of_no_kind_are_no_cluster(n: int, width: int) -> None:
    """Random unit vectors: nothing is invented."""
    noise = unit(np.random.default_rng(5).normal(size=(n, width)))
    assert (fit(noise, PCA).labels == -1).all()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("n_noise", "least"), [(133, 0.99), (514, 0.98)])
def test_strangers_stay_unclustered(n_noise: int, least: float, seed: int) -> None:
    """A tenth, or three tenths, of the photos are of no kind: nearly all have no cluster, the others have theirs."""
    vectors, truth = world([60] * 20, seed=seed, width=256, n_noise=n_noise)
    labels = fit(vectors, PCA).labels
    assert labels.max() + 1 == 20
    assert (labels[truth >= 0] >= 0).all()
    assert adjusted_mutual_info_score(truth, labels) >= least


@pytest.fixture(scope="module")
def planted() -> Fitted:
    """Sixteen kinds, sixty photos of none, and six trips of eight photos."""
    return fitted(*world(BIG + [8] * TRIPS, width=256, n_noise=60), FitParams())


BIG, TRIPS = [150] * 8 + [60] * 8, 6


def found_trips(labels: NDArray[np.int64], truth: NDArray[np.int64]) -> list[int]:
    """Give the labels of clusters that are a trip: most of it, and of little else."""
    found = []
    for trip in range(len(BIG), len(BIG) + TRIPS):
        inside = labels[truth == trip]
        label = np.bincount(inside[inside >= 0], minlength=1).argmax()
        if (inside == label).sum() >= 6 and (labels == label).sum() <= 12:
            found.append(int(label))
    return found


def test_trips_of_eight_are_found_among_seventeen_hundred(planted: Fitted) -> None:
    """Most of them, nothing invented, and the larger kinds as they are."""
    labels, truth = planted.fit.labels, planted.truth
    trips = found_trips(labels, truth)
    assert len(trips) >= 4
    sizes = np.bincount(labels[labels >= 0])
    assert set(np.flatnonzero(sizes < 20).tolist()) == set(trips)
    assert len(sizes) == len(BIG) + len(trips)
    assert adjusted_mutual_info_score(truth, labels) > 0.95


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
    kinds = np.flatnonzero((truth >= 0) & (truth < len(BIG)))[::20]
    near = unit(vectors[kinds] + 0.02 * np.random.default_rng(0).normal(size=(len(kinds), vectors.shape[1])))
    assert (placer.place(near).labels == labels[kinds]).mean() > 0.9


def test_a_continued_fit_keeps_the_trips(planted: Fitted) -> None:
    """With fifty photos more, each is the same photos still."""
    vectors, truth = planted.vectors, planted.truth
    old = np.sort(np.random.default_rng(0).permutation(len(vectors))[50:])
    before = fit(vectors[old], FitParams())
    rows = np.full(len(vectors), -1, np.int64)
    rows[old] = np.arange(len(old))
    after = fit(vectors, FitParams(), earlier=Earlier(before.state, rows), kind="continued")
    assert after.kind == "continued"
    kept = 0
    trips_before = found_trips(before.labels, truth[old])
    for label in trips_before:
        now = after.labels[old][before.labels == label]
        commonest = np.bincount(now[now >= 0], minlength=1).argmax()
        kept += (now == commonest).mean() > 0.7 and (after.labels == commonest).sum() <= 14
    assert kept == len(trips_before) > 2


def test_a_continued_fit_keeps_what_was_cut_and_what_was_whole() -> None:
    """The same photos again: the clusters of the earlier fit, fine or coarse, where a free choice may be another."""
    vectors, _ = blobs(n_groups=4, size=40)
    rows = np.arange(len(vectors))
    for granularity in ("coarse", "fine"):
        earlier = fit(vectors, FitParams(granularity=granularity))  # type: ignore[arg-type]
        again = fit(vectors, FitParams(), earlier=Earlier(earlier.state, rows), kind="continued")
        assert again.kind == "continued"
        assert again.params.granularity == granularity
        assert adjusted_mutual_info_score(earlier.labels, again.labels) > 0.8
        assert abs(again.figures["n_clusters"] - earlier.figures["n_clusters"]) <= 2


@pytest.fixture(scope="module")
def auto() -> Fitted:
    """Give overlapping groups in the quickest layout."""
    return fitted(*blobs(n_groups=4, size=40), PCA)


@pytest.fixture(scope="module")
def coarse(auto: Fitted) -> Fitted:
    """Give the same more coarsely."""
    return fitted(auto.vectors, auto.truth, replace(PCA, granularity="coarse"))


@pytest.fixture(scope="module")
def fine(auto: Fitted) -> Fitted:
    """Give the same more finely."""
    return fitted(auto.vectors, auto.truth, replace(PCA, granularity="fine"))


def test_coarse_has_half_of_the_clusters_each_made_of_whole_ones(auto: Fitted, coarse: Fitted) -> None:
    """The unclustered are about as many."""
    n = auto.fit.figures["n_clusters"]
    assert n >= 8
    assert 0.4 * n <= coarse.fit.figures["n_clusters"] <= 0.6 * n + 1
    clustered = (auto.fit.labels >= 0) & (coarse.fit.labels >= 0)
    assert is_inside(auto.fit.labels[clustered], coarse.fit.labels[clustered])
    shares = [found.fit.figures["share_unclustered"] for found in (auto, coarse)]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_fine_has_twice_the_clusters_each_inside_one(auto: Fitted, fine: Fitted) -> None:
    """The unclustered are about as many."""
    n = auto.fit.figures["n_clusters"]
    assert 1.5 * n <= fine.fit.figures["n_clusters"] <= 2 * n
    clustered = (auto.fit.labels >= 0) & (fine.fit.labels >= 0)
    assert is_inside(fine.fit.labels[clustered], auto.fit.labels[clustered])
    shares = [found.fit.figures["share_unclustered"] for found in (auto, fine)]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_what_was_tried_before_does_not_matter(auto: Fitted, coarse: Fitted, fine: Fitted) -> None:
    """From whatever granularity one comes, the named one gives the same answer; unnamed, it stays."""
    rows = np.arange(len(auto.vectors))
    wanted = {"coarse": coarse, "auto": auto, "fine": fine}
    for was, name in (("coarse", "fine"), ("fine", "auto"), ("fine", "kept")):
        earlier = Earlier(wanted[was].fit.state, rows)
        again = fit(auto.vectors, replace(PCA, granularity=name), earlier=earlier)  # type: ignore[arg-type]
        known = wanted[was if name == "kept" else name]
        np.testing.assert_array_equal(again.labels, known.fit.labels)


@pytest.mark.parametrize("n", [0, 3, 12, 40])
@pytest.mark.parametrize("granularity", ["coarse", "fine"])
def test_any_number_of_photos_can_be_cut_coarsely_or_finely(n: int, granularity: str) -> None:
    """Labels for each, and no traceback."""
    vectors = unit(np.random.default_rng(n).normal(size=(n, 32)))
    assert fit(vectors, FitParams(granularity=granularity)).labels.shape == (n,)  # type: ignore[arg-type]


@pytest.mark.slow
def test_many_kinds_are_not_lumped_together() -> None:
    """Fifty kinds of 20 to 118 photos: the choice finds nearly all of them, the smallest too."""
    sizes = [20 + 2 * kind for kind in range(50)]
    vectors, truth = world(sizes, seed=1, width=128, n_noise=200)
    labels = fit(vectors, PCA).labels
    found = [
        (labels[truth == kind] == np.bincount(labels[truth == kind] + 1)[1:].argmax()).mean() for kind in range(50)
    ]
    assert np.mean(np.array(found) > 0.8) >= 0.95
    assert 48 <= len(np.unique(labels[labels >= 0])) <= 52


def test_the_same_rows_and_seed_give_the_same_clusters() -> None:
    """Numbered by first appearance, each with enough photos, in a world where the choice is not easy."""
    vectors, _ = world([60] * 10, n_noise=257)
    near = neighbour_graph(vectors, k=30)
    first, again = (
        choose_clusters(vectors, link_graph(near), copies=ones(857), seed=3, least_size=5) for _ in range(2)
    )
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == again[1]
    labels = first[0][first[0] >= 0]
    assert np.bincount(labels).min() >= 5
    assert (np.diff(np.unique(labels, return_index=True)[1]) > 0).all()


def test_no_cluster_is_smaller_than_the_smallest() -> None:
    """Photos that stand out leave a heap of them, and no crumb of it is left."""
    vectors, _ = world([60] * 10, n_noise=257)
    labels = fit(vectors, PCA).labels
    assert np.bincount(labels[labels >= 0]).min() >= 5


def test_what_is_inside_a_cluster_are_its_kinds(coarse: Fitted) -> None:
    """A cluster of several overlapping kinds comes apart into some of them; fewer rows than two groups do not."""
    state, labels, truth = coarse.fit.state, coarse.fit.labels, coarse.truth
    rows = np.flatnonzero(labels == np.bincount(labels[labels >= 0]).argmax())
    groups = group_within(state, rows, coarse.vectors[rows])
    assert len(np.unique(groups[groups >= 0])) >= 2
    apart = [np.bincount(truth[rows][groups == group]).max() for group in np.unique(groups[groups >= 0])]
    assert sum(apart) / (groups >= 0).sum() > 1.2 * np.bincount(truth[rows]).max() / len(rows)
    assert (group_within(state, rows[:9], coarse.vectors[rows[:9]]) == -1).all()


def test_a_cluster_of_one_kind_has_nothing_inside(groups: Fitted) -> None:
    """All of it is of one piece; copies are together."""
    vectors = np.vstack([groups.vectors, groups.vectors[:60]])
    twice = fit(vectors, PCA)
    rows = np.flatnonzero(twice.labels == twice.labels[0])
    assert (group_within(twice.state, rows, vectors[rows]) == -1).all()


def test_small_groups_join_where_most_of_their_links_lead() -> None:
    """Or are none where those lead to noise; the rest is numbered anew."""
    graph = blocks([[9, 0, 3, 0], [0, 9, 0, 0], [3, 0, 1, 0], [0, 0, 0, 1]], size=4)
    labels = np.repeat([0, 1, 2, 3], 4)
    sizes = np.repeat([3, 3, 1, 1], 4)
    found = dissolve_small(labels, graph, copies=sizes, least_size=6)
    np.testing.assert_array_equal(found, np.repeat([0, 1, 0, -1], 4))
    np.testing.assert_array_equal(dissolve_small(labels, graph, copies=sizes, least_size=4), labels)
    few = dissolve_small(np.repeat([2, -1, 2, 7], 4), graph, copies=ones(16), least_size=5)
    np.testing.assert_array_equal(few, np.repeat([0, -1, 0, -1], 4))
    assert (dissolve_small(labels, graph, copies=ones(16), least_size=99) == -1).all()


def test_the_cluster_of_most_links_and_its_share_are_told() -> None:
    """Links of a photo with itself do not count; -1 and 0 where no link leads to a cluster."""
    links = np.zeros((5, 5))
    links[0] = [9.0, 3.0, 1.0, 0.0, 0.0]
    links[3, 4] = 2.0
    graph = csr_array(links + links.T - np.diag(links.diagonal()))
    labels = np.array([-1, 4, 2, -1, -1])
    cluster, share = strongest_links(graph, labels, rows=np.array([0, 3]))
    assert cluster.tolist() == [4, -1]
    assert share.tolist() == [0.75, 0.0]
    nowhere = strongest_links(graph, np.full(5, -1), rows=np.array([0, 1]))
    assert (nowhere[0].tolist(), nowhere[1].tolist()) == ([-1, -1], [0.0, 0.0])


def test_clusters_are_joined_that_are_linked_most_for_their_size() -> None:
    """Two large ones share more links than two small ones, but by chance they would share more still."""
    between = [[40, 3, 0, 0], [3, 40, 0, 0.1], [0, 0, 4, 1], [0, 0.1, 1, 4]]
    graph = blocks(between, size=5)
    labels = np.repeat([0, 1, 2, 3], 5)
    np.testing.assert_array_equal(coarsen(labels, graph, n_clusters=4), labels)
    np.testing.assert_array_equal(coarsen(labels, graph, n_clusters=3), np.repeat([0, 1, 2, 2], 5))
    np.testing.assert_array_equal(coarsen(labels, graph, n_clusters=2), np.repeat([0, 0, 1, 1], 5))
    assert coarsen(labels, graph, n_clusters=1).max() == 0


def test_clusters_without_links_between_them_are_not_joined() -> None:
    """However few are asked for; noise stays noise, and nothing stays nothing."""
    graph = blocks([[3, 0, 0], [0, 3, 0], [0, 0, 3]], size=4)
    labels = np.repeat([0, 1, -1], 4)
    np.testing.assert_array_equal(coarsen(labels, graph, n_clusters=1), labels)
    assert coarsen(np.full(12, -1), graph, n_clusters=1).tolist() == [-1] * 12
    assert coarsen(np.zeros(0, np.int64), csr_array((0, 0)), n_clusters=1).tolist() == []


def test_a_cluster_is_cut_between_its_parts_where_both_are_large_enough() -> None:
    """Copies count as photos; a cluster of which a half would be too small stays."""
    graph = blocks([[5, 1, 0], [1, 5, 0], [0, 0, 5]], size=4)
    labels = np.repeat([0, 0, -1], 4)
    cut = np.repeat([0, 1, -1], 4)
    np.testing.assert_array_equal(halve(labels, graph, copies=ones(12), seed=0, least_size=4), cut)
    np.testing.assert_array_equal(halve(labels, graph, copies=ones(12), seed=0, least_size=5), labels)
    np.testing.assert_array_equal(halve(labels, graph, copies=2 * ones(12), seed=0, least_size=5), cut)
    assert (halve(np.full(12, -1), graph, copies=ones(12), seed=0, least_size=2) == -1).all()


def test_a_cluster_of_one_piece_has_one_part() -> None:
    """All photos are linked alike; two pieces are two."""
    assert parts_of(blocks([[9]], size=20), seed=0).max() == 0
    np.testing.assert_array_equal(parts_of(blocks([[9, 1], [1, 9]], size=10), seed=0), np.repeat([0, 1], 10))


def test_clusters_go_on_from_what_they_were(groups: Fitted) -> None:
    """With the labels of before, photos that came since join their kind; a kind that came is a community of its own."""
    vectors, truth = groups.vectors, groups.truth
    before = np.where(truth == 11, -2, truth)
    before[::9] = -2
    graph, resolution = link_graph(neighbour_graph(vectors, k=30)), groups.fit.params.resolution
    found = continue_clusters(vectors, graph, before, copies=ones(len(truth)), resolution=resolution, seed=0)
    assert adjusted_mutual_info_score(truth, found) > 0.98


def test_noise_of_before_is_looked_at_anew(groups: Fitted) -> None:
    """A kind that had no cluster has one, where its photos are linked."""
    truth = groups.truth
    graph = link_graph(neighbour_graph(groups.vectors, k=30))
    before = np.where(truth == 3, -1, truth)
    found = continue_clusters(groups.vectors, graph, before, copies=ones(len(truth)), resolution=1.5, seed=0)
    assert len(np.unique(found[truth == 3])) == 1
    assert not np.isin(found[truth != 3], found[truth == 3]).any()


def test_photos_that_came_since_and_are_of_known_kinds_are_no_new_kind(groups: Fitted) -> None:
    """However many came, as long as they came to all; of one that came whole its photos are."""
    graph = link_graph(neighbour_graph(groups.vectors, k=30))
    came = np.random.default_rng(0).random(len(groups.truth)) < 0.4
    for settled, kinds in ((~came, 0), (~came & (groups.truth != 5), 1), (groups.truth >= 0, 0)):
        found = new_kinds(graph, settled=settled, copies=ones(len(came)), resolution=1.0, seed=0, least_size=5)
        assert len(np.unique(found[found >= 0])) == kinds
        if kinds:
            np.testing.assert_array_equal(found >= 0, groups.truth == 5)


def test_a_new_kind_is_given_a_cluster_and_keeps_it() -> None:
    """Out of the one it had joined; then those that follow come to it, and nobody else leaves."""
    labels, kinds = np.repeat([0, 1], [10, 14]), np.repeat([-1, 0], [18, 6])
    given = give_clusters(labels, kinds)
    np.testing.assert_array_equal(given, np.repeat([0, 1, 2], [10, 8, 6]))
    more = give_clusters(np.append(given, [1, 1, -1]), np.append(kinds, [0, 0, 0]))
    np.testing.assert_array_equal(more, np.append(given, [2, 2, 2]))
    np.testing.assert_array_equal(give_clusters(labels, np.full(24, -1)), labels)
