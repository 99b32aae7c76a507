"""The command line: typer commands of about ten lines each, one file per group.

A command parses, calls one verb of `vecclust.Library` or of its `Front`, and hands the report to a view. It decides
nothing else.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line of this process and exit."""
    from vecclust.cli.app import app
    from vecclust.cli.exits import run

    arguments = sys.argv[1:]
    sys.exit(run(lambda: app(args=arguments, standalone_mode=False), wants_json="--json" in arguments))
