"""The command `demo`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.clusters import clusters_document, show_clusters
from vecclust.cli.output import Document, answer, document_of
from vecclust.cli.pages import show_page
from vecclust.cli.questions import answer_document, show_answer
from vecclust.cli.runs import refit_document, show_refit
from vecclust.cli.scan import scan_document, show_scan
from vecclust.cli.session import AsJson, configure_logging, session_of
from vecclust.cli.status import problems_document, show_problems, status_document
from vecclust.exports.text import plain

if TYPE_CHECKING:
    from vecclust.demo.tour import Tour


Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where album, library and pages go.")]


def demo(
    context: typer.Context,
    out: Out = Path("vecclust-demo"),
    as_json: AsJson = False,
) -> None:
    """Try everything on a sample album.

    Draws the pictures, scans, reclusters, asks and writes gallery and map, with the bundled model.

    \b
    vecclust demo --out /tmp/demo
    """
    from vecclust.demo.tour import tour

    session = session_of(context)
    configure_logging(session.verbosity)
    with session.progress() as progress:
        seen = tour(out.absolute(), progress=progress)
    answer(seen, show_tour, document=tour_document, as_json=as_json)


def tour_document(tour: Tour) -> Document:
    """Give the document of `demo`: the documents of its steps by name.

    Args:
        tour: what the demo saw.
    """
    return document_of(tour, "album library") | {
        "scan": scan_document(tour.scan),
        "rescan": scan_document(tour.rescan),
        "recluster": refit_document(tour.refit),
        "clusters": clusters_document(tour.clusters),
        "similar": None if tour.similar is None else answer_document(tour.similar),
        "search": answer_document(tour.search),
        **problems_document(tour.problems),
        "status": status_document(tour.status),
        "gallery": document_of(tour.gallery),
        "map": document_of(tour.map),
    }


def show_tour(tour: Tour) -> None:
    """Print what the demo did, step by step, with the command that does each.

    Args:
        tour: what it saw.
    """
    _heading(f"vecclust scan {tour.album}")
    show_scan(tour.scan)
    _heading("vecclust scan   (again: nothing to do)")
    show_scan(tour.rescan)
    _heading("vecclust recluster")
    show_refit(tour.refit)
    _heading("vecclust clusters")
    show_clusters(tour.clusters)
    if tour.similar is not None:
        _heading(f"vecclust similar {tour.similar.query}")
        show_answer(tour.similar)
    _heading(f"vecclust search {tour.search.query}")
    show_answer(tour.search)
    _heading("vecclust problems")
    show_problems(tour.problems)
    _heading(f"vecclust gallery --out {Path(tour.gallery.page).parent}")
    show_page(tour.gallery)
    _heading(f"vecclust map --out {tour.map.page}")
    show_page(tour.map)
    sys.stdout.write(
        f"\n{tour.status.photos} photos from {tour.status.files} files, {tour.refit.clusters} clusters. "
        f"Go on with this library: vecclust --library {plain(str(tour.library))} clusters\n"
        f"To look at: {plain(tour.gallery.page)} and {plain(tour.map.page)}\n"
    )


def _heading(command: str) -> None:
    sys.stdout.write(f"\n$ {plain(command)}\n")
