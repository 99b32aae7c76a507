"""Commands that write pages to look at: `gallery` and `map`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.options import AsJson
from vecclust.cli.session import Session, answer, session_of

if TYPE_CHECKING:
    from vecclust.library.library import Library

Open = Annotated[bool, typer.Option("--open", help="Open it in the browser.")]
NoNames = Annotated[bool, typer.Option("--no-names", help="Leave out paths, file names and cluster names.")]


def register(app: typer.Typer) -> None:
    """Hang this group's commands below `app`."""
    app.command(name="map")(write_map)
    app.command()(gallery)


def gallery(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder; an earlier gallery is replaced.")] = Path(
        "vecclust-gallery"
    ),
    open_it: Open = False,
    no_names: NoNames = False,
    as_json: AsJson = False,
) -> None:
    """Write the clusters as contact sheets.

    A folder of pages that open offline, without a script and without a request to anywhere.

    \b
    vecclust gallery --out ~/Desktop/clusters --open
    vecclust gallery --out to-share --no-names
    """
    from vecclust.cli import documents, summaries

    with session_of(context).open() as library:
        report = library.gallery(out, names=not no_names)
    answer(lambda: documents.page_document(report), lambda: summaries.show_page(report), as_json=as_json)
    if open_it:
        _open(report.page)


def write_map(
    context: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", show_default="vecclust-map.html", help="Page; an earlier map is replaced."
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write a Parquet table instead, for Embedding Atlas, notebooks."),
    ] = None,
    open_it: Open = False,
    no_names: NoNames = False,
    as_json: AsJson = False,
) -> None:
    """Write the photos as a map.

    One page that opens offline: every photo a point, to hover, click and search. Its places are kept with the
    library, so that the map of the next run does not jump; not while another writer holds it. The pictures of more
    than 20,000 photos lie in a folder beside the page.

    \b
    vecclust map --out ~/Desktop/map.html --open
    vecclust map --out to-share.html --no-names
    vecclust map --export photos.parquet && embedding-atlas photos.parquet --x x --y y --neighbors neighbors
    """
    from vecclust.cli import documents, summaries
    from vecclust.errors import UsageError

    if export is not None and (open_it or out is not None):
        raise UsageError("--export writes a table instead of a page", hint="Leave out --out and --open, or --export.")
    with _opened(session_of(context)) as library:
        if export is None:
            report = library.map(out or Path("vecclust-map.html"), names=not no_names)
        else:
            report = library.export(export, names=not no_names)
    answer(lambda: documents.page_document(report), lambda: summaries.show_page(report), as_json=as_json)
    if open_it:
        _open(report.page)


def _opened(session: Session) -> Library:
    """Open the library for writing where that can be, else for reading; where there is none, none is made."""
    from vecclust.errors import LibraryLocked, StoreUnsuitable

    session.open().close()
    try:
        return session.open(write=True)
    except (LibraryLocked, StoreUnsuitable):
        return session.open()


def _open(page: str) -> None:
    import webbrowser

    webbrowser.open(Path(page).as_uri())
