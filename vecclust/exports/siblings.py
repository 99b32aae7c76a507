"""Gallery and map of one library beside one another: each leads to the other, whichever is written first.

Both hold the same mark, made of the library's and of whether names are shown: a page with names is never what one to
share leads to. A link that leads nowhere yet lies hidden in each page; whoever comes second sets it. Only pages of our
own are changed, each as a whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes

from vecclust.exports.output import is_map_page, pages_mark, read_manifest

log = logging.getLogger(__name__)

# The mark stands among the first few elements of a map.
_HEAD_BYTES = 4096
_MARK = re.compile(rb'<meta name="vecclust-pages" content="([0-9a-f]+)">')
# What is within the quotes after the number sign stays: a link to a cluster stays one.
_TO_SIBLING = re.compile(rb'<a class="to-sibling"(?: hidden)? href="[^"#]*')


def mark_of(library: str, *, names: bool) -> str:
    """Give the mark of pages that may lead to one another.

    Args:
        library: what is the same for all pages of one library; empty where that is not known.
        names: whether names are shown.

    Returns:
        Hex digits, or empty for pages that lead to no other.
    """
    return hashlib.sha256(f"{library} {names}".encode()).hexdigest()[:16] if library else ""


def map_beside(gallery: Path, mark: str) -> Path | None:
    """Find the newest map of the same library in the folder that a gallery lies in.

    Args:
        gallery: the gallery's folder, there or not.
        mark: as `mark_of` gives it.
    """
    return _newest(gallery.parent, lambda file: file.suffix == ".html" and _mark_of_map(file) == mark) if mark else None


def gallery_beside(page: Path, mark: str) -> Path | None:
    """Find the newest gallery of the same library in the folder that a map lies in.

    Args:
        page: the map's file, there or not.
        mark: as `mark_of` gives it.
    """
    return _newest(page.parent, lambda folder: folder.is_dir() and pages_mark(folder) == mark) if mark else None


def address_of_map(page: Path | None) -> str:
    """Give the address of a map as pages of a gallery beside it name it, or empty.

    Args:
        page: the map, or None.
    """
    return "" if page is None else f"../{_quoted(page)}"


def address_of_gallery(folder: Path | None) -> str:
    """Give the address of a gallery as a map beside it names it, or empty.

    Args:
        folder: the gallery, or None.
    """
    return "" if folder is None else f"{_quoted(folder)}/index.html"


def lead_to_map(gallery: Path, page: Path) -> None:
    """Have the pages of a gallery lead to a map beside it.

    Args:
        gallery: the gallery's folder.
        page: the map.
    """
    _lead((gallery / name for name in read_manifest(gallery)), address_of_map(page))


def lead_to_gallery(page: Path, gallery: Path) -> None:
    """Have a map lead to a gallery beside it.

    Args:
        page: the map.
        gallery: the gallery's folder.
    """
    _lead([page], address_of_gallery(gallery))


def _lead(pages: Iterable[Path], address: str) -> None:
    """Set the links of pages; where one cannot be written, the pages are what they were."""
    link = b'<a class="to-sibling" href="' + address.encode("ascii")
    try:
        for page in pages:
            before = page.read_bytes()
            after = _TO_SIBLING.sub(lambda _: link, before)
            if after != before:
                beside = page.with_name(f".{page.name}.{uuid.uuid4().hex[:8]}.new")
                try:
                    beside.write_bytes(after)
                    os.replace(beside, page)
                finally:
                    beside.unlink(missing_ok=True)
    except OSError as reason:
        log.warning("some pages that were there do not lead to the new one: %s", reason)


def _newest(folder: Path, is_wanted: Callable[[Path], bool]) -> Path | None:
    return max(_wanted(folder, is_wanted), key=lambda found: found.stat().st_mtime_ns, default=None)


def _wanted(folder: Path, is_wanted: Callable[[Path], bool]) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            with contextlib.suppress(OSError):
                if not name.startswith(".") and is_wanted(folder / name):
                    yield folder / name


def _mark_of_map(file: Path) -> str | None:
    if not file.is_file() or not is_map_page(file):
        return None
    with file.open("rb") as opened:
        found = _MARK.search(opened.read(_HEAD_BYTES))
    return None if found is None else found[1].decode("ascii")


def _quoted(path: Path) -> str:
    return quote_from_bytes(os.fsencode(path.name), safe="")
