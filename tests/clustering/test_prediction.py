"""Placing arrivals into a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import hdbscan
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.clustering.conftest import Fitted, chosen_by_hdbscan
from tests.clustering.worlds import cloud, unit, world
from vecclust.clustering import FitParams, FitState, Placer, fit
from vecclust.clustering.clusterers import core_distances
from vecclust.clustering.neighbours import nearest_rows, transform_weights
from vecclust.clustering.prediction import DensityPredictor
from vecclust.clustering.tree import from_hdbscan


def scattered(layout: NDArray[np.float32], *, seed: int = 0) -> NDArray[np.float32]:
    """Points in, around and between the clusters of a layout."""
    rng = np.random.default_rng(seed)
    away = rng.choice([0.02, 0.4], (400, 1)) * rng.normal(size=(400, layout.shape[1]))
    near = layout[rng.integers(0, len(layout), 400)] + away
    anywhere = rng.uniform(layout.min(axis=0) - 2, layout.max(axis=0) + 2, size=(100, layout.shape[1]))
    return np.vstack([near, anywhere]).astype(np.float32)


def chosen_nodes(state: FitState) -> NDArray[np.intp]:
    """The nodes a run chose: labelled ones below an unlabelled parent."""
    label = state.node_label
    return np.flatnonzero((label >= 0) & (label[state.node_parent.clip(min=0)] < 0))


@pytest.fixture
def true_choice(monkeypatch: pytest.MonkeyPatch) -> Callable[[FitState], None]:
    """Tell hdbscan which nodes were chosen.

    0.8.44 finds them again from the parents of the points, and of a node whose points all sit in its children it
    keeps one child and takes the others for noise; our arrays keep the choice itself.
    """

    def tell(state: FitState) -> None:
        nodes = (chosen_nodes(state) + state.n_pictures).tolist()
        monkeypatch.setattr("hdbscan.plots.CondensedTree._select_clusters", lambda _: nodes)

    return tell


@pytest.mark.parametrize("min_samples", [1, 2, 5, 8])
@pytest.mark.parametrize("largest", [0, 50])
@pytest.mark.parametrize("world_name", ["groups", "overlapping"])
def test_prediction_is_that_of_hdbscan(
    world_name: str,
    largest: int,
    min_samples: int,
    request: pytest.FixtureRequest,
    true_choice: Callable[[FitState], None],
) -> None:
    """The golden test: `approximate_predict` to the bit, for coarse and for fine choices, by a tree and without."""
    layout = request.getfixturevalue(world_name).fit.state.layout
    model = hdbscan.HDBSCAN(
        min_cluster_size=6, min_samples=min_samples, max_cluster_size=largest, core_dist_n_jobs=1
    ).fit(layout)
    state = clustered_by(model, request.getfixturevalue(world_name).fit.state)
    true_choice(state)
    model.generate_prediction_data()
    points = scattered(layout)
    wanted_labels, wanted_strengths = hdbscan.approximate_predict(model, points)
    for often in (False, True):
        predictor = DensityPredictor(state, state.layout, often=often)
        parts = [predictor.predict(part) for part in np.array_split(points, len(points) // 20)]
        assert (predictor._tree is not None) == often
        labels, strengths = (np.concatenate(each) for each in zip(*parts, strict=True))
        np.testing.assert_array_equal(labels, wanted_labels)
        np.testing.assert_array_equal(strengths, wanted_strengths)
    assert len(np.unique(labels)) > 3
    assert (labels == -1).any()


def clustered_by(model: hdbscan.HDBSCAN, state: FitState) -> FitState:
    """The same layout, with the clusters and the tree of a real HDBSCAN."""
    tree = from_hdbscan(model.condensed_tree_.to_numpy(), n_points=len(state.layout))
    selection = chosen_by_hdbscan(tree, model.labels_)
    return replace(
        state,
        params=replace(state.params, min_cluster_size=model.min_cluster_size, min_samples=model.min_samples),
        labels=model.labels_.astype(np.int32),
        strengths=model.probabilities_.astype(np.float32),
        core_distances=core_distances(state.layout, min_samples=model.min_samples),
        point_parent=tree.point_parent,
        point_lambda=tree.point_lambda,
        node_parent=tree.node_parent,
        node_birth=tree.node_birth,
        node_size=tree.node_size,
        node_label=selection.node_label,
        node_max_lambda=selection.node_max_lambda,
    )


@pytest.mark.parametrize(("world_name", "share"), [("groups", 0.97), ("overlapping", 0.9)])
def test_a_fitted_point_is_predicted_into_its_own_cluster(
    world_name: str, share: float, request: pytest.FixtureRequest
) -> None:
    """By its place alone; where kinds overlap, places of one cluster are beside those of another."""
    state = request.getfixturevalue(world_name).fit.state
    labels, _ = DensityPredictor(state, state.layout).predict(state.layout)
    clustered = state.labels >= 0
    assert (labels == state.labels)[clustered].mean() > share


def test_arrivals_of_known_kinds_join_their_cluster(groups: Fitted) -> None:
    """Photos near fitted ones get their label and a position among them; the vote agrees."""
    rng = np.random.default_rng(1)
    rows = rng.integers(0, len(groups.vectors), 200)
    arrivals = unit(groups.vectors[rows] + 0.02 * rng.normal(size=(200, groups.vectors.shape[1])))
    placed = Placer(groups.fit.state, groups.vectors).place(arrivals)
    known = ~placed.newcomer
    assert known.mean() > 0.85
    assert (placed.labels[known] == groups.fit.labels[rows][known]).mean() > 0.97
    assert (placed.votes == groups.fit.labels[rows]).mean() > 0.97
    away = np.linalg.norm(placed.positions - groups.fit.positions[rows], axis=1)
    width = np.linalg.norm(groups.fit.positions.std(axis=0))
    assert np.median(away) < 0.2 * width


def test_arrivals_of_a_kind_never_seen_are_held_back(groups: Fitted) -> None:
    """A new kind is noise and marked, though its neighbours would vote it into a cluster."""
    strangers = unit(cloud(np.random.default_rng(99), size=60, width=groups.vectors.shape[1]))
    placed = Placer(groups.fit.state, groups.vectors).place(strangers)
    assert placed.newcomer.mean() > 0.9
    assert (placed.labels[placed.newcomer] == -1).all()
    assert (placed.strengths[placed.newcomer] == 0).all()
    assert np.median(placed.novelty) > 0.95
    rows = np.random.default_rng(1).integers(0, len(groups.vectors), 200)
    known = unit(groups.vectors[rows] + 0.02 * np.random.default_rng(2).normal(size=(200, groups.vectors.shape[1])))
    assert np.mean(Placer(groups.fit.state, groups.vectors).place(known).novelty > 0.95) < 0.15


def test_neighbours_of_one_mind_speak_for_a_photo_that_stands_out_a_little() -> None:
    """By the 95th percentile alone one known photo in twenty would be held back."""
    vectors, truth = world([60] * 12, seed=5, width=256)
    came = np.random.default_rng(0).random(len(truth)) < 0.2
    came |= truth == 11
    state = fit(vectors[~came], FitParams(reducer="pca")).state
    placed = Placer(state, vectors[~came]).place(vectors[came])
    known = truth[came] != 11
    assert (placed.novelty[known] > 0.95).sum() >= 3
    assert not placed.newcomer[known].any()
    assert placed.newcomer[~known].mean() > 0.95


def test_most_neighbours_overrule_the_place_between_them(overlapping: Fitted) -> None:
    """Where clusters touch, the mean of neighbours in several of them is a place of none, or of another."""
    rng = np.random.default_rng(3)
    rows = rng.integers(0, len(overlapping.vectors), 300)
    mixed = overlapping.vectors[rows] + overlapping.vectors[overlapping.fit.state.neighbours[rows, 9]]
    arrivals, state = unit(mixed.astype(np.float64)), overlapping.fit.state
    placed = Placer(state, overlapping.vectors).place(arrivals)
    near = nearest_rows(overlapping.vectors, arrivals, k=state.near.indices.shape[1])
    weights = transform_weights(near.distances)
    said = np.where(state.labels[near.indices] == placed.votes[:, None], weights, 0.0).sum(axis=1) / weights.sum(axis=1)
    most = (said > 0.51) & ~placed.newcomer
    assert (placed.labels[most] == placed.votes[most]).all()
    by_place, _ = DensityPredictor(state, state.layout).predict(placed.positions)
    assert (by_place[most] != placed.votes[most]).sum() >= 5
    torn = (said < 0.49) & ~placed.newcomer
    assert (placed.labels[torn] == by_place[torn]).all()


@pytest.mark.parametrize("clusterer", ["hdbscan", "kmeans", "agglomerative"])
@pytest.mark.parametrize("reducer", ["umap", "pca", "none"])
def test_an_answer_does_not_depend_on_the_batch(reducer: str, clusterer: str) -> None:
    """One by one, all at once, or in another order: the same to the bit."""
    vectors, _ = world([30] * 4, seed=5)
    params = FitParams(reducer=reducer, clusterer=clusterer)  # type: ignore[arg-type]
    placer = Placer(fit(vectors, params).state, vectors)
    arrivals = unit(vectors[:40] + 0.05 * np.random.default_rng(2).normal(size=(40, vectors.shape[1])))
    whole = placer.place(arrivals)
    order = np.random.default_rng(3).permutation(40)
    shuffled = placer.place(arrivals[order])
    for name in ("labels", "strengths", "positions", "novelty", "newcomer", "votes"):
        single = np.concatenate([getattr(placer.place(arrivals[i : i + 1]), name) for i in range(40)])
        np.testing.assert_array_equal(single, getattr(whole, name))
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(whole, name)[order])
    assert (whole.labels >= 0).any()


@pytest.mark.parametrize("clusterer", ["hdbscan", "kmeans", "agglomerative"])
@pytest.mark.parametrize("reducer", ["umap", "pca", "none"])
def test_a_copy_of_a_fitted_photo_gets_its_label(reducer: str, clusterer: str) -> None:
    """And its strength and position; it is never new."""
    vectors, _ = world([25] * 3, seed=6, n_noise=10)
    result = fit(vectors, FitParams(reducer=reducer, clusterer=clusterer))  # type: ignore[arg-type]
    placed = Placer(result.state, vectors).place(vectors)
    np.testing.assert_array_equal(placed.labels, result.labels)
    np.testing.assert_array_equal(placed.strengths, result.strengths)
    np.testing.assert_array_equal(placed.positions, result.positions)
    assert not placed.newcomer.any()


def test_kmeans_arrivals_go_to_the_nearest_centroid() -> None:
    """In the layout, where the run's own labels come from."""
    vectors, _ = world([30] * 4, seed=5)
    state = fit(vectors, FitParams(reducer="pca", clusterer="kmeans")).state
    arrivals = unit(vectors[:60] + 0.05 * np.random.default_rng(2).normal(size=(60, vectors.shape[1])))
    placed = Placer(state, vectors).place(arrivals)
    for label in range(4):
        middle = state.layout[state.labels == label].mean(axis=0)
        np.testing.assert_allclose(state.centroids[label], middle, atol=1e-5)
    gaps = np.linalg.norm(placed.positions[:, None, :] - state.centroids[None], axis=2)
    shown = placed.labels >= 0
    np.testing.assert_array_equal(placed.labels[shown], gaps.argmin(axis=1)[shown])
    assert shown.sum() > 40


@pytest.mark.parametrize("reducer", ["umap", "none"])
def test_rows_whose_photo_is_gone_are_not_asked(reducer: str) -> None:
    """Their vectors may hold anything; the others still place arrivals."""
    vectors, truth = world([30] * 4, seed=5)
    state = fit(vectors, FitParams(reducer=reducer)).state  # type: ignore[arg-type]
    present = truth != 2
    holes = np.where(present[:, None], vectors, np.nan).astype(np.float32)
    placer = Placer(state, holes, present=present)
    rows = np.flatnonzero(present)[:30]
    arrivals = unit(vectors[rows] + 0.02 * np.random.default_rng(2).normal(size=(30, vectors.shape[1])))
    placed = placer.place(arrivals)
    known = ~placed.newcomer
    assert (placed.labels[known] == state.labels[rows][known]).mean() > 0.9
    assert known.sum() > 20
    gone = placer.place(vectors[truth == 2][:5])
    assert gone.newcomer.all()


def test_a_run_without_clusters_or_photos_places_nobody() -> None:
    """Everything is noise; in an empty run everything is new."""
    vectors = unit(np.random.default_rng(0).normal(size=(6, 16)))
    state = fit(vectors, FitParams()).state
    assert (Placer(state, vectors).place(-vectors).labels == -1).all()
    nobody = Placer(state, vectors, present=np.zeros(6, bool)).place(vectors)
    assert nobody.newcomer.all()
    assert (nobody.novelty == 1).all()
    assert len(Placer(state, vectors).place(np.zeros((0, 16), np.float32)).labels) == 0


def test_vectors_of_another_run_are_refused(groups: Fitted) -> None:
    """Wrong rows or a wrong width is the caller's mistake."""
    with pytest.raises(ValueError, match="fitted on"):
        Placer(groups.fit.state, groups.vectors[:-1])
    with pytest.raises(ValueError, match="wide"):
        Placer(groups.fit.state, groups.vectors).place(np.ones((1, 3), np.float32))


@pytest.mark.parametrize("clusterer", ["hdbscan", "kmeans"])
def test_asked_often_it_answers_the_same(groups: Fitted, clusterer: str) -> None:
    """What makes many small batches quick changes nothing."""
    vectors, _ = world([30] * 4, seed=5)
    state = groups.fit.state if clusterer == "hdbscan" else fit(vectors, FitParams(clusterer="kmeans")).state
    fitted = groups.vectors if clusterer == "hdbscan" else vectors
    arrivals = unit(fitted[:50] + 0.05 * np.random.default_rng(2).normal(size=(50, fitted.shape[1])))
    once, often = Placer(state, fitted).place(arrivals), Placer(state, fitted, often=True).place(arrivals[:6])
    for name in ("labels", "strengths", "positions", "novelty", "newcomer", "votes"):
        np.testing.assert_array_equal(getattr(often, name), getattr(once, name)[:6])
