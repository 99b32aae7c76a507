"""The typer application: its commands, the global options, and the exit code of whatever happens.

A `VecclustError` becomes its own code, with one line on stderr or, with `--json`, one document on stdout.
Ctrl-C exits 130, SIGTERM 143. Anything else is a defect of vecclust: its traceback is shown and the code is 1.

The one module that leans on how typer is made inside; tests/cli/test_app.py says what broke where that changed.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
import typer.main
from typer.core import TyperGroup

from vecclust import __version__
from vecclust.cli.output import dump, tell
from vecclust.cli.session import Session
from vecclust.errors import UsageError, VecclustError

# Where each command is, in the order of the help. Its module is imported when it is asked for: a question pays for none
# of the others.
COMMANDS = {
    "scan": "scan:scan",
    "recluster": "runs:recluster",
    "watch": "scan:watch",
    "similar": "questions:similar",
    "search": "questions:search",
    "photo": "questions:photo",
    "clusters": "clusters:clusters",
    "cluster": "clusters:cluster",
    "rename": "clusters:rename",
    "compare": "runs:compare",
    "move": "edits:move",
    "pin": "edits:pin",
    "unpin": "edits:unpin",
    "merge": "edits:merge",
    "not-together": "edits:not_together",
    "split-off": "edits:split_off",
    "words": "edits:words",
    "take-back": "edits:take_back",
    "map": "pages:write_map",
    "gallery": "pages:gallery",
    "ui": "pages:ui",
    "runs": "runs:runs",
    "rollback": "runs:rollback",
    "status": "status:status",
    "problems": "status:problems",
    "models": "status:models",
    "demo": "demo:demo",
    "service": "service:group",
}

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM

# typer does not export the parent of all its usage errors.
_TyperUsageError: Any = typer.BadParameter.__bases__[0]


class Commands(TyperGroup):
    """The commands, each imported at first use; typer exports no names for the types of its arguments."""

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
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.add_command(_command(name), name)
        return super().get_command(ctx, cmd_name)


def _command(name: str) -> Any:
    module, attribute = COMMANDS[name].split(":")
    found = getattr(importlib.import_module(f"vecclust.cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        alone.command(name)(found)
        found = alone
    return typer.main.get_command(found)


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
    verbose: Annotated[int, typer.Option("-v", "--verbose", count=True, help="Say more.")] = 0,
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
    """
    context.obj = Session(library=library, config=config, flags={"model": model}, verbosity=-1 if quiet else verbose)


class Terminated(BaseException):
    """SIGTERM arrived; passes through every `except Exception` as KeyboardInterrupt does."""


def main() -> None:
    """Run the command line of this process and exit."""
    arguments = sys.argv[1:]
    sys.exit(run(lambda: app(args=arguments, standalone_mode=False), wants_json="--json" in arguments))


def run(command: Callable[[], object], *, wants_json: bool) -> int:
    """Run a command line and turn its end into an exit code.

    Args:
        command: does the work; a returned int is the exit code, as typer gives it.
        wants_json: whether an error is to be a JSON document on stdout.

    Returns:
        The exit code.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = command()
        sys.stdout.flush()
        if code == INTERRUPTED:  # typer turns KeyboardInterrupt into this code by itself
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except VecclustError as error:
        _report(error, wants_json=wants_json)
        return error.exit_code
    except _TyperUsageError as error:
        if wants_json:
            _report(UsageError(error.format_message()), wants_json=True)
        else:
            error.show()
        return UsageError.exit_code
    except (KeyboardInterrupt, typer.Abort):
        tell("interrupted; what was committed stays, run it again to go on")
        return INTERRUPTED
    except Terminated:
        tell("terminated; what was committed stays, run it again to go on")
        return TERMINATED
    except BrokenPipeError:
        # The reader of a pipe went away (`| head`): nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _report(error: VecclustError, *, wants_json: bool) -> None:
    if wants_json:
        document = {"kind": error.kind, "message": error.message, "hint": error.hint}
        sys.stdout.write(dump({"error": document}) + "\n")
    else:
        tell(error.message, hint=error.hint)
