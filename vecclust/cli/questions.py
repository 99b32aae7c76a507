"""Commands that ask for photos: `similar`, `search` and `photo`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import Document, answer, document_of, show, show_facts, show_paths
from vecclust.cli.session import AsJson, InFolder, Nul, Paths, Session, Since, Until, session_of
from vecclust.types.search import Filters

if TYPE_CHECKING:
    from vecclust.types.photos import PhotoFacts
    from vecclust.types.search import Answer

Limit = Annotated[int, typer.Option("-n", "--limit", min=1, max=100_000, help="Photos to show.")]
InCluster = Annotated[
    str | None, typer.Option("--cluster", metavar="ID", help="Only photos of this cluster: its id or its name.")
]
Preview = Annotated[bool, typer.Option("--preview", help="Show the first thumbnails too, where the terminal can.")]

HIT_KEYS = "path photo score cluster cluster_name"


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
    session = session_of(context)
    filters = Filters(cluster=cluster, since=since, until=until, folder=folder)
    found = session.client().similar(photo, limit=limit, filters=filters)
    _answer(session, found, preview=preview, paths=paths, nul=nul, as_json=as_json)


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
    session = session_of(context)
    filters = Filters(cluster=cluster, since=since, until=until, folder=folder)
    found = session.client().search(" ".join(text), limit=limit, filters=filters)
    _answer(session, found, preview=preview, paths=paths, nul=nul, as_json=as_json)


def photo(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A photo of the library.")],
    as_json: AsJson = False,
) -> None:
    """Show what is known of one photo.

    \b
    vecclust photo ~/Photos/IMG_0042.jpg
    """
    facts = session_of(context).client().photo(path)
    answer(facts, show_photo, as_json=as_json)


def _answer(session: Session, found: Answer, *, preview: bool, paths: bool, nul: bool, as_json: bool) -> None:
    session.notices(found.notices)
    if paths and not as_json:
        show_paths((hit.path for hit in found.results), nul=nul)
        return
    if preview and not as_json and sys.stdout.isatty():
        _show_pictures(session, found)
    answer(found, show_answer, document=answer_document, as_json=as_json)


def _show_pictures(session: Session, found: Answer) -> None:
    from vecclust.cli.previews import colour_terminal, show_previews

    terminal = colour_terminal()
    if terminal is None or not found.results:
        return
    # The library is opened for its thumbnails alone: the answer may have come from the daemon.
    with session.open() as library:
        show_previews(found, terminal=terminal, thumbnails=library.thumbnails)


def answer_document(found: Answer) -> Document:
    """Give the document of `similar` and `search`.

    Args:
        found: the answer.
    """
    return document_of(found, "query model results", results=[document_of(hit, HIT_KEYS) for hit in found.results])


def show_answer(found: Answer) -> None:
    """Print hits, best first.

    Args:
        found: the answer.
    """
    show(
        ("score", "path", "cluster", "name"),
        [(hit.score, hit.path, hit.cluster, hit.cluster_name) for hit in found.results],
    )


def show_photo(facts: PhotoFacts) -> None:
    """Print what is known of one photo.

    Args:
        facts: what is known.
    """
    place = None if facts.latitude is None else f"{facts.latitude:.5f}, {facts.longitude:.5f}"
    show_facts(
        ("path", facts.path),
        *(("also", path) for path in facts.other_paths),
        ("photo", facts.photo),
        ("cluster", facts.cluster),
        ("name", facts.cluster_name),
        ("strength", facts.strength),
        ("assigned by", facts.assigned_by),
        *([("novelty", f"{facts.novelty:.3f}")] if facts.novelty is not None else ()),
        *([("held back", "as a newcomer, unlike all that the run knows")] if facts.newcomer else ()),
        ("run", facts.run),
        ("taken", facts.taken),
        ("taken from", facts.taken_source),
        ("place", place),
        ("size", f"{facts.width} x {facts.height}"),
        ("model", facts.model),
    )
