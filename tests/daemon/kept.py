"""A daemon that is stepped by a test itself, on real files with a real observer and a real library."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.daemon.processes import folder_of, rows_of
from tests.library.test_library import HUES, picture
from vecclust.config import WatchConfig
from vecclust.daemon import Daemon
from vecclust.library.opening import Clock
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder
from vecclust.watching import Watcher

DEADLINE_S = 30.0
SETTLE_S = 0.3
FLAGS = {"clusters.reducer": "pca", "photos.settle_s": SETTLE_S, "photos.decode_processes": 1}


def put_one(album: Path, number: int) -> None:
    """Write a new red photo under a temporary name, then rename it."""
    (album / f".{number}.jpg.Ab12Cd").write_bytes(picture("red", number))
    os.rename(album / f".{number}.jpg.Ab12Cd", album / f"{number}.jpg")


def fill(folder: Path) -> None:
    """Write six photos of each of three colours."""
    for colour in HUES:
        (folder / colour).mkdir(parents=True)
        for number in range(6):
            (folder / colour / f"{number:02}.jpg").write_bytes(picture(colour, number))


class Kept:
    """A library that a daemon keeps, stepped by the test itself."""

    def __init__(self, library: WatchedLibrary, daemon: Daemon, album: Path) -> None:
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

    @property
    def paused(self) -> str:
        """Say why nothing is removed at present."""
        return "; ".join(folder.paused for folder in self.library.status().folders)

    def look(self) -> None:
        """Have everything looked at once more, as SIGHUP does."""
        n_looks = self.daemon.n_looks
        self.daemon._watcher.wake("a test")
        self.until(lambda: self.daemon.n_looks > n_looks)

    @property
    def n_embedded(self) -> int:
        """Count the pictures that were embedded."""
        embedder = self.library._model._embedder
        assert isinstance(embedder, FakeEmbedder)
        return embedder.n_frames_embedded


@contextmanager
def keep(
    place: Path, album: Path, *, flags: Mapping[str, Any], clock: Clock | None = None, canary_s: float = 3600.0
) -> Iterator[Kept]:
    """Run a daemon that has caught up; only events can tell it anything for the next hour.

    Args:
        place: the library's directory.
        album: the folder it keeps.
        flags: settings beside the usual ones.
        clock: the library's time.
        canary_s: seconds between two proofs that watching still works.
    """
    with WatchedLibrary.open(
        place, write=True, flags={**FLAGS, **flags}, embedder=FakeEmbedder(), clock=clock
    ) as library:
        roots = library.remember([album])
        library.keep_warm()
        watcher = Watcher(roots, rules=library.rules, canary=place / "watch" / "canary")
        config = WatchConfig(interval_s=3600.0, poll_s=3600.0, canary_s=canary_s, idle_s=0.0)
        daemon = Daemon(library, watcher, config=config)
        watcher.arm()
        made = Kept(library, daemon, album)
        try:
            made.until(made.in_step)
            yield made
        finally:
            watcher.close()
