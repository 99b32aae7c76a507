"""What lancedb's failures mean in our own terms.

It reports nearly everything as a bare ValueError or RuntimeError with a long Rust path, so the kind of failure is read
from the text, and what was being done is given by the caller. A panic of the Rust side derives from BaseException; it
means a file that is not what it should be.
"""

from __future__ import annotations

import errno
from pathlib import Path

from vecclust.errors import StoreDamaged, StoreError, StoreFull, StoreUnsuitable

_FULL = ("No space left", "os error 28", "quota exceeded", "os error 122", "File too large", "os error 27")
_REFUSED = ("Permission denied", "os error 13", "Read-only file system", "os error 30", "Operation not permitted")
_UNUSABLE = ("Failed to parse path", "surrogates not allowed")
_DAMAGED = (
    "Not found",
    "was not found",
    "does not exist",
    "Invalid range",
    "file size is too small",
    "LanceError(IO)",
    "orrupt",
    "magic",
    "panic",
)
# The module of what is raised when the Rust side of lancedb gives up.
PANICS = "pyo3_runtime"
FULL_HINT = "Free some space and run the command again: it goes on where it was"
# Whoever opens a library for writing mends what can be mended, and says so.
MEND_HINT = (
    "`vecclust scan` mends what can be mended, `vecclust doctor` says what is wrong"
    " (the photos themselves are not touched)"
)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# What the computer says of a place, whatever a program asks for.
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NOT_THERE = frozenset({errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT})
_CONFLICT = ("commit conflict", "Retryable", "preempted", "Incompatible transaction")


def is_conflict(error: BaseException) -> bool:
    """Tell whether a commit did not happen because another came first.

    Args:
        error: what was raised.
    """
    return any(sign in str(error) for sign in _CONFLICT)


def translated(error: BaseException, *, doing: str, place: Path) -> StoreError:
    """Say in our own terms what a vendor's exception means.

    Args:
        error: what was raised.
        doing: what was being done, as the object of "while": `adding photos`.
        place: the library's directory.

    Returns:
        The error to raise from it.
    """
    text = str(error)
    message = _first_words(text) or type(error).__name__
    if any(sign in text for sign in _FULL):
        return StoreFull(
            f"no space left while {doing} in {place}",
            hint=FULL_HINT,
        )
    if any(sign in text for sign in _REFUSED):
        return StoreUnsuitable(f"not allowed to write while {doing} in {place}", hint=f"The system said: {message}")
    if any(sign in text for sign in _UNUSABLE):
        return StoreUnsuitable(f"{place} cannot hold a library: {message}", hint="Choose a folder with a plain name")
    if any(sign in text for sign in _DAMAGED) or type(error).__module__ == PANICS:
        return StoreDamaged(
            f"the library is damaged: {message}, while {doing} in {place}",
            hint=MEND_HINT,
        )
    return StoreError(f"{message}, while {doing} in {place}")


def refusal(error: OSError) -> StoreError | None:
    """Say in our own terms what the system refuses: room, permission, or the disk itself.

    Args:
        error: what was raised, wherever in a library's files that was.

    Returns:
        The error to raise from it; None where the system does what it is asked, and the asking was wrong.
    """
    place = f": {error.filename}" if error.filename else ""
    if error.errno in _NO_ROOM:
        return StoreFull(f"no space left{place}", hint=FULL_HINT)
    if error.errno in _NOT_ALLOWED:
        said = "it is read-only" if error.errno == errno.EROFS else "permission denied"
        return StoreUnsuitable(f"{said}{place}", hint="`vecclust doctor` says what may not be read or written")
    if error.errno in _NOT_THERE:
        return StoreUnsuitable(f"the disk does not answer{place}", hint="Look whether it is still there")
    return None


def _first_words(text: str) -> str:
    """The part of a vendor's message before the path inside its own source."""
    for cut in (", /root/", ", /rustc/", ", /home/", "\n"):
        text = text.split(cut, maxsplit=1)[0]
    return text.strip().rstrip(".")[:300]
