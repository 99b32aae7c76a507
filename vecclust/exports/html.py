"""What pages share: the templates, pictures and scripts inside a page, and where a page finds pictures and other pages.

A page that lies on the disk holds its pictures and leads to files; a live one asks its server for both. The templates
ask for `Links` and know of neither.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from typing import TYPE_CHECKING, Protocol

from vecclust.exports.colours import DARK_PAGE, DARK_UNCLUSTERED, LIGHT_PAGE, LIGHT_UNCLUSTERED
from vecclust.exports.text import day, file_link
from vecclust.photos.thumbnails import smaller
from vecclust.types.pages import PhotoView

if TYPE_CHECKING:
    from jinja2 import Environment

PACKAGE = "vecclust.exports"
SMALL_PX = 128


@functools.cache
def environment(package: str = "") -> Environment:
    """Open the templates; what they are given is escaped, and what they are not given is an error.

    Args:
        package: a package whose templates are found beside the pages' own, or empty.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in (PACKAGE, package) if name]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        light_page=LIGHT_PAGE,
        dark_page=DARK_PAGE,
        light_unclustered=LIGHT_UNCLUSTERED,
        dark_unclustered=DARK_UNCLUSTERED,
    )
    made.filters.update(day=day, thousands=lambda number: f"{number:,}")
    return made


@functools.cache
def template_source(name: str, *, package: str = PACKAGE) -> str:
    """Read a file that goes into a page as it is: our own style or script, never anything of the owner's.

    Args:
        name: its name among the templates.
        package: whose templates.
    """
    from importlib.resources import files

    return (files(package) / "templates" / name).read_text(encoding="utf-8")


def shape(photo: PhotoView) -> float:
    """Give width over height, kept within what a row of pictures can bear: panoramas and strips are cut.

    Args:
        photo: the photo; without a known size it counts as square.
    """
    if photo.width_px <= 0 or photo.height_px <= 0:
        return 1.0
    return round(min(2.4, max(0.56, photo.width_px / photo.height_px)), 3)


def data_uri(picture: bytes) -> str:
    """Give a picture as an address that holds it.

    Args:
        picture: a JPEG or WebP.
    """
    kind = "webp" if picture[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}"


def script_hash(script: str) -> str:
    """Give the hash by which a content security policy allows one script and no other.

    Args:
        script: its source, as it stands in the page.
    """
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


class Links(Protocol):
    """Where one kind of page finds pictures and other pages; the templates ask and know nothing of disks and servers.

    Attributes:
        home: the front page.
        unclustered: the first page of the unclustered.
        map: the map, or empty where there is none.
        timeline: the page of all years, or empty where there is none.
        world: the map of the world, or empty where there is none.
    """

    home: str
    unclustered: str
    map: str
    timeline: str
    world: str

    def year(self, year: int) -> str:
        """Give the page of a year.

        Args:
            year: which.
        """

    def page(self, stem: str, number: int) -> str:
        """Give a page of photos.

        Args:
            stem: the cluster's id, or `unclustered`.
            number: which page, from 0.
        """

    def large(self, photo: str, picture: bytes) -> str:
        """Give a photo's thumbnail.

        Args:
            photo: its content hash.
            picture: its thumbnail, JPEG.
        """

    def small(self, photo: str, picture: bytes) -> str:
        """Give a thumbnail that is shown small.

        Args:
            photo: its content hash.
            picture: its thumbnail, JPEG.
        """

    def photo(self, photo: PhotoView) -> str | None:
        """Give what opens when a photo is clicked, or None for nothing.

        Args:
            photo: the photo.
        """


class FileLinks:
    """Pages in one folder, pictures inside them, photos as files.

    Args:
        names: whether pages may lead to files.
        map_address: the map beside the folder, or empty.
        by_time: whether there are pages about time and place.
    """

    home = "index.html"
    unclustered = "unclustered.html"

    def __init__(self, *, names: bool, map_address: str = "", by_time: bool = True) -> None:
        self._names = names
        self.map = map_address
        # Where photos were taken is a name of places.
        self.world = "world.html" if names and by_time else ""
        self.timeline = "timeline.html" if by_time else ""

    def year(self, year: int) -> str:
        """Give the name of a year's file.

        Args:
            year: which.
        """
        return f"year-{year}.html"

    def page(self, stem: str, number: int) -> str:
        """Give the name of a file.

        Args:
            stem: the cluster's id, or `unclustered`.
            number: which page, from 0.
        """
        return f"{stem}.html" if number == 0 else f"{stem}-p{number + 1}.html"

    def large(self, photo: str, picture: bytes) -> str:
        """Give the picture itself.

        Args:
            photo: its content hash.
            picture: its thumbnail, JPEG.
        """
        return data_uri(picture)

    def small(self, photo: str, picture: bytes) -> str:
        """Give a smaller picture itself.

        Args:
            photo: its content hash.
            picture: its thumbnail, JPEG.
        """
        return data_uri(smaller(picture, longest_px=SMALL_PX))

    def photo(self, photo: PhotoView) -> str | None:
        """Give the original's file.

        Args:
            photo: the photo.
        """
        return file_link(photo.path) if self._names and photo.path is not None else None
