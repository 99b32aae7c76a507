"""Where a library lies: asked for, by the environment, or by default."""

from __future__ import annotations

from pathlib import Path

import pytest

from vecclust import Client, Library
from vecclust.config import library_path
from vecclust.library.model import usable_models


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory, and work somewhere else."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VECCLUST_LIBRARY", raising=False)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


def test_a_tilde_is_the_home_directory(home: Path, tmp_path: Path) -> None:
    """Made there, found there by whoever asks, and no folder of that name in the current one."""
    with Library.open("~/photo-library", write=True) as library:
        assert library.folder == home / "photo-library"
    assert Client("~/photo-library").status().photos == 0
    assert usable_models(Path("~/photo-library"))
    assert list((tmp_path / "work").iterdir()) == []


def test_the_environment_names_a_library_unless_one_is_asked_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a tilde too, as a service's environment has it; an empty variable names none."""
    monkeypatch.setenv("VECCLUST_LIBRARY", "~/named")
    assert library_path(None) == home / "named"
    assert library_path("asked") == Path("asked")
    monkeypatch.setenv("VECCLUST_LIBRARY", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    assert library_path(None).name == "vecclust"
