"""Parameters that a collection chooses for itself: sizes, and how many neighbours a layout looks at."""

from __future__ import annotations

import numpy as np
import pytest

from tests.clustering.conftest import Fitted
from tests.clustering.worlds import blobs, unit, world
from vecclust.clustering import Earlier, FitParams, Placer, fit, group_within, tuning
from vecclust.clustering.clusterers import hdbscan_clusters
from vecclust.clustering.neighbours import N_NEAREST, Neighbours
from vecclust.clustering.selection import cohesion, cohesion_by_node
from vecclust.clustering.tree import CondensedTree
from vecclust.clustering.tuning import Score, carry_over, choose_and_score


def test_a_collection_of_weak_vectors_gets_the_size_that_keeps_neighbours_together(cut_blobs: Fitted) -> None:
    """The choice is in the run's parameters, given back it changes nothing, and no cluster holds a quarter."""
    found = cut_blobs.fit
    assert found.params.chosen_at == len(cut_blobs.vectors)
    assert found.params.granularity == "auto"
    assert found.figures["share_largest"] < 0.25
    given = fit(cut_blobs.vectors, found.params)
    np.testing.assert_array_equal(given.labels, found.labels)


def test_a_large_cluster_counts_where_the_photos_are_like_that() -> None:
    """Two fifths of one kind are one; as much of several kinds that run into one another is a lump, and of no use."""
    vectors, _ = world([400, *[60] * 10])
    state = fit(vectors, FitParams()).state
    params, (useful, _) = choose_and_score(FitParams(), state.layout, neighbours=state.near.indices)
    assert useful
    labels = hdbscan_clusters(state.layout, params=params, neighbours=state.near.indices).labels
    assert np.bincount(labels[labels >= 0]).max() == 400
    # A fifth of every cluster's photos have their neighbours elsewhere.
    rng = np.random.default_rng(0)
    strays = rng.random(len(labels)) < 0.2
    mixed = np.where(strays[:, None], rng.integers(0, len(labels), state.near.indices.shape), state.near.indices)
    assert not choose_and_score(FitParams(), state.layout, neighbours=mixed.astype(np.int32))[1][0]


def test_what_was_chosen_is_kept_until_the_collection_has_doubled(groups: Fitted) -> None:
    """Also by a fit from nothing; what is given, or named, is chosen neither before nor after."""
    before = groups.fit.params
    n = before.chosen_at
    assert n == len(groups.vectors)
    kept = carry_over(FitParams(), n_pictures=n + n // 2, before=before)
    assert (kept.min_cluster_size, kept.min_samples, kept.chosen_at) == (
        before.min_cluster_size,
        before.min_samples,
        n,
    )
    for other in (
        carry_over(FitParams(), n_pictures=2 * n, before=before),
        carry_over(FitParams(granularity="auto"), n_pictures=n, before=before),
        carry_over(FitParams(), n_pictures=n, before=None),
    ):
        assert (other.min_cluster_size, other.chosen_at, other.granularity) == (0, 0, "auto")
    given = carry_over(FitParams(min_cluster_size=9), n_pictures=n, before=before)
    assert (given.min_cluster_size, given.chosen_at) == (9, 0)
    fine = carry_over(FitParams(), n_pictures=n, before=FitParams(granularity="fine").resolved(n))
    assert fine.granularity == "fine"


def test_granularity_moves_along_the_tree_and_stays(cut_blobs: Fitted) -> None:
    """Coarse has about half of the clusters, each whole in one; fine about twice as many; a later fit keeps it."""
    vectors, auto = cut_blobs.vectors, cut_blobs.fit
    state = auto.state
    rows = np.arange(len(vectors))

    def refitted(params: FitParams, earlier: Earlier) -> tuple[int, np.ndarray, Earlier]:
        found = fit(vectors, params, earlier=earlier)
        return found.figures["n_clusters"] - found.figures["n_small"], found.labels, Earlier(found.state, rows)

    n_auto = auto.figures["n_clusters"] - auto.figures["n_small"]
    n_coarse, coarse, _ = refitted(FitParams(granularity="coarse"), Earlier(state, rows))
    n_fine, _, was_fine = refitted(FitParams(granularity="fine"), Earlier(state, rows))
    assert n_coarse <= 0.7 * n_auto
    assert n_fine >= 1.5 * n_auto
    for label in np.unique(auto.labels[auto.labels >= 0]):
        joined = coarse[auto.labels == label]
        assert (joined == np.bincount(joined + 1).argmax() - 1).all()
    n_kept, _, _ = refitted(FitParams(), was_fine)
    assert n_kept == n_fine
    assert fit(vectors, FitParams(granularity="auto"), earlier=was_fine).labels.tolist() == auto.labels.tolist()


def test_node_worths_add_up_to_the_cohesion_of_a_cut(cut_blobs: Fitted) -> None:
    """The links that each choice keeps, counted at every node at once, are those counted for the whole choice."""
    state = cut_blobs.fit.state
    tree = CondensedTree(state.point_parent, state.point_lambda, state.node_parent, state.node_birth, state.node_size)
    label = state.node_label
    parts = np.flatnonzero((label >= 0) & (label[state.node_parent.clip(min=0)] < 0)).astype(np.int32)
    whole = cohesion(tree, 0, parts=parts, neighbours=state.neighbours)
    assert cohesion_by_node(tree, neighbours=state.neighbours)[parts].sum() == pytest.approx(whole)


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
    labels = fit(vectors, FitParams()).labels
    found = [
        (labels[truth == kind] == np.bincount(labels[truth == kind] + 1)[1:].argmax()).mean() for kind in range(50)
    ]
    assert np.mean(np.array(found) > 0.8) >= 0.9
    assert len(np.unique(labels[labels >= 0])) >= 45


def test_what_is_inside_a_cluster_are_its_kinds(whole_blobs: Fitted) -> None:
    """A blob of six overlapping kinds comes apart into some of them; fewer rows than two groups do not."""
    state, labels, truth = whole_blobs.fit.state, whole_blobs.fit.labels, whole_blobs.truth
    rows = np.flatnonzero(labels == np.bincount(labels[labels >= 0]).argmax())
    groups = group_within(state, rows)
    assert len(np.unique(groups[groups >= 0])) >= 2
    for group in np.unique(groups[groups >= 0]):
        kinds = np.bincount(truth[rows][groups == group])
        assert kinds.max() / kinds.sum() > 2 * np.bincount(truth[rows]).max() / len(rows)
    assert (group_within(state, rows[:9]) == -1).all()


AUTO = FitParams(n_neighbors=0)


def test_it_is_chosen_where_it_is_worth_something_and_kept() -> None:
    """What was chosen is in the run, given back it changes nothing, and later fits of the collection have the same."""
    vectors, _ = blobs(n_blobs=2, n_groups=4, size=40)
    found = fit(vectors, AUTO)
    assert found.params.n_neighbors in tuning.N_NEIGHBORS_TRIED
    assert found.params.chosen_at == len(vectors)
    assert found.state.neighbours.shape[1] == found.params.n_neighbors
    given = fit(vectors, found.params)
    np.testing.assert_array_equal(given.labels, found.labels)
    np.testing.assert_array_equal(given.state.layout, found.state.layout)


@pytest.mark.parametrize("best", tuning.N_NEIGHBORS_TRIED)
def test_the_layout_whose_clusters_keep_neighbours_together_is_taken(
    best: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever it is; a fit that is wider keeps longer lists, and still asks the nearest few what a photo is like."""
    vectors, _ = world([60] * 5, n_noise=10)
    layouts: list[int] = []
    real, lay_out = tuning.choose_and_score, tuning.umap_layout

    def judged(params: FitParams, points: np.ndarray, *, neighbours: np.ndarray) -> tuple[FitParams, Score]:
        """The real clusters, worth more at one width."""
        assert neighbours.shape[1] == N_NEAREST
        chosen, (useful, cohesion) = real(params, points, neighbours=neighbours)
        return chosen, (useful, cohesion + (params.n_neighbors == best))

    def noted(pictures: np.ndarray, graph: Neighbours, *, params: FitParams) -> np.ndarray:
        """Lay out, and note by how many neighbours."""
        layouts.append(params.n_neighbors)
        return lay_out(pictures, graph, params=params)

    monkeypatch.setattr(tuning, "choose_and_score", judged)
    monkeypatch.setattr(tuning, "umap_layout", noted)
    found = fit(vectors, AUTO)
    assert layouts == list(tuning.N_NEIGHBORS_TRIED)
    assert (found.params.n_neighbors, found.state.near.indices.shape[1]) == (best, N_NEAREST)
    assert found.figures["n_clusters"] == 5
    placed = Placer(found.state, vectors).place(vectors[:20])
    np.testing.assert_array_equal(placed.labels, found.labels[:20])
    later = fit(vectors, AUTO, earlier=Earlier(found.state, np.arange(len(vectors))), kind="continued")
    assert layouts == list(tuning.N_NEIGHBORS_TRIED), "chosen once"
    assert later.params.n_neighbors == best
    assert later.kind == "continued"


def test_kept_until_the_collection_has_doubled_or_for_as_long_as_its_layout_is_continued() -> None:
    """And what is given is not chosen."""
    before = FitParams(n_neighbors=30, min_cluster_size=20, min_samples=5, chosen_at=1000)
    assert carry_over(AUTO, n_pictures=1500, before=before).n_neighbors == 30
    assert carry_over(AUTO, n_pictures=2500, before=before).n_neighbors == 0
    assert carry_over(AUTO, n_pictures=2500, before=before, continued=True).n_neighbors == 30
    assert carry_over(FitParams(n_neighbors=20), n_pictures=1500, before=before).n_neighbors == 20
    sized = carry_over(FitParams(n_neighbors=0, min_cluster_size=8), n_pictures=1500, before=before)
    assert (sized.n_neighbors, sized.min_cluster_size, sized.chosen_at) == (30, 8, 1000)


@pytest.mark.parametrize("params", [AUTO, FitParams(n_neighbors=0, reducer="pca")])
def test_where_there_is_nothing_to_choose_it_is_the_usual(params: FitParams) -> None:
    """A few photos are one another's neighbours in any case; without UMAP nothing is laid out by them."""
    vectors, _ = world([20] * 4 if params is AUTO else [80] * 4)
    assert fit(vectors, params).params.n_neighbors == N_NEAREST


def test_of_many_photos_a_sample_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sample each time."""
    monkeypatch.setattr(tuning, "MAX_TRIED", 300)
    vectors, _ = world([100] * 6)
    seen: list[int] = []
    real = tuning.umap_layout

    def noted(pictures: np.ndarray, graph: Neighbours, *, params: FitParams) -> np.ndarray:
        """Lay out, and note of how many."""
        seen.append(len(pictures))
        return real(pictures, graph, params=params)

    monkeypatch.setattr(tuning, "umap_layout", noted)
    first = tuning.choose_n_neighbors(vectors, AUTO)
    assert seen == [300] * len(tuning.N_NEIGHBORS_TRIED)
    assert first.chosen_at == 600
    assert tuning.choose_n_neighbors(vectors, AUTO) == first
