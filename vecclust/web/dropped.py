"""Pictures that were dropped onto a page: written to a file for as long as it takes to look at them, then removed.

The last few answers are kept, so that the browser's way back finds them.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from vecclust.errors import NotFound, TooLarge
from vecclust.library.watched import WatchedLibrary
from vecclust.server.client import Client
from vecclust.web.pictures import Pictures

T = TypeVar("T")

# More than any camera writes but video; config's own limits on bytes and pixels hold besides.
MOST_BYTES = 256 << 20
N_KEPT = 20
N_FOUND = 60


class Recent(Generic[T]):
    """Keeps what was put last; threads may share it.

    Args:
        most: how many are kept, at least 1.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: dict[int, T] = {}
        self._n_put = 0

    def put(self, one: T) -> int:
        """Keep one, and let the oldest go where there are too many.

        Args:
            one: what to keep.

        Returns:
            Its number, from 1.
        """
        with self._lock:
            self._n_put += 1
            self._kept[self._n_put] = one
            self._kept.pop(self._n_put - self._most, None)
            return self._n_put

    def get(self, number: int) -> T | None:
        """Give one, or None where it was never put or is not kept any more.

        Args:
            number: its number.
        """
        return self._kept.get(number)


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was found for one picture.

    Attributes:
        photos: content hashes, nearest first.
        jpeg: the picture itself, drawn again without metadata.
    """

    photos: tuple[str, ...]
    jpeg: bytes


class Drops:
    """Dropped pictures of one server.

    Args:
        library: the library, open for reading.
        client: answers for it.
        pictures: decodes them.
    """

    def __init__(self, library: WatchedLibrary, *, client: Client, pictures: Pictures) -> None:
        self._client = client
        self._pictures = pictures
        self._most_bytes = min(MOST_BYTES, library.config.photos.max_file_mb << 20)
        self._kept = Recent[Dropped](N_KEPT)

    async def receive(self, announced: int, body: AsyncIterator[bytes]) -> str:
        """Write a body to a file; whoever gets it removes it.

        Args:
            announced: its length as the browser says it, 0 where it does not.
            body: its bytes.

        Returns:
            The file.

        Raises:
            TooLarge: it is longer than allowed.
        """
        if announced > self._most_bytes:
            raise self._too_large()
        handle, path = tempfile.mkstemp(prefix="vecclust-dropped-")
        with os.fdopen(handle, "wb") as file:
            try:
                n_bytes = 0
                async for part in body:
                    n_bytes += len(part)
                    if n_bytes > self._most_bytes:
                        raise self._too_large()
                    file.write(part)
            except BaseException:
                remove(path)
                raise
        return path

    def answer(self, path: str) -> int:
        """Find photos like the picture in a file.

        Args:
            path: the file.

        Returns:
            The number by which the answer is kept.

        Raises:
            PhotoError: it is no picture that can be read.
            NotFound: the library is empty.
            ModelError: the model cannot be used.
        """
        jpeg = self._pictures.drawn(path)
        answer = self._client.similar(path, limit=N_FOUND)
        return self._kept.put(Dropped(tuple(hit.photo for hit in answer.results), jpeg))

    def get(self, number: int) -> Dropped:
        """Give a kept answer.

        Args:
            number: its number, as `answer` gave it.

        Raises:
            NotFound: it is not kept any more.
        """
        found = self._kept.get(number)
        if found is None:
            raise NotFound("this answer is not kept any more", hint="Drop the picture again.")
        return found

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"the picture has more than the {self._most_bytes >> 20} MB allowed", hint="Drop a smaller one."
        )


def remove(path: str) -> None:
    """Remove a file of ours that may be gone already.

    Args:
        path: the file.
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
