"""The owner's edits beside the runs: laid over whichever is current, and never written into one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.samples import FAST, commit_sample_run, new_library, photo_key, photo_rows
from vecclust.store import Store
from vecclust.store.layout import EDITS
from vecclust.store.schema import NAMES
from vecclust.types.clusters import Label
from vecclust.types.constraints import Constraints
from vecclust.types.edits import Edit


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A library of nine photos and two runs."""
    with new_library(tmp_path / "lib", n_photos=9) as opened:
        commit_sample_run(opened)
        commit_sample_run(opened, clusters=("c2", "c5"))
        yield opened


def test_a_library_without_the_table_has_no_edits(store: Store) -> None:
    """As every library is until somebody edits something."""
    assert (store.edits(), store.constraints()) == ((), Constraints())
    assert not (store.folder / "tables" / "words.lance").exists()
    assert store.labels() == store.run_labels()


def test_edits_are_numbered_kept_and_seen_by_other_readers(store: Store) -> None:
    """The rows of an edit share a number; a reader that was open before sees it, and its stamp moves."""
    with Store.open(store.folder, settings=FAST) as reader:
        stamps = [reader.stamp()]
        assert store.add_edits([Edit(0, "move", photo_key(n), "c5", made_ns=n) for n in (1, 2)]) == 1
        stamps.append(reader.stamp())
        assert store.add_edits([Edit(0, "unpin", photo_key(1), made_ns=3)]) == 2
        stamps.append(reader.stamp())
        assert [edit.number for edit in reader.edits()] == [1, 1, 2]
        assert list(reader.constraints().pins) == [photo_key(2)]
        assert len(set(stamps)) == 3


def test_every_run_is_seen_with_the_edits_and_is_itself_unchanged(store: Store) -> None:
    """Back and forth: the runs' own labels stay to the letter, the edits hold in both, and go without a trace."""
    own = {run: store.run_labels(run) for run in ("r1", "r2")}
    photo = next(photo for photo, label in own["r2"].items() if label.cluster == "c2")
    number = store.add_edits([Edit(0, "move", photo, "c5")])
    for run in ("r1", "r2"):
        store.set_current_run(run)
        assert store.label(photo) == Label(photo, "c5", 1.0, "owner")
        assert store.run_labels() == own[run]
        assert "c5" in {row.cluster for row in store.clusters()}, "it lives on where the run does not have it"
        assert store.label_counts().by_cluster["c5"] == len(store.members("c5"))
    store.add_edits([Edit(0, "take-back", other=f"w{number}")])
    assert store.labels() == own["r2"]


def test_an_arrival_is_labelled_by_the_run_and_shown_as_the_owner_wants(store: Store) -> None:
    """A merged cluster's label is read as that of the one it went into; a photo that comes back is where it was put."""
    store.add_edits([Edit(0, "merge", cluster="c2", other="c5")])
    store.add_edits([Edit(0, "move", photo_key(3), "c2")])
    store.add_photos(photo_rows(1, first=30))
    assert store.add_labels([Label(photo_key(30), "c5", 0.5, "predict")], run="r2") == 1
    assert store.label(photo_key(30)) == Label(photo_key(30), "c2", 0.5, "predict")
    assert [row.cluster for row in store.clusters()] == ["c2"]
    assert store.label_counts().arrivals == 1
    store.remove_photos([photo_key(3)])
    assert photo_key(3) not in store.labels()
    store.add_photos(photo_rows(1, first=3))
    store.add_labels([Label(photo_key(3), None, 0.0, "predict")], run="r2")
    assert store.label(photo_key(3)) == Label(photo_key(3), "c2", 1.0, "owner")


def test_a_name_is_an_edit_too_and_a_new_cluster_can_be_named_at_once(store: Store) -> None:
    """Before any run has it; its number is never given again."""
    new = store.new_cluster()
    assert (new, store.new_cluster()) == ("c6", "c7")
    store.add_edits([Edit(0, "split-off", photo_key(1), new, "c2")])
    store.rename({new: "Lagoon"}, named_ns=7)
    assert [(edit.kind, edit.cluster, edit.name) for edit in store.edits()][-1] == ("rename", "c6", "Lagoon")
    (row,) = [row for row in store.clusters() if row.cluster == new]
    assert (row.event, row.sources, row.medoid, row.size) == ("split", ("c2",), photo_key(1), 1)


def test_a_name_is_one_edit_in_one_commit_and_can_be_taken_back(store: Store) -> None:
    """Several names too; the one before is in force again, and what was never named has none."""
    commit_sample_run(store)
    before = store._tables.version(EDITS).number
    store.rename({"c1": "Beach", "c2": "Harbour"}, named_ns=1)
    store.rename({"c1": "Lagoon"}, named_ns=2)
    assert store._tables.version(EDITS).number == before + 2
    assert store._tables.count(NAMES) == 0
    assert {cluster: name.name for cluster, name in store.names().items()} == {"c1": "Lagoon", "c2": "Harbour"}
    assert store.constraints().numbers == {1, 2}
    store.add_edits([Edit(0, "take-back", other="w2", made_ns=3)])
    assert {cluster: name.name for cluster, name in store.names().items()} == {"c1": "Beach", "c2": "Harbour"}
    store.add_edits([Edit(0, "take-back", other="w1", made_ns=4)])
    assert store.names() == {}
