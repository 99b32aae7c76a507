"""Commands about clusters: `clusters`, `cluster` and `rename`."""

from __future__ import annotations

from typing import Annotated

import typer

from vecclust.cli.options import AsJson, InFolder, Nul, Paths, Since, Until
from vecclust.cli.session import answer, session_of

ClusterId = Annotated[str, typer.Argument(metavar="ID", help="A cluster, by its id or its name.")]


def register(app: typer.Typer) -> None:
    """Hang this group's commands below `app`."""
    app.command()(clusters)
    app.command()(cluster)
    app.command()(rename)


def clusters(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the clusters, largest first.

    \b
    vecclust clusters
    """
    from vecclust.cli import documents, summaries

    session = session_of(context)
    with session.open() as library:
        found = library.clusters()
    if found.run is None:
        session.notices(["no run yet; `vecclust recluster` makes one"])
    answer(lambda: documents.clusters_document(found), lambda: summaries.show_clusters(found), as_json=as_json)


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
    from vecclust.cli import documents, summaries, tables
    from vecclust.types.search import Filters

    if inside:
        session = session_of(context)
        with session.open() as library:
            found = library.inside(cluster_id)
        if not found.parts:
            session.notices([f"{found.cluster} is of one piece"])
        answer(lambda: documents.parts_document(found), lambda: summaries.show_parts(found), as_json=as_json)
        return
    filters = Filters(since=since, until=until, folder=folder)
    with session_of(context).open() as library:
        page = library.cluster(cluster_id, limit=limit, filters=filters)
    if paths and not as_json:
        tables.show_paths((member.path for member in page.photos if member.path is not None), nul=nul)
        return
    answer(lambda: documents.cluster_document(page), lambda: summaries.show_cluster(page), as_json=as_json)


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
        lambda: {"id": named.cluster, "name": named.name, "named_by": named.named_by},
        lambda: typer.echo(f"{named.cluster}\t{named.name}"),
        as_json=as_json,
    )
