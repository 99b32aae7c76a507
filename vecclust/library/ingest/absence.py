"""Judge files that are not there: absence of success is not absence of the file.

A row goes only after its file was missing in two complete scans of a healthy folder, a day apart. A folder that
vanished, became empty, changed its device, lost a device mounted in it, could not be read whole or lost most of its
files at once pauses all removal and says so; nothing is marked, nothing is removed, nothing will be embedded again when
it is back.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass

from vecclust.types.files import FileRow, Root

# Below this many files a person may well delete most of a folder by hand, so a share says nothing.
FEW_FILES = 10


@dataclass(frozen=True, slots=True)
class FolderHealth:
    """What a walk says of its folder.

    Attributes:
        exists: whether the folder is there and could be listed.
        complete: whether every directory below it could be listed.
        device: `st_dev` now, 0 where it does not exist.
        n_seen: photo files seen.
        mounts: directories below it that are on another device, as relative paths.
    """

    exists: bool
    complete: bool
    device: int
    n_seen: int
    mounts: tuple[str, ...] = ()


def reason_to_pause(
    health: FolderHealth, *, root: Root, n_known: int, absent: Sequence[FileRow], lost_share: float
) -> str:
    """Say why nothing of a folder may be marked missing.

    Args:
        health: what the walk says.
        root: the folder as the last complete scan left it.
        n_known: rows of the folder.
        absent: rows whose files were not seen.
        lost_share: share of the files above which a loss at once is not believed, in (0, 1].

    Returns:
        The reason, or an empty string where absences are to be believed.
    """
    if not health.exists:
        return "the folder is not there or cannot be read"
    if not health.complete:
        return "a part of the folder cannot be read"
    if not absent:
        return ""
    if root.device and health.device != root.device:
        return "the folder is on another device than before (a drive that is not mounted?)"
    if health.n_seen == 0:
        return "the folder is empty (a drive that is not mounted?)"
    for mount in sorted(set(root.mounts) - set(health.mounts)):
        if any(row.path.startswith(mount + os.sep) for row in absent):
            return f"{mount!r} in it is no longer on a device of its own (a drive that is not mounted?)"
    newly = sum(1 for row in absent if not row.missing_since_ns)
    if n_known >= FEW_FILES and newly > lost_share * n_known:
        return f"{newly} of {n_known} files are gone at once"
    return ""


@dataclass(frozen=True, slots=True)
class Absences:
    """What to do about absent files.

    Attributes:
        mark: rows to write: missing from now on.
        remove: rows to remove.
        keep: rows that are marked already and stay.
    """

    mark: tuple[FileRow, ...]
    remove: tuple[FileRow, ...]
    keep: tuple[FileRow, ...]


def judge(absent: Sequence[FileRow], *, now_ns: int, remove_after_s: float, prune: bool) -> Absences:
    """Sort absent rows of a healthy folder.

    Args:
        absent: rows whose files were not seen.
        now_ns: the time now.
        remove_after_s: how long a row must have been missing before a second miss removes it.
        prune: remove all of them now.

    Returns:
        The rows to mark, to remove and to keep as they are.
    """
    mark: list[FileRow] = []
    remove: list[FileRow] = []
    keep: list[FileRow] = []
    for row in absent:
        if prune or (row.missing_since_ns and now_ns - row.missing_since_ns >= remove_after_s * 1e9):
            remove.append(row)
        elif row.missing_since_ns:
            keep.append(row)
        else:
            mark.append(dataclasses.replace(row, missing_since_ns=now_ns))
    return Absences(tuple(mark), tuple(remove), tuple(keep))
