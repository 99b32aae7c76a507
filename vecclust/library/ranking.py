"""Questions to hits: vectors of the library's own model only, best first, no dead files.

Order is by score, then path. A photo is never its own answer, nor is another file with the same content. A photo
whose files are not there now is left out, and the answer says how many were.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import NotFound
from vecclust.types.clusters import Label
from vecclust.types.files import FileRow
from vecclust.types.search import Filters, Hit


class SearchedStore(Protocol):
    """The reading side of the library that this room needs; `store.Store` is one."""

    def search(
        self,
        vector: NDArray[np.float32],
        *,
        limit: int,
        within: Collection[str] | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Sequence[tuple[str, float]]:
        """Give photos by cosine similarity."""

    def files_of(self, photos: Collection[str]) -> Mapping[str, Sequence[FileRow]]:
        """Give the rows of files that hold these photos."""

    def files(self) -> Iterable[FileRow]:
        """Give the rows of all files."""

    def members(self, cluster: str) -> Sequence[Label]:
        """Give the photos of a cluster of the current run."""


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


@dataclass(frozen=True, slots=True)
class Ranked:
    """The photos that answer, with a living path each, and how many better ones have no file that is there now."""

    hits: tuple[Hit, ...]
    n_without_file: int


def rank(
    store: SearchedStore,
    vector: NDArray[np.float32],
    *,
    limit: int,
    leave_out: str | None = None,
    scope: Scope = Scope(),
) -> Ranked:
    """Find the photos nearest to a vector.

    Args:
        store: the library.
        vector: (d,) float32 of norm 1, of the library's model.
        limit: hits wanted, at least 1.
        leave_out: a photo that is not to be its own answer.
        scope: which photos may answer.

    Returns:
        At most `limit` hits, by score, then path.
    """
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
    hits = tuple(Hit(photo, path, score) for photo, score, path in alive[:limit])
    worst = hits[-1].score if len(hits) == limit else -np.inf
    n_in_range = sum(1 for _, score in others if score >= worst)
    n_alive_in_range = sum(1 for _, score, _ in alive if score >= worst)
    return Ranked(hits, n_in_range - n_alive_in_range)


def living_path(files: Sequence[FileRow]) -> str | None:
    """Give the first path, in order, of a file that is known good and there now, or None."""
    paths = sorted(file.absolute for file in files if file.state == "ready" and not file.missing_since_ns)
    return next((path for path in paths if os.path.exists(path)), None)


def scope_of(store: SearchedStore, filters: Filters) -> Scope:
    """Turn filters into the photos they let through.

    Args:
        store: the library.
        filters: what the answer is limited to.

    Returns:
        The scope; times without a zone count as they stand, as the rows' own do.

    Raises:
        NotFound: the current run has no such cluster.
    """
    sets: list[frozenset[str]] = []
    if filters.cluster is not None:
        members = frozenset(label.photo for label in store.members(filters.cluster))
        if not members:
            raise NotFound(
                f"{filters.cluster} is not among the clusters of the current run",
                hint="vecclust clusters lists them.",
            )
        sets.append(members)
    if filters.folder is not None:
        sets.append(photos_below(store, os.path.abspath(filters.folder)))
    return Scope(
        within=frozenset.intersection(*sets) if sets else None,
        since_ns=None if filters.since is None else _as_ns(filters.since),
        until_ns=None if filters.until is None else _as_ns(_end(filters.until)),
    )


def photos_below(store: SearchedStore, folder: str) -> frozenset[str]:
    """Give the photos with a file below a folder."""
    inside = folder.rstrip(os.sep) + os.sep
    return frozenset(row.photo for row in store.files() if row.photo and row.absolute.startswith(inside))


def _end(until: datetime) -> datetime:
    """Give the first moment that is too late: a bare date means its whole day."""
    return until + (timedelta(days=1) if until.time() == time.min else timedelta(seconds=1))


def _as_ns(when: datetime) -> int:
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return round(aware.timestamp()) * 1_000_000_000
