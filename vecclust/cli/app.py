"""The typer application: its commands, the global options, and the exit code of whatever happens.

A `VecclustError` becomes its own code, with one line on stderr or, with `--json`, one document on stdout; where stdout
itself refuses, always a line. A reader of stdout that goes away is 0, Ctrl-C 130, SIGTERM 143. Anything else is a
defect of vecclust: its traceback is shown and the code is 1.

The one module that leans on how typer is made inside; tests/cli/test_app.py says what broke where that changed.
"""

from __future__ import annotations

import copy
import functools
import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
import typer.main
from typer.core import TyperGroup
from typer.models import TyperPath

from vecclust import __version__
from vecclust.cli.output import dump, fitted, tell
from vecclust.cli.session import Session, session_of
from vecclust.cli.streams import ReaderGone, drop_stdout, guard_streams
from vecclust.errors import OutputError, UsageError, VecclustError

# Where each command is, in the order of the help, under what it is for. Its module is imported when it is asked for: a
# question pays for none of the others.
GROUPS: dict[str, dict[str, str]] = {
    "Take photos in": {
        "scan": "scan:scan",
        "watch": "scan:watch",
        "service": "service:group",
        "folders": "folders:group",
        "status": "status:status",
        "problems": "status:problems",
    },
    "Find photos": {
        "similar": "questions:similar",
        "search": "questions:search",
        "photo": "questions:photo",
    },
    "Look at time and place": {
        "events": "timeline:events",
        "event": "timeline:event",
        "trips": "timeline:trips",
        "places": "timeline:places",
    },
    "Cluster": {
        "clusters": "clusters:clusters",
        "cluster": "clusters:cluster",
        "caption": "clusters:caption",
        "recluster": "runs:recluster",
        "runs": "runs:runs",
        "rollback": "runs:rollback",
        "compare": "runs:compare",
    },
    "Name and correct clusters": {
        "rename": "clusters:rename",
        "name": "clusters:name",
        "move": "edits:move",
        "pin": "edits:pin",
        "unpin": "edits:unpin",
        "merge": "edits:merge",
        "not-together": "edits:not_together",
        "split-off": "edits:split_off",
        "edits": "edits:edits",
        "undo": "edits:undo",
    },
    "Look at pictures": {
        "gallery": "pages:gallery",
        "map": "pages:write_map",
        "ui": "pages:ui",
    },
    "Keep safe": {
        "backup": "backups:backup",
        "restore": "backups:restore",
    },
    "More": {
        "doctor": "doctor:doctor",
        "models": "status:models",
        "migrate": "migrate:migrate",
        "demo": "demo:demo",
    },
}
COMMANDS = {name: place for group in GROUPS.values() for name, place in group.items()}
# What commands were called before: understood for good, shown nowhere.
EARLIER_NAMES = {"words": "edits", "take-back": "undo"}
# The options before a command that are taken after it as well.
GLOBAL_OPTIONS = frozenset({"library", "config", "model", "verbose", "quiet", "version"})

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM

# typer does not export the parent of all its usage errors.
_TyperUsageError: Any = typer.BadParameter.__bases__[0]


class NamedPath(TyperPath):
    """A path that is not empty: that of a variable which is not set would mean the current directory."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Give the path.

        Args:
            value: what was given.
            param: the option or argument.
            ctx: the context of the command line.

        Raises:
            typer.BadParameter: it is empty.
        """
        if value == "":
            raise typer.BadParameter("the name is empty.", ctx=ctx, param=param)
        return super().convert(value, param, ctx)


class Commands(TyperGroup):
    """The commands, each imported at first use; typer exports no names for the types of its arguments."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        _settle(self)

    def list_commands(self, ctx: Any) -> list[str]:
        """Give the names of the commands in the order of the help.

        Args:
            ctx: the context of the command line.
        """
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give a command, or None where there is none of this name.

        Args:
            ctx: the context of the command line.
            cmd_name: its name.
        """
        # For a name that is none all are made: typer proposes the nearest of those it has.
        for name in [cmd_name] if cmd_name in COMMANDS or cmd_name in EARLIER_NAMES else COMMANDS:
            if name not in self.commands:
                command = _command(name)
                _take_late(command, [param for param in self.params if param.name in GLOBAL_OPTIONS])
                self.add_command(command, name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands by what they are for, in columns that are the same for all.

        Args:
            ctx: the context of the command line.
            formatter: takes the text.
        """
        width = max(map(len, COMMANDS))
        for title, group in GROUPS.items():
            short = [
                (name, self.get_command(ctx, name).get_short_help_str(formatter.width - width - 6)) for name in group
            ]
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in short])


def _command(name: str) -> Any:
    module, attribute = COMMANDS[EARLIER_NAMES.get(name, name)].split(":")
    found = getattr(importlib.import_module(f"vecclust.cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        alone.command(name)(found)
        found = alone
    command = typer.main.get_command(found)
    _settle(command)
    return command


def _settle(command: Any) -> None:
    """Make of a command what holds for all of them."""
    for below in getattr(command, "commands", {}).values():
        _settle(below)
    for param in command.params:
        if isinstance(param.type, TyperPath):
            param.type = NamedPath()
        if hasattr(param.type, "_describe_range"):
            param.metavar = param.metavar or "N"
            param.type._describe_range = functools.partial(_range, param.type.min, param.type.max)


def _range(least: float, most: float | None) -> str:
    return f"{least} and more" if most is None else f"{least} to {most}"


def _take_late(command: Any, options: Sequence[Any]) -> None:
    """Have a command, and those below it, take global options too, where it has none of its own by the same name."""
    for below in getattr(command, "commands", {}).values():
        _take_late(below, options)
    own = {name for param in command.params for name in param.opts}
    for option in options:
        if own.isdisjoint(option.opts):
            late = copy.copy(option)
            late.hidden, late.expose_value = True, False
            late.callback = late.callback or _lay_over
            command.params.append(late)


def _lay_over(ctx: Any, param: Any, value: Any) -> None:
    """Lay an option that stands after the command over what stands before it."""
    if value not in (None, 0):
        ctx.obj = session_of(ctx).laid_over(param.name, value)


app = typer.Typer(
    name="vecclust",
    cls=Commands,
    no_args_is_help=True,
    # Plain help: rich's renders in 0.3 s, click's in 0.1 s.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vecclust {__version__}")
        raise typer.Exit


@app.callback()
def global_options(
    context: typer.Context,
    library: Annotated[
        Path | None, typer.Option("--library", metavar="DIR", help="The library; else $VECCLUST_LIBRARY.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings; else LIBRARY/config.toml.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="The open_clip model, or 'bundled'.")
    ] = None,
    verbose: Annotated[int, typer.Option("-v", "--verbose", count=True, show_default=False, help="Say more.")] = 0,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say only errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Keep a photo collection organised by what the pictures show.

    \b
    vecclust scan ~/Photos          bring the library in step with a folder
    vecclust clusters               look at the clusters
    vecclust similar IMG_0042.jpg   more like this one
    vecclust search waterfalls      photos that match the words

    Options may stand after the command as well.
    """
    context.obj = Session(library=library, config=config, flags={"model": model}, verbosity=-1 if quiet else verbose)


# Long enough for what swallowed a signal to have ended.
_AGAIN_S = 0.05


class Terminated(BaseException):
    """SIGTERM arrived; passes through every `except Exception` as KeyboardInterrupt does."""


def main() -> None:
    """Run the command line of this process and exit."""
    guard_streams()
    arguments = sys.argv[1:]
    code = run(lambda: app(args=arguments, standalone_mode=False), wants_json="--json" in arguments)
    if code in (INTERRUPTED, TERMINATED):
        # Whoever was not read to the end is waited for no longer.
        drop_stdout()
    sys.exit(code)


def run(command: Callable[[], object], *, wants_json: bool) -> int:
    """Run a command line and turn its end into an exit code.

    Args:
        command: does the work; a returned int is the exit code, as typer gives it.
        wants_json: whether an error is to be a JSON document on stdout.

    Returns:
        The exit code.
    """
    signal.signal(signal.SIGTERM, _terminate)
    told, sys.unraisablehook = sys.unraisablehook, _strike_again
    try:
        code = _end(command, wants_json=wants_json)
        if code not in (INTERRUPTED, TERMINATED):
            sys.stdout.flush()
        return code
    except OutputError as error:
        drop_stdout()
        _report(error, wants_json=False)
        return error.exit_code
    except ReaderGone:
        # Nothing to say, and nobody to say it to.
        drop_stdout()
        return 0
    finally:
        sys.unraisablehook = told


def _end(command: Callable[[], object], *, wants_json: bool) -> int:
    """Run a command line to its end; what stdout refuses is left to the caller."""
    try:
        code = command()
        # Here, so that Ctrl-C ends the waiting for a slow reader as it ends everything.
        sys.stdout.flush()
        if code == INTERRUPTED:  # typer turns KeyboardInterrupt into this code by itself
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except OutputError:
        raise
    except VecclustError as error:
        _report(error, wants_json=wants_json)
        return error.exit_code
    except _TyperUsageError as error:
        if wants_json:
            _report(UsageError(error.format_message()), wants_json=True)
        else:
            _show_usage_error(error)
        return UsageError.exit_code
    except OSError as error:
        from vecclust.store.failures import refusal

        refused = refusal(error)
        if refused is None:
            raise
        _report(refused, wants_json=wants_json)
        return refused.exit_code
    except (KeyboardInterrupt, typer.Abort):
        tell("interrupted; what was committed stays, run it again to go on")
        return INTERRUPTED
    except Terminated:
        tell("terminated; what was committed stays, run it again to go on")
        return TERMINATED


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _strike_again(swallowed: Any) -> None:
    """Have a signal strike once more that struck where Python swallows exceptions, as while an object is let go."""
    struck = {Terminated: signal.SIGTERM, KeyboardInterrupt: signal.SIGINT}.get(swallowed.exc_type)
    if struck is None:
        sys.__unraisablehook__(swallowed)
        return
    again = threading.Timer(_AGAIN_S, os.kill, (os.getpid(), struck))
    again.daemon = True
    again.start()


def _show_usage_error(error: Any) -> None:
    """Write what typer says of a mistake: it repeats what was typed, which may be anything."""
    from vecclust.exports.text import plain

    said = io.StringIO()
    error.show(said)
    sys.stderr.write("\n".join(fitted(plain(line)) for line in said.getvalue().split("\n")))


def _report(error: VecclustError, *, wants_json: bool) -> None:
    if wants_json:
        document = {"kind": error.kind, "message": error.message, "hint": error.hint}
        sys.stdout.write(dump({"error": document}) + "\n")
    else:
        tell(error.message, hint=error.hint)
