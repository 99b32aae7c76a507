"""How much of a grouping is there: nothing in clouds, much in kinds, and how fine it is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.clustering.conftest import Fitted
from tests.clustering.worlds import unit, world
from vecclust.clustering import evidence
from vecclust.clustering.communities import find_communities, link_graph
from vecclust.clustering.evidence import measure_evidence, n_linked
from vecclust.clustering.neighbours import Neighbours, neighbour_graph


@pytest.mark.parametrize(("n", "width"), [(150, 64), (500, 16), (500, 512)])
def test_random_vectors_have_none(n: int, width: int) -> None:
    """Neighbours in any cloud fall into communities; beyond chance nothing is there."""
    found = measure_evidence(unit(np.random.default_rng(5).normal(size=(n, width))), seed=42)
    assert found.value is not None
    assert found.value < 0.03


def test_a_stretched_cloud_has_none() -> None:
    """A few directions that matter more than others are no kinds."""
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(400, 6)) @ rng.normal(size=(6, 64)) + 1.0)
    value = measure_evidence(vectors, seed=42).value
    assert value is not None
    assert value < 0.1


def test_clear_kinds_have_much(groups: Fitted) -> None:
    """Twelve of them, and the resolution is one at which they are found."""
    found = measure_evidence(groups.vectors, seed=42)
    assert found.value is not None
    assert found.value > 0.3
    graph = link_graph(neighbour_graph(groups.vectors, k=n_linked(len(groups.vectors))))
    assert find_communities(graph, resolution=found.resolution, seed=0).max() + 1 == 12


def test_the_same_rows_and_seed_have_the_same(groups: Fitted) -> None:
    """To the bit, whether the links are known or not."""
    found = measure_evidence(groups.vectors, seed=7)
    graph = link_graph(neighbour_graph(groups.vectors, k=n_linked(len(groups.vectors))))
    assert found == measure_evidence(groups.vectors, seed=7)
    assert found == measure_evidence(groups.vectors, seed=7, graph=graph)


def test_a_guess_is_near_the_value(groups: Fitted) -> None:
    """Near enough to tell clear kinds from none."""
    for vectors in (groups.vectors, unit(np.random.default_rng(5).normal(size=(300, 64)))):
        rough, whole = (measure_evidence(vectors, seed=7, rough=rough).value for rough in (True, False))
        assert rough == pytest.approx(whole, abs=0.05)


@pytest.mark.parametrize("n", [0, 1, 2, 12, 60])
def test_few_photos_have_none_and_a_resolution_all_the_same(n: int) -> None:
    """It cannot be measured; the fewer they are, the finer they are looked at."""
    found = measure_evidence(world([20] * 3)[0][:n], seed=42)
    assert (found.value, found.coarse) == (None, None)
    assert found.resolution > measure_evidence(world([22] * 3)[0], seed=42).resolution


def test_of_parts_there_is_a_value_and_no_resolution_of_their_own() -> None:
    """Forty photos of two kinds are seen to be two, and are looked at as any forty."""
    vectors, _ = world([20] * 2)
    found = measure_evidence(vectors, seed=42, least=12)
    assert found.value is not None
    assert found.value > 0.2
    assert found.resolution == measure_evidence(vectors, seed=42).resolution
    assert found.coarse is None


def test_of_many_photos_some_are_measured(groups: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same each time, nothing larger is looked at, and what is found is still there."""
    monkeypatch.setattr(evidence, "MAX_MEASURED", 200)
    seen: list[int] = []

    def noted(vectors: NDArray[np.float32], *, k: int) -> Neighbours:
        """Find neighbours, and note of how many."""
        seen.append(len(vectors))
        return neighbour_graph(vectors, k=k)

    monkeypatch.setattr(evidence, "neighbour_graph", noted)
    found = measure_evidence(groups.vectors, seed=7)
    assert set(seen) == {200}
    assert found == measure_evidence(groups.vectors, seed=7)
    assert found != measure_evidence(groups.vectors, seed=8)
    assert found.value is not None
    assert found.value > 0.3


def test_a_dominant_kind_is_what_is_explained_best() -> None:
    """Nine photos in ten of one kind: at the coarse resolution they are one community, at the other they are sliced."""
    vectors, truth = world([400] + [6] * 10, width=256)
    found = measure_evidence(vectors, seed=42)
    graph = link_graph(neighbour_graph(vectors, k=n_linked(len(vectors))))
    assert found.coarse is not None
    whole = find_communities(graph, resolution=found.coarse, seed=0)[truth == 0]
    assert np.bincount(whole).max() > 0.95 * 400
    sliced = find_communities(graph, resolution=found.resolution, seed=0)[truth == 0]
    assert np.bincount(sliced).max() < 0.6 * 400


@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_the_resolution_is_half_way_to_the_coarsest_that_is_as_good(noise: float) -> None:
    """Of a hill of evidence; what chance adds at single resolutions moves it little."""
    scales = np.log(evidence.USUAL)
    rng = np.random.default_rng(3)
    found = [
        np.log(evidence._most_evident(0.4 - 0.02 * (scales - np.log(3.2)) ** 2 + rng.normal(0, noise, len(scales))))
        for _ in range(20)
    ]
    # 0.01 below the top is 0.71 coarser.
    assert np.mean(found) == pytest.approx(np.log(3.2) - 0.71 / 2, abs=0.1)
    assert np.std(found) < 0.25


def test_as_many_neighbours_are_linked_as_tell_kinds_apart() -> None:
    """At most thirty, fewer of few photos, and never more than there are or are known."""
    assert [n_linked(n) for n in (0, 1, 2, 3, 4, 25, 100, 10_000)] == [0, 0, 1, 2, 3, 8, 16, 30]
    assert n_linked(10_000, most=12) == 12
    assert n_linked(100, most=200) == 16
