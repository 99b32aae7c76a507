"""Files: one row per path, whatever became of it.

A file is named by the exact bytes of its root and path; paths travel as their bytes. Several
files may hold one photo. Whether a file is still there, unreadable or unfinished is the caller's finding; this part
keeps it. Ten cards of one reader have the same names in the same place: the number of a file's drive, where it is not
the first, stands behind the bytes of its root, after a NUL, which no path holds.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any

from vecclust.store.layout import storable_text
from vecclust.store.schema import FILES, StorePart, arrow_table, refuse_repeated, root_entries
from vecclust.store.tables import Where, rows_of
from vecclust.types.files import FileRow, FileState, Root

# Always as long, so that a smaller number leaves nothing of a larger one.
_NOTE_DIGITS = 12
_COLUMNS = tuple(field.name for field in fields(FileRow) if field.name != "drive")


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the library holds.

    Attributes:
        photos: distinct pictures with a vector.
        files: paths known.
        ready: files whose photo has a row.
        waiting: files still being written, and those that a scan under way or one that did not end has yet to read.
        problems: files that could not be read, or only in part.
        missing: files that the last complete scan did not find.
    """

    photos: int
    files: int
    ready: int
    waiting: int
    problems: int
    missing: int


def file_key(root: str, path: str, drive: int = 0) -> str:
    """Name a file by the bytes of its root and path, whatever they are.

    Args:
        root: the kept folder it lies in.
        path: relative to that.
        drive: number of the drive it lies on.
    """
    return blake2b(_root_bytes(root, drive) + b"\0" + os.fsencode(path), digest_size=16).hexdigest()


def _root_bytes(root: str, drive: int) -> bytes:
    return os.fsencode(root) + (b"\0%d" % drive if drive else b"")


def file_table(rows: Sequence[FileRow]) -> Any:
    """Lay out files as rows of `files`.

    Args:
        rows: the files.

    Raises:
        ValueError: one file stands twice.
    """
    refuse_repeated([file_key(row.root, row.path, row.drive) for row in rows], what="file")
    return arrow_table(
        FILES,
        rows,
        file=lambda row: file_key(row.root, row.path, row.drive),
        root=lambda row: _root_bytes(row.root, row.drive),
        path=lambda row: os.fsencode(row.path),
        reason=lambda row: storable_text(row.reason),
    )


def read_files(batches: Iterable[Any]) -> list[FileRow]:
    """Read rows of `files`.

    Args:
        batches: arrow record batches with all columns.
    """
    found = []
    for where, path, *rest in rows_of(batches, _COLUMNS):
        root, _, drive = where.partition(b"\0")
        values: list[Any] = [os.fsdecode(root), os.fsdecode(path), *rest, int(drive or 0)]
        found.append(FileRow(*values))
    return found


class FileTables(StorePart):
    """The part of a store that knows files and the folders they lie in."""

    def put_roots(self, roots: Sequence[Root]) -> None:
        """Replace the list of kept folders.

        Args:
            roots: all that are to be kept.

        Raises:
            ValueError: a folder stands twice, or is not an absolute path.
        """
        paths = [root.path for root in roots]
        if len(set(paths)) != len(paths):
            raise ValueError("a root stands twice")
        if not all(os.path.isabs(path) for path in paths):
            raise ValueError("a root is an absolute path")
        with self._writing():
            self._meta.commit(root_entries(roots))

    def put_files(self, rows: Sequence[FileRow]) -> None:
        """Write what is known of files, in place of what was known of them.

        Args:
            rows: the files, none for nothing to do.

        Raises:
            ValueError: one file stands twice.
        """
        if rows:
            with self._writing():
                self._tables.upsert(FILES, file_table(rows))

    def remove_files(self, files: Collection[tuple[str, str] | tuple[str, str, int]]) -> int:
        """Forget files; their photos are not touched.

        Args:
            files: root and path of each, and the number of its drive where it is not the first.

        Returns:
            How many were known.
        """
        with self._writing():
            return self._tables.delete(FILES, {"file": [file_key(*file) for file in files]})

    def files(self, *, state: FileState | None = None, root: str | None = None) -> Iterator[FileRow]:
        """Stream files in no particular order.

        Args:
            state: only those in this state.
            root: only those of this kept folder.
        """
        where: Where | None = None if state is None else {"state": [state]}
        for batch in self._tables.read(FILES, where=where):
            yield from (row for row in read_files([batch]) if root is None or row.root == root)

    def files_of(self, photos: Collection[str]) -> dict[str, list[FileRow]]:
        """Find the files that hold photos.

        Args:
            photos: which ones.

        Returns:
            Per photo that has any, its files by absolute path, missing ones included.
        """
        found: dict[str, list[FileRow]] = defaultdict(list)
        for row in read_files(self._tables.read(FILES, where={"photo": photos})):
            found[str(row.photo)].append(row)
        return {photo: sorted(rows, key=lambda row: row.absolute) for photo, rows in found.items()}

    def file_at(self, path: str, *, root: str | None = None) -> FileRow | None:
        """Find what is known of a file.

        Args:
            path: its absolute path, or relative to `root` where that is given.
            root: the kept folder it lies in; without it, every folder above the path may be the one.

        Returns:
            Its row, or None. Where kept folders lie within one another, the innermost one's; where several drives are
            known in one place, that of the drive which lies there.
        """
        kept = {one.path: one for one in self.roots() if one.drives}
        pairs = [(root, path)] if root is not None else _possible_roots(path)
        keys = [file_key(at, inside, kept[at].drive_of(inside) if at in kept else 0) for at, inside in pairs]
        rows = read_files(self._tables.read(FILES, where={"file": keys}))
        return max(rows, key=lambda row: len(row.root), default=None)

    def files_at(self, paths: Collection[str], *, root: Root) -> dict[str, FileRow]:
        """Find what is known of some files of a folder, without reading the others.

        Args:
            paths: relative to `root`.
            root: the kept folder.

        Returns:
            Their rows by relative path, those of the drives that lie there; unknown ones are left out.
        """
        keys = [file_key(root.path, path, root.drive_of(path)) for path in paths]
        return {row.path: row for row in read_files(self._tables.read(FILES, where={"file": keys}))}

    def counts(self) -> Counts:
        """Count photos and files."""
        states, n_missing = self._tables.reading(FILES, "counts", self._count_files)
        return Counts(
            photos=self._tables.count(self._photos),
            files=states.total(),
            ready=states["ready"] + states["damaged"],
            waiting=states["waiting"] + self.unread(),
            problems=states["problem"] + states["damaged"],
            missing=n_missing,
        )

    def note_unread(self, n_files: int) -> None:
        """Note how many files are yet to be read, where a killed scan or a full disk leaves it standing.

        Written over what stands there, for which a full disk has room; one that has none for the first is no reason
        to stop.

        Args:
            n_files: how many, without those that have a row and wait.
        """
        note = self._tables.place.unread
        with suppress(OSError):
            if n_files <= 0:
                note.unlink(missing_ok=True)
                return
            flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            with open(os.open(note, flags, 0o600), "wb") as file:
                file.write(b"%0*d\n" % (_NOTE_DIGITS, n_files))

    def unread(self) -> int:
        """Give what was noted last; 0 where nothing is, or nothing that can be read."""
        try:
            return max(0, int(self._tables.place.unread.read_bytes()))
        except (OSError, ValueError):
            return 0

    def _count_files(self) -> tuple[Counter[str], int]:
        rows = list(self._tables.rows(FILES, ["state", "missing_since_ns"]))
        return Counter(state for state, _ in rows), sum(missing_since_ns > 0 for _, missing_since_ns in rows)


def _possible_roots(path: str) -> list[tuple[str, str]]:
    """Cut an absolute path at each of its folders into a root and the rest."""
    above, found = path, []
    while (parent := os.path.dirname(above)) != above:
        above = parent
        found.append((above, path[len(above) :].lstrip(os.sep)))
    return found
