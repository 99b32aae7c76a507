"""Commands that bring the library in step with its folders, once and for as long as they run: `scan` and `watch`."""

from __future__ import annotations

import dataclasses
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.folders import skipped_counts, skipped_text
from vecclust.cli.output import Document, answer, document_of, show
from vecclust.cli.session import AsJson, Folders, Model, session_of

if TYPE_CHECKING:
    from vecclust.types.files import ScanReport
    from vecclust.types.status import Inventory

INVENTORY_KEYS = "photos clusters clustered unclustered unlabelled copies missing_photos"
SCAN_KEYS = (
    "added updated moved removed unchanged problems pending missing held new_photos labelled run fitted skipped notices"
    " mended"
)


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
    with session.progress(lines=not as_json) as progress:
        # The tables and all that belongs to them are read from disk first: seconds, on a computer that just woke up.
        progress("opening", 0, 1)
        with session.open(write=not dry_run, missing_ok=dry_run, flags={"model": model}) as library:
            report = library.scan(folders or (), dry_run=dry_run, prune=prune, progress=progress)
            inventory = None if dry_run else library.inventory()
    session.notices(report.notices)
    if inventory is not None and not as_json and sys.stdout.isatty():
        from vecclust.cli.summary import show_ending

        show_ending(report, inventory, session=session)
        return
    answer(
        report,
        partial(show_scan, inventory=inventory),
        document=lambda report: scan_document(report) | inventory_document(inventory),
        as_json=as_json,
    )


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
    document = document_of(report, SCAN_KEYS, skipped=skipped_counts(report.skipped))
    return document | {"dry_run": True} if report.dry_run else document


def inventory_document(inventory: Inventory | None) -> Document:
    """Give what the document of `scan` says of the library; nothing after a dry run.

    Args:
        inventory: what the library holds, or None.
    """
    if inventory is None:
        return {}
    found = inventory.clusters
    counts = {"clusters": len(found.clusters), "clustered": found.clustered, "unclustered": found.noise}
    return document_of(inventory, INVENTORY_KEYS, **counts)


def show_scan(report: ScanReport, *, inventory: Inventory | None = None) -> None:
    """Print what a scan did, one count a line; counts of zero are left out but for the main ones.

    Most count files; two files of one content are one photo, which is what is embedded and labelled.

    Args:
        report: what it did.
        inventory: what the library holds, where that is to be said.
    """
    rare = ("updated", "moved", "removed", "missing", "pending", "problems", "held")
    left_out = f"{skipped_text(report.skipped)} (vecclust status --skipped lists them)"
    distinct = (("new photos", report.new_photos), ("photos labelled", report.labelled))
    show(
        ("would do" if report.dry_run else "scan", "files"),
        [
            ("added", report.added),
            ("unchanged", report.unchanged),
            *((name, getattr(report, name)) for name in rare if getattr(report, name)),
            *((name, number) for name, number in distinct if number),
            *([("left out", left_out)] if report.skipped else ()),
            ("run", report.run),
            *(() if inventory is None else inventory_document(inventory).items()),
        ],
    )
