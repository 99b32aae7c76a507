"""The SHA-256 of large files, remembered in the user's cache folder: reading 600 MB takes a second at each start.

A file counts as the same while its path, size, modification time, change time and inode are. So a digest is only as
safe against someone who falsifies as these are: to pass off other weights takes the system's clock or this folder,
and with it the user's account. What the folder holds is never needed, and where it cannot be read or written nothing
is remembered.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import tempfile
import time
from pathlib import Path

from vecclust.config import cache_folder

log = logging.getLogger(__name__)

# A smaller file is read within some hundredths of a second.
_FROM_BYTES = 64 << 20
# What was changed a moment ago may change once more within the same tick of the file system's clock, 2 s on FAT.
_QUIET_NS = 5 * 10**9
# The newest are kept; a person uses a handful of models.
_MOST_KEPT = 32
_FILE = "weights.json"


def file_digest(file: Path) -> str:
    """Give a file's SHA-256, which is not computed again while the file is the same.

    Args:
        file: whatever it holds.

    Returns:
        64 hex digits.

    Raises:
        OSError: it cannot be read.
    """
    with file.open("rb") as stream:
        mark = _mark(stream.fileno())
        if os.fstat(stream.fileno()).st_size < _FROM_BYTES:
            return hashlib.file_digest(stream, "sha256").hexdigest()
        path = os.fsdecode(os.path.realpath(file)).encode("utf-8", "backslashreplace").decode()
        kept = _kept()
        match kept.get(path):
            case [found, str(digest)] if found == mark and re.fullmatch(r"[0-9a-f]{64}", digest):
                return digest
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        is_quiet = time.time_ns() - max(mark[1:3]) > _QUIET_NS
        if is_quiet and _mark(stream.fileno()) == mark:
            kept.pop(path, None)
            _keep(dict([*kept.items(), (path, [mark, digest])][-_MOST_KEPT:]))
        return digest


def _mark(descriptor: int) -> list[int]:
    """Give what changes when a file does: its size, when it was modified and changed, and which it is."""
    found = os.fstat(descriptor)
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _kept() -> dict[str, object]:
    try:
        kept = json.loads((cache_folder() / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _keep(kept: dict[str, object]) -> None:
    """Write it whole or not at all; two that write at once lose an entry, which is computed again."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(prefix=f".{_FILE}.", dir=folder)  # the owner's alone
    except OSError as error:
        log.debug("no digest is remembered: %s", error)
        return
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            json.dump(kept, stream)
        os.replace(beside, folder / _FILE)
    except OSError as error:
        log.debug("no digest is remembered: %s", error)
        with contextlib.suppress(OSError):
            os.unlink(beside)
