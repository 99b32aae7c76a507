"""How a library stands, read out: its counts, its current run, its problems, and who writes it.

And what arrivals say of the run they were placed in: whether the collection has drifted away, whether a kind is born.
The share of arrivals without a cluster says little, for it depends on how many the fit itself left without one; how far
arrivals stand out among the run's own photos does not.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import cache
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING

from vecclust.config import log_file
from vecclust.errors import DamagedRun, StoreDamaged
from vecclust.library.daily import kept_days
from vecclust.library.queries.clusters import list_clusters
from vecclust.library.queries.proposals import ENGLISH
from vecclust.library.timeline.shown import kept_timeline
from vecclust.types.clusters import Label
from vecclust.types.files import FolderStatus, Problem, SkippedFile, SkippedList, UnreadablePlace, add_skipped
from vecclust.types.runs import Drift, Run
from vecclust.types.status import DaemonStatus, Inventory, MigrationProgress, Status

if TYPE_CHECKING:
    from vecclust.photos import IgnoreRules
    from vecclust.store import Store

log = logging.getLogger(__name__)

# One in twenty of a run's own photos stands out more than this.
UNUSUAL = 0.95
# So many of the newest arrivals are looked at, and nothing is said of fewer than the least.
LEAST_RECENT, MOST_RECENT = 50, 200
# Photos of one day resemble one another, so shares vary more than those of independent draws do: twice the usual share
# is no drift yet.
NO_DRIFT_YET = 0.10
# A window of arrivals of which one in ten is unusual is taken for drift as rarely as this.
FALSE_ALARMS = 1e-3


def list_problems(store: Store) -> tuple[Problem, ...]:
    """Read the files that could not be read, or only in part, by path.

    Args:
        store: the library's tables.
    """
    rows = [*store.files(state="problem"), *store.files(state="damaged")]
    return tuple(
        Problem(row.absolute, row.reason, row.attempts, row.next_try_ns or None, damaged=row.state == "damaged")
        for row in sorted(rows, key=lambda row: row.absolute)
    )


def take_inventory(store: Store, *, fit_needs: int, language: str = ENGLISH) -> Inventory:
    """Count what a library holds.

    Args:
        store: the library's tables.
        fit_needs: photos that a first fit needs.
        language: of the words that are proposed as names.
    """
    clusters, counts = list_clusters(store, language=language), store.counts()
    held = [row.photo for row in store.files(state="ready")]
    shown = kept_timeline(store)
    return Inventory(
        photos=clusters.photos,
        unlabelled=clusters.photos - clusters.clustered - clusters.noise,
        copies=len(held) - len(set(held)),
        problems=counts.problems,
        missing_photos=max(0, fit_needs - clusters.photos) if clusters.run is None else 0,
        clusters=clusters,
        events=len(shown.events),
        trips=len(shown.trips),
        towns=len(set(shown.town.tolist()) - {0}),
    )


def list_skipped(store: Store, rules: IgnoreRules) -> SkippedList:
    """Look what is left out of the kept folders now.

    Args:
        store: the library's tables.
        rules: what counts as a photo.

    Returns:
        The list, with absolute paths.
    """
    from vecclust.photos import walk

    skipped: list[SkippedFile] = []
    unreadable: list[UnreadablePlace] = []
    for root in store.roots():
        seen = walk(root.path, rules, list_skipped=True)
        skipped += [SkippedFile(os.path.join(root.path, one.path), one.kind) for one in seen.skipped]
        unreadable += [
            UnreadablePlace(os.path.join(root.path, place.path) if place.path else root.path, place.reason)
            for place in seen.unreadable
        ]
    return SkippedList(tuple(skipped), tuple(unreadable))


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
        folders=tuple(
            FolderStatus(root.path, root.last_scan_ns or None, root.paused, sum(root.held.values()))
            for root in store.roots()
        ),
        skipped=add_skipped(root.skipped for root in store.roots()),
        bytes_on_disk=bytes_below(store.folder),
        daemon=read_daemon(Path(store.folder)),
        drift=drift_of(came),
        clusters=len(labels.by_cluster),
        gathered=0 if current is None else len(gathered_newcomers(store, current, came)),
        daily_backup_ns=_last_day(store.folder),
        migration=_migration(store),
    )


def _last_day(folder: Path) -> int | None:
    """Give when the newest daily backup was written; None where there is none."""
    try:
        days = kept_days(folder)
        return days[-1].stat().st_mtime_ns if days else None
    except OSError:
        return None


def _migration(store: Store) -> MigrationProgress | None:
    try:
        target = store.next_model()
        if target is None:
            return None
        photos = store.photo_keys()
        return MigrationProgress(target.model.name, len(photos & store.seen_with(target).photo_keys()), len(photos))
    except StoreDamaged as error:
        log.warning("how far the other model is cannot be told: %s", error)
        return None


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

    writer = Store.last_writer(store.folder)
    return writer.command if writer is not None and writer.lives else ""


def current_run(store: Store) -> Run | None:
    """Read the current run, or None before the first fit.

    Args:
        store: the library's tables.
    """
    current = store.state().current_run
    return next((run for run in store.runs() if run.run == current), None)


def bytes_below(folder: Path) -> int:
    """Add up the files of the library; one that goes away meanwhile counts nothing.

    Args:
        folder: the library's.
    """
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(directory, name)).st_size
            except OSError:
                continue
    return total


def drift_of(arrivals: Sequence[Label]) -> Drift:
    """Say how many of the newest arrivals are unusual, and from how many on that is drift.

    Args:
        arrivals: the arrivals of a run in the order in which they came; those that do not say how novel they are do not
            count.
    """
    recent = [label.novelty for label in arrivals if label.novelty is not None][-MOST_RECENT:]
    n_unusual = sum(novelty > UNUSUAL for novelty in recent)
    return Drift(len(recent), n_unusual, alarm_from(len(recent)) if len(recent) >= LEAST_RECENT else None)


def gathered_newcomers(store: Store, run: str, arrivals: Sequence[Label]) -> tuple[str, ...]:
    """Name the newcomers that have gathered into what may become a cluster.

    Args:
        store: the library.
        run: the run that held them back.
        arrivals: its arrivals in the order in which they came.

    Returns:
        Content hashes, those that came first first; none where none have gathered, or the run's arrays are damaged.
    """
    newcomers = [label.photo for label in arrivals if label.newcomer and label.cluster is None]
    least = next((one.params.get("min_cluster_size", 0) for one in store.runs() if one.run == run), 0)
    if len(newcomers) < max(least, 2):
        return ()
    from vecclust.clustering import largest_new_group, load_state

    photos, vectors = store.vectors(newcomers)
    row_of = {photo: row for row, photo in enumerate(photos)}
    came = [photo for photo in newcomers if photo in row_of]
    try:
        state = load_state(store.fit_folder(run))
    except DamagedRun as error:
        log.warning("%s", error)
        return ()
    return tuple(came[row] for row in largest_new_group(vectors[[row_of[photo] for photo in came]], state))


@cache
def alarm_from(n: int) -> int:
    """Give the least count of unusual photos among n that is drift: the tail of the binomial distribution.

    Args:
        n: arrivals, at least 1.

    Returns:
        The least k for which n photos, each unusual with a chance of `NO_DRIFT_YET`, are k or more with a chance below
        `FALSE_ALARMS`; n + 1 where there is none.
    """
    tail, k = 0.0, n + 1
    while k:
        tail += comb(n, k - 1) * NO_DRIFT_YET ** (k - 1) * (1 - NO_DRIFT_YET) ** (n - k + 1)
        if tail >= FALSE_ALARMS:
            break
        k -= 1
    return k
