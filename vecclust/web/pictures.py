"""Pictures for the browser, by content hash and never by path: thumbnails, originals, and originals made readable.

A page's thumbnails are read in one go when the page is made and kept for the requests that follow: one by one each
would cost a look through all keys. What a browser cannot show is decoded and drawn again in a process of its own.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from vecclust.errors import NotFound, PhotoError, Unreadable
from vecclust.library.pages.live import LiveReader
from vecclust.photos import DecodeLimits, DecodePool, KnownPhoto, Original, look_at, open_original
from vecclust.types.photos import Framing

# Some 6,000 thumbnails: the pages of several windows.
KEPT_BYTES = 64 << 20
# What the browsers of 2026 draw by themselves.
SHOWN_AS: Mapping[str, str] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WebP": "image/webp",
    "AVIF": "image/avif",
    "BMP": "image/bmp",
}
# Longer side of what is drawn again: a large screen's.
DRAWN_PX = 2048
_PART_BYTES = 1 << 18
# The drawing process is asked for its thumbnail only; what a model would see of the picture is thrown away.
_NO_MODEL = Framing(8, 8)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture on its way to the browser.

    Attributes:
        kind: its media type.
        size_bytes: its length.
        parts: its bytes; taken once.
    """

    kind: str
    size_bytes: int
    parts: Iterator[bytes]


class Pictures:
    """Pictures of one library.

    Args:
        live: the library.
        limits: what reading one picture may cost.
    """

    def __init__(self, live: LiveReader, *, limits: DecodeLimits) -> None:
        self._live = live
        self._limits = dataclasses.replace(limits, thumbnail_px=DRAWN_PX)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._pool: DecodePool | None = None
        self._closed = False

    def close(self) -> None:
        """End the decoding process."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def thumbnails(self, photos: Collection[str]) -> dict[str, bytes]:
        """Read thumbnails, and keep them for a while.

        Args:
            photos: content hashes.

        Returns:
            Small JPEGs by content hash; photos that have none are left out.
        """
        with self._lock:
            found = {photo: self._kept[photo] for photo in photos if photo in self._kept}
            for photo in found:
                self._kept.move_to_end(photo)
        missing = [photo for photo in photos if photo not in found]
        if missing:
            fresh = self._live.thumbnails(missing)
            found |= fresh
            self._keep(fresh)
        return found

    def _keep(self, fresh: Mapping[str, bytes]) -> None:
        with self._lock:
            for photo, jpeg in fresh.items():
                if photo not in self._kept:
                    self._kept[photo] = jpeg
                    self._kept_bytes += len(jpeg)
            while self._kept_bytes > KEPT_BYTES:
                self._kept_bytes -= len(self._kept.popitem(last=False)[1])

    def original(self, photo: str) -> Picture:
        """Open a photo's original, or draw it again where a browser cannot show its kind.

        Args:
            photo: its content hash.

        Returns:
            The picture; the thumbnail where no file holds the photo now.

        Raises:
            NotFound: the library has no such photo, or nothing of it to show.
        """
        for row in self._live.files(photo):
            opened = open_original(row, file_bytes=self._limits.file_bytes)
            if opened is not None:
                return self._picture(opened, photo)
        return self._thumbnail(photo)

    def drawn(self, path: str) -> bytes:
        """Decode any picture file in the process for that, and draw it as a JPEG without metadata.

        Args:
            path: the file.

        Returns:
            The JPEG, `DRAWN_PX` on its longer side at most.

        Raises:
            PhotoError: it cannot be read.
        """
        with self._lock:
            if self._closed:
                raise Unreadable("the server is ending")
            if self._pool is None:
                self._pool = DecodePool(_NO_MODEL, limits=self._limits, processes=1)
            pool = self._pool
        outcome = pool.outcome_from(pool.submit(look_at(path), frozenset()))
        if isinstance(outcome, PhotoError):
            raise outcome
        assert not isinstance(outcome, KnownPhoto), "nothing was said to be known"
        return outcome.thumbnail

    def _picture(self, opened: Original, photo: str) -> Picture:
        kind = SHOWN_AS.get(opened.kind or "")
        if kind is not None:
            return Picture(kind, opened.size_bytes, _parts(opened.file, opened.size_bytes))
        opened.file.close()
        try:
            jpeg = self.drawn(opened.path)
        except (PhotoError, OSError):
            return self._thumbnail(photo)
        return Picture("image/jpeg", len(jpeg), iter([jpeg]))

    def _thumbnail(self, photo: str) -> Picture:
        jpeg = self.thumbnails([photo]).get(photo)
        if jpeg is None:
            raise NotFound("there is no picture of this photo", hint="Is its drive connected?")
        return Picture("image/jpeg", len(jpeg), iter([jpeg]))


def _parts(file: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    """Read a file to the length that was announced; one that shrinks meanwhile ends the answer early."""
    with file:
        left = size_bytes
        while left > 0 and (part := file.read(min(_PART_BYTES, left))):
            left -= len(part)
            yield part
