"""A whole library in one file, taken while others write it.

Tables are files that never change and one record for each commit. So a copy is of one instant as soon as the newest
commits of all tables are the same at two looks: it is then what a kill at that instant would have left, which every
writer that opens it makes whole. The journal is read before, so that it says nothing the tables do not know. Files are
held open from then on, for maintenance may remove them from their folders; their sums, by which what is copied is
checked, are those that the ledger has. Refuses to know what is in a table. For what becomes of it see `restoring`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import tarfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

from vecclust import __version__
from vecclust.errors import StoreDamaged, StoreError, StoreFull, StoreUnsuitable, UsageError
from vecclust.store.failures import MEND_HINT
from vecclust.store.layout import META, NO_TABLE, LibraryPlace, StoreSettings, Version, labels_table
from vecclust.store.ledger import PARTS, FileNote, Ledger, Note, fit_note, lay_out, note_files
from vecclust.store.schema import PHOTOS, SCHEMA, Meta, refuse_newer
from vecclust.store.store import refuse_damaged
from vecclust.store.tables import Tables
from vecclust.types.progress import Progress

FORMAT = 1
# The first thing in the file: what the others are.
HEADER = "vecclust-backup.json"
INSIDE = "library/"
SUFFIXES: Mapping[str, Literal["w", "w:gz", "w:xz"]] = {
    ".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.xz": "w:xz", ".txz": "w:xz",
}  # fmt: skip
# What is copied in a way of its own, and what comes and goes with a process or was taken out of the library.
_OWN_WAY = frozenset({"tables", "fits", "ledger", "journal.jsonl"})
_LEFT_OUT = frozenset({"lock", "lock.holder", "log", "logs", "watch", "set-aside"})
# A commit is noted within milliseconds, on a slow disk within a second; after these looks it is taken without its note.
_LOOKS = 60
_PAUSE_S = 0.05
# Maintenance removes files of an hour ago; five times in a row it does not come first.
_STARTS = 5
# Left free by those that hold files open, for whatever else the process opens.
_SPARE_FILES = 64
_CHUNK_BYTES = 1 << 20
# What nobody has written to for so long is of a process that was killed.
STALE_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a library.

    Attributes:
        path: within the library, with `/` between.
        size_bytes: its length.
        mtime_ns: when it was written.
        sha256: of its bytes, in hex.
        content: its bytes, where they are few and held here.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    content: bytes | None = None


class Snapshot:
    """A library at one instant.

    Args:
        place: the library.
        facts: what the header says beside the files.
        parts: its files.
        held: those that are held open, by path.
    """

    def __init__(
        self, place: LibraryPlace, *, facts: Mapping[str, Any], parts: tuple[Part, ...], held: Mapping[str, BinaryIO]
    ) -> None:
        self.place = place
        self.facts = facts
        self.parts = parts
        self._held = held

    @property
    def size_bytes(self) -> int:
        """What all files take."""
        return sum(part.size_bytes for part in self.parts)

    def header(self) -> bytes:
        """Write down what the file will hold."""
        files = [[part.path, part.size_bytes, part.mtime_ns, part.sha256] for part in self.parts]
        return json.dumps({**self.facts, "bytes": self.size_bytes, "files": files}, indent=0).encode("ascii")

    def read(self, part: Part) -> BinaryIO:
        """Open one of the files at its beginning.

        Args:
            part: which.

        Raises:
            FileNotFoundError: maintenance removed it.
        """
        if part.content is not None:
            return BytesIO(part.content)
        # Reading a duplicate would move the place of the one that is held.
        held = self._held.get(part.path)
        if held is None:
            return open(self.place.folder / part.path, "rb")
        held.seek(0)
        return open(held.fileno(), "rb", closefd=False)


@contextmanager
def take_snapshot(folder: Path) -> Iterator[Snapshot]:
    """Hold a library as it is at one instant; nothing is written, and no writer waits.

    Args:
        folder: the library's directory.

    Raises:
        NotFound: there is none.
        StoreTooNew: a newer vecclust wrote it.
        StoreDamaged: it is not what was written.
        StoreError: its files change more quickly than they can be opened.
    """
    place = LibraryPlace(Path(os.path.abspath(folder)))
    if Ledger(place).note(META) is None:
        place.require()
    tables = Tables(place, writable=False, settings=StoreSettings())
    meta = Meta(tables)
    refuse_newer(tables, meta)
    refuse_damaged(tables)
    schema = meta.entries()[SCHEMA]["version"]
    tables.close()
    for _ in range(_STARTS):
        with ExitStack() as holding:
            holder = _Holder(place, holding)
            try:
                chosen = _choose(place, holder)
                holder.add_library(chosen)
            except FileNotFoundError:
                time.sleep(_PAUSE_S)
                continue
            photos = chosen.get(PHOTOS, (NO_TABLE, None))[1]
            facts = {
                **{"format": FORMAT, "vecclust": __version__, "schema": schema, "made_ns": time.time_ns()},
                **{"library": os.fsencode(place.folder).decode("utf-8", "replace")},
                **{"photos": 0 if photos is None else photos.rows},
            }
            yield Snapshot(place, facts=facts, parts=tuple(holder.parts), held=holder.held)
            return
    missing = [fault for fault in Ledger(place).faults() if fault.missing]
    if missing:
        raise StoreDamaged(
            f"the library in {place.folder} is damaged: the table {missing[0].table}: {missing[0].what}",
            hint=MEND_HINT,
        )
    raise _too_quick(place)


def backup_mode(file: Path) -> Literal["w", "w:gz", "w:xz"]:
    """Tell by its name how a backup is packed.

    Args:
        file: its name.

    Raises:
        UsageError: it has no name that says so.
    """
    for suffix, mode in SUFFIXES.items():
        if file.name.endswith(suffix) and file.name != suffix:
            return mode
    raise UsageError(
        f"{file} is no folder and no name of a backup",
        hint="Name a folder that is there, or a file that ends in .tar, .tar.gz or .tar.xz.",
    )


def write_backup(snapshot: Snapshot, file: Path, *, progress: Progress) -> int:
    """Pack a library into a new file, which has its name only when it is whole.

    Args:
        snapshot: the library.
        file: the new file, in a folder that is there.
        progress: told about megabytes.

    Returns:
        Its size in bytes.

    Raises:
        FileNotFoundError: maintenance removed a file that could not be held.
        StoreDamaged: a file of the library is not what was written.
        StoreFull: no room.
        StoreUnsuitable: the place refuses it.
        UsageError: there is such a file already.
    """
    mode = backup_mode(file)
    _sweep_parts(file.parent)
    aside = file.with_name(f".vecclust-{uuid.uuid4().hex}.part")
    opened: Any = tarfile.open
    options = {"compresslevel": 6} if mode == "w:gz" else {}
    try:
        with _writing(file), open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            with opened(fileobj=raw, mode=mode, format=tarfile.PAX_FORMAT, **options) as tar:
                _pack(tar, snapshot, progress)
            raw.flush()
            os.fsync(raw.fileno())
        with _writing(file):
            _publish(aside, file)
            return file.stat().st_size
    finally:
        aside.unlink(missing_ok=True)


def refuse_there(file: Path) -> None:
    """Raise where a file is there already.

    Args:
        file: the file that is to be made.

    Raises:
        UsageError: it is.
    """
    if os.path.lexists(file):
        raise UsageError(f"{file} is there already", hint="A backup is never overwritten; name another file.")


def _pack(tar: tarfile.TarFile, snapshot: Snapshot, progress: Progress) -> None:
    header = snapshot.header()
    tar.addfile(_member(HEADER, len(header), time.time_ns()), BytesIO(header))
    n_done, total = 0, snapshot.size_bytes
    for part in snapshot.parts:
        with snapshot.read(part) as opened:
            source = _Summed(opened)
            try:
                tar.addfile(_member(INSIDE + part.path, part.size_bytes, part.mtime_ns), source)
                whole = source.sha256 == part.sha256 and not opened.read(1)
            except (_LibraryUnreadable, tarfile.TarError) as error:
                raise _not_what_was_written(snapshot, part) from error
            except OSError as error:
                # What tarfile says, without a number, where a file ends before its time.
                if error.errno is not None:
                    raise
                raise _not_what_was_written(snapshot, part) from error
        if not whole:
            raise _not_what_was_written(snapshot, part)
        n_done += part.size_bytes
        progress("copying", n_done >> 20, total >> 20)


def _not_what_was_written(snapshot: Snapshot, part: Part) -> StoreDamaged:
    return StoreDamaged(
        f"the library in {snapshot.place.folder} is damaged: {part.path} is not what was written", hint=MEND_HINT
    )


class _LibraryUnreadable(Exception):
    """The disk of the library gave an error, not that of the backup."""


class _Summed:
    """A file that sums up what is read of it.

    Args:
        source: the file.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._sum = hashlib.sha256()

    def read(self, n_bytes: int = -1) -> bytes:
        """Read on.

        Args:
            n_bytes: how much.
        """
        try:
            chunk = self._source.read(n_bytes)
        except OSError as error:
            raise _LibraryUnreadable(str(error)) from error
        self._sum.update(chunk)
        return chunk

    @property
    def sha256(self) -> str:
        """The sum of what was read, in hex."""
        return self._sum.hexdigest()


class _Holder:
    """Collects the files of one instant, and holds them open as far as the system lets it.

    Args:
        place: the library.
        holding: closes what is held.
    """

    def __init__(self, place: LibraryPlace, holding: ExitStack) -> None:
        self.parts: list[Part] = []
        self.held: dict[str, BinaryIO] = {}
        self._place = place
        self._holding = holding
        self._full = False

    def add_content(self, path: str, content: bytes) -> None:
        """Take a small file by its bytes."""
        self.parts.append(Part(path, len(content), time.time_ns(), hashlib.sha256(content).hexdigest(), content))

    def add_file(self, path: str, note: FileNote | None) -> None:
        """Take a file as it is noted, or as it is now."""
        opened = open(self._place.folder / path, "rb")  # noqa: SIM115 -- held or closed below
        try:
            if note is None:
                found = os.fstat(opened.fileno())
                if not stat.S_ISREG(found.st_mode):
                    return
                summed = hashlib.sha256()
                left = found.st_size
                while left and (chunk := opened.read(min(left, _CHUNK_BYTES))):
                    summed.update(chunk)
                    left -= len(chunk)
                note = FileNote(found.st_size - left, found.st_mtime_ns, summed.hexdigest())
            self.parts.append(Part(path, note.size_bytes, note.mtime_ns, note.sha256))
        finally:
            self._hold(path, opened)

    def _hold(self, path: str, opened: BinaryIO) -> None:
        try:
            # A try whether more can be opened.
            os.close(os.dup(opened.fileno()))
        except OSError:
            self._full = True
            for late in list(self.held)[-_SPARE_FILES:]:
                self.held.pop(late).close()
        if self._full:
            opened.close()
        else:
            self.held[path] = self._holding.enter_context(opened)

    def add_library(self, chosen: Mapping[str, tuple[Version, Note | None]]) -> None:
        """Take the tables at the versions that were chosen, the arrays of their runs, and what lies beside."""
        ledger = Ledger(self._place)
        for table, (version, note) in chosen.items():
            manifest = self._place.manifest(table, version.number)
            noted = note is not None and note.version == version.number
            record = note.manifest if noted and note is not None else manifest.read_bytes()
            self.add_content(self._inside(manifest), record)
            known = {} if note is None else note.files
            files = known if noted else note_files(self._place.table(table), PARTS, known=known)
            for path, one in files.items():
                self.add_file(self._inside(self._place.table(table) / path), one)
            if note is not None:
                self.add_content(f"ledger/{table}.json", lay_out(note))
        for run in self._place.fit_runs():
            # A fit that is being made has neither.
            note = ledger.note(fit_note(run))
            if note is not None or labels_table(run) in chosen:
                self._add_fit(run, note)
        self._add_others(self._place.folder)

    def _add_fit(self, run: str, note: Note | None) -> None:
        known = {} if note is None else note.files
        for path, one in note_files(self._place.fit(run), ("",), known=known).items():
            # What is written there after the run may be written anew.
            self.add_file(self._inside(self._place.fit(run) / path), one if path in known else None)
        if note is not None:
            self.add_content(f"ledger/{fit_note(run)}.json", lay_out(note))

    def _add_others(self, folder: Path) -> None:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            is_top = folder == self._place.folder
            if is_top and (entry.name in _OWN_WAY | _LEFT_OUT or entry.name.startswith((".", "before-"))):
                continue
            if entry.is_dir(follow_symlinks=False):
                self._add_others(Path(entry.path))
            elif entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                self.add_file(self._inside(Path(entry.path)), None)

    def _inside(self, path: Path) -> str:
        return path.relative_to(self._place.folder).as_posix()


def _choose(place: LibraryPlace, holder: _Holder) -> dict[str, tuple[Version, Note | None]]:
    """Find the newest commits of all tables at one instant, with what is noted of each."""
    for look in range(2 * _LOOKS):
        journal = _whole_lines(place.journal)
        before = _newest(place)
        ledger = Ledger(place)
        notes = {table: ledger.note(table) for table in before}
        noted = all(note is not None and note.version == before[table].number for table, note in notes.items())
        # A commit that was killed before its note, or a library of before there were any, waits for none.
        if before == _newest(place) and (noted or look >= _LOOKS or not any(notes.values())):
            if journal:
                holder.add_content("journal.jsonl", journal)
            return {table: (version, notes[table]) for table, version in before.items()}
        time.sleep(_PAUSE_S)
    raise _too_quick(place)


def _newest(place: LibraryPlace) -> dict[str, Version]:
    found = {table: place.newest(table) for table in place.table_names()}
    return {table: version for table, version in found.items() if version is not NO_TABLE}


def _whole_lines(journal: Path) -> bytes:
    try:
        text = journal.read_bytes()
    except FileNotFoundError:
        return b""
    # A line that is being written is an edit that is not made yet.
    return text[: text.rfind(b"\n") + 1]


def _too_quick(place: LibraryPlace) -> StoreError:
    return StoreError(
        f"the library in {place.folder} changes more quickly than it can be copied",
        hint="Run it again once less is going on",
    )


def _member(name: str, size_bytes: int, mtime_ns: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size_bytes, mtime_ns // 10**9, 0o600
    return info


def _publish(aside: Path, file: Path) -> None:
    """Give the finished file its name, in one step and in nobody's place."""
    try:
        os.link(aside, file)
    except FileExistsError:
        refuse_there(file)
    except OSError:
        # Drives that know no hard links.
        refuse_there(file)
        aside.rename(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can do that.

    Args:
        folder: the folder.
    """
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(opened)
    except OSError:
        pass
    finally:
        os.close(opened)


def _sweep_parts(folder: Path) -> None:
    """Remove what killed backups left."""
    for left in folder.glob(".vecclust-*.part"):
        try:
            if time.time() - left.stat().st_mtime > STALE_S:
                left.unlink()
        except OSError:
            continue


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise refused_place(error, file) from error


def refused_place(error: OSError, path: Path) -> StoreError:
    """Say in our own terms why something cannot be written beside or outside of a library.

    Args:
        error: what the system said.
        path: what was to be written.

    Returns:
        The error to raise from it.
    """
    said = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreFull(
            f"{path} does not fit where it is to lie: {said}", hint="Free some space there, or choose another place"
        )
    return StoreUnsuitable(f"cannot write {path}: {said}", hint="Choose another place")
