"""Read a file's bytes once and name them: what is hashed here is what is decoded, from one open file.

Only reads, and leaves no trace where the system allows it (`O_NOATIME`). A file that changes while it is
read is unfinished; what the system refuses is the environment's fault and never the photo's.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass

from vecclust.errors import PhotoError, TooLarge, Unfinished, Unreachable, Unreadable, Vanished
from vecclust.photos.finished import is_same
from vecclust.photos.walk import seen_from
from vecclust.types.files import SeenFile

# ENODEV and ENXIO: the card was pulled. ESTALE: the server forgot the handle; the file itself may well be
# there.
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})

# NONBLOCK: a pipe put in the file's place between look and open must not hold the process up.
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NOATIME: int = getattr(os, "O_NOATIME", 0)


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of one file.

    Attributes:
        seen: the file as it was when its bytes were read.
        data: all of its bytes.
        photo: their SHA-256, lower-case hex.
    """

    seen: SeenFile
    data: bytes
    photo: str


def read_content(seen: SeenFile, *, file_bytes: int) -> Content:
    """Read and hash a file that a walk saw.

    Args:
        seen: the file.
        file_bytes: the longest file that is read.

    Returns:
        Its bytes and their name.

    Raises:
        Vanished: it is gone.
        Unfinished: it is not the file that was seen, or it changed while it was read.
        TooLarge: it is longer than allowed.
        Unreachable: the system refused, or memory ran out.
        Unreadable: it is no regular file.
    """
    try:
        return _read(seen, file_bytes=file_bytes)
    except OSError as error:
        raise photo_error_of(error) from error
    except MemoryError as error:
        raise Unreachable("not enough memory to read the file") from error


def photo_error_of(error: OSError) -> PhotoError:
    """Give the error of ours that a system's error on a photo's file means."""
    if error.errno in _GONE:
        return Vanished("the file is gone")
    return Unreachable(f"the system refuses the file: {error.strerror or error}")


def _read(seen: SeenFile, *, file_bytes: int) -> Content:
    handle = open_to_read(seen.absolute)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("this is not a regular file")
        before = seen_from(status, root=seen.root, path=seen.path)
        if not is_same(seen, before):
            raise Unfinished("the file has changed since it was seen")
        if before.size_bytes > file_bytes:
            raise TooLarge(
                f"the file has {before.size_bytes / 1e6:.0f} MB, more than the {file_bytes / 1e6:.0f} MB allowed",
                hint="photos.max_file_mb raises the limit",
            )
        data = _read_all(handle, before.size_bytes)
        after = seen_from(os.fstat(handle), root=seen.root, path=seen.path)
    finally:
        os.close(handle)
    if len(data) != before.size_bytes or not is_same(before, after):
        raise Unfinished("the file changed while it was read")
    return Content(after, data, hashlib.sha256(data).hexdigest())


def open_to_read(path: str) -> int:
    """Open a file for reading, without a trace where the system allows it, and give its descriptor."""
    try:
        return os.open(path, _FLAGS | _NOATIME)
    except PermissionError:
        # NOATIME is for the owner alone: EPERM here says nothing of the file itself.
        return os.open(path, _FLAGS)


def _read_all(handle: int, size_bytes: int) -> bytes:
    """Read to the end, one byte further than expected so that growth shows."""
    with os.fdopen(handle, "rb", buffering=0, closefd=False) as file:
        first = file.read(size_bytes + 1) or b""
        if len(first) in (0, size_bytes):
            return first
        parts = [first]
        while sum(map(len, parts)) <= size_bytes and (part := file.read(size_bytes + 1)):
            parts.append(part)
    return b"".join(parts)
