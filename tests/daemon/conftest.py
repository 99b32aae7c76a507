"""What the daemon's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.kept import Kept, fill, keep


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with six photos of each of three colours."""
    fill(tmp_path / "album")
    return tmp_path / "album"


@pytest.fixture
def kept(tmp_path: Path, album: Path, request: pytest.FixtureRequest) -> Iterator[Kept]:
    """A daemon that has caught up; only events can tell it anything for the next hour. The parameter adds settings."""
    with keep(tmp_path / "library", album, flags=getattr(request, "param", {})) as made:
        yield made
