"""A library with photos and a first run, for tests that begin there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.library.test_library import HUES, picture
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeClock, FakeEmbedder


@contextmanager
def filled_library(place: Path, *, n_each: int, flags: Mapping[str, object] | None = None) -> Iterator[WatchedLibrary]:
    """Make `album`, with so many photos of each hue, and `library`, with a run of PCA over them."""
    album = place / "album"
    album.mkdir()
    for hue in HUES:
        for number in range(n_each):
            (album / f"{hue}{number}.jpg").write_bytes(picture(hue, number))
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    flags = {"clusters.reducer": "pca", **(flags or {})}
    with WatchedLibrary.open(
        place / "library", write=True, flags=flags, embedder=FakeEmbedder(), clock=clock
    ) as opened:
        opened.scan([album])
        yield opened
