"""An original opened to be shown: by its content, for reading only, and only while it still is what is known of it.

Links are followed as a scan follows them. A file that was touched since is read and hashed before it is believed.
"""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from typing import BinaryIO

from vecclust.errors import PhotoError
from vecclust.photos.content import open_to_read, read_content
from vecclust.photos.kind import Kind, kind_of
from vecclust.photos.walk import seen_from
from vecclust.types.files import FileRow

# What `kind_of` needs to tell kinds apart.
_HEAD_BYTES = 256


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
    """Open a file that holds a photo.

    Args:
        row: the file, with the content hash it must have.
        file_bytes: the longest file that is read to find out.

    Returns:
        The original, or None where the file is gone, refused or another one now.
    """
    try:
        handle = open_to_read(row.absolute)
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
