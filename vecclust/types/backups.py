"""Backups: what was copied, and what came back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds, or would hold.

    Attributes:
        file: the backup, an absolute path.
        library: the library's directory.
        photos: photos in it.
        files: files of the library in it.
        library_bytes: what these take.
        free_bytes: what was free where the backup lies.
        size_bytes: what the backup takes; 0 where it was not made.
        dry_run: whether nothing was done.
    """

    file: str
    library: str
    photos: int
    files: int
    library_bytes: int
    free_bytes: int
    size_bytes: int = 0
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What came back from a backup.

    Attributes:
        library: the library's directory.
        backup: what it was: a whole library, or the edits, names and settings of a day.
        made_ns: when the backup was made, in nanoseconds since the epoch.
        photos: photos that came back; 0 for those of a day.
        set_aside: where the library that was there is now, or None.
        edits: edits that came back; 0 for a whole library, which has all of its own.
        names: cluster and name, of the names among them.
        lost_names: names that no cluster here is the one of.
        notices: what the owner should know.
    """

    library: str
    backup: Literal["library", "day"]
    made_ns: int
    photos: int = 0
    set_aside: str | None = None
    edits: int = 0
    names: tuple[tuple[str, str], ...] = ()
    lost_names: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
