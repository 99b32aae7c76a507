"""Commands by which the owner corrects clusters: each is kept, and `edits` lists them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import Document, answer, document_of, iso_ns, local_time, show, show_facts
from vecclust.cli.session import AsJson, session_of
from vecclust.types.edits import EditRequest, command_of

if TYPE_CHECKING:
    from vecclust.exports.text import Cell
    from vecclust.types.edits import EditEntry, EditReport

Photos = Annotated[list[str], typer.Argument(metavar="PHOTO...", help="Photos of the library: paths, content hashes.")]

REPORT_KEYS = "word=edit verb=kind cluster cluster_name other photos changed ended notices"
# Letters of a content hash that tell one photo from another.
SHORT_HASH = 12
EDIT_KEYS = "word=edit verb=kind text photos cluster cluster_name other run time=made_ns in_force"


def move(
    context: typer.Context,
    photos: Photos,
    cluster: Annotated[
        str, typer.Argument(metavar="CLUSTER", help="An id, a name, or `unclustered`; or an event, by its id.")
    ],
    as_json: AsJson = False,
) -> None:
    """Put photos into a cluster or an event, for good.

    They stay there through refits, until they are moved again or unpinned.

    \b
    vecclust move ~/Photos/IMG_0042.jpg c3
    vecclust move IMG_0042.jpg IMG_0043.jpg "Glacier lagoon"
    vecclust move IMG_0044.jpg unclustered
    """
    _edit(context, EditRequest("move", photos=tuple(photos), cluster=cluster), as_json=as_json)


def pin(context: typer.Context, photos: Photos, as_json: AsJson = False) -> None:
    """Keep photos in the cluster they are in, through refits.

    \b
    vecclust pin ~/Photos/IMG_0042.jpg
    """
    _edit(context, EditRequest("pin", photos=tuple(photos)), as_json=as_json)


def unpin(context: typer.Context, photos: Photos, as_json: AsJson = False) -> None:
    """Let photos go where the current run has them.

    Those that were moved, pinned or split off.

    \b
    vecclust unpin ~/Photos/IMG_0042.jpg
    """
    _edit(context, EditRequest("unpin", photos=tuple(photos)), as_json=as_json)


def merge(
    context: typer.Context,
    kept: Annotated[
        str,
        typer.Argument(metavar="KEPT", help="Whose id and name stay: a cluster, or the id of an event, trip or place."),
    ],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Whose photos become its own: one of the same kind.")],
    as_json: AsJson = False,
) -> None:
    """Make one of two clusters, events, trips or places, for good.

    They stay one through refits.

    \b
    vecclust merge c3 c7
    vecclust merge "Glacier lagoon" c7
    """
    _edit(context, EditRequest("merge", cluster=kept, other=other), as_json=as_json)


def not_together(
    context: typer.Context,
    one: Annotated[str, typer.Argument(metavar="CLUSTER", help="An id or a name.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another one.")],
    as_json: AsJson = False,
) -> None:
    """Say that two clusters are not one.

    A refit that would join them leaves them two.

    \b
    vecclust not-together c3 c7
    """
    _edit(context, EditRequest("not-together", cluster=one, other=other), as_json=as_json)


def split_off(
    context: typer.Context,
    cluster: Annotated[
        str, typer.Argument(metavar="CLUSTER", help="The cluster they are in: an id or a name; or an event's id.")
    ],
    photos: Photos,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What the new cluster is called.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make these photos a cluster, or an event, of their own.

    \b
    vecclust split-off c3 IMG_0042.jpg IMG_0043.jpg --name "Black sand"
    """
    _edit(context, EditRequest("split-off", photos=tuple(photos), cluster=cluster, name=name), as_json=as_json)


def edits(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also what no longer holds.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show your corrections, and which of them hold.

    \b
    vecclust edits
    """
    found = session_of(context).client().edits(everything=everything)
    answer(found, show_edits, document=edits_document, as_json=as_json)


def undo(
    context: typer.Context,
    edits: Annotated[list[str], typer.Argument(metavar="EDIT...", help="As `vecclust edits` shows them.")],
    as_json: AsJson = False,
) -> None:
    """Undo corrections: they count as never made.

    \b
    vecclust undo w4
    """
    _edit(context, EditRequest("take-back", edits=tuple(edits)), as_json=as_json)


def _edit(context: typer.Context, wanted: EditRequest, *, as_json: bool) -> None:
    session = session_of(context)
    report = session.client().edit(wanted)
    session.notices(report.notices)
    answer(report, show_edit, document=lambda report: document_of(report, REPORT_KEYS), as_json=as_json)


def edits_document(edits: Sequence[EditEntry]) -> Document:
    """Give the document of `edits`.

    Args:
        edits: what the owner said, oldest first.
    """
    return {
        "words": [
            document_of(edit, EDIT_KEYS, photos=[{"path": path, "photo": photo} for path, photo in edit.photos])
            for edit in edits
        ]
    }


def show_edit(report: EditReport) -> None:
    """Print what an edit changed.

    Args:
        report: what it changed.
    """
    facts: list[tuple[str, Cell]] = [
        ("edit", report.edit),
        ("cluster", report.cluster),
        ("name", report.cluster_name),
        ("other", report.other),
        ("photos", report.photos),
        ("in another cluster now", report.changed),
        ("ends", ", ".join(report.ended)),
    ]
    show_facts(*(fact for fact in facts if fact[1] not in (None, "")), title=command_of(report.kind))


def show_edits(edits: Sequence[EditEntry]) -> None:
    """Print what the owner said, oldest first.

    Args:
        edits: what was said.
    """
    show(
        # How many photos it is about is said in words; that it holds goes without saying.
        ("edit", "what", "run", "holds", "first photo", "when"),
        [
            (edit.edit, edit.text, edit.run, _ended(edit), _first_photo(edit), local_time(edit.made_ns))
            for edit in edits
        ],
        spare=("run", "when", "first photo"),
        lines=[
            (
                edit.edit,
                edit.text,
                edit.run,
                "yes" if edit.in_force else "",
                ", ".join(path or photo for path, photo in edit.photos),
                iso_ns(edit.made_ns),
            )
            for edit in edits
        ],
        title="" if edits else "no corrections",
    )


def _ended(edit: EditEntry) -> str:
    """Say that an edit holds no more; of names `clusters` tells, and what was undone is not said again."""
    return "" if edit.in_force or edit.kind in ("rename", "take-back") else "no"


def _first_photo(edit: EditEntry) -> PurePath | str | None:
    if not edit.photos:
        return None
    path, photo = edit.photos[0]
    return PurePath(path) if path is not None else f"(no file) {photo[:SHORT_HASH]}"
