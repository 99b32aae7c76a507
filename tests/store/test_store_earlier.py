"""A library that version 0.1.0 made opens unchanged, answers what it answered then, and can be written."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.store.samples import FAST
from vecclust.store import Store
from vecclust.types.constraints import edit_command, edit_name
from vecclust.types.edits import Edit

MADE = Path(__file__).parents[1] / "library" / "made_by_0_1_0"


@pytest.fixture
def answers() -> Any:
    """What that version answered."""
    return json.loads((MADE / "answers.json").read_text(encoding="utf-8"))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The library, unpacked."""
    with tarfile.open(MADE / "library.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / "library"


def agree(store: Store, answers: Any) -> None:
    """Compare what the store reads with what that version answered."""
    told = answers["clusters"]
    assert (store.state().current_run, [run.run for run in store.runs()]) == (answers["current"], answers["runs"])
    model = store.model()
    assert model is not None
    assert model.model_id == told["model"]
    assert store.counts().photos == len(store.vectors()[0]) == told["photos"]
    assert store.label_counts().by_cluster == {cluster["id"]: cluster["size"] for cluster in told["clusters"]}
    assert sorted(row.cluster for row in store.clusters()) == sorted(cluster["id"] for cluster in told["clusters"])
    named = {cluster["id"]: cluster["name"] for cluster in told["clusters"] if cluster["name"]}
    assert named.items() <= {cluster: name.name for cluster, name in store.names().items()}.items()
    spans = store.time_spans()
    assert {cluster["id"]: cluster["first_taken"] for cluster in told["clusters"]} == {
        one: str(span.first) for one, span in spans.items()
    }
    in_force = store.constraints().numbers
    rows: dict[int, list[Edit]] = {}
    for edit in store.edits():
        rows.setdefault(edit.number, []).append(edit)
    # Names, which were no edits that could be in force then, are.
    shown = {number: edits for number, edits in rows.items() if number in in_force and edits[0].kind != "rename"}
    found = [(edit_name(number), edit_command(edits)) for number, edits in shown.items()]
    assert found == [(word["word"], word["text"]) for word in answers["words"]]


def test_it_is_read_without_a_change_to_it(library: Path, answers: Any) -> None:
    """By a reader, which never migrates."""
    before = {file: file.stat().st_mtime_ns for file in library.rglob("*")}
    with Store.open(library) as store, store.snapshot():
        agree(store, answers)
    assert {file: file.stat().st_mtime_ns for file in library.rglob("*")} == before


def test_it_is_written_and_says_the_same_otherwise(library: Path, answers: Any) -> None:
    """An edit, a name, a run gone back to and forth: all of it is there for the next reader."""
    with Store.open(library, write=True, settings=FAST) as store:
        agree(store, answers)
        photo = min(store.photo_keys())
        number = store.add_edits([Edit(0, "pin", photo, "c1", made_ns=1)])
        store.rename({"c2": "Harbour"}, named_ns=2)
        store.set_current_run(answers["runs"][0])
        store.set_current_run(answers["current"])
        store.maintain()
    with Store.open(library, write=True, settings=FAST) as store:
        assert store.constraints().pins[photo].number == number
        assert store.names()["c2"].name == "Harbour"
        store.add_edits([Edit(0, "take-back", other=edit_name(number))])
        agree(store, answers)
