"""Which names are photos, which are left alone and why, and which directories are never entered.

Judges names only: the disk is the walk's affair, and what a file really holds is the decoder's. The user's patterns,
and ours of paths, are those of gitignore, matched by `pathspec`, which is imported with the first rules: it takes 40
ms, and no decoding process needs it. Our lists of bare names are one expression each: 0.7 us a name instead of 11.
Names are compared without regard to case. A name is looked at in this order: never a photo (sync tools, systems), the
user's patterns, then hidden (any other dot-file), then by its extension.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import cache
from typing import TYPE_CHECKING, Literal

from vecclust.errors import ConfigError
from vecclust.types.files import SkipKind

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

FileVerdict = Literal["photo"] | SkipKind
DirectoryVerdict = Literal["enter"] | SkipKind

# What Pillow with pillow-heif decodes, and `.jxl`: a photo that cannot be decoded here belongs among the
# problems with a reason, not among the files that are silently no photos.
PHOTO_EXTENSIONS: tuple[str, ...] = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp",
    ".heic", ".heif", ".hif", ".avif", ".jxl",
)  # fmt: skip

# What people miss when it is not there, so it is counted apart from other files.
_SKIPPED_EXTENSIONS: Mapping[SkipKind, str] = {
    "raw": "3fr ari arw bay cap cr2 cr3 crw dcr dcs dng drf eip erf fff gpr iiq k25 kdc mdc mef mos mrw nef nrw orf ori"
    " pef ptx pxn raf raw rw2 rwl rwz sr2 srf srw sti x3f",
    "video": "3g2 3gp 3gpp 360 asf avi dv f4v flv insv lrv m2t m2ts m2v m4v mkv mod mov mp mp4 mpe mpeg mpg mts mxf ogm"
    " ogv qt rm rmvb tod ts vob webm wmv",
    "sidecar": "aae cos dop json nksc on1 pp3 thm xmp",
}

# A directory that holds one of these asks not to be looked into (Android's media scanner; ours).
MARKER_NAMES: tuple[str, ...] = (".nomedia", ".vecclustignore")

# Directories by their bare names: sync tools' work areas, bins, snapshots, thumbnail caches, other programs' own.
PROGRAM_FOLDERS: tuple[str, ...] = (
    ".stfolder", ".stversions", ".sync", ".dropbox.cache", ".tmp.drivedownload", ".tmp.driveupload",
    ".rsync-partial", ".~tmp~", ".trash-storage", ".thumbnails", ".thumbs", ".Trash", ".Trash-*", ".Trashes",
    ".TemporaryItems", ".Spotlight-V100", ".DocumentRevisions-V100", ".fseventsd", ".AppleDouble", "__MACOSX",
    "@eaDir", "@tmp", "#recycle", "#snapshot", ".snapshot", ".snapshots", ".zfs", ".@__thumb", "@Recycle",
    "@Recently-Snapshot", "$RECYCLE.BIN", "RECYCLER", "System Volume Information", "lost+found", ".git", ".cache",
    "files_trashbin", "files_versions", "appdata_oc*", ".immich", ".photoprism", ".dtrash",
)  # fmt: skip

# Directories by where they lie; a later `!` takes back. Copies that programs make of photos which lie beside them: of
# Apple's libraries the originals are looked at, and what came by shared albums, of Lightroom what came from phones.
PROGRAM_PATHS: tuple[str, ...] = (
    "*.photoslibrary/resources/*", "!*.photoslibrary/resources/cloudsharing",
    "*.photoslibrary/resources/cloudsharing/resources", "*.photoslibrary/scopes/*/resources",
    "*.photoslibrary/database", "*.photoslibrary/private", "*.photoslibrary/Thumbnails", "*.photoslibrary/Previews",
    *(
        f"{library}/{folder}"
        for library in ("*.migratedphotolibrary", "*.photolibrary", "*.aplibrary", "iPhoto Library")
        for folder in ("Previews", "Thumbnails", "Data", "Data.noindex", "iPod Photo Cache", "Database")
    ),
    "CaptureOne/Cache", "*.cocatalog/Cache",
    "*.lrdata", "!Mobile Downloads.lrdata", "*.lrcat-data", "*.lrlibrary/**/previews",
    "appdata_*/preview",
)  # fmt: skip

_FILE_PATTERNS: Mapping[SkipKind, tuple[str, ...]] = {
    # Still under way: Syncthing, Nextcloud, FolderSync, Resilio, icloudpd, Android, iCloud, browsers and copiers; rsync
    # writes `.NAME.XXXXXX`: the leading dot and the six trailing alphanumerics together, neither alone.
    "unfinished": (
        ".syncthing.*.tmp", "~syncthing~*.tmp", ".*.~*", "*.ocTransferId*.part", "*.tacitpart", "*.!sync",
        ".pending-*", ".trashed-*", ".*.icloud", "*.part", "*.partial", "*.filepart", "*.crdownload",
        "*.download", "*.tmp", "*.temp", ".?*." + 6 * "[a-z0-9]",
    ),
    # Of systems and editors, and thumbnails of Windows and Synology.
    "system": (
        "._*", ".DS_Store", "Icon\r", "Thumbs.db", "ehthumbs*.db", "thumbcache_*.db", "desktop.ini", ".fuse_hidden*",
        ".nfs*", "*~", "*.sw?", "SYNOPHOTO_THUMB_*", "SYNOPHOTO_FILM_*", "SYNOFILE_THUMB_*", *MARKER_NAMES,
    ),
}  # fmt: skip


class IgnoreRules:
    """The rules of one collection.

    Args:
        extensions: endings of photos' names, with or without the dot.
        patterns: further names to ignore, as in a `.gitignore` at the root: one without a slash holds at any depth,
            one with a slash inside for paths from the root, one with a slash at its end for directories only; `*`
            stops at a slash and `**` does not; a later `!` takes back, also a directory that would be left out for
            its own name. A list has no comments: `#` is a letter.
        follow_links: whether a link to a file outside of the root is followed.

    Attributes:
        follow_links: the same.

    Raises:
        ConfigError: a pattern is none.
    """

    def __init__(
        self,
        *,
        extensions: Iterable[str] = PHOTO_EXTENSIONS,
        patterns: Iterable[str] = (),
        follow_links: bool = False,
    ) -> None:
        self._verdicts: dict[str, FileVerdict] = {
            f".{ending}": kind for kind, endings in _SKIPPED_EXTENSIONS.items() for ending in endings.split()
        }
        self._verdicts.update({"." + e.strip().lstrip(".").lower(): "photo" for e in extensions})
        self._asked = _spec(tuple(_escaped(pattern.strip()) for pattern in patterns))
        self.follow_links = follow_links

    def judge_file(self, path: str) -> FileVerdict:
        """Judge a file by its path relative to the root; only the last part and the user's patterns count.

        Args:
            path: relative path with the system's separator.

        Returns:
            `photo`, or why it is left out.
        """
        name = os.path.basename(path).lower()
        if (named := _file_names().match(name)) is not None:
            kind: SkipKind = "unfinished" if named.lastgroup == "unfinished" else "system"
            return kind
        if self._asked and self._asked.match_file(path.lower()):
            return "asked"
        if name.startswith("."):
            return "hidden"
        return self._verdicts.get(os.path.splitext(name)[1], "other")

    def judge_directory(self, path: str, *, root_name: str = "") -> DirectoryVerdict:
        """Judge a directory by its path relative to the root.

        Args:
            path: relative path with the system's separator.
            root_name: the root's own name, which tells what lies in it where it is another program's library.

        Returns:
            `enter`, or why it is left out.
        """
        asked, lowered = self._asked, path.lower() + os.sep
        if asked and asked.match_file(lowered):
            return "asked"
        verdict: DirectoryVerdict = "enter"
        if _is_programs(lowered, root_name.lower()):
            verdict = "program_folder"
        elif os.path.basename(path).startswith("."):
            verdict = "hidden"
        return "enter" if verdict != "enter" and asked and _takes_back(asked, lowered) else verdict

    def judge_path(self, path: str, *, root_name: str = "") -> FileVerdict:
        """Judge a path as a walk would that starts at the root: its directories first, then its name.

        Args:
            path: relative path with the system's separator.
            root_name: the root's own name.

        Returns:
            The first verdict on the way that ends a walk, or the file's own. Markers in directories are not
            seen.
        """
        end = path.find(os.sep)
        while end >= 0:
            verdict = self.judge_directory(path[:end], root_name=root_name)
            if verdict != "enter":
                return verdict
            end = path.find(os.sep, end + 1)
        return self.judge_file(path)


def _is_programs(path: str, root_name: str) -> bool:
    """Say whether a directory is another program's own; path with a separator at its end, both in small letters."""
    if _directory_names().match(os.path.basename(path[:-1])) is not None:
        return True
    # A root is taken at its word: one that is itself such a directory says nothing of what lies in it.
    above = "" if not root_name or _is_such(root_name) else root_name + os.sep
    return bool(_program_paths().match_file(above + path))


@cache
def _is_such(root_name: str) -> bool:
    return bool(_program_paths().match_file(root_name + os.sep))


def _takes_back(asked: GitIgnoreSpec, path: str) -> bool:
    """Say whether a pattern with `!` means this very directory, and not only one above it."""
    found = asked.check_file(path)
    above = os.path.dirname(path[:-1])
    return found.include is False and not (above and asked.check_file(above + os.sep).index == found.index)


def _anywhere(pattern: str) -> str:
    """Let a pattern of a path hold at any depth."""
    taken_back = "!" if pattern.startswith("!") else ""
    return f"{taken_back}**/{pattern.removeprefix('!')}"


@cache
def _file_names() -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{kind}>{_either(patterns)})" for kind, patterns in _FILE_PATTERNS.items()))


@cache
def _directory_names() -> re.Pattern[str]:
    return re.compile(_either(PROGRAM_FOLDERS))


def _either(patterns: Iterable[str]) -> str:
    return "|".join(translate(pattern.lower()) for pattern in patterns)


@cache
def _program_paths() -> GitIgnoreSpec:
    return _spec(tuple(map(_anywhere, PROGRAM_PATHS)))


@cache
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines([pattern.lower() for pattern in patterns])
    except ValueError as error:
        message = f"photos.ignore cannot be used: {error}"
        raise ConfigError(message, key="photos.ignore", hint="Write it as in a .gitignore.") from error


def _escaped(pattern: str) -> str:
    return "\\" + pattern if pattern.startswith("#") else pattern
