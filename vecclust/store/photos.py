"""Photos: their rows, vectors and thumbnails, and which are most like a vector.

A photo is named by its content and has one row, whatever the number of files that hold it. Its vector comes from the
library's one model. What must never lie in a table is refused here, as a programmer's mistake: a vector that is not
finite, not of norm 1 or not of the library's width, and a key given twice in one batch.

Search: below the size at which an index pays, and whenever a filter is set, every vector is compared: the answer is
exact. Above it, an IVF_SQ index finds ten times as many candidates as asked for and compares their true vectors. Scores
are cosine similarities to six decimals, which is what float32 can tell; equal ones are ordered by photo.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import ModelMismatch, NotFound, StoreDamaged, StoreError
from vecclust.store.layout import labels_table, storable_text
from vecclust.store.schema import (
    CAMERAS_SINCE,
    MODEL,
    PHOTOS,
    SCHEMA,
    THUMBNAILS,
    StorePart,
    arrow_table,
    refuse_repeated,
    table_schema,
)
from vecclust.store.tables import INT64, Where, condition, rows_of
from vecclust.store.takings import COLUMNS as TAKING_COLUMNS
from vecclust.store.takings import takings_of
from vecclust.types.photos import PhotoRow, Place, Taken
from vecclust.types.status import LibraryModel
from vecclust.types.timeline import Takings

# float32 vectors normalised in half precision stray from norm 1 by up to some 4e-4.
NORM_TOLERANCE = 1e-3
_HASH = re.compile(r"[0-9a-f]{64}")
_COLUMNS = (
    "photo", "width_px", "height_px", "size_bytes", "taken", "taken_source", "latitude", "longitude", "added_ns",
    "camera",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Asking about more lengths than this costs more than reading all of them.
_FEW_SIZES = 1000

# Recall at 20 over 200,000 x 512 vectors: 0.975 without refining, 1.000 with this factor, at 7 to 12 ms.
_REFINE = 10
# Rows fetched beyond the limit, so that a burst of equal scores at its end can be put in order.
_SPARE = 32
# A filter of 10,000 ids takes 0.1 s to plan; a larger set is applied to the ordered answer instead.
_IDS_IN_FILTER = 10_000
_DECIMALS = 6


def _instant_ns(when: datetime) -> int:
    """Give the instant of a time taken. Photos are ordered and filtered by the clock on the wall instead.

    Args:
        when: aware or naive; a naive time, whose zone nobody knows, counts as UTC here and only here.

    Returns:
        Nanoseconds since the epoch, held within an int64: before 1677 and after 2262 all times are alike.
    """
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    nanoseconds = (aware - _EPOCH) // timedelta(microseconds=1) * 1000
    return max(INT64.start + 1, min(INT64.stop - 1, nanoseconds))


def check_vectors(vectors: NDArray[np.float32], *, dim: int) -> NDArray[np.float32]:
    """Hand back the vectors as float32, or raise where one is not of this library.

    Args:
        vectors: (n, dim) of norm 1.
        dim: the library's width.

    Raises:
        ValueError: wrong width, not finite, or not of norm 1.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise ValueError(f"vectors of this library have {dim} numbers, not {vectors.shape[1:]}")
    checked = np.ascontiguousarray(vectors, dtype=np.float32)
    if not np.isfinite(checked).all():
        raise ValueError("a vector holds a number that is not finite")
    norms = np.linalg.norm(checked, axis=1)
    if checked.size and np.abs(norms - 1).max() > NORM_TOLERANCE:
        raise ValueError(f"a vector has norm {norms[np.abs(norms - 1).argmax()]:.4f}, not 1")
    return checked


def photo_table(rows: Sequence[PhotoRow], *, dim: int, model_id: str) -> Any:
    """Lay out photos as rows of `photos`.

    Args:
        rows: the photos.
        dim: the library's width.
        model_id: the model their vectors come from.

    Raises:
        ValueError: a key that is no content hash or stands twice, or a vector that is not of this library.
    """
    keys = [row.photo for row in rows]
    for key in keys:
        if not _HASH.fullmatch(key):
            raise ValueError(f"a photo is named by 64 hexadecimal digits, not {key!r}")
    refuse_repeated(keys, what="photo")
    for row in rows:
        if np.shape(row.vector) != (dim,):
            raise ValueError(f"vectors of this library have {dim} numbers, photo {row.photo} {np.shape(row.vector)}")
    check_vectors(np.array([row.vector for row in rows], dtype=np.float32).reshape(-1, dim), dim=dim)
    return arrow_table(
        PHOTOS,
        rows,
        dim=dim,
        vector=lambda row: np.asarray(row.vector, np.float32),
        model=lambda _: model_id,
        taken=lambda row: row.taken and row.taken.when.isoformat(),
        taken_source=lambda row: row.taken and row.taken.source,
        taken_ns=lambda row: row.taken and _instant_ns(row.taken.when),
        latitude=lambda row: row.place and row.place.latitude,
        longitude=lambda row: row.place and row.place.longitude,
        camera=lambda row: storable_text(row.camera) or None,
    )


def thumbnail_table(rows: Sequence[PhotoRow]) -> Any:
    """Lay out the thumbnails of photos, those that have one.

    Args:
        rows: the photos.
    """
    return arrow_table(THUMBNAILS, [row for row in rows if row.thumbnail], jpeg=attrgetter("thumbnail"))


def read_photos(batches: Iterable[Any]) -> list[PhotoRow]:
    """Read rows of `photos`, with their vectors where that column was asked for.

    Args:
        batches: arrow record batches.
    """
    found = []
    for batch in batches:
        vectors = vectors_of(batch) if "vector" in batch.schema.names else np.empty((batch.num_rows, 0), np.float32)
        there = [name for name in _COLUMNS if name in batch.schema.names]
        rows = rows_of([batch], there)
        for vector, row in zip(vectors, rows, strict=True):
            photo, width_px, height_px, size_bytes, taken, source, latitude, longitude, added_ns, *known = row
            time = None if taken is None else Taken(datetime.fromisoformat(taken), source)
            place = None if latitude is None else Place(latitude, longitude)
            sizes = width_px, height_px, size_bytes
            found.append(PhotoRow(photo, vector.copy(), *sizes, time, place, added_ns, camera=(known or [""])[0] or ""))
    return found


def vectors_of(batch: Any) -> NDArray[np.float32]:
    """View a batch's vectors as (n, d) float32 without a copy.

    Args:
        batch: an arrow record batch with the column `vector`.
    """
    column = batch.column("vector")
    flat: NDArray[np.float32] = column.flatten().to_numpy(zero_copy_only=True)
    return flat.reshape(batch.num_rows, column.type.list_size)


class PhotoTables(StorePart):
    """The part of a store that knows photos."""

    def bind_model(self, model: LibraryModel) -> LibraryModel:
        """Bind the library to a model, or make sure that it is bound to this one.

        Args:
            model: the model.

        Returns:
            The model as the library knows it.

        Raises:
            ModelMismatch: the library's vectors come from another model.
            ValueError: vectors of no width.
        """
        if model.dim < 1:
            raise ValueError(f"a vector has at least one number, not {model.dim}")
        with self._writing():
            bound = self.model()
            if bound is None:
                # A binding that was killed may have left an empty table, perhaps of another width.
                if self._tables.count(self._photos):
                    raise StoreDamaged(f"the library in {self.folder} has photos and no model")
                self._tables.create(self._photos, table_schema(PHOTOS, dim=model.dim).empty_table())
                bound = model
                self._meta.commit({MODEL: asdict(bound)})
        if (bound.model_id, bound.dim) != (model.model_id, model.dim):
            raise ModelMismatch(
                f"the library's vectors come from {bound.name}, not from {model.name}",
                library_model=bound.name,
                asked_model=model.name,
                hint="Vectors of two models cannot be compared: leave --model out, or give the library the other"
                f" model: vecclust migrate {model.name}",
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
        with self._writing():
            model = self.model()
            if model is None:
                raise StoreError("the library is bound to no model yet", hint="Bind one first")
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
            return self._tables.insert_missing(self._photos, photos)

    def remove_photos(self, photos: Collection[str]) -> int:
        """Remove photos with their labels in the current run and their thumbnails; files are not touched.

        Args:
            photos: which ones; unknown ones are left out.

        Returns:
            How many there were.
        """
        with self._writing():
            run = self.state().current_run
            # Labels first and thumbnails last: what a kill leaves behind is a photo to label or a picture to
            # sweep.
            if run is not None:
                self._tables.delete(labels_table(run), {"photo": photos})
            removed = self._tables.delete(self._photos, {"photo": photos})
            self._tables.delete(THUMBNAILS, {"photo": photos})
        return removed

    def photo_keys(self) -> frozenset[str]:
        """Name all photos."""
        return self._tables.keys(self._photos, "photo")

    def photos(self, keys: Collection[str] | None = None, *, with_vectors: bool = False) -> list[PhotoRow]:
        """Read photos, without thumbnails.

        Args:
            keys: which ones, None for all; unknown ones are left out.
            with_vectors: whether to read vectors too; otherwise each row's vector is empty.

        Returns:
            The rows, in the order asked for, or by photo.
        """
        columns = self._photo_columns([*_COLUMNS, "vector"] if with_vectors else _COLUMNS)
        where = None if keys is None else {"photo": keys}
        found = {row.photo: row for row in read_photos(self._tables.read(self._photos, columns, where=where))}
        return [found[key] for key in (sorted(found) if keys is None else keys) if key in found]

    def photos_stamp(self) -> str:
        """Name the state that the photos are in: another one means that one may have come, gone or changed."""
        version = self._tables.version(self._photos)
        return f"{self._photos}-{version.number}-{version.written_ns}"

    def takings(self) -> Takings:
        """Read when, where and with what all photos were taken; the same object while the photos are the same."""
        table = self._photos
        return self._tables.reading(
            table, "takings", lambda: takings_of(self._tables.read_whole(table, self._photo_columns(TAKING_COLUMNS)))
        )

    def _photo_columns(self, wanted: Sequence[str]) -> list[str]:
        """Give those of some columns that there are: what is only read may be of a schema without cameras."""
        has_cameras = self._meta.entries()[SCHEMA]["version"] >= CAMERAS_SINCE
        return [name for name in wanted if has_cameras or name != "camera"]

    def vector(self, photo: str) -> NDArray[np.float32]:
        """Read one photo's vector.

        Args:
            photo: which one.

        Returns:
            (d,) float32 of norm 1.

        Raises:
            NotFound: no such photo.
        """
        for row in self.photos([photo], with_vectors=True):
            return row.vector
        raise NotFound(f"no photo {photo} in the library", hint="`vecclust scan` brings the library up to date")

    def vectors(self, keys: Collection[str] | None = None) -> tuple[list[str], NDArray[np.float32]]:
        """Read vectors, ordered by photo.

        Args:
            keys: which photos, None for all; unknown ones are left out.

        Returns:
            Photos in ascending order and their vectors (n, d) float32, all of one version of the table. Peak
            memory is that array and little more.
        """
        # Of one model throughout: another may become the library's meanwhile.
        with self.snapshot():
            model = self.model()
            if model is None or not self._tables.has(self._photos):
                return [], np.empty((0, 0), np.float32)
            if keys is not None:
                rows = sorted(self.photos(set(keys), with_vectors=True), key=lambda row: row.photo)
                chosen = np.array([row.vector for row in rows], np.float32).reshape(-1, model.dim)
                return [row.photo for row in rows], chosen
            keys_of = [_keys(batch) for batch in self._tables.read(self._photos, ["photo"])]
            ordered = np.sort(np.concatenate([_keys(), *keys_of]))
            vectors = np.full((len(ordered), model.dim), np.nan, np.float32)
            for batch in self._tables.read(self._photos, ["photo", "vector"]):
                vectors[np.searchsorted(ordered, _keys(batch))] = vectors_of(batch)
        photos = ordered.astype(str).tolist()
        self._refuse_damaged(photos, vectors)
        return photos, vectors

    def sample_vectors(self, n_wanted: int) -> NDArray[np.float32]:
        """Read some photos' vectors, drawn as if at random: those of the lowest content hashes.

        Args:
            n_wanted: about how many, at least 1; fewer where there are fewer.

        Returns:
            (n, d) float32; the same ones while the photos are the same.
        """

        def read() -> NDArray[np.float32]:
            share = n_wanted / max(1, self._tables.count(self._photos))
            where = None if share >= 1 else {"photo": slice(None, f"{int(share * 16**8):08x}")}
            parts = [vectors_of(batch) for batch in self._tables.read(self._photos, ["vector"], where=where)]
            return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

        return self._tables.reading(self._photos, f"sample of {n_wanted}", read)

    def count_photos(
        self,
        *,
        within: Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Count the photos that `search` would look among.

        Args:
            within: only these photos.
            since: only photos taken then or later by their own clock, without a zone; none that has no time.
            until: only photos taken before then, likewise.
        """
        if since is None and until is None:
            return self._tables.count(self._photos) if within is None else len(within)
        photos = {photo for (photo,) in self._tables.rows(self._photos, ["photo"], where=_taken(since, until))}
        return len(photos if within is None else photos & frozenset(within))

    def thumbnail(self, photo: str) -> bytes | None:
        """Read one photo's small JPEG, or None where there is none.

        Args:
            photo: which one.
        """
        return self.thumbnails([photo]).get(photo)

    def thumbnails(self, photos: Collection[str]) -> dict[str, bytes]:
        """Read the small JPEGs of photos, leaving out those that have none.

        Args:
            photos: which ones.

        Returns:
            JPEG by photo.
        """
        return dict(self._tables.rows(THUMBNAILS, ["photo", "jpeg"], where={"photo": photos}))

    def thumbnail_keys(self) -> frozenset[str]:
        """Name the photos that have a small JPEG."""
        return self._tables.keys(THUMBNAILS, "photo")

    def known_by_size(self, sizes: Collection[int] | None = None) -> Mapping[int, frozenset[str]]:
        """Group photos by the length of their file in bytes, to recognise moved files cheaply.

        Args:
            sizes: the lengths asked about, None for all; photos of other lengths may be given too.
        """
        where = {"size_bytes": sizes} if sizes is not None and len(sizes) <= _FEW_SIZES else None
        grouped: dict[int, set[str]] = defaultdict(set)
        for photo, size in self._tables.rows(self._photos, ["photo", "size_bytes"], where=where):
            grouped[size].add(photo)
        return {size: frozenset(photos) for size, photos in grouped.items()}

    def search(
        self,
        vector: NDArray[np.float32],
        *,
        limit: int,
        within: Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[tuple[str, float]]:
        """Find the photos most like a vector.

        Args:
            vector: (d,) of norm 1, from the library's model.
            limit: how many at most.
            within: only these photos.
            since: only photos taken then or later by their own clock, without a zone; none that has no time.
            until: only photos taken before then, likewise.

        Returns:
            Photo and cosine similarity in [-1, 1], best first, equal ones by photo.

        Raises:
            ValueError: a limit below 1, or a vector that is not of this library.
        """
        if limit < 1:
            raise ValueError(f"a search asks for at least one photo, not {limit}")
        with self.snapshot():
            return self._search(vector, limit=limit, within=within, since=since, until=until)

    def _search(
        self,
        vector: NDArray[np.float32],
        *,
        limit: int,
        within: Collection[str] | None,
        since: datetime | None,
        until: datetime | None,
    ) -> list[tuple[str, float]]:
        model = self.model()
        n_photos = self._tables.count(self._photos)
        if model is None or not n_photos or (within is not None and not within):
            return []
        query = check_vectors(np.asarray(vector)[np.newaxis], dim=model.dim)[0]
        where: dict[str, Collection[str] | slice] = {}
        if since is not None or until is not None:
            where |= _taken(since, until)
        wanted = None
        if within is not None:
            if len(within) <= _IDS_IN_FILTER:
                where["photo"] = within
            else:
                wanted = frozenset(within)
        return self._best(query, limit=limit, n_photos=n_photos, where=where, wanted=wanted)

    def _refuse_damaged(self, photos: list[str], vectors: NDArray[np.float32]) -> None:
        """Data files carry no checksums; a vector that is not of norm 1 is the sign of a flipped bit."""
        norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        wrong = np.flatnonzero(~(np.abs(norms - 1) <= NORM_TOLERANCE))
        if len(wrong):
            raise StoreDamaged(
                f"{len(wrong)} vectors in {self.folder} are damaged, that of {photos[wrong[0]]} first",
                hint="`vecclust doctor --repair` takes them out and has them embedded again",
            )

    def _best(
        self, query: NDArray[np.float32], *, limit: int, n_photos: int, where: Where, wanted: frozenset[str] | None
    ) -> list[tuple[str, float]]:
        """Fetch more and more until the last place of the answer is beyond doubt."""
        n_fetch = limit + _SPARE
        if wanted is not None:
            n_fetch = n_fetch * 2 * max(1, n_photos // len(wanted))
        exact = bool(where) or wanted is not None or n_photos < self._settings.index_from_photos
        while True:
            found = self._nearest(query, n_fetch=n_fetch, where=where, exact=exact)
            exhausted = len(found) < n_fetch
            if exhausted and not exact and len(found) < limit:
                # An index looks into the nearest parts only; who asks for more than they hold gets the exact answer.
                exact = True
                continue
            lowest = found[-1][1] if found else 0.0
            hits = [hit for hit in found if wanted is None or hit[0] in wanted]
            hits.sort(key=lambda hit: (-hit[1], hit[0]))
            if exhausted or (len(hits) >= limit and hits[limit - 1][1] > lowest):
                return hits[:limit]
            n_fetch *= 4

    def _nearest(
        self, query: NDArray[np.float32], *, n_fetch: int, where: Where, exact: bool
    ) -> list[tuple[str, float]]:
        def ask(table: Any) -> Any:
            # An index answers only to its own metric, so the metric is always named.
            asked = table.search(query).distance_type("cosine").limit(n_fetch).select(["photo", "_distance"])
            asked = asked.bypass_vector_index() if exact else asked.refine_factor(_REFINE)
            return (asked.where(condition(where), prefilter=True) if where else asked).to_arrow()

        answer = self._tables.query(self._photos, ask)
        distances = answer.column("_distance").to_numpy().astype(np.float64)
        scores = np.clip(np.round(1.0 - distances, _DECIMALS), -1.0, 1.0).tolist()
        return list(zip(answer.column("photo").to_pylist(), scores, strict=True))


def _taken(since: datetime | None, until: datetime | None) -> dict[str, slice]:
    """Choose photos by their time: it stands there as text, year first and zone last, in the order of wall clocks."""
    return {"taken": slice(since and since.isoformat(), until and until.isoformat())}


def _keys(batch: Any = None) -> NDArray[np.bytes_]:
    """Give a batch's keys as 64 bytes each, a quarter of numpy's own text; none without a batch."""
    return np.array([] if batch is None else batch.column("photo").to_pylist(), dtype="S64")
