"""Daemons as processes, and what a library and its folder hold, for tests that compare the two."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.daemon import watching
from tests.forking import Forked
from tests.library.test_library import picture
from vecclust import photos
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE_S = 180.0


def put(album: Path, colour: str, numbers: range) -> None:
    """Write photos of a colour."""
    (album / colour).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (album / colour / f"{number:03}.jpg").write_bytes(picture(colour, number))


def rows_of(library: WatchedLibrary) -> dict[str, str | None]:
    """Give the photo of every file the library believes to be there."""
    return {row.absolute: row.photo for row in library._store.files() if not row.missing_since_ns}


def folder_of(album: Path) -> dict[str, str]:
    """Give the content of every photo file there is, by the usual rules of what counts as one."""
    seen = photos.walk(album, photos.IgnoreRules()).files
    return {file.absolute: photos.read_content(file, file_bytes=10**9).photo for file in seen}


class Process:
    """A daemon that was started; killed, if it still runs, at the end of a `with` block.

    Args:
        library: the library's directory.
        arguments: of `tests.daemon.watching`.
        wrapper: a command that runs it, by `exec`.
        environment: variables beside those of this process.
    """

    def __init__(self, library: Path, *arguments: str, wrapper: Sequence[str] = (), **environment: str) -> None:
        self.library = library
        # Tests have deadlines, and a busy machine leaves next to nothing to a daemon of low priority.
        arguments = (str(library), "watch.nice=0", *arguments)
        environment = {**os.environ, **environment}
        self.child: subprocess.Popen[str] | Forked
        if wrapper:
            command = [*wrapper, sys.executable, "-m", "tests.daemon.watching", *arguments]
            self.child = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True, env=environment)
        else:
            self.child = Forked(watching.start, *arguments, environment=environment)

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill it."""
        self.kill()

    def kill(self) -> None:
        """Kill it by SIGKILL, unless it has ended."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.communicate()

    def lives_on(self, seconds: float) -> None:
        """Wait, and fail if it ends meanwhile."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(timeout=seconds)
            pytest.fail(f"the daemon ended: {self.child.communicate()[1]}")

    def until(
        self, reached: Callable[[WatchedLibrary], bool], *, deadline_s: float = DEADLINE_S, look_every_s: float = 0.1
    ) -> None:
        """Wait until the library, read from outside, is as wished."""
        deadline = time.monotonic() + deadline_s
        while True:
            self.lives_on(look_every_s)
            if (self.library / "watch" / "state.json").exists():
                with WatchedLibrary.open(self.library, embedder=FakeEmbedder()) as library:
                    if reached(library):
                        return
            assert time.monotonic() < deadline, "it never came to it"

    def until_labelled(self, n_photos: int) -> None:
        """Wait until so many photos have their label."""
        self.until(lambda library: n_photos == len(library._store.labels()) == library._store.counts().photos)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal and wait for the end."""
        self.child.send_signal(number)
        _, said = self.child.communicate(timeout=30)
        return self.child.returncode, said
