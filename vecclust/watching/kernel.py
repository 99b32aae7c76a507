"""What the kernel tells of watching: the kind of mount below a path, and how many watches it granted.

inotify hears what goes through this kernel's own file system. What another computer, a FUSE process or the layers
below an overlay change, it never hears. Where there is no mountinfo (macOS, Windows) events are trusted. The limit of
watches is reached in silence: watchdog adds one for each directory and says nothing where the kernel refuses
(`max_user_watches`), so those of this process are counted in `/proc/self/fdinfo`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

# `events`: all changes are heard. `hints`: only those made through this mount. `scan`: not worth listening.
Way = Literal["events", "hints", "scan"]

MOUNTINFO = Path("/proc/self/mountinfo")
FDINFO = Path("/proc/self/fdinfo")
LIMITS = Path("/proc/sys/fs/inotify")
_REMOTE = re.compile(r"(cifs|smb|smb3|smbfs|nfs\d?|afs|ceph|glusterfs|9p|virtiofs|vboxsf|fuse(\..*)?|fuseblk|davfs)$")
# A container's own writes go through its overlay and are heard; those made below it are not.
_LAYERED = re.compile(r"(overlay|aufs|unionfs|ecryptfs)$")


def way_to_watch(path: str, *, mountinfo: str | None = None) -> Way:
    """Say how changes below a path can be noticed.

    Args:
        path: absolute path, links resolved.
        mountinfo: the text of `/proc/self/mountinfo`; read where None.

    Returns:
        The way. An unknown kind of file system is taken for a local one: the periodic scan makes up for it.
    """
    if mountinfo is None:
        try:
            mountinfo = MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return "events"
    kind = _kind_below(path, mountinfo)
    if _REMOTE.match(kind):
        return "scan"
    return "hints" if _LAYERED.match(kind) else "events"


def _kind_below(path: str, mountinfo: str) -> str:
    best, kind = "", ""
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda escape: chr(int(escape[1], 8)), fields[4])
        inside = path == point or path.startswith(point.rstrip(os.sep) + os.sep)
        # The last of equal mount points lies on top.
        if inside and len(point) >= len(best):
            best, kind = point, after.split(" ")[0]
    return kind


def count_watches() -> int | None:
    """Count the inotify watches of this process; None where the system does not tell."""
    try:
        names = os.listdir(FDINFO)
    except OSError:
        return None
    total = 0
    for name in names:
        try:
            lines = (FDINFO / name).read_bytes().splitlines()
        except OSError:
            continue
        total += sum(line.startswith(b"inotify ") for line in lines)
    return total


def count_directories(folders: Iterable[str]) -> int:
    """Count the directories at and below folders, links not followed; what cannot be listed counts itself.

    Args:
        folders: absolute paths.
    """
    total = 0
    for folder in folders:
        waiting = [folder]
        while waiting:
            total += 1
            try:
                with os.scandir(waiting.pop()) as entries:
                    waiting.extend(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
            except OSError:
                continue
    return total


def watch_limits() -> tuple[int, int] | None:
    """Read how many watches, and how many queues of events, the system grants to one user.

    Returns:
        Both numbers; None where the system has no such limits, or does not tell.
    """
    try:
        watches, queues = ((LIMITS / name).read_text() for name in ("max_user_watches", "max_user_instances"))
        return int(watches), int(queues)
    except (OSError, ValueError):
        return None
