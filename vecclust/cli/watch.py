"""The command that stays: `watch`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from vecclust.cli.session import session_of


def register(app: typer.Typer) -> None:
    """Hang this group's commands below `app`."""
    app.command()(watch)


def watch(
    context: typer.Context,
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Remembered from then on.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="The model of a new library.")] = None,
    interval: Annotated[
        float | None,
        typer.Option("--interval", metavar="SECONDS", help="Between two looks at everything; events are heard too."),
    ] = None,
) -> None:
    """Stay in step with the folders until stopped.

    Catches up, then labels photos as they come and fits anew when enough have. SIGTERM or Ctrl-C ends it well,
    SIGHUP looks at everything now.

    \b
    vecclust watch ~/Photos
    vecclust watch                  the folders given before
    """
    from vecclust.daemon import serve

    session = session_of(context)
    # Somebody may be looking: one line per batch, unless -q.
    talkative = session if session.verbosity < 0 else dataclasses.replace(session, verbosity=max(1, session.verbosity))
    flags = {"model": model, "watch.interval_s": interval}
    serve(lambda: talkative.open_watched(write=True, flags=flags), folders or ())
