"""How a fit keeps the constraints: what it is matched with, and the clusters it may not join.

A run keeps what its fit found; moves, pins and merges are laid over it as it is read. So they bear on a fit in two ways
only. A photo that the owner put elsewhere is no evidence of where its old cluster lies. And a cluster of the fit in
which two clusters meet that are not together is parted before it gets an id.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vecclust.types.constraints import Constraints

Vectors = Callable[[Collection[str]], tuple[list[str], NDArray[np.float32]]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where clusters were before a fit, as far as a fit can find them again.

    Attributes:
        members: photo to its cluster; without photos that the owner put elsewhere.
        remembered: cluster to photos, for clusters that are there by the owner's edits alone, or of which the owner
            left nothing.
    """

    members: Mapping[str, str]
    remembered: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Parted:
    """A fit in which no clusters meet that are not together.

    Attributes:
        labels: (n,) int64; a parted cluster keeps its number for its largest part, others follow the last number.
        fixed: the ids of the parts.
    """

    labels: NDArray[np.int64]
    fixed: Mapping[int, str]


def evidence_of(members: Mapping[str, str], constraints: Constraints) -> Evidence:
    """Weigh the clusters of the run before by what the owner said.

    Args:
        members: photo to the cluster in which that run itself has it.
        constraints: what is in force.

    Returns:
        What a new fit is matched with.
    """
    own = frozenset(members.values())
    left = dict(members)
    pinned: dict[str, set[str]] = defaultdict(set)
    for photo, pin in constraints.pins.items():
        if photo not in members:
            continue
        agrees = pin.cluster is not None and constraints.root(pin.cluster) == constraints.root(members[photo])
        if not agrees:
            del left[photo]
        if pin.cluster is not None and pin.cluster not in own:
            pinned[pin.cluster].add(photo)
    emptied = own - frozenset(left.values())
    for photo, cluster in members.items():
        if cluster in emptied:
            pinned[cluster].add(photo)
    return Evidence(left, {cluster: frozenset(photos) for cluster, photos in pinned.items()})


def homes_of(evidence: Evidence, retired: Mapping[str, frozenset[str]], constraints: Constraints) -> dict[str, str]:
    """Say which photos belong to which cluster where two are not together.

    A cluster that is no more still has the photos it had last that are in no cluster now, and those that went into one
    it is not together with: most of them did, and are a lesser part of that one.

    Args:
        evidence: where clusters were.
        retired: the last photos of clusters that are no more.
        constraints: what is in force.

    Returns:
        Cluster by photo.
    """
    homes = dict(evidence.members)
    sizes = Counter(homes.values())
    pairs = constraints.pairs_apart()
    for cluster in sorted(frozenset().union(*pairs) - sizes.keys()):
        last = retired.get(cluster, frozenset())
        partners = frozenset().union(*(pair for pair in pairs if cluster in pair)) - {cluster}
        went = Counter(home for photo in last if (home := homes.get(photo)) is not None)
        joined = {other for other in partners if len(last) < 2 * went[other] <= sizes[other]}
        homes.update(dict.fromkeys((photo for photo in last if homes.get(photo) in {None, *joined}), cluster))
    homes.update({photo: pin.cluster for photo, pin in constraints.pins.items() if pin.cluster is not None})
    return homes


def part(
    photos: Sequence[str],
    labels: NDArray[np.int64],
    *,
    ids: Mapping[int, str],
    homes: Mapping[str, str],
    pairs: Collection[frozenset[str]],
    vectors: Vectors,
) -> Parted:
    """Part the clusters of a fit in which clusters meet that are not together.

    Where most of both went into one cluster, and one of them has no other, each has its own photos there again; the
    rest of that cluster goes where it is nearest.

    Args:
        photos: (n,) content hashes.
        labels: (n,) int64, the cluster of each photo, -1 for none.
        ids: the ids the fit's clusters would get.
        homes: cluster by photo.
        pairs: clusters that are not together.
        vectors: gives the sorted content hashes of photos and their vectors, of norm 1.

    Returns:
        The labels and the ids of the parts; as they were where nothing is parted.
    """
    hosts = _hosts(photos, labels, homes=homes, wanted=frozenset().union(*pairs))
    carried = {cluster: label for label, cluster in ids.items()}
    meeting: dict[int, set[str]] = defaultdict(set)
    for pair in pairs:
        where = {hosts.get(cluster) for cluster in pair}
        if len(where) == 1 and None not in where and not pair <= carried.keys():
            meeting[where.pop() or 0] |= pair
    parted, fixed = labels.copy(), {}
    for label in sorted(meeting):
        rows = np.flatnonzero(labels == label)
        inside = [photos[row] for row in rows.tolist()]
        named = sorted({*meeting[label], ids[label]} & {homes[photo] for photo in inside if photo in homes})
        of_row = _parts(inside, named, homes=homes, vectors=vectors)
        largest_first = np.argsort(-np.bincount(of_row, minlength=len(named)), kind="stable")
        for rank, number in enumerate(largest_first.tolist()):
            new = label if rank == 0 else int(parted.max()) + 1
            parted[rows[of_row == number]] = new
            fixed[new] = named[number]
    return Parted(parted, fixed)


def _hosts(
    photos: Sequence[str], labels: NDArray[np.int64], *, homes: Mapping[str, str], wanted: frozenset[str]
) -> dict[str, int]:
    """Find for clusters of before the cluster of the fit with most of their photos; ties go by the first photo."""
    found: dict[str, Counter[int]] = defaultdict(Counter)
    first: dict[int, str] = {}
    for photo, label in zip(photos, labels.tolist(), strict=True):
        if label >= 0:
            first[label] = min(first.get(label, photo), photo)
            if (home := homes.get(photo)) in wanted and home is not None:
                found[home][label] += 1
    return {home: min(counts, key=lambda label: (-counts[label], first[label])) for home, counts in found.items()}


def _parts(
    inside: Sequence[str], named: Sequence[str], *, homes: Mapping[str, str], vectors: Vectors
) -> NDArray[np.int64]:
    """Give the number of the part of each photo of a cluster: that of its home, or the nearest."""
    order, found = vectors(inside)
    row_of = {photo: row for row, photo in enumerate(order)}
    number_of = {cluster: number for number, cluster in enumerate(named)}
    of_row = np.array([number_of.get(homes.get(photo, ""), -1) for photo in inside], np.int64)
    # Photos that went away since the fit have no vector; they get no label either.
    rows = np.array([row_of.get(photo, -1) for photo in inside], np.int64)
    centres = np.zeros((len(named), found.shape[1]), np.float32)
    for number in range(len(named)):
        centres[number] = found[rows[(of_row == number) & (rows >= 0)]].sum(axis=0)
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    of_row[(of_row < 0) & (rows < 0)] = 0
    homeless = of_row < 0
    of_row[homeless] = np.argmax(found[rows[homeless]] @ centres.T, axis=1)
    return of_row
