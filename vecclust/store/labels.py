"""Labels, names and edits: where photos belong, by a run and by the owner.

Labels of a run are one narrow table, which arrivals are added to. Edits are a log that comes with the first of them and
is only ever added to. One edit is one commit, and the commit is all there is to it: labels are never written over, what
is in force is laid over them as they are read. So a killed process leaves an edit made or not made, and going back to
an earlier run keeps the edits made since. Names outlive runs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from vecclust.errors import NotFound, UsageError
from vecclust.store.journal import add_lines
from vecclust.store.layout import CLUSTERS, EDITS, TIMELINE, labels_table, run_number, storable_text
from vecclust.store.schema import NAMES, StorePart, arrow_table, refuse_repeated
from vecclust.store.tables import Where, border, rows_of
from vecclust.types.clusters import ClusterName, ClusterRow, Label
from vecclust.types.constraints import Constraints, by_world, constraints_of
from vecclust.types.edits import Edit
from vecclust.types.timeline import TimelineGroup

_COLUMNS = tuple(field.name for field in fields(Label))


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """What a run's labels add up to.

    Attributes:
        by_cluster: photos per cluster, arrivals included.
        noise: photos without a cluster.
        arrivals: photos labelled by prediction.
        arrivals_noise: those of them without a cluster.
        newcomers: those of these that were held back as unlike all that the run knows.
    """

    by_cluster: Mapping[str, int]
    noise: int
    arrivals: int
    arrivals_noise: int
    newcomers: int


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """First and last time taken among a cluster's photos.

    Attributes:
        first: the earliest, with its zone where the photo tells one.
        last: the latest, likewise.
    """

    first: datetime
    last: datetime


def label_table(labels: Sequence[Label], *, table: str) -> Any:
    """Lay out labels.

    Args:
        labels: the labels.
        table: the table of their run.

    Raises:
        ValueError: a photo stands twice, or a strength is not within [0, 1].
    """
    refuse_repeated([label.photo for label in labels], what="photo")
    if not all(0.0 <= label.strength <= 1.0 for label in labels):
        raise ValueError("a strength lies within 0 and 1")
    return arrow_table(table, labels)


def read_labels(batches: Iterable[Any]) -> list[Label]:
    """Read rows of a run's labels.

    Args:
        batches: arrow record batches with all columns.
    """
    return [
        Label(photo, cluster, strength, assigned_by, novelty, bool(newcomer))
        for photo, cluster, strength, assigned_by, novelty, newcomer in rows_of(batches, _COLUMNS)
    ]


def read_clusters(batches: Iterable[Any]) -> list[ClusterRow]:
    """Read rows of `clusters`.

    Args:
        batches: arrow record batches with all columns.
    """
    rows = [row for batch in batches for row in batch.to_pylist()]
    for row in rows:
        del row["number"]
        row["sources"] = tuple(json.loads(row["sources"]))
    return [ClusterRow(**row) for row in rows]


class LabelTables(StorePart):
    """The part of a store that knows labels, names and edits, and reads the clusters they name."""

    def timeline(self) -> tuple[TimelineGroup, ...]:
        """Read which events, trips and places have which ids; the same object while they are the same."""
        return self._tables.reading(TIMELINE, "groups", self._read_timeline)

    def _read_timeline(self) -> tuple[TimelineGroup, ...]:
        rows = self._tables.rows(TIMELINE, ["id", "kind", "anchors", "n_photos"])
        return tuple(TimelineGroup(one, kind, tuple(anchors.split()), count) for one, kind, anchors, count in rows)

    def keep_timeline(self, groups: Sequence[TimelineGroup]) -> None:
        """Keep which events, trips and places have which ids, in one commit; nothing where they are the same.

        Args:
            groups: all of them, those that are not found any more too.

        Raises:
            ValueError: an id stands twice.
        """
        refuse_repeated([group.id for group in groups], what="group")
        with self._writing():
            if list(groups) == list(self.timeline()):
                return
            table = arrow_table(TIMELINE, groups, anchors=lambda group: " ".join(group.anchors))
            if self._tables.has(TIMELINE):
                self._tables.replace(TIMELINE, table)
            else:
                self._tables.add(TIMELINE, table)

    def edits(self) -> tuple[Edit, ...]:
        """Read all edits, in order, those taken back too."""
        return self._log()[0]

    def constraints(self) -> Constraints:
        """Give what of the edits about clusters is in force."""
        return self._log()[1]

    def timeline_constraints(self) -> Constraints:
        """Give what of the edits about events, trips and places is in force; the same object while it is."""
        return self._log()[2]

    def add_edits(self, rows: Sequence[Edit]) -> int:
        """Add one edit, in one commit.

        Args:
            rows: its rows, at least one; their number is given here.

        Returns:
            Its number.
        """
        with self._writing():
            number = self._last_edit() + 1
            self.append_edits([replace(row, number=number) for row in rows])
        return number

    def append_edits(self, rows: Sequence[Edit]) -> None:
        """Add edits whose numbers are given already, in one commit.

        Args:
            rows: their rows, each with a number that no edit has yet.

        Raises:
            ValueError: an edit has the number of an earlier one.
        """
        with self._writing():
            if min(row.number for row in rows) <= self._last_edit():
                raise ValueError("an edit comes after those that are there")
            table = arrow_table(
                EDITS,
                rows,
                verb=attrgetter("kind"),
                name=lambda row: storable_text(row.name),
                said_ns=attrgetter("made_ns"),
            )
            self._tables.add(EDITS, table)
            # The table is what counts; what a kill leaves out here the next writer adds.
            with border("writing the journal", place=self.folder):
                add_lines(self._tables.place.journal, table.to_pylist())

    def _last_edit(self) -> int:
        return max((edit.number for edit in self.edits()), default=0)

    def _log(self) -> tuple[tuple[Edit, ...], Constraints, Constraints]:
        return self._tables.reading(EDITS, "edits", self._read_log)

    def _read_log(self) -> tuple[tuple[Edit, ...], Constraints, Constraints]:
        rows = [row for batch in self._tables.read(EDITS) for row in batch.to_pylist()]
        # Rows of one number keep the order they were added in: a stable sort of what is read in that order.
        rows.sort(key=lambda row: row["number"])
        edits = tuple(Edit(kind=row.pop("verb"), made_ns=row.pop("said_ns"), **row) for row in rows)
        of_clusters, of_timeline = by_world(edits)
        return edits, constraints_of(of_clusters), constraints_of(of_timeline)

    def names(self) -> dict[str, ClusterName]:
        """Read the names of clusters, also of those that are no more; what the owner says wins.

        Returns:
            Name by cluster.
        """
        given = self.constraints().named.items()
        names = self._tables.reading(NAMES, "names", self._read_names)
        return names | {cluster: ClusterName(cluster, one.name, "owner", one.made_ns) for cluster, one in given}

    def _read_names(self) -> dict[str, ClusterName]:
        rows = (row for batch in self._tables.read(NAMES) for row in batch.to_pylist())
        return {row["cluster"]: ClusterName(**row) for row in rows}

    def put_names(self, names: Sequence[ClusterName]) -> None:
        """Keep names that vecclust gives clusters, in place of those it gave them before.

        Args:
            names: the names, none for nothing to do.

        Raises:
            ValueError: one cluster stands twice.
        """
        if names:
            refuse_repeated([name.cluster for name in names], what="cluster")
            with self._writing():
                self._tables.upsert(NAMES, arrow_table(NAMES, names, name=lambda row: storable_text(row.name)))

    def rename(self, names: Mapping[str, str], *, named_ns: int) -> tuple[ClusterName, ...]:
        """Give clusters of any run names that outlive refits, all of them in one edit.

        Args:
            names: name by cluster; white space around one does not count.
            named_ns: when, in nanoseconds since the epoch.

        Returns:
            The names as they are kept.

        Raises:
            NotFound: there never was such a cluster.
            UsageError: a name is empty or no text.
        """
        run, rows = self.state().current_run, []
        for cluster, name in names.items():
            kept = name.strip()
            if not kept or storable_text(kept) != kept:
                raise UsageError("a cluster's name is text and not empty", hint="vecclust rename ID NAME")
            if not self.knows_cluster(cluster):
                raise NotFound(f"no cluster {cluster} in the library", hint="vecclust clusters lists them.")
            rows.append(Edit(0, "rename", cluster=cluster, name=kept, run=run, made_ns=named_ns))
        if rows:
            self.add_edits(rows)
        return tuple(ClusterName(str(row.cluster), row.name, "owner", named_ns) for row in rows)

    def knows_cluster(self, cluster: str) -> bool:
        """Tell whether there ever was such a cluster, in a run or by an edit.

        Args:
            cluster: its id.
        """
        return bool(self.history(cluster)) or any(edit.cluster == cluster for edit in self.edits())

    def run_clusters(self, run: str | None = None) -> list[ClusterRow]:
        """List the clusters of a run as it found them, by number of their ids.

        Args:
            run: which run, None for the current one.
        """
        known = self._known_run(run)
        if known is None:
            return []
        rows = self._tables.reading(CLUSTERS, known, lambda: self._clusters({"run": [known]}))
        return sorted(rows, key=lambda row: (len(row.cluster), row.cluster))

    def history(self, cluster: str) -> list[ClusterRow]:
        """List what every run found of one cluster, oldest first; empty where it never was.

        Args:
            cluster: its id.
        """
        last = self.state().last_run
        rows = self._clusters({"cluster": [cluster]})
        return sorted((row for row in rows if run_number(row.run) <= last), key=lambda row: run_number(row.run))

    def labels(self, run: str | None = None) -> dict[str, Label]:
        """Read all labels of a run, arrivals included, and the owner's edits laid over them.

        Args:
            run: which run, None for the current one.

        Returns:
            Label by photo; empty before the first run.
        """
        return {label.photo: label for label in self._labels(run)}

    def run_labels(self, run: str | None = None) -> dict[str, Label]:
        """Read all labels as the run itself has them, without the owner's edits.

        Args:
            run: which run, None for the current one.

        Returns:
            Label by photo; empty before the first run.
        """
        return {label.photo: label for label in self._run_labels(run)}

    def labels_of(self, photos: Collection[str], *, run: str | None = None) -> dict[str, Label]:
        """Read the labels of some photos, leaving out those that have none.

        Args:
            photos: which photos.
            run: which run, None for the current one.

        Returns:
            Label by photo.
        """
        return {label.photo: label for label in self._labels(run, where={"photo": photos})}

    def label(self, photo: str) -> Label | None:
        """Read one photo's label in the current run, or None where it has none yet.

        Args:
            photo: which one.
        """
        return self.labels_of([photo]).get(photo)

    def members(self, cluster: str, *, run: str | None = None) -> list[Label]:
        """List a cluster's photos, strongest first, then by photo; empty where there is none.

        Args:
            cluster: its id.
            run: which run, None for the current one.
        """
        constraints = self.constraints()
        found = {label.photo: label for label in self._labels(run, where={"cluster": constraints.group(cluster)})}
        found |= self.labels_of(constraints.pinned_to(cluster), run=run)
        rows = (label for label in found.values() if label.cluster == cluster)
        return sorted(rows, key=lambda label: (-label.strength, label.photo))

    def unclustered(self) -> list[Label]:
        """List the photos that the current run and the owner have in no cluster, by photo; empty before the first run.

        Photos that have no label yet are not among them.
        """
        return sorted((label for label in self._labels(None) if label.cluster is None), key=lambda label: label.photo)

    def arrivals(self, run: str | None = None) -> list[Label]:
        """List the labels of a run's arrivals in the order in which the photos came, those of one moment by photo.

        Args:
            run: which run, None for the current one.
        """
        labels = {label.photo: label for label in self._labels(run, where={"assigned_by": ["predict"]})}
        if not labels:
            return []
        added_ns = dict(self._tables.rows(self._photos, ["photo", "added_ns"]))
        # A photo that went away meanwhile has no place in the order any more.
        return [labels[photo] for _, photo in sorted((added_ns[p], p) for p in labels.keys() & added_ns.keys())]

    def unlabelled(self) -> list[str]:
        """Name the photos the current run says nothing of, in order; all of them before the first run."""
        return sorted(self._tables.keys(self._photos, "photo").difference(self.labelled()))

    def labelled(self, run: str | None = None) -> frozenset[str]:
        """Name the photos a run says anything of, without reading what it says: a fifth of the time of `labels`.

        Args:
            run: which run, None for the current one.
        """
        run = self._known_run(run)
        return frozenset() if run is None else self._tables.keys(labels_table(run), "photo")

    def label_counts(self, run: str | None = None) -> LabelCounts:
        """Count a run's labels as the owner wants them, by cluster and by who assigned them first.

        Args:
            run: which run, None for the current one.
        """
        known, constraints = self._known_run(run), self.constraints()
        if known is None:
            return LabelCounts(by_cluster={}, noise=0, arrivals=0, arrivals_noise=0, newcomers=0)
        shown: Counter[tuple[str | None, bool, bool]] = Counter()
        counted = self._tables.reading(labels_table(known), "counts", lambda: self._count_labels(known))
        for cluster, assigned_by, newcomer, n in counted:
            shown[cluster and constraints.root(cluster), assigned_by == "predict", bool(newcomer)] += n
        for label in self._pinned(known):
            is_arrival, is_new = label.assigned_by == "predict", label.newcomer
            shown[label.cluster and constraints.root(label.cluster), is_arrival, is_new] -= 1
            shown[constraints.label(label).cluster, is_arrival, is_new] += 1
        by_cluster: Counter[str] = Counter()
        for (cluster, _, _), n in shown.items():
            if cluster is not None:
                by_cluster[cluster] += n
        return LabelCounts(
            by_cluster={cluster: n for cluster, n in by_cluster.items() if n},
            noise=sum(n for (cluster, _, _), n in shown.items() if cluster is None),
            arrivals=sum(n for (_, is_arrival, _), n in shown.items() if is_arrival),
            arrivals_noise=shown[None, True, False] + shown[None, True, True],
            newcomers=shown[None, True, True],
        )

    def time_spans(self, run: str | None = None) -> dict[str, TimeSpan]:
        """Find first and last time taken of every cluster, in one pass over labels and photos.

        Args:
            run: which run, None for the current one.

        Returns:
            Spans by cluster. A time that is only the file's own mtime says when it was copied as likely as when it
            was taken, and is left out; so are clusters none of whose photos has a better one.
        """
        run = self._known_run(run)
        if run is None:
            return {}
        clusters = dict(self._tables.rows(labels_table(run), ["photo", "cluster"]))
        constraints = self.constraints()
        if constraints.joined:
            clusters = {photo: cluster and constraints.root(cluster) for photo, cluster in clusters.items()}
        clusters |= {label.photo: constraints.label(label).cluster for label in self._pinned(run)}
        # As text, whose order is that of the clocks on the wall.
        first: dict[str, str] = {}
        last: dict[str, str] = {}
        for photo, taken, source in self._tables.rows(self._photos, ["photo", "taken", "taken_source"]):
            if taken is None or source == "mtime" or (cluster := clusters.get(photo)) is None:
                continue
            first[cluster] = min(first.get(cluster, taken), taken)
            last[cluster] = max(last.get(cluster, taken), taken)
        return {
            cluster: TimeSpan(datetime.fromisoformat(first[cluster]), datetime.fromisoformat(last[cluster]))
            for cluster in first
        }

    def _count_labels(self, run: str) -> list[tuple[Any, ...]]:
        columns = ["cluster", "assigned_by", "newcomer"]
        table = self._tables.read_whole(labels_table(run), columns)
        counted = [] if table is None else [table.group_by(columns).aggregate([([], "count_all")])]
        return list(rows_of(counted, [*columns, "count_all"]))

    def _clusters(self, where: Where) -> list[ClusterRow]:
        return read_clusters(self._tables.read(CLUSTERS, where=where))

    def _known_run(self, run: str | None) -> str | None:
        """Give the run that is meant, the current one for None; None where there is no such run."""
        state = self.state()
        run = state.current_run if run is None else run
        return run if run is not None and 0 < run_number(run) <= state.last_run else None

    def _pinned(self, run: str) -> list[Label]:
        """Read what a run itself says of the photos that the owner put elsewhere or pinned."""
        return self._run_labels(run, where={"photo": self.constraints().pins})

    def _labels(self, run: str | None, *, where: Where | None = None) -> list[Label]:
        labels, constraints = self._run_labels(run, where=where), self.constraints()
        return [constraints.label(label) for label in labels] if constraints.relabels else labels

    def _run_labels(self, run: str | None, *, where: Where | None = None) -> list[Label]:
        run = self._known_run(run)
        return [] if run is None else read_labels(self._tables.read(labels_table(run), where=where))
