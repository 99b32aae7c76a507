"""What cannot be computed again, kept once a day: what the owner said of clusters, settings, kept folders.

A file of JSON that a person can read. Each cluster that something was said of stands there with its most typical
photos, by content hash: so names and corrections find their clusters again in a library that was scanned and fitted
anew, where ids mean something else. Coming back only adds: what the library says already stays, and wins where it was
said later. Refuses to know when a day is over: see `Library.keep_day`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import uuid
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecclust import __version__
from vecclust.errors import NotFound, StoreDamaged, StoreTooNew, UsageError
from vecclust.store.layout import DAY_SUFFIXES, LibraryPlace
from vecclust.types.backups import RestoreReport
from vecclust.types.constraints import by_world, constraints_of, edit_name, edit_number, group_asked, is_of_timeline
from vecclust.types.edits import Edit
from vecclust.types.names import name_key

if TYPE_CHECKING:
    from vecclust.store import Store

FORMAT = 1
# Of every cluster that something was said of; half of them are enough to know it again.
N_MEMBERS = 50
# The last of these are kept.
N_DAYS = 30
# Read by people as it is up to this, packed beyond: 30 days of ten thousand pins would be 60 MB.
_PLAIN_BYTES = 1 << 20
_RUNS_KEPT = 20
# By which an event, trip or place knows its photos.
_N_LETTERS = 16


def keep_day(store: Store, day: date) -> Path | None:
    """Write the backup of a day, and let those go that are older than the last thirty.

    Args:
        store: the library's tables.
        day: which.

    Returns:
        The file, or None where that of the day is there, nothing was ever said, or the newest one says the same.

    Raises:
        OSError: it cannot be written.
        StoreError: the tables cannot be read.
    """
    folder = store.folder / "backups"
    kept = kept_days(store.folder)
    if any(file.name.startswith(day.isoformat()) for file in kept):
        return None
    with store.snapshot():
        document = describe(store)
    nothing = not document["edits"] and document["settings"] is None
    if nothing or (kept and _same(kept[-1], document)):
        return None
    text = json.dumps(document, indent=1, ensure_ascii=True).encode("ascii")
    packed = len(text) > _PLAIN_BYTES
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{day.isoformat()}{DAY_SUFFIXES[packed]}"
    aside = folder / f".{uuid.uuid4().hex}"
    try:
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
            made.write(gzip.compress(text, mtime=0) if packed else text)
            made.flush()
            os.fsync(made.fileno())
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)
    for old in kept_days(store.folder)[:-N_DAYS]:
        old.unlink(missing_ok=True)
    return file


def kept_days(library: Path) -> list[Path]:
    """List the backups of days, oldest first.

    Args:
        library: the library's directory.
    """
    return LibraryPlace(library).days()


def describe(store: Store) -> dict[str, Any]:
    """Write down what cannot be computed again.

    Args:
        store: the library's tables.
    """
    constraints, model, state = store.constraints(), store.model(), store.state()
    members: dict[str, list[tuple[float, str]]] = {}
    about = constraints.clusters | constraints.named.keys() | constraints.refused_by().keys()
    for label in store.run_labels().values() if about else ():
        if label.cluster in about:
            members.setdefault(str(label.cluster), []).append((-label.strength, label.photo))
    clusters = [
        {
            "id": cluster,
            "name": constraints.named[cluster].name if cluster in constraints.named else None,
            "size": len(members.get(cluster, ())),
            "members": [photo for _, photo in sorted(members.get(cluster, ()))[:N_MEMBERS]],
        }
        for cluster in sorted(about, key=lambda cluster: (len(cluster), cluster))
    ]
    settings = store.folder / "config.toml"
    document: dict[str, Any] = {
        **{"format": FORMAT, "vecclust": __version__, "made": datetime.now(UTC).isoformat(timespec="seconds")},
        **{"library": os.fsencode(store.folder).decode("utf-8", "replace")},
        **{"model": None if model is None else model.model_id, "run": state.current_run},
        "runs": [[run.run, run.created_ns] for run in store.runs()[-_RUNS_KEPT:]],
        "folders": [{**asdict(root), "skipped": dict(root.skipped)} for root in store.roots()],
        "settings": settings.read_text(encoding="utf-8", errors="replace") if settings.is_file() else None,
        "clusters": clusters,
        "timeline": _said_groups(store),
        "edits": [asdict(edit) for edit in store.edits()],
    }
    return {**document, "sum": _sum(document)}


def _said_groups(store: Store) -> list[dict[str, Any]]:
    """Write down the events, trips and places that something was said of, each with the photos it is known by."""
    constraints = store.timeline_constraints()
    about = constraints.clusters | constraints.named.keys()
    return [
        {
            **{"id": group.id, "kind": group.kind, "anchors": list(group.anchors), "size": group.n_photos},
            "name": constraints.named[group.id].name if group.id in constraints.named else None,
        }
        for group in store.timeline()
        if group.id in about
    ]


def _sum(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode("ascii")).hexdigest()[:16]


def _same(file: Path, document: Mapping[str, Any]) -> bool:
    """Tell whether a backup says the same of what the owner said; photos come and go every day."""
    try:
        newest = read_day(file)
    except (UsageError, StoreDamaged, StoreTooNew):
        return False
    told = ("folders", "settings", "edits", "run", "model")
    paths = [[root["path"] for root in one["folders"]] for one in (newest, document)]
    return paths[0] == paths[1] and all(newest.get(key) == document[key] for key in told[1:])


def read_day(file: Path) -> dict[str, Any]:
    """Read the backup of a day.

    Args:
        file: the backup.

    Raises:
        UsageError: it is none, or cannot be read.
        StoreDamaged: it is not what was written.
        StoreTooNew: a newer vecclust wrote it.
    """
    try:
        text = file.read_bytes()
        document = json.loads(gzip.decompress(text) if file.name.endswith(".gz") else text)
        made_in = document["format"]
        noted = document.pop("sum", None)
    except FileNotFoundError as error:
        raise UsageError(f"there is no {file}", hint="LIBRARY/backups holds one for each of the last days.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zlib.error, RecursionError) as error:
        raise UsageError(f"{file} is no backup of a day: {error}", hint="Those are in LIBRARY/backups.") from error
    if isinstance(made_in, int) and made_in > FORMAT:
        raise StoreTooNew(f"{file} was written by a newer vecclust", hint="Update vecclust")
    if noted != _sum(document):
        raise StoreDamaged(f"{file} is not what was written", hint="Nothing was changed; try that of another day")
    return {**document, "sum": noted}


def restore_day(store: Store, file: Path) -> RestoreReport:
    """Add to a library what the backup of a day says and it does not.

    Args:
        store: the library's tables, open for writing.
        file: the backup.

    Returns:
        What came back, and which names found no cluster.

    Raises:
        NotFound: there are no clusters to give names to.
        UsageError: it is no backup of a day.
        StoreDamaged: it is not what was written.
        StoreTooNew: a newer vecclust wrote it.
    """
    document = read_day(file)
    if store.state().current_run is None and document["edits"]:
        raise NotFound(
            f"there are no clusters in {store.folder} yet",
            hint="`vecclust scan FOLDER` finds them; then restore again",
        )
    returning = _Returning(store, document)
    rows = returning.missing_rows()
    if rows:
        store.append_edits(rows)
    known = {root.path for root in store.roots()}
    notices = [*returning.notices]
    notices += [
        f"{root['path']} was kept then and is not now: vecclust scan {root['path']} keeps it"
        for root in document["folders"]
        if root["path"] not in known
    ]
    settings = _set_settings_aside(store.folder, document, file)
    if settings is not None:
        notices.append(f"the settings of then are others; they lie in {settings}")
    made = datetime.fromisoformat(document["made"])
    return RestoreReport(
        library=str(store.folder),
        backup="day",
        made_ns=int(made.timestamp()) * 10**9,
        edits=len({row.number for row in rows}),
        names=tuple({str(row.cluster): row.name for row in rows if row.kind == "rename"}.items()),
        lost_names=tuple(returning.lost_names),
        notices=tuple(notices),
    )


def _set_settings_aside(folder: Path, document: Mapping[str, Any], file: Path) -> Path | None:
    """Put the settings of then beside those of now, where they are others."""
    settings, now = document.get("settings"), folder / "config.toml"
    if not settings or (now.is_file() and now.read_text(encoding="utf-8", errors="replace") == settings):
        return None
    aside = folder / "set-aside" / f"config-of-{file.name.partition('.')[0]}.toml"
    aside.parent.mkdir(mode=0o700, exist_ok=True)
    aside.write_text(settings, encoding="utf-8")
    return aside


@dataclass
class _Returning:
    """Finds out what of a backup's edits a library lacks, and what they mean in it.

    Attributes:
        store: the library's tables.
        document: the backup.
        notices: what the owner should know.
        lost_names: names that found no cluster.
    """

    store: Store
    document: Mapping[str, Any]
    notices: list[str] = field(default_factory=list)
    lost_names: list[str] = field(default_factory=list)
    # Where the clusters of then are now; one of now may be several of then, but bears the name of one.
    _now: dict[str, str] = field(default_factory=dict)
    _own: dict[str, str] = field(default_factory=dict)
    _made_now: dict[str, str] = field(default_factory=dict)

    def missing_rows(self) -> list[Edit]:
        """Give what is to be added to the log, with the numbers it gets."""
        then = _by_number(Edit(**row) for row in self.document["edits"])
        there = _by_number(self.store.edits())
        known = _matched(then, there)
        self._find_clusters(then, there, known)
        said_ns = _said(self.store.edits())
        worlds = by_world(edit for rows in then.values() for edit in rows)
        in_force = frozenset[int]().union(*(constraints_of(edits).numbers for edits in worlds))
        number, rows, n_lost = max(there, default=0), [], 0
        for old, edits in then.items():
            if old in known:
                continue
            found = [self._row(edit, known, said_ns) for edit in edits]
            if kept := [row for row in found if row is not None]:
                number += 1
                known[old] = number
                rows += [replace(row, number=number) for row in kept]
            elif old in in_force and edits[0].kind != "rename" and not self._is_so(edits[0]):
                n_lost += 1
        if n_lost:
            self.notices.append(
                f"{n_lost} corrections are about clusters that are not here, or were made otherwise since"
            )
        self._say_lost(then, known)
        return rows

    def _row(self, edit: Edit, known: Mapping[int, int], said_ns: Mapping[tuple[str, str], int]) -> Edit | None:
        """Give a row as it is said of the clusters of now; None where it cannot be, or something later was said."""
        if edit.kind == "take-back":
            number = known.get(edit_number(edit.other))
            return None if number is None else replace(edit, other=edit_name(number), run=None)
        if any(said_ns.get(subject, 0) > edit.made_ns for subject in self._subjects(edit)):
            return None
        where = self._own if edit.kind in ("rename", "refuse") else self._now
        cluster = None if edit.cluster is None else where.get(edit.cluster)
        other = None if edit.other is None else self._now.get(edit.other)
        if edit.kind == "split-off" and edit.cluster is not None:
            cluster = self._made(edit.cluster)
        elif edit.cluster is not None and cluster is None:
            return None
        if edit.kind in ("merge", "not-together") and (other is None or other == cluster):
            return None
        if edit.kind == "rename" and not is_of_timeline(edit) and self._is_taken(edit.name, cluster):
            return None
        return replace(edit, cluster=cluster, other=other, run=None)

    def _is_so(self, edit: Edit) -> bool:
        """Tell whether two clusters are to be one that are one here anyway."""
        now = [self._now.get(one or "") for one in (edit.cluster, edit.other)]
        return edit.kind == "merge" and now[0] is not None and now[0] == now[1]

    def _subjects(self, edit: Edit) -> list[tuple[str, str]]:
        mapped = [self._now.get(one) for one in (edit.cluster, edit.other) if one is not None]
        return list(_subjects(edit, mapped))

    def _made(self, cluster: str) -> str:
        """Give the cluster that a split makes here: one that never was."""
        if cluster not in self._made_now:
            if group_asked(cluster) is None:
                made = self.store.new_cluster()
            else:
                from vecclust.library.timeline.corrections import new_group

                made = new_group(self.store, "event")
            self._made_now[cluster] = self._now[cluster] = self._own[cluster] = made
        return self._made_now[cluster]

    def _is_taken(self, name: str, cluster: str | None) -> bool:
        """Tell whether another cluster of the current run bears a name."""
        sizes, key = self.store.label_counts().by_cluster, name_key(name)
        return any(
            name_key(one.name) == key
            for other, one in self.store.names().items()
            if other in sizes and other != cluster
        )

    def _find_clusters(
        self, then: Mapping[int, Sequence[Edit]], there: Mapping[int, Sequence[Edit]], known: Mapping[int, int]
    ) -> None:
        """Find the clusters of then by their photos; where the library is the same one, by their ids."""
        # A split that is here already says what it made.
        for old, new in known.items():
            if then[old][0].kind == "split-off":
                made, now = then[old][0].cluster, there[new][0].cluster
                if made is not None and now is not None:
                    self._made_now[made] = now
        runs = {(run.run, run.created_ns) for run in self.store.runs()}
        is_same = any((run, created_ns) in runs for run, created_ns in self.document["runs"])
        self._find_groups(is_same)
        labels, found = self.store.run_labels(), list[tuple[int, str, str]]()
        for one in self.document["clusters"]:
            cluster, members = one["id"], one["members"]
            held = Counter(labels[photo].cluster for photo in members if photo in labels)
            del held[None]
            n_most = max(held.values(), default=0)
            best = [candidate for candidate, n in held.items() if n == n_most]
            if members and 2 * n_most >= len(members):
                found.append((n_most, cluster, cluster if cluster in best else str(min(map(str, best)))))
            elif is_same and self.store.knows_cluster(cluster):
                found.append((0, cluster, cluster))
        for _, cluster, now in sorted(found, key=lambda one: (-one[0], one[1])):
            self._now[cluster] = now
            if now not in self._own.values():
                self._own[cluster] = now
        self._now |= self._made_now
        self._own |= self._made_now

    def _find_groups(self, is_same: bool) -> None:
        """Find the events, trips and places of then by their anchors; those that are nowhere by their ids."""
        told = self.document.get("timeline", [])
        if not told:
            return
        from vecclust.library.timeline.found import find_timeline_of
        from vecclust.library.timeline.identity import group_id

        found = find_timeline_of(self.store)
        numbers = {"event": found.event, "trip": found.trip, "street": found.street, "town": found.town}
        letters = [photo[:_N_LETTERS].decode() for photo in found.photos.tolist()]
        row_of = {letter: row for row, letter in enumerate(letters)}
        there = {group.id for group in self.store.timeline()}
        for one in told:
            of_photo = numbers[one["kind"]]
            held = Counter(int(of_photo[row_of[anchor]]) for anchor in one["anchors"] if anchor in row_of)
            del held[0]
            n_most = max(held.values(), default=0)
            if n_most and 2 * n_most >= len(one["anchors"]):
                best = [number for number, n in held.items() if n == n_most]
                now = group_id(one["kind"], min(best))
                self._now[one["id"]] = one["id"] if one["id"] in {group_id(one["kind"], n) for n in best} else now
            elif is_same and one["id"] in there:
                self._now[one["id"]] = one["id"]
            found_now = self._now.get(one["id"])
            if found_now is not None and found_now not in self._own.values():
                self._own[one["id"]] = found_now

    def _say_lost(self, then: Mapping[int, Sequence[Edit]], known: Mapping[int, int]) -> None:
        """Name the names of then that no cluster bears now."""
        constraints = self.store.timeline_constraints()
        named = {name_key(one.name) for one in self.store.names().values()}
        named |= {name_key(one.name) for one in constraints.named.values()}
        named |= {name_key(row.name) for old, rows in then.items() if old in known for row in rows if row.name}
        for one in (*self.document["clusters"], *self.document.get("timeline", [])):
            if one["name"] and name_key(one["name"]) not in named:
                where = f"; most are in {self._now[one['id']]} now" if one["id"] in self._now else ""
                self.lost_names.append(f"{one['name']} ({one['size']} photos{where})")


def _by_number(edits: Iterable[Edit]) -> dict[int, list[Edit]]:
    found: dict[int, list[Edit]] = {}
    for edit in sorted(edits, key=lambda edit: edit.number):
        found.setdefault(edit.number, []).append(edit)
    return found


def _matched(then: Mapping[int, Sequence[Edit]], there: Mapping[int, Sequence[Edit]]) -> dict[int, int]:
    """Find the edits that are in both, by number of then: what was said, when and of which photos.

    Clusters may have other ids here. Where several are alike, those that name the same clusters are the same.
    """
    known: dict[int, int] = {}
    for with_clusters in (True, False):
        left: dict[object, list[int]] = {}
        for number, rows in there.items():
            if number not in known.values():
                left.setdefault(_key(rows, with_clusters), []).append(number)
        for number, rows in then.items():
            if number not in known and (alike := left.get(_key(rows, with_clusters))):
                known[number] = alike.pop(0)
    return known


def _key(rows: Sequence[Edit], with_clusters: bool) -> object:
    first, photos = rows[0], frozenset(row.photo for row in rows)
    clusters = frozenset((row.cluster, row.other) for row in rows) if with_clusters else None
    return first.kind, first.made_ns, photos, clusters, None if first.kind == "take-back" else first.name


def _said(edits: Iterable[Edit]) -> dict[tuple[str, str], int]:
    """Give when something was last said, by what it was said of."""
    said: dict[tuple[str, str], int] = {}
    for edit in edits:
        for subject in _subjects(edit, [one for one in (edit.cluster, edit.other) if one is not None]):
            said[subject] = max(said.get(subject, 0), edit.made_ns)
    return said


def _subjects(edit: Edit, clusters: Sequence[str | None]) -> Iterable[tuple[str, str]]:
    """Give what an edit decides: where a photo is, what a cluster is called, whether two are one."""
    if edit.photo is not None:
        # A photo is in a cluster and in an event: what was said of one says nothing of the other.
        yield "photo in time" if is_of_timeline(edit) else "photo", edit.photo
    elif edit.kind == "rename" and clusters and clusters[0] is not None:
        yield "name", clusters[0]
    elif edit.kind in ("merge", "not-together") and None not in clusters:
        yield "pair", " ".join(sorted(str(one) for one in clusters))
