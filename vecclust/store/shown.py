"""Clusters of a run as the owner wants them: what was merged is one, what photos are pinned to lives on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from vecclust.store.filters import equals, one_of
from vecclust.store.rows import read_clusters
from vecclust.store.runs import RunShelf
from vecclust.store.schema import CLUSTERS, run_number
from vecclust.store.shelf import in_parts
from vecclust.types.clusters import ClusterRow, Label
from vecclust.types.constraints import Constraints


class ShownShelf(RunShelf):
    """The part of a store that lays the owner's words over a run's clusters."""

    def clusters(self, run: str | None = None) -> list[ClusterRow]:
        """List the clusters of a run as the owner wants them, by number of their ids.

        What was merged is one; what the run does not have lives on while photos of the run are pinned to it.

        Args:
            run: which run, None for the current one.
        """
        rows, standing = self.run_clusters(run), self.constraints()
        if not standing.relabels:
            return rows
        groups: dict[str, list[ClusterRow]] = {}
        for row in rows:
            groups.setdefault(standing.root(row.cluster), []).append(row)
        found = [_as_one(root, group) for root, group in groups.items()]
        medoids = self.labels_of([row.medoid for row in found], run=run)
        found = [self._with_medoid(row, run, medoids.get(row.medoid)) for row in found]
        targets = {standing.root(pin.cluster) for pin in standing.pins.values() if pin.cluster is not None}
        living_on = (self._living_on(root, run) for root in targets - groups.keys())
        found += [row for row in living_on if row is not None]
        return sorted(found, key=lambda row: (len(row.cluster), row.cluster))

    def n_relabelled(self, before: Constraints, after: Constraints) -> int:
        """Count the photos of the current run that are in another cluster by one standing than by another."""
        photos = [photo for photo in {**before.pins, **after.pins} if before.pins.get(photo) != after.pins.get(photo)]
        moved = [one for one in {**before.joined, **after.joined} if before.root(one) != after.root(one)]
        photos += [photo for photo, pin in after.pins.items() if pin.cluster in moved]
        found: dict[str, Label] = {}
        if moved:
            found = {label.photo: label for label in self._run_labels(None, where=one_of("cluster", moved))}
        for part in in_parts(photos):
            found |= {label.photo: label for label in self._run_labels(None, where=one_of("photo", part))}
        return sum(before.label(label).cluster != after.label(label).cluster for label in found.values())

    def splits(self) -> dict[str, str]:
        """Tell of which cluster each one was a part that broke off, in a run or by the owner's word."""
        last = self._meta.state().last_run
        rows = list(read_clusters(self._tables.read(CLUSTERS, where=equals("event", "split"))))
        found = {row.cluster: row.sources[0] for row in rows if row.sources and run_number(row.run) <= last}
        words = (word for word in self.edits() if word.kind == "split-off")
        return found | {word.cluster: word.other for word in words if word.cluster and word.other}

    def _with_medoid(self, row: ClusterRow, run: str | None, label: Label | None) -> ClusterRow:
        """Give the cluster another medoid where its own, by its label, is in another cluster now."""
        if label is None or label.cluster == row.cluster:
            return row
        left = self.members(row.cluster, run=run)
        left.sort(key=lambda label: label.assigned_by == "owner")
        return dataclasses.replace(row, medoid=left[0].photo) if left else row

    def _living_on(self, cluster: str, run: str | None) -> ClusterRow | None:
        """Give a cluster that is in a run by the owner's word alone; None where none of its photos are."""
        run = self._meta.state().current_run if run is None else run
        members = {label.photo for label in self.members(cluster, run=run)}
        if run is None or not members:
            return None
        earlier = self.history(cluster)
        pinned = [photo for photo in self.constraints().pinned_to(cluster) if photo in members]
        medoid = earlier[-1].medoid if earlier and earlier[-1].medoid in members else pinned[0]
        splits = (word.other for word in self.edits() if word.kind == "split-off" and word.cluster == cluster)
        split = next(splits, None)
        event, sources = ("split", (split,)) if split and not earlier else ("kept", (cluster,))
        return ClusterRow(run, cluster, len(members), medoid, 1.0, event, sources)


def _as_one(root: str, rows: Sequence[ClusterRow]) -> ClusterRow:
    """Make one cluster of those that the owner merged."""
    base = next((row for row in rows if row.cluster == root), max(rows, key=lambda row: (row.size, row.cluster)))
    size = sum(row.size for row in rows)
    strength = sum(row.strength * row.size for row in rows) / size if size else base.strength
    return dataclasses.replace(base, cluster=root, size=size, strength=strength)
