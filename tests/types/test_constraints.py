"""What edits come to: the later outranks the earlier, and one taken back was never made."""

from __future__ import annotations

from dataclasses import replace

from vecclust.types.clusters import Label
from vecclust.types.constraints import Constraints, constraints_of, edit_command, suggested_names
from vecclust.types.edits import Edit


def fold(*edits: Edit) -> Constraints:
    """Fold edits that are numbered as they stand."""
    return constraints_of([replace(edit, number=number) for number, edit in enumerate(edits, 1)])


def merge(kept: str, other: str) -> Edit:
    """Say that two clusters are one."""
    return Edit(0, "merge", cluster=kept, other=other)


def apart(one: str, other: str) -> Edit:
    """Say that two clusters are not one."""
    return Edit(0, "not-together", cluster=one, other=other)


def back(edit: str) -> Edit:
    """Take an edit back."""
    return Edit(0, "take-back", other=edit)


def test_a_photo_is_where_it_was_put_last() -> None:
    """Moved, pinned, let go; the label is the owner's, and its strength is 1, or 0 in no cluster."""
    one, two = Edit(0, "move", "p", "c1"), Edit(0, "move", "p", "c2")
    label = Label("p", "c9", 0.25, "fit")
    assert fold(one, two).label(label) == Label("p", "c2", 1.0, "owner")
    assert fold(one, Edit(0, "unpin", "p")).label(label) == label
    assert fold(two, back("w1")).label(label) == label
    assert fold(one, two, back("w2")).label(label).cluster == "c1"
    assert fold(Edit(0, "move", "p", None)).label(label) == Label("p", None, 0.0, "owner")
    assert fold(one).label(Label("q", None, 0.0, "fit")) == Label("q", None, 0.0, "fit")


def test_merges_form_a_tree_and_labels_follow_it_to_its_root() -> None:
    """Whatever was merged into what; a circle cannot arise."""
    constraints = fold(merge("c2", "c3"), merge("c1", "c2"), merge("c3", "c1"), merge("c3", "c4"))
    assert [constraints.root(cluster) for cluster in ("c1", "c2", "c3", "c4", "c5")] == ["c1", "c1", "c1", "c1", "c5"]
    assert constraints.group("c4") == {"c1", "c2", "c3", "c4"}
    assert constraints.label(Label("p", "c3", 0.5, "predict")) == Label("p", "c1", 0.5, "predict")
    assert fold(merge("c2", "c3"), Edit(0, "pin", "p", "c3")).label(Label("p", None, 0, "fit")).cluster == "c2"


def test_the_latest_of_two_contradicting_edits_holds() -> None:
    """A merge ends what keeps the two apart, also by way of others; not-together ends the latest merge between them."""
    assert fold(apart("c1", "c2"), merge("c2", "c1")).apart == {}
    assert fold(merge("c1", "c9"), apart("c9", "c2"), merge("c2", "c1")).apart == {}
    both = fold(merge("c1", "c2"), merge("c1", "c3"), apart("c2", "c3"))
    assert (both.root("c2"), both.root("c3")) == ("c1", "c3")
    assert both.numbers == {1, 3}
    assert both.pairs_apart() == {frozenset(["c2", "c3"]), frozenset(["c1", "c3"])}
    assert fold(merge("c1", "c2"), merge("c1", "c3"), apart("c2", "c3"), back("w3")).root("c3") == "c1"


def test_what_is_split_off_is_not_together_with_what_is_left() -> None:
    """Until it is merged again; one edit undoes all of it."""
    split = Edit(1, "split-off", "p", "c5", "c1")
    constraints = constraints_of([split, replace(split, photo="q")])
    assert constraints.pinned_to("c5") == ["p", "q"]
    assert constraints.apart == {frozenset(["c1", "c5"]): 1}
    merged = constraints_of([split, replace(merge("c1", "c5"), number=2)])
    assert (merged.apart, merged.label(Label("p", "c1", 0.5, "fit")).cluster) == ({}, "c1")
    assert constraints_of([split, replace(back("w1"), number=2)]) == Constraints()


def test_a_saying_is_told_in_a_line() -> None:
    """As it is typed, photos counted."""
    assert edit_command([Edit(1, "move", "p", "c1"), Edit(1, "move", "q", "c1")]) == "move 2 photos c1"
    assert edit_command([Edit(1, "move", "p")]) == "move 1 photo unclustered"
    assert edit_command([merge("c1", "c2")]) == "merge c1 c2"
    assert edit_command([Edit(1, "split-off", "p", "c5", "c1")]) == "split-off c1 1 photo as c5"
    assert edit_command([back("w1"), back("w2")]) == "undo w1 w2"
    assert edit_command([Edit(1, "unpin", "p")]) == "unpin 1 photo"


def test_a_part_that_broke_off_a_named_cluster_is_proposed_its_name_and_a_number() -> None:
    """The next free one, traced through parts of parts; what has a name, or no named origin, is proposed none."""
    names = {"c1": "Lagoon", "c7": "Lagoon (2)", "c8": "Sand"}
    splits = {"c10": "c1", "c9": "c7", "c11": "c10", "c8": "c1", "c12": "c2", "c13": "c14", "c14": "c13"}
    assert suggested_names(names, splits) == {"c9": "Lagoon (3)", "c10": "Lagoon (4)", "c11": "Lagoon (5)"}
    assert suggested_names({}, splits) == {}
