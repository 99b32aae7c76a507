"""Photos, their vectors and their thumbnails.

A photo is named by its content and has one row, whatever the number of files that hold it. Its vector comes
from the library's one model. Thumbnails lie in a table of their own, so that nothing that moves vectors moves
pictures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import ModelMismatch, NotFound, StoreDamaged, StoreError
from vecclust.store.filters import equals, one_of
from vecclust.store.rows import NORM_TOLERANCE, PHOTO_COLUMNS, photo_table, read_photos, thumbnail_table, vectors_of
from vecclust.store.schema import PHOTOS, THUMBNAILS, labels_table, photos_schema
from vecclust.store.shelf import Shelf, in_parts
from vecclust.types.photos import PhotoRow
from vecclust.types.status import LibraryModel

_KEY_BYTES = 64
# Asking about more lengths than this costs more than reading all of them.
_FEW_SIZES = 1000


class PhotoShelf(Shelf):
    """The part of a store that knows photos."""

    def model(self) -> LibraryModel | None:
        """Tell the model of the library's vectors, None while it is bound to none."""
        return self._meta.model()

    def bind_model(self, model: LibraryModel) -> LibraryModel:
        """Bind the library to a model, or make sure that it is bound to this one.

        Args:
            model: the model.

        Returns:
            The model as the library knows it.

        Raises:
            ModelMismatch: the library's vectors come from another model.
        """
        if model.dim < 1:
            raise ValueError(f"a vector has at least one number, not {model.dim}")
        with self._writing:
            bound = self._meta.model()
            if bound is None:
                # A binding that was killed may have left an empty table, perhaps of another width.
                if self._tables.count(PHOTOS):
                    raise StoreDamaged(f"the library in {self.folder} has photos and no model")
                self._tables.create(PHOTOS, photos_schema(model.dim).empty_table())
                bound = model
                self._meta.commit_model(bound)
        if (bound.model_id, bound.dim) != (model.model_id, model.dim):
            raise ModelMismatch(
                f"the library's vectors come from {bound.name}, not from {model.name}",
                library_model=bound.name,
                asked_model=model.name,
                hint="Vectors of two models cannot be compared: scan the folders into a new library with"
                " --library, or ask without --model",
            )
        return bound

    def add_photos(self, rows: Sequence[PhotoRow], *, model_id: str | None = None) -> int:
        """Add photos; those that are there already are left alone.

        Args:
            rows: photos, each with its vector, none twice.
            model_id: the model they come from, where the caller wants that checked.

        Returns:
            How many were new.

        Raises:
            ValueError: a key twice or malformed, or a vector of another width, not finite or not of norm 1.
            ModelMismatch: the library's vectors come from another model.
            StoreError: no model is bound yet.
        """
        with self._writing:
            model = self._require_model()
            if model_id is not None and model_id != model.model_id:
                raise ModelMismatch(
                    f"the library's vectors come from {model.model_id}, these from {model_id}",
                    library_model=model.model_id,
                    asked_model=model_id,
                )
            if not rows:
                return 0
            photos = photo_table(rows, dim=model.dim, model_id=model.model_id)
            # Pictures first: a photo whose row is there has its thumbnail, killed in between or not.
            if (thumbnails := thumbnail_table(rows)).num_rows:
                self._tables.insert_missing(THUMBNAILS, thumbnails)
            return self._tables.insert_missing(PHOTOS, photos)

    def remove_photos(self, photos: Collection[str]) -> int:
        """Remove photos with their labels in the current run and their thumbnails; files are not touched.

        Returns:
            How many there were.
        """
        removed = 0
        with self._writing:
            run = self._meta.state().current_run
            # Labels first and thumbnails last: what a kill leaves behind is a photo to label or a picture to
            # sweep.
            for part in in_parts(photos):
                if run is not None:
                    self._tables.delete(labels_table(run), one_of("photo", part))
                removed += self._tables.delete(PHOTOS, one_of("photo", part))
                self._tables.delete(THUMBNAILS, one_of("photo", part))
        return removed

    def photo_keys(self) -> frozenset[str]:
        """Name all photos."""
        return self._tables.keys(PHOTOS, "photo")

    def photos(self, keys: Collection[str] | None = None, *, with_vectors: bool = False) -> list[PhotoRow]:
        """Read photos, without thumbnails.

        Args:
            keys: which ones, None for all; unknown ones are left out.
            with_vectors: whether to read vectors too; otherwise each row's vector is empty.

        Returns:
            The rows, in the order asked for, or by photo.
        """
        columns = [*PHOTO_COLUMNS, "vector"] if with_vectors else list(PHOTO_COLUMNS)
        if keys is None:
            return sorted(read_photos(self._tables.read(PHOTOS, columns)), key=lambda row: row.photo)
        found = {
            row.photo: row
            for part in in_parts(keys)
            for row in read_photos(self._tables.read(PHOTOS, columns, where=one_of("photo", part)))
        }
        return [found[key] for key in keys if key in found]

    def vector(self, photo: str) -> NDArray[np.float32]:
        """Read one photo's vector.

        Raises:
            NotFound: no such photo.
        """
        for batch in self._tables.read(PHOTOS, ["vector"], where=equals("photo", photo)):
            if batch.num_rows:
                vector: NDArray[np.float32] = vectors_of(batch)[0].copy()
                return vector
        raise NotFound(f"no photo {photo} in the library", hint="`vecclust scan` brings the library up to date")

    def vectors(self, keys: Collection[str] | None = None) -> tuple[list[str], NDArray[np.float32]]:
        """Read vectors, ordered by photo.

        Args:
            keys: which photos, None for all; unknown ones are left out.

        Returns:
            Photos in ascending order and their vectors (n, d) float32, all of one version of the table. Peak
            memory is that array and little more.
        """
        model = self._meta.model()
        if model is None or not self._tables.has(PHOTOS):
            return [], np.empty((0, 0), np.float32)
        if keys is not None:
            rows = sorted(self.photos(set(keys), with_vectors=True), key=lambda row: row.photo)
            chosen = np.array([row.vector for row in rows], np.float32).reshape(-1, model.dim)
            return [row.photo for row in rows], chosen
        with self._tables.pinned(PHOTOS) as table:
            ordered = np.sort(_all_keys(table))
            vectors = np.full((len(ordered), model.dim), np.nan, np.float32)
            for batch in table.search().select(["photo", "vector"]).to_batches():
                vectors[np.searchsorted(ordered, _keys(batch))] = vectors_of(batch)
        photos = ordered.astype(str).tolist()
        self._refuse_damaged(photos, vectors)
        return photos, vectors

    def thumbnail(self, photo: str) -> bytes | None:
        """Read one photo's small JPEG, or None where there is none."""
        return self.thumbnails([photo]).get(photo)

    def thumbnails(self, photos: Collection[str]) -> dict[str, bytes]:
        """Read the small JPEGs of photos, leaving out those that have none."""
        return {
            photo: jpeg
            for part in in_parts(photos)
            for batch in self._tables.read(THUMBNAILS, ["photo", "jpeg"], where=one_of("photo", part))
            for photo, jpeg in zip(*(column.to_pylist() for column in batch.columns), strict=True)
        }

    def known_by_size(self, sizes: Collection[int] | None = None) -> Mapping[int, frozenset[str]]:
        """Group photos by the length of their file in bytes, to recognise moved files cheaply.

        Args:
            sizes: the lengths asked about, None for all; photos of other lengths may be given too.
        """
        few = sizes is not None and len(sizes) <= _FEW_SIZES
        where = one_of("size_bytes", sizes) if few and sizes is not None else None
        grouped: dict[int, set[str]] = defaultdict(set)
        for batch in self._tables.read(PHOTOS, ["photo", "size_bytes"], where=where):
            for photo, size in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                grouped[size].add(photo)
        return {size: frozenset(photos) for size, photos in grouped.items()}

    def _refuse_damaged(self, photos: list[str], vectors: NDArray[np.float32]) -> None:
        """Data files carry no checksums; a vector that is not of norm 1 is the sign of a flipped bit."""
        norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        wrong = np.flatnonzero(~(np.abs(norms - 1) <= NORM_TOLERANCE))
        if len(wrong):
            raise StoreDamaged(
                f"{len(wrong)} vectors in {self.folder} are damaged, that of {photos[wrong[0]]} first",
                hint="Restore a backup or scan into a new library",
            )

    def _require_model(self) -> LibraryModel:
        model = self._meta.model()
        if model is None:
            raise StoreError("the library is bound to no model yet", hint="Bind one first")
        return model


def _keys(batch: Any) -> NDArray[np.bytes_]:
    """A batch's keys as 64 bytes each: a quarter of numpy's own text."""
    return np.array(batch.column("photo").to_pylist(), dtype=f"S{_KEY_BYTES}")


def _all_keys(table: Any) -> NDArray[np.bytes_]:
    parts = [_keys(batch) for batch in table.search().select(["photo"]).to_batches()]
    return np.concatenate(parts) if parts else np.empty(0, f"S{_KEY_BYTES}")
