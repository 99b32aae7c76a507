"""Values and records as JSON: what comes out equals what went in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecclust.server.codec import dump, load
from vecclust.types.clusters import ClusterEntry, ClusterList, ClusterName
from vecclust.types.edits import EditReport, EditRequest
from vecclust.types.files import FolderStatus, Problem
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
ENTRY = ClusterEntry("c1", None, None, 3, 0.5, "/a\udcff", datetime(2024, 6, 1), datetime(2024, 6, 2, tzinfo=UTC))

VALUES: list[tuple[Any, Any]] = [
    (Answer, Answer("waterfalls", "a/b@c", HITS, ("2 photos left out",))),
    (Answer, Answer("\udcff", "a/b@c", ())),
    (Status, STATUS),
    (Status, Status("/lib", None, 0, 0, 0, 0, 0, 0, None, 0, 0, 0, (), 0, 0)),
    (RefitReport, RefitReport("r3", 9, 2, 1, 1 / 3, 1, 1, 0, 0, 0, 4, {"dbcv": None}, {"layout": 0.1})),
    (tuple[list[Run], str | None], ([RUN, RUN], "r2")),
    (tuple[list[Run], str | None], ([], None)),
    (tuple[Problem, ...], (Problem("/a\udcff", "torn", 2, None), Problem("/b", "gone", 1, 5))),
    (ClusterName, ClusterName("c1", "It's “<b>”", "owner", 10**18)),
    (ClusterList, ClusterList("r1", "m", 9, 3, 6, (ENTRY,))),
    (EditRequest, EditRequest("split-off", ("/a/\udcff", "ab" * 32), "c1", name="“<b>” 🌋")),
    (EditRequest, EditRequest("take-back", edits=("w3", "w4"))),
    (EditReport, EditReport("w3", "merge", "c1", None, "c2", 0, 7, ("w1",), ("this ends w1",))),
    (EditReport, EditReport(None, "unpin")),
    (Filters, Filters()),
    (Filters, Filters("c1", datetime(2024, 6, 1), datetime(2024, 6, 2, 12, tzinfo=UTC), Path("/a/\udcff"))),
]
# Surrogates are what bytes of a file name that are no UTF-8 become.
TEXTS = st.text(st.characters(categories=["L", "N", "P", "Cs", "Cc"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_what_comes_out_equals_what_went_in(kind: Any, value: Any) -> None:
    """Through one line of ASCII, floats to their last bit, names to their last byte."""
    line = dump(value)
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert load(kind, json.loads(line)) == value


@given(value=PLAIN)
def test_plain_values_come_out_as_they_went_in(value: Any) -> None:
    """Whatever JSON can hold."""
    assert load(Any, json.loads(dump(value))) == value


def test_a_field_with_a_default_may_be_missing() -> None:
    """So a program of an earlier version is understood; a field that must be there may not."""
    assert load(Filters, {"cluster": "c1"}) == Filters("c1")
    with pytest.raises(TypeError):
        load(Hit, {"photo": "ab"})
    with pytest.raises(KeyError):
        load(Filters, {"no": "such"})


def test_a_path_belongs_to_where_the_asker_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon is somewhere else."""
    monkeypatch.chdir(tmp_path)
    assert json.loads(dump(Filters(folder=Path("album"))))["folder"] == str(tmp_path / "album")
    assert EditRequest("pin", photos=("a.jpg", "ab" * 32)).photos == (str(tmp_path / "a.jpg"), "ab" * 32)


@pytest.mark.parametrize("value", [float("nan"), {"score": float("inf")}, Hit("a", "b", float("nan"))])
def test_what_json_does_not_know_is_a_mistake_here(value: Any) -> None:
    """NaN would be an answer that other readers of JSON refuse."""
    with pytest.raises(ValueError, match="JSON"):
        dump(value)
    with pytest.raises(TypeError):
        dump(object())
