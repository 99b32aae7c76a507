"""Reports over the wire: what comes out equals what went in, and so every document made of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from vecclust.server import wire
from vecclust.types.clusters import ClusterName
from vecclust.types.edits import EditReport, EditRequest
from vecclust.types.files import FolderStatus
from vecclust.types.runs import Drift, RefitReport, Run
from vecclust.types.search import Answer, Filters, Hit
from vecclust.types.status import DaemonStatus, Status

RUN = Run(
    "r2", 10**18, "a/b@c", {"reducer": "umap", "max_share": 0.15}, 100, 3, 7, {"dbcv": None, "silhouette": 0.1 + 0.2},
    {"layout": 1 / 3}, "r1", "on demand", {"kept": 2},
)  # fmt: skip
STATUS = Status(
    "/lib\udcff", "a/b@c", 1, 2, 3, 4, 5, 6, RUN, 7, 8, 9,
    (FolderStatus("/a", None, "gone"), FolderStatus("/b", 10**18)), 9, 10,
    DaemonStatus(True, 12, 10**18, ("/a", "/b"), ("deaf",), "watching"), Drift(60, 16, 16), 7,
)  # fmt: skip
HITS = (Hit("ab", "/photo\udcff.jpg", 0.1 + 0.2, "c1", "“Lagoon” 🌋"), Hit("cd", "/b", -1.0))

PARCELS: list[tuple[str, Any]] = [
    ("answer", Answer("waterfalls", "a/b@c", HITS, ("2 photos left out",))),
    ("answer", Answer("\udcff", "a/b@c", ())),
    ("status", STATUS),
    ("status", Status("/lib", None, 0, 0, 0, 0, 0, 0, None, 0, 0, 0, (), 0, 0)),
    ("refit", RefitReport("r3", 9, 2, 1, 1 / 3, 1, 1, 0, 0, 0, 4, {"dbcv": None}, {"layout": 0.1})),
    ("run", RUN),
    ("name", ClusterName("c1", "It's “<b>”", "owner", 10**18)),
    ("saying", EditRequest("split-off", ("/a/\udcff", "ab" * 32), "c1", name="“<b>” 🌋")),
    ("saying", EditRequest("take-back", edits=("w3", "w4"))),
    ("word", EditReport("w3", "merge", "c1", None, "c2", 0, 7, ("w1",), ("this ends w1",))),
    ("word", EditReport(None, "unpin")),
    ("filters", Filters()),
    ("filters", Filters("c1", datetime(2024, 6, 1), datetime(2024, 6, 2, 12, tzinfo=UTC), Path("/a/\udcff"))),
]


@pytest.mark.parametrize(("kind", "report"), PARCELS)
def test_what_comes_out_equals_what_went_in(kind: str, report: Any) -> None:
    """Through JSON, floats to their last bit."""
    values = json.loads(json.dumps(getattr(wire, f"pack_{kind}")(report), allow_nan=False))
    assert getattr(wire, f"unpack_{kind}")(values) == report


def test_a_folder_belongs_to_where_the_asker_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon is somewhere else."""
    monkeypatch.chdir(tmp_path)
    assert wire.pack_filters(Filters(folder=Path("album")))["folder"] == str(tmp_path / "album")
