"""Commands about fits: `recluster`, `compare`, `runs` and `rollback`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vecclust.cli.output import MOST_ROWS, Document, answer, document_of, iso_ns, local_time, show, show_facts
from vecclust.cli.session import AsJson, Everything, Figures, session_of
from vecclust.errors import UsageError
from vecclust.types.runs import IDENTITY, refit_kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vecclust.exports.text import Cell
    from vecclust.types.runs import Comparison, RefitKind, RefitReport, Run, Way

REFIT_KEYS = (
    "run kind photos clusters noise seconds kept born split merged gone labels_changed suggested figures stage_seconds"
)
RUN_KEYS = (
    "run kind created=created_ns model photos=n_photos clusters=n_clusters noise=n_noise parent reason params figures"
    " seconds changes"
)


def recluster(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference, change nothing.")] = False,
    min_cluster_size: Annotated[
        int | None, typer.Option("--min-cluster-size", min=2, metavar="N", help="Smallest cluster.")
    ] = None,
    reducer: Annotated[
        Literal["umap", "pca", "none"] | None, typer.Option("--reducer", help="How photos are laid out.")
    ] = None,
    clusterer: Annotated[
        Literal["hdbscan", "kmeans", "agglomerative"] | None,
        typer.Option("--clusterer", help="hdbscan finds how many there are; the others take --n-clusters."),
    ] = None,
    n_clusters: Annotated[
        int | None, typer.Option("--n-clusters", min=1, metavar="N", help="How many clusters; chosen where left out.")
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
    figures: Figures = False,
    as_json: AsJson = False,
) -> None:
    """Fit the clusters anew over all photos.

    Ids and names are carried over. While `vecclust watch` runs, it does the work; Ctrl-C leaves it at it.

    \b
    vecclust recluster --dry-run    what would change
    vecclust recluster --granularity fine
    vecclust recluster --clusterer kmeans --n-clusters 12
    """
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
    if report.suggested and not dry_run:
        proposed = f"{len(report.suggested):,} name{'s are' if len(report.suggested) > 1 else ' is'} proposed"
        session.notices([f"{proposed}: vecclust name lists, vecclust name --all gives them"])
    answer(report, lambda report: show_refit(report, figures=figures), document=refit_document, as_json=as_json)


def compare(
    context: typer.Context,
    sample: Annotated[int, typer.Option("--sample", min=10, metavar="N", help="Photos, drawn at random.")] = 1000,
    seeds: Annotated[int, typer.Option("--seeds", min=2, max=20, metavar="K", help="Resamples of each way.")] = 3,
    figures: Figures = False,
    as_json: AsJson = False,
) -> None:
    """Compare ways to cluster these photos.

    Reducers, clusterers and sizes on a sample; nothing is changed. Stability is the agreement of resamples of 80 %
    with one another, 1 for the same clusters and 0 for none but chance. --figures adds how dense the clusters are, and
    how far they agree with the current run, for which unclustered photos count as a cluster.

    \b
    vecclust compare
    vecclust compare --sample 5000 --seeds 5
    """
    session = session_of(context)
    with session.open() as library, session.progress() as progress:
        found = library.compare(n_sample=sample, n_seeds=seeds, progress=progress)
    answer(found, lambda found: show_comparison(found, figures=figures), document=comparison_document, as_json=as_json)


def runs(context: typer.Context, everything: Everything = False, as_json: AsJson = False) -> None:
    """Show the fits that are kept, newest last.

    Counts are of what each fit found. What you said since, such as a merge, is laid over the current run:
    vecclust clusters and status count it in.

    \b
    vecclust runs
    """
    session = session_of(context)
    kept, current = session.client().runs()
    see_all = "" if everything else session.command("runs", "--all")
    answer(
        kept,
        lambda kept: show_runs(kept, current, see_all=see_all),
        document=lambda kept: {"current": current, "runs": [run_document(run) for run in kept]},
        as_json=as_json,
    )


def rollback(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id, as `vecclust runs` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Make an earlier run the current one.

    Names given since then stay.

    \b
    vecclust rollback r4
    """
    current = session_of(context).client().rollback(run)
    answer(
        current,
        lambda current: typer.echo(f"{current.run} is the current run: {current.n_clusters} clusters"),
        document=run_document,
        as_json=as_json,
    )


def refit_document(report: RefitReport) -> Document:
    """Give the document of `recluster`.

    Args:
        report: what a refit found and changed.
    """
    document = document_of(report, REFIT_KEYS, kind=refit_kind_of(report.figures))
    return document | {"dry_run": True} if report.dry_run else document


def comparison_document(found: Comparison) -> Document:
    """Give the document of `compare`.

    Args:
        found: ways to cluster beside one another.
    """
    ways = [
        document_of(way, "reducer clusterer min_cluster_size time_weight place_weight") | dict(way.figures)
        for way in found.ways
    ]
    return document_of(found, ways=ways)


def run_document(run: Run) -> Document:
    """Give one run with its parameters and figures.

    Args:
        run: the run.
    """
    return document_of(run, RUN_KEYS)


def show_refit(report: RefitReport, *, figures: bool = False) -> None:
    """Print what a refit found and changed.

    Args:
        report: what it found and changed.
        figures: whether those are shown that experts judge by.
    """
    proposed = [("proposed name", f"{cluster}: {name}") for cluster, name in report.suggested.items()]
    shown = proposed[:MOST_ROWS] if sys.stdout.isatty() else proposed
    show_facts(
        ("run", report.run),
        ("photos", report.photos),
        ("clusters", report.clusters),
        ("unclustered", report.noise),
        *((name, getattr(report, name)) for name in IDENTITY),
        ("labels changed", report.labels_changed),
        ("kind", refit_kind_of(report.figures)),
        ("seconds", report.seconds),
        *shown,
        *([("and more", len(proposed) - len(shown))] if len(shown) < len(proposed) else ()),
        *(figure_facts(report.figures) if figures else ()),
        title="would become" if report.dry_run else "refit",
    )


def figure_facts(figures: Mapping[str, Any]) -> list[tuple[str, Cell]]:
    """Give the figures of a fit that experts judge by, as facts.

    Args:
        figures: by name.
    """
    return [(name.replace("_", " "), value) for name, value in figures.items()]


def show_comparison(found: Comparison, *, figures: bool = False) -> None:
    """Print ways to cluster, one a line.

    Args:
        found: the ways beside one another.
        figures: whether those are shown that experts judge by.
    """
    names = ["clusters", "share_unclustered", "stability", *(("dbcv", "ami", "ari") if figures else ()), "seconds"]
    show(
        ("reducer", "clusterer", "size", "beside", *(name.removeprefix("share_") for name in names)),
        [
            (
                way.reducer,
                way.clusterer,
                "" if way.min_cluster_size is None else way.min_cluster_size or "chosen",
                _beside(way),
                *(way.figures[name] for name in names),
            )
            for way in found.ways
        ],
        title=f"{found.photos:,} photos",
        spare=("seconds", "ari", "dbcv", "beside", "unclustered", "clusters"),
    )


def _beside(way: Way) -> str:
    """Say what counts beside what photos show."""
    weights = {"time": way.time_weight, "place": way.place_weight}
    return ", ".join(f"{what} {weight:g}" for what, weight in weights.items() if weight)


def show_runs(runs: Sequence[Run], current: str | None, *, see_all: str = "") -> None:
    """Print the kept runs, oldest first.

    Args:
        runs: the runs.
        current: id of the current one, or None.
        see_all: the command that shows all of them; where it is given, a terminal gets the newest only.
    """
    shown = runs[-MOST_ROWS:] if see_all and sys.stdout.isatty() else runs
    left_out = f"the newest {len(shown)} of {len(runs)} runs; all of them: {see_all}"
    show(
        ("run", "current", "made", "kind", "photos", "clusters", "unclustered", "cut", "identity", "seconds", "why"),
        [(run.run, _star(run, current), local_time(run.created_ns), *_cells(run)) for run in shown],
        title=left_out if len(shown) < len(runs) else "",
        spare=("cut", "seconds", "kind", "identity", "unclustered", "photos", "why", "made"),
        lines=[(run.run, _star(run, current), iso_ns(run.created_ns), *_cells(run)) for run in shown],
    )


def _star(run: Run, current: str | None) -> str:
    return "*" if run.run == current else ""


def _cells(run: Run) -> tuple[Cell, ...]:
    """Give what a run is, but for its id and when it was made."""
    identity = ", ".join(f"{run.changes[name]} {name}" for name in IDENTITY if run.changes.get(name))
    seconds = float(sum(run.seconds.values()))
    counts = run.n_photos, run.n_clusters, run.n_noise
    return (run.kind, *counts, cut_of(run), identity, seconds, run.reason)


def cut_of(run: Run, *, figures: bool = False) -> str:
    """Say how finely a run of HDBSCAN cuts.

    Args:
        run: the run.
        figures: whether its resolution is said too; of a run made before 0.2, whether that was chosen.

    Returns:
        A phrase, empty for runs of other clusterers.
    """
    asked = run.params
    if asked.get("clusterer") != "hdbscan" or "granularity" not in asked:
        return ""
    said = f"{asked['granularity']}, clusters of {asked['min_cluster_size']} and more"
    if not figures:
        return said
    if "resolution" in asked:
        return f"{said} (resolution {asked['resolution']:.2g})"
    return f"{said} ({'chosen' if asked['chosen_at'] else 'given'})"
