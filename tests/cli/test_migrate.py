"""`vecclust migrate` as its user meets it, alone and beside a daemon; real models of random weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_documents import run
from tests.cli.test_with_daemon import until_labelled
from tests.library.test_library import HUES, picture
from vecclust import Library
from vecclust.cli import migrate


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two models, of another width."""
    from vecclust.testing import make_tiny_model

    folder = tmp_path_factory.mktemp("models")
    first, second = make_tiny_model(folder / "first"), make_tiny_model(folder / "second", seed=1, dim=24)
    return f"local-dir:{first}", f"local-dir:{second}"


class Commands:
    """Command lines about one library, run in this process."""

    def __init__(self, library: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.library = library
        self.album = library.parent / "album"
        self._capture = capture

    def answered(self, *arguments: str) -> dict[str, Any]:
        """Give the document of a command."""
        code, out, err = run(self.library, *arguments, "--json", capture=self._capture)
        assert code == 0, out + err
        return dict(json.loads(out))

    def refused(self, *arguments: str, code: int) -> str:
        """Give what a command says that fails."""
        found, _, err = run(self.library, *arguments, capture=self._capture)
        assert found == code, err
        return err

    def told(self, *arguments: str) -> tuple[str, str]:
        """Give what a command writes for people, to stdout and to stderr."""
        code, out, err = run(self.library, *arguments, capture=self._capture)
        assert code == 0, err
        return out, err


@pytest.fixture
def vecclust(
    tmp_path: Path, models: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Commands:
    """Commands about a library of the first model, which its settings name too."""
    # The tests' own process keeps its priority and its threads.
    monkeypatch.setattr(migrate, "_be_modest", lambda nice, threads: 1)
    for colour in HUES:
        (tmp_path / "album" / colour).mkdir(parents=True)
        for number in range(5):
            (tmp_path / "album" / colour / f"{number}.jpg").write_bytes(picture(colour, number))
    (tmp_path / "library").mkdir()
    settings = f'model = "{models[0]}"\n[clusters]\nreducer = "pca"\n[photos]\ndecode_processes = 1\n'
    (tmp_path / "library" / "config.toml").write_text(settings)
    return Commands(tmp_path / "library", capsys)


def test_it_says_what_it_costs_goes_there_and_back(vecclust: Commands, models: tuple[str, str]) -> None:
    """Each step as a command of its own."""
    first, second = models
    vecclust.answered("scan", str(vecclust.album))
    cost = vecclust.answered("migrate", second, "--dry-run")
    assert (cost["state"], cost["model"], cost["target"]) == ("none", first, second)
    assert (cost["photos"], cost["embedded"]) == (15, 0)
    assert cost["seconds"] > 0
    assert cost["bytes_more"] >= 15 * 24 * 4
    out, err = vecclust.told("migrate", second, "--no-switch")
    assert "names alive\t0 of 0" in out
    assert "15 of 15 photos are to be embedded" in err
    assert "nothing is switched yet" in err
    assert vecclust.answered("status")["model"].startswith(first)
    out, _ = vecclust.told("migrate", "--status")
    assert "state\tready to be switched" in out
    done = vecclust.answered("migrate")
    assert (done["switched"], done["embedded"], done["run"], done["refit"]["run"]) == (True, 0, "r2", "r2")
    assert vecclust.answered("search", "a photo")["model"].startswith(second)
    assert vecclust.answered("migrate", "--status")["former"] == first
    assert "exclude each other" in vecclust.refused("migrate", "--back", "--drop-old", code=2)
    back = vecclust.answered("migrate", "--back")
    assert (back["switched"], back["back"], back["run"], back["refit"]) == (True, True, "r1", None)
    assert vecclust.answered("status")["model"].startswith(first)
    _, err = vecclust.told("migrate", "--drop-old")
    assert f"the vectors of {second} are gone" in err
    assert "no earlier model" in vecclust.refused("migrate", "--back", code=1)
    assert "vecclust migrate NAME" in vecclust.refused("migrate", code=1)


def test_photos_that_cannot_be_embedded_are_named(vecclust: Commands, models: tuple[str, str]) -> None:
    """With what helps; nothing is switched."""
    vecclust.answered("scan", str(vecclust.album))
    gone = vecclust.album / "red" / "1.jpg"
    with Library.open(vecclust.library, write=True) as opened:
        photo = opened.photo(gone).photo
        opened._store._tables.delete("thumbnails", {"photo": [photo]})
    gone.unlink()
    told = vecclust.refused("migrate", models[1], code=1)
    assert str(gone) in told
    assert "scan --prune" in told
    assert vecclust.answered("status")["model"].startswith(models[0])
    vecclust.answered("scan", "--prune")
    assert vecclust.answered("migrate")["switched"]
    assert vecclust.answered("status")["photos"] == 14


@pytest.mark.slow
def test_the_daemon_answers_with_the_old_model_and_then_with_the_new_one(
    vecclust: Commands, models: tuple[str, str]
) -> None:
    """It makes the switch, takes new photos in with the new model, and goes back; questions go on all the while."""
    library, album = vecclust.library, vecclust.album
    command = [sys.executable, "-m", "vecclust", "--library", str(library), "watch", str(album)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as daemon:
        try:
            until_labelled(daemon, library, n_photos=15)
            assert vecclust.answered("search", "a photo")["model"].startswith(models[0])
            assert vecclust.answered("migrate", models[1])["switched"]
            found = vecclust.answered("search", "a photo")
            assert found["model"].startswith(models[1])
            assert len(found["results"]) == 15
            (album / "red" / "late.jpg").write_bytes(picture("red", 70))
            until_labelled(daemon, library, n_photos=16)
            assert vecclust.answered("similar", str(album / "red" / "late.jpg"))["model"].startswith(models[1])
            assert vecclust.answered("migrate", "--back")["embedded"] == 1
            assert vecclust.answered("status")["photos"] == 16
            assert vecclust.answered("search", "a photo")["model"].startswith(models[0])
            vecclust.told("migrate", "--drop-old")
        finally:
            daemon.terminate()
            daemon.communicate(timeout=60)
