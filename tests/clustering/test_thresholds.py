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
    tuning,
    warm_start,
)
from vecclust.clustering.continuity import counterparts, keep_labels
from vecclust.clustering.figures import figures_of
from vecclust.clustering.neighbours import Neighbours, fit_weights
from vecclust.clustering.novelty import (
    agrees_with_neighbours,
    clear_outliers,
    dbscan_eps,
    dbscan_min_points,
    outlier_reference,
)
from vecclust.clustering.selection import add_small_clusters, merge_nodes, split_large
from vecclust.clustering.state import FACTS_FILE
from vecclust.clustering.tree import CondensedTree, empty_tree, persisting_nodes
from vecclust.clustering.tuning import choose_n_neighbors, score_clusters
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


def star(*sizes: int, n_loose: int = 0) -> CondensedTree:
    """Give a root with one dense node of each size below it, and loose points."""
    n = sum(sizes) + n_loose
    parent = np.concatenate([np.full(size, 1 + at) for at, size in enumerate(sizes)] + [np.zeros(n_loose)])
    return CondensedTree(
        point_parent=parent.astype(np.int32),
        point_lambda=np.where(parent > 0, 9.0, 0.5),
        node_parent=np.array([-1] + [0] * len(sizes), np.int32),
        node_birth=np.array([0.0] + [1.0] * len(sizes)),
        node_size=np.array([n, *sizes], np.int64),
    )


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
    return int(keep_labels(labels, before, neighbours=lists, least_size=6).labels[0])


def test_a_photo_stays_while_an_eighth_of_its_neighbours_does() -> None:
    """A cluster of ten is no large share of fifteen neighbours; one in sixteen is nobody."""
    assert one_that_moves(2, 0, 14, was=0, found=-1) == 0
    assert one_that_moves(1, 0, 15, was=0, found=-1) == -1


def test_a_photo_goes_where_four_times_as_many_of_its_neighbours_are() -> None:
    """Two and a half times as many are not enough."""
    assert one_that_moves(4, 10, 1, was=0, found=1) == 0
    assert one_that_moves(3, 12, 0, was=0, found=1) == 1


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
    kept = keep_labels(labels, before, neighbours=lists, least_size=6).labels
    assert (kept[18:30] == (1 if parts else 0)).all()


@pytest.mark.parametrize(("shared", "size", "same"), [(6, 16, True), (4, 14, False)])
def test_a_counterpart_shares_three_in_ten(shared: int, size: int, same: bool) -> None:
    """By Jaccard's index with the ten photos of before; one in five is another cluster."""
    before = np.repeat([0, -1], [10, 20])
    labels = np.full(30, -1)
    labels[10 - shared : 10 - shared + size] = 0
    assert counterparts(labels, before).tolist() == [0 if same else -1]


# --- nodes of the tree


def test_a_node_is_the_earlier_cluster_where_it_shares_most_of_its_points() -> None:
    """Five in eight are most, three in eight are not."""
    tree = star(12, 8)
    assert persisting_nodes(tree, np.repeat([-1, 0, -1], [12, 5, 3])).tolist() == [2]
    assert persisting_nodes(tree, np.repeat([-1, 0, -1], [12, 3, 5])).tolist() == []


@pytest.mark.parametrize(("n_inside", "nodes"), [(17, [2, 3, 4]), (14, [1, 2])])
def test_a_large_cluster_is_cut_where_neighbours_stay_beyond_chance(n_inside: int, nodes: list[int]) -> None:
    """Halves keep half by chance: 17 of 20 links are 0.35 beyond it, 14 are 0.2."""
    tree = CondensedTree(
        point_parent=np.repeat([3, 4, 2], [40, 40, 20]).astype(np.int32),
        point_lambda=np.repeat([2.1, 9.0], [80, 20]),
        node_parent=np.array([-1, 0, 0, 1, 1], np.int32),
        node_birth=np.array([0.0, 0.5, 0.5, 2.0, 2.0]),
        node_size=np.array([100, 80, 20, 40, 40]),
    )
    rng = np.random.default_rng(0)
    lists = np.vstack(
        [
            drawn(rng, 40, (n_inside, (0, 40)), (20 - n_inside, (40, 80))),
            drawn(rng, 40, (n_inside, (40, 80)), (20 - n_inside, (0, 40))),
            drawn(rng, 20, (20, (80, 100))),
        ]
    )
    assert split_large(tree, np.array([1, 2], np.int32), neighbours=lists, max_share=0.5).tolist() == nodes


def test_joining_makes_no_cluster_with_three_tenths_of_the_photos() -> None:
    """One with a fifth it makes."""
    tree = CondensedTree(
        point_parent=np.repeat([3, 4, 5, 6, 0], [15, 15, 10, 10, 50]).astype(np.int32),
        point_lambda=np.full(100, 9.0),
        node_parent=np.array([-1, 0, 0, 1, 1, 2, 2], np.int32),
        node_birth=np.array([0.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]),
        node_size=np.array([100, 30, 20, 15, 15, 10, 10]),
    )
    rng = np.random.default_rng(0)
    lists = np.vstack([drawn(rng, 30, (9, (0, 30))), drawn(rng, 20, (9, (30, 50))), drawn(rng, 50, (9, (50, 100)))])
    assert merge_nodes(tree, np.array([3, 4, 5, 6], np.int32), neighbours=lists).tolist() == [2, 3, 4]


def is_found(size: int, n_own: int, *, host: int = -1, n_host: int = 0, was_one: bool = False) -> bool:
    """Say whether the first points are a small cluster.

    Args:
        size: how many they are.
        n_own: links from them to one another within their nearest, together.
        host: the label they were given.
        n_host: how many of ten further neighbours of each are of that label.
        was_one: whether they were a cluster of the earlier fit.
    """
    n = 100
    labels = np.repeat([host, 0, 1], [size, 50 - size, 50])
    lists = np.empty((n, size - 1 + 10), np.int32)
    lists[:] = np.arange(50, 50 + lists.shape[1])
    own = np.zeros(size * (size - 1), bool)
    own[:n_own] = True
    own = own.reshape(size, size - 1)
    for row in range(size):
        others = np.delete(np.arange(size), row)
        lists[row, : size - 1] = np.where(own[row], others, 90)
        lists[row, size - 1 :] = np.repeat([40, 95], [n_host, 10 - n_host])
    before = np.where(np.arange(n) < size, 0, -1) if was_one else None
    tree, nodes = add_small_clusters(
        empty_tree(n), star(size, n - size), labels, below=20, neighbours=lists, before=before
    )
    assert tree.n_nodes == 1 + len(nodes)
    return len(nodes) == 1


def test_twelve_photos_are_a_small_cluster_where_most_are_one_anothers_nearest() -> None:
    """Of 132 links 74 are most and 59 are not; where they were a cluster before, 62 are enough and 40 are not."""
    assert is_found(12, 74)
    assert not is_found(12, 59)
    assert is_found(12, 62, was_one=True)
    assert not is_found(12, 40, was_one=True)


def test_five_photos_come_together_more_easily_by_chance() -> None:
    """So of their 20 links 14 have to be theirs, and 11, more than half, are not enough."""
    assert is_found(5, 14)
    assert not is_found(5, 11)


def test_photos_whose_other_neighbours_are_of_their_cluster_are_a_part_of_it() -> None:
    """Six of ten others are most, four are not."""
    assert is_found(8, 56, host=0, n_host=4)
    assert not is_found(8, 56, host=0, n_host=6)


@pytest.mark.parametrize(("size", "n_groups"), [(12, 3), (8, 2)])
def test_a_twentieth_of_a_cluster_is_a_group_inside_it(groups: Fitted, size: int, n_groups: int) -> None:
    """Of two hundred photos twelve that lie apart are one, eight are not."""
    rng = np.random.default_rng(0)
    places = np.repeat([0.0, 9.0, 18.0], [100, 100 - size, size])[:, None] + rng.normal(scale=0.3, size=(200, 5))
    state = replace(groups.fit.state, layout=places.astype(np.float32), picture_of_row=np.arange(200, dtype=np.int32))
    found = group_within(state, np.arange(200))
    assert len(np.unique(found[found >= 0])) == n_groups


# --- parameters chosen for a collection


def test_without_any_choice_five_neighbours_make_a_photo_dense() -> None:
    """And the second pass gathers groups of five."""
    params = FitParams().resolved(1000)
    assert (params.min_samples, params.min_group_size) == (5, 5)
    assert [FitParams().resolved(n).min_cluster_size for n in (200, 1000, 9000)] == [5, 10, 20]


@pytest.mark.parametrize(("size", "useful"), [(20, True), (16, False)])
def test_a_setting_is_of_use_where_it_clusters_four_fifths(size: int, useful: bool) -> None:
    """Two thirds are too few; clusters of a fifth are no lumps."""
    tree = star(*[size] * 4, n_loose=100 - 4 * size)
    lists = np.vstack([drawn(np.random.default_rng(0), 1, (9, (row // size * size, row // size * size + 1)))
                       for row in range(100)]) % 100  # fmt: skip
    assert score_clusters(tree, FitParams(max_share=1.0), neighbours=lists.astype(np.int32))[0] is useful


@pytest.mark.parametrize(("n_inside", "useful"), [(49, True), (42, False)])
def test_a_large_cluster_is_of_use_where_hardly_a_link_leaves_it(n_inside: int, useful: bool) -> None:
    """Of fifty links 49 stay in an island; of a lump 42 do."""
    rng = np.random.default_rng(0)
    lists = np.vstack(
        [
            drawn(rng, 40, (n_inside, (0, 40)), (50 - n_inside, (40, 100))),
            *[drawn(rng, 20, (50, (at, at + 20))) for at in (40, 60, 80)],
        ]
    )
    assert score_clusters(star(40, 20, 20, 20), FitParams(max_share=1.0), neighbours=lists)[0] is useful


@pytest.mark.parametrize(("n", "sizes"), [(100, {5, 8}), (100 + 1, {5, 8}), (320, {5, 8, 12, 20, 30})])
def test_no_smallest_cluster_of_more_than_a_tenth_is_tried(
    n: int, sizes: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred photos twelve would be one."""
    tried = set()

    class Noting(tuning.Hierarchy):
        """Note the sizes."""

        def condensed(self, *, size: int) -> CondensedTree:
            """Note the size."""
            tried.add(size)
            return super().condensed(size=size)

    monkeypatch.setattr(tuning, "Hierarchy", Noting)
    points = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    lists = np.tile(np.arange(15, dtype=np.int32), (n, 1))
    tuning.choose_and_score(FitParams(min_samples=5), points, neighbours=lists)
    assert tried == sizes


def test_what_is_gained_by_less_than_a_hundredth_changes_nothing() -> None:
    """Twelve thousandths do."""
    assert tuning._best({5: (True, 0.5), 8: (True, 0.508)}, 5) == 5
    assert tuning._best({5: (True, 0.5), 8: (True, 0.512)}, 5) == 8
    assert tuning._best({5: (False, 0.5), 8: (True, 0.4)}, 5) == 8


def test_what_was_chosen_lasts_until_a_collection_is_twice_as_large_or_half() -> None:
    """A third more or less is the same collection."""
    before = FitParams(min_cluster_size=9, min_samples=5, chosen_at=900, granularity="auto")
    sizes = [tuning.carry_over(FitParams(), n_pictures=n, before=before).min_cluster_size for n in (600, 1500)]
    assert sizes == [9, 9]
    sizes = [tuning.carry_over(FitParams(), n_pictures=n, before=before).min_cluster_size for n in (400, 2100)]
    assert sizes == [0, 0]


def test_how_many_neighbours_is_tried_for_three_hundred_photos_and_of_many_for_a_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two hundred are one another's neighbours; of seven thousand, layouts of four thousand are made."""
    seen: list[int] = []

    def lists(pictures: NDArray[np.float32], *, k: int, threads: int) -> Neighbours:
        return Neighbours(np.zeros((len(pictures), k), np.int32), np.zeros((len(pictures), k), np.float32))

    def lay_out(pictures: NDArray[np.float32], graph: Neighbours, *, params: FitParams) -> NDArray[np.float32]:
        seen.append(len(pictures))
        return np.zeros((len(pictures), 2), np.float32)

    def scored(params: FitParams, points: NDArray[np.float32], *, neighbours: Lists) -> tuple[FitParams, Any]:
        return params, (True, 0.5)

    monkeypatch.setattr(tuning, "neighbour_graph", lists)
    monkeypatch.setattr(tuning, "umap_layout", lay_out)
    monkeypatch.setattr(tuning, "choose_and_score", scored)
    for n in (200, 300, 7000):
        vectors = unit(np.random.default_rng(0).normal(size=(n, 4)))
        assert choose_n_neighbors(vectors, FitParams(n_neighbors=0)).n_neighbors == 15
    assert seen == [300] * 3 + [4000] * 3


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
    assert np.flatnonzero(clear_outliers(Neighbours(lists, distances), rank=14)).tolist() == [41]


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
    n_kind = 3 * dbscan_min_points(state.params)
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
