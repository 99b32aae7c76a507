"""A daemon that is stepped by a test itself, on real files with a real observer and a real library."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.daemon.processes import folder_of, rows_of
from tests.test_library import picture
from vecclust import Library
from vecclust.daemon import Daemon

DEADLINE_S = 30.0
SETTLE_S = 0.3
FLAGS = {"clusters.reducer": "pca", "photos.settle_s": SETTLE_S, "photos.decode_processes": 1}


def put_one(album: Path, number: int) -> None:
    """Write a new red photo under a temporary name, then rename it."""
    (album / f".{number}.jpg.Ab12Cd").write_bytes(picture("red", number))
    os.rename(album / f".{number}.jpg.Ab12Cd", album / f"{number}.jpg")


class Kept:
    """A library that a daemon keeps, stepped by the test itself."""

    def __init__(self, library: Library, daemon: Daemon, album: Path) -> None:
        self.library, self.daemon, self.album = library, daemon, album

    def rows(self) -> dict[str, str | None]:
        """Give the photo of every file the library believes to be there."""
        return rows_of(self.library)

    def folder(self) -> dict[str, str]:
        """Give the content of every photo file there is."""
        return folder_of(self.album)

    def until(self, reached: Callable[[], bool]) -> None:
        """Let the daemon go on until something is so."""
        deadline = time.monotonic() + DEADLINE_S
        while not reached():
            assert time.monotonic() < deadline, (self.rows(), self.folder())
            self.step()

    def step(self) -> None:
        """Let the daemon listen for a moment and do what is due."""
        self.daemon.listen(at_most_s=0.2)
        self.daemon.work()

    def settle(self) -> None:
        """Let the daemon go on for longer than a file must be left alone."""
        until_s = time.monotonic() + 1.5 * SETTLE_S
        while time.monotonic() < until_s:
            self.step()

    def in_step(self) -> bool:
        """Tell whether rows, labels and folder agree."""
        rows, folder = self.rows(), self.folder()
        store = self.library._store
        return rows == folder and store.photo_keys() == set(folder.values()) == set(store.labels())
