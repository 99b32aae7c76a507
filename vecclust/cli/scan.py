"""Commands that bring the library in step: `scan` and `recluster`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vecclust.cli.options import AsJson
from vecclust.cli.session import answer, session_of
from vecclust.errors import UsageError

if TYPE_CHECKING:
    from vecclust.types.runs import RefitKind


def register(app: typer.Typer) -> None:
    """Hang this group's commands below `app`."""
    app.command()(scan)
    app.command()(recluster)


def scan(
    context: typer.Context,
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Remembered from then on.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="The model of a new library.")] = None,
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
    from vecclust.cli import documents, summaries

    session = session_of(context)
    with (
        session.open(write=not dry_run, missing_ok=dry_run, flags={"model": model}) as library,
        session.progress() as progress,
    ):
        report = library.scan(folders or (), dry_run=dry_run, prune=prune, progress=progress)
    session.notices(report.notices)
    answer(lambda: documents.scan_document(report), lambda: summaries.show_scan(report), as_json=as_json)


def recluster(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference, change nothing.")] = False,
    min_cluster_size: Annotated[
        int | None, typer.Option("--min-cluster-size", min=2, metavar="N", help="Smallest cluster.")
    ] = None,
    reducer: Annotated[Literal["umap", "pca", "none"] | None, typer.Option("--reducer")] = None,
    clusterer: Annotated[Literal["hdbscan", "kmeans", "agglomerative"] | None, typer.Option("--clusterer")] = None,
    n_clusters: Annotated[
        int | None, typer.Option("--n-clusters", min=1, metavar="N", help="For kmeans and agglomerative.")
    ] = None,
    granularity: Annotated[
        Literal["coarse", "auto", "fine"] | None,
        typer.Option("--granularity", help="About half of the clusters, or twice as many; later fits keep it."),
    ] = None,
    assign_all: Annotated[
        bool, typer.Option("--assign-all", help="Give photos without a cluster the nearest one, until the next fit.")
    ] = False,
    full: Annotated[
        bool | None, typer.Option("--full/--quick", help="From nothing, as it is by default, or from the current run.")
    ] = None,
    light: Annotated[
        bool, typer.Option("--light", help="From the current run, settling only photos that came since.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fit the clusters anew over all photos.

    Ids and names are carried over. While `vecclust watch` runs, it does the work; Ctrl-C leaves it at it.

    \b
    vecclust recluster --dry-run    what would change
    vecclust recluster --granularity fine
    vecclust recluster --clusterer kmeans --n-clusters 12
    """
    from vecclust.cli import documents, summaries

    if full and light:
        raise UsageError(
            "--full and --light exclude each other",
            hint="Without either the fit is from nothing; --light settles only what came since the last one.",
        )
    flags = {
        "clusters.min_cluster_size": min_cluster_size,
        "clusters.reducer": reducer,
        "clusters.clusterer": clusterer,
        "clusters.n_clusters": n_clusters,
        "clusters.granularity": granularity,
        "clusters.assign_all": assign_all or None,
    }
    session = session_of(context)
    kind: RefitKind = "light" if light else "continued" if full is False else "full"
    with session.progress() as progress:
        report = session.client(flags=flags).recluster(dry_run=dry_run, kind=kind, progress=progress)
    answer(lambda: documents.refit_document(report), lambda: summaries.show_refit(report), as_json=as_json)
