"""A library is its owner's alone: its folder is closed to others, and nothing is written through a link inside it.

The folder itself may be reached through a link, which its owner made. A file system that keeps neither owners nor
permissions (exFAT, many network shares) can hold a library all the same; that others may look in is said.
"""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from vecclust.errors import StoreUnsuitable

_log = logging.getLogger(__name__)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keep_private(folder: Path) -> None:
    """Close a library's folder to everybody but its owner, where it is open.

    Args:
        folder: the library's directory; it is there.

    Raises:
        StoreUnsuitable: it belongs to another user.
    """
    if not hasattr(os, "geteuid"):
        return
    found = folder.stat()
    if found.st_uid != os.geteuid() and _keeps_owners(folder):
        raise StoreUnsuitable(
            f"{folder} belongs to another user ({found.st_uid}), who could read and change what is kept there",
            hint="Choose a folder of your own with --library, or run vecclust as that user",
        )
    if not found.st_mode & _OTHERS:
        return
    try:
        folder.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
        closed = not folder.stat().st_mode & _OTHERS
    except PermissionError:
        closed = False
    if closed:
        _log.warning("%s was open to other users of this computer; it is closed to them now", folder)
    else:
        _log.warning(
            "%s is open to other users of this computer: its file system keeps no permissions;"
            " --library names another place",
            folder,
        )


def refuse_links(folder: Path, parts: Iterable[str]) -> None:
    """Make sure that nothing of ours in a library's folder is a link, nor anything in its folders.

    Args:
        folder: the library's directory.
        parts: names of what vecclust writes there.

    Raises:
        StoreUnsuitable: one is a link.
    """
    for part in sorted(parts):
        path = folder / part
        if path.is_symlink():
            _refuse(path)
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        _refuse(Path(entry.path))
        except (FileNotFoundError, NotADirectoryError):
            continue


def _refuse(link: Path) -> None:
    raise StoreUnsuitable(
        f"{link} is a link to {os.readlink(link)}; nothing is written through a link inside a library",
        hint="Put what it leads to in its place or remove the link; --library may name a link to the whole folder",
    )


def _keeps_owners(folder: Path) -> bool:
    """Tell whether what this process makes in a folder is its own; a folder it may not write to says yes."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_uid == os.geteuid()
    except OSError:
        return True
