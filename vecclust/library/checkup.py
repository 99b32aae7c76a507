"""A library looked at from end to end, whether it can be opened or not, and mended where that is asked for.

What the tables say is `store`'s to judge; here it is put beside what they need: settings, the model, the arrays of the
runs, room on the disk, permissions, folders and watches, and the process that keeps them. Looking changes nothing; a
repair opens the library for writing, which mends what can be mended and keeps what it takes out.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecclust.config import Config, find_config, load_config
from vecclust.errors import ConfigError, DamagedRun, ModelError, NotFound, StoreError
from vecclust.library.opening import Clock, SystemClock, open_store
from vecclust.library.queries.status import bytes_below
from vecclust.types.checkup import CheckCost, CheckDepth, Checkup, Finding
from vecclust.types.progress import Progress, no_progress

if TYPE_CHECKING:
    from vecclust.store import Store

# Measured on two cores of a virtual machine, files in the cache, 20,000 photos (30 Nov 2026): 100 MB/s for rows and
# 600 MB/s for sums, where both are asked for 350 MB/s; a disk that turns gives 100 to 200.
_BYTES_PER_S = 150e6
# Files are asked for their length and time alone: 0.05 ms each where the directory is not in the cache.
_FILES_PER_S = 20_000.0
# Opening lancedb.
_START_S = 1.0
# Below this a commit may fail at any moment.
_LEAST_FREE_BYTES = 50e6
# Other programs of the same user watch folders, too.
_MOST_WATCHES = 0.8


@dataclass(frozen=True, slots=True)
class _Sizes:
    """What parts of a library take, in bytes."""

    largest_table: int
    photos: int
    newest_fit: int


def checkup_cost(folder: Path, depth: CheckDepth) -> CheckCost:
    """Say what looking at a library costs.

    Args:
        folder: the library's directory.
        depth: how closely it is to be looked at.
    """
    from vecclust.store.checkup import bytes_to_read

    n_files, n_bytes = bytes_to_read(folder, depth)
    return CheckCost(n_files, n_bytes, _START_S + n_files / _FILES_PER_S + n_bytes / _BYTES_PER_S)


def check_library(
    folder: Path,
    *,
    depth: CheckDepth,
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
    progress: Progress = no_progress,
) -> Checkup:
    """Look at a library; nothing is changed, and a writer is not disturbed.

    Args:
        folder: its directory.
        depth: how closely.
        config: a configuration file; `$VECCLUST_CONFIG` or `LIBRARY/config.toml` where None.
        flags: dotted configuration keys that win over everything else.
        clock: the time, for tests.
        progress: told of tables.

    Returns:
        What was found.

    Raises:
        NotFound: there is no library.
        StoreTooNew: a newer vecclust wrote it.
    """
    from vecclust.store.checkup import StoreCheck, check_store

    folder = Path(os.path.abspath(folder))
    cost = checkup_cost(folder, depth)
    settings, found = _settings(folder, config, flags)
    try:
        store = check_store(folder, depth=depth, now_ns=(clock or SystemClock()).now_ns(), progress=progress)
    except OSError as error:
        what = f"{error.filename or folder} cannot be read: {error.strerror}"
        store = StoreCheck((Finding("tables", "fault", what, "see permissions below"),), {}, ())
    told = {finding.check for finding in store.findings if finding.state == "fault"}
    runs = [run for run in store.runs if f"run {run}" not in told]
    found = [
        *store.findings,
        *_fits(folder, runs, current=store.current_run, deep=depth == "deep"),
        *_words(folder, store.current_run),
        *_model(store.model, settings, deep=depth == "deep"),
        *found,
        _disk(folder, store.current_run),
        *_permissions(folder),
        *_folders(store.roots),
        *_watches(list(store.roots), count=depth != "quick"),
        *_processes(folder),
    ]
    return Checkup(str(folder), depth, cost, tuple(found))


def repair_library(
    folder: Path,
    *,
    depth: CheckDepth,
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
    progress: Progress = no_progress,
) -> Checkup:
    """Mend what looking this closely finds, as far as that can be done without the photos, and look again.

    Nothing that cannot be explained is deleted, and what is taken out is kept in `set-aside`.

    Args:
        folder: the library's directory.
        depth: how closely.
        config: a configuration file; `$VECCLUST_CONFIG` or `LIBRARY/config.toml` where None.
        flags: dotted configuration keys that win over everything else.
        clock: the time, for tests.
        progress: told of tables.

    Returns:
        What was done, and what is found afterwards.

    Raises:
        NotFound: there is no library.
        LibraryLocked: another process, or the daemon, holds it.
        StoreError: it cannot be opened for writing even so.
    """
    done: list[str] = []
    settings, _ = _settings(folder, config, flags)
    look = partial(check_library, folder, depth=depth, config=config, flags=flags, clock=clock, progress=progress)
    try:
        store = open_store(folder, settings, write=True, create=False, repair=depth)
    except NotFound:
        # There may be photos of one whose entries are lost: then that is what is found, and left alone.
        return look()
    with store:
        done += store.mended
        if depth == "deep":
            done += _set_fits_aside(store)
        if not _is_private(folder):
            os.chmod(folder, 0o700)
            done.append(f"{folder} could be looked into by others, and is yours alone now")
    after = look()
    return Checkup(after.library, depth, after.cost, after.findings, tuple(done))


def _settings(folder: Path, config: Path | None, flags: Mapping[str, Any] | None) -> tuple[Config, list[Finding]]:
    """Read the settings; where they cannot be meant, go on with those that vecclust comes with."""
    try:
        found = load_config(find_config(folder, config), flags=flags)
    except ConfigError as error:
        return Config(), [Finding("settings", "fault", error.message, error.hint)]
    what = f"{len(found.given)} are set" if found.given else "those that vecclust comes with"
    return found, [Finding("settings", "ok", what)]


def _fits(folder: Path, runs: Sequence[str], *, current: str | None, deep: bool) -> Iterator[Finding]:
    """Look whether arrivals can be placed by the arrays of each run."""
    from vecclust.library.runs.rows import load_fit, require_fit

    whole = True
    for run in runs:
        place = folder / "fits" / run
        try:
            require_fit(place)
            if deep:
                load_fit(place)
        except DamagedRun as error:
            whole = False
            if run == current:
                yield Finding(f"run {run}", "fault", error.message, "vecclust scan fits anew; ids and names stay")
            else:
                # Nobody waits for them, and after further fits the run is let go of.
                what = f"{error.message}; it can be gone back to, and the next arrival then has a new fit made"
                yield Finding(f"run {run}", "ok", what)
    if runs and whole:
        yield Finding("arrays", "ok", f"those of all kept runs {'can be read' if deep else 'are there'}")


def _words(folder: Path, current: str | None) -> Iterator[Finding]:
    """Look whether what the current run's clusters are called by words can be read; it is found again where not."""
    from vecclust.library.naming.run_words import fault_of_names

    if current is None:
        return
    if fault := fault_of_names(folder / "fits" / current):
        what = f"what clusters are called by words cannot be read: {fault}"
        yield Finding("words", "warning", what, "vecclust scan finds it again")
    else:
        yield Finding("words", "ok", "clusters have the names that words give them, if any")


def _set_fits_aside(store: Store) -> Iterator[str]:
    """Take arrays out of the way that no placing and no fit can begin from, though they are as noted."""
    from vecclust.clustering import STATE_FILES
    from vecclust.library.runs.rows import ROWS_FILE, load_fit, require_fit

    for run in store.restorable_runs():
        place = store.folder / "fits" / run
        try:
            require_fit(place)
            load_fit(place)
        except DamagedRun as error:
            names = [name for name in (*STATE_FILES, ROWS_FILE) if (place / name).exists()]
            if len(names) == len(STATE_FILES) + 1:
                store.set_fit_aside(run, names)
                yield f"run {run}: its arrays are set aside ({error.message})"


def _model(bound: tuple[str, str] | None, settings: Config, *, deep: bool) -> Iterator[Finding]:
    """Look whether the model the vectors come from is here, and is asked for."""
    from vecclust import embeddings

    if bound is None:
        yield Finding("model", "ok", f"none yet; the first photo binds the library to {settings.model}")
        return
    name, model_id = bound
    try:
        weights = embeddings.find_weights(embeddings.ModelName.parse(name))
        asked = embeddings.ModelName.parse(settings.model).text if "model" in settings.given else name
        found_id = weights.model_id() if weights is not None and deep else model_id
    except ModelError as error:
        yield Finding("model", "fault", error.message, error.hint or "vecclust models lists those that can be used")
        return
    usable = embeddings.usable_models([name])[0]
    if not usable.usable:
        todo = "vecclust models lists those that can be used; new photos and questions by words need this one"
        yield Finding("model", "warning", f"{name}: {usable.note}", todo)
    elif asked != name:
        what = f"the settings ask for {asked}, the vectors come from {name}"
        yield Finding("model", "warning", what, "leave model out of the settings")
    elif found_id != model_id:
        what = f"the vectors come from {model_id}, and the weights that are here are {found_id}"
        yield Finding("model", "fault", what, "put the earlier weights back: vectors of two cannot be compared")
    else:
        yield Finding("model", "ok", f"{model_id} is here{', every byte of it' if deep else ''}")


def _disk(folder: Path, current: str | None) -> Finding:
    """Hold the room there is against what tidying up, a fit and another model would take."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        # Its disk went away in the middle.
        raise StoreError(
            f"{folder} cannot be looked at: {error.strerror}", hint="Look whether its disk is there."
        ) from error
    sizes = _sizes(folder, current)
    needed = sizes.largest_table + 2 * sizes.newest_fit + _LEAST_FREE_BYTES
    another = sizes.photos + sizes.newest_fit + needed
    if free < _LEAST_FREE_BYTES:
        return Finding("disk", "fault", f"{_megabytes(free)} are free: commits fail", "free some space")
    if free < needed:
        what = f"{_megabytes(free)} are free; tidying up and a fit may take {_megabytes(needed)} for a while"
        return Finding("disk", "warning", what, "free some space; what has no room is put off")
    enough = "enough" if free >= another else "not enough"
    what = f"{_megabytes(free)} are free, enough to tidy up and to fit anew, {enough} for another model beside this one"
    return Finding("disk", "ok", what)


def _sizes(folder: Path, current: str | None) -> _Sizes:
    tables = {path.name.removesuffix(".lance"): bytes_below(path) for path in (folder / "tables").glob("*.lance")}
    fit = bytes_below(folder / "fits" / current) if current is not None else 0
    return _Sizes(max(tables.values(), default=0), tables.get("photos", 0), fit)


def _megabytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.0f} MB"


def _is_private(folder: Path) -> bool:
    return os.name == "nt" or not stat.S_IMODE(os.stat(folder).st_mode) & 0o077


def _permissions(folder: Path) -> Iterator[Finding]:
    """Look whether the library is its owner's alone, and can be read and written by whoever asks."""
    owner = os.stat(folder).st_uid
    refused, foreign = [], []
    for directory, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = os.path.join(directory, name)
            try:
                found = os.lstat(path)
            except OSError:
                continue
            wanted = os.R_OK | os.W_OK | os.X_OK if stat.S_ISDIR(found.st_mode) else os.R_OK
            if not stat.S_ISLNK(found.st_mode) and not os.access(path, wanted):
                refused.append(path)
            if found.st_uid != owner:
                foreign.append(path)
    if refused:
        what = f"{len(refused)} files or folders cannot be read or written by you, {refused[0]} first"
        yield Finding(
            "permissions",
            "fault",
            what,
            f"chmod -R u+rwX {folder}; where they are another user's: sudo chown -R $USER {folder}",
        )
    if foreign:
        what = f"{len(foreign)} files belong to another user than the library, {foreign[0]} first"
        yield Finding("permissions", "warning", what, f"was vecclust run by root once? sudo chown -R $USER {folder}")
    if not _is_private(folder):
        mode = stat.S_IMODE(os.stat(folder).st_mode)
        what = f"others can look into it (mode {mode:o}): it holds small pictures of every photo"
        yield Finding("permissions", "warning", what, f"vecclust doctor --repair, or chmod 700 {folder}")
    elif not refused and not foreign:
        yield Finding("permissions", "ok", "it is its owner's alone")


def _folders(roots: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether the kept folders are there."""
    whole = True
    for path, paused in roots.items():
        if not os.path.isdir(path):
            whole = False
            what = f"{path} is not there; its photos stay in the library"
            yield Finding("folder", "warning", what, "it goes on when the folder is back; vecclust folders forget DIR")
        elif not os.access(path, os.R_OK | os.X_OK):
            whole = False
            yield Finding("folder", "warning", f"{path} may not be looked into", "look at its permissions")
        elif paused:
            whole = False
            what = f"nothing of {path} is removed at present: {paused}"
            yield Finding("folder", "warning", what, "vecclust status says how it goes on")
    if whole:
        yield Finding("folders", "ok", f"all {len(roots)} are there" if len(roots) > 1 else "it is there")


def _watches(roots: Sequence[str], *, count: bool) -> Iterator[Finding]:
    """Hold the directories of the kept folders against the watches that the system grants."""
    from vecclust.watching import count_directories, watch_limits, way_to_watch

    heard = [root for root in roots if os.path.isdir(root) and way_to_watch(os.path.realpath(root)) != "scan"]
    if silent := len([root for root in roots if os.path.isdir(root)]) - len(heard):
        what = f"{silent} folders are on mounts that tell nothing of changes: they are looked through every so often"
        yield Finding("watches", "ok", what)
    limits = watch_limits()
    if limits is None or not heard:
        return
    most, queues = limits
    if not count:
        yield Finding("watches", "ok", f"the system grants {most:,} to one user, and {queues:,} queues")
        return
    wanted = count_directories(heard) + 1
    if wanted > most * _MOST_WATCHES:
        what = f"{wanted:,} directories are to be watched, and the system grants {most:,} to all programs of one user"
        todo = f"sudo sysctl fs.inotify.max_user_watches={max(2 * wanted, 65_536)}, and the same in /etc/sysctl.d"
        yield Finding("watches", "warning", what, todo)
    else:
        yield Finding("watches", "ok", f"{wanted:,} of the {most:,} that the system grants")


def _processes(folder: Path) -> Iterator[Finding]:
    """Look who keeps the library, and whether whoever did so last ended in order."""
    from vecclust.store import Store
    from vecclust.watching import is_alive, read_state, state_file

    daemon, writer = read_state(folder), Store.last_writer(folder)
    if daemon is not None:
        what = f"process {daemon.pid} watches: {daemon.doing}"
        yield Finding("daemon", "ok", what)
        yield from (
            Finding("daemon", "warning", problem, "vecclust status shows its log") for problem in daemon.problems
        )
    elif state_file(folder).exists():
        what = "the last one did not end in order: it was killed, or the computer went down"
        yield Finding(
            "daemon", "warning", what, "vecclust watch starts it again; vecclust service status where it is one"
        )
    else:
        yield Finding("daemon", "ok", "none is running")
    if writer is None or (daemon is not None and writer.pid == daemon.pid):
        return
    if is_alive(writer.pid):
        yield Finding("writer", "ok", f"process {writer.pid} writes now: {writer.command[:60]}")
    else:
        what = f"process {writer.pid} did not end in order ({writer.command[:60]}); its lock is free"
        yield Finding("writer", "warning", what, "run that command again: it goes on where it was")
