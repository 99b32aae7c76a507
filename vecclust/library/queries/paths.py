"""Where a photo can be opened: the file of it that is there now."""

from __future__ import annotations

import os
from collections.abc import Sequence

from vecclust.types.files import FileRow


def living_path(files: Sequence[FileRow]) -> str | None:
    """Give the first path, in order, of a file that is known good and there now, or None.

    Args:
        files: the files that hold one photo.
    """
    paths = sorted([file.absolute for file in files if file.has_photo and not file.missing_since_ns])
    return next(filter(os.path.exists, paths), None)
