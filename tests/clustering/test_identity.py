"""Ids from run to run."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecclust.clustering import Carried, ClusterChange, Known, match


def photos_of(*sizes: int) -> tuple[list[str], np.ndarray]:
    """Photos p000, p001, ... with labels 0, 1, ... for groups of the given sizes."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return [f"p{row:03d}" for row in range(len(labels))], labels


def known_of(photos: list[str], labels: np.ndarray, **more: object) -> Known:
    """Ids c1, c2, ... for labels 0, 1, ..."""
    members = {photo: f"c{label + 1}" for photo, label in zip(photos, labels.tolist(), strict=True) if label >= 0}
    known = Known(members=members, next_number=int(labels.max(initial=-1)) + 2)
    return replace(known, **more)  # type: ignore[arg-type]


partitions = st.lists(st.integers(-1, 6), min_size=0, max_size=60).map(np.array)


def by_photo(photos: list[str], labels: np.ndarray, carried: Carried) -> dict[str, str]:
    """The id of every clustered photo."""
    rows = zip(photos, labels.tolist(), strict=True)
    return {photo: carried.ids[label] for photo, label in rows if label >= 0}


@given(partitions)
def test_the_same_partition_keeps_every_id(labels: np.ndarray) -> None:
    """Nothing is born, nothing goes, no number is used."""
    labels = labels.astype(np.int64)
    photos = [f"p{row}" for row in range(len(labels))]
    known = known_of(photos, labels)
    got = match(photos, labels, known=known)
    assert by_photo(photos, labels, got) == known.members
    assert {change.event for change in got.changes.values()} <= {"kept"}
    assert (got.gone, got.merged, got.next_number) == ((), {}, known.next_number)


@given(partitions, partitions, st.randoms(use_true_random=False))
def test_neither_label_numbers_nor_row_order_matter(before: np.ndarray, after: np.ndarray, random: Random) -> None:
    """Every photo gets the same id when labels are renumbered and rows shuffled."""
    n = min(len(before), len(after))
    before, after = before[:n].astype(np.int64), after[:n].astype(np.int64)
    photos = [f"p{row}" for row in range(n)]
    known = known_of(photos, before, named=frozenset({"c2", "c5"}), retired={"c99": frozenset(photos[:4])})
    rows = list(range(n))
    random.shuffle(rows)
    renumber = np.array([3, 0, 6, 2, 5, 1, 4, -1])
    shuffled = [photos[row] for row in rows]
    other_labels = renumber[after[rows]] if n else after
    one, two = match(photos, after, known=known), match(shuffled, other_labels, known=known)
    assert by_photo(photos, after, one) == by_photo(shuffled, other_labels, two)
    assert (one.changes, one.gone, one.merged) == (two.changes, two.gone, two.merged)
    assert one.retired == two.retired


@given(partitions, partitions)
def test_ids_are_one_to_one_and_numbers_never_used_again(before: np.ndarray, after: np.ndarray) -> None:
    """Each cluster one id, each id one cluster, new numbers above all old, nobody lost without a trace."""
    n = min(len(before), len(after))
    before, after = before[:n].astype(np.int64), after[:n].astype(np.int64)
    photos = [f"p{row}" for row in range(n)]
    known = known_of(photos, before)
    got = match(photos, after, known=known)
    old = set(known.members.values())
    assert sorted(got.ids) == sorted(set(after[after >= 0].tolist()))
    assert len(set(got.ids.values())) == len(got.ids)
    fresh = set(got.ids.values()) - old
    assert all(int(cluster[1:]) >= known.next_number for cluster in fresh)
    assert got.next_number == known.next_number + len(fresh)
    assert old == (set(got.ids.values()) & old) | set(got.gone) | set(got.merged)
    assert set(got.retired) == set(got.gone) | set(got.merged)


def test_the_first_run_numbers_by_size() -> None:
    """c1 is the largest."""
    photos, labels = photos_of(5, 9, 7)
    got = match(photos, labels, known=Known())
    assert got.ids == {1: "c1", 2: "c2", 0: "c3"}
    assert set(got.changes.values()) == {ClusterChange("born")}


def test_a_split_leaves_the_id_with_the_larger_part() -> None:
    """The smaller part gets a number of its own and says where it came from."""
    photos, labels = photos_of(20, 10)
    after = labels.copy()
    after[:8] = 5
    got = match(photos, after, known=known_of(photos, labels))
    assert (got.ids[0], got.ids[5], got.ids[1]) == ("c1", "c3", "c2")
    assert got.changes["c3"] == ClusterChange("split", ("c1",))
    assert got.changes["c1"] == ClusterChange("kept", ("c1",))


def test_a_merge_keeps_the_larger_and_records_the_other() -> None:
    """The other id is remembered with its members."""
    photos, labels = photos_of(20, 10)
    got = match(photos, np.zeros(30, np.int64), known=known_of(photos, labels))
    assert got.ids == {0: "c1"}
    assert got.changes["c1"] == ClusterChange("merged", ("c1", "c2"))
    assert (got.merged, got.gone) == ({"c2": "c1"}, ())
    assert got.retired == {"c2": frozenset(photos[20:])}


def test_a_merge_keeps_the_owners_name_even_of_the_smaller() -> None:
    """A name given by a person outweighs any number of photos."""
    photos, labels = photos_of(20, 10)
    got = match(photos, np.zeros(30, np.int64), known=known_of(photos, labels, named=frozenset({"c2"})))
    assert got.ids == {0: "c2"}
    assert got.merged == {"c1": "c2"}


def test_of_two_names_that_merge_the_larger_stays() -> None:
    """Both named: size decides, and the smaller does not flee onto a crumb."""
    photos, labels = photos_of(20, 10)
    after = np.zeros(30, np.int64)
    after[:3] = 1
    got = match(photos, after, known=known_of(photos, labels, named=frozenset({"c1", "c2"})))
    assert got.ids[0] == "c1"
    assert got.merged == {"c2": "c1"}
    assert got.changes[got.ids[1]] == ClusterChange("split", ("c1",))


def test_an_id_does_not_move_to_a_crumb_of_itself() -> None:
    """Where most of a cluster went to another's id, the crumb left behind is a new cluster."""
    photos, labels = photos_of(20, 10)
    after = np.zeros(30, np.int64)
    after[:4] = 1
    got = match(photos, after, known=known_of(photos, labels, named=frozenset({"c2"})))
    assert got.ids == {0: "c2", 1: "c3"}
    assert got.merged == {"c1": "c2"}


def test_a_cluster_that_dissolves_is_gone_and_comes_back() -> None:
    """A retired id is revived when its last members come back, and its number was not given away."""
    photos, labels = photos_of(20, 10)
    dissolved = np.where(labels == 1, -1, labels)
    first = match(photos, dissolved, known=known_of(photos, labels))
    assert (first.gone, first.retired) == (("c2",), {"c2": frozenset(photos[20:])})
    known = Known(members=by_photo(photos, dissolved, first), retired=first.retired, next_number=first.next_number)
    second = match(photos, labels, known=known)
    assert second.ids == {0: "c1", 1: "c2"}
    assert second.changes["c2"] == ClusterChange("revived", ("c2",))
    assert (second.retired, second.next_number) == ({}, 3)


@pytest.mark.parametrize(("strangers", "named", "cluster"), [(30, False, "c9"), (30, True, "c10"), (5, True, "c9")])
def test_a_name_is_revived_only_where_its_photos_are_the_majority(strangers: int, named: bool, cluster: str) -> None:
    """A person's name does not come back over photos that are mostly others'."""
    photos, _ = photos_of(10 + strangers)
    names = frozenset({"c9"} if named else ())
    known = Known(retired={"c9": frozenset(photos[:10])}, named=names, next_number=10)
    got = match(photos, np.zeros(10 + strangers, np.int64), known=known)
    assert got.ids == {0: cluster}


def test_growth_is_told_from_a_photo_more() -> None:
    """A tenth more is growth; one photo in twenty is not."""
    photos, labels = photos_of(22, 21)
    before = labels.copy()
    before[:2] = -1
    before[22:23] = -1
    got = match(photos, labels, known=known_of(photos, before))
    assert got.changes == {"c1": ClusterChange("grew", ("c1",)), "c2": ClusterChange("kept", ("c2",))}


def test_deleted_photos_do_not_take_the_id_along() -> None:
    """Of a cluster of which a tenth is left, that tenth is still it."""
    photos, labels = photos_of(50, 12)
    known = known_of(photos, labels)
    got = match(photos[45:], labels[45:], known=known)
    assert got.ids == {0: "c1", 1: "c2"}


def test_photos_and_labels_must_fit() -> None:
    """A length that differs, or a photo given twice, is the caller's mistake."""
    with pytest.raises(ValueError, match="one label"):
        match(["a"], np.array([0, 1]), known=Known())
    with pytest.raises(ValueError, match="once"):
        match(["a", "a"], np.array([0, 1]), known=Known())
