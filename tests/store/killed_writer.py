"""A writer that kills itself with SIGKILL before its n-th commit: python -m tests.store.killed_writer DIR DEED N.

Prints what it has acknowledged, one word a line. The deeds: `make` a library, `add` photos, `run` (commit a
run), `remove` photos, `open` it with what that brings, and `forever` (add photos and commit runs until somebody else
kills it).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.store.samples import FAST, commit_sample_run, new_library, photo_key, photo_rows
from vecclust.store import Store
from vecclust.store.tables import Tables


def _die_before(commit: int) -> None:
    """Make the n-th commit of this process its end."""
    made = 0

    def dying(method: Any) -> Any:
        def around(*args: Any, **kwargs: Any) -> Any:
            nonlocal made
            made += 1
            if made == commit:
                sys.stdout.flush()
                os.kill(os.getpid(), signal.SIGKILL)
            return method(*args, **kwargs)

        return around

    for name in ("_commit", "create", "drop"):
        setattr(Tables, name, dying(getattr(Tables, name)))


def main(folder: Path, deed: str, commit: int) -> None:
    """Do the deed."""
    if deed == "make":
        _die_before(commit)
        new_library(folder).close()
        print("made")
        return
    if deed == "open":
        _die_before(commit)
        Store.open(folder, write=True, settings=FAST).close()
        print("done")
        return
    with Store.open(folder, write=True, settings=FAST) as store:
        _die_before(commit)
        if deed == "add":
            store.add_photos(photo_rows(10, first=100))
        elif deed == "run":
            commit_sample_run(store, clusters=("c1", "c9"))
        elif deed == "remove":
            store.remove_photos([photo_key(0), photo_key(1)])
        else:
            for number in range(10**6):
                store.add_photos(photo_rows(5, first=1000 + 5 * number))
                print("photos", 1000 + 5 * number, flush=True)
                print("run", commit_sample_run(store), flush=True)
    print("done")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
