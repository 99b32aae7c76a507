"""Which names are photos, which are left alone, and which directories are never entered.

Judges names only: the disk is the walk's affair, and what a file really holds is the decoder's. Patterns are those
of gitignore, matched by `pathspec`, which is imported with the first rules: it takes 40 ms, and no decoding process
needs it. Names are compared without regard to case. A name is looked at in this order: never a photo (sync tools,
systems, sidecars, the user's patterns), then hidden (any other dot-file: skipped, but counted and shown), then by its
extension.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Literal

from vecclust.errors import ConfigError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

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
    # rsync writes `.NAME.XXXXXX`: the leading dot and the six trailing alphanumerics together, neither alone
    ".?*." + 6 * "[a-z0-9]",
    *MARKER_NAMES,
)  # fmt: skip


class IgnoreRules:
    """The rules of one collection.

    Args:
        extensions: endings of photos' names, with or without the dot.
        patterns: further names to ignore, as in a `.gitignore` at the root: one without a slash holds at any depth,
            one with a slash inside for paths from the root, one with a slash at its end for directories only; `*`
            stops at a slash and `**` does not; a later `!` takes back. A list has no comments: `#` is a letter.

    Raises:
        ConfigError: a pattern is none.
    """

    def __init__(self, *, extensions: Iterable[str] = PHOTO_EXTENSIONS, patterns: Iterable[str] = ()) -> None:
        self._extensions = frozenset("." + e.strip().lstrip(".").lower() for e in extensions)
        self._files, self._directories = _spec(_FILE_PATTERNS), _spec(_DIRECTORY_PATTERNS)
        self._asked = _spec(tuple(pattern.strip() for pattern in patterns))

    def judge_file(self, path: str) -> NameVerdict:
        """Judge a file by its path relative to the root; only the last part and the user's patterns count.

        Args:
            path: relative path with the system's separator.

        Returns:
            `photo`; `ignored` for what is never a photo; `hidden` for another dot-file; `other` for another
            ending.
        """
        name = os.path.basename(path).lower()
        if self._files.match_file(name) or (self._asked and self._asked.match_file(path.lower())):
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
        if self._directories.match_file(name) or (self._asked and self._asked.match_file(path.lower() + os.sep)):
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


@cache
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines([_escaped(pattern).lower() for pattern in patterns])
    except ValueError as error:
        message = f"photos.ignore cannot be used: {error}"
        raise ConfigError(message, key="photos.ignore", hint="Write it as in a .gitignore.") from error


def _escaped(pattern: str) -> str:
    return "\\" + pattern if pattern.startswith("#") else pattern
