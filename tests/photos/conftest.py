"""Fixtures of the photos room's tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from vecclust.photos import look_at
from vecclust.types.files import SeenFile

SHARED_PHOTOS = Path(__file__).resolve().parents[2].parent / "shared" / "photos"


@pytest.fixture(scope="session")
def shared_photos() -> Path:
    """The folder of sample photos beside the checkout."""
    if not (SHARED_PHOTOS / "MANIFEST.tsv").is_file():
        pytest.skip(f"no sample photos at {SHARED_PHOTOS}")
    return SHARED_PHOTOS


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, bytes], SeenFile]:
    """Write a file into a folder of its own and look at it."""

    def write(name: str, data: bytes) -> SeenFile:
        path = os.path.join(tmp_path, name)
        with open(path, "wb") as file:
            file.write(data)
        return look_at(path)

    return write
