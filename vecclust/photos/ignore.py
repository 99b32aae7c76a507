"""Which names are photos, which are left alone, and which directories are never entered.

Judges names only: the disk is the walk's affair, and what a file really holds is the decoder's. Names are
compared without regard to case. A name is looked at in this order: never a photo (sync tools, systems,
sidecars, the user's patterns), then hidden (any other dot-file: skipped, but counted and shown), then by
its extension.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable
from typing import Literal

NameVerdict = Literal["photo", "ignored", "hidden", "other"]

# What Pillow with pillow-heif decodes, and `.jxl`: a photo that cannot be decoded here belongs among the
# problems with a reason, not among the files that are silently no photos.
PHOTO_EXTENSIONS: tuple[str, ...] = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp",
    ".heic", ".heif", ".hif", ".avif", ".jxl",
)  # fmt: skip

# A directory that holds one of these asks not to be looked into (Android's media scanner; ours).
MARKER_NAMES: tuple[str, ...] = (".nomedia", ".vecclustignore")

# Sync tools' work areas, recycle bins, snapshots, thumbnail caches and other programs' libraries.
_DIRECTORY_PATTERNS: tuple[str, ...] = (
    ".stfolder", ".stversions", ".sync", ".dropbox.cache", ".tmp.drivedownload", ".tmp.driveupload",
    ".rsync-partial", ".~tmp~", ".trash-storage", ".thumbnails", ".thumbs", ".Trash", ".Trash-*", ".Trashes",
    ".TemporaryItems", ".Spotlight-V100", ".fseventsd", ".AppleDouble", "__MACOSX", "@eaDir", "@tmp",
    "#recycle", "#snapshot", ".snapshot", ".snapshots", ".zfs", ".@__thumb", "@Recycle", "$RECYCLE.BIN",
    "System Volume Information", "lost+found", ".git", ".cache", "*.lrdata", ".immich", ".photoprism",
)  # fmt: skip

_FILE_PATTERNS: tuple[str, ...] = (
    # still under way: Syncthing, Nextcloud, FolderSync, Resilio, icloudpd, Android, iCloud, browsers and
    # copiers
    ".syncthing.*.tmp", "~syncthing~*.tmp", ".*.~*", "*.ocTransferId*.part", "*.tacitpart", "*.!sync",
    ".pending-*", ".trashed-*", ".*.icloud", "*.part", "*.partial", "*.filepart", "*.crdownload",
    "*.download", "*.tmp", "*.temp",
    # systems' and editors' own
    "._*", ".DS_Store", "Thumbs.db", "desktop.ini", ".fuse_hidden*", ".nfs*", "*~", "*.sw?",
    # sidecars of photos
    "*.xmp", "*.aae", "*.thm",
    *MARKER_NAMES,
)  # fmt: skip

# rsync writes `.NAME.XXXXXX`: the leading dot and the six trailing alphanumerics together, neither alone.
_RSYNC_NAME = r"(?s:\..+\.[a-z0-9]{6})\Z"


class IgnoreRules:
    """The rules of one collection.

    Args:
        extensions: endings of photos' names, with or without the dot.
        patterns: further shell patterns to ignore; each is held against the name and against the path
            relative to the root with `/` between its parts. A pattern that ends with `/` is for directories
            only.
    """

    def __init__(self, *, extensions: Iterable[str] = PHOTO_EXTENSIONS, patterns: Iterable[str] = ()) -> None:
        self._extensions = frozenset("." + e.strip().lstrip(".").lower() for e in extensions)
        asked = [p.strip() for p in patterns if p.strip()]
        self._directories = _any_of(_DIRECTORY_PATTERNS)
        self._files = _any_of(_FILE_PATTERNS, _RSYNC_NAME)
        self._asked_files = _any_of(p for p in asked if not p.endswith("/"))
        self._asked_directories = _any_of(p.rstrip("/") for p in asked)

    def judge_file(self, path: str) -> NameVerdict:
        """Judge a file by its path relative to the root; only the last part and the user's patterns count.

        Args:
            path: relative path with the system's separator.

        Returns:
            `photo`; `ignored` for what is never a photo; `hidden` for another dot-file; `other` for another
            ending.
        """
        name = os.path.basename(path).lower()
        if self._files.match(name) or _matches(self._asked_files, path):
            return "ignored"
        if name.startswith("."):
            return "hidden"
        return "photo" if os.path.splitext(name)[1] in self._extensions else "other"

    def judge_directory(self, path: str) -> NameVerdict:
        """Judge a directory by its path relative to the root.

        Args:
            path: relative path with the system's separator.

        Returns:
            `ignored` or `hidden` (both are not entered), or `other`: look into it.
        """
        name = os.path.basename(path).lower()
        if self._directories.match(name) or _matches(self._asked_directories, path):
            return "ignored"
        return "hidden" if name.startswith(".") else "other"

    def judge_path(self, path: str) -> NameVerdict:
        """Judge a path as a walk would that starts at the root: its directories first, then its name.

        Args:
            path: relative path with the system's separator.

        Returns:
            The first verdict on the way that ends a walk, or the file's own. Markers in directories are not
            seen.
        """
        end = path.find(os.sep)
        while end >= 0:
            verdict = self.judge_directory(path[:end])
            if verdict != "other":
                return verdict
            end = path.find(os.sep, end + 1)
        return self.judge_file(path)


def _any_of(patterns: Iterable[str], *regexes: str) -> re.Pattern[str]:
    parts = [fnmatch.translate(pattern.lower()) for pattern in patterns]
    return re.compile("|".join([*parts, *regexes]) or r"(?!)")


def _matches(pattern: re.Pattern[str], path: str) -> bool:
    whole = path.replace(os.sep, "/").lower()
    return bool(pattern.match(whole) or pattern.match(whole.rpartition("/")[2]))
