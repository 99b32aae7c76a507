"""Commands that show the library in a browser: `gallery`, `map` and, live, `ui`."""

from __future__ import annotations

import sys
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import answer, show_facts
from vecclust.cli.session import AsJson, Session, session_of
from vecclust.errors import LibraryLocked, StoreUnsuitable, UsageError

if TYPE_CHECKING:
    from vecclust.library.library import Library
    from vecclust.types.pages import PageReport

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder; an earlier gallery is replaced.")]
Open = Annotated[bool, typer.Option("--open", help="Open it in the browser.")]
NoNames = Annotated[bool, typer.Option("--no-names", help="Leave out paths, file names and cluster names.")]


def gallery(
    context: typer.Context,
    out: Out = Path("vecclust-gallery"),
    open_it: Open = False,
    no_names: NoNames = False,
    as_json: AsJson = False,
) -> None:
    """Write the clusters as contact sheets.

    A folder of pages that open offline, without a script and without a request to anywhere. A map of the same library
    that lies beside it and these pages lead to one another.

    \b
    vecclust gallery --out ~/Desktop/clusters --open
    vecclust gallery --out to-share --no-names
    """
    with session_of(context).open() as library:
        report = library.gallery(out, names=not no_names)
    _answer(report, open_it=open_it, as_json=as_json)


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

    One page that opens offline: every photo a point, to hover, click and search. A gallery of the same library that
    lies beside it and the map lead to one another, cluster by cluster (map.html#c7). Its places are kept with the
    library, so that the map of the next run does not jump; not while another writer holds it. The pictures of more
    than 20,000 photos lie in a folder beside the page.

    \b
    vecclust map --out ~/Desktop/map.html --open
    vecclust map --out to-share.html --no-names
    vecclust map --export photos.parquet && embedding-atlas photos.parquet --x x --y y --neighbors neighbors
    """
    if export is not None and (open_it or out is not None):
        raise UsageError("--export writes a table instead of a page", hint="Leave out --out and --open, or --export.")
    with _opened(session_of(context)) as library:
        if export is None:
            report = library.map(out or Path("vecclust-map.html"), names=not no_names)
        else:
            report = library.export(export, names=not no_names)
    _answer(report, open_it=open_it, as_json=as_json)


def ui(
    context: typer.Context,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="N", help="Where to listen; any free port for 0.")
    ] = 0,
    open_it: Open = False,
) -> None:
    """Look at the library in the browser, live.

    Serves gallery, map and search to this computer alone until Ctrl-C, and prints the address with its key. Rename
    clusters, narrow them down by dates and folder, drop a picture to find its like, fit anew and go back, watch photos
    come in.

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
            _open(address)

    with session.open_watched() as library:
        opener = LibraryOpener(library.folder, session.config, session.given_flags())
        serve(library, opener=opener, port=port, announce=announce)


def _opened(session: Session) -> Library:
    """Open the library for writing where that can be, else for reading; where there is none, none is made."""
    session.open().close()
    try:
        return session.open(write=True)
    except (LibraryLocked, StoreUnsuitable):
        return session.open()


def _answer(report: PageReport, *, open_it: bool, as_json: bool) -> None:
    answer(report, show_page, as_json=as_json)
    if open_it:
        _open(Path(report.page).as_uri())


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)


def show_page(report: PageReport) -> None:
    """Print what page was written, and where.

    Args:
        report: what was written.
    """
    show_facts(
        ("page" if report.page.endswith(".html") else "table", PurePath(report.page)),
        ("photos", report.photos),
        ("clusters", report.clusters),
        ("files", report.files),
        ("size", f"{report.size_bytes / 1e6:.1f} MB"),
    )
