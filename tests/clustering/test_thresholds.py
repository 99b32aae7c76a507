"""Every number that decides something: what lies just on either side of it is decided the right way.

None of these tests reads the number it guards; each fails where the number is half as large, or half as large again.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tests.clustering.conftest import Fitted
from tests.clustering.worlds import unit, world
from vecclust.clustering import (
    FitParams,
    Placer,
    comparison,
    figures_of_way,
    fit,
    group_within,
    largest_new_group,
    layout,
    load_state,
    refit_kind,
    save_state,
    warm_start,
)
from vecclust.clustering.clusterers import calibrated
from vecclust.clustering.communities import find_communities, link_graph
from vecclust.clustering.continuity import counterparts, keep_labels
from vecclust.clustering.evidence import Evidence, measure_evidence, n_linked
from vecclust.clustering.figures import figures_of
from vecclust.clustering.neighbours import Neighbours, fit_weights, neighbour_graph
from vecclust.clustering.novelty import (
    agrees_with_neighbours,
    clear_outliers,
    dbscan_eps,
    dbscan_min_points,
    outlier_reference,
)
from vecclust.clustering.selection import (
    _divide,
    _evidence_of_parts,
    _is_one_kind,
    _Part,
    choose_clusters,
    dissolve_small,
    new_kinds,
    parts_of,
)
from vecclust.clustering.state import FACTS_FILE
from vecclust.clustering.warm_start import (
    Earlier,
    gather_newcomers,
    initial_layout,
    move_beside,
    optimise_newcomers,
    warm_graph,
)

Lists = NDArray[np.int32]


def drawn(rng: np.random.Generator, n: int, *parts: tuple[int, tuple[int, int]]) -> Lists:
    """Give n lists: of each part so many numbers from a range."""
    return np.hstack([rng.integers(low, high, size=(n, k)) for k, (low, high) in parts]).astype(np.int32)


# --- labels kept over refits


def one_that_moves(own: int, other: int, none: int, *, was: int, found: int) -> int:
    """Give the label of one photo, of whose neighbours so many are in cluster 0, in cluster 1 and in none."""
    rng = np.random.default_rng(0)
    before = np.repeat([0, 1, -1], 30)
    lists = np.vstack([drawn(rng, 30, (own + other + none, (30 * group + 1, 30 * group + 30))) for group in range(3)])
    lists[0] = drawn(rng, 1, (own, (1, 30)), (other, (31, 60)), (none, (61, 90)))
    before[0] = was
    labels = before.copy()
    labels[0] = found
    return int(keep_labels(labels, before, neighbours=lists, least_size=6)[0])


def test_a_photo_stays_while_an_eighth_of_its_neighbours_does() -> None:
    """A cluster of ten is no large share of fifteen neighbours; one in sixteen is nobody."""
    assert one_that_moves(2, 0, 14, was=0, found=-1) == 0
    assert one_that_moves(1, 0, 15, was=0, found=-1) == -1


def test_a_photo_goes_where_six_and_a_half_times_as_many_of_its_neighbours_are() -> None:
    """Four times as many are not enough."""
    assert one_that_moves(3, 12, 0, was=0, found=1) == 0
    assert one_that_moves(2, 13, 0, was=0, found=1) == 1


def test_a_photo_without_a_cluster_joins_one_where_most_of_its_neighbours_are() -> None:
    """Eleven of fifteen are, seven are not."""
    assert one_that_moves(11, 0, 4, was=-1, found=0) == 0
    assert one_that_moves(7, 0, 8, was=-1, found=0) == -1


@pytest.mark.parametrize(
    ("together", "behind", "parts"), [(42, 0, True), (30, 0, False), (45, 2, True), (45, 3, False)]
)
def test_photos_part_from_a_cluster_with_most_of_their_neighbours_and_hardly_one_left(
    together: int, behind: int, parts: bool
) -> None:
    """Of fifty neighbours so many went with them, and so many stayed behind."""
    rng = np.random.default_rng(0)
    before = np.repeat([0, -1], [30, 30])
    labels = np.repeat([0, 1, -1], [18, 12, 30])
    lists = drawn(rng, 60, (50, (30, 60)))
    lists[:18] = drawn(rng, 18, (50, (0, 18)))
    lists[18:30] = drawn(rng, 12, (together, (18, 30)), (behind, (0, 18)), (50 - together - behind, (30, 60)))
    kept = keep_labels(labels, before, neighbours=lists, least_size=6)
    assert (kept[18:30] == (1 if parts else 0)).all()


def kinds_that_came(*, of_one: int, of_others: int) -> int:
    """Count new kinds where, in ten groups of twenty, so many of one and of each other came since."""
    groups = np.repeat(np.arange(10), 20)
    linked = csr_array(np.kron(np.eye(10), 1.0 - np.eye(20)))
    came = np.arange(200) % 20 < np.where(groups == 0, of_one, of_others)
    kinds = new_kinds(linked, settled=~came, copies=np.ones(200, np.int64), resolution=1.0, seed=0, least_size=5)
    assert not kinds.max() >= 0 or (np.flatnonzero(kinds >= 0) == np.flatnonzero(came & (groups == 0))).all()
    return len(np.unique(kinds[kinds >= 0]))


@pytest.mark.parametrize(("of_one", "of_others", "found"), [(12, 1, 1), (8, 1, 0), (10, 4, 1), (11, 7, 0)])
def test_a_new_kind_came_mostly_since_and_oftener_than_others(of_one: int, of_others: int, found: int) -> None:
    """Twelve of twenty are most, eight are not; odds of 1 are four times 0.25, and 1.2 only 2.3 times 0.54."""
    assert kinds_that_came(of_one=of_one, of_others=of_others) == found


@pytest.mark.parametrize(("linked", "kinds"), [(1.6, 2), (2.5, 1)])
def test_new_kinds_are_looked_for_a_little_finer(linked: float, kinds: int) -> None:
    """Two groups of ten, a seventh of whose links lead to one another, are two; with a fifth of them they are one."""
    shares = 10.0 * np.eye(10)
    shares[8, 9] = shares[9, 8] = linked
    shares[7, 8:] = shares[8:, 7] = 0.5
    weights = np.kron(shares, np.ones((20, 20)) / 20)
    np.fill_diagonal(weights, 0.0)
    settled = np.arange(200) < 160
    found = new_kinds(
        csr_array(weights), settled=settled, copies=np.ones(200, np.int64), resolution=1.0, seed=0, least_size=5
    )
    assert len(np.unique(found[~settled])) == kinds
    assert (found[settled] == -1).all()


@pytest.mark.parametrize(("shared", "size", "same"), [(6, 16, True), (4, 14, False)])
def test_a_counterpart_shares_three_in_ten(shared: int, size: int, same: bool) -> None:
    """By Jaccard's index with the ten photos of before; one in five is another cluster."""
    before = np.repeat([0, -1], [10, 20])
    labels = np.full(30, -1)
    labels[10 - shared : 10 - shared + size] = 0
    assert counterparts(labels, before).tolist() == [0 if same else -1]


# --- clusters


def apart(distance: float, *, seed: int, sizes: list[int], width: int = 64) -> NDArray[np.float32]:
    """Give kinds around directions that are so far apart, as measured by the spread of their photos."""
    rng = np.random.default_rng(seed)
    kinds = np.repeat(distance * rng.normal(size=(len(sizes), width)), sizes, axis=0)
    return unit(kinds + rng.normal(size=kinds.shape))


def linked(vectors: NDArray[np.float32]) -> csr_array:
    """Link photos as a choice of clusters does."""
    return link_graph(neighbour_graph(vectors, k=n_linked(len(vectors))))


def part_of(vectors: NDArray[np.float32]) -> _Part:
    """Give photos as a choice of clusters sees them, one of each picture."""
    return _Part(vectors, linked(vectors), np.ones(len(vectors), np.int64))


@pytest.mark.parametrize(("distance", "seed", "found"), [(0.31, 2, False), (0.34, 3, True)])
def test_a_collection_has_clusters_where_there_is_some_evidence(distance: float, seed: int, found: bool) -> None:
    """Of eight kinds that can hardly be told apart: 0.024 is none, 0.036 is some."""
    vectors = apart(distance, seed=seed, sizes=[40] * 8)
    labels, _ = choose_clusters(vectors, linked(vectors), copies=np.ones(320, np.int64), seed=42, least_size=5)
    assert bool(labels.max() >= 0) is found


@pytest.mark.parametrize(("distance", "seed", "found"), [(0.48, 3, False), (0.52, 2, True)])
def test_a_kind_has_parts_where_there_is_clear_evidence(distance: float, seed: int, found: bool) -> None:
    """Of two kinds beside one another: 0.17 is not clear, 0.26 is."""
    rng = np.random.default_rng(seed)
    middle, kinds = rng.normal(size=(1, 64)), rng.normal(size=(2, 64))
    rows = np.repeat(middle + distance * kinds, 60, axis=0)
    vectors = unit(rows + rng.normal(size=rows.shape))
    assert (_evidence_of_parts(part_of(vectors), seed=42) is not None) is found


@pytest.mark.parametrize(("size", "n_parts"), [(5, 1), (6, 2)])
def test_parts_are_looked_for_among_twelve_photos(size: int, n_parts: int) -> None:
    """Two kinds of six that were taken for one are two, two of five stay one."""
    rng = np.random.default_rng(0)
    far, near = 6 * rng.normal(size=(4, 64)), 2 * rng.normal(size=(2, 64))
    rows = np.vstack([np.repeat(far[0] + near, size, axis=0), np.repeat(far[1:], 40, axis=0)])
    part = part_of(unit(rows + rng.normal(size=rows.shape)))
    joined = find_communities(part.graph, resolution=0.3, seed=1, n_tries=8)
    assert len(np.unique(joined[: 2 * size])) == 1
    labels = _divide(part, Evidence(0.3, None, None), seed=1)
    assert len(np.unique(labels[: 2 * size])) == n_parts


@pytest.mark.parametrize(("of_the_whole", "one"), [(0.3, True), (0.2, False)])
def test_a_dominant_kind_leaves_most_of_the_evidence_outside(of_the_whole: float, one: bool) -> None:
    """Half of it may lie inside, as with people and a weak model, three quarters not."""
    vectors = apart(0.4, seed=2, sizes=[100, 100, 100])  # 0.15
    assert _is_one_kind(vectors, of=Evidence(1.0, of_the_whole, None), seed=42) is one


def test_a_kind_of_parts_is_no_dominant_one() -> None:
    """However much more there is outside."""
    vectors = apart(0.4, seed=3, sizes=[100, 100, 100])  # 0.26
    assert not _is_one_kind(vectors, of=Evidence(1.0, 1.0, None), seed=42)


def test_a_kind_of_seven_tenths_is_looked_for_by_itself() -> None:
    """Beside ten kinds of six it would be sliced at the resolution that tells those apart."""
    vectors, truth = world([140] + [6] * 10, width=256, seed=1)
    labels, _ = choose_clusters(vectors, linked(vectors), copies=np.ones(200, np.int64), seed=42, least_size=5)
    assert np.bincount(labels[truth == 0] + 1).max() > 0.9 * 140


@pytest.mark.parametrize(("share", "joins"), [(0.6, True), (0.4, False)])
def test_a_photo_of_a_small_group_joins_where_most_of_its_links_lead(share: float, joins: bool) -> None:
    """Three in five are most, two are not."""
    links = np.zeros((12, 12))
    links[0, 1], links[0, 11] = share, 1 - share
    links[1:11, 1:11] = 1 - np.eye(10)
    labels = np.array([1] + [0] * 10 + [-1])
    found = dissolve_small(labels, csr_array(links + links.T), copies=np.ones(12, np.int64), least_size=5)
    assert bool(found[0] == found[1]) is joins


def test_parts_are_what_is_linked_beyond_chance() -> None:
    """Halves with three fifths of their links are two, and what is linked evenly is one."""
    halves = np.kron([[0.6, 0.4], [0.4, 0.6]], np.ones((10, 10)))
    np.fill_diagonal(halves, 0.0)
    assert parts_of(csr_array(halves), seed=0).max() == 1
    assert parts_of(csr_array(1.0 - np.eye(20)), seed=0).max() == 0


@pytest.mark.parametrize(("size", "n_groups"), [(12, 3), (8, 2)])
def test_a_twentieth_of_a_cluster_is_a_group_inside_it(groups: Fitted, size: int, n_groups: int) -> None:
    """Of two hundred photos twelve that lie apart are one, eight are not."""
    rng, sizes = np.random.default_rng(0), (100, 100 - size, size)
    lists, start = [], 0
    for each in sizes:
        lists.append(
            start + np.array([np.delete(np.arange(each), row)[rng.permutation(each - 1)[:6]] for row in range(each)])
        )
        start += each
    state = replace(
        groups.fit.state,
        neighbours=np.vstack(lists).astype(np.int32),
        distances=np.sort(rng.uniform(0.1, 0.12, (200, 6)).astype(np.float32), axis=1),
        picture_of_row=np.arange(200, dtype=np.int32),
    )
    # As evident as can be, whatever the lists say.
    vectors = unit(np.repeat(np.eye(3), sizes, axis=0) @ rng.normal(size=(3, 64)) + 0.05 * rng.normal(size=(200, 64)))
    found = group_within(state, np.arange(200), vectors)
    assert len({found[0], found[100], found[199]} - {-1}) == n_groups
    assert bool((found[-size:] == -1).all()) is (n_groups == 2)


def test_strengths_are_chances() -> None:
    """Four fifths of the links in a cluster that keeps four fifths: two in three; all in one that keeps all: sure."""
    shares, labels = np.array([0.8, 0.95, 1.0, 0.8], np.float32), np.array([0, 1, 1, -1])
    strengths = calibrated(shares, labels, cohesion=np.array([0.8, 1.0]))
    assert strengths == pytest.approx([0.68, 0.979, 1.0, 0.0], abs=0.01)


# --- how fine


def test_thirty_neighbours_are_linked_and_fewer_of_few_photos() -> None:
    """So many times the root of their number."""
    assert [n_linked(n) for n in (10_000, 100, 49)] == [30, 16, 11]


@pytest.mark.parametrize(("n", "known"), [(90, False), (110, True)])
def test_a_hundred_photos_can_tell_how_fine_they_are(n: int, known: bool) -> None:
    """Ninety are looked at as any ninety."""
    found = measure_evidence(world([n // 5] * 5)[0], seed=1)
    assert (found.value is not None) is known


def test_few_photos_are_looked_at_the_more_finely_the_fewer_they_are() -> None:
    """Ten at a resolution of 1.25, ninety at 0.8."""
    vectors = world([45] * 2)[0]
    assert measure_evidence(vectors[:10], seed=1).resolution == pytest.approx(1.25)
    assert measure_evidence(vectors, seed=1).resolution == pytest.approx(0.806, abs=0.01)


@pytest.mark.parametrize(("n", "all_of_them"), [(1_800, True), (2_200, False)])
def test_two_thousand_photos_are_measured(n: int, all_of_them: bool) -> None:
    """Of 1,800 the links that are known are looked at, whatever they are; of more, a sample is linked anew."""
    vectors = unit(np.random.default_rng(0).normal(size=(n, 4)))
    rows = np.repeat(np.arange(n), 8)
    of_same_kind = (rows + 10 * np.random.default_rng(1).integers(1, n // 10, len(rows))) % n
    links = csr_array((np.ones(len(rows)), (rows, of_same_kind)), shape=(n, n))
    graph = links + links.T
    value = measure_evidence(vectors, seed=1, graph=graph, rough=True).value
    assert value is not None
    assert (value > 0.2) is all_of_them


# --- parameters chosen for a collection


def test_what_is_automatic_is_so_much() -> None:
    """Thirty neighbours are linked, five make a photo dense, a cluster has five photos, or an eighth of very few."""
    params = FitParams().resolved(1000)
    assert (params.n_neighbors, params.min_samples) == (30, 5)
    assert [FitParams().resolved(n).min_cluster_size for n in (12, 32, 1000)] == [3, 4, 5]


def test_what_was_chosen_lasts_until_a_collection_is_twice_as_large_or_half() -> None:
    """A third more or less is the same collection."""
    before = FitParams(resolution=1.7, chosen_at=900, granularity="auto")
    kept = [FitParams().carry_over(before, n_pictures=n).resolution for n in (400, 600, 1500, 2100)]
    assert kept == [0.0, 1.7, 1.7, 0.0]


def test_newcomers_gather_as_a_hundredth_of_the_photos() -> None:
    """But at least six, and twenty are enough."""
    params = FitParams().resolved(1000)
    wanted = [dbscan_min_points(SimpleNamespace(params=params, n_pictures=n)) for n in (100, 1200, 9000)]  # type: ignore[arg-type]
    assert wanted == [6, 12, 20]


# --- outlier scores and new groups


def test_a_photo_is_at_home_where_all_but_one_of_its_neighbours_are() -> None:
    """Eight of fourteen are not."""
    near = np.vstack([np.repeat([0, 1], [13, 2]), np.repeat([0, 1], [8, 7])])
    assert agrees_with_neighbours(np.zeros(2, np.int64), near, rank=14).tolist() == [True, False]


def test_a_photo_is_clearly_out_where_it_is_half_as_far_again_as_the_threshold() -> None:
    """A tenth more is not clear."""
    lists = np.array([[row for row in range(16) if row != own][:15] for own in range(42)], np.int32)
    distances = np.full((42, 15), 0.04, np.float32)
    distances[40] *= 1.1
    distances[41] *= 1.5
    assert np.flatnonzero(
        clear_outliers(Neighbours(lists, distances), rank=14, at_home=np.ones(42, bool))
    ).tolist() == [41]


def test_the_threshold_is_what_one_photo_in_twenty_is_above() -> None:
    """Of photos that lie ever farther apart, all in one another's lists."""
    n = 200
    lists = ((np.arange(n)[:, None] + np.arange(1, 16) - 8) % n).astype(np.int32)
    lists[lists == np.arange(n)[:, None]] = 0
    distances = np.repeat(np.linspace(0.1, 0.3, n), 15).reshape(n, 15).astype(np.float32)
    found = outlier_reference(Neighbours(lists, distances), rank=14)
    assert np.mean(found.scores > found.threshold) == pytest.approx(0.05, abs=0.02)


def test_the_reference_measures_some_four_thousand_photos() -> None:
    """Which are enough for a third of a percent, of however many there are."""
    lists = np.random.default_rng(0).integers(0, 9000, (9000, 3)).astype(np.int32)
    graph = Neighbours(lists, np.ones((9000, 3), np.float32))
    assert 3000 < len(outlier_reference(graph, rank=2).scores) < 5500


def test_near_is_what_nine_clustered_photos_in_ten_reach(groups: Fitted) -> None:
    """Photos without a cluster, far from everything, do not count."""
    state = groups.fit.state
    labels = np.where(np.arange(state.n_pictures) < 100, 0, -1).astype(np.int32)
    distances = np.full_like(state.distances, 9.0)
    distances[:100] = np.linspace(0.0, 1.0, 100)[:, None]
    assert dbscan_eps(replace(state, labels=labels, distances=distances)) == pytest.approx(0.9, abs=0.02)


def test_of_many_newcomers_the_last_two_thousand_are_looked_at(groups: Fitted) -> None:
    """A kind among the first five hundred of 2,500 is not found, one among the next five hundred is."""
    rng, state = np.random.default_rng(0), groups.fit.state
    n_kind = 3 * dbscan_min_points(state)
    for first, found in ((100, False), (600, True)):
        newcomers = rng.normal(size=(2500, 64))
        newcomers[first : first + n_kind] = rng.normal(size=64) + 0.01 * rng.normal(size=(n_kind, 64))
        assert (len(largest_new_group(unit(newcomers), state)) == n_kind) is found


# --- neighbours and their weights


def test_a_rounding_apart_is_the_same_picture(groups: Fitted) -> None:
    """A cosine distance of 8e-7 is rounding, one of 1.25e-6 is another picture."""
    own = groups.vectors[3].astype(np.float64)
    aside = np.roll(own, 1) - own * (np.roll(own, 1) @ own)
    aside /= np.linalg.norm(aside)
    at = np.sqrt(2 * np.array([8e-7, 1.25e-6]))[:, None]
    placed = Placer(groups.fit.state, groups.vectors).place(unit(np.cos(at) * own + np.sin(at) * aside))
    same = (placed.positions == groups.fit.state.layout[groups.fit.state.picture_of_row[3]]).all(axis=1)
    assert same.tolist() == [True, False]


def test_a_tight_group_is_not_weighed_by_its_roundings() -> None:
    """Differences of a few parts in ten thousand hardly tell neighbours apart."""
    weights = fit_weights((0.5 + 1e-5 * np.arange(14, dtype=np.float64))[None].astype(np.float32))
    assert weights[0, -1] == pytest.approx(np.exp(-1.3e-4 / 5e-4), abs=0.03)


def test_fifteen_neighbours_tell_what_a_photo_is_like() -> None:
    """Whatever the layout looks at."""
    state = fit(world([30] * 3)[0], FitParams(reducer="pca", n_neighbors=40)).state
    assert (state.neighbours.shape[1], state.near.indices.shape[1]) == (40, 15)


@pytest.mark.parametrize(("norm", "fine"), [(1.008, True), (1.012, False)])
def test_vectors_from_half_precision_have_a_norm_off_by_a_little(norm: float, fine: bool) -> None:
    """More than a hundredth is another mistake."""
    vectors = (norm * unit(np.random.default_rng(0).normal(size=(6, 8)))).astype(np.float32)
    if fine:
        fit(vectors, FitParams())
    else:
        with pytest.raises(ValueError, match="norm"):
            fit(vectors, FitParams())


# --- layouts


class Recorded:
    """Stands for umap: keeps what a layout was asked with."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def UMAP(self, **asked: Any) -> Recorded:
        """Take the parameters."""
        self.asked = asked
        return self

    def fit_transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give every row the same place."""
        return np.zeros((len(vectors), self.asked["n_components"]), np.float32)


@pytest.fixture
def umap(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Ask nothing of the real one."""
    recorded = Recorded()
    monkeypatch.setattr(layout, "_umap", lambda: recorded)
    return recorded


@pytest.mark.parametrize(("n", "n_epochs"), [(8_000, 50), (12_000, 30)])
def test_a_continued_layout_is_adjusted_gently(n: int, n_epochs: int, umap: Recorded) -> None:
    """Fifty epochs, thirty of a large one, at a tenth of the rate; one from nothing is left to umap."""
    vectors = np.zeros((n, 4), np.float32)
    graph = Neighbours(np.zeros((n, 14), np.int32), np.zeros((n, 14), np.float32))
    layout.umap_layout(vectors, graph, params=FitParams(), init=np.zeros((n, 5), np.float32))
    assert (umap.asked["n_epochs"], umap.asked["learning_rate"]) == (n_epochs, pytest.approx(0.1))
    layout.umap_layout(vectors, graph, params=FitParams())
    assert (umap.asked["n_epochs"], umap.asked["learning_rate"], umap.asked["init"]) == (None, 1.0, "spectral")


def test_the_map_looks_at_fifteen_neighbours_and_leaves_room_between_dots(umap: Recorded) -> None:
    """The clusters' own layout leaves none."""
    vectors = unit(np.random.default_rng(0).normal(size=(60, 8)))
    layout.map_layout(vectors, seed=0)
    assert (umap.asked["n_neighbors"], umap.asked["min_dist"]) == (15, pytest.approx(0.2))


@pytest.mark.parametrize(("n_known", "continued"), [(26, True), (14, False)])
def test_a_map_is_continued_where_most_photos_have_a_place_on_it(n_known: int, continued: bool, umap: Recorded) -> None:
    """Twenty-six of forty are most, fourteen are not."""
    earlier = np.full((40, 2), np.nan, np.float32)
    earlier[:n_known] = np.random.default_rng(1).normal(size=(n_known, 2))
    layout.map_layout(unit(np.random.default_rng(0).normal(size=(40, 8))), seed=0, earlier=earlier)
    assert isinstance(umap.asked["init"], np.ndarray) is continued


@pytest.mark.parametrize(("n_known", "turned"), [(2, False), (3, True)])
def test_three_known_places_fix_how_a_map_lies_on_another(n_known: int, turned: bool) -> None:
    """Two could mirror it by chance."""
    vectors = unit(np.random.default_rng(0).normal(size=(14, 8)))
    vectors = np.vstack([vectors, unit(np.random.default_rng(1).normal(size=(6, 8)))])
    plain = layout.map_layout(vectors, seed=0)
    earlier = np.full((20, 2), np.nan, np.float32)
    earlier[:n_known] = plain[:n_known] + np.float32(50)
    moved = layout.map_layout(vectors, seed=0, earlier=earlier)
    assert bool(np.abs(moved - plain).max() > 10) is turned


@pytest.mark.parametrize(("n", "reducer"), [(13, "pca"), (20, "umap")])
def test_twenty_pictures_are_enough_for_umap(n: int, reducer: str, umap: Recorded) -> None:
    """Of thirteen every neighbourhood is the whole collection."""
    assert fit(unit(np.random.default_rng(0).normal(size=(n, 8))), FitParams()).params.reducer == reducer


# --- warm starts


@pytest.mark.parametrize(
    ("asked", "n_continued", "n_light", "share_new", "kind"),
    [
        ("continued", 19, 0, 0.0, "continued"),
        ("continued", 21, 0, 0.0, "full"),
        ("full", 0, 0, 0.0, "full"),
        (None, 2, 2, 0.0, "light"),
        (None, 3, 3, 0.0, "continued"),
        (None, 0, 0, 0.1, "light"),
        (None, 0, 0, 0.14, "continued"),
        ("light", 0, 0, 0.14, "light"),
    ],
)
def test_what_kind_of_fit_follows(asked: Any, n_continued: int, n_light: int, share_new: float, kind: str) -> None:
    """Twenty continued in a row, three of them light, and those only where one photo in eight or fewer came."""
    assert refit_kind(asked, n_continued=n_continued, n_light=n_light, share_new=share_new) == kind


@pytest.mark.parametrize(("share", "starts"), [(0.65, True), (0.4, False)])
def test_a_layout_starts_at_one_that_knows_most_of_its_photos(groups: Fitted, share: float, starts: bool) -> None:
    """A heap of newcomers is no start."""
    state = groups.fit.state
    n = state.n_pictures
    known = np.where(np.arange(n) < share * n, np.arange(n), -1)
    graph = Neighbours(state.neighbours, state.distances)
    start = initial_layout(Earlier(state, known), known=known, graph=graph, params=state.params)
    assert (start is not None) is starts


def test_lists_of_an_earlier_graph_are_measured_again(groups: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some two hundred and fifty of them."""
    measured: list[int] = []
    real = warm_start.agrees_with_vectors

    def noted(graph: Neighbours, *, vectors: NDArray[np.float32], rows: NDArray[np.int64]) -> bool:
        measured.append(len(rows))
        return real(graph, vectors=vectors, rows=rows)

    monkeypatch.setattr(warm_start, "agrees_with_vectors", noted)
    known = np.arange(groups.fit.state.n_pictures)
    warm_graph(groups.vectors, Earlier(groups.fit.state, known), known=known, params=groups.fit.params)
    assert 200 <= measured[0] <= 300


def test_newcomers_of_a_kind_are_gathered_but_not_to_a_point() -> None:
    """Twelve in a ring, each between two others: a quarter of their spread is left."""
    at = 2 * np.pi * np.arange(12) / 12
    places = np.stack([np.cos(at), np.sin(at)], axis=1).astype(np.float32)
    lists = np.stack([np.arange(12) - 1, np.arange(12) + 1], axis=1) % 12
    graph = Neighbours(lists.astype(np.int32), np.ones((12, 2), np.float32))
    moved = gather_newcomers(places, new=np.ones(12, bool), graph=graph)
    assert 0.15 < np.linalg.norm(moved, axis=1).mean() < 0.4


def test_newcomers_whom_nobody_knew_lie_a_seventh_of_the_map_beside_it() -> None:
    """Not at its edge, where they would be taken for part of what is there, and not far off."""
    rng = np.random.default_rng(0)
    places = np.vstack([rng.random((40, 2)), np.full((5, 2), 0.5)]).astype(np.float32)
    places[:2] = [[0, 0], [1, 1]]
    lists = np.vstack([drawn(rng, 40, (4, (0, 40))), drawn(rng, 5, (4, (40, 45)))])
    graph = Neighbours(lists, np.ones(lists.shape, np.float32))
    moved = move_beside(places, new=np.arange(45) >= 40, graph=graph)
    away = np.maximum(moved[40:] - 1, -moved[40:]).max()
    assert 0.1 < away < 0.2


def test_a_light_fit_moves_newcomers_as_it_always_has() -> None:
    """Places as umap's own pulls and pushes gave them when twenty refits were measured."""
    rng = np.random.default_rng(0)
    places = np.vstack([rng.normal(size=(30, 2)), [[3.0, 3.0], [0.4, -0.2], [-2.0, 1.0]]]).astype(np.float32)
    new = np.arange(33) >= 30
    lists = drawn(rng, 33, (6, (0, 30)))
    distances = np.sort(rng.random((33, 6)).astype(np.float32), axis=1)
    moved = optimise_newcomers(places, Neighbours(lists, distances), new=new, n_neighbors=7, seed=1)
    np.testing.assert_array_equal(moved[:30], places[:30])
    np.testing.assert_allclose(moved[30:], [[1.12444, 1.11905], [-1.41607, -0.37073], [0.55523, 1.90440]], atol=1e-4)


# --- figures and files


def test_figures_are_of_two_thousand_photos_and_of_a_layout_of_few_dimensions() -> None:
    """More would take seconds; in many dimensions powers of distances overflow."""
    labels = np.repeat([0, 1], [1500, 1500])
    vectors = np.random.default_rng(0).normal(size=(3000, 3)).astype(np.float32)
    assert figures_of(labels, vectors=vectors, layout=np.zeros((3000, 40), np.float32), seed=0)["sample"] == 2000
    points = vectors[:60, :1] + np.repeat([0.0, 9.0], 30)[:, None] + np.random.default_rng(1).normal(size=(60, 25))
    some, points = np.repeat([0, 1], 30), points.astype(np.float32)
    known = [figures_of(some, vectors=vectors[:60], layout=points[:, :c], seed=0)["dbcv"] is None for c in (15, 25)]
    assert known == [False, True]


def test_each_fit_of_a_comparison_sees_four_fifths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another part each time."""
    seen: list[int] = []

    def noted(vectors: NDArray[np.float32], params: FitParams) -> Any:
        seen.append(len(vectors))
        figures = dict.fromkeys(("n_clusters", "share_unclustered", "dbcv"), 1.0)
        return SimpleNamespace(labels=np.zeros(len(vectors), np.int64), figures=figures)

    monkeypatch.setattr(comparison, "fit", noted)
    figures_of_way(np.zeros((100, 4), np.float32), FitParams(), n_seeds=2, current=np.zeros(0, np.int64))
    assert seen == [80, 80]


@pytest.mark.parametrize(("n_bytes", "read"), [(50_000, True), (80_000, False)])
def test_facts_of_a_run_are_small(groups: Fitted, tmp_path: Path, n_bytes: int, read: bool) -> None:
    """A file that no fit writes is not read to its end."""
    from vecclust.errors import DamagedRun

    save_state(groups.fit.state, tmp_path)
    facts = tmp_path / FACTS_FILE
    facts.write_text(facts.read_text().ljust(n_bytes))
    if read:
        load_state(tmp_path)
    else:
        with pytest.raises(DamagedRun, match="too large"):
            load_state(tmp_path)
