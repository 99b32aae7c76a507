"""Clusters of the current run, read out: the list, one cluster with its photos, and its history.

Only reads. What has a file that is known good is shown by its path; sizes count photos, arrivals included.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from vecclust.errors import NotFound, UsageError
from vecclust.library.queries.paths import living_path
from vecclust.library.queries.proposals import ENGLISH, NOT_CALLED, called, refused_word
from vecclust.library.queries.search import Scope, members_of
from vecclust.types.clusters import (
    UNCLUSTERED,
    ClusterEntry,
    ClusterList,
    ClusterPage,
    HistoryEvent,
    Label,
    Member,
)
from vecclust.types.constraints import edit_command, edit_name, edit_number
from vecclust.types.edits import Edit
from vecclust.types.photos import Taken

if TYPE_CHECKING:
    from vecclust.store import Store

# Strengths are chances to be of the kind that the cluster mostly is.
MIXED_BELOW = 0.5


def list_clusters(store: Store, *, language: str = ENGLISH) -> ClusterList:
    """Read the clusters of the current run, largest first.

    Args:
        store: the library's tables.
        language: of the words that are proposed as names.

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
        clusters=() if run is None else _entries(store, run, counts.by_cluster, language=language),
    )


def _entries(store: Store, run: str, sizes: Mapping[str, int], *, language: str) -> tuple[ClusterEntry, ...]:
    names, spans = called(store, language=language), store.time_spans(run)
    strengths = _mean_strengths(store.labels(run).values())
    rows = [row for row in store.clusters(run) if sizes.get(row.cluster)]
    files = store.files_of([row.medoid for row in rows])
    # Of other clusterers, and of runs before 0.2, strengths are no chances.
    are_chances = any(one.params.get("resolution") for one in store.runs() if one.run == run)
    entries = []
    for row in rows:
        name, span = names.get(row.cluster, NOT_CALLED), spans.get(row.cluster)
        entries.append(
            ClusterEntry(
                id=row.cluster,
                name=name.name,
                named_by=name.named_by,
                size=sizes[row.cluster],
                strength=strengths[row.cluster],
                medoid=living_path(files.get(row.medoid, ())),
                first_taken=None if span is None else span.first,
                last_taken=None if span is None else span.last,
                suggested_name=name.suggested,
                is_mixed=are_chances and strengths[row.cluster] < MIXED_BELOW,
                medoid_photo=row.medoid,
                tags=name.tags,
                word=name.word,
                own_words=name.own_words,
                language=language,
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


def show_cluster(store: Store, cluster: str, *, limit: int, scope: Scope, language: str = ENGLISH) -> ClusterPage:
    """Read one cluster of the current run.

    Args:
        store: the library.
        cluster: its id, or `unclustered`.
        limit: photos wanted, strongest first.
        scope: which photos may be shown.
        language: of the words that are proposed as names.

    Returns:
        The cluster.

    Raises:
        NotFound: the current run has no such cluster.
    """
    run = store.state().current_run
    members = [] if run is None else members_of(store, cluster)
    if run is not None and cluster == UNCLUSTERED:
        return _unclustered(store, members, limit=limit, scope=scope)
    if run is None or not members:
        raise no_such_cluster(store, cluster)
    (entry,) = _entries(store, run, {cluster: len(members)}, language=language)
    history = read_history(store, cluster, language=language)
    from vecclust.library.queries.composition import composition_of

    made_of = composition_of(store, [label.photo for label in members], language=language)
    return ClusterPage(entry, shown(store, _within(store, members, scope)[:limit]), history, made_of)


def _unclustered(store: Store, members: Sequence[Label], *, limit: int, scope: Scope) -> ClusterPage:
    """Read the photos that are in no cluster, by path: none is more typical than another."""
    entry = ClusterEntry(UNCLUSTERED, None, None, len(members), 0.0, None, None, None)
    photos = sorted(shown(store, _within(store, members, scope)), key=lambda member: (member.path or "", member.photo))
    return ClusterPage(entry, tuple(photos[:limit]), ())


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


def read_history(store: Store, cluster: str, *, language: str = ENGLISH) -> tuple[HistoryEvent, ...]:
    """Read what runs did to a cluster and what the owner said of it, oldest first.

    Args:
        store: the library's tables.
        cluster: its id.
        language: in which words that were refused are said.
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
            text = edit_command(rows, said=partial(refused_word, language=language))
            events.append(HistoryEvent(first.run, first.kind, sources, first.made_ns, text, holds))
    return tuple(sorted(events, key=lambda event: event.when_ns or 0))


def require_cluster(cluster: str, *, hint: str) -> None:
    """Refuse `unclustered` where only a cluster makes sense.

    Args:
        cluster: an id, or `unclustered`.
        hint: what to do instead.

    Raises:
        UsageError: it is no cluster.
    """
    if cluster == UNCLUSTERED:
        raise UsageError("the unclustered photos are no cluster", hint=hint)


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
    if store.state().current_run is None:
        hint = "There are no clusters yet: vecclust scan finds the first ones once there are photos enough."
    elif root != cluster:
        edit = edit_name(store.constraints().joined[cluster].number)
        hint = f"You merged it into {root}: vecclust undo {edit} makes it a cluster of its own again."
    elif store.knows_cluster(cluster):
        hint = "It was in an earlier one: vecclust runs."
    else:
        hint = "vecclust clusters lists them."
    return NotFound(f"{cluster} is not among the clusters of the current run", hint=hint)


def _within(store: Store, members: Sequence[Label], scope: Scope) -> list[Label]:
    wanted = in_scope(store, {label.photo for label in members}, scope)
    return [label for label in members if label.photo in wanted]


def in_scope(store: Store, photos: Collection[str], scope: Scope) -> frozenset[str]:
    """Give the photos that a scope lets through.

    Args:
        store: the library's tables.
        photos: content hashes.
        scope: which photos may be shown.
    """
    wanted = frozenset(photos) if scope.within is None else scope.within.intersection(photos)
    if scope.since is None and scope.until is None:
        return wanted
    return frozenset(photo.photo for photo in store.photos(wanted) if _is_taken_in(photo.taken, scope))


def _is_taken_in(taken: Taken | None, scope: Scope) -> bool:
    return (
        taken is not None
        and (scope.since is None or taken.clock >= scope.since)
        and (scope.until is None or taken.clock < scope.until)
    )
