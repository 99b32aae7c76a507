"""Fits that several tests look at, made once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.clustering.worlds import blobs, world
from vecclust.clustering import Fit, FitParams, fit


@dataclass(frozen=True)
class Fitted:
    """A collection, its truth and its fit."""

    vectors: NDArray[np.float32]
    truth: NDArray[np.int64]
    fit: Fit


def fitted(vectors: NDArray[np.float32], truth: NDArray[np.int64], params: FitParams) -> Fitted:
    """Fit a collection."""
    return Fitted(vectors, truth, fit(vectors, params))


@pytest.fixture(scope="session")
def groups() -> Fitted:
    """Twelve groups that are easy to tell apart."""
    return fitted(*world([40] * 8 + [60] * 2 + [25] * 2), FitParams())


@pytest.fixture(scope="session")
def cut_blobs() -> Fitted:
    """A weak model's collection, looked into."""
    return fitted(*blobs(), FitParams())


@pytest.fixture(scope="session")
def whole_blobs() -> Fitted:
    """The same collection with the look inside switched off."""
    return fitted(*blobs(), FitParams(max_share=1.0))
