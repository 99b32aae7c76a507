"""Files: one row per path, whatever became of it.

A file is named by the exact bytes of its root and path. Several files may hold one photo. Whether a file is
still there, unreadable or unfinished is the caller's finding; this part keeps it.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from vecclust.store.filters import Filter, equals, one_of
from vecclust.store.rows import file_key, file_table, read_files
from vecclust.store.schema import FILES, PHOTOS
from vecclust.store.shelf import Shelf, in_parts
from vecclust.store.values import Counts
from vecclust.types.files import FileRow, FileState, Root


class FileShelf(Shelf):
    """The part of a store that knows files and the folders they lie in."""

    def roots(self) -> list[Root]:
        """List the folders the library keeps in step with, as they were given."""
        return self._meta.roots()

    def put_roots(self, roots: Sequence[Root]) -> None:
        """Replace the list of kept folders.

        Raises:
            ValueError: a folder stands twice, or is not an absolute path.
        """
        paths = [root.path for root in roots]
        if len(set(paths)) != len(paths):
            raise ValueError("a root stands twice")
        if not all(os.path.isabs(path) for path in paths):
            raise ValueError("a root is an absolute path")
        with self._writing:
            self._meta.commit_roots(roots)

    def put_files(self, rows: Sequence[FileRow]) -> None:
        """Write what is known of files, in place of what was known of them.

        Raises:
            ValueError: one file stands twice.
        """
        if rows:
            with self._writing:
                self._tables.upsert(FILES, file_table(rows))

    def remove_files(self, files: Collection[tuple[str, str]]) -> int:
        """Forget files; their photos are not touched.

        Args:
            files: root and path of each.

        Returns:
            How many were known.
        """
        with self._writing:
            keys = (file_key(root, path) for root, path in files)
            return sum(self._tables.delete(FILES, one_of("file", part)) for part in in_parts(keys))

    def files(self, *, state: FileState | None = None, root: str | None = None) -> Iterator[FileRow]:
        """Stream files in no particular order.

        Args:
            state: only those in this state.
            root: only those of this kept folder.
        """
        where: Filter | None = None if state is None else equals("state", state)
        for row in read_files(self._tables.read(FILES, where=where)):
            if root is None or row.root == root:
                yield row

    def files_of(self, photos: Collection[str]) -> dict[str, list[FileRow]]:
        """Find the files that hold photos.

        Args:
            photos: which ones.

        Returns:
            Per photo that has any, its files by absolute path, missing ones included.
        """
        found: dict[str, list[FileRow]] = defaultdict(list)
        for part in in_parts(photos):
            for row in read_files(self._tables.read(FILES, where=one_of("photo", part))):
                found[str(row.photo)].append(row)
        return {photo: sorted(rows, key=lambda row: row.absolute) for photo, rows in found.items()}

    def file_at(self, path: str, *, root: str | None = None) -> FileRow | None:
        """Find what is known of a file.

        Args:
            path: its absolute path, or relative to `root` where that is given.
            root: the kept folder it lies in; without it, every folder above the path may be the one.

        Returns:
            Its row, or None. Where kept folders lie within one another, the innermost one's.
        """
        keys = [file_key(root, path)] if root is not None else [file_key(*pair) for pair in _possible_roots(path)]
        if not keys:
            return None
        rows = read_files(self._tables.read(FILES, where=one_of("file", keys)))
        return max(rows, key=lambda row: len(row.root), default=None)

    def files_at(self, paths: Collection[str], *, root: str) -> dict[str, FileRow]:
        """Find what is known of some files of a folder, without reading the others.

        Args:
            paths: relative to `root`.
            root: the kept folder.

        Returns:
            Their rows by relative path; unknown ones are left out.
        """
        found: dict[str, FileRow] = {}
        for part in in_parts(file_key(root, path) for path in paths):
            found |= {row.path: row for row in read_files(self._tables.read(FILES, where=one_of("file", part)))}
        return found

    def counts(self) -> Counts:
        """Count photos and files."""
        states: Counter[str] = Counter()
        n_missing = 0
        for batch in self._tables.read(FILES, ["state", "missing_since_ns"]):
            states.update(batch.column("state").to_pylist())
            n_missing += int(np.count_nonzero(batch.column("missing_since_ns").to_numpy()))
        return Counts(
            photos=self._tables.count(PHOTOS),
            files=states.total(),
            ready=states["ready"],
            waiting=states["waiting"],
            problems=states["problem"],
            missing=n_missing,
        )


def _possible_roots(path: str) -> Iterator[tuple[str, str]]:
    """Cut an absolute path at each of its folders into a root and the rest."""
    above = os.path.dirname(path)
    while True:
        yield above, path[len(above) :].lstrip(os.sep)
        parent = os.path.dirname(above)
        if parent == above:
            return
        above = parent
