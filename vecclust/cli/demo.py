"""The command `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vecclust.cli.options import AsJson
from vecclust.cli.session import answer, configure_logging, session_of


def register(app: typer.Typer) -> None:
    """Hang this group's command below `app`."""
    app.command()(demo)


def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where album, library and pages go.")] = Path(
        "vecclust-demo"
    ),
    as_json: AsJson = False,
) -> None:
    """Try everything on a sample album.

    Draws the pictures, scans, reclusters, asks and writes gallery and map, with the bundled model.

    \b
    vecclust demo --out /tmp/demo
    """
    from vecclust.cli import documents, summaries
    from vecclust.demo.tour import tour

    session = session_of(context)
    configure_logging(session.verbosity)
    with session.progress() as progress:
        seen = tour(out.absolute(), progress=progress)
    answer(lambda: documents.tour_document(seen), lambda: summaries.show_tour(seen), as_json=as_json)
