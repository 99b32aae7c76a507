"""A file's bytes: read once and named, or opened to be shown; and what may be spent on one photo.

What is hashed here is what is decoded, from one open file. Only reads, and leaves no trace where the system allows it
(`O_NOATIME`). A file that changes while it is read is unfinished; what the system refuses is the environment's fault
and never the photo's. An original is shown only while it still is what is known of it.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from dataclasses import dataclass
from typing import BinaryIO

from vecclust.errors import PhotoError, TooLarge, Unfinished, Unreachable, Unreadable, Vanished
from vecclust.photos.formats import DAMAGED_QUIET_S, Kind, kind_of
from vecclust.photos.walk import GONE_ERRNOS, is_same, seen_from
from vecclust.types.files import FileRow, SeenFile

# NONBLOCK: a pipe put in the file's place between look and open must not hold the process up.
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NOATIME: int = getattr(os, "O_NOATIME", 0)

# What `kind_of` needs to tell kinds apart.
_HEAD_BYTES = 256
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What may be spent on one photo.

    Attributes:
        pixels: most pixels of a picture that is decoded whole. 200-megapixel phones are real; a 300-megapixel
            picture takes 1.2 GB at Pillow's four bytes a pixel.
        jpeg_pixels: most pixels of a JPEG, which is decoded at a fraction of its size.
        file_bytes: longest file; it is held in memory whole, because what is hashed is what is decoded.
        time_s: longest time from sending a photo to a process to its answer, reading included.
        memory_bytes: address space of a decoding process, where the system can limit it (Linux); 200
            megapixels of HEIC take 1.4 GB.
        thumbnail_px: long side of the thumbnail; 0 for none.
        damaged_quiet_s: seconds without a change after which a damaged JPEG is taken as far as it can be shown.
    """

    pixels: int = 300_000_000
    jpeg_pixels: int = 600_000_000
    file_bytes: int = 1024 * _MIB
    time_s: float = 60.0
    memory_bytes: int = 4096 * _MIB
    thumbnail_px: int = 256
    damaged_quiet_s: float = DAMAGED_QUIET_S


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
    """Give the error of ours that a system's error on a photo's file means.

    Args:
        error: what the system said.

    Returns:
        `Vanished` where the file is gone, `Unreachable` otherwise.
    """
    if error.errno in GONE_ERRNOS:
        return Vanished("the file is gone")
    return Unreachable(f"the system refuses the file: {error.strerror or error}")


def _read(seen: SeenFile, *, file_bytes: int) -> Content:
    handle = _open_to_read(seen.absolute)
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


def _open_to_read(path: str) -> int:
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


@dataclass(frozen=True, slots=True)
class Original:
    """An opened original; whoever gets it closes it.

    Attributes:
        file: at its beginning.
        size_bytes: its length.
        kind: what its first bytes say it is, or None.
        path: where it lies.
    """

    file: BinaryIO
    size_bytes: int
    kind: Kind | None
    path: str


def open_original(row: FileRow, *, file_bytes: int) -> Original | None:
    """Open a file that holds a photo, for reading only; links are followed as a scan follows them.

    One that was touched since it was scanned is read and hashed before it is believed.

    Args:
        row: the file, with the content hash it must have.
        file_bytes: the longest file that is read to find out.

    Returns:
        The original, or None where the file is gone, refused or another one now.
    """
    try:
        handle = _open_to_read(row.absolute)
    except OSError:
        return None
    try:
        status = os.fstat(handle)
        known = (row.size_bytes, row.mtime_ns, row.ctime_ns)
        if not stat.S_ISREG(status.st_mode):
            return None
        if (status.st_size, status.st_mtime_ns, status.st_ctime_ns) == known:
            head = os.pread(handle, _HEAD_BYTES, 0)
            file = os.fdopen(os.dup(handle), "rb")
            return Original(file, status.st_size, kind_of(head), row.absolute)
        content = read_content(seen_from(status, root=row.root, path=row.path), file_bytes=file_bytes)
    except (OSError, PhotoError):
        return None
    finally:
        os.close(handle)
    if content.photo != row.photo:
        return None
    return Original(io.BytesIO(content.data), len(content.data), kind_of(content.data), row.absolute)
