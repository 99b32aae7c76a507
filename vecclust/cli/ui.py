"""The command that serves live pages: `ui`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vecclust.cli.look import Open
from vecclust.cli.session import session_of


def register(app: typer.Typer) -> None:
    """Hang this group's commands below `app`."""
    app.command()(ui)


def ui(
    context: typer.Context,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="N", help="Where to listen; any free port for 0.")
    ] = 0,
    open_it: Open = False,
) -> None:
    """Look at the library in the browser, live.

    Serves gallery, map and search to this computer alone until Ctrl-C, and prints the address with its key. Rename
    clusters, drop a picture to find its like, fit anew and go back, watch photos come in.

    \b
    vecclust ui --open
    vecclust --library ~/photo-library ui --port 8321
    """
    from vecclust.web import LibraryOpener, serve

    session = session_of(context)

    def announce(address: str) -> None:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        session.notices(["open this address in the browser of this computer; Ctrl-C ends it"])
        if open_it:
            import webbrowser

            webbrowser.open(address)

    with session.open_watched() as library:
        opener = LibraryOpener(library.folder, session.config, session.given_flags)
        serve(library, opener=opener, port=port, announce=announce)
