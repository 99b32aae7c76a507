"""A library out of its backup: unpacked beside, opened and looked at there, and put in its place in one step.

Whatever is wrong with the file is found before anything changes. A library that is there is not touched: it gets
another name beside its old one. A restore that was killed leaves it where it was. What a backup says of itself is
not believed: names that lead out of the library, links and files that it does not list are refused.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import lzma
import os
import shutil
import sys
import tarfile
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from vecclust.errors import StoreDamaged, StoreTooNew, StoreUnsuitable, UsageError
from vecclust.store.backups import FORMAT, HEADER, INSIDE, STALE_S, Part, refused_place, sync_folder
from vecclust.store.layout import LibraryPlace, StoreSettings
from vecclust.store.schema import SCHEMA_VERSION
from vecclust.store.store import Store
from vecclust.store.writer import SyncedFiles, WriterLock
from vecclust.types.progress import Progress

_CHUNK_BYTES = 1 << 20
_LONGEST_HEADER_BYTES = 1 << 30
_UNPACKING = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError)
# renameat2 of Linux and renamex_np of macOS: two names change places in one step.
_HERE, _EXCHANGE, _SWAP = -100, 2, 2


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup says of itself.

    Attributes:
        made_ns: when it was made.
        schema: of the library in it.
        photos: how many it holds.
        size_bytes: what its files take unpacked.
        files: what it holds, by path within the library.
    """

    made_ns: int
    schema: int
    photos: int
    size_bytes: int
    files: Mapping[str, Part]


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a restore.

    Attributes:
        backup: what was restored.
        aside: where the library that was there is now, or None.
        mended: what was set right in it, a sentence each.
    """

    backup: Backup
    aside: Path | None
    mended: tuple[str, ...] = ()


def read_backup(file: Path) -> Backup:
    """Read what a backup says of itself.

    Args:
        file: the backup.

    Raises:
        UsageError: it is none, or cannot be read.
        StoreTooNew: a newer vecclust made it.
        StoreDamaged: it is damaged at its beginning.
    """
    with _opened(file) as tar:
        return _read_header(tar, file)


def restore_backup(file: Path, folder: Path, *, settings: StoreSettings, progress: Progress) -> Restored:
    """Put the library of a backup in place.

    Args:
        file: the backup.
        folder: where the library is to be; one that is there is set aside.
        settings: how it is opened.
        progress: told about megabytes.

    Returns:
        What was done.

    Raises:
        UsageError: it is no backup.
        LibraryLocked: the library that is there is being written.
        StoreTooNew: a newer vecclust made it.
        StoreDamaged: the backup is damaged.
        StoreFull: no room.
        StoreUnsuitable: the folder holds other things, or the place refuses it.
    """
    folder = Path(os.path.realpath(folder))
    there = LibraryPlace(folder)
    backup = read_backup(file)
    if not there.is_library:
        there.refuse_foreign()
    lock = WriterLock(there, wait_s=settings.lock_wait_s) if _holds_anything(folder) else None
    if lock is not None:
        lock.acquire()
    try:
        with _new_place(folder, backup) as aside:
            with _opened(file) as tar:
                _unpack(tar, _read_header(tar, file), file=file, folder=aside, progress=progress)
            progress("checking", 0, 0)
            SyncedFiles().sync(aside)
            # What is older is brought up to date, and what a kill would have left is settled, before anybody sees it.
            with Store.open(aside, write=True, settings=settings) as store:
                mended = store.mended
            return Restored(backup, _switch(aside, folder), mended)
    finally:
        if lock is not None:
            lock.release()


def _holds_anything(folder: Path) -> bool:
    return folder.is_dir() and bool(os.listdir(folder))


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        tar = tarfile.open(file, "r:*")  # noqa: SIM115 -- closed below
    except FileNotFoundError as error:
        raise UsageError(f"there is no {file}", hint="Name the file that vecclust backup made.") from error
    except _UNPACKING as error:
        raise _no_backup(file) from error
    with tar:
        yield tar


def _no_backup(file: Path) -> UsageError:
    return UsageError(f"{file} is no backup of vecclust", hint="Name the file that vecclust backup made.")


def _damaged(file: Path, what: str) -> StoreDamaged:
    return StoreDamaged(f"the backup {file} is damaged: {what}", hint="Nothing was changed; try an earlier one")


def _read_header(tar: tarfile.TarFile, file: Path) -> Backup:
    try:
        first = tar.next()
        if first is None or first.name != HEADER or not first.isreg() or first.size > _LONGEST_HEADER_BYTES:
            raise _no_backup(file)
        opened = tar.extractfile(first)
        facts = json.loads(opened.read() if opened is not None else b"")
        _refuse_newer(facts, file)
        files = {path: Part(path, size, mtime_ns, sha256) for path, size, mtime_ns, sha256 in facts["files"]}
        backup = Backup(facts["made_ns"], facts["schema"], facts["photos"], facts["bytes"], files)
    except _UNPACKING as error:
        raise _damaged(file, str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(file, "what it says of itself cannot be read") from error
    for part in files.values():
        names = PurePosixPath(str(part.path)).parts
        if not names or part.path != "/".join(names) or {"..", "/"} & set(names) or "\\" in part.path:
            raise _damaged(file, f"it names {part.path!r}, which leads out of the library")
        if not isinstance(part.size_bytes, int) or not isinstance(part.mtime_ns, int):
            raise _damaged(file, "what it says of itself cannot be read")
    return backup


def _refuse_newer(facts: Mapping[str, Any], file: Path) -> None:
    """Raise where a newer vecclust made the backup, whatever else it says."""
    made_by = facts.get("vecclust", "?")
    if facts["format"] > FORMAT or facts.get("schema", 0) > SCHEMA_VERSION:
        raise StoreTooNew(f"the backup {file} was made by a newer vecclust ({made_by})", hint="Update vecclust")


@contextmanager
def _new_place(folder: Path, backup: Backup) -> Iterator[Path]:
    """Make a folder beside the one that is meant, on the same drive; what is left of it at the end goes."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        free = shutil.disk_usage(folder.parent).free
        if free < backup.size_bytes:
            raise refused_place(OSError(errno.ENOSPC, f"{free >> 20} MB are free"), folder)
        aside = folder.with_name(f".{folder.name}-restoring-{uuid.uuid4().hex}")
        aside.mkdir(mode=0o700)
    except OSError as error:
        raise refused_place(error, folder) from error
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what killed restores left."""
    for left in folder.parent.glob(f".{folder.name}-restoring-*"):
        if time.time() - left.stat().st_mtime > STALE_S:
            shutil.rmtree(left, ignore_errors=True)


def _unpack(tar: tarfile.TarFile, backup: Backup, *, file: Path, folder: Path, progress: Progress) -> None:
    """Write every file of a backup, and hold each against its sum."""
    missing, n_done = dict(backup.files), 0
    try:
        for member in tar:
            if member.name == HEADER:
                continue
            part = missing.pop(member.name.removeprefix(INSIDE), None)
            if part is None or not member.name.startswith(INSIDE) or not member.isreg():
                raise _damaged(file, f"it holds {member.name!r}, which it does not list")
            opened = tar.extractfile(member)
            if opened is None or _write(opened, folder / part.path, part) != part.sha256:
                raise _damaged(file, f"{part.path} is not what was copied")
            n_done += part.size_bytes
            progress("unpacking", n_done >> 20, backup.size_bytes >> 20)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise _damaged(file, str(error)) from error
    except OSError as error:
        if error.errno is None:
            raise _damaged(file, str(error)) from error
        raise refused_place(error, folder) from error
    if missing:
        raise _damaged(file, f"{len(missing)} of its {len(backup.files)} files are missing")


def _write(source: Any, path: Path, part: Part) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    summed = hashlib.sha256()
    made: BinaryIO
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
        while chunk := source.read(_CHUNK_BYTES):
            summed.update(chunk)
            made.write(chunk)
    # The ledger knows files by their times.
    os.utime(path, ns=(part.mtime_ns, part.mtime_ns))
    return summed.hexdigest()


def _switch(new: Path, folder: Path) -> Path | None:
    """Put a finished library in place of what is there, and say where that is now."""
    if not _holds_anything(folder):
        try:
            new.rename(folder)
        except OSError as error:
            raise refused_place(error, folder) from error
        sync_folder(folder.parent)
        return None
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    aside = folder.with_name(f"{folder.name}-before-restore-{stamp}")
    while os.path.lexists(aside):
        aside = aside.with_name(f"{aside.name}x")
    try:
        # Under this name already, so that the old library has it in the same step.
        new.rename(aside)
        if not _exchanged(aside, folder):
            _swap_by_steps(aside, folder)
    except OSError as error:
        if aside.exists() and folder.exists():
            aside.rename(new)
        raise StoreUnsuitable(
            f"{folder} cannot be set aside: {error.strerror or error}",
            hint="Nothing was changed; restore into a new place with --library",
        ) from error
    sync_folder(folder.parent)
    return aside


def _exchanged(one: Path, other: Path) -> bool:
    """Have two folders change names in one step; False where the system or the drive cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(*names, _SWAP)
    elif hasattr(libc, "renameat2"):
        failed = libc.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE)
    else:
        return False
    if failed and ctypes.get_errno() not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
    return not failed


def _swap_by_steps(new: Path, folder: Path) -> None:
    """Change names one after the other, and back where the second cannot be."""
    between = folder.with_name(f".{folder.name}-restoring-{uuid.uuid4().hex}")
    new.rename(between)
    folder.rename(new)
    try:
        between.rename(folder)
    except OSError:
        new.rename(folder)
        between.rename(new)
        raise
