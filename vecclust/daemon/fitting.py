"""The process of a refit: `python -m vecclust.daemon.fitting LIBRARY FOLDER JSON`; it never writes the library.

Its input is a pipe that nobody writes to: its end says that the daemon is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from pathlib import Path

from vecclust.daemon.refitter import PROGRESS, REFUSAL

# What is told more often than this of one stage is left out.
TELL_EVERY_S = 0.1


class Told:
    """Writes down how far a fit has come, a line each: JSON of stage, done and total.

    Args:
        file: where; made anew.
    """

    def __init__(self, file: Path) -> None:
        self._file = open(file, "w", encoding="ascii", buffering=1)  # noqa: SIM115 -- as long as the process
        self._stage, self._told_s = "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note."""
        now_s = time.monotonic()
        if stage == self._stage and done != total and now_s - self._told_s < TELL_EVERY_S:
            return
        self._stage, self._told_s = stage, now_s
        self._file.write(json.dumps([stage, done, total]) + "\n")


def end_with_daemon() -> None:
    """End this process when its input ends, however the daemon went: SIGKILL leaves no orphan.

    Linux could signal it (PR_SET_PDEATHSIG), but that is tied to the thread that started it, not to the process.
    """

    def listen() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        os._exit(1)

    threading.Thread(target=listen, name="vecclust-orphaned", daemon=True).start()


def main(library: str, folder: str, asked: str) -> int:
    """Fit all photos of a library and leave what was found in a folder.

    Args:
        library: the library's directory.
        folder: an empty folder.
        asked: JSON of the parameters of the fit, of its kind and of how nice to be.

    Returns:
        The exit code; where it is not 0, the folder says why.
    """
    wanted = json.loads(asked)
    if hasattr(os, "nice"):
        os.nice(wanted["nice"])
    from vecclust.clustering import FitParams
    from vecclust.errors import VecclustError
    from vecclust.library.runs import find, save_finding
    from vecclust.server.codec import error_values
    from vecclust.store import Store

    place = Path(folder)
    try:
        with Store.open(library) as store:
            params, told = FitParams.from_dict(wanted["params"]), Told(place / PROGRESS)
            found = find(store, params, kind=wanted["kind"], progress=told)
            save_finding(found, place)
    except VecclustError as error:
        (place / REFUSAL).write_text(json.dumps(error_values(error)), encoding="ascii")
        return error.exit_code
    return 0


if __name__ == "__main__":
    end_with_daemon()
    sys.exit(main(*sys.argv[1:4]))
