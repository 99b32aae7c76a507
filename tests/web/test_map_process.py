"""The process that lays the map out: what it refuses is read from a file, whatever is printed meanwhile."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vecclust.errors import VecclustError
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
