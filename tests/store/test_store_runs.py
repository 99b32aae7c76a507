"""Runs, labels and names: a run is seen whole or not at all, and names outlive it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.store.samples import FAST, MODEL_ID, commit_sample_run, new_library, photo_key, photo_rows
from vecclust.errors import DamagedRun, NotFound, UsageError
from vecclust.store import LabelCounts, Store, TimeSpan
from vecclust.types.clusters import ClusterName, ClusterRow, Label
from vecclust.types.runs import Run
from vecclust.types.status import LibraryState


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A library of nine photos."""
    with new_library(tmp_path / "lib", n_photos=9, settings=replace(FAST, keep_runs=2)) as opened:
        yield opened


def test_a_committed_run_is_the_current_one_with_all_its_parts(store: Store) -> None:
    """Row, clusters, labels, folder and numbers flip together."""
    assert (store.next_run(), store.state()) == ("r1", LibraryState(None, 0, 1))
    commit_sample_run(store)
    assert store.state() == LibraryState("r1", 1, 3)
    assert store.next_run() == "r2"
    assert [run.run for run in store.runs()] == ["r1"]
    assert [row.cluster for row in store.clusters()] == ["c1", "c2"]
    labels = store.labels()
    assert set(labels) == store.photo_keys()
    assert (store.fit_folder("r1") / "layout.npy").read_bytes() == b"r1"
    first = min(labels)
    assert labels[first] == store.label(first) == Label(first, None, 0.0, "fit")
    assert store.labels_of([first, "none"]) == {first: labels[first]}
    assert store.unlabelled() == []


def test_members_come_strongest_first(store: Store) -> None:
    """Equal strengths are ordered by photo."""
    run = store.next_run()
    strengths = {photo_key(0): 0.25, photo_key(1): 0.75, photo_key(2): 0.75}
    store.commit_run(
        Run(run, 1, MODEL_ID, {}, 3, 1, 0),
        clusters=[ClusterRow(run, "c1", 3, photo_key(0), 0.5, "born")],
        labels=[Label(photo, "c1", strength, "fit") for photo, strength in strengths.items()],
        next_cluster=2,
    )
    assert [label.photo for label in store.members("c1")] == [*sorted([photo_key(1), photo_key(2)]), photo_key(0)]
    assert store.members("c2") == []


def test_going_back_is_exact_and_forward_again_too(store: Store) -> None:
    """An earlier run comes back as it was, its arrivals included; numbers do not go back."""
    commit_sample_run(store)
    store.add_photos(photo_rows(1, first=20))
    assert store.add_labels([Label(photo_key(20), "c1", 0.5, "predict")], run="r1") == 1
    before = store.labels()
    commit_sample_run(store, clusters=("c2", "c5"))
    store.set_current_run("r1")
    assert store.state() == LibraryState("r1", 2, 6)
    assert store.labels() == before
    assert [row.cluster for row in store.clusters()] == ["c1", "c2"]
    assert [row.cluster for row in store.clusters("r2")] == ["c2", "c5"]
    assert store.next_run() == "r3"
    store.set_current_run("r2")
    assert {label.cluster for label in store.labels().values()} == {None, "c2", "c5"}


def test_a_run_that_comes_back_knows_no_photos_that_went(store: Store) -> None:
    """Nothing that was removed since is listed by an earlier run; what came since is unlabelled."""
    commit_sample_run(store)
    commit_sample_run(store)
    store.remove_photos([photo_key(1)])
    store.add_photos(photo_rows(1, first=30))
    store.set_current_run("r1")
    assert photo_key(1) not in store.labels()
    assert store.unlabelled() == [photo_key(30)]


def test_a_run_that_is_not_there_cannot_come_back(store: Store) -> None:
    """Unknown and pruned runs are told apart."""
    for _ in range(3):
        commit_sample_run(store)
    store.maintain()
    with pytest.raises(NotFound, match="too old"):
        store.set_current_run("r1")
    for run in ("r9", "c1", "r0", ""):
        with pytest.raises(NotFound, match="not in the library"):
            store.set_current_run(run)
    assert store.state().current_run == "r3"


def test_old_runs_are_pruned_but_never_the_current_one(store: Store) -> None:
    """The newest two stay restorable here, and the current one however old; histories stay for ever."""
    for _ in range(4):
        commit_sample_run(store)
    store.set_current_run("r1")
    assert store.maintain().pruned == ("r2",)
    assert store.restorable_runs() == ["r1", "r3", "r4"]
    assert len(store.labels()) == 9
    with pytest.raises(DamagedRun, match="r2"):
        store.fit_folder("r2")
    assert store.fit_folder("r3").is_dir()
    assert store.maintain().pruned == ()
    assert [run.run for run in store.runs()] == ["r1", "r2", "r3", "r4"]
    assert [row.run for row in store.history("c1")] == ["r1", "r2", "r3", "r4"]


def test_photos_that_went_during_the_fit_get_no_label(store: Store) -> None:
    """A fit takes minutes; what went away meanwhile does not come back as a label."""
    photos = sorted(store.photo_keys())
    store.remove_photos(photos[:1])
    run = store.next_run()
    store.commit_run(
        Run(run, 1, MODEL_ID, {}, 9, 0, 9),
        clusters=[],
        labels=[Label(photo, None, 0.0, "fit") for photo in photos],
        next_cluster=1,
    )
    assert sorted(store.labels()) == photos[1:]


def _run(name: str) -> Run:
    return Run(name, 1, MODEL_ID, {}, 1, 1, 0)


@pytest.mark.parametrize(
    ("run", "clusters", "labels", "next_cluster", "words"),
    [
        ("r2", [], [], 3, "next run is r2"),
        ("r4", [], [], 3, "next run is r3"),
        ("r3", [], [], 2, "never reused"),
        ("r3", [ClusterRow("r2", "c1", 1, "", 1, "born")], [], 3, "belongs to run r2"),
        ("r3", [ClusterRow("r3", "c3", 1, "", 1, "born")], [], 3, "below 3"),
        ("r3", [ClusterRow("r3", "x1", 1, "", 1, "born")], [], 3, "below 3"),
        ("r3", [ClusterRow("r3", "c1", 1, "", 1, "born")] * 2, [], 3, "twice"),
        ("r3", [], [Label(photo_key(0), "c1", 1, "fit")], 3, "does not have"),
        ("r3", [], [Label(photo_key(0), None, 0, "fit")] * 2, 3, "twice"),
        ("r3", [], [Label(photo_key(0), None, float("nan"), "fit")], 3, "within 0 and 1"),
        ("r3", [], [Label(photo_key(0), None, 1.5, "fit")], 3, "within 0 and 1"),
    ],
)
def test_a_run_that_contradicts_itself_is_refused_whole(
    store: Store, run: str, clusters: list[ClusterRow], labels: list[Label], next_cluster: int, words: str
) -> None:
    """Nothing of such a run is seen, and the next good one is committed as if it had never been tried."""
    commit_sample_run(store)
    commit_sample_run(store)
    before = store.state()
    with pytest.raises(ValueError, match=words if run != "r2" else "next run is r3, not r2"):
        store.commit_run(_run(run), clusters=clusters, labels=labels, next_cluster=next_cluster)
    assert store.state() == before
    assert len(store.runs()) == 2
    assert commit_sample_run(store) == "r3"
    assert len(store.clusters()) == 2


def test_a_folder_is_handed_out_for_the_next_run_only(store: Store) -> None:
    """An unfinished fit's folder is emptied when it is begun again."""
    with pytest.raises(ValueError, match="next run is r1"):
        store.new_fit_folder("r2")
    (store.new_fit_folder("r1") / "half").touch()
    assert list(store.new_fit_folder("r1").iterdir()) == []
    for odd in ("r7", "../tables", ""):
        with pytest.raises(DamagedRun):
            store.fit_folder(odd)


def test_arrivals_are_labelled_once(store: Store) -> None:
    """A label that is there stays, unless it is to be replaced."""
    commit_sample_run(store)
    store.add_photos(photo_rows(2, first=20))
    arrivals = [Label(photo_key(20), "c2", 0.5, "predict"), Label(photo_key(21), None, 0.0, "predict")]
    assert store.add_labels(arrivals, run="r1") == 2
    assert store.add_labels([Label(photo_key(20), "c1", 0.25, "predict")], run="r1") == 0
    assert store.label(photo_key(20)) == arrivals[0]
    owner = Label(photo_key(20), "c1", 1.0, "owner")
    assert store.add_labels([owner], run="r1", replace=True) == 1
    assert store.label(photo_key(20)) == owner
    assert len(store.labels()) == 11
    assert store.add_labels([], run="r1") == 0


def test_arrivals_are_listed_in_the_order_in_which_they_came(store: Store) -> None:
    """By when their photos were added; a photo that has gone is not among them, nor is one that was fitted."""
    commit_sample_run(store)
    rows = photo_rows(4, first=20)
    store.add_photos([replace(row, added_ns=added) for row, added in zip(rows, (5, 3, 9, 3), strict=True)])
    labels = [Label(row.photo, None, 0.0, "predict", 0.5) for row in rows]
    store.add_labels(labels, run="r1")
    assert store.arrivals() == [*sorted(labels[1:4:2], key=lambda label: label.photo), labels[0], labels[2]]
    store.remove_photos([rows[0].photo])
    assert labels[0] not in store.arrivals()
    commit_sample_run(store)
    assert store.arrivals() == []


def test_a_label_from_a_run_that_is_over_leaks_nowhere(store: Store) -> None:
    """Arrivals placed in a run that a refit has replaced meanwhile are dropped."""
    commit_sample_run(store)
    commit_sample_run(store)
    store.add_photos(photo_rows(1, first=20))
    assert store.add_labels([Label(photo_key(20), "c1", 0.5, "predict")], run="r1") == 0
    assert store.unlabelled() == [photo_key(20)]
    assert photo_key(20) not in store.labels("r1")


def test_arrivals_cannot_name_a_cluster_the_run_does_not_have(store: Store) -> None:
    """A label exists in its run."""
    commit_sample_run(store)
    with pytest.raises(ValueError, match="c7"):
        store.add_labels([Label(photo_key(0), "c7", 0.5, "predict")], run="r1", replace=True)


def test_labels_are_counted_by_cluster_and_by_who_assigned_them(store: Store) -> None:
    """Sizes include arrivals; noise among arrivals is told apart, and newcomers among that."""
    assert store.label_counts() == LabelCounts({}, 0, 0, 0, 0)
    commit_sample_run(store)
    store.add_photos(photo_rows(4, first=20))
    store.add_labels([Label(photo_key(20 + at), "c1" if at else None, 0.5, "predict") for at in range(3)], run="r1")
    store.add_labels([Label(photo_key(23), None, 0.0, "predict", 1.0, newcomer=True)], run="r1")
    assert store.label_counts() == LabelCounts({"c1": 6, "c2": 4}, 3, 4, 2, 1)
    assert store.label_counts("r5") == LabelCounts({}, 0, 0, 0, 0)


def test_a_clusters_time_span_is_its_photos(store: Store) -> None:
    """First and last time taken among the members; noise and clusters without times have none."""
    run = store.next_run()
    clusters = {0: "c1", 3: "c1", 7: "c1", 5: "c2", 8: None}
    store.commit_run(
        Run(run, 1, MODEL_ID, {}, 5, 2, 1),
        clusters=[ClusterRow(run, cluster, 1, photo_key(0), 1, "born") for cluster in ("c1", "c2", "c3")],
        labels=[Label(photo_key(number), cluster, 1.0, "fit") for number, cluster in clusters.items()],
        next_cluster=4,
    )
    start = datetime(2020, 1, 1)
    assert store.time_spans() == {
        "c1": TimeSpan(start, start + timedelta(days=7)),
        "c2": TimeSpan(start + timedelta(days=5), start + timedelta(days=5)),
    }


def test_a_name_outlives_the_runs(store: Store) -> None:
    """Quotes, apostrophes and emoji are names like any other; a new name replaces the old one."""
    commit_sample_run(store)
    name = "Oma's \"Garten\" 😀 \\' -- ; DROP"
    assert store.rename({"c1": f"  {name} "}, named_ns=5) == (ClusterName("c1", name, "owner", 5),)
    store.put_names([ClusterName("c2", "beach", "auto", 6)])
    commit_sample_run(store, clusters=("c3",))
    assert {cluster: given.name for cluster, given in store.names().items()} == {"c1": name, "c2": "beach"}
    assert store.rename({"c1": "Garten"}, named_ns=7)[0].name == store.names()["c1"].name == "Garten"
    assert len(store.names()) == 2


@pytest.mark.parametrize(
    ("cluster", "name", "error"), [("c9", "x", NotFound), ("c1", " ", UsageError), ("c1", "\udcff", UsageError)]
)
def test_a_name_needs_a_cluster_and_a_text(store: Store, cluster: str, name: str, error: type[Exception]) -> None:
    """A mistyped id or an empty name is told to the user and changes nothing."""
    commit_sample_run(store)
    with pytest.raises(error):
        store.rename({cluster: name}, named_ns=1)
    assert store.names() == {}
