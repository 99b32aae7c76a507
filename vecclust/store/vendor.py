"""The border to lancedb: its import made light, its errors made ours, its conflicts tried again.

lancedb reports nearly everything as a bare ValueError or RuntimeError with a long Rust path, so the kind of
failure is read from the text, and what was being done is said by the caller. Nothing of lancedb leaves this
room.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from vecclust.errors import StoreDamaged, StoreError, StoreFull, StoreUnsuitable, VecclustError

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

# Half of lancedb's import are REST clients that a library on disk never calls: 1.15 s with them, 0.62 s
# without (lancedb 0.40, warm disk, two cores). `importlib.util.LazyLoader` does not help, for the import of
# any submodule touches the package's `__path__` and so loads it (1.07 s).
_REST_CLIENTS = "lance_namespace_urllib3_client"

_FULL = ("No space left", "os error 28", "quota exceeded", "os error 122", "File too large", "os error 27")
_REFUSED = (
    "Permission denied",
    "os error 13",
    "Read-only file system",
    "os error 30",
    "Operation not permitted",
)
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
_CONFLICT = ("commit conflict", "Retryable", "preempted", "Incompatible transaction")
# Under our own lock nobody but our own maintenance can be in the way, which takes seconds at most.
_TRIES = 6
_FIRST_PAUSE_S = 0.05


def load_lancedb() -> Any:
    """Import lancedb without the generated REST clients, which stay one attribute away."""
    if "lancedb" not in sys.modules:
        _defer_package(_REST_CLIENTS)
    import lancedb

    return lancedb


def _defer_package(name: str) -> None:
    """Put an empty package in place whose own code runs when something of it is asked for.

    Its submodules are imported as usual; what changes is only when `__init__.py` runs.
    """
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    loader = spec.loader
    package = importlib.util.module_from_spec(spec)

    def load_now(attribute: str) -> Any:
        if "__getattr__" in vars(package):
            del vars(package)["__getattr__"]
            loader.exec_module(package)
        return getattr(package, attribute)

    vars(package)["__getattr__"] = load_now
    sys.modules[name] = package


@contextmanager
def border(doing: str, *, place: Path) -> Iterator[None]:
    """Turn whatever lancedb raises inside into our own errors.

    Args:
        doing: what is being done, as the object of "while": `adding photos`.
        place: where, for the message.

    Raises:
        StoreFull: no space, or no more allowed, where the library lies.
        StoreUnsuitable: the place refuses to be written.
        StoreDamaged: a table cannot be read.
        StoreError: anything else.
    """
    try:
        yield
    except VecclustError:
        raise
    # Broad on purpose: this is the border, and lancedb names no exceptions that could be listed.
    except Exception as error:
        raise translated(error, doing=doing, place=place) from error
    except BaseException as error:
        # A panic of the Rust side derives from BaseException; it means a file that is not what it should be.
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise translated(error, doing=doing, place=place) from error


def translated(error: BaseException, *, doing: str, place: Path) -> StoreError:
    """Say in our own terms what a vendor's exception means.

    Args:
        error: what was raised.
        doing: what was being done.
        place: where.

    Returns:
        The error to raise from it.
    """
    text = str(error)
    said = _first_words(text) or type(error).__name__
    if any(sign in text for sign in _FULL):
        return StoreFull(
            f"no space left while {doing} in {place}",
            hint="Free some space and run the command again: it goes on where it was",
        )
    if any(sign in text for sign in _REFUSED):
        return StoreUnsuitable(f"not allowed to write while {doing} in {place}", hint=f"The system said: {said}")
    if any(sign in text for sign in _UNUSABLE):
        return StoreUnsuitable(f"{place} cannot hold a library: {said}", hint="Choose a folder with a plain name")
    if any(sign in text for sign in _DAMAGED) or type(error).__module__ == "pyo3_runtime":
        return StoreDamaged(
            f"the library is damaged: {said}, while {doing} in {place}",
            hint="`vecclust scan` sets a torn last commit aside; if that does not help, restore a backup or"
            " scan into a new library (the photos themselves are not touched)",
        )
    return StoreError(f"{said}, while {doing} in {place}")


def retried(
    attempt: Callable[[], _T], *, again: Callable[[], object], pause: Callable[[float], None] = time.sleep
) -> _T:
    """Commit, and commit again where another commit came first.

    Args:
        attempt: makes one commit; a conflict means that it did not happen.
        again: called before every new attempt, to read the newest version.
        pause: waits the given seconds.

    Returns:
        What the attempt returned.
    """
    for tries in range(1, _TRIES + 1):
        try:
            return attempt()
        except (RuntimeError, ValueError, OSError) as error:
            if tries == _TRIES or not any(sign in str(error) for sign in _CONFLICT):
                raise
            _log.info("another commit came first, trying again (%d of %d)", tries, _TRIES)
            pause(_FIRST_PAUSE_S * 2 ** (tries - 1))
            again()
    raise AssertionError("unreachable")


def _first_words(text: str) -> str:
    """The part of a vendor's message before the path inside its own source."""
    for cut in (", /root/", ", /rustc/", ", /home/", "\n"):
        text = text.split(cut, maxsplit=1)[0]
    return text.strip().rstrip(".")[:300]
