"""Options that several commands share, each defined once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document on stdout.")]
Paths = Annotated[bool, typer.Option("--paths", help="Answer with bare paths, one a line.")]
Nul = Annotated[bool, typer.Option("-0", help="With --paths: end each path by NUL instead of a newline.")]
Preview = Annotated[bool, typer.Option("--preview", help="Show the first thumbnails too, where the terminal can.")]
Limit = Annotated[int, typer.Option("-n", "--limit", min=1, max=100_000, help="Photos to show.")]
InCluster = Annotated[
    str | None, typer.Option("--cluster", metavar="ID", help="Only photos of this cluster: its id or its name.")
]
Since = Annotated[
    datetime | None,
    typer.Option("--since", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], metavar="DATE", help="Taken on or after."),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], metavar="DATE", help="Taken on or before."),
]
InFolder = Annotated[Path | None, typer.Option("--folder", metavar="DIR", help="Only photos below this folder.")]
