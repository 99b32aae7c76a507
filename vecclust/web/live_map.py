"""The map as it is now: drawn once for each state of the library, laid out by a process of its own where it has to be.

While photos come in, the map that was laid out last is shown, and a newer one is made meanwhile.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import NotFound, VecclustError, unpack_error
from vecclust.exports.map import in_view_order, n_sheets, photo_sheet
from vecclust.library.pages.live import LiveReader
from vecclust.types.pages import MapView
from vecclust.web.opener import REFUSAL, LibraryOpener
from vecclust.web.pages import LivePages
from vecclust.web.pictures import Pictures

# Of half a megabyte each.
_N_KEPT_SHEETS = 64
# A map that lacks more of the photos than this is not worth being shown meanwhile.
_LEAST_COVERED = 0.5


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A map page, and the photos of its rows."""

    stamp: str
    name: str
    photos: Sequence[str]
    page: str


class LiveMap:
    """The map of one library.

    Args:
        live: the library.
        opener: how another process opens it.
        pictures: its pictures.
    """

    def __init__(self, live: LiveReader, *, opener: LibraryOpener, pictures: Pictures) -> None:
        self._live = live
        self._opener = opener
        self._pictures = pictures
        self._pages = LivePages(pictures.thumbnails)
        self._lock = threading.Lock()
        self._drawn: _Drawn | None = None
        self._laid: tuple[Sequence[str], NDArray[np.float32]] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="vecclust-map-"))
        self._kept_sheet = functools.lru_cache(_N_KEPT_SHEETS)(self._sheet)
        self._failed_at: tuple[str, VecclustError] | None = None

    def page(self) -> str | None:
        """Give the map, or None while it is laid out.

        Raises:
            VecclustError: it cannot be laid out.
        """
        with self._lock:
            stamp = self._live.stamp
            if self._drawn is not None and self._drawn.stamp == stamp:
                return self._drawn.page
            self._take_laid(stamp)
            if self._failed_at is not None and self._failed_at[0] == stamp:
                raise self._failed_at[1]
            shown = self._live.kept_map() or self._meanwhile()
            return None if shown is None else self._draw(stamp, shown)

    def sheet(self, name: str, number: int) -> bytes:
        """Give a sheet of the map's pictures.

        Args:
            name: which map, as its page says it.
            number: which sheet.

        Raises:
            NotFound: there is no such sheet, or no longer.
        """
        drawn = self._drawn
        if drawn is None or drawn.name != name:
            raise NotFound("this map is no longer the newest", hint="Load the page again.")
        return self._kept_sheet(drawn, number)

    def _sheet(self, drawn: _Drawn, number: int) -> bytes:
        if not 0 <= number < n_sheets(len(drawn.photos)):
            raise NotFound("there is no such sheet", hint="")
        return photo_sheet(drawn.photos, number, thumbnails=self._pictures.thumbnails)

    def close(self) -> None:
        """End what lays the map out."""
        child, self._child = self._child, None
        if child is not None and child.poll() is None:
            child.kill()
            child.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _draw(self, stamp: str, shown: MapView) -> str:
        shown = in_view_order(shown)
        photos = [photo.photo for photo in shown.photos]
        name = hashlib.sha256("".join(photos).encode()).hexdigest()[:16]
        page = self._pages.map(shown, sheets=f"/map/sheet/{name}/")
        self._kept_sheet.cache_clear()
        # Of another state than the one it was begun in, it is drawn again the next time.
        self._drawn = _Drawn(stamp if self._child is None else "", name, photos, page)
        return page

    def _meanwhile(self) -> MapView | None:
        """Give the places found last, while they cover the photos well enough; begin to find newer ones."""
        present = self._live.photos()
        laid = self._laid
        n_covered = 0 if laid is None else len(present.intersection(laid[0]))
        if n_covered < len(present):
            self._begin()
        if laid is None or n_covered < _LEAST_COVERED * len(present):
            return None
        return self._live.placed(*laid)

    def _begin(self) -> None:
        if self._child is None:
            command = [sys.executable, "-m", "vecclust.web.map_process", self._opener.as_json(), str(self._file)]
            self._refusal.unlink(missing_ok=True)
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def _take_laid(self, stamp: str) -> None:
        """Take what the process has found, once it has ended."""
        child = self._child
        if child is None or child.poll() is None:
            return
        self._child = None
        if child.returncode != 0:
            try:
                error = unpack_error(json.loads(self._refusal.read_text(encoding="ascii")))
            except (OSError, ValueError):
                error = VecclustError("the process that lays the map out has died", hint="")
            self._failed_at = stamp, error
            return
        with open(self._file, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            self._laid = arrays["photos"].astype(str).tolist(), arrays["positions"]

    @property
    def _file(self) -> Path:
        return self._folder / "map.npz"

    @property
    def _refusal(self) -> Path:
        return self._folder / ("map.npz" + REFUSAL)
