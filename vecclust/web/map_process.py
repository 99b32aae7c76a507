"""The process that lays the map out: `python -m vecclust.web.map_process LIBRARY FILE`.

Kept with the library where nobody else is writing it, so that the next map begins at this one; written to a file for
the pages either way. Says in a file beside that one, as a JSON object, why it could not: on its output any library may
print.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from vecclust.errors import LibraryLocked, StoreUnsuitable, VecclustError, pack_error
from vecclust.library.watched import WatchedLibrary
from vecclust.web.opener import REFUSAL, LibraryOpener


def main(library: str, file: str) -> int:
    """Lay the map out.

    Args:
        library: how to open the library, as `LibraryOpener.as_json` says it.
        file: where the places go, whole or not at all.

    Returns:
        The exit status.
    """
    try:
        with _opened(LibraryOpener.from_json(library)) as opened:
            photos, positions = opened.map_positions()
    except VecclustError as error:
        Path(file + REFUSAL).write_text(json.dumps(pack_error(error)), encoding="ascii")
        return error.exit_code
    beside = Path(file + ".new")
    with open(beside, "wb") as out:
        np.savez(out, photos=np.array(photos, "S64"), positions=positions)
    beside.replace(file)
    return 0


def _opened(opener: LibraryOpener) -> WatchedLibrary:
    try:
        return opener.open(write=True)
    except (LibraryLocked, StoreUnsuitable):
        return opener.open()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
