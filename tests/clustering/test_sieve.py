"""Ruling rows out before they are read."""

from __future__ import annotations

import numpy as np
import pytest

from tests.clustering.worlds import unit, world
from vecclust.clustering import sieve
from vecclust.clustering.neighbours import nearest_rows
from vecclust.clustering.sieve import Sieve


@pytest.mark.parametrize("n_arrivals", [1, sieve.FEW, sieve.FEW + 1])
def test_the_lists_are_those_of_a_plain_search(n_arrivals: int) -> None:
    """To the bit, for arrivals of known groups, of none, copies, and rows that are copies of one another."""
    vectors, _ = world([150] * 20, seed=3, width=96, n_noise=200)
    vectors[7] = vectors[1900]
    rng = np.random.default_rng(4)
    near = unit(vectors[rng.integers(0, len(vectors), 60)] + 0.03 * rng.normal(size=(60, 96)))
    arrivals = np.vstack([near, unit(rng.normal(size=(20, 96))), vectors[[7, 1900, 5]]])
    quick = Sieve(vectors)
    for start in range(0, len(arrivals), n_arrivals):
        some = arrivals[start : start + n_arrivals]
        wanted, found = nearest_rows(vectors, some, k=15), quick.nearest(some, k=15)
        np.testing.assert_array_equal(found.indices, wanted.indices)
        np.testing.assert_array_equal(found.distances, wanted.distances)


def test_most_rows_are_ruled_out_for_a_known_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or else it would be of no use: fewer than one in twenty is read."""
    read: list[int] = []
    among = sieve.nearest_among

    def noting(rows: np.ndarray, **others: object) -> object:
        read.append(len(rows))
        return among(rows, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(sieve, "nearest_among", noting)
    vectors, _ = world([150] * 20, seed=3, width=256)
    quick = Sieve(vectors[:-40])
    for row in range(1, 41):
        quick.nearest(vectors[-row][None], k=15)
    assert len(read) >= 36
    assert np.median(read) < len(vectors) / 20


def test_fewer_rows_than_neighbours_are_all_given() -> None:
    """As by a plain search."""
    vectors, _ = world([10], seed=0, width=32)
    assert Sieve(vectors).nearest(vectors[:2], k=15).indices.shape == (2, 10)
