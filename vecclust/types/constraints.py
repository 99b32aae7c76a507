"""Constraints: what the owner's edits come to.

Edits are a log that is never written over. Folded in order they give what is in force: a later edit ends an earlier one
that contradicts it, and one taken back counts as never made. What a run says of photos stays as it is: constraints are
laid over it, whichever run is the current one. Refuses to know tables, vectors and how clusters are found.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from vecclust.types.clusters import Label
from vecclust.types.edits import Edit, command_of
from vecclust.types.names import LONGEST_NAME, name_key
from vecclust.types.timeline import TIMELINE_ID


@dataclass(frozen=True, slots=True)
class Pin:
    """Where one photo is to be.

    Attributes:
        number: of the edit.
        cluster: the cluster, or None for none.
    """

    number: int
    cluster: str | None


@dataclass(frozen=True, slots=True)
class Join:
    """Into which cluster another one was merged.

    Attributes:
        number: of the edit.
        into: the cluster that is kept.
    """

    number: int
    into: str


@dataclass(frozen=True, slots=True)
class Naming:
    """What a cluster is called.

    Attributes:
        number: of the edit.
        name: the name.
        made_ns: when it was given, in nanoseconds since the epoch.
    """

    number: int
    name: str
    made_ns: int


@dataclass(frozen=True, slots=True)
class Constraints:
    """What of the edits is in force.

    Attributes:
        pins: photo to where it is to be.
        joined: cluster to what it was merged into.
        apart: two clusters that are not together, to the number of the edit.
        named: cluster to what it is called.
        refused: cluster and what it is not to be called, to the number of the edit: ids of words, and names that were
            proposed for what broke off.
    """

    pins: Mapping[str, Pin] = field(default_factory=dict)
    joined: Mapping[str, Join] = field(default_factory=dict)
    apart: Mapping[frozenset[str], int] = field(default_factory=dict)
    named: Mapping[str, Naming] = field(default_factory=dict)
    refused: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of the edits in force."""
        said: list[Pin | Join | Naming] = [*self.pins.values(), *self.joined.values(), *self.named.values()]
        return frozenset([*(one.number for one in said), *self.apart.values(), *self.refused.values()])

    @property
    def relabels(self) -> bool:
        """Whether any label is another than its run's own."""
        return bool(self.pins or self.joined)

    @property
    def clusters(self) -> frozenset[str]:
        """The clusters that the edits in force are about."""
        pinned = {pin.cluster for pin in self.pins.values() if pin.cluster is not None}
        return frozenset(pinned.union(*self.apart, self.joined, (join.into for join in self.joined.values())))

    def root(self, cluster: str) -> str:
        """Give the cluster that this one is shown as: itself, or what it was merged into.

        Args:
            cluster: its id, known or not.
        """
        return _path(self.joined, cluster)[-1]

    def group(self, cluster: str) -> frozenset[str]:
        """Give all clusters that are shown as the same one as this, itself included.

        Args:
            cluster: its id.
        """
        root = self.root(cluster)
        return frozenset([root, *(other for other in self.joined if self.root(other) == root)])

    def label(self, label: Label) -> Label:
        """Lay what is in force over what a run says of one photo.

        Args:
            label: the run's own.

        Returns:
            The label as the owner wants it; a pin to a cluster has strength 1, one to none has 0.
        """
        pin = self.pins.get(label.photo)
        if pin is None:
            if label.cluster is None or label.cluster not in self.joined:
                return label
            return dataclasses.replace(label, cluster=self.root(label.cluster))
        cluster = None if pin.cluster is None else self.root(pin.cluster)
        return dataclasses.replace(label, cluster=cluster, strength=float(cluster is not None), assigned_by="owner")

    def pinned_to(self, cluster: str) -> list[str]:
        """Give the photos that are to be in a cluster as it is shown, in the order they were pinned.

        Args:
            cluster: its id.
        """
        group = self.group(cluster)
        return [photo for photo, pin in self.pins.items() if pin.cluster in group]

    def refused_by(self) -> dict[str, frozenset[str]]:
        """Give what each cluster is not to be called, by its id; those of which nothing was refused are left out."""
        found: dict[str, set[str]] = {}
        for cluster, word in self.refused:
            found.setdefault(cluster, set()).add(word)
        return {cluster: frozenset(words) for cluster, words in found.items()}

    def pairs_apart(self) -> frozenset[frozenset[str]]:
        """Give the pairs of clusters that no fit may join; what holds for one holds for all merged with it."""
        return frozenset(
            frozenset([one, other])
            for pair in self.apart
            for one in self.group(min(pair))
            for other in self.group(max(pair))
        )


def by_world(edits: Iterable[Edit]) -> tuple[list[Edit], list[Edit]]:
    """Part edits into those about clusters and those about events, trips and places.

    Args:
        edits: rows of the log.

    Returns:
        Both in order; what takes an edit back is in both. A photo may be moved to a cluster and to an event at once.
    """
    clusters, timeline = [], []
    # A row that takes a photo out of an event names none itself: an edit is of one world as a whole.
    edits = list(edits)
    of_timeline = {edit.number for edit in edits if is_of_timeline(edit)}
    for edit in edits:
        if edit.kind == "take-back" or edit.number in of_timeline:
            timeline.append(edit)
        if edit.kind == "take-back" or edit.number not in of_timeline:
            clusters.append(edit)
    return clusters, timeline


def is_of_timeline(edit: Edit) -> bool:
    """Tell whether an edit is about an event, trip or place.

    Args:
        edit: a row of the log.
    """
    named = [edit.cluster, *([] if edit.kind == "take-back" else [edit.other])]
    return any(one is not None and TIMELINE_ID.fullmatch(one) for one in named)


def group_asked(named: str) -> str | None:
    """Give the id of an event, trip or place where that is what is named, else None.

    Args:
        named: whatever the owner typed.
    """
    key = name_key(named)
    return key if TIMELINE_ID.fullmatch(key) else None


def constraints_of(edits: Iterable[Edit]) -> Constraints:
    """Fold edits into what is in force.

    Args:
        edits: rows of the log; those of one number in the order they were made.
    """
    edits = sorted(edits, key=lambda edit: edit.number)
    taken_back = {edit_number(edit.other) for edit in edits if edit.kind == "take-back"}
    pins: dict[str, Pin] = {}
    joined: dict[str, Join] = {}
    apart: dict[frozenset[str], int] = {}
    named: dict[str, Naming] = {}
    refused: dict[tuple[str, str], int] = {}
    for edit in edits:
        if edit.number in taken_back:
            continue
        if edit.kind == "refuse":
            if edit.cluster is not None:
                refused[edit.cluster, edit.name] = edit.number
            continue
        if edit.photo is not None:
            pins.pop(edit.photo, None)  # so that the order of the pins is that of the edits
            if edit.kind != "unpin":
                pins[edit.photo] = Pin(edit.number, edit.cluster)
        if edit.cluster is not None and edit.name:
            named[edit.cluster] = Naming(edit.number, edit.name, edit.made_ns)
        if edit.cluster is None or edit.other is None:
            continue
        if edit.kind == "merge":
            _join(edit.number, edit.cluster, edit.other, joined=joined, apart=apart)
        elif edit.kind in ("not-together", "split-off"):
            _part(edit.number, edit.cluster, edit.other, joined=joined, apart=apart)
    return Constraints(pins, joined, apart, named, refused)


def suggested_names(
    names: Mapping[str, str], splits: Mapping[str, str], *, refused: Collection[tuple[str, str]] = ()
) -> dict[str, str]:
    """Propose names for clusters that broke off a named one: its name, and the next free number.

    Args:
        names: name by cluster.
        splits: cluster without a name, to the one it broke off.
        refused: cluster and name that is not proposed for it.

    Returns:
        A name by cluster, for those that can be traced to a name.
    """
    taken, found = set(map(name_key, names.values())), dict[str, str]()
    for cluster in sorted(splits.keys() - names.keys(), key=lambda cluster: (len(cluster), cluster)):
        source = cluster
        for _ in splits:  # so often at most, should they go in a circle
            source = source if source in names else splits.get(source, source)
        if source not in names:
            continue
        base = re.sub(r" \(\d+\)$", "", names[source])
        endings = (f" ({number})" for number in itertools.count(2))
        numbered = (base[: LONGEST_NAME - len(ending)] + ending for ending in endings)
        name = next(name for name in numbered if name_key(name) not in taken)
        taken.add(name_key(name))
        if (cluster, name) not in refused:
            found[cluster] = name
    return found


def edit_name(number: int) -> str:
    """Give the id by which an edit is shown.

    Args:
        number: of the edit, from 1.
    """
    return f"w{number}"


def edit_number(edit: str | None) -> int:
    """Read the number of an edit's id.

    Args:
        edit: the id, or None.

    Returns:
        The number, 0 where it is no such id.
    """
    digits = (edit or "").removeprefix("w")
    return int(digits) if edit != digits and digits.isascii() and digits.isdigit() else 0


def edit_command(edits: Iterable[Edit], *, said: Callable[[str], str] = str) -> str:
    """Write one edit as the command that makes it, without its photos.

    Args:
        edits: all its rows, at least one.
        said: gives the word that a refusal is about, by its id; one that is no id stands for itself.
    """
    rows = list(edits)
    first = rows[0]
    n_photos = sum(row.photo is not None for row in rows)
    photos = f"{n_photos} photo{'' if n_photos == 1 else 's'}" if n_photos else None
    match first.kind:
        case "move":
            parts = [photos, first.cluster or "unclustered"]
        case "split-off":
            parts = [first.other, photos, f"as {first.cluster}"]
        case "rename":
            parts = [first.cluster, first.name]
        case "refuse":
            parts = [f"{row.cluster} “{said(row.name)}”" for row in rows]
        case "take-back":
            parts = [row.other for row in rows]
        case _:
            parts = [photos] if photos else [first.cluster, first.other]
    return " ".join([command_of(first.kind), *(part for part in parts if part)])


def _path(joined: Mapping[str, Join], cluster: str) -> list[str]:
    path = [cluster]
    while path[-1] in joined:
        path.append(joined[path[-1]].into)
    return path


def _join(number: int, kept: str, other: str, *, joined: dict[str, Join], apart: dict[frozenset[str], int]) -> None:
    roots = {_path(joined, kept)[-1], _path(joined, other)[-1]}
    if len(roots) == 1:
        return
    for pair in [pair for pair in apart if {_path(joined, cluster)[-1] for cluster in pair} == roots]:
        del apart[pair]
    joined[_path(joined, other)[-1]] = Join(number, _path(joined, kept)[-1])


def _part(number: int, one: str, other: str, *, joined: dict[str, Join], apart: dict[frozenset[str], int]) -> None:
    paths = _path(joined, one), _path(joined, other)
    if paths[0][-1] == paths[1][-1]:
        # Of the merges that make the two one, the latest is what this edit contradicts.
        between = set(paths[0]) ^ set(paths[1])
        del joined[max(between, key=lambda cluster: joined[cluster].number)]
    apart[frozenset([one, other])] = number
