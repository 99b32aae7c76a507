"""The desk: answers what other processes ask, from its own threads, while the loop goes on.

It reads the same tables through handles of its own, with the settings of whoever asks and the daemon's warm model, so
an answer is what the asker would have found alone; where it might not be, it declines and the asker does without. What
is to be written it hands to the loop.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from vecclust.config import Config, load_config, own_config
from vecclust.daemon.lending import LentEmbedder
from vecclust.daemon.orders import Ended, Errand, FitOrder, Orders
from vecclust.errors import ConfigError
from vecclust.library.library import Library
from vecclust.library.opening import open_store
from vecclust.server.wire import (
    BrokenWire,
    Declined,
    Server,
    listen,
    pack_answer,
    pack_name,
    pack_refit,
    pack_run,
    pack_status,
    pack_word,
    unpack_filters,
    unpack_saying,
)
from vecclust.server.wire.serving import Tell
from vecclust.types.runs import RefitKind

if TYPE_CHECKING:
    from vecclust.store import Store

log = logging.getLogger(__name__)

# How often somebody who waits is told of progress, and is given a sign of life where there is none.
TELL_EVERY_S = 0.1
ALIVE_EVERY_S = 5.0
# A fit that has not begun by then waits for something, and who asked is told so.
BEGIN_S = 1.0
# What may be said of clusters, each a verb of the wire.
SAYINGS = ("move", "pin", "unpin", "merge", "not-together", "split-off", "take-back")

Values = Mapping[str, Any]


class Desk:
    """Answers questions about one library.

    Args:
        library: the daemon's own.
        orders: what the loop is asked to do.
    """

    def __init__(self, library: Library, orders: Orders) -> None:
        self._library = library
        self._orders = orders
        self._model = LentEmbedder(library.embedder)
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._store_run: str | None = None
        self._server: Server | None = None

    def open(self) -> None:
        """Begin to answer; where no socket can be had, say so and do without."""
        try:
            listener = listen(self._library.folder)
        except OSError as error:
            log.warning("nobody can ask this daemon: %s", error)
            return
        self._server = Server(listener, self.answer)
        self._server.start()

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None and self._server.close() and self._store is not None:
            self._store.close()

    def answer(self, question: Values, tell: Tell) -> Values:
        """Answer one question.

        Args:
            question: a verb, what it is asked with, and the asker's settings and view of the files.
            tell: tells the asker how far it has come.

        Returns:
            The answer as plain values.

        Raises:
            Declined: the asker is to find it out alone.
            VecclustError: the answer is an error.
            BrokenWire: the asker went away, or the daemon ends.
        """
        verbs = {
            "similar": self._similar,
            "search": self._search,
            "status": self._status,
            "recluster": self._recluster,
            "rename": self._rename,
            "rollback": self._rollback,
            **dict.fromkeys(SAYINGS, self._say),
        }
        try:
            verb, asked, asker = verbs[question["verb"]], question["asked"], question["asker"]
            _check_view(asker["files"])
            config = self._settings_of(asker)
        except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
            raise Declined(f"not understood: {error!r}") from error
        began_s = time.monotonic()
        answer = verb(asked, config, tell)
        log.debug("%s answered in %.3f s", question["verb"], time.monotonic() - began_s)
        return answer

    def _settings_of(self, asker: Values) -> Config:
        """Read the settings the asker would have; decline where they make another answer than this daemon's."""
        named = asker["config"]
        file = Path(named) if named is not None else own_config(self._library.folder)
        config, own = load_config(file, environment=asker["environment"], flags=asker["flags"]), self._library.config
        if (config.embed.device, config.embed.precision) != (own.embed.device, own.embed.precision):
            raise Declined("the model is to run otherwise")
        if config.store.index_from_photos != own.store.index_from_photos:
            raise Declined("the index is to be used otherwise")
        return config

    def _reading(self, config: Config) -> Library:
        """Give the library as the asker would open it, but with the warm model."""
        with self._lock:
            current = None if self._store is None else self._store.state().current_run
            if self._store is None or current != self._store_run:
                # Handles of an earlier run's tables would pile up.
                self._store = open_store(self._library.folder, self._library.config, write=False, missing_ok=False)
                self._store_run = self._store.state().current_run
            return Library(self._store, config=config, embedder=self._model)

    def _similar(self, asked: Values, config: Config, tell: Tell) -> Values:
        photo, limit, filters = str(asked["photo"]), _limit(asked), unpack_filters(asked["filters"])
        return pack_answer(self._reading(config).similar(photo, limit=limit, filters=filters))

    def _search(self, asked: Values, config: Config, tell: Tell) -> Values:
        text, limit, filters = str(asked["text"]), _limit(asked), unpack_filters(asked["filters"])
        return pack_answer(self._reading(config).search(text, limit=limit, filters=filters))

    def _status(self, asked: Values, config: Config, tell: Tell) -> Values:
        return pack_status(self._reading(config).status())

    def _recluster(self, asked: Values, config: Config, tell: Tell) -> Values:
        order = FitOrder(self._reading(config).fit_params.as_dict(), kind=_kind(asked))
        return pack_refit(self._done(order, tell))

    def _rename(self, asked: Values, config: Config, tell: Tell) -> Values:
        cluster, name = str(asked["cluster"]), str(asked["name"])
        return pack_name(self._done(Errand(lambda library: library.rename(cluster, name)), tell))

    def _say(self, asked: Values, config: Config, tell: Tell) -> Values:
        saying = unpack_saying(asked)
        return pack_word(self._done(Errand(lambda library: library.say(saying)), tell))

    def _rollback(self, asked: Values, config: Config, tell: Tell) -> Values:
        run = str(asked["run"])
        return pack_run(self._done(Errand(lambda library: library.rollback(run)), tell))

    def _done(self, order: Errand | FitOrder, tell: Tell) -> Any:
        """Have the loop do something; the asker hears how far it has come, and may go away without harm."""
        try:
            self._orders.add(order)
            tell({"taken": True})
            alive_s = began_s = time.monotonic()
            while not order.wait(TELL_EVERY_S):
                now_s = time.monotonic()
                if began_s and now_s - began_s >= BEGIN_S:
                    began_s = 0.0
                    if not order.begun:
                        tell({"notice": "the daemon is busy; this waits for its turn"})
                for stage in order.heard():
                    tell({"stage": stage})
                    alive_s = now_s
                if now_s - alive_s >= ALIVE_EVERY_S:
                    tell({"alive": True})
                    alive_s = now_s
            for stage in order.heard():
                tell({"stage": stage})
            return order.outcome()
        except Ended as error:
            raise BrokenWire("the daemon ends") from error


def _limit(asked: Values) -> int:
    limit = asked["limit"]
    if not isinstance(limit, int) or limit < 1:
        raise Declined("not a number of photos")
    return limit


def _kind(asked: Values) -> RefitKind:
    kind: RefitKind = asked.get("kind", "full")
    if kind not in get_args(RefitKind):
        raise Declined("not a kind of fit")
    return kind


def _check_view(files: Mapping[str, Any]) -> None:
    """Decline where this process does not see the asker's files as the asker does: a service may be fenced in."""
    for path, seen in files.items():
        try:
            found = os.stat(path)
            mine = [found.st_dev, found.st_ino] if os.access(path, os.R_OK) else None
        except OSError:
            mine = None
        if mine != seen:
            raise Declined("the files look different from here")
