"""The second pass: small groups among what is left, and nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from tests.clustering.conftest import Fitted, fitted
from tests.clustering.worlds import unit, world
from vecclust.clustering import Earlier, FitParams, Placer, fit

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
