"""A daemon with a fake model, run as a process: `python -m tests.daemon.watching LIBRARY [FOLDER] [KEY=VALUE…]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from vecclust import Library
from vecclust.cli.exits import run
from vecclust.cli.session import configure_logging
from vecclust.daemon import serve
from vecclust.testing import FakeEmbedder


def main(library: str, *arguments: str) -> None:
    """Watch until stopped."""
    configure_logging(1)
    flags = {key: json.loads(value) for key, value in (text.split("=", 1) for text in arguments if "=" in text)}
    folders = [Path(text) for text in arguments if "=" not in text]
    with Library.open(library, write=True, flags=flags, embedder=FakeEmbedder()) as opened:
        serve(opened, folders)


if __name__ == "__main__":
    sys.exit(run(lambda: main(*sys.argv[1:]), wants_json=False))
