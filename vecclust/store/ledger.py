"""What each table should consist of, written down beside the tables after every commit.

LanceDB keeps no checksums: a data file that rots, is cut short or goes away is found when it is read, or never, and a
folder that is missing reads as a table that never was. So a writer notes after each commit, in one small file a table,
the version, the number of rows, every file with its length and SHA-256, and a copy of the manifest, the one file whose
loss would lose all others. Whoever opens the library holds the files against that: their lengths and times each time,
for a millisecond, and their bytes where those differ or where everything is to be looked at.

A commit that was killed before its note is a newer version than the note's, and no damage. Refuses to know what is in a
table, and to mend anything: see `mending`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecclust.store.layout import NO_TABLE, WORDS_FILES, LibraryPlace, Version

FORMAT = 1
# How each note of this form begins.
_BEGINS = b'{"format": %d,' % FORMAT
# The parts of a table whose loss or change is damage; versions and transactions come and go.
PARTS = ("data", "_deletions", "_indices")
# How files of rows end, and files of deleted rows where they are long; short ones have no mark.
_ENDS = {".lance": b"LANC", ".arrow": b"ARROW1"}
_CHUNK_BYTES = 1 << 20
# The note of the runs' arrays, which lie beside the tables.
FITS = "fits"


@dataclass(frozen=True, slots=True)
class FileNote:
    """One file, as it was when a commit had written it.

    Attributes:
        size_bytes: its length.
        mtime_ns: when it was written; another time only means that it is to be looked at.
        sha256: of its bytes, in hex.
    """

    size_bytes: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Note:
    """What a table consisted of after a commit.

    Attributes:
        version: the number of the commit.
        rows: how many there were.
        manifest: its bytes.
        files: by path within the table's folder.
        kept: what of a small table is kept here as it stands.
    """

    version: int
    rows: int
    manifest: bytes
    files: Mapping[str, FileNote]
    kept: Any = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written down.

    Attributes:
        table: whose.
        what: in words, after "the table photos: ".
        lost: whether the whole table is away or goes back to an earlier commit.
        files: those of its folder that are not what they were, by path within it.
        missing: those that are not there.
    """

    table: str
    what: str
    lost: bool = False
    files: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Ledger:
    """The notes of one library.

    Args:
        place: the library.
    """

    def __init__(self, place: LibraryPlace) -> None:
        self._place = place
        self._notes: dict[str, Note] = {}

    def record(self, table: str, *, rows: Callable[[], int], kept: Any = None) -> None:
        """Note what a table consists of now; only files that are new are read.

        Args:
            table: its name.
            rows: counts its rows.
            kept: what of a small table is to be kept here, as JSON can hold it.
        """
        newest = self._place.newest(table)
        if newest is NO_TABLE:
            return
        before = self.note(table)
        files = note_files(self._place.table(table), PARTS, known={} if before is None else before.files)
        manifest = self._place.manifest(table, newest.number).read_bytes()
        self._write(table, Note(newest.number, rows(), manifest, files, kept))

    def record_fit(self, run: str) -> None:
        """Note what a run's arrays are; what its clusters are called may be found anew.

        Args:
            run: its id; its folder is complete.
        """
        files = note_files(self._place.fit(run), ("",), known={})
        noted = {path: note for path, note in files.items() if path.removesuffix(".new") not in WORDS_FILES}
        self._write(fit_note(run), Note(0, 0, b"", noted))

    def forget(self, table: str) -> None:
        """Strike out a table that is about to be dropped.

        Args:
            table: its name; nothing happens where nothing is noted.
        """
        self._notes.pop(table, None)
        self._file(table).unlink(missing_ok=True)

    def forget_fit(self, run: str) -> None:
        """Strike out the arrays of a run.

        Args:
            run: its id.
        """
        self.forget(fit_note(run))

    def tables(self) -> list[str]:
        """Name the tables that are noted, in order."""
        return [name for name in self._names() if not name.startswith(f"{FITS}-")]

    def fits(self) -> list[str]:
        """Name the runs whose arrays are noted."""
        return [name.removeprefix(f"{FITS}-") for name in self._names() if name.startswith(f"{FITS}-")]

    def note(self, table: str) -> Note | None:
        """Read what is noted of a table; None where nothing is, or the note itself is damaged.

        Args:
            table: its name.
        """
        if table in self._notes:
            return self._notes[table]
        try:
            text = self._file(table).read_bytes()
            return _read(text)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            return None

    def is_newer(self) -> bool:
        """Tell whether any note is of a form that a newer vecclust made."""
        return any(_format_of(self._file(name)) > FORMAT for name in self._names())

    def faults(self, *, deep: bool = False) -> list[Fault]:
        """Hold everything against what is noted.

        Args:
            deep: read every byte, also of files that look as they did.
        """
        found = (self.table_fault(table, deep=deep) for table in self.tables())
        return [fault for fault in found if fault is not None]

    def table_fault(self, table: str, *, deep: bool = False) -> Fault | None:
        """Hold one table against what is noted of it; None where they agree or nothing is noted.

        Args:
            table: its name.
            deep: read every byte, also of files that look as they did.
        """
        note = self.note(table)
        if note is None:
            return None
        newest = self._place.newest(table)
        if newest is NO_TABLE:
            return Fault(table, "it is missing", lost=True)
        if newest.number < note.version:
            return Fault(table, f"commit {note.version} is missing, {newest.number} is the last one there", lost=True)
        if newest.number == note.version and not self._has_manifest(table, note, newest):
            return Fault(table, f"the record of commit {note.version} is damaged", lost=True)
        bad, missing = changed_files(self._place.table(table), note.files, deep=deep)
        # Of a table that was written since, old files may have gone.
        missing = missing if newest.number == note.version else ()
        if not bad and not missing:
            return None
        parts = [f"{len(bad)} of its files {_are(bad)} not what was written"] * bool(bad)
        parts += [f"{len(missing)} of its files {_are(missing)} missing"] * bool(missing)
        return Fault(table, " and ".join(parts), files=bad, missing=missing)

    def torn_files(self, table: str) -> list[Path]:
        """Find files of a commit that is not noted yet that are empty or lack their end, though its record is whole.

        Losing power does that, and a disk that fills up: LanceDB (0.40) commits a file of which it wrote a part.

        Args:
            table: its name.
        """
        note, newest = self.note(table), self._place.newest(table)
        if newest is NO_TABLE or (note is not None and newest.number <= note.version):
            return []
        known = {} if note is None else note.files
        try:
            manifest = self._place.manifest(table, newest.number).read_bytes()
        except FileNotFoundError:
            return []
        folder = self._place.table(table)
        new = (path for path, _ in _files(folder, PARTS[:2]) if path not in known)
        # What a killed process left is named by no record.
        return [folder / path for path in new if _name_in_record(path) in manifest and _is_torn(folder / path)]

    def fit_fault(self, run: str, *, deep: bool = False) -> Fault | None:
        """Hold a run's arrays against what is noted of them; None where they agree or nothing is noted.

        Args:
            run: its id.
            deep: read every byte, also of files that look as they did.
        """
        note = self.note(fit_note(run))
        if note is None:
            return None
        bad, missing = changed_files(self._place.fit(run), note.files, deep=deep)
        if not bad and not missing:
            return None
        gone = (*bad, *missing)
        what = f"{len(gone)} of its arrays {_are(gone)} damaged or missing"
        return Fault(run, what, files=bad, missing=missing)

    def _has_manifest(self, table: str, note: Note, newest: Version) -> bool:
        """Tell whether the record of the noted commit is what it was, or old by now."""
        try:
            return self._place.manifest(table, note.version).read_bytes() == note.manifest
        except OSError:
            return self._place.newest(table).number > newest.number

    def _names(self) -> list[str]:
        try:
            names = os.listdir(self._place.ledger)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))

    def _file(self, table: str) -> Path:
        return self._place.ledger / f"{table}.json"

    def _write(self, table: str, note: Note) -> None:
        self._notes[table] = note
        self._place.ledger.mkdir(mode=0o700, exist_ok=True)
        aside = self._place.ledger / f".{uuid.uuid4().hex}"
        try:
            aside.write_bytes(lay_out(note))
            aside.replace(self._file(table))
        finally:
            aside.unlink(missing_ok=True)


def _are(files: Sized) -> str:
    return "is" if len(files) == 1 else "are"


def note_files(folder: Path, parts: tuple[str, ...], *, known: Mapping[str, FileNote]) -> dict[str, FileNote]:
    """Note the files of a folder.

    Args:
        folder: the folder.
        parts: which of its sub-folders, whole; an empty one for the folder itself.
        known: what is noted of files already; those that look as they did are not read again.
    """
    found = {}
    for path, stat in _files(folder, parts):
        note = known.get(path)
        if note is None or (note.size_bytes, note.mtime_ns) != (stat.st_size, stat.st_mtime_ns):
            note = FileNote(stat.st_size, stat.st_mtime_ns, file_sum(folder / path))
        found[path] = note
    return found


def changed_files(
    folder: Path, notes: Mapping[str, FileNote], *, deep: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Find the files that are not what they were.

    Args:
        folder: where they lie.
        notes: what is noted of them, by path within the folder.
        deep: read every byte, also of files that look as they did.

    Returns:
        The paths of those whose bytes are others, and of those that are not there.
    """
    bad, missing = [], []
    for path, note in notes.items():
        try:
            stat = os.stat(f"{folder}/{path}")
            same = (stat.st_size, stat.st_mtime_ns) == (note.size_bytes, note.mtime_ns)
            if (deep or not same) and (stat.st_size != note.size_bytes or file_sum(folder / path) != note.sha256):
                bad.append(path)
        except (FileNotFoundError, NotADirectoryError):
            missing.append(path)
        except OSError:
            # A file that the disk cannot read is as lost as one that reads wrong.
            bad.append(path)
    return tuple(bad), tuple(missing)


def file_sum(path: Path) -> str:
    """Give the SHA-256 of a file in hex.

    Args:
        path: the file.

    Raises:
        OSError: it cannot be read.
    """
    made = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            made.update(chunk)
    return made.hexdigest()


def _files(folder: Path, parts: tuple[str, ...]) -> Iterator[tuple[str, os.stat_result]]:
    waiting = list(parts)
    while waiting:
        part = waiting.pop()
        try:
            entries = list(os.scandir(folder / part))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            path = f"{part}/{entry.name}" if part else entry.name
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            else:
                try:
                    yield path, entry.stat()
                except FileNotFoundError:
                    continue


def _name_in_record(path: str) -> bytes:
    """Give what a record of a commit has of a file that it names: its name, or the last number of deleted rows.

    Its `_deletions/FRAGMENT-VERSION-NUMBER.arrow` has 64 random bits there, kept as protobuf's varint.
    """
    name = path.split("/")[-1]
    number = name.partition(".")[0].split("-")[-1]
    if not path.startswith("_deletions/") or not number.isdigit():
        return name.encode()
    left, found = int(number), bytearray()
    while left > 0x7F:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*found, left])


def _is_torn(path: Path) -> bool:
    """Tell whether a file is empty, or lacks the end that its kind has."""
    end = _ENDS.get(path.suffix, b"")
    try:
        with path.open("rb") as opened:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(max(0, size - len(end)))
            return not size or opened.read() != end
    except FileNotFoundError:
        return False


def fit_note(run: str) -> str:
    """Name the note of a run's arrays.

    Args:
        run: its id.
    """
    return f"{FITS}-{run}"


def lay_out(note: Note) -> bytes:
    """Write a note as its file has it.

    Args:
        note: what is noted.
    """
    body: dict[str, Any] = {
        "format": FORMAT,
        "version": note.version,
        "rows": note.rows,
        "manifest": base64.b64encode(note.manifest).decode("ascii"),
        "files": {path: [one.size_bytes, one.mtime_ns, one.sha256] for path, one in note.files.items()},
        "kept": note.kept,
    }
    return json.dumps({**body, "sum": _sum(body)}).encode("ascii")


def _read(text: bytes) -> Note:
    body = json.loads(text)
    if body.pop("sum") != _sum(body) or body["format"] != FORMAT:
        raise ValueError("the note is not what was written")
    files = {path: FileNote(*note) for path, note in body["files"].items()}
    return Note(body["version"], body["rows"], base64.b64decode(body["manifest"]), files, body["kept"])


def _format_of(file: Path) -> int:
    """Read the form of a note, 0 where it says none; of one that was written in this form and rotted, this one."""
    try:
        with open(file, "rb") as opened:
            # Nearly always: nothing else is read then.
            if (begins := opened.read(len(_BEGINS))) == _BEGINS:
                return FORMAT
            body = json.loads(begins + opened.read())
        made = int(body["format"])
        noted = body.pop("sum", None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return 0
    return FORMAT if noted == _sum({**body, "format": FORMAT}) else made


def _sum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode("ascii")).hexdigest()[:16]
