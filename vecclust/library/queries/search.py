"""Questions for photos: like this one, matching a text, what is known of one.

Vectors of the library's own model only; hits by score, then path. A photo is never its own answer, nor is another file
with the same content. A photo whose files are not there now is left out, and the answer says how many were.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import NotFound, PhotoError, UsageError
from vecclust.library.queries.names import cluster_id
from vecclust.library.queries.paths import living_path
from vecclust.library.queries.proposals import ENGLISH, NOT_CALLED, called, said
from vecclust.types.clusters import UNCLUSTERED, Label
from vecclust.types.files import FileRow
from vecclust.types.photos import PhotoFacts
from vecclust.types.search import Answer, Filters, Hit

if TYPE_CHECKING:
    from vecclust.library.model import ModelBinding
    from vecclust.photos import DecodeLimits
    from vecclust.store import Store


@dataclass(frozen=True, slots=True)
class Scope:
    """Which photos may answer.

    Attributes:
        within: only these photos, or None for all.
        since: only photos taken then or later by their own clock, without a zone, or None.
        until: only photos taken before then, likewise.
    """

    within: frozenset[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


def answer(
    store: Store,
    model: ModelBinding,
    query: str,
    vector: NDArray[np.float32],
    *,
    limit: int,
    leave_out: Collection[str] = (),
    filters: Filters,
    language: str = ENGLISH,
) -> Answer:
    """Answer with the photos nearest to a vector.

    Args:
        store: the library's tables.
        model: its model.
        query: what was asked, as the answer says it.
        vector: (d,) float32 of norm 1, of the library's model.
        limit: hits wanted, at least 1.
        leave_out: photos that are not to be their own answers, by content hash.
        filters: what the answer is limited to.
        language: of the words that are proposed as names.

    Returns:
        At most `limit` hits, by score, then path; a notice where better ones have no file that is there now.
    """
    scope = scope_of(store, filters, language=language)
    hits, n_without_file = _nearest(store, vector, limit=limit, leave_out=leave_out, scope=scope)
    notices: tuple[str, ...] = ()
    if n_without_file:
        notices = (f"{n_without_file} photos left out: their files are not there now (vecclust status says more)",)
    return Answer(query, model.known().model_id, with_clusters(store, hits, language=language), notices)


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
    from vecclust.photos import look_at, read_content, read_photo

    model.known()
    row = row_of(store, path)
    if os.path.isdir(path):
        raise NotFound(f"{path} is a folder", hint="Name an image file.")
    try:
        seen = look_at(path)
    except OSError as error:
        raise NotFound(f"cannot look at {path}: {error.strerror}", hint="Name an image file.") from error
    if row is not None and row.photo is not None and row.has_photo and row.holds(seen):
        return row.photo, store.vector(row.photo)
    with _about(path):
        content = read_content(seen, file_bytes=limits.file_bytes)
        if content.photo in store.known_by_size().get(seen.size_bytes, ()):
            return content.photo, store.vector(content.photo)
        decoded = read_photo(path, model.bound().framing, limits=limits)
        vector = model.embedder(n_pictures=1).embed_each(decoded.frame[np.newaxis])[0]
        if isinstance(vector, PhotoError):
            raise vector
    return decoded.photo, vector


@contextmanager
def _about(path: str) -> Iterator[None]:
    """Have what is wrong with a picture say which one that is: several may be asked about."""
    try:
        yield
    except PhotoError as error:
        error.message = f"{path} cannot be used: {error.message}"
        raise


def _nearest(
    store: Store, vector: NDArray[np.float32], *, limit: int, leave_out: Collection[str], scope: Scope
) -> tuple[list[Hit], int]:
    """Find the photos nearest to a vector, by score, then path; and how many better ones have no file there now."""
    asked = limit + len(leave_out)
    while True:
        found = store.search(vector, limit=asked, within=scope.within, since=scope.since, until=scope.until)
        others = [(photo, score) for photo, score in found if photo not in leave_out]
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


def with_clusters(store: Store, hits: Sequence[Hit], *, language: str = ENGLISH) -> tuple[Hit, ...]:
    """Give hits their clusters in the current run, and the clusters' names.

    Args:
        store: the library's tables.
        hits: the hits.
        language: of the words that are proposed as names.
    """
    labels, names = store.labels_of([hit.photo for hit in hits]), called(store, language=language)
    clusters = [labels[hit.photo].cluster if hit.photo in labels else None for hit in hits]
    found = [names.get(cluster or "", NOT_CALLED) for cluster in clusters]
    return tuple(
        dataclasses.replace(hit, cluster=cluster, cluster_name=one.name, cluster_named_by=one.named_by)
        for hit, cluster, one in zip(hits, clusters, found, strict=True)
    )


def scope_of(store: Store, filters: Filters, *, language: str = ENGLISH) -> Scope:
    """Turn filters into the photos they let through.

    Args:
        store: the library's tables.
        filters: what the answer is limited to.
        language: of the words that are proposed as names.

    Returns:
        The scope; times without a zone count as they stand, as the rows' own do.

    Raises:
        NotFound: the current run has no such cluster, there is no such event, trip or place, or the folder was never
            scanned.
        UsageError: several have this name.
    """
    if filters == Filters():
        return Scope()
    since = filters.since and filters.since.replace(tzinfo=None)
    until = filters.until and _end(filters.until.replace(tzinfo=None))
    if since and until and since >= until:
        raise UsageError(
            f"nothing is both since {filters.since:%Y-%m-%d} and until {filters.until:%Y-%m-%d}",
            hint="The earlier day belongs to --since.",
        )
    sets: list[frozenset[str]] = []
    if filters.cluster is not None:
        cluster = cluster_id(store, filters.cluster, language=language)
        members = frozenset(label.photo for label in members_of(store, cluster))
        if not members and cluster != UNCLUSTERED:
            raise NotFound(
                f"{cluster} is not among the clusters of the current run", hint="vecclust clusters lists them."
            )
        sets.append(members)
    if filters.folder is not None:
        folder = os.path.abspath(filters.folder)
        below = photos_below(store, folder)
        if not below:
            _check_folder(store, folder)
        sets.append(below)
    if any((filters.event, filters.trip, filters.place, filters.near)):
        from vecclust.library.timeline.meant import photos_meant

        sets += photos_meant(store, filters, language=language)
    return Scope(
        within=frozenset.intersection(*sets) if sets else None,
        since=since,
        until=until,
    )


def photos_below(store: Store, folder: str) -> frozenset[str]:
    """Give the photos with a file below a folder.

    Args:
        store: the library's tables.
        folder: an absolute path.
    """
    inside = folder.rstrip(os.sep) + os.sep
    return frozenset(row.photo for row in store.files() if row.photo and row.absolute.startswith(inside))


def _check_folder(store: Store, folder: str) -> None:
    """Refuse a folder without photos that was never scanned, or is not there: an empty answer would be none."""
    inside = folder.rstrip(os.sep) + os.sep
    kept = [root.path.rstrip(os.sep) + os.sep for root in store.roots()]
    if not any(inside.startswith(root) or root.startswith(inside) for root in kept):
        raise NotFound(f"{folder} was never scanned", hint="vecclust folders lists the folders of this library.")
    if not os.path.isdir(folder):
        raise NotFound(f"there is no folder {folder}, and no photo is known in it", hint="Check the name.")


def _end(until: datetime) -> datetime:
    """Give the first moment that is too late: a bare date means its whole day."""
    return until + (timedelta(days=1) if until.time() == time.min else timedelta(seconds=1))


def members_of(store: Store, cluster: str) -> list[Label]:
    """List a cluster's photos, strongest first, or those that are in none, by photo.

    Args:
        store: the library's tables.
        cluster: its id, or `unclustered`.
    """
    return store.unclustered() if cluster == UNCLUSTERED else store.members(cluster)


def row_of(store: Store, path: str) -> FileRow | None:
    """Find a file's row by its absolute path, or by where its links lead.

    Args:
        store: the library's tables.
        path: absolute.
    """
    return store.file_at(path) or store.file_at(os.path.realpath(path))


def photo_at(store: Store, path: str, *, language: str = ENGLISH) -> PhotoFacts:
    """Read what is known of one photo.

    Args:
        store: the library's tables.
        path: a file of the library, absolute.
        language: of words.

    Raises:
        NotFound: the library does not know the file.
    """
    row = row_of(store, path)
    if row is None:
        raise not_a_photo(path)
    return photo_facts(store, row, language=language)


def not_a_photo(path: str) -> NotFound:
    """Say that a path names no photo of the library, and what it is instead.

    Args:
        path: absolute.
    """
    if os.path.isdir(path):
        return NotFound(f"{path} is a folder", hint="Name a photo in it.")
    if not os.path.lexists(path):
        return NotFound(f"{path} is not in the library, and no such file is there", hint="Check the name.")
    return NotFound(
        f"{path} is not in the library",
        hint="vecclust folders lists the folders that are kept, vecclust problems what cannot be read in them.",
    )


def photo_facts(store: Store, row: FileRow, *, language: str = ENGLISH) -> PhotoFacts:
    """Read what is known of the photo of one file.

    Args:
        store: the library's tables.
        row: a file whose photo has a row.
        language: of words.

    Raises:
        NotFound: the file has no photo in the library.
    """
    found = store.photos([row.photo]) if row.photo is not None else []
    model = store.model()
    if not found or model is None:
        reason = f": {row.reason}" if row.reason else ""
        raise NotFound(f"{row.absolute} could not be read yet{reason}", hint="See vecclust problems.")
    from vecclust.library.naming.naming import words_of_photo
    from vecclust.library.queries.kinds import kinds_of
    from vecclust.library.timeline.of_photo import place_in_time

    photo, label = found[0], store.label(found[0].photo)
    cluster = None if label is None else label.cluster
    name = called(store, language=language).get(cluster or "", NOT_CALLED)
    when = place_in_time(store, photo, language=language)
    files = store.files_of([photo.photo]).get(photo.photo, ())
    # At the path of one on a card that is away, the same camera may have put another photo.
    others = sorted(file.absolute for file in files if not file.missing_since_ns)
    return PhotoFacts(
        path=row.absolute,
        photo=photo.photo,
        cluster=cluster,
        cluster_name=name.name,
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
        damaged=row.reason if row.state == "damaged" else "",
        cluster_named_by=name.named_by,
        words=tuple(said(word, language=language) for word in words_of_photo(store, photo.photo)),
        kind=kinds_of(store, [photo], {photo.photo: files})[photo.photo],
        camera=photo.camera or None,
        **when,
    )
