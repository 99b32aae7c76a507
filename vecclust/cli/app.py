"""The typer application: global options, and every group of commands hung below it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vecclust import __version__
from vecclust.cli import ask, clusters, compare, demo, health, look, runs, scan, service, ui, watch, words
from vecclust.cli.session import Session

app = typer.Typer(
    name="vecclust",
    no_args_is_help=True,
    # Plain help: rich's renders in 0.3 s, click's in 0.1 s.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (scan, watch, service, ask, clusters, compare, words, look, ui, runs, health, demo):
    group.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vecclust {__version__}")
        raise typer.Exit


@app.callback()
def global_options(
    context: typer.Context,
    library: Annotated[
        Path | None, typer.Option("--library", metavar="DIR", help="The library; else $VECCLUST_LIBRARY.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings; else LIBRARY/config.toml.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="The open_clip model, or 'bundled'.")
    ] = None,
    verbose: Annotated[int, typer.Option("-v", "--verbose", count=True, help="Say more.")] = 0,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say only errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Keep a photo collection organised by what the pictures show.

    \b
    vecclust scan ~/Photos          bring the library in step with a folder
    vecclust clusters               look at the clusters
    vecclust similar IMG_0042.jpg   more like this one
    vecclust search waterfalls      photos that match the words
    """
    context.obj = Session(library=library, config=config, flags={"model": model}, verbosity=-1 if quiet else verbose)
