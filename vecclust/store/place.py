"""The directory of a library: what lies where in it, and whether a place can hold one.

It knows names and folders, nothing of tables. A folder that holds anything else is never made into a library,
and a library that is half made (its making was killed) is told from a whole one by its last table.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vecclust.errors import NotFound, StoreUnsuitable
from vecclust.store.schema import META, run_number

# What vecclust itself may have put there before or beside the tables; `logs` was made by earlier versions.
_OWN = frozenset({"tables", "fits", "log", "logs", "lock", "lock.holder", "config.toml", "set-aside", "watch"})
_DROPPED = ".dropped-"
_MANIFEST_END = b"LANC"


@dataclass(frozen=True, slots=True)
class LibraryPlace:
    """Where a library's parts lie."""

    folder: Path

    @property
    def tables(self) -> Path:
        """The folder of the tables."""
        return self.folder / "tables"

    @property
    def fits(self) -> Path:
        """The folder of the runs' arrays."""
        return self.folder / "fits"

    @property
    def lock(self) -> Path:
        """The file a writer locks."""
        return self.folder / "lock"

    @property
    def holder(self) -> Path:
        """The file in which a writer says who it is."""
        return self.folder / "lock.holder"

    def fit(self, run: str) -> Path:
        """The folder of one run's arrays."""
        return self.fits / run

    def table(self, name: str) -> Path:
        """The folder of one table."""
        return self.tables / f"{name}.lance"

    @property
    def is_library(self) -> bool:
        """Whether a library was made here to its end."""
        return self.has_table(META)

    def has_table(self, name: str) -> bool:
        """Whether a table was ever committed."""
        return next(manifests(self.table(name)), None) is not None

    def table_names(self) -> list[str]:
        """Names of all tables, also of half-made ones."""
        return sorted(
            entry.name.removesuffix(".lance") for entry in _entries(self.tables) if entry.name.endswith(".lance")
        )

    def fit_runs(self) -> list[str]:
        """Names of the runs that have a folder, by number."""
        return sorted((entry.name for entry in _entries(self.fits) if run_number(entry.name)), key=run_number)

    def require(self) -> None:
        """Raise where no library is.

        Raises:
            NotFound: with the command that makes one.
        """
        if not self.is_library:
            raise NotFound(f"there is no library in {self.folder}", hint="`vecclust scan FOLDER` makes one")

    def prepare(self) -> None:
        """Make the folder ready to hold a library, or go on making one.

        Raises:
            StoreUnsuitable: it holds other things, or is no folder.
        """
        if not self.is_library:
            self._refuse_foreign()
        try:
            # A library shows small pictures of private photos: nobody but its owner looks into it.
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for part in (self.tables, self.fits):
                part.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreUnsuitable(
                f"cannot make a library in {self.folder}: {error.strerror or error}",
                hint="Choose another place with --library",
            ) from error

    def probe(self) -> None:
        """Try what every commit does: write a file and give it a second name.

        Raises:
            StoreUnsuitable: the place cannot be written to or knows no hard links.
        """
        probe = self.tables / f".probe-{uuid.uuid4().hex}"
        twin = probe.with_name(probe.name + "-link")
        try:
            probe.touch()
            os.link(probe, twin)
        except OSError as error:
            linking = probe.exists()
            raise StoreUnsuitable(
                f"{self.folder} {'knows no hard links' if linking else 'cannot be written to'}"
                f" ({error.strerror or error})",
                hint="Put the library on a local disk with --library (many network, FUSE and exFAT mounts"
                " refuse); the photos may stay where they are",
            ) from error
        finally:
            for left in (probe, twin):
                left.unlink(missing_ok=True)

    def discard(self, folder: Path) -> None:
        """Remove a table or a fit as a whole: out of sight in one step, then file by file."""
        aside = folder.with_name(f"{_DROPPED}{uuid.uuid4().hex}")
        try:
            folder.rename(aside)
        except FileNotFoundError:
            return
        shutil.rmtree(aside, ignore_errors=True)

    def sweep_discarded(self) -> None:
        """Finish what a killed `discard` or `probe` began."""
        for parent in (self.tables, self.fits):
            for entry in _entries(parent):
                if entry.name.startswith(_DROPPED):
                    shutil.rmtree(entry.path, ignore_errors=True)
                elif entry.name.startswith(".probe-"):
                    Path(entry.path).unlink(missing_ok=True)

    def set_torn_aside(self, table: str) -> list[Path]:
        """Move newest manifests that a power loss tore out of the way; the version before them then counts.

        Only the end of a manifest is looked at. Such a commit was never acknowledged: an acknowledged one was
        synced. Returns where the torn manifests went, usually nowhere.
        """
        moved: list[Path] = []
        # The oldest stays whatever it is: without any manifest a table would look as if it had never been.
        for manifest in list(manifests(self.table(table)))[:-1]:
            if _is_whole(manifest):
                break
            aside = self.folder / "set-aside" / f"{table}-{manifest.name}-{uuid.uuid4().hex[:8]}"
            aside.parent.mkdir(exist_ok=True)
            manifest.rename(aside)
            moved.append(aside)
        return moved

    def _refuse_foreign(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise StoreUnsuitable(f"{self.folder} is not a folder", hint="Choose another place with --library")
        foreign = sorted(entry.name for entry in _entries(self.folder) if entry.name not in _OWN)
        if foreign:
            raise StoreUnsuitable(
                f"{self.folder} holds other things ({', '.join(foreign[:3])}) and is not a library",
                hint="Choose an empty or a new folder with --library",
            )


def manifests(table: Path) -> Iterator[Path]:
    """List a table's manifests, newest first: they are named by the highest version less their own."""
    names = (entry.name for entry in _entries(table / "_versions"))
    for name in sorted(name for name in names if name.endswith(".manifest") and name.split(".")[0].isdigit()):
        yield table / "_versions" / name


def _is_whole(manifest: Path) -> bool:
    with manifest.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(0, size - len(_MANIFEST_END)))
        return opened.read() == _MANIFEST_END


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
