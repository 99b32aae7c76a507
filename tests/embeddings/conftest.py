"""A tiny open_clip model, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from vecclust.testing import make_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a tiny model of random weights."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
