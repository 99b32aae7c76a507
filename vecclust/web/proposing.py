"""The process of a fit: `python -m vecclust.web.proposing LIBRARY FOLDER`; it never writes the library.

Says on its output, one JSON object a line, how far it has come and in the end what it found or why it could not.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from vecclust.errors import VecclustError
from vecclust.web.opener import LibraryOpener


def main(library: str, folder: str) -> int:
    """Fit all photos and leave the fit in a folder.

    Args:
        library: how to open the library, as `LibraryOpener.as_json` says it.
        folder: an empty folder.

    Returns:
        The exit status.
    """
    from vecclust.library.runs import save_finding

    try:
        with LibraryOpener.from_json(library).open() as opened:
            finding, report = opened.propose(progress=_tell_progress)
        save_finding(finding, Path(folder))
    except VecclustError as error:
        _tell({"error": {"message": error.message, "hint": error.hint}})
        return error.exit_code
    _tell({"report": asdict(report)})
    return 0


def _tell_progress(stage: str, done: int, total: int) -> None:
    _tell({"stage": stage, "done": done, "total": total})


def _tell(said: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
