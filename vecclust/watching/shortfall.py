"""Are there as many watches as directories? The kernel's limit is reached in silence, so it is counted.

watchdog adds a watch for each directory and says nothing where the kernel refuses one (`max_user_watches`). The
kernel lists this process's watches in `/proc/self/fdinfo`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

FDINFO = Path("/proc/self/fdinfo")


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
    """Count the directories at and below folders, links not followed; what cannot be listed counts itself."""
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
