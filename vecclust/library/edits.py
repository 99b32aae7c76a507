"""What the owner says of clusters, checked against what there is, kept, and reported with what it changes.

An edit is refused whole or kept whole. It names clusters and photos of the current run; what is in force then holds in
every run, earlier and later. Refuses to know how fits honour it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from vecclust.errors import NotFound, UsageError
from vecclust.library.queries.clusters import edits_by_number, list_clusters, no_such_cluster, require_cluster
from vecclust.library.queries.names import cluster_id, cluster_names, free_name
from vecclust.library.queries.paths import living_path
from vecclust.library.queries.proposals import ENGLISH, called, refusable, refused_word
from vecclust.library.queries.search import not_a_photo, row_of
from vecclust.types.clusters import UNCLUSTERED, ClusterName, Label
from vecclust.types.constraints import (
    Constraints,
    by_world,
    constraints_of,
    edit_command,
    edit_name,
    edit_number,
    group_asked,
    is_of_timeline,
)
from vecclust.types.edits import PHOTO, Edit, EditEntry, EditKind, EditReport, EditRequest
from vecclust.types.names import name_key

if TYPE_CHECKING:
    from vecclust.library.opening import Clock
    from vecclust.store import Store

_CLUSTERS_ALONE = ("merge", "not-together")
_OF_PHOTOS = ("move", "split-off")


class Edits:
    """Keeps the edits of one library.

    Args:
        store: its tables, open for writing but for `entries`.
        clock: the time.
        language: of the words that are proposed as names.
    """

    def __init__(self, store: Store, *, clock: Clock, language: str = ENGLISH) -> None:
        self._store = store
        self._clock = clock
        self._language = language

    def make(self, request: EditRequest) -> EditReport:
        """Keep an edit; it is refused whole or kept whole.

        Args:
            request: what is to hold.

        Returns:
            What it changed.

        Raises:
            NotFound: a photo, cluster or edit is not there.
            UsageError: it makes no sense.
        """
        notices: list[str] = []
        rows = self._rows(request, notices)
        before = self._in_force()
        if not rows:
            return EditReport(None, request.kind, notices=tuple(notices))
        constraints = self._store.constraints()
        number = self._store.add_edits(rows)
        after = self._store.constraints()
        ended = sorted(before - self._in_force() - _taken_back(rows))
        notices += self._contradicted(constraints, ended)
        first = rows[0]
        return EditReport(
            edit=edit_name(number),
            kind=request.kind,
            cluster=first.cluster,
            cluster_name=self._name(first.cluster),
            other=first.other if first.kind != "take-back" else None,
            photos=sum(row.photo is not None for row in rows),
            changed=self._store.n_relabelled(constraints, after),
            ended=tuple(map(edit_name, ended)),
            notices=tuple(notices),
        )

    def _in_force(self) -> frozenset[int]:
        return self._store.constraints().numbers | self._store.timeline_constraints().numbers

    def _name(self, group: str | None) -> str | None:
        """Give the owner's name of a cluster, event, trip or place, or None."""
        given = self._store.timeline_constraints().named.get(group or "")
        return cluster_names(self._store).get(group) if given is None else given.name

    def accept_names(self, named: Sequence[str] = ()) -> tuple[ClusterName, ...]:
        """Give clusters the names that are proposed for them, to all of them or, where it is refused, to none.

        Args:
            named: clusters, by id; all for which a name is proposed where empty.

        Returns:
            The names as they are kept, largest cluster first where all are meant.

        Raises:
            NotFound: for one of them none is proposed.
            UsageError: one cannot be a cluster's name.
        """
        store = self._store
        proposed = self._proposed(named)
        names = {cluster: free_name(store, name, cluster=cluster) for cluster, name in proposed.items()}
        return store.rename(names, named_ns=self._clock.now_ns())

    def refuse_names(self, named: Sequence[str]) -> EditReport:
        """Refuse the names that are proposed for clusters, in one edit, or, where one has none, no name at all.

        Args:
            named: clusters, by id or name.

        Returns:
            The edit.

        Raises:
            NotFound: for one of them none is proposed.
            UsageError: no cluster is named.
        """
        if not named:
            raise UsageError("no cluster is named", hint="vecclust name lists those for which a name is proposed.")
        names = called(self._store, language=self._language)
        rows = [
            self._edit_row("refuse", cluster=cluster, name=refused)
            for cluster in self._proposed(named)
            for refused in refusable(names[cluster])
        ]
        number = self._store.add_edits(rows)
        clusters = tuple(dict.fromkeys(row.cluster for row in rows))
        return EditReport(edit_name(number), "refuse", cluster=clusters[0] if len(clusters) == 1 else None)

    def _proposed(self, named: Sequence[str]) -> dict[str, str]:
        """Give the names that are proposed, by cluster; of all clusters, the largest first, where none is named."""
        listed = list_clusters(self._store, language=self._language).clusters
        proposed = {one.id: one.suggested_name for one in listed if one.suggested_name}
        clusters = [cluster_id(self._store, one, language=self._language) for one in named] or list(proposed)
        for cluster in clusters:
            if cluster not in proposed:
                raise NotFound(f"no name is proposed for {cluster}", hint="vecclust name lists those that are.")
        return {cluster: proposed[cluster] for cluster in clusters}

    def entries(self, *, everything: bool = False) -> tuple[EditEntry, ...]:
        """Read what the owner said of clusters, in order.

        Args:
            everything: also what is no longer in force.
        """
        in_force = self._in_force()
        return tuple(
            self._entry(rows, first in in_force)
            for first, rows in edits_by_number(self._store).items()
            if everything or first in in_force
        )

    def _entry(self, rows: Sequence[Edit], in_force: bool) -> EditEntry:
        first = rows[0]
        constraints = self._store.timeline_constraints() if is_of_timeline(first) else self._store.constraints()
        photos = [row.photo for row in rows if row.photo is not None]
        if in_force and first.kind not in _CLUSTERS_ALONE:
            photos = [one for one in photos if one in constraints.pins and constraints.pins[one].number == first.number]
        files = self._store.files_of(photos)
        return EditEntry(
            edit=edit_name(first.number),
            kind=first.kind,
            text=self._text(rows),
            photos=tuple((living_path(files.get(photo, ())), photo) for photo in photos),
            cluster=first.cluster,
            cluster_name=self._name(first.cluster),
            other=None if first.kind == "take-back" else first.other,
            run=first.run,
            made_ns=first.made_ns,
            in_force=in_force,
        )

    def _text(self, rows: Sequence[Edit]) -> str:
        return edit_command(rows, said=partial(refused_word, language=self._language))

    def _rows(self, request: EditRequest, notices: list[str]) -> list[Edit]:
        if group_asked(request.cluster) or group_asked(request.other):
            from vecclust.library.timeline.corrections import correction_rows

            photos = self._photos(request.photos) if request.photos or request.kind in _OF_PHOTOS else []
            rows = correction_rows(self._store, request, photos, self._edit_row)
            if rows is not None:
                return rows
        match request.kind:
            case "move":
                cluster = None if name_key(request.cluster) == UNCLUSTERED else self._cluster(request.cluster)
                return [self._edit_row("move", photo=photo, cluster=cluster) for photo in self._photos(request.photos)]
            case "pin":
                labels = self._labels(request.photos)
                return [self._edit_row("pin", photo=label.photo, cluster=label.cluster) for label in labels]
            case "unpin":
                return self._unpinned(request.photos, notices)
            case "merge":
                return self._merged(request, notices)
            case "not-together":
                return self._apart(request, notices)
            case "split-off":
                return self._split_off(request)
            case "take-back":
                return self._back(request.edits)
        raise UsageError(f"no edit is called {request.kind!r}", hint="vecclust --help lists them.")

    def _unpinned(self, named: Sequence[str], notices: list[str]) -> list[Edit]:
        photos, pins = self._photos(named), self._store.constraints().pins
        pinned = [photo for photo in photos if photo in pins]
        if len(pinned) < len(photos):
            notices.append(f"{len(photos) - len(pinned)} of {len(photos)} photos were not pinned")
        return [self._edit_row("unpin", photo=photo) for photo in pinned]

    def _merged(self, request: EditRequest, notices: list[str]) -> list[Edit]:
        kept, other = self._cluster(request.cluster), self._cluster(request.other)
        if kept == other:
            raise UsageError(f"{kept} is one cluster already", hint="Name two: vecclust merge KEPT OTHER.")
        names = cluster_names(self._store)
        if other in names and kept not in names:
            notices.append(f"{other} was “{names[other]}”, {kept} has no name: vecclust rename gives it one")
        return [self._edit_row("merge", cluster=kept, other=other)]

    def _apart(self, request: EditRequest, notices: list[str]) -> list[Edit]:
        one, other = self._cluster(request.cluster, shown=False), self._cluster(request.other, shown=False)
        if one == other:
            raise UsageError(f"{one} is one cluster", hint="vecclust split-off makes two of it.")
        joined = self._store.constraints().joined
        absent = [one for one in (one, other) if one not in joined and not self._store.members(one)]
        notices += [f"the current run has no {one}: this bears on refits alone" for one in absent]
        return [self._edit_row("not-together", cluster=one, other=other)]

    def _split_off(self, request: EditRequest) -> list[Edit]:
        from vecclust.clustering import medoids

        cluster, labels = self._cluster(request.cluster), self._labels(request.photos)
        elsewhere = [label.photo for label in labels if label.cluster != cluster]
        if elsewhere:
            hint = f"vecclust cluster {cluster} lists its photos."
            raise UsageError(f"{self._path(elsewhere[0])} is not in {cluster}", hint=hint)
        if len(labels) == len(self._store.members(cluster)):
            raise UsageError(f"these are all the photos of {cluster}", hint="vecclust rename gives it another name.")
        name = free_name(self._store, request.name) if request.name.strip() else ""
        photos, vectors = self._store.vectors([label.photo for label in labels])
        # The first stands for the cluster until a fit makes more of it.
        middle = int(medoids(vectors, np.zeros(len(photos), np.int64))[0])
        photos.insert(0, photos.pop(middle))
        new = self._store.new_cluster()
        return [self._edit_row("split-off", photo=photo, cluster=new, other=cluster, name=name) for photo in photos]

    def _back(self, named: Sequence[str]) -> list[Edit]:
        in_force = self._in_force()
        for edit in named:
            if edit_number(edit) not in in_force:
                raise NotFound(f"{edit} is no edit in force", hint="vecclust edits lists them.")
        rows = [self._edit_row("take-back", other=edit) for edit in dict.fromkeys(named)]
        self._refuse_two_of_a_name(constraints_of(by_world([*self._store.edits(), *rows])[0]))
        return rows

    def _refuse_two_of_a_name(self, after: Constraints) -> None:
        """Raise where a name that would be in force again is another cluster's by now."""
        before, shown = self._store.constraints().named, self._store.label_counts().by_cluster
        taken = {name_key(one.name): cluster for cluster, one in after.named.items() if cluster in shown}
        for cluster, one in after.named.items():
            other = taken.get(name_key(one.name), cluster)
            if cluster in shown and other != cluster and one != before.get(cluster):
                raise UsageError(
                    f"{cluster} would be “{one.name}” again, and {other} has that name now",
                    hint=f"Give one of them another first: vecclust rename {other} NAME.",
                )

    def _edit_row(self, kind: EditKind, **about: Any) -> Edit:
        """Make a row of the log; `about` are fields of `Edit`."""
        return Edit(0, kind, **about, run=self._store.state().current_run, made_ns=self._clock.now_ns())

    def _cluster(self, named: str, *, shown: bool = True) -> str:
        """Give the id of a cluster of the current run or, unless it is to be `shown`, of any run."""
        cluster = cluster_id(self._store, named, language=self._language)
        require_cluster(cluster, hint="vecclust move PHOTO... CLUSTER takes photos out of them.")
        if not (self._store.members(cluster) if shown else self._store.knows_cluster(cluster)):
            raise no_such_cluster(self._store, cluster)
        return cluster

    def _photos(self, named: Sequence[str]) -> list[str]:
        """Give the content hashes of photos that are named by them or by a path, none twice."""
        if not named:
            raise UsageError("no photo is named", hint="Name photos by their paths.")
        hashes = {one for one in named if PHOTO.fullmatch(one)}
        known = {row.photo for row in self._store.photos(hashes)} if hashes else set()
        return list(dict.fromkeys(one if one in known else self._photo_at(one) for one in named))

    def _photo_at(self, path: str) -> str:
        absolute = os.path.abspath(path)
        row = row_of(self._store, absolute)
        if row is None or row.photo is None or not self._store.photos([row.photo]):
            raise not_a_photo(absolute)
        return row.photo

    def _labels(self, named: Sequence[str]) -> list[Label]:
        """Give the labels of photos, which all have one."""
        photos = self._photos(named)
        labels = self._store.labels_of(photos)
        for photo in photos:
            if photo not in labels:
                raise UsageError(f"{self._path(photo)} has no label yet", hint="vecclust scan gives it one.")
        return [labels[photo] for photo in photos]

    def _path(self, photo: str) -> str:
        return living_path(self._store.files_of([photo]).get(photo, ())) or photo

    def _contradicted(self, before: Constraints, ended: Sequence[int]) -> list[str]:
        of_clusters = {join.number for join in before.joined.values()} | set(before.apart.values())
        edits = edits_by_number(self._store)
        return [
            f"this ends {edit_name(number)}: {self._text(edits[number])}" for number in ended if number in of_clusters
        ]


def _taken_back(rows: Sequence[Edit]) -> set[int]:
    return {edit_number(row.other) for row in rows if row.kind == "take-back"}
