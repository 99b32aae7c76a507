"""Where a page finds pictures and other pages: inside itself and beside it on the disk, or at a live server.

The templates ask for addresses and know of neither.
"""

from __future__ import annotations

from typing import Protocol

from vecclust.exports import text
from vecclust.photos.thumbnails import smaller
from vecclust.types.pages import PhotoView

SMALL_PX = 128


class Addresses(Protocol):
    """The addresses of one kind of page.

    Attributes:
        front: the front page.
        unclustered: the first page of the unclustered.
    """

    @property
    def front(self) -> str:
        """The front page."""

    @property
    def unclustered(self) -> str:
        """The first page of the unclustered."""

    def sheet(self, stem: str, page: int) -> str:
        """Give a page of photos: of a cluster by its id, or of `unclustered`; the first is 0."""

    def large(self, photo: str, picture: bytes) -> str:
        """Give a photo's thumbnail."""

    def small(self, photo: str, picture: bytes) -> str:
        """Give a thumbnail that is shown small."""

    def photo(self, shown: PhotoView) -> str | None:
        """Give what opens when a photo is clicked, or None for nothing."""


class OnDisk:
    """Pages in one folder, pictures inside them, photos as files.

    Args:
        names: whether pages may lead to files.
    """

    front = "index.html"
    unclustered = "unclustered.html"

    def __init__(self, *, names: bool) -> None:
        self._names = names

    def sheet(self, stem: str, page: int) -> str:
        """Give the name of a file."""
        return f"{stem}.html" if page == 0 else f"{stem}-p{page + 1}.html"

    def large(self, photo: str, picture: bytes) -> str:
        """Give the picture itself."""
        return text.data_uri(picture)

    def small(self, photo: str, picture: bytes) -> str:
        """Give a smaller picture itself."""
        return text.data_uri(smaller(picture, longest_px=SMALL_PX))

    def photo(self, shown: PhotoView) -> str | None:
        """Give the original's file."""
        return text.file_link(shown.path) if self._names and shown.path is not None else None
