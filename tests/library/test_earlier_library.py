"""A library that vecclust 0.1.0 wrote opens unchanged: what it answered then it answers now, and it goes on from there.

`made_by_0_1_0/library.tar.xz` was made by that version from 64 pictures of the demo's album: two runs, a name, photos
moved and pinned, two clusters merged and two kept apart, arrivals, a file that cannot be read, a map.
`answers.json` is what that version then answered.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from vecclust import Library
from vecclust.types.edits import EditRequest

MADE = Path(__file__).parent / "made_by_0_1_0"
ANSWERS: Mapping[str, Any] = json.loads((MADE / "answers.json").read_text(encoding="utf-8"))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A copy of that library."""
    with tarfile.open(MADE / "library.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / "library"


def read(library: Library) -> dict[str, Any]:
    """Ask what was asked then of clusters, edits, runs and problems, in the words of then."""
    clusters = library.clusters()
    return {
        # A name that was proposed was not shown as the cluster's then.
        "clusters": [
            (one.id, one.name if one.named_by == "owner" else None, one.size, one.suggested_name)
            for one in clusters.clusters
        ],
        "run": clusters.run,
        # Names, which were no edits that could be in force then, are.
        "words": [
            (one.edit, one.kind, one.text, one.cluster, one.other, one.in_force)
            for one in library.edits()
            if one.kind != "rename"
        ],
        "runs": [run.run for run in library.runs()[0]],
        "problems": [(one.path, one.reason, one.attempts) for one in library.problems()],
        "photos": library.status().photos,
        "files": library.status().files,
    }


def then() -> dict[str, Any]:
    """Give what was answered then."""
    clusters, words = ANSWERS["clusters"], ANSWERS["words"]
    return {
        "clusters": [(one["id"], one["name"], one["size"], one["suggested_name"]) for one in clusters["clusters"]],
        "run": clusters["run"],
        "words": [
            (one["word"], one["verb"], one["text"], one["cluster"], one["other"], one["in_force"]) for one in words
        ],
        "runs": ANSWERS["runs"],
        "problems": [(one["path"], one["reason"], one["attempts"]) for one in ANSWERS["problems"]],
        "photos": ANSWERS["status"]["photos"],
        "files": ANSWERS["status"]["files"],
    }


def test_it_answers_as_it_did(library: Path) -> None:
    """Open for reading and for writing, which leaves it as it is."""
    for write in (False, True, False):
        with Library.open(library, write=write) as opened:
            assert read(opened) == then()
            alike = opened.alike(ANSWERS["alike"]["photo"], limit=5)
            # None of its files is here: the photos are left out, and that is said.
            assert (alike.results, alike.model) == ((), ANSWERS["alike"]["answer"]["model"])
            assert "63 photos left out" in alike.notices[0]


def test_photos_rank_as_they_did(library: Path) -> None:
    """By the stored vectors, and for words by the bundled model."""
    with Library.open(library) as opened:
        store = opened._store
        vector = store.vector(ANSWERS["alike"]["photo"])
        ranked = [photo for photo, _ in store.search(vector, limit=6)][1:]
        assert ranked == [hit["photo"] for hit in ANSWERS["alike"]["answer"]["results"]]
        # Weights in bfloat16 or float32, as the processor has it: the best stay the best.
        words = opened._model.embedder().embed_texts([ANSWERS["search"]["query"]])[0]
        found = [photo for photo, _ in store.search(words, limit=8)]
        assert {hit["photo"] for hit in ANSWERS["search"]["results"]} <= set(found)


def test_it_goes_on_from_there(library: Path) -> None:
    """A name, an edit, a rollback and a refit: ids and the owner's names are carried over."""
    with Library.open(library, write=True) as opened:
        named = next(one.id for one in opened.clusters().clusters if one.name == "Glacier lagoon")
        other = next(one.id for one in opened.clusters().clusters if one.name is None)
        assert opened.rename(other, "Black sand").name == "Black sand"
        photo = opened.cluster(other).photos[0].photo
        moved = opened.edit(EditRequest("move", photos=(photo,), cluster=named))
        assert opened.edit(EditRequest("take-back", edits=(moved.edit or "",))).changed == 1
        assert opened.rollback("r1").run == "r1"
        assert opened.rollback("r2").run == "r2"
        report = opened.recluster(kind="continued")
        assert (report.run, report.photos) == ("r3", 64)
        names = {one.id: one.name for one in opened.clusters().clusters}
        assert (names[named], names[other]) == ("Glacier lagoon", "Black sand")
        kept = [one.edit for one in opened.edits() if one.kind != "rename"]
        assert kept == [word["word"] for word in ANSWERS["words"]]
