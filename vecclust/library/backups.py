"""Backups: a whole library into one file and back, and the small ones of each day.

Originals are in none of them. A backup is never written over another, nor into the library that it is of; what is
restored is put beside what is there, or added to it, and nothing is deleted. For how a library is copied see
`store.backups`, for what the small ones hold `library.daily`.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

from vecclust.config import library_path
from vecclust.errors import LibraryLocked, StoreError, StoreFull, UsageError
from vecclust.store.layout import DAY_SUFFIXES
from vecclust.types.backups import BackupReport, RestoreReport
from vecclust.types.progress import Progress, no_progress

# What packing adds to a library of many small files, and what a disk should have left.
_SPARE_BYTES = 16 << 20


def back_up(
    library: Path | str | None, target: Path | str, *, dry_run: bool = False, progress: Progress = no_progress
) -> BackupReport:
    """Copy a library into one new file, whoever writes it meanwhile.

    Args:
        library: its directory; `$VECCLUST_LIBRARY` or the user's data directory where None.
        target: the file, whose name ends in `.tar`, `.tar.gz` or `.tar.xz`; or a folder that is there, which gets one
            with the time in its name.
        dry_run: say what it comes to, write nothing.
        progress: told about megabytes.

    Returns:
        What it holds.

    Raises:
        NotFound: there is no library.
        UsageError: such a file is there, it would lie in the library, or its name does not say how it is packed.
        StoreTooNew: a newer vecclust wrote the library.
        StoreDamaged: the library is not what was written.
        StoreFull: there is too little room.
    """
    from vecclust.store.backups import take_snapshot, write_backup

    folder = Path(os.path.abspath(library_path(library)))
    file = _file_of(target, folder)
    for last in (False, False, True):
        with take_snapshot(folder) as snapshot:
            free = shutil.disk_usage(file.parent).free
            report = BackupReport(
                file=str(file),
                library=str(folder),
                photos=int(snapshot.facts["photos"]),
                files=len(snapshot.parts),
                library_bytes=snapshot.size_bytes,
                free_bytes=free,
                dry_run=dry_run,
            )
            needed = snapshot.size_bytes + len(snapshot.parts) * 1536 + _SPARE_BYTES
            if free < needed and not dry_run:
                raise StoreFull(
                    f"the backup takes {needed >> 20} MB and {free >> 20} MB are free in {file.parent}",
                    hint="Free some space there, or choose another place.",
                )
            if dry_run:
                return report
            try:
                size_bytes = write_backup(snapshot, file, progress=progress)
            except FileNotFoundError as error:
                # More files than this process may hold open, and maintenance came first.
                if last:
                    raise StoreError(f"{error.filename} went away while it was copied", hint="Run it again.") from error
                continue
        return replace(report, size_bytes=size_bytes)
    raise AssertionError("the last try returns or raises")


def is_day(file: Path) -> bool:
    """Tell by its name whether a backup is one of a day.

    Args:
        file: its name.
    """
    return file.name.endswith(DAY_SUFFIXES)


def restore_library(file: Path, library: Path | str | None, *, progress: Progress = no_progress) -> RestoreReport:
    """Bring a whole library back; one that is there is set aside.

    Args:
        file: the backup, an absolute path.
        library: the library's directory; `$VECCLUST_LIBRARY` or the user's data directory where None.
        progress: told about megabytes.

    Returns:
        What came back.

    Raises:
        UsageError: it is no backup.
        LibraryLocked: the library that is there is being written.
        StoreTooNew: a newer vecclust made the backup.
        StoreDamaged: the backup is damaged.
        StoreFull: there is too little room.
        StoreUnsuitable: something else is where the library is to be.
    """
    from vecclust.library.opening import kept_by_daemon
    from vecclust.store import StoreSettings
    from vecclust.store.restoring import restore_backup

    folder = Path(os.path.abspath(library_path(library)))
    try:
        done = restore_backup(file, folder, settings=StoreSettings(), progress=progress)
    except LibraryLocked as error:
        raise kept_by_daemon(folder, error) from error
    aside = None if done.aside is None else str(done.aside)
    return RestoreReport(
        library=str(folder),
        backup="library",
        made_ns=done.backup.made_ns,
        photos=done.backup.photos,
        set_aside=aside,
        notices=done.mended,
    )


def _file_of(target: Path | str, library: Path) -> Path:
    """Give the file that is to be made, where it may be."""
    from vecclust.store.backups import backup_mode, refuse_there

    file = Path(os.path.abspath(os.path.expanduser(target)))
    if file.is_dir():
        folder, stamp = file, time.strftime("%Y-%m-%d-%H%M%S")
        names = (f"vecclust-{stamp}{ending}.tar" for ending in ("", *(f"-{number}" for number in range(2, 100))))
        file = next(folder / name for name in names if not os.path.lexists(folder / name))
    refuse_there(file)
    backup_mode(file)
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder {file.parent}", hint="Make it first, or name another one.")
    inside, outside = os.path.realpath(library), os.path.realpath(file.parent)
    if os.path.commonpath([inside, outside]) == inside:
        raise UsageError(
            f"{file} would lie in the library itself", hint="Choose another folder, best on another drive."
        )
    return file
