"""What lies where in the directory of a library and under which name, whether a place can hold one, and its settings.

It knows names, folders and files, nothing of what is in a table. A folder that holds anything else is never made into
a library, and one whose making was killed is told from a whole one by its last table.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from vecclust.errors import NotFound, StoreUnsuitable
from vecclust.store.private import keep_private, refuse_links

# The table that ends the making of a library.
META = "meta"
# The log of what the owner said, which comes with the first of it.
EDITS = "words"
# Which event, trip and place has which id, which comes with the first of them.
TIMELINE = "timeline"
LATE_TABLES = frozenset({EDITS, TIMELINE})
RUNS = "runs"
CLUSTERS = "clusters"
# Rows are only ever added to these; fewer than there were are a loss.
GROWING_TABLES = frozenset({EDITS, RUNS, CLUSTERS})

_LABELS = "labels_"
# The first model's photos, and those of models that came after it.
_PHOTO_TABLE = re.compile(r"photos(_[1-9][0-9]{0,17})?")
_RUN = re.compile(r"r([1-9][0-9]{0,17})")
_LABELS_FOLDER = re.compile(rf"{_LABELS}({_RUN.pattern})\.lance")

# What vecclust itself may have put there before or beside the tables; `logs` was made by earlier versions.
_OWN = frozenset(
    {
        *("tables", "fits", "log", "logs", "lock", "lock.holder", "config.toml", "set-aside", "watch", "words"),
        *("migration", "unread", "vocabulary.txt", "timeline.npz", "timeline.npz.new"),
    }
)
# What vecclust keeps there beside the tables, by which a library is known whose tables are gone.
_KEPT = frozenset({"ledger", "journal.jsonl", "backups"})
# All of it is written but the settings and the words of the owner's own, which are the owner's.
_WRITTEN = (_OWN | _KEPT) - {"config.toml", "vocabulary.txt"}
# What a run's clusters are called, and what that was found by, beside its arrays: both may be found again at any time,
# and each tells by itself whether it is what was written.
NAMED_FILE, MOMENTS_FILE = "words.json", "words.npz"
WORDS_FILES = frozenset({NAMED_FILE, MOMENTS_FILE})
BEFORE_SCHEMA = "before-schema-"
# A daily backup is plain text, packed where it is long.
DAY_SUFFIXES = (".json", ".json.gz")
_DROPPED = ".dropped-"
_MANIFEST_SUFFIX = ".manifest"
_MANIFEST_END = b"LANC"
# Manifests are named by this less their version, so that the newest one is the first by name.
_LAST_VERSION = 2**64 - 1


def storable_text(text: str) -> str:
    """Give text a table can hold: what is not UTF-8 is written out as escapes.

    Args:
        text: any text, surrogates from file names included.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def labels_table(run: str) -> str:
    """Name the table of a run's labels.

    Args:
        run: its id.
    """
    return _LABELS + run


def run_number(run: str) -> int:
    """Read the number of a run's id.

    Args:
        run: the id.

    Returns:
        The number from 1, or 0 where it is no such id.
    """
    match = _RUN.fullmatch(run)
    return int(match.group(1)) if match else 0


def is_photo_table(table: str) -> bool:
    """Tell whether a table holds photos, of whichever model.

    Args:
        table: its name.
    """
    return _PHOTO_TABLE.fullmatch(table) is not None


def run_of_labels(table: str) -> str | None:
    """Read whose labels a table holds; None where it is another one.

    Args:
        table: its name.
    """
    match = _LABELS_FOLDER.fullmatch(f"{table}.lance")
    return match and match[1]


def manifest_number(manifest: Path) -> int:
    """Read which commit a record is of.

    Args:
        manifest: one that `manifests` names.
    """
    return _LAST_VERSION - int(manifest.name.removesuffix(_MANIFEST_SUFFIX))


class Version(NamedTuple):
    """One commit of a table.

    The time tells apart versions of one number of a table that was dropped and made anew.

    Attributes:
        number: from 1; 0 where there is no such table.
        written_ns: when its manifest was written, by the file system.
    """

    number: int
    written_ns: int


NO_TABLE = Version(0, 0)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How a store commits, tidies up and searches.

    Attributes:
        max_merge_rows: rows per keyed commit; larger calls are cut. A keyed write joins in memory, and one of
            100,000 whole rows can end in "Resources exhausted".
        compact_fragments: small fragments left alone; 64 cost a query a few milliseconds, 2,000 cost 300.
        keep_versions_s: age up to which old versions stay, so that a reader that began before still finishes.
        index_from_photos: photos from which an index pays; below, brute force takes under 0.1 s.
        keep_runs: runs that stay restorable.
        lock_wait_s: how long a writer waits for another that is just ending.
        index_cache_bytes: bound on cached index parts; lancedb's own default lets its caches reach 6 GiB.
        metadata_cache_bytes: bound on cached table metadata, which grows by about 0.5 MB per commit.
        durable: fsync after every commit (about 2 ms); without it, losing power can lose the last commits.
    """

    max_merge_rows: int = 20_000
    compact_fragments: int = 64
    keep_versions_s: float = 3600.0
    index_from_photos: int = 50_000
    keep_runs: int = 10
    lock_wait_s: float = 0.5
    index_cache_bytes: int = 256 << 20
    metadata_cache_bytes: int = 64 << 20
    durable: bool = True

    def __post_init__(self) -> None:
        for name in ("max_merge_rows", "compact_fragments", "index_from_photos", "keep_runs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.keep_versions_s <= 0:
            raise ValueError("keep_versions_s must be above 0: a reader needs the version it reads")
        if self.lock_wait_s < 0:
            raise ValueError("lock_wait_s cannot be negative")


@dataclass(frozen=True, slots=True)
class LibraryPlace:
    """Where a library's parts lie.

    Attributes:
        folder: the library's directory, an absolute path.
    """

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
    def migration(self) -> Path:
        """The folder of what prepares another model."""
        return self.folder / "migration"

    @property
    def holder(self) -> Path:
        """The file in which a writer says who it is."""
        return self.folder / "lock.holder"

    @property
    def ledger(self) -> Path:
        """The folder in which a writer notes what the tables consist of."""
        return self.folder / "ledger"

    @property
    def unread(self) -> Path:
        """The file in which a scan notes how many files it has yet to read."""
        return self.folder / "unread"

    @property
    def journal(self) -> Path:
        """The file in which what the owner said stands a second time."""
        return self.folder / "journal.jsonl"

    @property
    def backups(self) -> Path:
        """The folder of the small daily backups."""
        return self.folder / "backups"

    def days(self) -> list[Path]:
        """List the small daily backups, oldest first."""
        try:
            files = list(self.backups.iterdir())
        except OSError:
            return []
        return sorted(file for file in files if file.name.endswith(DAY_SUFFIXES) and file.name[:4].isdigit())

    def command_to_restore(self) -> str:
        """Give the command that adds what the newest daily backup holds; empty where there is none."""
        days = self.days()
        return f"vecclust restore {shlex.quote(str(days[-1]))}" if days else ""

    def before_schema(self, version: int) -> Path:
        """Name the folder in which a library stands as it was before it was brought to a schema.

        Args:
            version: of the schema.
        """
        return self.folder / f"{BEFORE_SCHEMA}{version}"

    def fit(self, run: str) -> Path:
        """Name the folder of one run's arrays.

        Args:
            run: its id.
        """
        return self.folder / "fits" / run

    def table(self, name: str) -> Path:
        """Name the folder of one table.

        Args:
            name: the table's.
        """
        return self.folder / "tables" / f"{name}.lance"

    def manifest(self, table: str, number: int) -> Path:
        """Name the record of one commit of a table.

        Args:
            table: its name.
            number: of the commit.
        """
        return self.table(table) / "_versions" / f"{_LAST_VERSION - number:020d}{_MANIFEST_SUFFIX}"

    @property
    def is_library(self) -> bool:
        """Whether a library was made here to its end."""
        return self.newest(META) is not NO_TABLE

    def newest(self, table: str) -> Version:
        """Tell which commit of a table is the newest of any process.

        A listing takes 0.01 ms; asking the vendor 0.3 ms (lancedb 0.40, warm disk), and opening a table 0.6 ms.

        Args:
            table: its name.

        Returns:
            The commit, `NO_TABLE` where the table was never committed.
        """
        versions = f"{self.folder}/tables/{table}.lance/_versions"
        while True:
            try:
                names = [
                    name for name in os.listdir(versions) if name.endswith(_MANIFEST_SUFFIX) and name[:-9].isdigit()
                ]
            except (FileNotFoundError, NotADirectoryError):
                return NO_TABLE
            if not names:
                return NO_TABLE
            newest = min(names)
            try:
                return Version(_LAST_VERSION - int(newest[:-9]), os.stat(f"{versions}/{newest}").st_mtime_ns)
            except FileNotFoundError:
                # Dropped, or a newer one came and maintenance ran between the two.
                continue

    def table_names(self) -> list[str]:
        """List the names of all tables, also of half-made ones, in order."""
        return sorted(
            entry.name.removesuffix(".lance") for entry in _entries(self.tables) if entry.name.endswith(".lance")
        )

    def photo_tables(self) -> list[str]:
        """List the tables of photos, one for each model there is, also half-made ones."""
        return [table for table in self.table_names() if is_photo_table(table)]

    def labelled_runs(self) -> list[str]:
        """List the runs that have a table of labels, also a half-made one, by number."""
        found = [match[1] for entry in _entries(self.tables) if (match := _LABELS_FOLDER.fullmatch(entry.name))]
        return sorted(found, key=lambda run: (len(run), run))

    def fit_runs(self) -> list[str]:
        """List the runs that have a folder of arrays, by number."""
        found = [entry.name for entry in _entries(self.fits) if _RUN.fullmatch(entry.name)]
        return sorted(found, key=lambda run: (len(run), run))

    def require(self) -> None:
        """Raise where no library is.

        Raises:
            NotFound: there is none; its hint is the command that makes one.
        """
        if not self.is_library:
            raise NotFound(f"there is no library in {self.folder}", hint="vecclust scan FOLDER makes one.")

    def prepare(self) -> None:
        """Make the folder ready to hold a library, or go on making one.

        Raises:
            StoreUnsuitable: it holds other things, is no folder or another user's, or a part of it is a link.
        """
        if not self.is_library:
            self.refuse_foreign()
        try:
            # A library shows small pictures of private photos: nobody but its owner looks into it.
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            keep_private(self.folder)
            refuse_links(self.folder, _WRITTEN)
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
        """Remove a table or a fit as a whole: out of sight in one step, then file by file.

        Args:
            folder: the table's or the fit's; nothing happens where there is none.
        """
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

    def set_torn_aside(self) -> list[Path]:
        """Move newest manifests that a power loss tore out of the way; the version before them then counts.

        Only the end of a manifest is looked at. Such a commit was never acknowledged: an acknowledged one was
        synced.

        Returns:
            Where the torn manifests went, usually nowhere; their names begin with that of the table.
        """
        moved: list[Path] = []
        for table in _entries(self.tables):
            # The oldest stays whatever it is: without any manifest a table would look as if it had never been.
            for manifest in manifests(Path(table.path))[:-1]:
                if _is_whole(manifest):
                    break
                name = f"{table.name.removesuffix('.lance')}-{manifest.name}-{uuid.uuid4().hex[:8]}"
                aside = self.folder / "set-aside" / name
                aside.parent.mkdir(exist_ok=True)
                manifest.rename(aside)
                moved.append(aside)
        return moved

    def foreign(self) -> list[str]:
        """Name what lies in the library's folder and is nothing of vecclust's, in order."""
        names = {entry.name for entry in _entries(self.folder)}
        return sorted(name for name in names - _OWN - _KEPT if not name.startswith(BEFORE_SCHEMA))

    def refuse_foreign(self) -> None:
        """Raise where there is something that no library is made in, or in the place of.

        Raises:
            StoreUnsuitable: there is.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise StoreUnsuitable(f"{self.folder} is not a folder", hint="Choose another place with --library")
        if foreign := self.foreign():
            raise StoreUnsuitable(
                f"{self.folder} holds other things ({', '.join(foreign[:3])}) and is not a library",
                hint="Choose an empty or a new folder with --library",
            )


def manifests(table: Path) -> list[Path]:
    """List a table's manifests, newest first.

    Args:
        table: its folder.
    """
    names = [entry.name for entry in _entries(table / "_versions")]
    names = sorted(name for name in names if name.endswith(_MANIFEST_SUFFIX) and name[:-9].isdigit())
    return [table / "_versions" / name for name in names]


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
