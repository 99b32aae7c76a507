"""Commands that ask for photos: `similar`, `search` and `photo`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import Document, answer, document_of, show, show_facts, show_paths, shown_name
from vecclust.cli.session import (
    AsJson,
    AtPlace,
    InCluster,
    InEvent,
    InFolder,
    NearTo,
    Nul,
    OnTrip,
    Paths,
    Preview,
    Session,
    Since,
    Until,
    session_of,
)
from vecclust.types.search import Examples, Filters

if TYPE_CHECKING:
    from vecclust.types.photos import PhotoFacts
    from vecclust.types.search import Answer

Limit = Annotated[int, typer.Option("-n", "--limit", min=1, max=100_000, help="Photos to show.")]
Plus = Annotated[
    list[str] | None,
    typer.Option("--plus", metavar="X", help="Also like this: words, or a picture's file. May be given again."),
]
Minus = Annotated[
    list[str] | None,
    typer.Option("--minus", metavar="X", help="Unlike this: words, or a picture's file. May be given again."),
]

# As many as fit a line or two.
MOST_MEANT = 5
HIT_KEYS = "path photo score cluster cluster_name cluster_named_by"


def similar(
    context: typer.Context,
    photo: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="In the library, or any image files.")],
    plus: Plus = None,
    minus: Minus = None,
    limit: Limit = 20,
    cluster: InCluster = None,
    event: InEvent = None,
    trip: OnTrip = None,
    place: AtPlace = None,
    near: NearTo = None,
    since: Since = None,
    until: Until = None,
    folder: InFolder = None,
    paths: Paths = False,
    nul: Nul = False,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Show photos like this one, or like several together.

    What is given after --plus and --minus is a picture where it ends as a picture's file does or has a slash in it,
    else words.

    \b
    vecclust similar ~/Photos/IMG_0042.jpg -n 10
    vecclust similar ~/Photos/IMG_0042.jpg --preview
    vecclust similar a.jpg b.jpg --plus snow --minus c.jpg
    vecclust similar holiday.heic --paths -0 | xargs -0 ls -l
    """
    session = session_of(context)
    filters = Filters(cluster, since, until, folder, event=event, trip=trip, place=place, near=near)
    like, unlike = _examples(plus), _examples(minus)
    like = Examples(like.texts, (*photo[1:], *like.photos))
    found = session.client().similar(photo[0], limit=limit, filters=filters, plus=like, minus=unlike)
    _answer(session, found, preview=preview, paths=paths, nul=nul, as_json=as_json)


def search(
    context: typer.Context,
    text: Annotated[list[str], typer.Argument(metavar="TEXT...", help="What the pictures show.")],
    plus: Plus = None,
    minus: Minus = None,
    limit: Limit = 20,
    cluster: InCluster = None,
    event: InEvent = None,
    trip: OnTrip = None,
    place: AtPlace = None,
    near: NearTo = None,
    since: Since = None,
    until: Until = None,
    folder: InFolder = None,
    paths: Paths = False,
    nul: Nul = False,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Show photos that match the words.

    What is given after --plus and --minus is a picture where it ends as a picture's file does or has a slash in it,
    else words.

    \b
    vecclust search waterfalls
    vecclust search a dog on the beach --since 2024-06-01 --preview
    vecclust search beach --plus sunset --minus "people in swimwear"
    """
    session = session_of(context)
    filters = Filters(cluster, since, until, folder, event=event, trip=trip, place=place, near=near)
    like, unlike = _examples(plus), _examples(minus)
    found = session.client().search(" ".join(text), limit=limit, filters=filters, plus=like, minus=unlike)
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


def _examples(given: Sequence[str] | None) -> Examples:
    """Tell pictures from words: by how they are written, not by what happens to lie in this folder."""
    from vecclust.photos.ignore import PHOTO_EXTENSIONS

    def is_picture(one: str) -> bool:
        return one.lower().endswith(PHOTO_EXTENSIONS) or os.sep in one

    pictures = [os.path.abspath(os.path.expanduser(one)) for one in given or () if is_picture(one)]
    return Examples(tuple(one for one in given or () if not is_picture(one)), tuple(map(Path, pictures)))


def _answer(session: Session, found: Answer, *, preview: bool, paths: bool, nul: bool, as_json: bool) -> None:
    session.notices(found.notices)
    if found.clusters and not as_json:
        meant = [" ".join(filter(None, (one.id, shown_name(one.name, one.named_by)))) for one in found.clusters]
        more = f" and {len(meant) - MOST_MEANT} more" if len(meant) > MOST_MEANT else ""
        session.notices([f"clusters of that: {'; '.join(meant[:MOST_MEANT])}{more}"])
    if paths and not as_json:
        show_paths((hit.path for hit in found.results), nul=nul)
        return
    if preview and not as_json:
        captions = [f"{place:>3}  {hit.score:.3f}" for place, hit in enumerate(found.results, start=1)]
        session.show_pictures([(hit.photo, caption) for hit, caption in zip(found.results, captions, strict=True)])
    answer(found, show_answer, document=answer_document, as_json=as_json)


def answer_document(found: Answer) -> Document:
    """Give the document of `similar` and `search`.

    Args:
        found: the answer.
    """
    keys = "query plus minus model better_than_chance unknown_words clusters results"
    return document_of(found, keys, results=[document_of(hit, HIT_KEYS) for hit in found.results])


def show_answer(found: Answer) -> None:
    """Print hits, best first.

    Args:
        found: the answer.
    """
    show(
        ("score", "path", "cluster", "name"),
        [
            (hit.score, PurePath(hit.path), hit.cluster, shown_name(hit.cluster_name, hit.cluster_named_by))
            for hit in found.results
        ],
        title="" if found.results else "no photos found",
    )


def show_photo(facts: PhotoFacts) -> None:
    """Print what is known of one photo.

    Args:
        facts: what is known.
    """
    from vecclust.exports.text import taken

    place = None if facts.latitude is None else f"{facts.latitude:.5f}, {facts.longitude:.5f}"
    show_facts(
        ("path", PurePath(facts.path)),
        *(("also", PurePath(path)) for path in facts.other_paths),
        ("photo", facts.photo),
        ("cluster", facts.cluster),
        ("name", shown_name(facts.cluster_name, facts.cluster_named_by)),
        *([("words", ", ".join(facts.words))] if facts.words else ()),
        ("strength", facts.strength),
        ("assigned by", facts.assigned_by),
        *([("novelty", f"{facts.novelty:.3f}")] if facts.novelty is not None else ()),
        *([("held back", "as a newcomer, unlike all that the run knows")] if facts.newcomer else ()),
        ("run", facts.run),
        ("taken", taken(facts.taken, facts.taken_source)),
        ("place", place),
        *([("in", where)] if (where := ", ".join(filter(None, [facts.town, facts.country]))) else ()),
        *([("event", f"{facts.event} {facts.event_name or ''}".strip())] if facts.event else ()),
        *([("trip", f"{facts.trip} {facts.trip_name or ''}".strip())] if facts.trip else ()),
        *([("camera", facts.camera)] if facts.camera else ()),
        *([("damaged", facts.damaged)] if facts.damaged else ()),
        *([("kind", facts.kind)] if facts.kind != "photo" else ()),
        ("size", f"{facts.width} x {facts.height}"),
        ("model", facts.model),
    )
