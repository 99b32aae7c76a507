"""Runs, their clusters and labels, and the names that outlive them.

A refit writes everything of its run unseen: the folder of arrays, the row of the run, its clusters, a table
of labels of its own. Then one commit of the library's state makes it current, with the numbers of the next
run and cluster. Going back to an earlier run is the same commit. What carries a higher number than the last
run is the leftover of a killed refit: no reader sees it, and the next writer removes it.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal

from vecclust.errors import DamagedRun, NotFound, UsageError
from vecclust.store.filters import Filter, at_least, equals, one_of
from vecclust.store.rows import (
    cluster_table,
    label_table,
    name_table,
    read_clusters,
    read_labels,
    read_names,
    read_runs,
    run_table,
    storable_text,
)
from vecclust.store.schema import CLUSTERS, NAMES, PHOTOS, RUNS, labels_table, run_number, run_of_labels_table
from vecclust.store.shelf import in_parts
from vecclust.store.words import WordShelf
from vecclust.types.clusters import ClusterName, ClusterRow, Label
from vecclust.types.edits import Edit
from vecclust.types.runs import Run
from vecclust.types.status import LibraryState

_log = logging.getLogger(__name__)


class RunShelf(WordShelf):
    """The part of a store that knows runs."""

    def state(self) -> LibraryState:
        """Tell which run is current, and the numbers given so far.

        An answer made of several reads asks this once and hands the run to each of them.
        """
        return self._meta.state()

    def next_run(self) -> str:
        """Name the run that the next `commit_run` must carry."""
        return f"r{self._meta.state().last_run + 1}"

    def new_fit_folder(self, run: str) -> Path:
        """Make an empty folder for the arrays of a run that is not committed yet.

        Args:
            run: as `next_run` named it.

        Returns:
            The folder; `commit_run` syncs what was written into it.
        """
        if run != self.next_run():
            raise ValueError(f"the next run is {self.next_run()}, not {run}")
        folder = self._tables.place.fit(run)
        self._tables.place.discard(folder)
        folder.mkdir(parents=True)
        return folder

    def fit_folder(self, run: str) -> Path:
        """Find the folder of a committed run's arrays.

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
        with self._writing:
            state = self._meta.state()
            _check_run(run, clusters, labels, state, next_cluster)
            self.sweep_leftover_runs()
            present = self._tables.keys(PHOTOS, "photo")
            kept = [label for label in labels if label.photo in present]
            if len(kept) != len(labels):
                _log.info("%d photos went away during the fit", len(labels) - len(kept))
            if (folder := self._tables.place.fit(run.run)).is_dir():
                self._tables.sync_folder(folder)
            table = labels_table(run.run)
            self._tables.create(table, label_table(kept, table=table))
            self._tables.add(CLUSTERS, cluster_table(clusters))
            self._tables.add(RUNS, run_table(run))
            self._meta.commit_state(LibraryState(run.run, run_number(run.run), next_cluster))

    def set_current_run(self, run: str) -> None:
        """Make an earlier run the current one.

        Photos that have gone since lose their labels; photos that came since are unlabelled until they are
        placed.

        Raises:
            NotFound: no such run, or it was pruned.
        """
        with self._writing:
            if run not in self.restorable_runs():
                known = any(one.run == run for one in self.runs())
                raise NotFound(
                    f"run {run} {'is too old to be restored' if known else 'is not in the library'}",
                    hint="`vecclust runs` lists the runs",
                )
            present = self._tables.keys(PHOTOS, "photo")
            gone = [photo for photo in self.run_labels(run) if photo not in present]
            for part in in_parts(gone):
                self._tables.delete(labels_table(run), one_of("photo", part))
            self._meta.commit_state(dataclasses.replace(self._meta.state(), current_run=run))

    def runs(self) -> list[Run]:
        """List all committed runs, oldest first, also those that can no longer be restored."""
        last = self._meta.state().last_run
        rows = read_runs(self._tables.read(RUNS))
        return sorted((run for run in rows if run_number(run.run) <= last), key=lambda run: run_number(run.run))

    def restorable_runs(self) -> list[str]:
        """Name the runs whose labels are still kept, oldest first."""
        last = self._meta.state().last_run
        names = map(run_of_labels_table, self._tables.place.table_names())
        return sorted((run for run in names if run and run_number(run) <= last), key=run_number)

    def run_clusters(self, run: str | None = None) -> list[ClusterRow]:
        """List the clusters of a run as it found them, by number of their ids.

        Args:
            run: which run, None for the current one.
        """
        run = self._meta.state().current_run if run is None else run
        if run is None or run_number(run) > self._meta.state().last_run:
            return []
        rows = read_clusters(self._tables.read(CLUSTERS, where=equals("run", run)))
        return sorted(rows, key=lambda row: (len(row.cluster), row.cluster))

    def history(self, cluster: str) -> list[ClusterRow]:
        """List what every run said of one cluster, oldest first; empty where it never was."""
        last = self._meta.state().last_run
        rows = read_clusters(self._tables.read(CLUSTERS, where=equals("cluster", cluster)))
        return sorted((row for row in rows if run_number(row.run) <= last), key=lambda row: run_number(row.run))

    def labels(self, run: str | None = None) -> dict[str, Label]:
        """Read all labels of a run, arrivals included, and the owner's words laid over them.

        Args:
            run: which run, None for the current one.

        Returns:
            Label by photo; empty before the first run.
        """
        return {label.photo: label for label in self._labels(run)}

    def run_labels(self, run: str | None = None) -> dict[str, Label]:
        """Read all labels as the run itself has them, whatever the owner said; otherwise as `labels`."""
        return {label.photo: label for label in self._run_labels(run)}

    def labels_of(self, photos: Collection[str], *, run: str | None = None) -> dict[str, Label]:
        """Read the labels of some photos, leaving out those that have none."""
        return {
            label.photo: label for part in in_parts(photos) for label in self._labels(run, where=one_of("photo", part))
        }

    def label(self, photo: str) -> Label | None:
        """Read one photo's label in the current run, or None where it has none yet."""
        return self.labels_of([photo]).get(photo)

    def members(self, cluster: str, *, run: str | None = None) -> list[Label]:
        """List a cluster's photos, strongest first, then by photo; empty where there is none."""
        standing = self.constraints()
        found = {label.photo: label for label in self._labels(run, where=one_of("cluster", standing.group(cluster)))}
        found |= self.labels_of(standing.pinned_to(cluster), run=run)
        rows = (label for label in found.values() if label.cluster == cluster)
        return sorted(rows, key=lambda label: (-label.strength, label.photo))

    def arrivals(self, run: str | None = None) -> list[Label]:
        """List the labels of a run's arrivals in the order in which the photos came, those of one moment by photo.

        Args:
            run: which run, None for the current one.
        """
        labels = {label.photo: label for label in self._labels(run, where=equals("assigned_by", "predict"))}
        if not labels:
            return []
        came = self._tables.read_whole(PHOTOS, ["photo", "added_ns"])
        added_ns = dict(zip(came.column("photo").to_pylist(), came.column("added_ns").to_pylist(), strict=True))
        # A photo that went away meanwhile has no place in the order any more.
        return [labels[photo] for _, photo in sorted((added_ns[p], p) for p in labels.keys() & added_ns.keys())]

    def unlabelled(self) -> list[str]:
        """Name the photos the current run says nothing of, in order; all of them before the first run."""
        return sorted(self._tables.keys(PHOTOS, "photo").difference(self.labelled()))

    def labelled(self, run: str | None = None) -> frozenset[str]:
        """Name the photos a run says anything of, without reading what it says: a fifth of the time of `labels`.

        Args:
            run: which run, None for the current one.
        """
        state = self._meta.state()
        run = state.current_run if run is None else run
        if run is None or not 0 < run_number(run) <= state.last_run:
            return frozenset()
        return self._tables.keys(labels_table(run), "photo")

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
        with self._writing:
            if self._meta.state().current_run != run:
                _log.info("%d labels dropped: run %s is no longer the current one", len(labels), run)
                return 0
            table = labels_table(run)
            rows = label_table(labels, table=table)
            _check_clusters({label.cluster for label in labels}, {row.cluster for row in self.run_clusters(run)}, run)
            if not replace:
                return self._tables.insert_missing(table, rows)
            self._tables.upsert(table, rows)
            return len(labels)

    def names(self) -> dict[str, ClusterName]:
        """Read the names of clusters, also of those that are no more."""
        return {name.cluster: name for name in read_names(self._tables.read(NAMES))}

    def put_names(self, names: Sequence[ClusterName]) -> None:
        """Name clusters, in place of the names they had.

        Raises:
            ValueError: one cluster stands twice.
        """
        if names:
            with self._writing:
                self._tables.upsert(NAMES, name_table(names))

    def rename(
        self, cluster: str, name: str, *, named_ns: int, named_by: Literal["owner", "auto"] = "owner"
    ) -> ClusterName:
        """Give a cluster of any run a name that outlives refits.

        Raises:
            NotFound: there never was such a cluster.
            UsageError: the name is empty or no text.
        """
        name = name.strip()
        if not name or storable_text(name) != name:
            raise UsageError("a cluster's name is text and not empty", hint="vecclust rename ID NAME")
        if not self.knows_cluster(cluster):
            raise NotFound(f"no cluster {cluster} in the library", hint="`vecclust clusters` lists them")
        given = ClusterName(cluster=cluster, name=name, named_by=named_by, named_ns=named_ns)
        with self._writing:
            self.put_names([given])
            if named_by == "owner":
                run = self._meta.state().current_run
                self.add_edits([Edit(0, "rename", cluster=cluster, name=name, run=run, made_ns=named_ns)])
        return given

    def knows_cluster(self, cluster: str) -> bool:
        """Tell whether there ever was such a cluster, in a run or by the owner's word."""
        return bool(self.history(cluster)) or any(word.cluster == cluster for word in self.edits())

    def new_cluster(self) -> str:
        """Give a cluster id that never was; whether it is used or not, it is never given again."""
        with self._writing:
            state = self._meta.state()
            self._meta.commit_state(dataclasses.replace(state, next_cluster=state.next_cluster + 1))
        return f"c{state.next_cluster}"

    def sweep_leftover_runs(self) -> list[str]:
        """Remove what killed refits left, and return the runs it belonged to.

        The folder of the very next run stays: it is what a fit is writing into, and `new_fit_folder` empties
        it.
        """
        with self._writing:
            last = self._meta.state().last_run
            place = self._tables.place
            left: set[str] = set()
            for run in place.fit_runs():
                if run_number(run) > last + 1:
                    place.discard(place.fit(run))
                    left.add(run)
            for table in place.table_names():
                run_ = run_of_labels_table(table)
                if run_ and (run_number(run_) > last or not self._tables.has(table)):
                    self._tables.drop(table)
                    left.add(run_)
            unseen = at_least("number", last + 1)
            for table in (CLUSTERS, RUNS):
                if any(batch.num_rows for batch in self._tables.read(table, ["run"], where=unseen)):
                    self._tables.delete(table, unseen)
                    left.add(f"r{last + 1}")
        return sorted(left, key=run_number)

    def _labels(self, run: str | None, *, where: Filter | None = None) -> Iterator[Label]:
        yield from map(self.constraints().label, self._run_labels(run, where=where))

    def _run_labels(self, run: str | None, *, where: Filter | None = None) -> Iterator[Label]:
        state = self._meta.state()
        run = state.current_run if run is None else run
        if run is not None and 0 < run_number(run) <= state.last_run:
            yield from read_labels(self._tables.read(labels_table(run), where=where))


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
