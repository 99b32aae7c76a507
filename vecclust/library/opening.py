"""A library's opened tables and what its settings come to: what comes before any question.

Refuses to know what the tables are asked.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from vecclust.config import Config
from vecclust.errors import LibraryLocked, NotFound, UsageError
from vecclust.types.files import FileRow, Root

if TYPE_CHECKING:
    from vecclust.photos import DecodeLimits, IgnoreRules
    from vecclust.store import Store, StoreSettings
    from vecclust.types.checkup import CheckDepth


class Clock(Protocol):
    """The time, and waiting."""

    def now_ns(self) -> int:
        """Give nanoseconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Wait.

        Args:
            seconds: how long.
        """


class SystemClock:
    """The time of this computer."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return time.time_ns()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Args:
            seconds: how long.
        """
        time.sleep(seconds)


class _NoStore:
    """An empty library that is nowhere: what a dry run compares with before there is one."""

    def roots(self) -> list[Root]:
        return []

    def files(self, *, root: str | None = None) -> list[FileRow]:
        return []

    def model(self) -> None:
        return None

    def close(self) -> None:
        pass


def open_store(
    folder: Path,
    config: Config,
    *,
    write: bool = False,
    create: bool = True,
    missing_ok: bool = False,
    repair: CheckDepth | None = None,
) -> Store:
    """Open a library's tables, and make them where there are none and they are opened for writing.

    Args:
        folder: the library's directory.
        config: the settings.
        write: become the one writer.
        create: make them where there are none and they are opened for writing.
        missing_ok: where there is no library, give an empty one that is nowhere.
        repair: how closely to look for damage that is to be mended; None for as closely as every writer does.

    Returns:
        The tables.

    Raises:
        LibraryLocked: another writer holds the library.
        NotFound: there is none, and it was not opened for writing.
        StoreError: the tables cannot be opened.
    """
    from vecclust.store import Store

    try:
        wanted = _store_settings(config)
        return Store.open(folder, write=write, create=write and create, settings=wanted, repair=repair)
    except NotFound:
        if not missing_ok:
            raise
        return cast("Store", _NoStore())
    except LibraryLocked as error:
        raise kept_by_daemon(folder, error) from error


def open_beside(folder: Path, config: Config) -> Store:
    """Open a library's tables to prepare another model, while their writer goes on.

    Args:
        folder: the library's directory.
        config: the settings.

    Raises:
        LibraryLocked: another process does so.
        NotFound: there is no library.
    """
    from vecclust.store import Store

    return Store.open_beside(folder, settings=_store_settings(config))


def _store_settings(config: Config) -> StoreSettings:
    from vecclust.store import StoreSettings

    kept = config.store
    return StoreSettings(
        compact_fragments=kept.compact_fragments,
        keep_versions_s=kept.keep_versions_s,
        index_from_photos=kept.index_from_photos,
        keep_runs=kept.keep_runs,
    )


def kept_by_daemon(folder: Path, error: LibraryLocked) -> LibraryLocked:
    """Say what to do beside a daemon, which does not end by itself.

    Args:
        folder: the library's directory.
        error: what the lock said.

    Returns:
        The error to raise: the same one where there is no daemon.
    """
    from vecclust.watching import read_state

    note = read_state(folder)
    if note is None:
        return error
    return LibraryLocked(
        f"{folder} is kept by its daemon, process {note.pid} (vecclust watch)",
        hint=f"It brings photos in by itself, and at once after kill -HUP {note.pid}. For anything else stop it first:"
        f" kill {note.pid}; vecclust watch starts it again.",
    )


def ignore_rules(config: Config) -> IgnoreRules:
    """Give what counts as a photo, as configured.

    Args:
        config: the settings.
    """
    from vecclust.photos import IgnoreRules

    wanted = config.photos
    return IgnoreRules(extensions=wanted.extensions, patterns=wanted.ignore, follow_links=wanted.follow_links)


def decode_limits(config: Config) -> DecodeLimits:
    """Give what reading one picture may cost, as configured.

    Args:
        config: the settings.
    """
    from vecclust.photos import DecodeLimits

    wanted = config.photos
    return DecodeLimits(
        pixels=wanted.max_megapixels * 1_000_000,
        jpeg_pixels=wanted.max_jpeg_megapixels * 1_000_000,
        file_bytes=wanted.max_file_mb << 20,
        time_s=wanted.decode_timeout_s,
        memory_bytes=wanted.decode_memory_mb << 20,
        thumbnail_px=wanted.thumbnail_px,
        damaged_quiet_s=wanted.damaged_after_s,
    )


def absolute_folder(folder: Path | str, *, kept: Collection[str]) -> str:
    """Give a folder's absolute path.

    Args:
        folder: as it was named.
        kept: folders that are kept already; they, and what lies in them, may be away at present.

    Raises:
        UsageError: something else is there, or nothing, and it was never kept.
    """
    absolute = os.path.abspath(os.path.expanduser(folder))
    try:
        is_folder = stat.S_ISDIR(os.stat(absolute).st_mode)
    except OSError as error:
        if any(os.path.commonpath([absolute, root]) == root for root in kept):
            return absolute
        raise UsageError(
            f"cannot look at {absolute}: {error.strerror}",
            hint="Check the name; a folder on a drive is kept once the drive is there.",
        ) from error
    if not is_folder:
        raise UsageError(f"{absolute} is not a folder", hint="Name the folder that holds it.")
    return absolute
