"""Commands about clusters: `clusters`, `cluster` and `rename`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import Document, answer, document_of, iso_ns, show, show_paths
from vecclust.cli.session import AsJson, InFolder, Nul, Paths, Since, Until, session_of
from vecclust.types.search import Filters

if TYPE_CHECKING:
    from vecclust.types.clusters import ClusterEntry, ClusterList, ClusterPage, ClusterParts

ClusterId = Annotated[str, typer.Argument(metavar="ID", help="A cluster, by its id or its name.")]

ENTRY_KEYS = "id name named_by suggested_name size strength medoid first_taken last_taken"


def clusters(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the clusters, largest first.

    \b
    vecclust clusters
    """
    session = session_of(context)
    found = session.client().clusters()
    if found.run is None:
        session.notices(["no run yet; `vecclust recluster` makes one"])
    answer(found, show_clusters, document=clusters_document, as_json=as_json)


def cluster(
    context: typer.Context,
    cluster_id: ClusterId,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="Photos to show; all where left out.")] = 10**9,
    since: Since = None,
    until: Until = None,
    folder: InFolder = None,
    inside: Annotated[bool, typer.Option("--inside", help="Show the groups in it instead.")] = False,
    paths: Paths = False,
    nul: Nul = False,
    as_json: AsJson = False,
) -> None:
    """Show one cluster and its history.

    Its photos come by strength, the most typical first.

    \b
    vecclust cluster c3
    vecclust cluster c3 --inside
    vecclust cluster c3 --paths -0 | xargs -0 cp -t /tmp/lagoon
    """
    session = session_of(context)
    if inside:
        found = session.client().inside(cluster_id)
        if not found.parts:
            session.notices([f"{found.cluster} is of one piece"])
        answer(found, show_parts, document=parts_document, as_json=as_json)
        return
    filters = Filters(since=since, until=until, folder=folder)
    page = session.client().cluster(cluster_id, limit=limit, filters=filters)
    if paths and not as_json:
        show_paths((member.path for member in page.photos if member.path is not None), nul=nul)
        return
    answer(page, show_cluster, document=cluster_document, as_json=as_json)


def rename(
    context: typer.Context,
    cluster_id: ClusterId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name from now on; it outlives refits.")],
    as_json: AsJson = False,
) -> None:
    """Give a cluster a lasting name.

    \b
    vecclust rename c3 "Glacier lagoon"
    """
    named = session_of(context).client().rename(cluster_id, name)
    answer(
        named,
        lambda named: typer.echo(f"{named.cluster}\t{named.name}"),
        document=lambda named: document_of(named, "id=cluster name named_by"),
        as_json=as_json,
    )


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


def show_clusters(found: ClusterList) -> None:
    """Print the clusters, largest first.

    Args:
        found: the clusters.
    """
    title = f"{found.photos} photos, {found.clustered} in {len(found.clusters)} clusters"
    show(
        ("id", "name", "photos", "strength", "first", "last", "most typical"),
        [
            (entry.id, _name(entry), entry.size, _strength(entry), *_span(entry), entry.medoid)
            for entry in found.clusters
        ],
        title=f"{title}, {found.noise} unclustered",
    )


def _name(entry: ClusterEntry) -> str | None:
    """Give the name, or with a question mark the one that is proposed."""
    return entry.name or (f"{entry.suggested_name}?" if entry.suggested_name else None)


def _strength(entry: ClusterEntry) -> float | str:
    return f"{entry.strength:.2f}, mixed" if entry.is_mixed else entry.strength


def _span(entry: ClusterEntry) -> tuple[str | None, str | None]:
    first, last = entry.first_taken, entry.last_taken
    return (f"{first:%Y-%m-%d}" if first else None, f"{last:%Y-%m-%d}" if last else None)


def show_cluster(page: ClusterPage) -> None:
    """Print one cluster's photos by strength, and on a terminal its history.

    Args:
        page: the cluster.
    """
    name = f" “{_name(page.entry)}”" if _name(page.entry) else ""
    show(
        ("strength", "path", "by"),
        [(member.strength, member.path or f"(no file) {member.photo}", member.assigned_by) for member in page.photos],
        title=f"{page.entry.id}{name}: {page.entry.size} photos",
    )
    if sys.stdout.isatty():
        events = [
            (
                iso_ns(event.when_ns),
                event.run,
                event.text or event.event,
                "" if event.text else ", ".join(event.sources),
            )
            for event in page.history
        ]
        show(("when", "run", "what", "from"), events, title="history")


def show_parts(found: ClusterParts) -> None:
    """Print what is inside a cluster: each group with its size and its most typical photo.

    Args:
        found: the groups in it.
    """
    show(
        ("group", "size", "most typical"),
        [
            (number, len(part), part[0].path or f"(no file) {part[0].photo}")
            for number, part in enumerate(found.parts, start=1)
        ],
        title=f"inside {found.cluster}: {found.size} photos",
    )
