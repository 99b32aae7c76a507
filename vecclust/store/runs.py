"""Runs: what a fit writes, and going back to an earlier one.

A refit writes everything of its run unseen: the folder of arrays, the row of the run, its clusters, a table of labels
of its own. Then one commit of the library's state makes it current, with the numbers of the next run and cluster. Going
back to an earlier run is the same commit. What carries a higher number than the last run is the leftover of a killed
refit: no reader sees it, and the next writer removes it. Clusters are shown as the owner wants them: what was merged is
one, what photos are pinned to lives on.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from vecclust.errors import DamagedRun, ModelMismatch, NotFound
from vecclust.store.copies import save_copies
from vecclust.store.labels import LabelTables, label_table
from vecclust.store.layout import CLUSTERS, RUNS, labels_table, run_number, storable_text
from vecclust.store.schema import arrow_table, to_json
from vecclust.store.tables import INT64
from vecclust.types.clusters import ClusterRow, Label
from vecclust.types.constraints import Constraints
from vecclust.types.runs import Run
from vecclust.types.status import LibraryState

_log = logging.getLogger(__name__)


def run_table(run: Run) -> Any:
    """Lay out one run.

    Args:
        run: the run.
    """
    return arrow_table(
        RUNS,
        [run],
        number=lambda run: run_number(run.run),
        model=lambda run: storable_text(run.model),
        reason=lambda run: storable_text(run.reason),
        params=lambda run: to_json(dict(run.params)),
        figures=lambda run: to_json(dict(run.figures)),
        seconds=lambda run: to_json(dict(run.seconds)),
        changes=lambda run: to_json(dict(run.changes)),
    )


def cluster_table(clusters: Sequence[ClusterRow]) -> Any:
    """Lay out the clusters of a run.

    Args:
        clusters: the clusters.
    """
    return arrow_table(
        CLUSTERS,
        clusters,
        number=lambda row: run_number(row.run),
        strength=lambda row: float(row.strength),
        sources=lambda row: to_json(row.sources),
    )


def read_runs(batches: Iterable[Any]) -> list[Run]:
    """Read rows of `runs`.

    Args:
        batches: arrow record batches with all columns.
    """
    rows = [row for batch in batches for row in batch.to_pylist()]
    for row in rows:
        del row["number"]
        row |= {name: json.loads(row[name]) for name in ("params", "figures", "seconds", "changes")}
    return [Run(**row) for row in rows]


class RunTables(LabelTables):
    """The part of a store that knows runs."""

    def next_run(self) -> str:
        """Name the run that the next `commit_run` must carry."""
        return f"r{self.state().last_run + 1}"

    def new_fit_folder(self, run: str) -> Path:
        """Make an empty folder for the arrays of a run that is not committed yet.

        Args:
            run: as `next_run` named it.

        Returns:
            The folder; `commit_run` syncs what was written into it.

        Raises:
            ValueError: another run is the next.
        """
        if run != self.next_run():
            raise ValueError(f"the next run is {self.next_run()}, not {run}")
        folder = self._tables.place.fit(run)
        self._tables.ledger.forget_fit(run)
        self._tables.place.discard(folder)
        folder.mkdir(parents=True)
        return folder

    def fit_folder(self, run: str) -> Path:
        """Find the folder of a committed run's arrays.

        Args:
            run: its id.

        Raises:
            DamagedRun: it is not there.
        """
        folder = self._tables.place.fit(run)
        if not run_number(run) or not folder.is_dir():
            raise DamagedRun(f"the fitted arrays of run {run} are missing", hint="`vecclust recluster` fits anew")
        return folder

    def commit_run(
        self, run: Run, *, clusters: Sequence[ClusterRow], labels: Sequence[Label], next_cluster: int
    ) -> None:
        """Make a fit the current run, all of it in one visible step.

        Labels of photos that went away during the fit are dropped. Names for clusters that are born may be
        put before: nobody sees them until the run is current.

        Args:
            run: the run, named by `next_run`.
            clusters: its clusters.
            labels: one label per photo fitted.
            next_cluster: the number of the next new cluster id.

        Raises:
            ValueError: the parts do not fit together or numbers go back.
        """
        with self._writing():
            state = self.state()
            _check_run(run, clusters, labels, state, next_cluster)
            self.sweep_leftover_runs()
            present = self._tables.keys(self._photos, "photo")
            kept = [label for label in labels if label.photo in present]
            if len(kept) != len(labels):
                _log.info("%d photos went away during the fit", len(labels) - len(kept))
            table = labels_table(run.run)
            made = {table: label_table(kept, table=table), CLUSTERS: cluster_table(clusters), RUNS: run_table(run)}
            save_copies(self._tables, run.run, made)
            self._tables.create(table, made[table])
            self._tables.add(CLUSTERS, made[CLUSTERS])
            self._tables.add(RUNS, made[RUNS])
            self._meta.commit_state(LibraryState(run.run, run_number(run.run), next_cluster))

    def set_current_run(self, run: str) -> None:
        """Make an earlier run the current one.

        Photos that have gone since lose their labels; photos that came since are unlabelled until they are
        placed.

        Args:
            run: its id.

        Raises:
            NotFound: no such run, or it was pruned.
            ModelMismatch: it was fitted on the vectors of another model.
        """
        with self._writing():
            if run not in self.restorable_runs():
                known = any(one.run == run for one in self.runs())
                raise NotFound(
                    f"run {run} {'is too old to be restored' if known else 'is not in the library'}",
                    hint="vecclust runs lists them.",
                )
            self._refuse_other_model(run)
            present = self._tables.keys(self._photos, "photo")
            self._tables.delete(labels_table(run), {"photo": self.labelled(run) - present})
            self._meta.commit_state(dataclasses.replace(self.state(), current_run=run))

    def _refuse_other_model(self, run: str) -> None:
        """Arrivals cannot be placed among the vectors of another model."""
        model, fitted = self.model(), next(one for one in self.runs() if one.run == run)
        if model is not None and fitted.model != model.model_id:
            raise ModelMismatch(
                f"run {run} was fitted on vectors of {fitted.model}, and the library has those of {model.model_id}",
                library_model=model.model_id,
                asked_model=fitted.model,
                hint="`vecclust migrate --back` goes back to the model before, and to its run",
            )

    def runs(self) -> list[Run]:
        """List all committed runs, oldest first, also those that can no longer be restored."""
        last = self.state().last_run
        rows = self._tables.reading(RUNS, "runs", lambda: read_runs(self._tables.read(RUNS)))
        return sorted((run for run in rows if run_number(run.run) <= last), key=lambda run: run_number(run.run))

    def restorable_runs(self) -> list[str]:
        """Name the runs whose labels are still kept, oldest first."""
        last = self.state().last_run
        return [run for run in self._tables.place.labelled_runs() if run_number(run) <= last]

    def add_labels(self, labels: Sequence[Label], *, run: str, replace: bool = False) -> int:
        """Label arrivals in the run they were placed in.

        Args:
            labels: labels, no photo twice.
            run: the run they come from.
            replace: put them in place of labels that are there; otherwise those are left alone.

        Returns:
            How many were written: 0 where another run has become the current one meanwhile.

        Raises:
            ValueError: a cluster that the run does not have, a photo twice, or a strength out of range.
        """
        with self._writing():
            if self.state().current_run != run:
                _log.info("%d labels dropped: run %s is no longer the current one", len(labels), run)
                return 0
            table = labels_table(run)
            rows = label_table(labels, table=table)
            _check_clusters({label.cluster for label in labels}, {row.cluster for row in self.run_clusters(run)}, run)
            if not replace:
                return self._tables.insert_missing(table, rows)
            self._tables.upsert(table, rows)
            return len(labels)

    def new_cluster(self) -> str:
        """Give a cluster id that never was; whether it is used or not, it is never given again."""
        with self._writing():
            state = self.state()
            self._meta.commit_state(dataclasses.replace(state, next_cluster=state.next_cluster + 1))
        return f"c{state.next_cluster}"

    def clusters(self, run: str | None = None) -> list[ClusterRow]:
        """List the clusters of a run as the owner wants them, by number of their ids.

        What was merged is one; what the run does not have lives on while photos of the run are pinned to it.

        Args:
            run: which run, None for the current one.
        """
        rows, constraints = self.run_clusters(run), self.constraints()
        if not constraints.relabels:
            return rows
        groups: dict[str, list[ClusterRow]] = {}
        for row in rows:
            groups.setdefault(constraints.root(row.cluster), []).append(row)
        found = [_as_one(root, group) for root, group in groups.items()]
        medoids = self.labels_of([row.medoid for row in found], run=run)
        found = [self._with_medoid(row, run, medoids.get(row.medoid)) for row in found]
        targets = {constraints.root(pin.cluster) for pin in constraints.pins.values() if pin.cluster is not None}
        living_on = (self._living_on(root, run) for root in targets - groups.keys())
        found += [row for row in living_on if row is not None]
        return sorted(found, key=lambda row: (len(row.cluster), row.cluster))

    def n_relabelled(self, before: Constraints, after: Constraints) -> int:
        """Count the photos of the current run that are in another cluster by some constraints than by others.

        Args:
            before: the ones.
            after: the others.
        """
        photos = [photo for photo in {**before.pins, **after.pins} if before.pins.get(photo) != after.pins.get(photo)]
        moved = [one for one in {**before.joined, **after.joined} if before.root(one) != after.root(one)]
        photos += [photo for photo, pin in after.pins.items() if pin.cluster in moved]
        labels = self._run_labels(None, where={"cluster": moved}) + self._run_labels(None, where={"photo": photos})
        found = {label.photo: label for label in labels}
        return sum(before.label(label).cluster != after.label(label).cluster for label in found.values())

    def splits(self) -> dict[str, str]:
        """Tell of which cluster each one was a part that broke off, in a run or by an edit.

        Returns:
            What it broke off by cluster.
        """
        last = self.state().last_run
        rows = self._tables.reading(CLUSTERS, "splits", lambda: self._clusters({"event": ["split"]}))
        found = {row.cluster: row.sources[0] for row in rows if row.sources and run_number(row.run) <= last}
        edits = (edit for edit in self.edits() if edit.kind == "split-off")
        return found | {edit.cluster: edit.other for edit in edits if edit.cluster and edit.other}

    def sweep_leftover_runs(self) -> list[str]:
        """Remove what killed refits left.

        The folder of the very next run stays: it is what a fit is writing into, and `new_fit_folder` empties
        it.

        Returns:
            The runs it belonged to.
        """
        with self._writing():
            last = self.state().last_run
            place = self._tables.place
            left: set[str] = set()
            for run in place.fit_runs():
                if run_number(run) > last + 1:
                    self._tables.ledger.forget_fit(run)
                    place.discard(place.fit(run))
                    left.add(run)
            for run in place.labelled_runs():
                if run_number(run) > last or not self._tables.has(labels_table(run)):
                    self._tables.drop(labels_table(run))
                    left.add(run)
            unseen = {"number": range(last + 1, INT64.stop)}
            for table in (CLUSTERS, RUNS):
                if any(batch.num_rows for batch in self._tables.read(table, ["run"], where=unseen)):
                    self._tables.delete(table, unseen)
                    left.add(f"r{last + 1}")
        return sorted(left, key=run_number)

    def _with_medoid(self, row: ClusterRow, run: str | None, label: Label | None) -> ClusterRow:
        """Give the cluster another medoid where its own, by its label, is in another cluster now."""
        if label is None or label.cluster == row.cluster:
            return row
        left = self.members(row.cluster, run=run)
        left.sort(key=lambda label: label.assigned_by == "owner")
        return dataclasses.replace(row, medoid=left[0].photo) if left else row

    def _living_on(self, cluster: str, run: str | None) -> ClusterRow | None:
        """Give a cluster that is in a run by edits alone; None where none of its photos are."""
        run = self._known_run(run)
        members = {label.photo for label in self.members(cluster, run=run)}
        if run is None or not members:
            return None
        earlier = self.history(cluster)
        pinned = [photo for photo in self.constraints().pinned_to(cluster) if photo in members]
        medoid = earlier[-1].medoid if earlier and earlier[-1].medoid in members else pinned[0]
        splits = (edit.other for edit in self.edits() if edit.kind == "split-off" and edit.cluster == cluster)
        split = next(splits, None)
        event, sources = ("split", (split,)) if split and not earlier else ("kept", (cluster,))
        return ClusterRow(run, cluster, len(members), medoid, 1.0, event, sources)


def _as_one(root: str, rows: Sequence[ClusterRow]) -> ClusterRow:
    """Make one cluster of those that the owner merged."""
    base = next((row for row in rows if row.cluster == root), max(rows, key=lambda row: (row.size, row.cluster)))
    size = sum(row.size for row in rows)
    strength = sum(row.strength * row.size for row in rows) / size if size else base.strength
    return dataclasses.replace(base, cluster=root, size=size, strength=strength)


def _check_run(
    run: Run, clusters: Sequence[ClusterRow], labels: Sequence[Label], state: LibraryState, next_cluster: int
) -> None:
    """Refuse a run whose parts contradict one another."""
    if run.run != f"r{state.last_run + 1}":
        raise ValueError(f"the next run is r{state.last_run + 1}, not {run.run}")
    if next_cluster < state.next_cluster:
        raise ValueError(f"numbers of clusters are never reused: {next_cluster} after {state.next_cluster}")
    ids = [row.cluster for row in clusters]
    if len(set(ids)) != len(ids):
        raise ValueError("a cluster stands twice in one run")
    for row in clusters:
        number = row.cluster.removeprefix("c")
        if row.run != run.run:
            raise ValueError(f"cluster {row.cluster} belongs to run {row.run}, not to {run.run}")
        if not (row.cluster.startswith("c") and number.isdecimal() and 0 < int(number) < next_cluster):
            raise ValueError(f"cluster {row.cluster} is not numbered below {next_cluster}")
    _check_clusters({label.cluster for label in labels}, set(ids), run.run)


def _check_clusters(named: Collection[str | None], known: Collection[str], run: str) -> None:
    for cluster in named:
        if cluster is not None and cluster not in known:
            raise ValueError(f"a label names cluster {cluster}, which run {run} does not have")
