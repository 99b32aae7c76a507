"""Fits that several tests look at, made once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.clustering.worlds import blobs, world
from vecclust.clustering import Fit, FitParams, fit
from vecclust.clustering.tree import CondensedTree, Selection, death_lambdas


@dataclass(frozen=True)
class Fitted:
    """A collection, its truth and its fit."""

    vectors: NDArray[np.float32]
    truth: NDArray[np.int64]
    fit: Fit


def fitted(vectors: NDArray[np.float32], truth: NDArray[np.int64], params: FitParams) -> Fitted:
    """Fit a collection."""
    return Fitted(vectors, truth, fit(vectors, params))


def chosen_by_hdbscan(tree: CondensedTree, labels: NDArray[np.int64]) -> Selection:
    """Tell from hdbscan's labels which nodes it chose: the lowest above all points of a cluster, and all below it."""
    above: dict[int, list[int]] = {}
    for node, label in zip(tree.point_parent.tolist(), labels.tolist(), strict=True):
        if label >= 0:
            path = [node]
            while tree.node_parent[path[-1]] >= 0:
                path.append(int(tree.node_parent[path[-1]]))
            above[label] = [each for each in above.get(label, path) if each in path]
    node_label = np.full(tree.n_nodes, -1, np.int32)
    largest, deaths = np.zeros(tree.n_nodes), death_lambdas(tree)
    for label, nodes in above.items():
        node_label[nodes[0]], largest[nodes[0]] = label, deaths[nodes[0]]
    for node in range(1, tree.n_nodes):
        if node_label[node] < 0:
            node_label[node], largest[node] = node_label[tree.node_parent[node]], largest[tree.node_parent[node]]
    return Selection(node_label, largest)


@pytest.fixture(scope="session")
def groups() -> Fitted:
    """Twelve groups that are easy to tell apart."""
    return fitted(*world([40] * 8 + [60] * 2 + [25] * 2), FitParams())


@pytest.fixture(scope="session")
def overlapping() -> Fitted:
    """A weak model's collection: three blobs of six groups that overlap."""
    return fitted(*blobs(), FitParams())
