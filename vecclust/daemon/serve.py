"""The daemon as a process: puts the parts together, obeys signals, ends well."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from vecclust.config import log_file
from vecclust.daemon.backend import DaemonBackend
from vecclust.daemon.heartbeat import WatchdogFeeder, notify, watchdog_s
from vecclust.daemon.jobs import JobQueue
from vecclust.daemon.log_file import log_to_file
from vecclust.daemon.loop import Daemon
from vecclust.daemon.resource_limits import lower_priority, set_thread_limit, thread_limit
from vecclust.daemon.signals import Stop, Stopped, catch_signals
from vecclust.library.fit_process import FitProcess
from vecclust.library.watched import WatchedLibrary
from vecclust.server.app import api_app
from vecclust.server.serving import Server
from vecclust.server.sockets import listen
from vecclust.watching import Watcher, remove_state

log = logging.getLogger(__name__)


def serve(open_library: Callable[[], WatchedLibrary], folders: Iterable[Path | str] = ()) -> None:
    """Keep a library in step with its folders until SIGTERM or Ctrl-C; call it in the main thread.

    Args:
        open_library: opens it for writing; signals are acted upon meanwhile already.
        folders: folders to keep from now on, beside those that are kept.

    Raises:
        LibraryLocked: another writer holds it.
        UsageError: there is no folder to watch, or one is no folder or not there and was never kept.
        ModelError: the model cannot be used.
        StoreError: the tables refuse.
    """
    with catch_signals() as stop, open_library() as library:
        wanted = library.config.watch
        size_bytes = int(wanted.log_mb * 1e6)
        with log_to_file(log_file(library.folder), size_bytes=size_bytes, n_files=wanted.log_files):
            _keep(library, folders, stop)


def _keep(library: WatchedLibrary, folders: Iterable[Path | str], stop: Stop) -> None:
    wanted = library.config.watch
    roots = library.remember(folders)
    log.info("process %d begins to watch %s", os.getpid(), ", ".join(map(repr, roots)))
    n_threads = thread_limit(wanted.threads)
    set_thread_limit(n_threads)
    lower_priority(wanted.nice)
    library.keep_warm(n_threads=n_threads)
    watcher = Watcher(roots, rules=library.rules, canary=library.folder / "watch" / "canary")
    fit_process = FitProcess(library.folder)
    fit_process.close()  # throws away what a killed daemon left
    jobs = JobQueue(watcher.wake)
    backend = DaemonBackend(library, jobs)
    daemon = Daemon(library, watcher, fit_process=fit_process, jobs=jobs)
    feeder = WatchdogFeeder(
        daemon.heartbeat,
        n_unheard=lambda: watcher.n_unheard,
        loading=lambda: library.loading,
        every_s=watchdog_s(),
    )
    server: Server | None = None
    stop.hangup = lambda: watcher.wake("SIGHUP")
    try:
        feeder.open()
        server = _serve_api(library, backend)
        daemon.run(stop)
    except Stopped:
        log.info("stopping; what was committed stays")
    finally:
        notify("STOPPING=1")
        feeder.close()
        daemon.close()
        if server is None or server.close():
            backend.close()
        watcher.close()
        remove_state(library.folder)


def _serve_api(library: WatchedLibrary, backend: DaemonBackend) -> Server | None:
    """Begin to answer; where no socket can be had, say so and do without."""
    try:
        listener = listen(library.folder)
    except OSError as error:
        log.warning("nobody can ask this daemon: %s", error)
        return None
    server = Server(api_app(backend), listener)
    server.start()
    return server
