"""Questions about one library: photos like this one, photos that match words, what is known of a photo."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust import photos
from vecclust.config import Config
from vecclust.errors import NotFound, PhotoError, UsageError
from vecclust.library import catalogue
from vecclust.library import ranking as query
from vecclust.library.ingest.plan import is_same
from vecclust.library.opening import decode_limits
from vecclust.types.files import FileRow
from vecclust.types.photos import PhotoFacts
from vecclust.types.search import Answer, Filters

if TYPE_CHECKING:
    from vecclust.library.model import Binding
    from vecclust.store import Store


class Asking:
    """Answers from one library.

    Args:
        store: its tables.
        config: the settings.
        binding: its model; loaded only for what the library does not know.
    """

    def __init__(self, store: Store, *, config: Config, binding: Binding) -> None:
        self._store = store
        self._limits = decode_limits(config)
        self._binding = binding

    def similar(self, photo: str, *, limit: int, filters: Filters) -> Answer:
        """Find photos like a file; see `Library.similar`."""
        path = os.path.abspath(photo)
        key, vector = self._vector_of(path)
        return catalogue.steadily(
            self._store, lambda: self._answer(path, vector, limit=limit, leave_out=key, filters=filters)
        )

    def alike(self, photo: str, *, limit: int) -> Answer:
        """Find photos like one of the library; see `Library.alike`."""
        return self._answer(photo, self._store.vector(photo), limit=limit, leave_out=photo, filters=Filters())

    def search(self, text: str, *, limit: int, filters: Filters) -> Answer:
        """Find photos that match words; see `Library.search`."""
        if not text.strip():
            raise UsageError("nothing to search for", hint="Say what the pictures show: vecclust search waterfalls.")
        self._binding.known()
        vector = self._binding.embedder().embed_texts([text])[0]
        return catalogue.steadily(
            self._store, lambda: self._answer(text, vector, limit=limit, leave_out=None, filters=filters)
        )

    def photo(self, path: str) -> PhotoFacts:
        """Read what is known of one photo; see `Library.photo`."""
        absolute = os.path.abspath(path)
        row = self.row_of(absolute)
        if row is None:
            raise NotFound(f"{absolute} is not in the library", hint="Is it below a scanned folder? vecclust status.")
        return catalogue.show_photo(self._store, row)

    def row_of(self, path: str) -> FileRow | None:
        """Find a file's row by its absolute path, or by where its links lead."""
        return self._store.file_at(path) or self._store.file_at(os.path.realpath(path))

    def _answer(
        self, asked: str, vector: NDArray[np.float32], *, limit: int, leave_out: str | None, filters: Filters
    ) -> Answer:
        scope = catalogue.scope_of(self._store, filters)
        ranked = query.rank(self._store, vector, limit=limit, leave_out=leave_out, scope=scope)
        notices: tuple[str, ...] = ()
        if ranked.n_without_file:
            notices = (
                f"{ranked.n_without_file} photos left out: their files are not there now (vecclust status says more)",
            )
        hits = catalogue.with_clusters(self._store, ranked.hits)
        return Answer(asked, self._binding.known().model_id, hits, notices)

    def _vector_of(self, path: str) -> tuple[str, NDArray[np.float32]]:
        """Give a file's content hash and vector: the stored one while its content is known, a fresh one otherwise."""
        self._binding.known()
        row = self.row_of(path)
        try:
            seen = photos.look_at(path)
        except OSError as error:
            raise NotFound(f"cannot look at {path}: {error.strerror}", hint="Name an image file.") from error
        if row is not None and row.photo is not None and row.state == "ready" and is_same(seen, row):
            return row.photo, self._store.vector(row.photo)
        content = photos.read_content(seen, file_bytes=self._limits.file_bytes)
        if content.photo in self._store.known_by_size().get(seen.size_bytes, ()):
            return content.photo, self._store.vector(content.photo)
        decoded = photos.read_photo(path, self._binding.bound().framing, limits=self._limits)
        vector = self._binding.embedder().embed_each(decoded.frame[np.newaxis])[0]
        if isinstance(vector, PhotoError):
            raise vector
        return decoded.photo, vector
