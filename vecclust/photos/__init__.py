"""The photos room: a folder to seen files, a file to its content, content to an upright frame.

It alone knows Pillow and pillow-heif. The way through it: `ignore` (names), `walk` (the folder), `finished`
(is it all there), `content` (bytes and their hash), `decode` (pixels), `exif` (time and place), and `pool`,
which does the last four in child processes. Knows nothing of models, stores or libraries. Originals are
only read. Importing this package imports neither Pillow nor a decoder.
"""

from __future__ import annotations

from vecclust.photos.content import Content, read_content
from vecclust.photos.finished import End, end_of, is_quiet, is_same, tells_time
from vecclust.photos.ignore import PHOTO_EXTENSIONS, IgnoreRules, NameVerdict
from vecclust.photos.job import KnownPhoto, Outcome
from vecclust.photos.limits import DecodeLimits
from vecclust.photos.original import Original, open_original
from vecclust.photos.pool import DecodePool, available_cpus, read_photo
from vecclust.photos.walk import UnreadablePlace, Walk, look_at, look_below, seen_from, walk

__all__ = [
    "PHOTO_EXTENSIONS",
    "Content",
    "DecodeLimits",
    "DecodePool",
    "End",
    "IgnoreRules",
    "KnownPhoto",
    "NameVerdict",
    "Original",
    "Outcome",
    "UnreadablePlace",
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
