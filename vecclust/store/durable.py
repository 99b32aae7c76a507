"""Make commits survive a loss of power: sync the files that a commit made, and the folders naming them.

LanceDB syncs nothing (its `local_fsync` is accepted and does nothing), and a torn newest manifest makes a
table unopenable. Files of a table are written once and never changed, but for one hint that may be lost.
"""

from __future__ import annotations

import os
from pathlib import Path

from vecclust.store.vendor import border

# Found to do no harm when empty, torn, out of date or gone (lancedb 0.40), and a third of what there is to sync.
_NEEDLESS = frozenset({"latest_version_hint.json", "_transactions"})


class SyncedFiles:
    """The files that are known to be on the disk, by folder."""

    def __init__(self) -> None:
        self._known: dict[Path, set[str]] = {}

    def sync(self, folder: Path) -> int:
        """Sync whatever is new in a folder and below.

        Args:
            folder: a table's or a fit's folder.

        Returns:
            How many files were synced.
        """
        with border("syncing to the disk", place=folder):
            fresh = folder not in self._known
            n_files = self._sync_below(folder)
            if fresh:
                _sync(folder.parent)
            return n_files

    def forget(self, folder: Path) -> None:
        """Drop what is known of a folder that is going away."""
        for known in [known for known in self._known if known == folder or folder in known.parents]:
            del self._known[known]

    def _sync_below(self, folder: Path) -> int:
        files, folders = set(), []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in _NEEDLESS:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                else:
                    files.add(entry.name)
        new = files - self._known.get(folder, set())
        for name in new:
            _sync(folder / name)
        named = folder not in self._known or any(inner not in self._known for inner in folders)
        n_below = sum(self._sync_below(inner) for inner in folders)
        if new or named:
            _sync(folder)
        self._known[folder] = files
        return len(new) + n_below


def _sync(path: Path) -> None:
    try:
        opened = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    except PermissionError:
        # Windows opens no folders; there a folder's entries are journalled with its files.
        if os.name == "nt":
            return
        raise
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
