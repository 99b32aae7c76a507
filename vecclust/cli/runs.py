"""Commands about the history of fits: `runs` and `rollback`."""

from __future__ import annotations

from typing import Annotated

import typer

from vecclust.cli.options import AsJson
from vecclust.cli.session import answer, session_of


def register(app: typer.Typer) -> None:
    """Hang this group's commands below `app`."""
    app.command()(runs)
    app.command()(rollback)


def runs(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the fits that are kept, newest last.

    \b
    vecclust runs
    """
    from vecclust.cli import documents, summaries

    with session_of(context).open() as library:
        kept, current = library.runs()
    answer(
        lambda: documents.runs_document(kept, current),
        lambda: summaries.show_runs(kept, current),
        as_json=as_json,
    )


def rollback(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id, as `vecclust runs` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Make an earlier run the current one.

    Names given since then stay.

    \b
    vecclust rollback r4
    """
    from vecclust.cli import documents

    current = session_of(context).client().rollback(run)
    answer(
        lambda: documents.run_document(current),
        lambda: typer.echo(f"{current.run} is the current run: {current.n_clusters} clusters"),
        as_json=as_json,
    )
