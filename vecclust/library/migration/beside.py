"""Embed the photos of a library with another model, beside the vectors it has.

A photo is read from its file where that is there and holds it still, else taken from its thumbnail. Commits as a scan
does, so that what a kill costs is one batch.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.config import StoreConfig
from vecclust.errors import PhotoError
from vecclust.library.ingest.work import COMMITS_BETWEEN_UPKEEP, N_AHEAD, committing
from vecclust.photos import look_at
from vecclust.types.files import FileRow, SeenFile
from vecclust.types.photos import DecodedPhoto, Framing, PhotoRow
from vecclust.types.progress import Progress

if TYPE_CHECKING:
    from vecclust.embeddings import Embedder
    from vecclust.photos import DecodePool
    from vecclust.store import Store

log = logging.getLogger(__name__)

# Photos whose rows, files and thumbnails are asked for at a time: a query each, and some MB of thumbnails.
CHUNK = 512


@dataclass(slots=True)
class Embedded:
    """What came of embedding.

    Attributes:
        photos: photos whose rows are there now.
        from_thumbnails: those of them whose thumbnail was taken.
        failed: why a photo could not be embedded, by content hash.
    """

    photos: int = 0
    from_thumbnails: int = 0
    failed: dict[str, str] = field(default_factory=dict)


class Beside:
    """One pass over photos that have no vector of the other model.

    Args:
        store: the library.
        view: the library as it will be, with the other model's photos.
        embedder: gives the other model, at first need.
        pace: when to commit.
    """

    def __init__(self, store: Store, view: Store, *, embedder: Callable[[], Embedder], pace: StoreConfig) -> None:
        self._store = store
        self._view = view
        self._embedder = embedder
        self._pace = pace
        self._frames: list[tuple[PhotoRow, NDArray[np.uint8]]] = []
        self._rows: list[PhotoRow] = []
        self._committed_s = time.monotonic()
        self._n_commits = 0
        self.done = Embedded()

    def run(self, photos: Sequence[str], decoder: DecodePool, *, progress: Progress) -> Embedded:
        """Embed photos; interrupted, commit what is ready and go.

        Args:
            photos: content hashes of the library's photos.
            decoder: reads files ahead, as the other model wants them.
            progress: told how many are done.

        Returns:
            What came of it.
        """
        progress("embedding", 0, len(photos))
        n_taken = 0
        with committing(self._commit):
            for start in range(0, len(photos), CHUNK):
                for _ in self._take(photos[start : start + CHUNK], decoder):
                    n_taken += 1
                    progress("embedding", n_taken - len(self._frames), len(photos))
            self._embed()
        return self.done

    def _take(self, chunk: Sequence[str], decoder: DecodePool) -> Iterator[str]:
        """Bring some photos to their frames, and yield each."""
        rows = {row.photo: row for row in self._store.photos(chunk)}
        files = self._store.files_of(chunk)
        there = {photo: seen for photo in rows if (seen := file_there(files.get(photo, ()))) is not None}
        framing = self._embedder().framing
        outcomes = decoder.decode_ahead(((seen, frozenset()) for seen in there.values()), N_AHEAD)
        left = dict.fromkeys(rows.keys() - there.keys(), "its file is away, and it has no thumbnail that can be read")
        for photo, (_, outcome) in zip(there, outcomes, strict=True):
            if isinstance(outcome, DecodedPhoto) and outcome.photo == photo:
                self._add(rows[photo], outcome.frame)
                yield photo
            else:
                left[photo] = outcome.message if isinstance(outcome, PhotoError) else "its file holds another picture"
        for photo, frame in self._thumbnail_frames(left, framing):
            if frame is None:
                self.done.failed[photo] = left[photo]
            else:
                self.done.from_thumbnails += 1
                self._add(rows[photo], frame)
            yield photo

    def _thumbnail_frames(
        self, photos: Mapping[str, str], framing: Framing
    ) -> Iterator[tuple[str, NDArray[np.uint8] | None]]:
        if not photos:
            return
        from vecclust.photos.thumbnails import frame_of

        thumbnails = self._store.thumbnails(photos)
        for photo in sorted(photos):
            yield photo, frame_of(thumbnails[photo], framing) if photo in thumbnails else None

    def _add(self, row: PhotoRow, frame: NDArray[np.uint8]) -> None:
        self._frames.append((row, frame))
        if len(self._frames) >= self._embedder().batch_size:
            self._embed()
        waited_s = time.monotonic() - self._committed_s
        if len(self._rows) >= self._pace.commit_photos or (self._rows and waited_s >= self._pace.commit_s):
            self._commit()

    def _embed(self) -> None:
        waiting, self._frames = self._frames, []
        if not waiting:
            return
        vectors = self._embedder().embed_each(np.stack([frame for _, frame in waiting]))
        for (row, _), vector in zip(waiting, vectors, strict=True):
            if isinstance(vector, PhotoError):
                self.done.failed[row.photo] = vector.message
            else:
                self._rows.append(dataclasses.replace(row, vector=vector))

    def _commit(self) -> None:
        if self._rows:
            self.done.photos += self._view.add_photos(self._rows, model_id=self._embedder().model_id)
            self._rows = []
            self._n_commits += 1
            if self._n_commits % COMMITS_BETWEEN_UPKEEP == 0:
                self._view.tidy_photos()
        self._committed_s = time.monotonic()


def file_there(files: Sequence[FileRow]) -> SeenFile | None:
    """Find a file of a photo that is there now and as long as it was; None where there is none.

    Whether it holds the photo still is seen when it is read, for its content is hashed then.

    Args:
        files: the files that hold the photo.
    """
    for row in files:
        if not row.has_photo:
            continue
        try:
            seen = look_at(row.absolute)
        except OSError:
            continue
        if seen.size_bytes == row.size_bytes:
            return seen
    return None
