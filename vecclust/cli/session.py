"""What the global options of one command line come to, and the options that several commands share."""

from __future__ import annotations

import dataclasses
import logging
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vecclust.cli.output import fitted, shown_progress, tell
from vecclust.library.queries.periods import read_near, read_period
from vecclust.types.search import Filters, Near

if TYPE_CHECKING:
    from vecclust.library.library import Library
    from vecclust.library.watched import WatchedLibrary
    from vecclust.server.client import Client
    from vecclust.types.progress import Progress


def _period(text: str) -> tuple[datetime, datetime]:
    try:
        return read_period(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _since(text: str) -> datetime:
    return _period(text)[0]


def _until(text: str) -> datetime:
    return _period(text)[1]


def _near(text: str) -> Near:
    try:
        return read_near(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document on stdout.")]
Paths = Annotated[bool, typer.Option("--paths", help="Answer with bare paths, one a line.")]
Nul = Annotated[bool, typer.Option("-0", help="With --paths: end each path by NUL instead of a newline.")]
Since = Annotated[
    datetime | None,
    typer.Option("--since", help="Taken on or after: a day, month or year.", parser=_since, metavar="DATE"),
]
Until = Annotated[datetime | None, typer.Option("--until", help="Taken on or before.", parser=_until, metavar="DATE")]
InFolder = Annotated[Path | None, typer.Option("--folder", metavar="DIR", help="Only photos below this folder.")]
InCluster = Annotated[
    str | None, typer.Option("--cluster", metavar="ID", help="Only photos of this cluster: its id or its name.")
]
InEvent = Annotated[str | None, typer.Option("--event", metavar="ID", help="Only of this event: its id or its name.")]
OnTrip = Annotated[str | None, typer.Option("--trip", metavar="ID", help="Only of this trip: its id or its name.")]
AtPlace = Annotated[
    str | None, typer.Option("--place", metavar="PLACE", help="Only of this place: its id or name, or a country.")
]
NearTo = Annotated[
    Near | None,
    typer.Option("--near", help="Only taken within KM of a point: 38.72,-9.14,5.", parser=_near, metavar="LAT,LON,KM"),
]
Folders = Annotated[list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Remembered from then on.")]
Figures = Annotated[bool, typer.Option("--figures", help="Show the figures that experts judge by, too.")]
Preview = Annotated[bool, typer.Option("--preview", help="Show the first thumbnails too, where the terminal can.")]
Everything = Annotated[bool, typer.Option("--all", help="Show all of them on a terminal too, not the first 20.")]
Model = Annotated[str | None, typer.Option("--model", metavar="NAME", help="The model of a new library.")]


def filter_options(filters: Filters) -> list[str]:
    """Give the options that filters were given by, to be typed again.

    Args:
        filters: as they were given.
    """
    near = None if filters.near is None else f"{filters.near.latitude:g},{filters.near.longitude:g},{filters.near.km:g}"
    given = {
        **{"--cluster": filters.cluster, "--event": filters.event, "--trip": filters.trip, "--place": filters.place},
        **{"--near": near, "--since": filters.since, "--until": filters.until, "--folder": filters.folder},
    }
    texts = {
        name: value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in given.items()
        if value is not None
    }
    return [part for option in texts.items() for part in option]


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

    def laid_over(self, option: str, value: Any) -> Session:
        """Give the session with one more global option, which wins.

        Args:
            option: its name.
            value: what it was given.
        """
        match option:
            case "library":
                return dataclasses.replace(self, library=Path(value))
            case "config":
                return dataclasses.replace(self, config=Path(value))
            case "verbose":
                return dataclasses.replace(self, verbosity=max(self.verbosity, 0) + value)
            case "quiet":
                return dataclasses.replace(self, verbosity=-1)
        return dataclasses.replace(self, flags={**self.flags, option: value})

    def progress(self, *, lines: bool = False) -> AbstractContextManager[Progress]:
        """Show progress of what the block does.

        Args:
            lines: where stderr is no terminal, say on a line what begins.
        """
        return shown_progress(quiet=self.verbosity < 0, lines=lines)

    def show_pictures(self, captioned: Sequence[tuple[str | None, str]]) -> None:
        """Print thumbnails where stdout is a terminal with colours, else nothing.

        Args:
            captioned: content hash, or None for a place that stays empty, and caption of each photo, in order.
        """
        if not captioned or not sys.stdout.isatty():
            return
        from vecclust.cli.previews import colour_terminal, show_previews

        terminal = colour_terminal()
        if terminal is None:
            return
        # The library is opened for its thumbnails alone: the answer may have come from the daemon.
        with self.open() as library:
            show_previews(captioned, terminal=terminal, thumbnails=library.thumbnails)

    def command(self, *arguments: str) -> str:
        """Write a command line that asks the same library, to be typed or pasted as it stands.

        Args:
            arguments: the command and what follows it.
        """
        given = {"--library": self.library, "--config": self.config}
        options = [part for name, path in given.items() if path is not None for part in (name, str(path))]
        return " ".join([_program(), *map(shlex.quote, (*options, *arguments))])

    def notices(self, sentences: Iterable[str]) -> None:
        """Write sentences to stderr, unless quiet.

        Args:
            sentences: what the user should know beside the answer.
        """
        if self.verbosity >= 0:
            for sentence in sentences:
                tell(sentence)


def _program() -> str:
    """Say how this program is called here: by its name where the shell finds it, else by its path."""
    called, found = sys.argv[0], shutil.which("vecclust")
    if os.path.basename(called) == "__main__.py":
        return "vecclust" if found is not None else f"{shlex.quote(sys.executable)} -m vecclust"
    if os.path.basename(called) != "vecclust" or (
        found is not None and os.path.realpath(found) == os.path.realpath(called)
    ):
        return "vecclust"
    return shlex.quote(min(called, os.path.relpath(called), key=len))


def session_of(context: typer.Context) -> Session:
    """Give the session that the global options made.

    Args:
        context: of the command.
    """
    return context.find_object(Session) or Session()


class _PlainFormatter(logging.Formatter):
    """Names in a message may be anything; a traceback keeps its lines. A terminal that is too narrow gets several."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        from vecclust.exports.text import plain

        return plain(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        return "\n".join(map(fitted, super().format(record).split("\n")))


def configure_logging(verbosity: int) -> None:
    """Send the log of this process to stderr.

    Args:
        verbosity: -1 for errors, 0 for warnings, 1 for all but what helps developers, 2 for everything.
    """
    level = {-1: logging.ERROR, 0: logging.WARNING}.get(verbosity, logging.INFO)
    shown = logging.StreamHandler(sys.stderr)
    # The daemon's log may hold more than is shown here.
    shown.setLevel(logging.DEBUG if verbosity > 1 else level)
    shown.setFormatter(_PlainFormatter("vecclust: %(message)s"))
    logging.basicConfig(level=level, handlers=[shown])
    logging.getLogger("vecclust").setLevel(logging.DEBUG if verbosity > 1 else level)
    # LanceDB's Rust side logs to stderr on its own account; only its errors concern the owner.
    os.environ.setdefault("LANCE_LOG", "error")
