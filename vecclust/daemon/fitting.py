"""The process of a refit: `python -m vecclust.daemon.fitting LIBRARY FOLDER JSON`; it never writes the library."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(library: str, folder: str, asked: str) -> None:
    """Fit all photos of a library and leave what was found in a folder.

    Args:
        library: the library's directory.
        folder: an empty folder.
        asked: JSON of the parameters of the fit and of how nice to be.
    """
    wanted = json.loads(asked)
    if hasattr(os, "nice"):
        os.nice(wanted["nice"])
    from vecclust.cluster import FitParams
    from vecclust.recluster import find, save_finding
    from vecclust.store import Store

    with Store.open(library) as store:
        save_finding(find(store, FitParams.from_dict(wanted["params"])), Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:4])
