"""Commands by which the owner corrects clusters: each is kept as a word, and `words` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.options import AsJson
from vecclust.cli.session import answer, session_of

if TYPE_CHECKING:
    from vecclust.types.edits import EditRequest

Photos = Annotated[list[str], typer.Argument(metavar="PHOTO...", help="Photos of the library: paths, content hashes.")]


def register(app: typer.Typer) -> None:
    """Hang this group's commands below `app`."""
    app.command()(move)
    app.command()(pin)
    app.command()(unpin)
    app.command()(merge)
    app.command()(not_together)
    app.command()(split_off)
    app.command()(words)
    app.command()(take_back)


def move(
    context: typer.Context,
    photos: Photos,
    cluster: Annotated[str, typer.Argument(metavar="CLUSTER", help="An id, a name, or `unclustered`.")],
    as_json: AsJson = False,
) -> None:
    """Put photos into a cluster, for good.

    They stay there through refits, until they are moved again or unpinned.

    \b
    vecclust move ~/Photos/IMG_0042.jpg c3
    vecclust move IMG_0042.jpg IMG_0043.jpg "Glacier lagoon"
    vecclust move IMG_0044.jpg unclustered
    """
    from vecclust.types.edits import EditRequest

    _say(context, EditRequest("move", photos=tuple(photos), cluster=cluster), as_json=as_json)


def pin(context: typer.Context, photos: Photos, as_json: AsJson = False) -> None:
    """Keep photos in the cluster they are in, whatever refits find.

    \b
    vecclust pin ~/Photos/IMG_0042.jpg
    """
    from vecclust.types.edits import EditRequest

    _say(context, EditRequest("pin", photos=tuple(photos)), as_json=as_json)


def unpin(context: typer.Context, photos: Photos, as_json: AsJson = False) -> None:
    """Let photos go where the current run has them: moved, pinned and split off ones.

    \b
    vecclust unpin ~/Photos/IMG_0042.jpg
    """
    from vecclust.types.edits import EditRequest

    _say(context, EditRequest("unpin", photos=tuple(photos)), as_json=as_json)


def merge(
    context: typer.Context,
    kept: Annotated[str, typer.Argument(metavar="KEPT", help="The cluster whose id and name stay: an id or a name.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The cluster whose photos become its own.")],
    as_json: AsJson = False,
) -> None:
    """Make one cluster of two, and keep them one through refits.

    \b
    vecclust merge c3 c7
    vecclust merge "Glacier lagoon" c7
    """
    from vecclust.types.edits import EditRequest

    _say(context, EditRequest("merge", cluster=kept, other=other), as_json=as_json)


def not_together(
    context: typer.Context,
    one: Annotated[str, typer.Argument(metavar="CLUSTER", help="An id or a name.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another one.")],
    as_json: AsJson = False,
) -> None:
    """Say that two clusters are not one: a refit that joins them leaves them two.

    \b
    vecclust not-together c3 c7
    """
    from vecclust.types.edits import EditRequest

    _say(context, EditRequest("not-together", cluster=one, other=other), as_json=as_json)


def split_off(
    context: typer.Context,
    cluster: Annotated[str, typer.Argument(metavar="CLUSTER", help="The cluster they are in: an id or a name.")],
    photos: Photos,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What the new cluster is called.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make exactly these photos of a cluster a cluster of their own.

    \b
    vecclust split-off c3 IMG_0042.jpg IMG_0043.jpg --name "Black sand"
    """
    from vecclust.types.edits import EditRequest

    _say(context, EditRequest("split-off", photos=tuple(photos), cluster=cluster, name=name), as_json=as_json)


def words(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also what no longer holds, and names.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what you said of clusters and photos, and what of it holds.

    \b
    vecclust words
    """
    from vecclust.cli import documents, summaries

    with session_of(context).open() as library:
        found = library.words(everything=everything)
    answer(lambda: documents.words_document(found), lambda: summaries.show_words(found), as_json=as_json)


def take_back(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="As `vecclust words` shows them.")],
    as_json: AsJson = False,
) -> None:
    """Take words back: they count as never said.

    \b
    vecclust take-back w4
    """
    from vecclust.types.edits import EditRequest

    _say(context, EditRequest("take-back", edits=tuple(words)), as_json=as_json)


def _say(context: typer.Context, saying: EditRequest, *, as_json: bool) -> None:
    from vecclust.cli import documents, summaries

    session = session_of(context)
    report = session.front().say(saying)
    session.notices(report.notices)
    answer(lambda: documents.word_document(report), lambda: summaries.show_word(report), as_json=as_json)
