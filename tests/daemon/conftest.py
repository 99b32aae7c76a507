"""What the daemon's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.kept import FLAGS, SETTLE_S, Kept
from tests.test_library import HUES, picture
from vecclust import Library
from vecclust.daemon import Daemon, Rhythm
from vecclust.testing import FakeEmbedder
from vecclust.watch import Watcher


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with six photos of each of three colours."""
    folder = tmp_path / "album"
    for colour in HUES:
        (folder / colour).mkdir(parents=True)
        for number in range(6):
            (folder / colour / f"{number:02}.jpg").write_bytes(picture(colour, number))
    return folder


@pytest.fixture
def kept(tmp_path: Path, album: Path, request: pytest.FixtureRequest) -> Iterator[Kept]:
    """A daemon that has caught up; only events can tell it anything for the next hour. The parameter adds settings."""
    flags = FLAGS | getattr(request, "param", {})
    place = tmp_path / "library"
    with Library.open(place, write=True, flags=flags, embedder=FakeEmbedder()) as library:
        roots = library.remember([album])
        library.keep_warm()
        watcher = Watcher(roots, rules=library.rules, canary=place / "watch" / "canary")
        rhythm = Rhythm(interval_s=3600.0, poll_s=3600.0, canary_s=3600.0, settle_s=SETTLE_S)
        daemon = Daemon(library, watcher, rhythm=rhythm)
        watcher.arm()
        made = Kept(library, daemon, album)
        made.until(made.in_step)
        yield made
        watcher.close()
