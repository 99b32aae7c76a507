"""Commands that ask for photos: `similar`, `search` and `photo`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.options import AsJson, InCluster, InFolder, Limit, Nul, Paths, Preview, Since, Until
from vecclust.cli.session import Session, answer, session_of

if TYPE_CHECKING:
    from vecclust.types.search import Answer


def register(app: typer.Typer) -> None:
    """Hang this group's commands below `app`."""
    app.command()(similar)
    app.command()(search)
    app.command()(photo)


def similar(
    context: typer.Context,
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="In the library, or any image file.")],
    limit: Limit = 20,
    cluster: InCluster = None,
    since: Since = None,
    until: Until = None,
    folder: InFolder = None,
    paths: Paths = False,
    nul: Nul = False,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Show photos like this one.

    \b
    vecclust similar ~/Photos/IMG_0042.jpg -n 10
    vecclust similar ~/Photos/IMG_0042.jpg --preview
    vecclust similar holiday.heic --paths -0 | xargs -0 ls -l
    """
    from vecclust.types.search import Filters

    session = session_of(context)
    filters = Filters(cluster=cluster, since=since, until=until, folder=folder)
    found = session.front().similar(photo, limit=limit, filters=filters)
    _show(session, found, preview=preview and not (as_json or paths), show=_form(as_json=as_json, paths=paths, nul=nul))


def search(
    context: typer.Context,
    text: Annotated[list[str], typer.Argument(metavar="TEXT...", help="What the pictures show.")],
    limit: Limit = 20,
    cluster: InCluster = None,
    since: Since = None,
    until: Until = None,
    folder: InFolder = None,
    paths: Paths = False,
    nul: Nul = False,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Show photos that match the words.

    \b
    vecclust search waterfalls
    vecclust search a dog on the beach --since 2024-06-01 --preview
    """
    from vecclust.types.search import Filters

    session = session_of(context)
    filters = Filters(cluster=cluster, since=since, until=until, folder=folder)
    found = session.front().search(" ".join(text), limit=limit, filters=filters)
    _show(session, found, preview=preview and not (as_json or paths), show=_form(as_json=as_json, paths=paths, nul=nul))


def photo(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A photo of the library.")],
    as_json: AsJson = False,
) -> None:
    """Show what is known of one photo.

    \b
    vecclust photo ~/Photos/IMG_0042.jpg
    """
    from vecclust.cli import documents, summaries

    with session_of(context).open() as library:
        facts = library.photo(path)
    answer(lambda: documents.photo_document(facts), lambda: summaries.show_photo(facts), as_json=as_json)


def _form(*, as_json: bool, paths: bool, nul: bool) -> Callable[[Answer], None]:
    from vecclust.cli import documents, summaries, tables

    def show(found: Answer) -> None:
        if paths and not as_json:
            tables.show_paths((hit.path for hit in found.results), nul=nul)
            return
        answer(lambda: documents.answer_document(found), lambda: summaries.show_answer(found), as_json=as_json)

    return show


def _show(session: Session, found: Answer, *, preview: bool, show: Callable[[Answer], None]) -> None:
    session.notices(found.notices)
    if preview:
        _show_pictures(session, found)
    show(found)


def _show_pictures(session: Session, found: Answer) -> None:
    from vecclust.cli.previews import colour_terminal, show_previews

    terminal = colour_terminal() if sys.stdout.isatty() else None
    if terminal is None or not found.results:
        return
    # The library is opened for its thumbnails alone: the answer may have come from the daemon.
    with session.open() as library:
        show_previews(found, terminal=terminal, thumbnails=library.thumbnails)
