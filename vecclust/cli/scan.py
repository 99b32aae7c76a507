"""Commands that bring the library in step with its folders, once and for as long as they run: `scan` and `watch`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import Document, answer, document_of, show
from vecclust.cli.session import AsJson, Folders, Model, session_of

if TYPE_CHECKING:
    from vecclust.types.files import ScanReport

SCAN_KEYS = "added updated moved removed unchanged problems pending missing new_photos labelled run notices"


def scan(
    context: typer.Context,
    folders: Folders = None,
    model: Model = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, change nothing.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Remove photos whose files are missing at once.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the library in step with its folders.

    New, changed, moved and deleted photos; arrivals get their label at once. It counts files; new_photos and labelled
    count photos, of which two files of one content are one.

    \b
    vecclust scan ~/Photos
    vecclust scan                   the folders given before
    """
    session = session_of(context)
    with (
        session.open(write=not dry_run, missing_ok=dry_run, flags={"model": model}) as library,
        session.progress() as progress,
    ):
        report = library.scan(folders or (), dry_run=dry_run, prune=prune, progress=progress)
    session.notices(report.notices)
    answer(report, show_scan, document=scan_document, as_json=as_json)


def watch(
    context: typer.Context,
    folders: Folders = None,
    model: Model = None,
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
    if session.verbosity == 0:  # somebody may be looking: one line per batch
        session = dataclasses.replace(session, verbosity=1)
    flags = {"model": model, "watch.interval_s": interval}
    serve(lambda: session.open_watched(write=True, flags=flags), folders or ())


def scan_document(report: ScanReport) -> Document:
    """Give the document of `scan`.

    Args:
        report: what a scan did.
    """
    document = document_of(report, SCAN_KEYS)
    return document | {"dry_run": True} if report.dry_run else document


def show_scan(report: ScanReport) -> None:
    """Print what a scan did, one count a line; counts of zero are left out but for the main ones.

    Most count files; two files of one content are one photo, which is what is embedded and labelled.

    Args:
        report: what it did.
    """
    rare = ("updated", "moved", "removed", "missing", "pending", "problems")
    distinct = (("new photos", report.new_photos), ("photos labelled", report.labelled))
    show(
        ("would do" if report.dry_run else "scan", "files"),
        [
            ("added", report.added),
            ("unchanged", report.unchanged),
            *((name, getattr(report, name)) for name in rare if getattr(report, name)),
            *((name, number) for name, number in distinct if number),
            ("run", report.run),
        ],
    )
