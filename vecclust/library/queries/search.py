"""Questions for photos: like this one, matching a text, what is known of one.

Vectors of the library's own model only; hits by score, then path. A photo is never its own answer, nor is another file
with the same content. A photo whose files are not there now is left out, and the answer says how many were.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import NotFound, PhotoError, UsageError
from vecclust.photos import DecodeLimits, look_at, read_content, read_photo
from vecclust.types.files import FileRow
from vecclust.types.photos import PhotoFacts
from vecclust.types.search import Answer, Filters, Hit

if TYPE_CHECKING:
    from vecclust.library.model import ModelBinding
    from vecclust.store import Store

_CLUSTER = re.compile("c[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which photos may answer.

    Attributes:
        within: only these photos, or None for all.
        since_ns: only photos taken then or later, or None.
        until_ns: only photos taken before then, or None.
    """

    within: frozenset[str] | None = None
    since_ns: int | None = None
    until_ns: int | None = None


def answer(
    store: Store,
    model: ModelBinding,
    query: str,
    vector: NDArray[np.float32],
    *,
    limit: int,
    leave_out: str | None = None,
    filters: Filters,
) -> Answer:
    """Answer with the photos nearest to a vector.

    Args:
        store: the library's tables.
        model: its model.
        query: what was asked, as the answer says it.
        vector: (d,) float32 of norm 1, of the library's model.
        limit: hits wanted, at least 1.
        leave_out: a photo that is not to be its own answer, by content hash.
        filters: what the answer is limited to.

    Returns:
        At most `limit` hits, by score, then path; a notice where better ones have no file that is there now.
    """
    hits, n_without_file = _nearest(store, vector, limit=limit, leave_out=leave_out, scope=scope_of(store, filters))
    notices: tuple[str, ...] = ()
    if n_without_file:
        notices = (f"{n_without_file} photos left out: their files are not there now (vecclust status says more)",)
    return Answer(query, model.known().model_id, with_clusters(store, hits), notices)


def vector_of(store: Store, model: ModelBinding, path: str, limits: DecodeLimits) -> tuple[str, NDArray[np.float32]]:
    """Give a file's content hash and vector: the stored one while its content is known, a fresh one otherwise.

    Args:
        store: the library's tables.
        model: its model, loaded only for a file that the library does not know.
        path: absolute.
        limits: what decoding a file may cost that the library does not know.

    Raises:
        NotFound: the library is empty, or there is no such file.
        PhotoError: the file cannot be read as a picture.
        ModelError: the file is not in the library and the model cannot be used.
    """
    model.known()
    row = row_of(store, path)
    try:
        seen = look_at(path)
    except OSError as error:
        raise NotFound(f"cannot look at {path}: {error.strerror}", hint="Name an image file.") from error
    if row is not None and row.photo is not None and row.state == "ready" and row.holds(seen):
        return row.photo, store.vector(row.photo)
    content = read_content(seen, file_bytes=limits.file_bytes)
    if content.photo in store.known_by_size().get(seen.size_bytes, ()):
        return content.photo, store.vector(content.photo)
    decoded = read_photo(path, model.bound().framing, limits=limits)
    vector = model.embedder().embed_each(decoded.frame[np.newaxis])[0]
    if isinstance(vector, PhotoError):
        raise vector
    return decoded.photo, vector


def _nearest(
    store: Store, vector: NDArray[np.float32], *, limit: int, leave_out: str | None, scope: Scope
) -> tuple[list[Hit], int]:
    """Find the photos nearest to a vector, by score, then path; and how many better ones have no file there now."""
    asked = limit + (leave_out is not None)
    while True:
        found = store.search(vector, limit=asked, within=scope.within, since_ns=scope.since_ns, until_ns=scope.until_ns)
        others = [(photo, score) for photo, score in found if photo != leave_out]
        files = store.files_of([photo for photo, _ in others])
        alive = [(photo, score, path) for photo, score in others if (path := living_path(files.get(photo, ())))]
        if len(alive) >= limit or len(found) < asked:
            break
        asked *= 4
    alive.sort(key=lambda entry: (-entry[1], entry[2]))
    hits = [Hit(photo, path, score) for photo, score, path in alive[:limit]]
    worst = hits[-1].score if len(hits) == limit else -np.inf
    n_in_range = sum([score >= worst for _, score in others])
    n_alive_in_range = sum([score >= worst for _, score, _ in alive])
    return hits, n_in_range - n_alive_in_range


def living_path(files: Sequence[FileRow]) -> str | None:
    """Give the first path, in order, of a file that is known good and there now, or None.

    Args:
        files: the files that hold one photo.
    """
    paths = sorted([file.absolute for file in files if file.state == "ready" and not file.missing_since_ns])
    return next(filter(os.path.exists, paths), None)


def with_clusters(store: Store, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Give hits their clusters in the current run, and the clusters' names.

    Args:
        store: the library's tables.
        hits: the hits.
    """
    labels, names = store.labels_of([hit.photo for hit in hits]), cluster_names(store)
    clusters = [labels[hit.photo].cluster if hit.photo in labels else None for hit in hits]
    return tuple(
        dataclasses.replace(hit, cluster=cluster, cluster_name=names.get(cluster))
        for hit, cluster in zip(hits, clusters, strict=True)
    )


def cluster_names(store: Store) -> Mapping[str | None, str]:
    """Read the names of clusters, by id; none for None.

    Args:
        store: the library's tables.
    """
    return {cluster: name.name for cluster, name in store.names().items()}


def scope_of(store: Store, filters: Filters) -> Scope:
    """Turn filters into the photos they let through.

    Args:
        store: the library's tables.
        filters: what the answer is limited to.

    Returns:
        The scope; times without a zone count as they stand, as the rows' own do.

    Raises:
        NotFound: the current run has no such cluster.
        UsageError: several clusters have this name.
    """
    if filters == Filters():
        return Scope()
    sets: list[frozenset[str]] = []
    if filters.cluster is not None:
        cluster = cluster_id(store, filters.cluster)
        members = frozenset(label.photo for label in store.members(cluster))
        if not members:
            raise NotFound(
                f"{cluster} is not among the clusters of the current run", hint="vecclust clusters lists them."
            )
        sets.append(members)
    if filters.folder is not None:
        sets.append(photos_below(store, os.path.abspath(filters.folder)))
    return Scope(
        within=frozenset.intersection(*sets) if sets else None,
        since_ns=None if filters.since is None else _as_ns(filters.since),
        until_ns=None if filters.until is None else _as_ns(_end(filters.until)),
    )


def photos_below(store: Store, folder: str) -> frozenset[str]:
    """Give the photos with a file below a folder.

    Args:
        store: the library's tables.
        folder: an absolute path.
    """
    inside = folder.rstrip(os.sep) + os.sep
    return frozenset(row.photo for row in store.files() if row.photo and row.absolute.startswith(inside))


def _end(until: datetime) -> datetime:
    """Give the first moment that is too late: a bare date means its whole day."""
    return until + (timedelta(days=1) if until.time() == time.min else timedelta(seconds=1))


def _as_ns(when: datetime) -> int:
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return round(aware.timestamp()) * 1_000_000_000


def cluster_id(store: Store, named: str) -> str:
    """Give the id of a cluster that is named by its id or, among those of the current run, by its name.

    Args:
        store: the library's tables.
        named: an id or a name.

    Raises:
        NotFound: no cluster has this name.
        UsageError: several have it.
    """
    if _CLUSTER.fullmatch(named):
        return named
    alike = {cluster for cluster, name in cluster_names(store).items() if name == named.strip()}
    found = sorted(row.cluster for row in store.clusters() if row.cluster in alike) if alike else []
    if not found:
        raise NotFound(f"no cluster is named “{named}”", hint="vecclust clusters lists them.")
    if len(found) > 1:
        raise UsageError(f"{' and '.join(found)} are all named “{named}”", hint="Name the one you mean by its id.")
    return found[0]


def row_of(store: Store, path: str) -> FileRow | None:
    """Find a file's row by its absolute path, or by where its links lead.

    Args:
        store: the library's tables.
        path: absolute.
    """
    return store.file_at(path) or store.file_at(os.path.realpath(path))


def photo_at(store: Store, path: str) -> PhotoFacts:
    """Read what is known of one photo.

    Args:
        store: the library's tables.
        path: a file of the library, absolute.

    Raises:
        NotFound: the library does not know the file.
    """
    row = row_of(store, path)
    if row is None:
        raise NotFound(f"{path} is not in the library", hint="Is it below a scanned folder? vecclust status.")
    return photo_facts(store, row)


def photo_facts(store: Store, row: FileRow) -> PhotoFacts:
    """Read what is known of the photo of one file.

    Args:
        store: the library's tables.
        row: a file whose photo has a row.

    Raises:
        NotFound: the file has no photo in the library.
    """
    found = store.photos([row.photo]) if row.photo is not None else []
    model = store.model()
    if not found or model is None:
        reason = f": {row.reason}" if row.reason else ""
        raise NotFound(f"{row.absolute} could not be read yet{reason}", hint="See vecclust problems.")
    photo, label = found[0], store.label(found[0].photo)
    cluster = None if label is None else label.cluster
    others = sorted(file.absolute for file in store.files_of([photo.photo]).get(photo.photo, ()))
    return PhotoFacts(
        path=row.absolute,
        photo=photo.photo,
        cluster=cluster,
        cluster_name=cluster_names(store).get(cluster),
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
