"""Commands about clusters: `clusters`, `cluster`, `rename` and `name`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.edits import REPORT_KEYS, show_edit
from vecclust.cli.output import MOST_ROWS, Document, answer, document_of, local_time, show, show_paths, shown_name
from vecclust.cli.session import (
    AsJson,
    AtPlace,
    Everything,
    InEvent,
    InFolder,
    NearTo,
    Nul,
    OnTrip,
    Paths,
    Preview,
    Since,
    Until,
    filter_options,
    session_of,
)
from vecclust.errors import UsageError
from vecclust.exports.text import made_of, span
from vecclust.types.clusters import UNCLUSTERED
from vecclust.types.search import Filters

if TYPE_CHECKING:
    from vecclust.types.clusters import (
        ClusterCaption,
        ClusterEntry,
        ClusterList,
        ClusterName,
        ClusterPage,
        ClusterParts,
    )

ClusterId = Annotated[
    str, typer.Argument(metavar="ID", help="A cluster, by its id or its name; `unclustered` for the rest.")
]
Named = Annotated[
    str, typer.Argument(metavar="ID", help="A cluster, by its id or its name; an event, trip or place, by its id.")
]

MIXED = "(mixed)"
ENTRY_KEYS = "id name named_by suggested_name tags size strength medoid first_taken last_taken"


def clusters(
    context: typer.Context,
    about: Annotated[
        str, typer.Option("--about", metavar="WORD", help="Only those that this word means, the likeliest first.")
    ] = "",
    everything: Everything = False,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Show the clusters, largest first.

    A name after ~ is proposed; `vecclust name` accepts or refuses it.

    \b
    vecclust clusters
    vecclust clusters --about animals
    vecclust clusters --preview     the most typical photo of each, too
    """
    session = session_of(context)
    found = session.client().clusters(about=about) if about else session.client().clusters()
    if found.run is None:
        session.notices(["no run yet; vecclust recluster makes one"])
    elif about and not found.clusters:
        session.notices([f"no cluster is about “{about}”"])
    see_all = "" if everything else session.command("clusters", *(["--about", about] if about else []), "--all")
    if preview and not as_json:
        entries = found.clusters if everything else found.clusters[:MOST_ROWS]
        session.show_pictures([(entry.medoid_photo, _caption(entry)) for entry in entries])
    answer(found, partial(show_clusters, see_all=see_all), document=clusters_document, as_json=as_json)


def cluster(
    context: typer.Context,
    cluster_id: ClusterId,
    limit: Annotated[
        int | None,
        typer.Option("-n", "--limit", min=1, help="Photos to show; a terminal shows 20, else all where left out."),
    ] = None,
    everything: Everything = False,
    event: InEvent = None,
    trip: OnTrip = None,
    place: AtPlace = None,
    near: NearTo = None,
    since: Since = None,
    until: Until = None,
    folder: InFolder = None,
    inside: Annotated[bool, typer.Option("--inside", help="Show the groups in it instead.")] = False,
    paths: Paths = False,
    nul: Nul = False,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Show one cluster and its history.

    Its photos come by strength, the most typical first.

    \b
    vecclust cluster c3
    vecclust cluster unclustered --all
    vecclust cluster c3 --inside
    vecclust cluster c3 --paths -0 | xargs -0 cp -t /tmp/lagoon
    """
    session = session_of(context)
    if inside:
        found = session.client().inside(cluster_id)
        if not found.parts:
            is_cluster = found.cluster != UNCLUSTERED
            session.notices([f"{found.cluster} is of one piece" if is_cluster else "no groups among the unclustered"])
        answer(found, show_parts, document=parts_document, as_json=as_json)
        return
    filters = Filters(None, since, until, folder, event=event, trip=trip, place=place, near=near)
    page = session.client().cluster(cluster_id, limit=limit or 10**9, filters=filters)
    if paths and not as_json:
        show_paths((member.path for member in page.photos if member.path is not None), nul=nul)
        return
    see_all = ""
    if limit is None and not everything:
        # What was asked for, in all its length: filters and all.
        see_all = session.command("cluster", cluster_id, *filter_options(filters), "--all")
    if preview and not as_json:
        members = page.photos[:MOST_ROWS] if see_all else page.photos
        session.show_pictures([(one.photo, f"{place:>3}  {one.strength:.3f}") for place, one in enumerate(members, 1)])
    answer(page, partial(show_cluster, see_all=see_all), document=cluster_document, as_json=as_json)


def _caption(entry: ClusterEntry) -> str:
    name = _name(entry)
    return f" {entry.id}  {name}" if name else f" {entry.id}  {entry.size:,} photos"


def caption(
    context: typer.Context,
    cluster_id: Annotated[
        list[str], typer.Argument(metavar="ID...", help="Clusters, each by its id or its name.", show_default=False)
    ],
    mean: Annotated[
        bool, typer.Option("--mean", help="From the mean of its pictures, instead of from the most central one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a sentence about what a cluster shows.

    It takes a model that can write: the library's own, or the one that the setting names.captioner names.

    \b
    vecclust caption c3
    vecclust caption c3 c7 --mean
    """
    written = session_of(context).client().caption(tuple(cluster_id), mean=mean)
    answer(written, show_captions, document=captions_document, as_json=as_json)


def rename(
    context: typer.Context,
    cluster_id: Named,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name from now on; it outlives refits.")],
    as_json: AsJson = False,
) -> None:
    """Give a cluster, event, trip or place a lasting name.

    \b
    vecclust rename c3 "Glacier lagoon"
    vecclust rename t2 "Portugal by train"
    """
    named = session_of(context).client().rename(cluster_id, name)
    answer(
        named,
        lambda named: show_names([named]),
        document=lambda named: document_of(named, "id=cluster name named_by"),
        as_json=as_json,
    )


def name(
    context: typer.Context,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="ID", help="Give this cluster its proposed name.")
    ] = None,
    refuse: Annotated[
        list[str] | None, typer.Option("--refuse", metavar="ID", help="Never call this cluster so again.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Give all proposed names.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the names that are proposed, give them, or refuse them.

    A cluster is proposed a word of the vocabulary, and LIBRARY/vocabulary.txt may have more of them, a phrase a line;
    one that broke off a named one is proposed its name with a number. --accept and --refuse may be given again.

    \b
    vecclust name                   what is proposed
    vecclust name --accept c7
    vecclust name --refuse c9       `vecclust undo` takes it back
    vecclust name --all
    """
    session = session_of(context)
    if refuse and (accept or everything):
        raise UsageError("names are accepted or refused, not both at once", hint="Say one of them first.")
    if refuse:
        report = session.client().refuse_names(tuple(refuse))
        session.notices(report.notices)
        answer(report, show_edit, document=lambda report: document_of(report, REPORT_KEYS), as_json=as_json)
        return
    proposed = [entry for entry in session.client().clusters().clusters if entry.suggested_name]
    if not accept and not (everything and proposed):
        if not proposed:
            session.notices(["no name is proposed"])
        answer(proposed, show_proposed, document=proposed_document, as_json=as_json)
        return
    given = session.client().accept_names(tuple(accept or ()) if not everything else ())
    answer(given, show_names, document=names_document, as_json=as_json)


def captions_document(captions: Sequence[ClusterCaption]) -> Document:
    """Give the document of `caption`.

    Args:
        captions: of clusters.
    """
    return {
        "captions": [document_of(caption, "id=cluster caption=text of model photos photo path") for caption in captions]
    }


def show_captions(captions: Sequence[ClusterCaption]) -> None:
    """Print captions.

    Args:
        captions: of clusters.
    """
    show(("id", "caption"), [(caption.cluster, caption.text) for caption in captions])


def proposed_document(entries: Sequence[ClusterEntry]) -> Document:
    """Give the document of `name`.

    Args:
        entries: clusters that a name is proposed for.
    """
    return {"proposed": [document_of(entry, "id name=suggested_name tags") for entry in entries]}


def names_document(names: Sequence[ClusterName]) -> Document:
    """Give the document of `name --accept`.

    Args:
        names: the names that were given.
    """
    return {"names": [document_of(name, "id=cluster name named_by") for name in names]}


def show_proposed(entries: Sequence[ClusterEntry]) -> None:
    """Print the names that are proposed.

    Args:
        entries: clusters that a name is proposed for.
    """
    show(("id", "proposed", "tags"), [(entry.id, entry.suggested_name, ", ".join(entry.tags)) for entry in entries])


def show_names(names: Sequence[ClusterName]) -> None:
    """Print names that were given.

    Args:
        names: the names.
    """
    show(("id", "name"), [(name.cluster, name.name) for name in names])


def clusters_document(found: ClusterList) -> Document:
    """Give the document of `clusters`.

    Args:
        found: the clusters.
    """
    entries = [document_of(entry, ENTRY_KEYS) for entry in found.clusters]
    return document_of(found, clusters=entries)


def cluster_document(page: ClusterPage) -> Document:
    """Give the document of `cluster`: what runs did to it is its history, what the owner said stands apart.

    Args:
        page: the cluster.
    """
    runs = [event for event in page.history if not event.text]
    said = [event for event in page.history if event.text]
    return document_of(page.entry, ENTRY_KEYS) | {
        "made_of": None if page.made_of is None else document_of(page.made_of),
        "photos": [document_of(member) for member in page.photos],
        "history": [document_of(event, "run event from=sources time=when_ns") for event in runs],
        "said": [document_of(event, "word text run time=when_ns", word=event.word or None) for event in said],
    }


def parts_document(found: ClusterParts) -> Document:
    """Give the document of `cluster --inside`.

    Args:
        found: the groups in a cluster.
    """
    parts = [
        {"size": len(part), "photos": [document_of(member, "path photo") for member in part]} for part in found.parts
    ]
    return document_of(found, "id=cluster size inside", inside=parts)


def show_clusters(found: ClusterList, *, see_all: str = "") -> None:
    """Print the clusters, largest first.

    Args:
        found: the clusters.
        see_all: the command that shows all of them; where it is given, a terminal gets the largest only.
    """
    title = f"{found.photos:,} photos: {found.clustered:,} in {len(found.clusters):,} clusters"
    unlabelled = found.photos - found.clustered - found.noise
    rest = f", {unlabelled:,} not labelled yet" if unlabelled else ""
    show(
        ("id", "name", "photos", "strength", "taken", "most typical"),
        [
            (
                entry.id,
                _marked_name(entry),
                entry.size,
                entry.strength,
                span(entry.first_taken, entry.last_taken),
                _path(entry.medoid),
            )
            for entry in found.clusters
        ],
        title=f"{title}, {found.noise:,} unclustered{rest}",
        spare=("strength", "taken", "most typical"),
        lines=[
            (entry.id, _name(entry), entry.size, _strength(entry), *_span(entry), entry.medoid)
            for entry in found.clusters
        ],
        see_all=see_all,
    )


def _name(entry: ClusterEntry) -> str | None:
    """Give the name, marked where it is proposed."""
    return shown_name(entry.name, entry.named_by)


def _marked_name(entry: ClusterEntry) -> str | None:
    """Give the name and further words, and that the cluster is mixed: the column that no terminal is too narrow for."""
    tags = f"({', '.join(entry.tags)})" if entry.tags and entry.named_by == "auto" else None
    marked = [part for part in (_name(entry), tags, MIXED if entry.is_mixed else None) if part]
    return " ".join(marked) or None


def _strength(entry: ClusterEntry) -> float | str:
    return f"{entry.strength:.2f}, mixed" if entry.is_mixed else entry.strength


def _span(entry: ClusterEntry) -> tuple[str | None, str | None]:
    first, last = entry.first_taken, entry.last_taken
    return (f"{first:%Y-%m-%d}" if first else None, f"{last:%Y-%m-%d}" if last else None)


def _path(path: str | None, photo: str = "") -> PurePath | str | None:
    """Give the cell of a photo's path; where no file of it is there, its content hash says which it is."""
    if path is not None:
        return PurePath(path)
    return f"(no file) {photo}" if photo else None


def show_cluster(page: ClusterPage, *, see_all: str = "") -> None:
    """Print one cluster's photos by strength, and on a terminal its history.

    Args:
        page: the cluster.
        see_all: the command that shows all photos; where it is given, a terminal gets the first only.
    """
    entry, unclustered = page.entry, page.entry.id == UNCLUSTERED
    name = f" “{_name(entry)}”" if _name(entry) else ""
    mixed = f" {MIXED}" if entry.is_mixed else ""
    tags = f"; {', '.join(entry.tags)}" if entry.tags else ""
    show(
        ("strength", "path", "by"),
        [(member.strength, _path(member.path, member.photo), member.assigned_by) for member in page.photos],
        title=f"{entry.size:,} unclustered photo{_s(entry.size)}"
        if unclustered
        else f"{entry.id}{name}: {entry.size:,} photo{_s(entry.size)}{mixed}{tags}",
        spare=("strength",),
        see_all=see_all,
    )
    if sys.stdout.isatty() and page.made_of is not None:
        from vecclust.cli.tables import print_sentences

        print_sentences(*made_of(page.made_of))
    if sys.stdout.isatty() and page.history:
        events = [
            (
                local_time(event.when_ns),
                event.run,
                event.text or event.event,
                "" if event.text else ", ".join(event.sources),
            )
            for event in page.history
        ]
        show(("when", "run", "what", "from"), events, title="history")


def _s(number: int) -> str:
    return "" if number == 1 else "s"


def show_parts(found: ClusterParts) -> None:
    """Print what is inside a cluster: each group with its size and its most typical photo.

    Args:
        found: the groups in it.
    """
    show(
        ("group", "size", "most typical"),
        [(number, len(part), _path(part[0].path, part[0].photo)) for number, part in enumerate(found.parts, start=1)],
        title=f"inside {found.cluster}: {found.size:,} photo{_s(found.size)}",
    )
