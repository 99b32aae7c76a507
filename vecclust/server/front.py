"""The front of a library: asks the daemon that keeps it where there is one, and opens the library where there is none.

The answers are the same either way; only how long they take differs. Light: a question that the daemon answers costs
neither tables nor model in this process. Who holds a library open already may have it asked where no daemon answers.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecclust.config import library_path, named_config
from vecclust.errors import VecclustError
from vecclust.server.wire import (
    BrokenWire,
    Declined,
    NobodyThere,
    ask,
    pack_filters,
    pack_saying,
    unpack_answer,
    unpack_name,
    unpack_refit,
    unpack_run,
    unpack_status,
    unpack_word,
)
from vecclust.types.clusters import ClusterName
from vecclust.types.edits import EditReport, EditRequest
from vecclust.types.progress import Progress, no_progress
from vecclust.types.runs import RefitKind, RefitReport, Run
from vecclust.types.search import Answer, Filters
from vecclust.types.status import Status

if TYPE_CHECKING:
    from vecclust.library.library import Library

log = logging.getLogger(__name__)

NO_FILTERS = Filters()
_HASH = re.compile("[0-9a-f]{64}")

Notice = Callable[[str], object]
Values = Mapping[str, Any]


def _no_notice(sentence: str) -> None:
    """Say nothing."""


class Front:
    """One library, as those meet it who ask once.

    Args:
        path: its directory, `~` for home; `$VECCLUST_LIBRARY` or the user's data directory where None.
        config: a configuration file; `$VECCLUST_CONFIG` or `LIBRARY/config.toml` where None.
        flags: dotted configuration keys that win over everything else.
        notice: told sentences that the asker should see while something is under way.
        library: the same one, open for reading already; asked where no daemon answers, and left open.
    """

    def __init__(
        self,
        path: Path | str | None = None,
        *,
        config: Path | None = None,
        flags: Mapping[str, Any] | None = None,
        notice: Notice = _no_notice,
        library: Library | None = None,
    ) -> None:
        self._folder = library_path(path)
        self._config = config
        self._flags = {key: value for key, value in (flags or {}).items() if value is not None}
        self._notice = notice
        self._library = library

    def is_kept(self) -> bool:
        """Say whether a daemon keeps the library and does what this one asks."""
        return self._asked("status", {}) is not None

    def similar(self, photo: Path | str, *, limit: int = 20, filters: Filters = NO_FILTERS) -> Answer:
        """Find photos like one; see `Library.similar`."""
        path = os.path.abspath(photo)
        asked = {"photo": path, "limit": limit, "filters": pack_filters(filters)}
        answer = self._asked("similar", asked, files=[path])
        if answer is not None:
            return unpack_answer(answer)
        with self._opened() as library:
            return library.similar(path, limit=limit, filters=filters)

    def search(self, text: str, *, limit: int = 20, filters: Filters = NO_FILTERS) -> Answer:
        """Find photos that match words; see `Library.search`."""
        answer = self._asked("search", {"text": text, "limit": limit, "filters": pack_filters(filters)})
        if answer is not None:
            return unpack_answer(answer)
        with self._opened() as library:
            return library.search(text, limit=limit, filters=filters)

    def status(self) -> Status:
        """Read the state of the library; see `Library.status`."""
        answer = self._asked("status", {})
        if answer is not None:
            return unpack_status(answer)
        with self._opened() as library:
            return library.status()

    def recluster(
        self, *, dry_run: bool = False, kind: RefitKind = "full", progress: Progress = no_progress
    ) -> RefitReport:
        """Fit the clusters anew; see `Library.recluster`. Interrupted, a daemon goes on with it."""
        if not dry_run:
            answer = self._ordered("recluster", {"kind": kind}, progress=progress)
            if answer is not None:
                return unpack_refit(answer)
        with self._opened(write=not dry_run) as library:
            return library.recluster(dry_run=dry_run, kind=kind, progress=progress)

    def rename(self, cluster: str, name: str) -> ClusterName:
        """Give a cluster its owner's name; see `Library.rename`."""
        answer = self._ordered("rename", {"cluster": cluster, "name": name})
        if answer is not None:
            return unpack_name(answer)
        with self._opened(write=True) as library:
            return library.rename(cluster, name)

    def say(self, saying: EditRequest) -> EditReport:
        """Keep a word of the owner's; see `Library.say`."""
        # A content hash is no path, and what is no path becomes none of this directory.
        photos = tuple(one if _HASH.fullmatch(one) else os.path.abspath(one) for one in saying.photos)
        saying = dataclasses.replace(saying, photos=photos)
        answer = self._ordered(saying.kind, pack_saying(saying))
        if answer is not None:
            return unpack_word(answer)
        with self._opened(write=True) as library:
            return library.say(saying)

    def rollback(self, run: str) -> Run:
        """Make an earlier run the current one; see `Library.rollback`."""
        answer = self._ordered("rollback", {"run": run})
        if answer is not None:
            return unpack_run(answer)
        with self._opened(write=True) as library:
            return library.rollback(run)

    def _opened(self, *, write: bool = False) -> AbstractContextManager[Library]:
        if self._library is not None and not write:
            return nullcontext(self._library)
        from vecclust.library.library import Library

        return Library.open(self._folder, write=write, config=self._config, flags=self._flags)

    def _asked(self, verb: str, asked: Values, *, files: list[str] | None = None) -> Values | None:
        """Ask the daemon something that costs nothing but time to find out alone; None where it does not answer."""
        try:
            return ask(self._folder, self._question(verb, asked, files or []))
        except (NobodyThere, Declined, BrokenWire) as why:
            log.debug("not answered by a daemon: %s", why)
            return None

    def _ordered(self, verb: str, asked: Values, *, progress: Progress = no_progress) -> Values | None:
        """Have the daemon do something; None where there is none, or it leaves it to whoever may write."""
        taken = False

        def hear(word: Values) -> None:
            nonlocal taken
            taken = True
            if "stage" in word:
                stage, done, total = word["stage"]
                progress(str(stage), int(done), int(total))
            elif "notice" in word:
                self._notice(str(word["notice"]))

        try:
            return ask(self._folder, self._question(verb, asked, []), told=hear)
        except (NobodyThere, Declined) as why:
            log.debug("not done by a daemon: %s", why)
            return None
        except BrokenWire as error:
            raise VecclustError(
                f"the daemon went away before {verb} was done",
                hint="Look whether it is done (vecclust runs, vecclust clusters), and run it again if not.",
            ) from error
        except BaseException as end:
            if taken and not isinstance(end, Exception):
                self._notice(
                    f"the daemon goes on with {verb}; vecclust runs and vecclust clusters tell when it is done"
                )
            raise

    def _question(self, verb: str, asked: Values, files: list[str]) -> Values:
        """Say what is asked, by whose settings, and how the files it names look from here."""
        config = named_config(self._config)
        named = None if config is None else os.path.abspath(config)
        asker = {
            "config": named,
            "environment": {name: text for name, text in os.environ.items() if name.startswith("VECCLUST_")},
            "flags": self._flags,
            "files": {path: _seen(path) for path in (*files, *([] if named is None else [named]))},
        }
        return {"verb": verb, "asked": asked, "asker": asker}


def _seen(path: str) -> list[int] | None:
    """Tell which file a path leads to, None where it cannot be read."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_dev, found.st_ino] if os.access(path, os.R_OK) else None
