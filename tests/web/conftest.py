"""One album and library for all tests of the live pages; each file of tests changes a copy of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.served import Served, make, serving


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An album and its library."""
    folder = tmp_path_factory.mktemp("made")
    make(folder)
    return folder


@pytest.fixture(scope="module")
def served(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The library, served; its photos are those of `made`."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(made / "library", folder / "library")
    (folder / "album").symlink_to(made / "album")
    with serving(folder) as server:
        yield server
