"""The photos room: a folder to seen files, a file to its content, content to an upright frame.

It alone knows Pillow, pillow-heif and pathspec. The way through it: `ignore` (names), `walk` (the folder), `formats`
(what it is, and is it all there), `content` (bytes and their hash), `decode` and `pixels`, `metadata` (time and
place), and `pool`, which does the last four in child processes (`processes`). `thumbnails` lays small pictures out.
Knows nothing of models, stores or libraries. Originals are only read. Importing this package imports neither Pillow
nor a decoder.
"""

from __future__ import annotations

from vecclust.photos.content import DecodeLimits, Original, open_original, read_content
from vecclust.photos.formats import end_of
from vecclust.photos.ignore import IgnoreRules
from vecclust.photos.pool import DecodePool, KnownPhoto, available_cpus, read_photo
from vecclust.photos.walk import Walk, is_quiet, is_same, look_at, look_below, seen_from, tells_time, walk

__all__ = [
    "DecodeLimits",
    "DecodePool",
    "IgnoreRules",
    "KnownPhoto",
    "Original",
    "Walk",
    "available_cpus",
    "end_of",
    "is_quiet",
    "is_same",
    "look_at",
    "look_below",
    "open_original",
    "read_content",
    "read_photo",
    "seen_from",
    "tells_time",
    "walk",
]
