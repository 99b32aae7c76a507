"""How a library stands, read out: its counts, its current run, its problems, and who writes it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from vecclust.config import log_file
from vecclust.library.queries.drift import drift_of, gathered_newcomers
from vecclust.types.files import FolderStatus, Problem
from vecclust.types.runs import Run
from vecclust.types.status import DaemonStatus, Status

if TYPE_CHECKING:
    from vecclust.store import Store


def list_problems(store: Store) -> tuple[Problem, ...]:
    """Read the files that could not be read, by path.

    Args:
        store: the library's tables.
    """
    rows = sorted(store.files(state="problem"), key=lambda row: row.absolute)
    return tuple(Problem(row.absolute, row.reason, row.attempts, row.next_try_ns or None) for row in rows)


def read_status(store: Store) -> Status:
    """Read the state of a library.

    Args:
        store: the library's tables.

    Returns:
        The state; before the first run, everything about runs is 0, None or empty.
    """
    counts, model, current = store.counts(), store.model(), store.state().current_run
    labels = store.label_counts(current)
    came = store.arrivals(current) if labels.arrivals else []
    return Status(
        library=str(store.folder),
        model=None if model is None else model.model_id,
        photos=counts.photos,
        files=counts.files,
        pending=counts.waiting,
        problems=counts.problems,
        missing=counts.missing,
        noise=labels.noise,
        run=current_run(store),
        arrivals_since_run=labels.arrivals,
        arrivals_noise=labels.arrivals_noise,
        newcomers=labels.newcomers,
        folders=tuple(FolderStatus(root.path, root.last_scan_ns or None, root.paused) for root in store.roots()),
        skipped_dot_files=sum(root.n_skipped for root in store.roots()),
        bytes_on_disk=_bytes_below(store.folder),
        daemon=read_daemon(Path(store.folder)),
        drift=drift_of(came),
        gathered=0 if current is None else len(gathered_newcomers(store, current, came)),
    )


def read_daemon(library: Path) -> DaemonStatus:
    """Read who watches: the note of a living process that is the library's last writer.

    Args:
        library: the library's directory.

    Returns:
        What it says of itself; where none watches, only where the log of the last one is.
    """
    from vecclust.store import Store
    from vecclust.watching import read_state

    note, writer = read_state(library), Store.last_writer(library)
    log = str(log_file(library)) if log_file(library).exists() else None
    if note is None or writer is None or writer.pid != note.pid:
        return DaemonStatus(log=log)
    return DaemonStatus(True, note.pid, note.since_ns, note.watching, note.problems, note.doing, log)


def writing_command(store: Store) -> str:
    """Give the command of the process that holds the library for writing now, or an empty string.

    Args:
        store: the library's tables.
    """
    from vecclust.store import Store
    from vecclust.watching import is_alive

    writer = Store.last_writer(store.folder)
    return writer.command if writer is not None and is_alive(writer.pid) else ""


def current_run(store: Store) -> Run | None:
    """Read the current run, or None before the first fit.

    Args:
        store: the library's tables.
    """
    current = store.state().current_run
    return next((run for run in store.runs() if run.run == current), None)


def _bytes_below(folder: Path) -> int:
    """Add up the files of the library; one that goes away meanwhile counts nothing."""
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(directory, name)).st_size
            except OSError:
                continue
    return total
