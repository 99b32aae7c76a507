"""The daemon as a process: puts the parts together, obeys signals, ends well."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from vecclust.config import Hours, log_file
from vecclust.daemon.desk import Desk
from vecclust.daemon.logbook import kept_log
from vecclust.daemon.loop import Daemon, Rhythm
from vecclust.daemon.modesty import cap_threads, lower_priority, thread_cap
from vecclust.daemon.orders import Orders
from vecclust.daemon.policy import RefitPolicy
from vecclust.daemon.pulse import Feeder, Pulse
from vecclust.daemon.refitter import Refitter
from vecclust.daemon.signals import Stop, Stopped, obeyed
from vecclust.daemon.supervisor import notify, watchdog_s
from vecclust.library.library import Library
from vecclust.watching import Watcher, remove_state

log = logging.getLogger(__name__)


def serve(open_library: Callable[[], Library], folders: Iterable[Path | str] = ()) -> None:
    """Keep a library in step with its folders until SIGTERM or Ctrl-C; call it in the main thread.

    Args:
        open_library: opens it for writing; signals are obeyed meanwhile already.
        folders: folders to keep from now on, beside those that are kept.

    Raises:
        LibraryLocked: another writer holds it.
        UsageError: there is no folder to watch, or one is no folder or not there and was never kept.
        ModelError: the model cannot be used.
        StoreError: the tables refuse.
    """
    with obeyed() as stop, open_library() as library:
        wanted = library.config.watch
        size_bytes = int(wanted.log_mb * 1e6)
        with kept_log(log_file(library.folder), size_bytes=size_bytes, n_files=wanted.log_files):
            _keep(library, folders, stop)


def _keep(library: Library, folders: Iterable[Path | str], stop: Stop) -> None:
    wanted = library.config.watch
    roots = library.remember(folders)
    log.info("process %d begins to watch %s", os.getpid(), ", ".join(map(repr, roots)))
    n_threads = thread_cap(wanted.threads)
    cap_threads(n_threads)
    lower_priority(wanted.nice)
    library.keep_warm(n_threads=n_threads)
    watcher = Watcher(roots, rules=library.rules, canary=library.folder / "watch" / "canary")
    refitter = Refitter(library.folder)
    refitter.close()  # throws away what a killed daemon left
    orders = Orders(watcher.wake)
    desk = Desk(library, orders)
    pulse = Pulse(decode_timeout_s=library.config.photos.decode_timeout_s)
    feeder = Feeder(pulse, n_unheard=lambda: watcher.n_unheard, loading=lambda: library.loading, every_s=watchdog_s())
    daemon = Daemon(
        library,
        watcher,
        refitter=refitter,
        orders=orders,
        rhythm=Rhythm(
            interval_s=wanted.interval_s,
            poll_s=min(wanted.poll_s, wanted.interval_s),
            canary_s=wanted.canary_s,
            settle_s=library.config.photos.settle_s,
            idle_s=wanted.idle_s,
        ),
        policy=RefitPolicy(
            share=wanted.refit_share,
            least=wanted.refit_least,
            longest_s=wanted.refit_longest_s,
            quiet_s=wanted.refit_quiet_s,
            pause_s=wanted.refit_pause_s,
            drift=wanted.refit_drift,
            pocket=wanted.refit_pocket,
        ),
        quiet_hours=Hours.parse(wanted.quiet_hours),
        pulse=pulse,
    )
    stop.hangup = lambda: watcher.wake("SIGHUP")
    try:
        feeder.open()
        desk.open()
        daemon.run(stop)
    except Stopped:
        log.info("stopping; what was committed stays")
    finally:
        notify("STOPPING=1")
        feeder.close()
        daemon.close()
        desk.close()
        watcher.close()
        refitter.close()
        remove_state(library.folder)
