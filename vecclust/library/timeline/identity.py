"""Which event, trip or place is which: groups that are found anew get the ids they had before.

A group is known again by a few of its photos, its anchors: it is wherever most of them are. Those with the lowest
content hashes are taken, which is a draw at random that comes out the same each time, so that the larger part of what
breaks in two keeps the id. Numbers are never reused, and what is not found again is kept, for it may come back.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vecclust.types.timeline import TimelineGroup, TimelineKind

# The larger part of a group that breaks 60 to 40 has the most of 9 anchors three times in four, of 5 two times in
# three, of 25 nearly always; a name then hangs on 144 letters.
N_ANCHORS = 9
# As many letters of a content hash tell a million photos apart but for one chance in ten million.
_N_LETTERS = 16
_LETTERS: Mapping[TimelineKind, str] = {"event": "e", "trip": "t", "street": "p", "town": "p"}


@dataclass(frozen=True, eq=False)
class Identified:
    """Groups with the ids they are known by.

    Attributes:
        numbers: by kind, (n,) int64 number of each photo's group, 0 where it is in none.
        groups: all that are to be kept, those that were not found again too.
    """

    numbers: Mapping[TimelineKind, NDArray[np.int64]]
    groups: tuple[TimelineGroup, ...]


def group_id(kind: TimelineKind, number: int) -> str:
    """Give the id of a group.

    Args:
        kind: of the group.
        number: from 1.
    """
    return f"{_LETTERS[kind]}{number}"


def group_number(group: str) -> int:
    """Give the number of a group's id.

    Args:
        group: the id.
    """
    return int(group[1:])


def identify(
    photos: NDArray[np.bytes_],
    labels: Mapping[TimelineKind, NDArray[np.int64]],
    *,
    kept: Sequence[TimelineGroup],
    named: Collection[str] = (),
) -> Identified:
    """Give groups the ids they had, and new ones to those that were not there.

    Args:
        photos: (n,) content hashes, ascending.
        labels: by kind, (n,) int64 group of each photo, numbered from 0 as new ones are to be, -1 where it is in none.
        kept: the groups as they were kept.
        named: ids that have their owner's name: where two were joined, such a one stays.

    Returns:
        The numbers, and the groups to be kept from now on.
    """
    found_again: dict[str, TimelineGroup] = {}
    numbers: dict[TimelineKind, NDArray[np.int64]] = {}
    last = dict.fromkeys(_LETTERS.values(), 0)
    for one in kept:
        last[one.id[0]] = max(last[one.id[0]], group_number(one.id))
    for kind, of_photo in labels.items():
        known = [one for one in kept if one.kind == kind and one.anchors]
        members = _members(of_photo)
        ids = _known_again(photos, of_photo, known=known, named=named)
        given = np.zeros(len(members), np.int64)
        for label, rows in enumerate(members):
            before = ids.get(label)
            if before is None:
                last[_LETTERS[kind]] += 1
            name = group_id(kind, last[_LETTERS[kind]]) if before is None else before.id
            given[label] = group_number(name)
            anchors = _anchors(photos[rows], () if before is None else before.anchors)
            found_again[name] = TimelineGroup(name, kind, anchors, len(rows))
        numbers[kind] = np.where(of_photo < 0, 0, given[of_photo] if len(given) else 0)
    lost = [replace(one, n_photos=0) for one in kept if one.id not in found_again]
    groups = sorted([*found_again.values(), *lost], key=lambda one: (one.id[0], group_number(one.id)))
    return Identified(numbers, tuple(groups))


def groups_of(
    photos: NDArray[np.bytes_], numbers: Mapping[TimelineKind, NDArray[np.int64]]
) -> tuple[TimelineGroup, ...]:
    """Give the groups that numbers tell of.

    Args:
        photos: (n,) content hashes, ascending.
        numbers: by kind, (n,) int64 number of each photo's group, 0 where it is in none.
    """
    return tuple(
        TimelineGroup(group_id(kind, number), kind, _anchors(photos[rows], ()), len(rows))
        for kind, of_photo in numbers.items()
        for number, rows in enumerate(_members(of_photo))
        if number and len(rows)
    )


def _members(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Give the rows of each group, by its number from 0, in order."""
    order = np.argsort(labels, kind="stable")
    n_groups = int(labels.max(initial=-1)) + 1
    bounds = np.searchsorted(labels[order], np.arange(n_groups + 1))
    return [order[start:stop] for start, stop in itertools.pairwise(bounds)]


def _known_again(
    photos: NDArray[np.bytes_],
    labels: NDArray[np.int64],
    *,
    known: Sequence[TimelineGroup],
    named: Collection[str],
) -> dict[int, TimelineGroup]:
    """Give what each group was before: of those whose anchors are mostly in it the named, else that of the most."""
    letters = photos.astype(f"S{_N_LETTERS}")  # ascending as the whole hashes are
    anchors = np.array([anchor for one in known for anchor in one.anchors], f"S{_N_LETTERS}")
    of_known = np.repeat(np.arange(len(known)), [len(one.anchors) for one in known])
    at = np.minimum(np.searchsorted(letters, anchors), max(len(letters) - 1, 0))
    is_there = (letters[at] == anchors) if len(letters) else np.zeros(len(anchors), bool)
    is_there[is_there] = labels[at[is_there]] >= 0
    votes, counts = np.unique(np.stack([of_known[is_there], labels[at[is_there]]]), axis=1, return_counts=True)
    best: dict[int, tuple[int, int]] = {}
    for one, label, count in zip(*votes.tolist(), counts.tolist(), strict=True):
        # Of equally many, the earlier group.
        if count > best.get(one, (0, 0))[0]:
            best[one] = count, label
    claims: dict[int, list[tuple[bool, int, int, int]]] = {}
    for one, (count, label) in best.items():
        group = known[one]
        claims.setdefault(label, []).append((group.id in named, count, -group_number(group.id), one))
    return {label: known[max(wanted)[-1]] for label, wanted in claims.items()}


def _anchors(members: NDArray[np.bytes_], earlier: Sequence[str]) -> tuple[str, ...]:
    """Give a group's anchors: the earlier ones while they are all in it, else those and others up to their number."""
    letters = [one.decode() for one in members.astype(f"S{_N_LETTERS}")[: N_ANCHORS * 4].tolist()]
    if earlier:
        present = set(members.astype(f"S{_N_LETTERS}").astype(str).tolist())
        stayed = [one for one in earlier if one in present]
        letters = [*stayed, *(one for one in letters if one not in stayed)]
    return tuple(sorted(letters[: min(N_ANCHORS, len(members))]))
