"""The command line: typer commands of about ten lines each, one file per group.

A command parses, calls one verb of the library or asks the daemon that keeps it, and shows what came back. It decides
nothing else. The file of a group holds its commands, the tables people read and the keys of the documents scripts read;
it is imported when one of its commands is run.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line of this process and exit."""
    from vecclust.cli.app import app, run

    arguments = sys.argv[1:]
    sys.exit(run(lambda: app(args=arguments, standalone_mode=False), wants_json="--json" in arguments))
