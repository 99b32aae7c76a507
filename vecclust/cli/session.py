"""What the global options of one command line come to, and the options that several commands share."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vecclust.cli.output import shown_progress, tell

if TYPE_CHECKING:
    from vecclust.library.library import Library
    from vecclust.library.watched import WatchedLibrary
    from vecclust.server.client import Client
    from vecclust.types.progress import Progress

_DATE = {"formats": ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], "metavar": "DATE"}

AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document on stdout.")]
Paths = Annotated[bool, typer.Option("--paths", help="Answer with bare paths, one a line.")]
Nul = Annotated[bool, typer.Option("-0", help="With --paths: end each path by NUL instead of a newline.")]
Since = Annotated[datetime | None, typer.Option("--since", help="Taken on or after.", **_DATE)]
Until = Annotated[datetime | None, typer.Option("--until", help="Taken on or before.", **_DATE)]
InFolder = Annotated[Path | None, typer.Option("--folder", metavar="DIR", help="Only photos below this folder.")]
Folders = Annotated[list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Remembered from then on.")]
Model = Annotated[str | None, typer.Option("--model", metavar="NAME", help="The model of a new library.")]


@dataclass(frozen=True, slots=True)
class Session:
    """The global options of one command line.

    Attributes:
        library: the directory asked for, or None for the default.
        config: the configuration file asked for, or None.
        flags: dotted configuration keys given as flags; None where one was not given.
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
            flags: configuration keys of the command itself, None where one was not given.

        Returns:
            The library, to be used as a context manager.
        """
        from vecclust.library.library import Library

        configure_logging(self.verbosity)
        given = self.given_flags(flags)
        return Library.open(self.library, write=write, missing_ok=missing_ok, config=self.config, flags=given)

    def open_watched(self, *, write: bool = False, flags: Mapping[str, Any] | None = None) -> WatchedLibrary:
        """Open the library for a process that stays with it.

        Args:
            write: whether it changes it.
            flags: configuration keys of the command itself, None where one was not given.

        Returns:
            The library, to be used as a context manager.
        """
        from vecclust.library.watched import WatchedLibrary

        configure_logging(self.verbosity)
        return WatchedLibrary.open(self.library, write=write, config=self.config, flags=self.given_flags(flags))

    def client(self, *, flags: Mapping[str, Any] | None = None) -> Client:
        """Ask the library through its daemon where one keeps it.

        Args:
            flags: configuration keys of the command itself, None where one was not given.
        """
        from vecclust.server.client import Client

        configure_logging(self.verbosity)
        given = self.given_flags(flags)
        return Client(self.library, config=self.config, flags=given, notice=lambda sentence: self.notices([sentence]))

    def given_flags(self, flags: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Give the configuration keys that were given as flags.

        Args:
            flags: those of the command itself, which win.
        """
        given = {key: value for key, value in (flags or {}).items() if value is not None}
        return {key: value for key, value in self.flags.items() if value is not None} | given

    def progress(self) -> AbstractContextManager[Progress]:
        """Show progress of what the block does."""
        return shown_progress(quiet=self.verbosity < 0)

    def notices(self, sentences: Iterable[str]) -> None:
        """Write sentences to stderr, unless quiet.

        Args:
            sentences: what the user should know beside the answer.
        """
        if self.verbosity >= 0:
            for sentence in sentences:
                tell(sentence)


def session_of(context: typer.Context) -> Session:
    """Give the session that the global options made.

    Args:
        context: of the command.
    """
    return context.find_object(Session) or Session()


def configure_logging(verbosity: int) -> None:
    """Send the log of this process to stderr.

    Args:
        verbosity: -1 for errors, 0 for warnings, 1 for all but what helps developers, 2 for everything.
    """
    level = {-1: logging.ERROR, 0: logging.WARNING}.get(verbosity, logging.INFO)
    shown = logging.StreamHandler(sys.stderr)
    # The daemon's log may hold more than is shown here.
    shown.setLevel(logging.DEBUG if verbosity > 1 else level)
    logging.basicConfig(level=level, handlers=[shown], format="vecclust: %(message)s")
    logging.getLogger("vecclust").setLevel(logging.DEBUG if verbosity > 1 else level)
    # LanceDB's Rust side logs to stderr on its own account; only its errors concern the owner.
    os.environ.setdefault("LANCE_LOG", "error")
