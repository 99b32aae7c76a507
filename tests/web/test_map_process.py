"""The process that lays the map out: what it refuses is read from a file, whatever is printed meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vecclust.clustering import layout
from vecclust.errors import VecclustError
from vecclust.library.runs.positions import MAP_FILE
from vecclust.web import map_process
from vecclust.web.live_map import LiveMap
from vecclust.web.opener import LibraryOpener

# Python runs this file in every process that it starts.
NOISY = """
import os
os.write(1, b"a library says hello on its way in" * 10_000)
"""


@pytest.mark.parametrize(("opener", "words"), [("gone", "there is no library in"), ("torn", "has died")])
def test_a_refusal_is_told_from_a_stray_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opener: str, words: str
) -> None:
    """More of it than a pipe holds does not stop the process either."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NOISY)
    (tmp_path / "gone").write_text("no folder")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=":")
    how = SimpleNamespace(as_json=lambda: "no json") if opener == "torn" else LibraryOpener(tmp_path / "gone")
    live = SimpleNamespace(stamp="s", kept_map=lambda: None, photos=frozenset)
    shown = LiveMap(cast("Any", live), opener=cast("Any", how), pictures=cast("Any", SimpleNamespace(thumbnails=None)))
    try:
        shown._begin()
        assert shown._child is not None
        shown._child.wait(120)
        with pytest.raises(VecclustError, match=words):
            shown.page()
    finally:
        shown.close()


def test_photos_are_sorted_while_the_map_is_laid_out(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Laying out holds no lock, and the map is kept with the run all the same."""
    shutil.copytree(made / "library", tmp_path / "library")
    opener, lay_out = LibraryOpener(tmp_path / "library"), layout.map_layout
    written: list[str] = []

    def beside_another_writer(*given: Any, **named: Any) -> Any:
        with opener.open(write=True) as library:
            written.append(library.rename("c1", "Lagoon").name)
        return lay_out(*given, **named)

    monkeypatch.setattr(layout, "map_layout", beside_another_writer)
    assert map_process.main(opener.as_json(), str(tmp_path / "map.npz")) == 0
    assert written == ["Lagoon"]
    assert len(list((tmp_path / "library" / "fits").glob(f"*/{MAP_FILE}"))) == 1
