"""Commands about copies of the library: `backup` and `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import answer, local_time, show_facts
from vecclust.cli.session import AsJson, configure_logging, session_of

if TYPE_CHECKING:
    from vecclust.exports.text import Cell
    from vecclust.types.backups import BackupReport, RestoreReport


def backup(
    context: typer.Context,
    target: Annotated[
        Path,
        typer.Argument(metavar="FILE|DIR", help="A new .tar, .tar.gz or .tar.xz; or a folder that gets a dated one."),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it comes to, write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the library into one file.

    All of it but the photos themselves, which stay where they are; also while `vecclust watch` runs. Nothing is ever
    overwritten. What you said of clusters is kept by itself besides: LIBRARY/backups has the last thirty days.

    \b
    vecclust backup /media/usb
    vecclust backup ~/vecclust.tar --dry-run
    """
    from vecclust.library.backups import back_up

    session = session_of(context)
    configure_logging(session.verbosity)
    planned = back_up(session.library, target, dry_run=True)
    if not dry_run:
        session.notices([cost_sentence(planned)])
        with session.progress() as progress:
            planned = back_up(session.library, planned.file, progress=progress)
    answer(planned, show_backup, as_json=as_json)


def restore(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `vecclust backup` made, or one of LIBRARY/backups.")
    ],
    as_json: AsJson = False,
) -> None:
    """Bring the library back from a backup.

    A library that is there is set aside under another name, not deleted. Of a daily one of LIBRARY/backups, the edits
    and names that the library lacks are added to it: each name goes to the cluster that has its photos.

    \b
    vecclust restore /media/usb/vecclust-2026-11-30-183000.tar
    vecclust restore vecclust.tar --library ~/elsewhere
    vecclust restore LIBRARY/backups/2026-11-30.json
    """
    from vecclust.library.library import Library

    session = session_of(context)
    configure_logging(session.verbosity)
    with session.progress() as progress:
        given = session.given_flags()
        report = Library.restore(file, session.library, config=session.config, flags=given, progress=progress)
    session.notices(report.notices)
    if report.set_aside is not None:
        session.notices([f"the library that was there lies in {report.set_aside} now; remove it once you are content"])
    if report.lost_names:
        session.notices([f"names that no cluster here bears: {', '.join(report.lost_names)}"])
    answer(report, show_restored, as_json=as_json)


def cost_sentence(planned: BackupReport) -> str:
    """Say what a backup comes to before it is made.

    Args:
        planned: that.
    """
    return (
        f"{size_text(planned.library_bytes)} in {planned.files:,} files go into {planned.file};"
        f" {size_text(planned.free_bytes)} are free there"
    )


def show_backup(report: BackupReport) -> None:
    """Print what a backup holds.

    Args:
        report: that.
    """
    facts: list[tuple[str, Cell]] = [
        ("would make" if report.dry_run else "backup", report.file),
        ("library", report.library),
        ("photos", report.photos),
        ("files", report.files),
        ("size", size_text(report.library_bytes if report.dry_run else report.size_bytes)),
    ]
    show_facts(*facts, *([("free there", size_text(report.free_bytes))] if report.dry_run else []))


def show_restored(report: RestoreReport) -> None:
    """Print what came back.

    Args:
        report: that.
    """
    facts: list[tuple[str, Cell]] = [("library", report.library), ("backup of", local_time(report.made_ns))]
    if report.backup == "library":
        show_facts(*facts, ("photos", report.photos), ("set aside", report.set_aside))
    else:
        show_facts(*facts, ("edits", report.edits), *(("name", f"{name} ({one})") for one, name in report.names))


def size_text(size_bytes: int) -> str:
    """Write a size as people say it.

    Args:
        size_bytes: not negative.
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f} {unit}"
    return f"{size_bytes} bytes"
