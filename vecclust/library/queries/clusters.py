"""Clusters of the current run, read out: the list, one cluster with its photos, and its history.

Only reads. What has a file that is known good is shown by its path; sizes count photos, arrivals included.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from vecclust.errors import NotFound
from vecclust.library.queries.search import Scope, living_path
from vecclust.types.clusters import ClusterEntry, ClusterList, ClusterPage, HistoryEvent, Label, Member
from vecclust.types.constraints import edit_command, edit_name, edit_number, suggested_names
from vecclust.types.edits import Edit
from vecclust.types.photos import Taken

if TYPE_CHECKING:
    from vecclust.store import Store

# Strengths are chances to be of the kind that the cluster mostly is.
MIXED_BELOW = 0.5


def list_clusters(store: Store) -> ClusterList:
    """Read the clusters of the current run, largest first.

    Args:
        store: the library's tables.

    Returns:
        The clusters as they are now, arrivals counted in; none before the first run.
    """
    run, model = store.state().current_run, store.model()
    counts = store.label_counts(run)
    return ClusterList(
        run=run,
        model=None if model is None else model.model_id,
        photos=store.counts().photos,
        clustered=sum(counts.by_cluster.values()),
        noise=counts.noise,
        clusters=() if run is None else _entries(store, run, counts.by_cluster),
    )


def _entries(store: Store, run: str, sizes: Mapping[str, int]) -> tuple[ClusterEntry, ...]:
    names, spans, strengths = store.names(), store.time_spans(run), _mean_strengths(store.labels(run).values())
    rows = [row for row in store.clusters(run) if sizes.get(row.cluster)]
    named = {cluster: name.name for cluster, name in names.items()}
    suggested = suggested_names(named, store.splits()) if named else {}
    files = store.files_of([row.medoid for row in rows])
    # Of other clusterers, and of runs before 0.2, strengths are no chances.
    are_chances = any(one.params.get("resolution") for one in store.runs() if one.run == run)
    entries = []
    for row in rows:
        name, span = names.get(row.cluster), spans.get(row.cluster)
        entries.append(
            ClusterEntry(
                id=row.cluster,
                name=None if name is None else name.name,
                named_by=None if name is None else name.named_by,
                size=sizes[row.cluster],
                strength=strengths[row.cluster],
                medoid=living_path(files.get(row.medoid, ())),
                first_taken=None if span is None else span.first,
                last_taken=None if span is None else span.last,
                suggested_name=suggested.get(row.cluster),
                is_mixed=are_chances and strengths[row.cluster] < MIXED_BELOW,
            )
        )
    return tuple(sorted(entries, key=lambda entry: (-entry.size, int(entry.id[1:]))))


def _mean_strengths(labels: Collection[Label]) -> dict[str, float]:
    sums: dict[str, tuple[float, int]] = {}
    for label in labels:
        if label.cluster is not None:
            total, count = sums.get(label.cluster, (0.0, 0))
            sums[label.cluster] = (total + label.strength, count + 1)
    return {cluster: total / count for cluster, (total, count) in sums.items()}


def show_cluster(store: Store, cluster: str, *, limit: int, scope: Scope) -> ClusterPage:
    """Read one cluster of the current run.

    Args:
        store: the library.
        cluster: its id.
        limit: photos wanted, strongest first.
        scope: which photos may be shown.

    Returns:
        The cluster.

    Raises:
        NotFound: the current run has no such cluster.
    """
    run = store.state().current_run
    members = [] if run is None else store.members(cluster)
    if run is None or not members:
        raise no_such_cluster(store, cluster)
    (entry,) = _entries(store, run, {cluster: len(members)})
    return ClusterPage(entry, shown(store, _within(store, members, scope)[:limit]), read_history(store, cluster))


def shown(store: Store, labels: Sequence[Label]) -> tuple[Member, ...]:
    """Give photos of a cluster with a file of each.

    Args:
        store: the library's tables.
        labels: the photos' labels, in the order wanted.

    Returns:
        The photos in the same order; the path is None where no file is there now.
    """
    files = store.files_of([label.photo for label in labels])
    return tuple(
        Member(living_path(files.get(label.photo, ())), label.photo, label.strength, label.assigned_by)
        for label in labels
    )


def read_history(store: Store, cluster: str) -> tuple[HistoryEvent, ...]:
    """Read what runs did to a cluster and what the owner said of it, oldest first.

    Args:
        store: the library's tables.
        cluster: its id.
    """
    made = {run.run: run.created_ns for run in store.runs()}
    events = [HistoryEvent(row.run, row.event, row.sources, made.get(row.run)) for row in store.history(cluster)]
    edits = edits_by_number(store)
    about = {number for number, rows in edits.items() if any(cluster in (row.cluster, row.other) for row in rows)}
    in_force = store.constraints().numbers
    for number, rows in edits.items():
        first = rows[0]
        if number in about or any(edit_number(row.other) in about for row in rows if row.kind == "take-back"):
            sources = tuple({row.other: None for row in rows if row.other})
            holds = edit_name(number) if number in in_force else ""
            events.append(HistoryEvent(first.run, first.kind, sources, first.made_ns, edit_command(rows), holds))
    return tuple(sorted(events, key=lambda event: event.when_ns or 0))


def edits_by_number(store: Store) -> dict[int, list[Edit]]:
    """Read what the owner said, from the first edit to the last.

    Args:
        store: the library's tables.

    Returns:
        The rows of each edit, in the order they were made, by its number.
    """
    edits: dict[int, list[Edit]] = {}
    for row in sorted(store.edits(), key=lambda row: row.number):
        edits.setdefault(row.number, []).append(row)
    return edits


def no_such_cluster(store: Store, cluster: str) -> NotFound:
    """Make the error that says that the current run has no such cluster, and where it is.

    Args:
        store: the library's tables.
        cluster: its id.

    Returns:
        The error, to be raised.
    """
    root = store.constraints().root(cluster)
    if root != cluster:
        edit = edit_name(store.constraints().joined[cluster].number)
        hint = f"You merged it into {root}: vecclust take-back {edit} makes it a cluster of its own again."
    elif store.knows_cluster(cluster):
        hint = "It was in an earlier one: vecclust runs."
    else:
        hint = "vecclust clusters lists them."
    return NotFound(f"{cluster} is not among the clusters of the current run", hint=hint)


def _within(store: Store, members: Sequence[Label], scope: Scope) -> list[Label]:
    wanted = {label.photo for label in members}
    if scope.within is not None:
        wanted &= scope.within
    if scope.since_ns is not None or scope.until_ns is not None:
        wanted &= {photo.photo for photo in store.photos(wanted) if _is_taken_in(photo.taken, scope)}
    return [label for label in members if label.photo in wanted]


def _is_taken_in(taken: Taken | None, scope: Scope) -> bool:
    from vecclust.store import sort_ns

    if taken is None:
        return False
    when_ns = sort_ns(taken.when)
    return (scope.since_ns is None or when_ns >= scope.since_ns) and (
        scope.until_ns is None or when_ns < scope.until_ns
    )
