"""One photo from path to outcome: the whole of what a decoding process does for it, in order.

Look again, read and hash, stop there if the content is known, see that it reaches its end, decode. Every
failure of the photo is an answer (`PhotoError` as a value), not an exception.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from vecclust.errors import PhotoError, Unfinished
from vecclust.photos.content import read_content
from vecclust.photos.finished import end_of, is_quiet
from vecclust.photos.limits import DecodeLimits
from vecclust.types.files import SeenFile
from vecclust.types.photos import DecodedPhoto, Framing


@dataclass(frozen=True, slots=True)
class KnownPhoto:
    """A file whose content the caller knows already: it was read and hashed, not decoded.

    Attributes:
        photo: content hash.
        size_bytes: length of the file.
    """

    photo: str
    size_bytes: int


Outcome = DecodedPhoto | KnownPhoto | PhotoError


def outcome_of(seen: SeenFile, known: frozenset[str], *, framing: Framing, limits: DecodeLimits) -> Outcome:
    """Bring one file to its outcome.

    Args:
        seen: the file as a walk saw it.
        known: contents that need no decoding; best only those of the same length, they travel with the file.
        framing: what the model wants.
        limits: what may be spent.

    Returns:
        The photo, or that it is known, or why it cannot be used.
    """
    try:
        content = read_content(seen, file_bytes=limits.file_bytes)
        if content.photo in known:
            return KnownPhoto(content.photo, len(content.data))
        end = end_of(content.data)
        if end.state == "unfinished":
            raise Unfinished(end.reason)
        if end.state == "suspect" and not is_quiet(content.seen, now_ns=time.time_ns(), settle_s=end.quiet_s):
            raise Unfinished(end.reason, quiet_s=end.quiet_s)
        from vecclust.photos.decode import decode  # Pillow is needed only from here on

        return decode(content, framing, limits)
    except PhotoError as error:
        return error.with_traceback(None)
