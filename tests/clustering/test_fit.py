"""One fit, from vectors to labels."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from tests.clustering.conftest import Fitted
from tests.clustering.worlds import blobs, unit, world
from vecclust.clustering import STAGES, Earlier, FitParams, Placer, fit
from vecclust.clustering.fit import distinct_rows
from vecclust.clustering.layout import MIN_FOR_UMAP
from vecclust.clustering.neighbours import N_NEAREST, Neighbours
from vecclust.clustering.warm_start import move_beside

WAYS = [
    {"reducer": reducer, "clusterer": clusterer}
    for reducer in ("umap", "pca", "none")
    for clusterer in ("hdbscan", "kmeans", "agglomerative")
]


def test_groups_are_found(groups: Fitted) -> None:
    """Twelve groups, each photo where it belongs, strengths and positions of the promised kind."""
    result = groups.fit
    assert adjusted_mutual_info_score(groups.truth, result.labels) > 0.98
    assert result.labels.dtype == np.int64
    assert result.strengths.dtype == result.positions.dtype == np.float32
    assert result.positions.shape == (len(groups.vectors), 5)
    assert result.strengths.min() >= 0.0
    assert result.strengths.max() <= 1.0
    assert (result.strengths[result.labels < 0] == 0).all()
    assert (result.params.min_cluster_size, result.params.min_samples) == (5, 5)


def test_the_same_rows_and_seed_give_the_same_fit(groups: Fitted) -> None:
    """Labels, strengths and positions to the bit; another seed lays the photos out anew."""
    again = fit(groups.vectors, FitParams(threads=1))
    np.testing.assert_array_equal(again.labels, groups.fit.labels)
    np.testing.assert_array_equal(again.strengths, groups.fit.strengths)
    np.testing.assert_array_equal(again.positions, groups.fit.positions)
    other = fit(groups.vectors, FitParams(seed=1))
    assert not np.array_equal(other.positions, groups.fit.positions)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way['reducer']}-{way['clusterer']}")
@pytest.mark.parametrize("n", [0, 1, 2, 5, 6, MIN_FOR_UMAP - 1, MIN_FOR_UMAP])
def test_any_number_of_photos_has_an_answer(n: int, way: dict[str, Any]) -> None:
    """A label for each, no traceback, no warning, and arrivals can be placed into it."""
    vectors = unit(np.random.default_rng(n).normal(size=(n, 32)))
    result = fit(vectors, FitParams(**way))
    assert result.labels.shape == result.strengths.shape == (n,)
    assert result.positions.shape == (n, 5)
    assert np.isfinite(result.positions).all()
    placed = Placer(result.state, vectors).place(unit(np.ones((2, 32))))
    assert placed.labels.max() <= result.labels.max(initial=-1)
    if way["clusterer"] == "hdbscan" and n <= 5:
        assert (result.labels == -1).all()
    if way["clusterer"] != "hdbscan":
        assert (result.labels >= 0).all()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way['reducer']}-{way['clusterer']}")
def test_photos_all_alike_are_one_cluster(way: dict[str, Any]) -> None:
    """Twenty times the same picture: one cluster, full strength, and a copy that arrives joins it."""
    vectors = np.repeat(unit(np.random.default_rng(0).normal(size=(1, 32))), 20, axis=0)
    result = fit(vectors, FitParams(**way))
    np.testing.assert_array_equal(result.labels, [0] * 20)
    np.testing.assert_array_equal(result.strengths, [1.0] * 20)
    placed = Placer(result.state, vectors).place(np.vstack([vectors[:1], -vectors[:1]]))
    np.testing.assert_array_equal(placed.labels, [0, -1])
    np.testing.assert_array_equal(placed.newcomer, [False, True])


def test_two_photos_alike_are_too_few_for_a_cluster() -> None:
    """A cluster has at least three."""
    vectors = np.repeat(unit(np.ones((1, 8))), 2, axis=0)
    np.testing.assert_array_equal(fit(vectors, FitParams()).labels, [-1] * 2)


def test_copies_share_the_label_of_their_picture_and_change_nothing_else(groups: Fitted) -> None:
    """The fit sees distinct pictures: doubling forty photos leaves labels and places as they are."""
    doubled = np.vstack([groups.vectors, groups.vectors[:40]])
    result = fit(doubled, FitParams())
    n = len(groups.vectors)
    np.testing.assert_array_equal(result.labels[:n], groups.fit.labels)
    np.testing.assert_array_equal(result.labels[n:], groups.fit.labels[:40])
    np.testing.assert_array_equal(result.positions[:n], groups.fit.positions)
    np.testing.assert_array_equal(result.strengths[n:], result.strengths[:40])
    np.testing.assert_allclose(result.strengths[:n], groups.fit.strengths, atol=0.05)
    assert (result.state.n_rows, result.state.n_pictures) == (n + 40, n)


def test_distinct_rows_are_numbered_by_first_appearance() -> None:
    """Minus zero is zero."""
    rows = np.array([[1, 0], [0, 1], [1, -0.0], [0, 1], [-1, 0]], np.float32)
    picture_of_row, first = distinct_rows(rows)
    np.testing.assert_array_equal(picture_of_row, [0, 1, 0, 1, 2])
    np.testing.assert_array_equal(first, [0, 1, 4])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way['reducer']}-{way['clusterer']}")
def test_reducers_and_clusterers_can_be_mixed(way: dict[str, Any]) -> None:
    """Five clear groups are found by every pair, with the number of clusters chosen by itself."""
    vectors, truth = world([30] * 5, seed=3)
    result = fit(vectors, FitParams(**way))
    assert adjusted_mutual_info_score(truth, result.labels) > 0.9
    if way["clusterer"] != "hdbscan":
        assert result.params.n_clusters == 5


def test_a_given_number_of_clusters_is_kept() -> None:
    """Both centroid and linkage clusterers take it."""
    vectors, _ = world([30] * 5, seed=3)
    for clusterer in ("kmeans", "agglomerative"):
        result = fit(vectors, FitParams(reducer="pca", clusterer=clusterer, n_clusters=3))
        assert result.figures["n_clusters"] == 3


def test_many_photos_are_linked_along_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of all pairs the linkage follows a graph, without a warning about its pieces."""
    monkeypatch.setattr("vecclust.clustering.clusterers.MAX_FOR_ALL_PAIRS", 100)
    vectors, truth = world([30] * 5, seed=3)
    result = fit(vectors, FitParams(reducer="pca", clusterer="agglomerative"))
    assert adjusted_mutual_info_score(truth, result.labels) > 0.9


def test_progress_tells_every_stage_and_seconds_are_recorded() -> None:
    """Begun and ended in order; the neighbours also say how far they are."""
    vectors, _ = world([20, 20])
    seen: list[tuple[str, int, int]] = []
    result = fit(vectors, FitParams(reducer="pca"), progress=lambda *step: seen.append(step))
    assert [stage for stage, done, _ in seen if done == 0] == list(STAGES)
    assert [stage for stage, done, total in seen if (done, total) == (1, 1)] == list(STAGES)
    assert ("neighbours", 40, 40) in seen
    assert list(result.seconds) == list(STAGES)
    assert min(result.seconds.values()) >= 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        np.ones(4, np.float32),
        np.ones((2, 4), np.float64) / 2,
        np.zeros((2, 0), np.float32),
        np.ones((2, 4), np.float32),
        np.array([[np.nan, 1.0]], np.float32),
        np.array([[np.inf, 1.0]], np.float32),
        np.zeros((1, 4), np.float32),
    ],
)
def test_what_is_no_unit_vector_is_refused(wrong: np.ndarray) -> None:
    """NaN, zero, a wrong norm, type or shape is a mistake to be seen, not a cluster."""
    with pytest.raises(ValueError, match="vector"):
        fit(wrong, FitParams())


def test_importing_the_room_is_light() -> None:
    """None of the libraries this room knows is loaded before it is needed."""
    heavy = ("umap", "hdbscan", "sklearn", "scipy", "numba", "torch")
    code = f"import sys, vecclust.clustering; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_earlier_fit_saves_the_search_and_changes_nothing(groups: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos came, photos went: the fit is that of the photos alone, and nothing else is searched for."""
    vectors = groups.vectors
    n = len(vectors)
    before = fit(vectors[: n - 30], FitParams())
    there = np.setdiff1d(np.arange(n), np.arange(0, n - 30, 50))
    rows = np.where(there < n - 30, there, -1).astype(np.int64)
    alone = fit(vectors[there], FitParams())
    searched: list[int] = []
    grown = fit(
        vectors[there],
        FitParams(),
        earlier=Earlier(before.state, rows),
        progress=lambda stage, done, total: searched.append(total) if stage == "neighbours" else None,
    )
    assert max(searched) < n / 2
    np.testing.assert_array_equal(grown.state.neighbours, alone.state.neighbours)
    np.testing.assert_array_equal(grown.labels, alone.labels)


@pytest.mark.parametrize("of_no_use", ["other photos", "other parameters", "none of them"])
def test_an_earlier_fit_of_no_use_is_passed_over(groups: Fitted, of_no_use: str) -> None:
    """A graph of other vectors, of another length of lists, or of photos that all went."""
    vectors = groups.vectors[:200]
    state = fit(vectors[::-1].copy() if of_no_use == "other photos" else vectors, FitParams(reducer="pca")).state
    rows = np.full(200, -1, np.int64) if of_no_use == "none of them" else np.arange(200)
    params = FitParams(reducer="pca", n_neighbors=9 if of_no_use == "other parameters" else 15)
    found = fit(vectors, params, earlier=Earlier(state, rows))
    np.testing.assert_array_equal(found.state.neighbours, fit(vectors, params).state.neighbours)


def test_a_continued_fit_begins_where_the_earlier_one_was(groups: Fitted) -> None:
    """Its layout stays near the earlier one, its clusters are the groups, a new group among them; it says so."""
    vectors, truth = groups.vectors, groups.truth
    old = np.flatnonzero(truth != 11)
    before = fit(vectors[old], FitParams())
    rows = np.full(len(vectors), -1, np.int64)
    rows[old] = np.arange(len(old))
    found = fit(vectors, FitParams(), earlier=Earlier(before.state, rows), kind="continued")
    alone = fit(vectors, FitParams())
    assert (found.kind, alone.kind) == ("continued", "full")
    assert adjusted_mutual_info_score(truth, found.labels) > adjusted_mutual_info_score(truth, alone.labels) - 0.02
    newcomers = found.labels[truth == 11]
    its_own = np.bincount(newcomers + 1)[1:].argmax()
    assert (newcomers == its_own).mean() > 0.8
    assert its_own not in found.labels[old]
    assert (
        _correlation(found.positions[old], before.positions)
        > 0.9
        > _correlation(alone.positions[old], before.positions)
    )


def test_a_light_fit_moves_newcomers_alone_and_finds_their_kinds(groups: Fitted) -> None:
    """What was known keeps its place to the bit; a new kind is a cluster of its own; twice the same is the same."""
    vectors, truth = groups.vectors, groups.truth
    known = np.flatnonzero((truth != 11) & (np.arange(len(truth)) % 10 > 0))
    before = fit(vectors[known], FitParams())
    rows = np.full(len(vectors), -1, np.int64)
    rows[known] = np.arange(len(known))
    found, again = (fit(vectors, FitParams(), earlier=Earlier(before.state, rows), kind="light") for _ in range(2))
    assert found.kind == "light"
    np.testing.assert_array_equal(found.positions[known], before.positions)
    np.testing.assert_array_equal(found.positions, again.positions)
    assert len(np.unique(found.positions[rows < 0], axis=0)) == (rows < 0).sum()
    assert adjusted_mutual_info_score(truth, found.labels) > adjusted_mutual_info_score(truth, groups.fit.labels) - 0.02
    its_own = np.bincount(found.labels[truth == 11] + 1)[1:].argmax()
    assert (found.labels[truth == 11] == its_own).mean() > 0.8
    assert its_own not in found.labels[known]
    after = fit(vectors, FitParams(), earlier=Earlier(found.state, np.arange(len(vectors))), kind="continued")
    assert (after.kind, adjusted_mutual_info_score(found.labels, after.labels) > 0.95) == ("continued", True)


def test_newcomers_whom_nobody_knew_are_put_beside_the_map(groups: Fitted) -> None:
    """Kinds that came at once lie apart from the others and from one another."""
    truth = groups.truth
    new = truth >= 9
    places = groups.fit.positions.copy()
    places[new] = places[~new].mean(axis=0)
    graph = Neighbours(groups.fit.state.neighbours, groups.fit.state.distances)
    moved = move_beside(places, new=new, graph=graph.nearest(N_NEAREST))
    np.testing.assert_array_equal(moved[~new], places[~new])
    spots = np.unique(moved[new], axis=0)
    assert len(spots) >= 2
    outside = (spots < places[~new].min(axis=0)) | (spots > places[~new].max(axis=0))
    assert outside.any(axis=1).all()


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Say how alike two layouts are, axis by axis."""
    return float(np.mean([np.corrcoef(a[:, axis], b[:, axis])[0, 1] for axis in range(a.shape[1])]))


@pytest.mark.parametrize("of_no_use", ["other reducer", "other dimensions", "mostly new"])
def test_a_layout_of_no_use_is_not_continued(groups: Fitted, of_no_use: str) -> None:
    """A fit from nothing instead, and it says so."""
    vectors = groups.vectors[:200]
    before = FitParams(
        reducer="pca" if of_no_use == "other reducer" else "umap",
        n_components=3 if of_no_use == "other dimensions" else 5,
    )
    state = fit(vectors, before).state
    rows = np.where(np.arange(200) < (80 if of_no_use == "mostly new" else 200), np.arange(200), -1)
    found = fit(vectors, FitParams(), earlier=Earlier(state, rows), kind="continued")
    assert found.kind == "full"
    np.testing.assert_array_equal(found.labels, fit(vectors, FitParams()).labels)


def test_the_parameters_of_a_run_given_back_give_the_run(groups: Fitted) -> None:
    """Resolved and chosen, they are those of a fit that chooses nothing."""
    params = groups.fit.params
    assert params.resolution > 0
    assert params.chosen_at == len(groups.vectors)
    assert (params.n_neighbors, params.granularity) == (30, "auto")
    assert groups.fit.state.neighbours.shape[1] == 30
    np.testing.assert_array_equal(fit(groups.vectors, params).labels, groups.fit.labels)


def test_a_later_fit_keeps_the_resolution_and_one_from_nothing_finds_the_same(groups: Fitted) -> None:
    """What was chosen is kept while the labels are; an earlier fit by itself changes nothing of what is found."""
    vectors = groups.vectors
    earlier = Earlier(groups.fit.state, np.arange(len(vectors)))
    later = fit(vectors, FitParams(), earlier=earlier, kind="light")
    assert later.params.resolution == groups.fit.params.resolution
    assert later.params.chosen_at == groups.fit.params.chosen_at
    assert adjusted_mutual_info_score(groups.fit.labels, later.labels) > 0.99
    np.testing.assert_array_equal(fit(vectors, FitParams(), earlier=earlier).labels, groups.fit.labels)


def test_a_kind_that_comes_few_by_few_has_a_cluster_of_its_own_in_the_end() -> None:
    """Beside one that is like it, whose cluster the first of them join; the known ones stay where they are."""
    vectors, truth = blobs(n_blobs=2, n_groups=3, size=60, seed=4)
    late = truth == 4
    rows = np.flatnonzero(~late)
    last = fit(vectors[rows], FitParams())
    begun = last.labels
    for part in np.array_split(np.flatnonzero(late), 6):
        now = np.append(rows, part)
        earlier = Earlier(last.state, np.append(np.arange(len(rows)), np.full(len(part), -1)))
        last, rows = fit(vectors[now], FitParams(), earlier=earlier, kind="light"), now
        assert last.kind == "light"
    labels, is_late = last.labels, late[rows]
    own = np.bincount(labels[is_late][labels[is_late] >= 0]).argmax()
    assert (labels[is_late] == own).mean() > 0.7
    assert is_late[labels == own].mean() > 0.7
    assert (begun >= 0).mean() > 0.9
    assert adjusted_mutual_info_score(begun, labels[: len(begun)]) > 0.95
    assert last.state.settled.sum() == len(begun)
