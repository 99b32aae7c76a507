"""Which drive lies in a folder: told by the files that are known there, and never by a device's number.

The next stick in the same slot has the number of the last one, and a share has a new one at each mount. So a folder,
and each place in it where a device is or was mounted, is the one it was while most of the files that were there before
are there: by name, size and time, or by what is in them, wherever in the folder they lie now. Where they are not,
another drive or folder lies in its place, or most of it was deleted: nothing of the folder is removed and nothing new
of that place is taken in until they are back, or the owner says what it is. The same files, seen again, say the same
again, so time alone lifts nothing. The UUID of the file system, where the system tells it, is a second hint: it lets
few files or edited ones pass, and says that a copy which lacks some is not the drive itself.

A drive that the owner accepted in another's place has a number, which its files carry: ten cards of one reader have
the same names. Whichever of them lies there is known by its own files again; those of the others are away.
"""

from __future__ import annotations

import dataclasses
import heapq
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from vecclust.photos import Walk
from vecclust.types.files import FileRow, Root, SeenFile, place_of

# Below this many files a person may well delete most of a folder by hand, so a share says nothing.
FEW_FILES = 10
# So few that are all gone say nothing either: where the system tells that it is the same file system, where it tells
# nothing, and where it is another one. Somebody may try vecclust with one photo or two, and put others in their place.
NONE_SAYS_NOTHING = {True: FEW_FILES, None: 3, False: 1}
# Files that are neither where they were nor as they were may have moved. So many are looked into to find out, spread
# over all of them: a share of a half is then known to a tenth, and the cost is that of a few photos.
N_READ = 24
# Of files of the same length so many are looked into for one that is sought, those of the same time and name first.
N_TRIED = 2

_T = TypeVar("_T")
# Gives the content hash of a file, None where it cannot be read.
Reader = Callable[[SeenFile], str | None]


@dataclass(slots=True)
class Remembered:
    """What the looks of one process remember: a drive that is held back is looked at every minute.

    Attributes:
        samples: some known files by folder and place.
        contents: content hashes of files that the last scan looked into.
    """

    samples: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    contents: dict[SeenFile, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """What lies in a folder, place by place.

    Attributes:
        drives: number of the drive that lies in each place, see `Root.drives`.
        reason: why nothing of the folder may be removed, or empty.
        strange: places of which nothing new may be taken in.
    """

    drives: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    strange: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Place:
    """One place: what is known of it, by the number of the drive, and what is there now.

    `same` is whether the file system is the same, None where the system does not tell; fewer than `few` files may all
    be gone and say nothing. A file that changed where it lies after `edited_ns` was edited; 0 where none can tell.
    `changed` are the rows whose files are not there as they are known; `loose` are files anywhere in the folder that
    are not as any row knows them, by their length.
    """

    path: str
    same: bool | None
    few: int
    edited_ns: int
    unmounted: bool
    loose: Mapping[int, Sequence[SeenFile]]
    rows: dict[int, list[FileRow]] = field(default_factory=lambda: defaultdict(list))
    changed: dict[int, list[FileRow]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, SeenFile] = field(default_factory=dict)

    def n_known(self, drive: int) -> int:
        """Count the files that the last scan found, of the drive that lay there."""
        return sum(not row.missing_since_ns for row in self.rows[drive])

    def n_lost(self, drive: int, *, read: Reader | None) -> int:
        """Count those of them that are not there, looking into a sample of what may have moved."""
        return self._count(
            [row for row in self.changed[drive] if not (row.missing_since_ns or self._edited(row))], read
        )

    def n_away(self, drive: int, *, read: Reader) -> int:
        """Count the files of another drive that are not there."""
        return self._count(self.changed[drive], read)

    def _count(self, rows: Sequence[FileRow], read: Reader | None) -> int:
        if read is None or not rows:
            return len(rows)
        sample = spread(rows, N_READ)
        n_found = sum(self._is_elsewhere(row, read) for row in sample)
        return len(rows) - round(len(rows) * n_found / len(sample))

    def _edited(self, row: FileRow) -> bool:
        file = self.files.get(row.path)
        return file is not None and 0 < self.edited_ns < file.ctime_ns

    def _is_elsewhere(self, row: FileRow, read: Reader) -> bool:
        name = os.path.basename(row.path)

        def unlike(file: SeenFile) -> tuple[bool, bool, str]:
            return file.mtime_ns != row.mtime_ns, not file.path.endswith(name), file.path

        likely = heapq.nsmallest(N_TRIED, self.loose.get(row.size_bytes, ()), key=unlike)
        return any(read(file) == row.photo for file in likely)

    def believes(self, n_known: int, n_lost: int, *, lost_share: float) -> bool:
        """Tell whether so many lost files may be what a person deletes."""
        if n_lost == n_known:
            return n_known < self.few and bool(self.files)
        return n_known < FEW_FILES or n_lost <= lost_share * n_known

    def reason(self, n_known: int, n_lost: int) -> str:
        """Say what is wrong with so many lost files."""
        where, inside = (f"{self.path!r} in it", f" in {self.path!r}") if self.path else ("the folder", "")
        if self.unmounted:
            return f"{where} is no longer on a device of its own (a drive that is not mounted?)"
        if not self.files:
            return f"{where} is empty (a drive that is not mounted?)"
        if n_lost == n_known:
            none = "the known file is not" if n_known == 1 else f"none of the {n_known} known files is"
            return f"{none} there{inside} (another drive, or another folder?)"
        if self.same is False:
            return f"{where} is on another drive than before, which lacks {n_lost} of {n_known} files"
        return f"{n_lost} of {n_known} files{inside} are gone at once"


def is_as_known(row: FileRow, file: SeenFile) -> bool:
    """Tell whether a file is the one that is known, by its size and time: a mount may give it another ctime.

    Args:
        row: what is known.
        file: the file at that path.
    """
    return (row.size_bytes, row.mtime_ns) == (file.size_bytes, file.mtime_ns)


def find_drives(seen: Walk, rows: Iterable[FileRow], *, root: Root, lost_share: float, read: Reader) -> Finding:
    """Find out which drive lies in each place of a folder.

    Args:
        seen: what a walk through the folder saw; of what it could not see nothing is told.
        rows: all rows of the folder, of whatever drive.
        root: the folder as the last complete scan left it.
        lost_share: share of the files above which a loss at once is not believed, in (0, 1].
        read: looks into a file.

    Returns:
        What lies where.
    """
    drives, reasons, strange = {}, [], set()
    for place in _places(seen, rows, root):
        before = root.drive_of(place.path)
        drive, n_lost = _judge(place, before, lost_share=lost_share, read=read)
        drives[place.path] = drive
        if n_lost:
            n_known = place.n_known(drive)
            reasons.append(place.reason(n_known, n_lost))
            if not place.believes(n_known, n_lost, lost_share=lost_share):
                strange.add(place.path)
    return Finding(drives if any(drives.values()) else {}, "; ".join(reasons), frozenset(strange))


def _judge(place: _Place, drive: int, *, lost_share: float, read: Reader) -> tuple[int, int]:
    """Find the drive that lies in a place; give its number, and how many of its files are lost where that is too many.

    Args:
        place: the place.
        drive: number of the drive that lay there.
        lost_share: share of the files above which a loss at once is not believed.
        read: looks into a file.
    """
    n_known, n_lost = place.n_known(drive), place.n_lost(drive, read=None)
    if n_known and not n_lost:
        return drive, 0
    shares = {}
    for other, rows in place.rows.items():
        if other != drive and rows:
            n_away = place.n_away(other, read=read)
            if n_away < len(rows) and n_away <= lost_share * len(rows):
                shares[other] = n_away / len(rows)
    best = min(shares, key=lambda other: (shares[other], other), default=drive)
    if best != drive and (not n_known or shares[best] < n_lost / n_known):
        return best, 0
    if not n_known or (place.same is not False and place.believes(n_known, n_lost, lost_share=lost_share)):
        return drive, 0
    n_lost = place.n_lost(drive, read=read)
    fine = n_lost == 0 if place.same is False else place.believes(n_known, n_lost, lost_share=lost_share)
    return drive, 0 if fine else n_lost


def _places(seen: Walk, rows: Iterable[FileRow], root: Root) -> list[_Place]:
    """Part a folder's rows and files by the places they lie in."""
    loose: dict[int, list[SeenFile]] = defaultdict(list)
    places = {path: _place(path, seen, root, loose) for path in sorted(root.places | set(seen.mounts))}
    inner = [path for path in places if path]
    here = {file.path: file for file in seen.files}
    held: set[str] = set()
    for row in rows:
        file = here.get(row.path)
        as_known = file is not None and is_as_known(row, file)
        if as_known:
            held.add(row.path)
        # What could not be seen, and links that are there and no longer followed, say nothing.
        if row.photo is None or row.path in seen.outside_links or (seen.unreadable and seen.is_unseen(row.path)):
            continue
        place = places[place_of(row.path, inner) if inner else ""]
        place.rows[row.drive].append(row)
        if not as_known:
            place.changed[row.drive].append(row)
    for file in seen.files:
        places[place_of(file.path, inner) if inner else ""].files[file.path] = file
        if file.path not in held:
            loose[file.size_bytes].append(file)
    return list(places.values())


def _place(path: str, seen: Walk, root: Root, loose: Mapping[int, Sequence[SeenFile]]) -> _Place:
    was, mounted = path in root.mounts, path in seen.mounts
    before, now = root.volumes.get(path), seen.volumes.get(path)
    same = before == now if before and now else None
    few = NONE_SAYS_NOTHING[same]
    if same is None and not path and root.device != seen.device:
        few = NONE_SAYS_NOTHING[False]
    if was != mounted:
        same, few = False, NONE_SAYS_NOTHING[False]
    edited_ns = root.last_scan_ns if same else 0
    return _Place(path, same, few, edited_ns, was and not mounted, loose)


def spread(given: Sequence[_T], n: int) -> list[_T]:
    """Give some of a list, spread evenly over all of it.

    Args:
        given: all.
        n: how many at most.
    """
    return [given[i * len(given) // n] for i in range(n)] if len(given) > n else list(given)


def on_drives(files: Iterable[SeenFile], root: Root) -> list[SeenFile]:
    """Give files the number of the drive they lie on.

    Args:
        files: as a walk saw them.
        root: their folder, with the drives that lie there.
    """
    if not root.drives:
        return list(files)
    return [dataclasses.replace(file, drive=root.drive_of(file.path)) for file in files]


def by_drive(
    rows: Iterable[FileRow], *, before: Root, now: Root
) -> tuple[dict[str, FileRow], list[FileRow], list[FileRow]]:
    """Give the rows of the drives that lie in a folder, by path.

    Args:
        rows: all of the folder.
        before: the folder as the last scan left it.
        now: the folder with the drives that lie there.

    Returns:
        These rows; of them those of a drive that is back, unmarked, for it was away and they were not missing; and the
        rows of other drives that are not marked yet.
    """
    known: dict[str, FileRow] = {}
    back: list[FileRow] = []
    away: list[FileRow] = []
    for row in rows:
        drive = now.drive_of(row.path)
        if row.drive != drive:
            if not row.missing_since_ns:
                away.append(row)
            continue
        if row.missing_since_ns and drive != before.drive_of(row.path):
            row = dataclasses.replace(row, missing_since_ns=0)
            back.append(row)
        known[row.path] = row
    return known, back, away
