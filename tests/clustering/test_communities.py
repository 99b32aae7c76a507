"""Communities of the neighbour graph: found where they are, the same each time, and by the weight of all photos."""

from __future__ import annotations

import os
import subprocess
import sys
from math import log
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.metrics import adjusted_mutual_info_score

from tests.clustering.worlds import unit, world
from vecclust.clustering import FitParams, fit, kernels
from vecclust.clustering.communities import find_communities, link_graph, link_information, modularity, numbered
from vecclust.clustering.neighbours import neighbour_graph


def planted(sizes: list[int], *, inside: float, across: float, seed: int = 0) -> tuple[csr_array, NDArray[np.int64]]:
    """Give a graph whose nodes are linked by chance, within their group and across, and the groups."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    chance = np.where(truth[:, None] == truth, inside, across)
    links = np.triu(rng.random(chance.shape) < chance, 1).astype(float)
    return csr_array(links + links.T), truth


def cliques(n: int, size: int) -> csr_array:
    """Give groups of which each is linked to all of its own and to no other."""
    own = np.kron(np.eye(n), np.ones((size, size)) - np.eye(size))
    return csr_array(own)


def test_planted_groups_are_found() -> None:
    """Eight groups that are one another's neighbours mostly: each node in its own, and no cut is better."""
    graph, truth = planted([20, 25, 30, 35, 40, 30, 25, 20], inside=0.4, across=0.02)
    found = find_communities(graph, resolution=1.0, seed=1)
    assert adjusted_mutual_info_score(truth, found) > 0.99
    best = modularity(graph, truth, resolution=1.0)
    assert modularity(graph, found, resolution=1.0) >= best - 1e-9
    assert best > 0.5


def test_what_is_found_is_better_than_any_one_move() -> None:
    """Where groups run into one another too: no node belongs elsewhere."""
    graph, _ = planted([12] * 6, inside=0.4, across=0.1)
    found = find_communities(graph, resolution=1.0, seed=0, n_rounds=10)
    reached = modularity(graph, found, resolution=1.0)
    for node in range(len(found)):
        for other in set(found.tolist()) - {int(found[node])}:
            moved = np.where(np.arange(len(found)) == node, other, found)
            assert modularity(graph, moved, resolution=1.0) <= reached + 1e-9


def test_modularity_is_as_newman_defined_it() -> None:
    """By hand: links inside less what they would be by chance; all in one have none."""
    graph = cliques(4, 5)
    groups = np.repeat(np.arange(4), 5)
    assert modularity(graph, groups, resolution=1.0) == pytest.approx(1 - 4 / 16)
    assert modularity(graph, groups, resolution=2.0) == pytest.approx(1 - 8 / 16)
    assert modularity(graph, np.zeros(20, np.int64), resolution=1.0) == pytest.approx(0.0)


@pytest.mark.parametrize("resolution", [0.3, 1.0, 4.0])
def test_the_same_graph_and_seed_give_the_same_labels(resolution: float) -> None:
    """Numbered 0, 1, 2, ... by first appearance; another seed may find others."""
    graph, _ = planted([15] * 6, inside=0.3, across=0.1)
    found = find_communities(graph, resolution=resolution, seed=5, n_tries=2)
    np.testing.assert_array_equal(found, find_communities(graph, resolution=resolution, seed=5, n_tries=2))
    np.testing.assert_array_equal(found, numbered(found))
    assert found.dtype == np.int64


def test_a_larger_resolution_gives_more_communities() -> None:
    """From two halves over four quarters to many."""
    graph, _ = planted([40] * 4, inside=0.5, across=0.02)
    pair = np.arange(160) // 80
    closer = csr_array(graph + 0.15 * (pair[:, None] == pair))
    counts = [find_communities(closer, resolution=each, seed=0).max() + 1 for each in (0.4, 1.2, 6.0)]
    assert counts[:2] == [2, 4]
    assert counts[2] > 4


def test_every_community_is_of_one_piece() -> None:
    """What Leiden refines for: parts that no link joins are no community."""
    from scipy.sparse.csgraph import connected_components

    vectors, _ = world([30] * 5, seed=2, n_noise=60)
    graph = link_graph(neighbour_graph(vectors, k=6))
    found = find_communities(graph, resolution=0.5, seed=0)
    for label in range(found.max() + 1):
        rows = np.flatnonzero(found == label)
        assert connected_components(graph[rows][:, rows])[0] == 1


def test_it_begins_where_it_is_told() -> None:
    """Two cuts of a ring are equally good: that at which it starts is kept, where chance would take another."""
    n = 24
    ring = csr_array(np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1))
    for shift in range(4):
        start = np.roll(np.arange(n) // 4, shift)
        found = find_communities(ring, resolution=1.0, seed=3, start=7 * start, n_rounds=1)
        # A cut is kept or joined with the next, never moved.
        assert all(len(np.unique(found[start == label])) == 1 for label in range(6))
    alone = find_communities(ring, resolution=1.0, seed=3, n_rounds=1)
    assert any(len(np.unique(alone[np.arange(n) // 4 == label])) > 1 for label in range(6))


def test_of_several_tries_the_best_is_taken() -> None:
    """Never worse than the first, and better in most graphs whose groups run into one another."""
    better = 0
    for seed in range(6):
        graph, _ = planted([10] * 12, inside=0.3, across=0.1, seed=seed)
        one, six = (
            modularity(graph, find_communities(graph, resolution=1.0, seed=9, n_tries=n, n_rounds=1), resolution=1.0)
            for n in (1, 6)
        )
        assert six >= one
        better += six > one + 1e-9
    assert better >= 4


def test_what_tries_agree_on_begins_better_ones() -> None:
    """Eight orders of which half begin at what the others agree on beat eight that begin at nothing."""
    ahead = []
    for seed in range(8):
        graph, _ = planted([12] * 16, inside=0.3, across=0.06, seed=seed)
        alone = [
            modularity(graph, find_communities(graph, resolution=1.0, seed=1000 * each), resolution=1.0)
            for each in range(8)
        ]
        found = find_communities(graph, resolution=1.0, seed=0, n_tries=4)
        ahead.append(modularity(graph, found, resolution=1.0) - max(alone))
    assert float(np.mean(ahead)) > 0.0005


@pytest.mark.parametrize(("groups", "size"), [(2, 30), (5, 40), (10, 20)])
def test_copies_of_a_picture_weigh_as_many_photos(groups: int, size: int) -> None:
    """Each picture many times over is a cluster, however near the others are."""
    rng = np.random.default_rng(0)
    pictures = unit(rng.normal(size=(1, 32)) + 0.3 * rng.normal(size=(groups, 32)))
    labels = fit(np.repeat(pictures, size, axis=0), FitParams()).labels
    np.testing.assert_array_equal(labels, np.repeat(np.arange(groups), size))


def test_links_are_symmetric_and_at_most_one() -> None:
    """Without copies: each photo has its nearest fully, none with itself, and no more than its list and others'."""
    vectors, _ = world([30] * 4, n_noise=20)
    near = neighbour_graph(vectors, k=8)
    links = link_graph(near).toarray()
    np.testing.assert_allclose(links, links.T)
    assert links.min() >= 0.0
    assert links.max() <= 1.0
    assert (links.diagonal() == 0).all()
    np.testing.assert_allclose(links[np.arange(len(vectors)), near.indices[:, 0]], 1.0)
    linked = np.zeros_like(links, bool)
    linked[np.arange(len(vectors))[:, None], near.indices] = True
    assert not links[~(linked | linked.T)].any()


def test_a_picture_alone_is_linked_as_one_without_copies() -> None:
    """One photo of each changes nothing."""
    near = neighbour_graph(world([20] * 3)[0], k=6)
    alone = link_graph(near, copies=np.ones(60, np.int64))
    np.testing.assert_array_equal(alone.toarray(), link_graph(near).toarray())


def test_copies_take_places_in_the_list_and_are_links_with_itself() -> None:
    """Of three neighbours two are copies, so one is left of the others; links of two pictures count by both."""
    near = neighbour_graph(world([10] * 2)[0], k=3)
    copies = np.ones(20, np.int64)
    copies[4] = 3
    links, plain = link_graph(near, copies=copies).toarray(), link_graph(near).toarray()
    assert links[4, 4] == 3 * 2
    nearest = near.indices[4, 0]
    assert links[4, nearest] == pytest.approx(3**0.5 * plain[4, nearest])
    far = [row for row in near.indices[4, 1:] if 4 not in near.indices[row]]
    assert not links[4, far].any()
    copies[4] = 9
    many = link_graph(near, copies=copies).toarray()
    assert many[4, 4] == 9 * 3
    assert not many[4, [row for row in near.indices[4] if 4 not in near.indices[row]]].any()


def test_one_community_tells_nothing_and_separate_ones_tell_all() -> None:
    """0, and the logarithm of how many there are where they are equally large; the entropy says how many there are."""
    graph = cliques(5, 6)
    assert link_information(graph, np.zeros(30, np.int64)) == pytest.approx((0.0, 0.0))
    assert link_information(graph, np.repeat(np.arange(5), 6)) == pytest.approx((log(5), log(5)))
    mixed = csr_array(np.ones((30, 30)))
    assert link_information(mixed, np.repeat(np.arange(5), 6)) == pytest.approx((0.0, log(5)))


def test_a_link_too_weak_for_a_number_tells_nothing() -> None:
    """Its share is 0, which has no logarithm; all else is told as without it."""
    weak = cliques(2, 6).tolil()
    weak[0, 11] = weak[11, 0] = 5e-324
    labels = np.repeat(np.arange(2), 6)
    assert link_information(csr_array(weak), labels) == pytest.approx((log(2), log(2)))


def test_a_graph_without_links_falls_apart() -> None:
    """None, one, two photos, or four that nobody is linked to: each by itself."""
    for n in (0, 1, 4):
        empty = csr_array((n, n))
        np.testing.assert_array_equal(find_communities(empty, resolution=1.0, seed=0), np.arange(n))
    for n, n_links in ((0, 0), (1, 0), (2, 2), (3, 6)):
        vectors = unit(np.random.default_rng(n).normal(size=(n, 8)))
        graph = link_graph(neighbour_graph(vectors, k=5))
        assert (graph.shape, graph.nnz) == ((n, n), n_links)
        assert len(find_communities(graph, resolution=1.0, seed=0)) == n


def test_two_photos_that_are_linked_are_one_community() -> None:
    """At the usual resolution; at a large one each is by itself."""
    graph = cliques(1, 2)
    assert find_communities(graph, resolution=1.0, seed=0).tolist() == [0, 0]
    assert find_communities(graph, resolution=3.0, seed=0).tolist() == [0, 1]


def test_labels_are_numbered_by_first_appearance() -> None:
    """Noise stays noise."""
    assert numbered(np.array([7, -1, 3, 3, 9, 7, -1])).tolist() == [0, -1, 1, 1, 2, 0, -1]
    assert numbered(np.zeros(0, np.int64)).tolist() == []
    assert numbered(np.array([-1, -1])).tolist() == [-1, -1]


def test_kernels_are_compiled_where_they_cannot_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nowhere to write the compiled code, they work all the same."""
    njit = numba.njit

    def nowhere(*args: Any, **options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'number': no locator available")
        return njit(*args, **options)

    monkeypatch.setattr(numba, "njit", nowhere)
    number = kernels._compiled(kernels.number.py_func)
    np.testing.assert_array_equal(number(np.array([3, 3, 0])), [0, 0, 1])


@pytest.mark.parametrize("harm", ["full", "torn"])
def test_kernels_are_compiled_where_what_was_kept_is_no_good(tmp_path: Path, harm: str) -> None:
    """A full disk, or files that a power loss emptied, cost the seconds of compiling and no fit."""
    program = (
        "import resource, signal, sys, numpy as np\n"
        "if sys.argv[1] == 'full':\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))\n"
        "from vecclust.clustering.kernels import number\n"
        "print(number(np.array([3, 3, 0])).tolist())\n"
    )
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    if harm == "torn":
        subprocess.run([*command, "first"], check=True, env=environment)
        kept = [file for file in tmp_path.rglob("*") if file.suffix in (".nbi", ".nbc")]
        assert kept, "numba keeps its files elsewhere"
        for file in kept:
            os.truncate(file, 0)
    done = subprocess.run([*command, harm], capture_output=True, text=True, check=False, env=environment)
    assert (done.stdout, done.returncode) == ("[0, 0, 1]\n", 0), done.stderr
    if harm == "torn":
        assert any(file.stat().st_size for file in tmp_path.rglob("*.nbi")), "the torn index stays for ever"
