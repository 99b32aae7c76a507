"""The command that puts ways to cluster beside one another: `compare`."""

from __future__ import annotations

from typing import Annotated

import typer

from vecclust.cli.options import AsJson
from vecclust.cli.session import answer, session_of


def register(app: typer.Typer) -> None:
    """Hang this group's commands below `app`."""
    app.command()(compare)


def compare(
    context: typer.Context,
    sample: Annotated[int, typer.Option("--sample", min=10, metavar="N", help="Photos, drawn at random.")] = 1000,
    seeds: Annotated[int, typer.Option("--seeds", min=2, max=20, metavar="K", help="Resamples of each way.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Compare ways to cluster these photos.

    Reducers, clusterers and sizes on a sample; nothing is changed. Stability is the agreement (AMI) of resamples
    of 80 % with one another, ami and ari the agreement with the current run; noise counts as a cluster.

    \b
    vecclust compare
    vecclust compare --sample 5000 --seeds 5
    """
    from vecclust.cli import documents, summaries

    session = session_of(context)
    with session.open() as library, session.progress() as progress:
        found = library.compare(n_sample=sample, n_seeds=seeds, progress=progress)
    answer(lambda: documents.comparison_document(found), lambda: summaries.show_comparison(found), as_json=as_json)
