"""`gallery` and `map` through the real command line."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path

import pytest

from tests.cli.test_documents import run
from tests.library.test_looking import album, library, opened
from vecclust.library.runs.positions import MAP_FILE

__all__ = ["album", "library"]  # fixtures

FIELDS = {"page", "photos", "clusters", "files", "size_bytes"}


@pytest.mark.parametrize(("command", "out", "page"), [("gallery", "g", "g/index.html"), ("map", "m.html", "m.html")])
def test_pages_are_written_and_said_where(
    command: str, out: str, page: str, library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a document, and as lines for people."""
    code, shown, _ = run(library, command, "--out", str(tmp_path / out), "--json", capture=capsys)
    document = json.loads(shown)
    assert (code, set(document), document["photos"], document["clusters"]) == (0, FIELDS, 42, 3)
    assert Path(document["page"]) == tmp_path / page
    assert document["size_bytes"] > 10_000
    code, shown, _ = run(library, command, "--out", str(tmp_path / out), "--no-names", capture=capsys)
    assert f"page\t{tmp_path / page}\n" in shown
    assert "UTF-8.jpg" not in (tmp_path / page).read_text()


def test_open_hands_the_page_to_the_browser(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file:// address, once it is written."""
    seen: list[str] = []
    monkeypatch.setattr(webbrowser, "open", seen.append)
    run(library, "gallery", "--out", str(tmp_path / "a b"), "--open", capture=capsys)
    run(library, "map", "--out", str(tmp_path / "m.html"), "--open", capture=capsys)
    assert seen == [(tmp_path / "a b" / "index.html").as_uri(), (tmp_path / "m.html").as_uri()]


@pytest.mark.parametrize("command", ["gallery", "map"])
def test_what_is_not_ours_is_a_mistake_of_usage(
    command: str, library: Path, album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and every photo is still there."""
    code, shown, _ = run(library, command, "--out", str(album), "--json", capture=capsys)
    assert (code, json.loads(shown)["error"]["kind"]) == (2, "usage")
    assert len(list(album.iterdir())) == 42


@pytest.mark.parametrize("command", ["gallery", "map"])
def test_no_library_is_made_by_looking(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor any page."""
    code, _, err = run(tmp_path / "none", command, "--out", str(tmp_path / "out"), capture=capsys)
    assert code == 1
    assert "vecclust scan" in err
    assert list(tmp_path.iterdir()) == []


def test_a_map_is_kept_unless_another_writer_holds_the_library(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page is made either way."""
    kept = library / "fits" / "r1" / MAP_FILE
    with opened(library, write=True):
        code, _, _ = run(library, "map", "--out", str(tmp_path / "m.html"), capture=capsys)
        assert code == 0
        assert not kept.exists()
    code, _, _ = run(library, "map", "--out", str(tmp_path / "m.html"), capture=capsys)
    assert code == 0
    assert kept.exists()
