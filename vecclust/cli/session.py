"""What the global options of one command line come to, and how its answers leave."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from vecclust.library.library import Library
    from vecclust.library.watched import WatchedLibrary
    from vecclust.server.client import Client
    from vecclust.types.progress import Progress


@dataclass(frozen=True, slots=True)
class Session:
    """The global options of one command line.

    Attributes:
        library: the directory asked for, or None for the default.
        config: the configuration file asked for, or None.
        flags: dotted configuration keys given as flags.
        verbosity: -1 quiet, 0 normal, 1 and more for details.
    """

    library: Path | None = None
    config: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    verbosity: int = 0

    def open(self, *, write: bool = False, missing_ok: bool = False, flags: Mapping[str, Any] | None = None) -> Library:
        """Open the library.

        Args:
            write: whether the command changes it.
            missing_ok: go on with an empty one where there is none.
            flags: configuration keys of the command itself.

        Returns:
            The library, to be used as a context manager.
        """
        from vecclust.library.library import Library

        configure_logging(self.verbosity)
        given = {key: value for key, value in (flags or {}).items() if value is not None}
        return Library.open(
            self.library,
            write=write,
            missing_ok=missing_ok,
            config=self.config,
            flags={**self.flags, **given},
        )

    def open_watched(self, *, write: bool = False, flags: Mapping[str, Any] | None = None) -> WatchedLibrary:
        """Open the library for a process that stays with it.

        Args:
            write: whether it changes it.
            flags: configuration keys of the command itself.

        Returns:
            The library, to be used as a context manager.
        """
        from vecclust.library.watched import WatchedLibrary

        configure_logging(self.verbosity)
        given = {key: value for key, value in (flags or {}).items() if value is not None}
        return WatchedLibrary.open(self.library, write=write, config=self.config, flags={**self.flags, **given})

    def client(self, *, flags: Mapping[str, Any] | None = None) -> Client:
        """Ask the library through its daemon where one keeps it.

        Args:
            flags: configuration keys of the command itself.
        """
        from vecclust.server.client import Client

        configure_logging(self.verbosity)
        given = {key: value for key, value in (flags or {}).items() if value is not None}
        return Client(
            self.library,
            config=self.config,
            flags={**self.flags, **given},
            notice=lambda sentence: self.notices([sentence]),
        )

    @property
    def given_flags(self) -> dict[str, Any]:
        """The configuration keys that were given as flags."""
        return {key: value for key, value in self.flags.items() if value is not None}

    def progress(self) -> AbstractContextManager[Progress]:
        """Show progress of what the block does."""
        from vecclust.cli.progress import shown_progress

        return shown_progress(quiet=self.verbosity < 0)

    def notices(self, sentences: Iterable[str]) -> None:
        """Write sentences to stderr, unless quiet."""
        from vecclust.exports.text import plain

        if self.verbosity >= 0:
            for sentence in sentences:
                sys.stderr.write(f"vecclust: {plain(sentence)}\n")


def session_of(context: typer.Context) -> Session:
    """Give the session that the global options made."""
    session = context.find_object(Session)
    return session if session is not None else Session()


def answer(document: Callable[[], Mapping[str, Any]], table: Callable[[], None], *, as_json: bool) -> None:
    """Write an answer to stdout, as one JSON document or for people."""
    if as_json:
        from vecclust.cli.documents import dump

        sys.stdout.write(dump(dict(document())) + "\n")
    else:
        table()


def configure_logging(verbosity: int) -> None:
    """Send the log of this process to stderr: errors when quiet, warnings normally, all with -v."""
    level = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(min(verbosity, 1), logging.INFO)
    shown = logging.StreamHandler(sys.stderr)
    # The daemon's log may hold more than is shown here.
    shown.setLevel(logging.DEBUG if verbosity > 1 else level)
    logging.basicConfig(level=level, handlers=[shown], format="vecclust: %(message)s")
    logging.getLogger("vecclust").setLevel(logging.DEBUG if verbosity > 1 else level)
    # LanceDB's Rust side logs to stderr on its own account; only its errors concern the owner.
    os.environ.setdefault("LANCE_LOG", "error")
