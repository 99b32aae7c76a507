"""Runs a command line and counts what it goes through of our own: python -m tests.cli.calls ARGUMENTS.

Says on stderr, as one JSON object, how many calls of our functions there were, and in which modules. Bodies of modules
and classes, comprehensions and generator expressions are no calls of functions; what only was imported does not count.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import FrameType

PACKAGE = str(Path(__file__).resolve().parents[2] / "vecclust")


def main(arguments: list[str]) -> None:
    """Run and count.

    Args:
        arguments: of `vecclust`.
    """
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        is_function = code.co_flags & CO_OPTIMIZED and not code.co_name.startswith("<")
        if event == "call" and is_function and code.co_filename.startswith(PACKAGE):
            calls[code.co_filename.removeprefix(PACKAGE + "/")] += 1

    sys.argv = ["vecclust", *arguments]
    threading.setprofile(count)
    sys.setprofile(count)
    try:
        from vecclust.cli.app import main as run

        run()
    finally:
        sys.setprofile(None)
        sys.stderr.write(json.dumps(calls) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
