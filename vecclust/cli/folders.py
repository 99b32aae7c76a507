"""Commands about the kept folders, `folders` with `forget` and `accept`; and what is left out of folders, in words."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import Document, answer, document_of, show, show_facts
from vecclust.cli.session import AsJson, Session, session_of
from vecclust.errors import UsageError
from vecclust.types.files import SKIP_KINDS, SkipKind

if TYPE_CHECKING:
    from vecclust.types.files import AcceptReport, ForgetReport, KeptFolder, SkippedList

group = typer.Typer(add_completion=False, rich_markup_mode=None)


@group.callback(invoke_without_command=True)
def folders(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the folders that are kept; forget or accept one.

    With the photos in each, and whether it is there now.

    \b
    vecclust folders
    vecclust folders forget ~/Wrong
    vecclust folders accept /media/card
    """
    if context.invoked_subcommand is None:
        session = session_of(context)
        found = session.client().kept_folders()
        if not found:
            session.notices(["no folder is kept; vecclust scan DIR keeps one"])
        answer(found, show_folders, document=folders_document, as_json=as_json)


@group.command()
def forget(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="As vecclust folders shows it, there or not.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a folder back: no scan looks at it any more.

    Its photos go from the library, but for those that lie in another folder too. No file is touched, and what you said
    of clusters and photos is kept. What goes is said first.

    \b
    vecclust folders forget ~/Wrong
    vecclust folders forget /media/sold-drive --yes
    """
    session = session_of(context)
    # Held while it asks: nobody agrees to what cannot be done, and what was said is what goes.
    with session.open(write=True) as library:
        if not yes:
            _ask(session, forget_sentences(library.forget(folder, dry_run=True)), "Take it back?")
        done = library.forget(folder)
    answer(done, show_forgotten, as_json=as_json)


@group.command()
def accept(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="As vecclust folders shows it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Accept another drive in the place of the known one.

    What lies there is taken in by the next scan. What was known there stays, and answers again when it is back: each
    of several drives is known by its photos. No file is touched. What happens is said first.

    \b
    vecclust folders accept /media/card
    """
    session = session_of(context)
    client = session.client()
    planned = client.accept_drive(folder, dry_run=True)
    if not yes:
        _ask(session, accept_sentences(planned), "Accept it?")
    done = client.accept_drive(folder)
    answer(done, show_accepted, as_json=as_json)
    if not client.is_answered():
        session.notices([f"{session.command('scan')} takes them in"])


def _ask(session: Session, sentences: Iterable[str], question: str) -> None:
    """Say what would happen, and end the command unless somebody agrees.

    On stderr: typer's own question leaves a blank on stdout, where only answers belong.
    """
    session.notices(sentences)
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked", hint="Nothing was changed; add --yes to have it done.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        session.notices(["nothing was changed"])
        raise typer.Exit(1)


def folders_document(found: Sequence[KeptFolder]) -> Document:
    """Give the document of `folders`.

    Args:
        found: the kept folders.
    """
    return {"folders": [document_of(folder, paused=folder.paused or None) for folder in found]}


def show_folders(found: Sequence[KeptFolder]) -> None:
    """Print the kept folders.

    Args:
        found: these.
    """
    show(
        ("folder", "photos", "files", "missing", "last scan", "how it is"),
        [
            (
                PurePath(folder.path),
                folder.photos,
                folder.files,
                folder.missing,
                datetime.fromtimestamp(folder.last_scan_ns / 1e9) if folder.last_scan_ns else "never",
                _how(folder),
            )
            for folder in found
        ],
        spare=("missing", "files", "last scan"),
        whole_paths=True,
    )


def _how(folder: KeptFolder) -> str:
    """Say how a folder is: there or not, what is wrong with it, what lies there that is not taken in."""
    if not folder.present:
        return "not there"
    held = [f"{_counted(folder.held, 'photo')} not taken in"] if folder.held else []
    away = [f"{_counted(folder.away, 'file')} of other drives away"] if folder.away else []
    return "; ".join([folder.paused or "there", *held, *away])


def accept_sentences(planned: AcceptReport) -> list[str]:
    """Say what accepting another drive would come to.

    Args:
        planned: that.
    """
    return [
        f"{planned.folder}: {_counted(planned.files, 'photo')} there would be taken in by the next scan;"
        f" {_counted(planned.away, 'file')} known there would be kept as away, and answer again when they are back",
        "no file is touched",
    ]


def show_accepted(done: AcceptReport) -> None:
    """Print what accepting another drive did.

    Args:
        done: that.
    """
    show_facts(("accepted", done.folder), ("photos to take in", done.files), ("files kept as away", done.away))


def forget_sentences(planned: ForgetReport) -> list[str]:
    """Say what taking a folder back would come to.

    Args:
        planned: that.
    """
    kept = f"; {_counted(planned.photos_kept, 'photo')} in other folders too would stay" if planned.photos_kept else ""
    said = [
        f"{planned.folder}: {_counted(planned.files, 'file')} would be forgotten,"
        f" {_counted(planned.photos_removed, 'photo')} would go from the library{kept}",
        "no file is touched; cluster names and corrections are kept"
        + (f", {planned.edits} of them about photos that would go" if planned.edits else ""),
    ]
    if planned.emptied:
        said.append(f"clusters that would lose all their photos: {', '.join(planned.emptied)}")
    return said


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def show_forgotten(done: ForgetReport) -> None:
    """Print what taking a folder back did.

    Args:
        done: that.
    """
    show_facts(
        ("forgotten", PurePath(done.folder)),
        ("files forgotten", done.files),
        ("photos gone from the library", done.photos_removed),
        ("photos in other folders too", done.photos_kept),
        *([("corrections kept for them", done.edits)] if done.edits else ()),
        *(("cluster without photos", name) for name in done.emptied),
    )


# For one and for several.
SKIP_WORDS: Mapping[SkipKind, tuple[str, str]] = {
    "raw": ("RAW photo", "RAW photos"),
    "video": ("video", "videos"),
    "sidecar": ("sidecar", "sidecars"),
    "other": ("other file", "other files"),
    "hidden": ("hidden by a dot", "hidden by a dot"),
    "unfinished": ("unfinished file", "unfinished files"),
    "system": ("system file", "system files"),
    "program_folder": ("folder of another program", "folders of other programs"),
    "asked": ("by photos.ignore", "by photos.ignore"),
    "marked": ("folder with .nomedia", "folders with .nomedia"),
    "linked_folder": ("link to a folder", "links to folders"),
    "outside_link": ("link out of its folder", "links out of their folder"),
    "broken_link": ("broken link", "broken links"),
    "special": ("pipe, socket or device", "pipes, sockets or devices"),
}
# So many of a kind are listed on a terminal.
SHOWN = 20


def skipped_counts(skipped: Mapping[SkipKind, int]) -> Document:
    """Give what was left out by kind, kinds without any included.

    Args:
        skipped: the counts there are.
    """
    return {kind: skipped.get(kind, 0) for kind in SKIP_KINDS}


def skipped_text(skipped: Mapping[SkipKind, int]) -> str:
    """Say what was left out: the total, then each kind.

    Args:
        skipped: the counts.
    """
    counts = [(skipped[kind], SKIP_WORDS[kind]) for kind in SKIP_KINDS if skipped.get(kind)]
    named = ", ".join(f"{n} {words[n > 1]}" for n, words in counts)
    return f"{sum(n for n, _ in counts)}: {named}" if counts else "0"


def skipped_document(found: SkippedList) -> Document:
    """Give the document of `status --skipped`.

    Args:
        found: what is left out.
    """
    return {
        "skipped": [document_of(one) for one in found.skipped],
        "unreadable": [document_of(place) for place in found.unreadable],
    }


def show_skipped(found: SkippedList) -> None:
    """Print what is left out, kind by kind; on a terminal the first of each kind, with the number of the others.

    Args:
        found: what is left out.
    """
    most = SHOWN if sys.stdout.isatty() else len(found.skipped)
    counts = Counter(one.kind for one in found.skipped)
    rows = []
    for kind in filter(counts.__getitem__, SKIP_KINDS):
        paths = [one.path for one in found.skipped if one.kind == kind]
        rows += [(SKIP_WORDS[kind][0], path) for path in paths[:most]]
        if len(paths) > most:
            rows.append((SKIP_WORDS[kind][0], f"and {len(paths) - most} more: vecclust status --skipped | less"))
    show(("left out", "path"), rows, title=skipped_text(counts) if counts else "nothing is left out")
