"""What a library knows, read out: clusters, one cluster, one photo, status, problems.

Only reads, and only the current run's labels. What has a file that is known good is shown by its path; sizes count
photos, arrivals included. Refuses to know vectors and models.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from vecclust.config import log_file
from vecclust.errors import NotFound, UsageError
from vecclust.library import ranking as query
from vecclust.library.ranking import Scope, living_path
from vecclust.library.runs.signals import drift_of, pocket_of
from vecclust.types.clusters import ClusterEntry, ClusterList, ClusterPage, HistoryEvent, Label, Member
from vecclust.types.constraints import said, suggested_names, word_name, word_number
from vecclust.types.edits import Word
from vecclust.types.files import FileRow, FolderStatus, Problem
from vecclust.types.photos import PhotoFacts, Taken
from vecclust.types.runs import Run
from vecclust.types.search import Filters, Hit
from vecclust.types.status import DaemonStatus, Status

if TYPE_CHECKING:
    from vecclust.store import Store

T = TypeVar("T")

_CLUSTER = re.compile("c[1-9][0-9]*")


def steadily(store: Store, read: Callable[[], T]) -> T:
    """Read again where another run became the current one or the owner said something meanwhile.

    So no answer is of two runs, nor of clusters before and after a merge, where parts of it do not fit together.

    Args:
        store: what is read.
        read: reads it, in several steps.
    """
    while True:
        before = store.state().current_run, len(store.words())
        try:
            found = read()
        except KeyError:
            if (store.state().current_run, len(store.words())) == before:
                raise
            continue
        if (store.state().current_run, len(store.words())) == before:
            return found


def list_clusters(store: Store) -> ClusterList:
    """Read the clusters of the current run, largest first."""
    run = store.state().current_run
    model = store.model()
    model_id = None if model is None else model.model_id
    n_photos = store.counts().photos
    if run is None:
        return ClusterList(None, model_id, n_photos, 0, 0, ())
    counts = store.label_counts(run)
    entries = _entries(store, run, counts.by_cluster)
    clustered = sum(counts.by_cluster.values())
    return ClusterList(run, model_id, n_photos, clustered, counts.noise, entries)


def _entries(store: Store, run: str, sizes: Mapping[str, int]) -> tuple[ClusterEntry, ...]:
    names, spans, strengths = (
        store.names(),
        store.time_spans(run),
        _mean_strengths(store.labels(run).values()),
    )
    rows = [row for row in store.clusters(run) if sizes.get(row.cluster)]
    named = {cluster: name.name for cluster, name in names.items()}
    suggested = suggested_names(named, store.splits()) if named else {}
    files = store.files_of([row.medoid for row in rows])
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
            )
        )
    return tuple(sorted(entries, key=lambda entry: (-entry.size, _number(entry.id))))


def _mean_strengths(labels: Collection[Label]) -> dict[str, float]:
    sums: dict[str, tuple[float, int]] = {}
    for label in labels:
        if label.cluster is not None:
            total, count = sums.get(label.cluster, (0.0, 0))
            sums[label.cluster] = (total + label.strength, count + 1)
    return {cluster: total / count for cluster, (total, count) in sums.items()}


def _number(cluster: str) -> int:
    return int(cluster[1:])


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
    shown = _within(store, members, scope)[:limit]
    files = store.files_of([label.photo for label in shown])
    return ClusterPage(
        entry,
        tuple(
            Member(living_path(files.get(label.photo, ())), label.photo, label.strength, label.assigned_by)
            for label in shown
        ),
        read_history(store, cluster),
    )


def shown(store: Store, labels: Sequence[Label]) -> tuple[Member, ...]:
    """Give photos of a cluster with a file of each."""
    files = store.files_of([label.photo for label in labels])
    return tuple(
        Member(living_path(files.get(label.photo, ())), label.photo, label.strength, label.assigned_by)
        for label in labels
    )


def read_history(store: Store, cluster: str) -> tuple[HistoryEvent, ...]:
    """Read what runs did to a cluster and what the owner said of it, oldest first."""
    made = {run.run: run.created_ns for run in store.runs()}
    events = [HistoryEvent(row.run, row.event, row.sources, made.get(row.run)) for row in store.history(cluster)]
    sayings: dict[int, list[Word]] = {}
    for word in store.words():
        sayings.setdefault(word.number, []).append(word)
    about = {number for number, rows in sayings.items() if any(cluster in (row.cluster, row.other) for row in rows)}
    in_force = store.standing().numbers
    for number, rows in sayings.items():
        first = rows[0]
        if number in about or any(word_number(row.other) in about for row in rows if row.verb == "take-back"):
            sources = tuple({row.other: None for row in rows if row.other})
            holds = word_name(number) if number in in_force else ""
            events.append(HistoryEvent(first.run, first.verb, sources, first.said_ns, said(rows), holds))
    return tuple(sorted(events, key=lambda event: event.when_ns or 0))


def cluster_id(store: Store, named: str) -> str:
    """Give the id of a cluster that is named by its id or, among those of the current run, by its name.

    Raises:
        NotFound: no cluster has this name.
        UsageError: several have it.
    """
    if _CLUSTER.fullmatch(named):
        return named
    alike = {cluster for cluster, name in store.names().items() if name.name == named.strip()}
    found = sorted(row.cluster for row in store.clusters() if row.cluster in alike) if alike else []
    if not found:
        raise NotFound(f"no cluster is named “{named}”", hint="vecclust clusters lists them.")
    if len(found) > 1:
        raise UsageError(f"{' and '.join(found)} are all named “{named}”", hint="Name the one you mean by its id.")
    return found[0]


def scope_of(store: Store, filters: Filters) -> Scope:
    """Turn filters into the photos they let through, a cluster named by its id or its name; see `query.scope_of`."""
    if filters.cluster is not None:
        filters = dataclasses.replace(filters, cluster=cluster_id(store, filters.cluster))
    return query.scope_of(store, filters)


def no_such_cluster(store: Store, cluster: str) -> NotFound:
    """Make the error that says that the current run has no such cluster, and where it is."""
    root = store.standing().root(cluster)
    if root != cluster:
        word = word_name(store.standing().joined[cluster].number)
        hint = f"You merged it into {root}: vecclust take-back {word} makes it a cluster of its own again."
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


def show_photo(store: Store, row: FileRow) -> PhotoFacts:
    """Read what is known of the photo of one file.

    Args:
        store: the library.
        row: a file whose photo has a row.

    Returns:
        The facts.

    Raises:
        NotFound: the file has no photo in the library.
    """
    found = store.photos([row.photo]) if row.photo is not None else []
    model = store.model()
    if not found or model is None:
        reason = f": {row.reason}" if row.reason else ""
        raise NotFound(f"{row.absolute} could not be read yet{reason}", hint="See vecclust problems.")
    photo, label = found[0], store.label(found[0].photo)
    name = store.names().get(label.cluster) if label is not None and label.cluster is not None else None
    others = sorted(file.absolute for file in store.files_of([photo.photo]).get(photo.photo, ()))
    return PhotoFacts(
        path=row.absolute,
        photo=photo.photo,
        cluster=None if label is None else label.cluster,
        cluster_name=None if name is None else name.name,
        strength=None if label is None else label.strength,
        assigned_by=None if label is None else label.assigned_by,
        novelty=None if label is None else label.novelty,
        newcomer=label is not None and label.newcomer,
        run=None if label is None else store.state().current_run,
        taken=None if photo.taken is None else photo.taken.when,
        taken_source=None if photo.taken is None else photo.taken.source,
        latitude=None if photo.place is None else photo.place.latitude,
        longitude=None if photo.place is None else photo.place.longitude,
        width=photo.width_px,
        height=photo.height_px,
        model=model.model_id,
        other_paths=tuple(path for path in others if path != row.absolute),
    )


def with_clusters(store: Store, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Give hits their clusters in the current run, and the clusters' names."""
    labels = store.labels_of([hit.photo for hit in hits])
    names = store.names()
    dressed = []
    for hit in hits:
        label = labels.get(hit.photo)
        cluster = None if label is None else label.cluster
        name = names.get(cluster) if cluster is not None else None
        dressed.append(Hit(hit.photo, hit.path, hit.score, cluster, None if name is None else name.name))
    return tuple(dressed)


def list_problems(store: Store) -> tuple[Problem, ...]:
    """Read the files that could not be read, by path."""
    rows = sorted(store.files(state="problem"), key=lambda row: row.absolute)
    return tuple(Problem(row.absolute, row.reason, row.attempts, row.next_try_ns or None) for row in rows)


def read_status(store: Store) -> Status:
    """Read the state of a library."""
    counts, model, current = store.counts(), store.model(), store.state().current_run
    labels = store.label_counts(current) if current is not None else None
    came = store.arrivals(current) if labels is not None and labels.arrivals else []
    return Status(
        library=str(store.folder),
        model=None if model is None else model.model_id,
        photos=counts.photos,
        files=counts.files,
        pending=counts.waiting,
        problems=counts.problems,
        missing=counts.missing,
        noise=0 if labels is None else labels.noise,
        run=current_run(store),
        arrivals_since_run=0 if labels is None else labels.arrivals,
        arrivals_noise=0 if labels is None else labels.arrivals_noise,
        newcomers=0 if labels is None else labels.newcomers,
        folders=tuple(FolderStatus(root.path, root.last_scan_ns or None, root.paused) for root in store.roots()),
        skipped_dot_files=sum(root.n_skipped for root in store.roots()),
        bytes_on_disk=_bytes_below(store.folder),
        daemon=read_daemon(Path(store.folder)),
        drift=drift_of(came),
        gathered=0 if current is None else len(pocket_of(store, current, came)),
    )


def read_daemon(library: Path) -> DaemonStatus:
    """Read who watches: the note of a living process that is the library's last writer."""
    from vecclust.store import Store
    from vecclust.watching import read_state

    note, writer = read_state(library), Store.last_writer(library)
    log = str(log_file(library)) if log_file(library).exists() else None
    if note is None or writer is None or writer.pid != note.pid:
        return DaemonStatus(log=log)
    return DaemonStatus(True, note.pid, note.since_ns, note.watching, note.problems, note.doing, log)


def writing_command(store: Store) -> str:
    """Give the command of the process that holds the library for writing now, or an empty string."""
    from vecclust.store import Store
    from vecclust.watching import is_alive

    writer = Store.last_writer(store.folder)
    return writer.command if writer is not None and is_alive(writer.pid) else ""


def current_run(store: Store) -> Run | None:
    """Read the current run, or None before the first fit."""
    current = store.state().current_run
    return next((run for run in store.runs() if run.run == current), None)


def _bytes_below(folder: Path) -> int:
    """Add up the files of the library; one that goes away meanwhile counts nothing."""
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(directory, name)).st_size
            except OSError:
                continue
    return total
