"""Ids of events, trips and places hold whatever comes and goes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vecclust.library.timeline.identity import N_ANCHORS, Identified, identify
from vecclust.types.timeline import TimelineGroup


def photos(n: int) -> NDArray[np.bytes_]:
    """Make hashes, ascending."""
    return np.sort(np.array([hashlib.sha256(str(at).encode()).hexdigest() for at in range(n)], "S64"))


def grouped(labels: Sequence[int], kept: Sequence[TimelineGroup] = (), named: Sequence[str] = ()) -> Identified:
    """Identify events of photos that are numbered."""
    return identify(photos(len(labels)), {"event": np.array(labels, np.int64)}, kept=kept, named=named)


def test_ids_are_given_in_order_and_found_again() -> None:
    """By groups in any order."""
    first = grouped([0] * 10 + [1] * 20 + [-1] * 5 + [2] * 8)
    assert [group.id for group in first.groups] == ["e1", "e2", "e3"]
    assert first.numbers["event"].tolist() == [1] * 10 + [2] * 20 + [0] * 5 + [3] * 8
    assert all(len(group.anchors) <= N_ANCHORS for group in first.groups)
    again = grouped([2] * 10 + [0] * 20 + [-1] * 5 + [1] * 8, kept=first.groups)
    assert again.numbers["event"].tolist() == first.numbers["event"].tolist()
    assert again.groups == first.groups


def test_the_larger_part_keeps_the_id_and_numbers_are_never_reused() -> None:
    """Of a group that breaks in two; what is gone is kept, and comes back as itself."""
    first = grouped([0] * 60)
    split = grouped([0] * 50 + [1] * 10, kept=first.groups)
    assert split.numbers["event"].tolist() == [1] * 50 + [2] * 10
    gone = grouped([0] * 50 + [-1] * 10, kept=split.groups)
    assert [(group.id, group.n_photos) for group in gone.groups] == [("e1", 50), ("e2", 0)]
    assert grouped([0] * 50 + [-1] * 5 + [1] * 5, kept=gone.groups).numbers["event"].tolist()[-1] == 2
    others = np.sort(np.array([hashlib.sha256(f"other {at}".encode()).hexdigest() for at in range(100)], "S64"))
    fresh = identify(others, {"event": np.zeros(100, np.int64)}, kept=gone.groups)
    assert {group.id for group in fresh.groups} == {"e1", "e2", "e3"}


def test_what_its_owner_named_stays_when_two_become_one() -> None:
    """Though the other was larger."""
    first = grouped([0] * 50 + [1] * 10)
    assert set(grouped([0] * 60, kept=first.groups).numbers["event"].tolist()) == {1}
    assert set(grouped([0] * 60, kept=first.groups, named=["e2"]).numbers["event"].tolist()) == {2}


def test_kinds_are_told_apart() -> None:
    """A town and a street of the same photos are two places, with numbers of one row."""
    labels = np.zeros(10, np.int64)
    found = identify(photos(10), {"town": labels, "street": labels, "trip": labels}, kept=())
    assert [(group.id, group.kind) for group in found.groups] == [("p1", "town"), ("p2", "street"), ("t1", "trip")]
    again = identify(photos(10), {"town": labels, "street": labels, "trip": labels}, kept=found.groups)
    assert again.groups == found.groups


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(-1, 5), min_size=1, max_size=80), st.data())
def test_the_same_groups_have_the_same_ids(labels: list[int], data: st.DataObject) -> None:
    """Whatever they are numbered by when they are found again, and without a tenth of their photos."""
    present = sorted(set(labels) - {-1})
    dense = [present.index(label) if label >= 0 else -1 for label in labels]
    first = grouped(dense)
    order = data.draw(st.permutations(range(len(present))))
    again = grouped([order[label] if label >= 0 else -1 for label in dense], kept=first.groups)
    assert again.numbers["event"].tolist() == first.numbers["event"].tolist()
    assert again.groups == first.groups
