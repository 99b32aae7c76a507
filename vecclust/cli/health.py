"""Commands about the state of things: `status`, `problems` and `models`."""

from __future__ import annotations

from typing import Annotated

import typer

from vecclust.cli.options import AsJson
from vecclust.cli.session import answer, session_of


def register(app: typer.Typer) -> None:
    """Hang this group's commands below `app`."""
    app.command()(status)
    app.command()(problems)
    app.command()(models)


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show photos, problems, folders and the current run.

    \b
    vecclust status
    """
    from vecclust.cli import documents, summaries

    found = session_of(context).client().status()
    answer(lambda: documents.status_document(found), lambda: summaries.show_status(found), as_json=as_json)


def problems(
    context: typer.Context,
    retry: Annotated[bool, typer.Option("--retry", help="Try them all again now.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the files that could not be read.

    Each with the reason and the next try.

    \b
    vecclust problems --retry
    """
    from vecclust.cli import documents, summaries

    session = session_of(context)
    with session.open(write=retry) as library, session.progress() as progress:
        if retry:
            session.notices(library.retry(progress=progress).notices)
        found = library.problems()
    answer(lambda: documents.problems_document(found), lambda: summaries.show_problems(found), as_json=as_json)


def models(context: typer.Context, as_json: AsJson = False) -> None:
    """Show which models can be used now.

    \b
    vecclust models
    """
    from vecclust.cli import documents, summaries
    from vecclust.library.model import usable_models

    session = session_of(context)
    found = usable_models(session.library, config=session.config, flags=session.flags)
    answer(lambda: documents.models_document(found), lambda: summaries.show_models(found), as_json=as_json)
