"""How unlike a photo is, by the run's own photos as if each had come after it; and newcomers that gather."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tests.clustering.conftest import Fitted
from tests.clustering.worlds import cloud, unit, world
from vecclust.clustering import FitParams, Placer, fit, largest_new_group, load_state, save_state
from vecclust.clustering.clusterers import isolated_outliers
from vecclust.clustering.neighbours import Neighbours, nearest_rows, neighbour_graph
from vecclust.clustering.novelty import (
    clear_outliers,
    dbscan_eps,
    dbscan_min_points,
    neighbour_rank,
    outlier_reference,
    outlier_scores,
)
from vecclust.clustering.state import FACTS_FILE

RANK = 14


@pytest.mark.parametrize(("k", "rank"), [(1, 1), (2, 1), (5, 4), (15, 4), (15, 14)])
def test_a_fitted_photo_scores_as_if_it_had_come_after_the_fit(k: int, rank: int) -> None:
    """Exactly what an arrival gets in a fit of all the others, for lists that are longer than the rank."""
    vectors, _ = world([30, 30], seed=1)
    graph = neighbour_graph(vectors, k=k)
    found = outlier_reference(graph, rank=rank).scores
    left_out = []
    for row in range(len(vectors)):
        others = np.delete(vectors, row, axis=0)
        lists = neighbour_graph(others, k=rank).distances
        near = nearest_rows(others, vectors[row : row + 1], k=rank)
        own, usual = near.distances[0, -1], lists[near.indices[0], -1]
        left_out.append(own / np.sqrt(usual.astype(np.float64).mean()))
    if k == 1:  # no reserve: the list of a neighbour that loses the photo is taken as it is
        assert len(found) == len(left_out)
    else:
        np.testing.assert_allclose(found, np.sort(left_out), rtol=1e-5)


def test_a_steady_stream_stands_out_as_the_fit_does() -> None:
    """A twentieth of photos from the same kinds is above the 95th percentile, and hardly one of a new kind is below."""
    vectors, truth = world([120] * 8, seed=2)
    arrived = np.random.default_rng(0).random(len(vectors)) < 0.3
    arrived[truth == 7] = True
    fitted = vectors[~arrived]
    graph = neighbour_graph(fitted, k=15)
    scores = outlier_scores(nearest_rows(fitted, vectors[arrived], k=15), distances=graph.distances, rank=RANK)
    found = outlier_reference(graph, rank=RANK)
    known = truth[arrived] != 7
    assert 0.02 < np.mean(found.quantiles(scores[known]) > 0.95) < 0.09
    assert np.mean(scores[known] > found.threshold) < 0.09
    assert np.mean(scores[~known] > found.threshold) > 0.95


def test_photos_of_no_kind_do_not_raise_the_threshold() -> None:
    """Where many photos are of no kind, a kind never seen is still held back."""
    vectors, _ = world([60] * 10, seed=3, n_noise=60)
    found = outlier_reference(neighbour_graph(vectors, k=15), rank=RANK)
    strangers = unit(cloud(np.random.default_rng(9), size=50, width=64))
    graph = neighbour_graph(vectors, k=15)
    scores = outlier_scores(nearest_rows(vectors, strangers, k=15), distances=graph.distances, rank=RANK)
    assert np.mean(scores > found.threshold) > 0.95
    assert found.threshold < np.percentile(found.scores, 95)


def test_copies_and_empty_lists_have_a_score() -> None:
    """Distances of 0 give a number instead of a division by zero; what is no copy of a single photo stands out."""
    same = Neighbours(np.array([[1, 2], [0, 2], [0, 1], [0, 1]], np.int32), np.zeros((4, 2), np.float32))
    assert np.isfinite(outlier_reference(same, rank=1).scores).all()
    single = Neighbours(np.zeros((1, 0), np.int32), np.zeros((1, 0), np.float32))
    assert outlier_reference(single, rank=0).threshold < outlier_scores(single, distances=single.distances, rank=0)[0]


def test_photos_of_no_kind_are_in_no_cluster() -> None:
    """Each is linked to some cluster, as every photo is; an arrival like them would be held back."""
    vectors, truth = world([60] * 12, seed=3, width=256, n_noise=40)
    found = fit(vectors, FitParams())
    assert (found.labels[truth < 0] < 0).mean() > 0.8  # some have all of their neighbours in one cluster by chance
    assert (found.strengths[found.labels < 0] == 0).all()
    assert (found.labels[truth >= 0] < 0).mean() < 0.01
    strangers = unit(cloud(np.random.default_rng(9), size=20, width=256))
    again = fit(np.vstack([vectors, strangers]), FitParams())
    assert len(np.unique(again.labels[-20:])) == 1  # together they are a kind
    assert again.labels[-1] >= 0


def test_a_cluster_of_which_half_stands_out_stays_whole() -> None:
    """Nothing is left without photos, nor below the smallest size."""
    labels = np.repeat([0, 1, 2], [20, 20, 12])
    outlier = np.zeros(52, bool)
    outlier[:11] = outlier[20:24] = outlier[40:44] = True
    shares = np.full(52, 0.7, np.float32)
    alone = np.flatnonzero(isolated_outliers(labels, outlier, shares=shares, least_size=10))
    assert alone.tolist() == [20, 21, 22, 23]


def test_a_heap_of_outliers_is_no_cluster() -> None:
    """Most links of its photos lead elsewhere: those that stand out go, and a handful that is left goes with them."""
    labels = np.repeat([0, 1, 2, -1], [20, 20, 12, 3])
    outlier = np.zeros(55, bool)
    outlier[:11] = outlier[20:36] = outlier[52:] = True
    shares = np.repeat([0.3, 0.3, 0.3, 0.0], [20, 20, 12, 3]).astype(np.float32)
    alone = np.flatnonzero(isolated_outliers(labels, outlier, shares=shares, least_size=6))
    assert alone.tolist() == [*range(11), *range(20, 40)], "nine of the first are left, none of the second"


def test_photos_that_are_at_home_are_the_measure_of_who_stands_out() -> None:
    """A third of no kind would be the usual, where all photos are the measure."""
    vectors, truth = world([60] * 10, seed=3, width=256, n_noise=300)
    graph = neighbour_graph(vectors, k=15)
    by_kinds = clear_outliers(graph, rank=4, at_home=truth >= 0)
    by_all = clear_outliers(graph, rank=4, at_home=np.ones(len(truth), bool))
    assert by_kinds[truth < 0].mean() > 0.95
    assert by_kinds[truth >= 0].mean() < 0.02
    assert by_all[truth < 0].mean() < 0.05
    assert not clear_outliers(graph, rank=0, at_home=truth >= 0).any()
    nobody = neighbour_graph(vectors[:0], k=15)
    assert len(clear_outliers(nobody, rank=4, at_home=np.zeros(0, bool))) == 0


def test_small_kinds_are_told_apart_by_near_neighbours() -> None:
    """In kinds of ten photos, the fifteenth neighbour is of another kind for everybody."""
    vectors, _ = world([10] * 6, seed=4)
    strangers = unit(cloud(np.random.default_rng(9), size=5, width=64))
    state = fit(vectors, FitParams(reducer="pca")).state
    assert state.params.min_cluster_size == 5
    assert state.n_clusters == 6
    assert Placer(state, vectors).place(strangers).newcomer.all()
    assert [neighbour_rank(k, min_cluster_size=5) for k in (0, 1, 2, 5, 15)] == [0, 1, 1, 4, 4]
    assert neighbour_rank(15, min_cluster_size=20) == 14


def test_a_run_kept_by_an_earlier_vecclust_is_measured_anew(groups: Fitted, tmp_path: Path) -> None:
    """It names gates of its own, on another scale; they are not looked at."""
    save_state(groups.fit.state, tmp_path)
    facts = json.loads((tmp_path / FACTS_FILE).read_text())
    del facts["facts_sha256"]
    facts |= {"lof_gate": 1.1, "lof_drift": 1.2}
    facts["facts_sha256"] = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    (tmp_path / FACTS_FILE).write_text(json.dumps(facts))
    strangers = unit(cloud(np.random.default_rng(99), size=20, width=64))
    before, now = Placer(groups.fit.state, groups.vectors), Placer(load_state(tmp_path), groups.vectors)
    np.testing.assert_array_equal(now.place(strangers).novelty, before.place(strangers).novelty)
    assert now.place(strangers).newcomer.all()


def test_photos_of_a_new_kind_are_a_group_once_they_are_enough(groups: Fitted) -> None:
    """As many as can become a cluster; photos of no kind between them are not in it, in whatever order they come."""
    state, rng = groups.fit.state, np.random.default_rng(3)
    least = dbscan_min_points(state)
    kind, of_no_kind = cloud(rng, size=3 * least, width=64), rng.normal(size=(30, 64))
    few = unit(np.vstack([of_no_kind, kind[: least - 1]]))
    assert len(largest_new_group(few, state)) == 0
    many = unit(np.vstack([of_no_kind, kind]))
    assert Placer(state, groups.vectors).place(many).newcomer[30:].mean() > 0.95
    found = largest_new_group(many, state)
    assert set(found) <= set(range(30, 30 + 3 * least))
    assert len(found) >= 2 * least
    order = rng.permutation(len(many))
    assert sorted(order[largest_new_group(many[order], state)]) == found.tolist()


def test_the_larger_of_two_new_groups_is_told(groups: Fitted) -> None:
    """They are not taken for one."""
    rng, least = np.random.default_rng(4), dbscan_min_points(groups.fit.state)
    both = unit(np.vstack([cloud(rng, size=2 * least, width=64), cloud(rng, size=4 * least, width=64)]))
    found = largest_new_group(both, groups.fit.state)
    assert set(found) <= set(range(2 * least, 6 * least))


def test_a_run_without_clusters_has_no_new_groups() -> None:
    """Nothing says what near means there; copies of one picture are a group elsewhere."""
    nothing = fit(unit(np.random.default_rng(0).normal(size=(6, 16))), FitParams()).state
    assert dbscan_eps(nothing) is None
    same = np.repeat(unit(np.random.default_rng(1).normal(size=(1, 16))), 9, axis=0)
    assert len(largest_new_group(same, nothing)) == 0


def test_copies_are_a_new_group(groups: Fitted) -> None:
    """At distance 0, to the rounding of the product."""
    same = np.repeat(unit(np.random.default_rng(1).normal(size=(1, 64))), 20, axis=0)
    assert largest_new_group(same, groups.fit.state).tolist() == list(range(20))
    assert len(largest_new_group(same[:0], groups.fit.state)) == 0
