"""The process that lays the map out: `python -m vecclust.web.map_process LIBRARY FILE`.

Written to a file for the pages and, where nobody else is writing the library, kept with it, so that the next map begins
at this one. Laying out may take minutes and takes no lock: whoever sorts photos meanwhile is not held up. Says in a
file beside the other, as a JSON object, why it could not: on its output any library may print.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

from vecclust.errors import LibraryLocked, StoreUnsuitable, VecclustError, pack_error
from vecclust.web.opener import REFUSAL, LibraryOpener


def main(library: str, file: str) -> int:
    """Lay the map out.

    Args:
        library: how to open the library, as `LibraryOpener.as_json` says it.
        file: where the places go, whole or not at all.

    Returns:
        The exit status.
    """
    opener = LibraryOpener.from_json(library)
    try:
        with opener.open() as opened:
            laid = opened.map_positions()
    except VecclustError as error:
        Path(file + REFUSAL).write_text(json.dumps(pack_error(error)), encoding="ascii")
        return error.exit_code
    beside = Path(file + ".new")
    with open(beside, "wb") as out:
        np.savez(out, photos=np.array(laid.photos, "S64"), positions=laid.positions)
    beside.replace(file)
    with suppress(LibraryLocked, StoreUnsuitable), opener.open(write=True) as opened:
        opened.keep_map(laid)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
