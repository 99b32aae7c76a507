"""What the daemon answers: questions from its own threads while the loop goes on, writes by way of the loop.

It reads the same tables through handles of its own, with the settings of whoever asks and the daemon's warm model, so
an answer is what the asker would have found alone; where it might not be, it declines and the asker does without.
"""

from __future__ import annotations

import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vecclust.config import Config, load_config, own_config
from vecclust.daemon.jobs import FitJob, Job, JobQueue
from vecclust.errors import ConfigError, ModelMismatch
from vecclust.library.opening import open_store
from vecclust.library.watched import WatchedLibrary
from vecclust.server.app import Asker, Question
from vecclust.server.client import Declined, seen

if TYPE_CHECKING:
    from vecclust.embeddings import Embedder, TextEmbedder
    from vecclust.store import Store

log = logging.getLogger(__name__)

# How often somebody who waits is told of progress, and is given a sign of life where there is none.
TELL_EVERY_S = 0.1
ALIVE_EVERY_S = 5.0
# What has not begun by then waits for something, and who asked is told so.
BEGIN_S = 1.0
# How long a daemon answers from tables that nobody looked after; looking takes some milliseconds.
CHECK_EVERY_S = 10.0


class SharedEmbedder:
    """The daemon's warm model for many askers: the real one is asked for at each call, for it may be let go meanwhile.

    Askers take turns, so that ten of them cost the memory of one. The loop does not wait for them nor they for it: a
    batch of photos takes longer than an asker likes to wait, and models on a CPU or on CUDA may be used by two threads.

    Args:
        model: gives the model, loaded if need be.
        texts: gives its text side, which may be had without the rest.
    """

    def __init__(self, model: Callable[[], Embedder], *, texts: Callable[[], Embedder | TextEmbedder]) -> None:
        self._model = model
        self._texts = texts
        self._turn = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        """Give a fact of the model, or one of its methods, which waits for its turn."""
        source = self._texts if name in ("embed_texts", "model_id", "name") else self._model
        found = getattr(source(), name)
        if not callable(found):
            return found

        def in_turn(*given: Any) -> Any:
            with self._turn:
                return getattr(source(), name)(*given)

        return in_turn


class DaemonBackend:
    """Answers questions about the daemon's library.

    Args:
        library: the daemon's own.
        jobs: what the loop is asked to do.
    """

    def __init__(self, library: WatchedLibrary, jobs: JobQueue) -> None:
        self._library = library
        self._jobs = jobs
        self._model = cast("Embedder", SharedEmbedder(library.embedder, texts=library.texts))
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._store_run: str | None = None
        self._checked_s = 0.0
        self._settings: tuple[Any, Config] | None = None

    def close(self) -> None:
        """Let go of the tables; only once nobody is answered any more."""
        if self._store is not None:
            self._store.close()

    def read(self, question: Question) -> Any:
        """Answer a question.

        Args:
            question: of a verb that reads.

        Returns:
            The result.

        Raises:
            Declined: the asker is to find it out alone.
            VecclustError: the answer is an error.
        """
        library = self._reading(self._settings_of(question.asker))
        began_s = time.monotonic()
        try:
            result = getattr(library, question.verb.name)(**question.arguments)
        except ModelMismatch:
            # The library was given another model between two steps of the answer; with that one it is answered.
            result = getattr(library, question.verb.name)(**question.arguments)
        log.debug("%s answered in %.3f s", question.verb.name, time.monotonic() - began_s)
        return result

    def write(self, question: Question) -> Iterator[Mapping[str, Any]]:
        """Have the loop do something; the asker hears how far it has come, and may go away without harm.

        Args:
            question: of a verb that writes.

        Yields:
            What the asker should hear, at the end the result.

        Raises:
            Declined: the asker is to do it alone; nothing was done.
            DaemonEnds: it will not be done.
            VecclustError: the answer is an error.
        """
        config, name, arguments = self._settings_of(question.asker), question.verb.name, question.arguments
        if name == "recluster":
            if arguments.get("dry_run"):
                raise Declined("a dry run needs no writer")
            params = self._reading(config).fit_params.as_dict()
            job: Job = FitJob(params, kind=arguments.get("kind", "full"))
        else:
            job = Job(
                lambda library: getattr(library, name)(**arguments),
                rescan="a drive was accepted" if name == "accept_drive" else "",
                # What is being read is cut and embedded for the model of now.
                between_files=name != "switch_model",
            )
        self._jobs.add(job)
        yield {"taken": True}
        yield from _followed(job)
        yield {"result": job.result()}

    def _settings_of(self, asker: Asker | None) -> Config:
        """Read the settings the asker would have; decline where they make another answer than this daemon's."""
        own = self._library.config
        if asker is None:
            return own
        if any(seen(path) != (None if there is None else list(there)) for path, there in asker.files.items()):
            # A service may be fenced in.
            raise Declined("the files look different from here")
        try:
            config = self._read_settings(asker)
        except ConfigError as error:
            raise Declined(f"not understood: {error!r}") from error
        if (config.embed.device, config.embed.precision) != (own.embed.device, own.embed.precision):
            raise Declined("the model is to run otherwise")
        if config.store.index_from_photos != own.store.index_from_photos:
            raise Declined("the index is to be used otherwise")
        return config

    def _read_settings(self, asker: Asker) -> Config:
        """Read settings; those that were read last are known while nothing of them is another."""
        file = Path(asker.config) if asker.config is not None else own_config(self._library.folder)
        read = None if file is None or not file.exists() else file.read_bytes()
        asked = (file, read, asker.environment, asker.flags)
        known = self._settings
        if known is None or known[0] != asked:
            config = load_config(file, environment=asker.environment, flags=asker.flags)
            known = self._settings = asked, config
        return known[1]

    def _reading(self, config: Config) -> WatchedLibrary:
        """Give the library as the asker would open it, but with the warm model."""
        with self._lock:
            current = None if self._store is None else self._store.state().current_run
            if self._store is None or current != self._store_run:
                # Handles of an earlier run's tables would pile up.
                self._store = open_store(self._library.folder, self._library.config)
                self._store_run = self._store.state().current_run
                self._checked_s = time.monotonic()
            elif time.monotonic() - self._checked_s > CHECK_EVERY_S:
                self._store.refuse_damaged()
                self._checked_s = time.monotonic()
            return WatchedLibrary(self._store, config=config, embedder=self._model)


def _followed(job: Job) -> Iterator[Mapping[str, Any]]:
    """Give what is to be heard of a job until it is done."""
    alive_s = began_s = time.monotonic()
    told_busy = False
    while not concurrent.futures.wait([job], TELL_EVERY_S).done:
        now_s = time.monotonic()
        if not told_busy and now_s - began_s >= BEGIN_S:
            told_busy = True
            if not job.running():
                yield {"notice": "the daemon is busy; this waits for its turn"}
        stages = job.new_stages()
        yield from ({"stage": stage} for stage in stages)
        if stages or now_s - alive_s >= ALIVE_EVERY_S:
            alive_s = now_s
            if not stages:
                yield {"alive": True}
    yield from ({"stage": stage} for stage in job.new_stages())
