"""Every error vecclust raises on purpose, and the exit code of each.

Two families: errors that stop the run, and errors that skip one photo and are recorded beside it.
A programmer's mistake stays an ordinary TypeError or ValueError and is not caught anywhere.
Facts travel as attributes, the message says what and where, the hint says what to do next.

    VecclustError                      1
    ├── UsageError                     2   what was asked makes no sense here
    ├── NotFound                       1   no such photo, cluster or run in the library
    ├── ConfigError                    3   unknown key, value out of range, unreadable file
    ├── StoreError                     4   the library's tables: damaged, full, refused
    │   ├── StoreDamaged               4
    │   ├── StoreFull                  4
    │   ├── StoreTooNew                4   written by a newer vecclust
    │   ├── StoreUnsuitable            4   the place cannot hold a library (no hard links, read-only)
    │   └── DamagedRun                 4   a run's fitted arrays are missing or do not match their hash
    ├── ModelError                     5
    │   ├── ModelUnavailable           5   no such model, or no weights for it and no network
    │   └── ModelMismatch              5   the library's vectors come from another model
    ├── LibraryLocked                  6   another writer holds the library
    ├── OutputError                    1   stdout takes no more, or cannot say it: the answer is not whole
    └── PhotoError                     1   one photo is skipped and recorded, the run goes on
        ├── Unreadable                     the bytes are not a picture that can be decoded
        ├── Unfinished                     still being written, or the end of the file is missing
        ├── TooLarge                       more pixels, bytes, memory or time than allowed
        ├── Vanished                       gone between being seen and being read: dropped quietly
        └── Unreachable                    the environment's fault (EACCES, EIO, ...): retried for ever
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar


class VecclustError(Exception):
    """The root of the tree: something the user can understand and act upon.

    Args:
        message: what happened and where, without a trailing full stop.
        hint: the next step, or an empty string where there is none.
    """

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "failure"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class UsageError(VecclustError):
    """What was asked makes no sense here."""

    exit_code = 2
    kind = "usage"


class NotFound(VecclustError):
    """No such photo, cluster or run in the library."""

    kind = "not_found"


class ConfigError(VecclustError):
    """A configuration value is unknown or out of range.

    Args:
        message: what is wrong.
        key: the dotted name of the key, or an empty string for the file as a whole.
        hint: what is allowed.
    """

    exit_code = 3
    kind = "config"

    def __init__(self, message: str, *, key: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.key = key


class StoreError(VecclustError):
    """The library's tables refused an operation."""

    exit_code = 4
    kind = "store"


class StoreDamaged(StoreError):
    """A table cannot be opened or holds what vecclust never writes."""

    kind = "store_damaged"


class StoreFull(StoreError):
    """No space left where the library lies."""

    kind = "store_full"


class StoreTooNew(StoreError):
    """The library was written by a newer vecclust."""

    kind = "store_too_new"


class StoreUnsuitable(StoreError):
    """The place cannot hold a library: no hard links, read-only, not a directory."""

    kind = "store_unsuitable"


class DamagedRun(StoreError):
    """A run's fitted arrays are missing or do not match their hash; the run is to be refitted."""

    kind = "damaged_run"


class ModelError(VecclustError):
    """The model cannot be used."""

    exit_code = 5
    kind = "model"


class ModelUnavailable(ModelError):
    """No such model, or no weights for it on this computer and no network to fetch them.

    Args:
        message: what was tried.
        model: the name that was asked for.
        hint: the ways out.
    """

    kind = "model_unavailable"

    def __init__(self, message: str, *, model: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.model = model


class ModelMismatch(ModelError):
    """The library's vectors come from another model than the one asked for.

    Args:
        message: what differs.
        library_model: the model of the library's rows.
        asked_model: the model that was asked for.
        hint: how to go on.
    """

    kind = "model_mismatch"

    def __init__(self, message: str, *, library_model: str, asked_model: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.library_model = library_model
        self.asked_model = asked_model


class LibraryLocked(VecclustError):
    """Another writer holds the library."""

    exit_code = 6
    kind = "locked"


class OutputError(VecclustError):
    """Stdout is full, closed, or of an encoding that lacks a letter: the answer is not whole."""

    kind = "output"


class PhotoError(VecclustError):
    """One photo cannot be used; it is recorded with its reason and the run goes on."""

    kind = "photo"


class Unreadable(PhotoError):
    """The bytes are not a picture that can be decoded."""

    kind = "unreadable"


class Unfinished(PhotoError):
    """The file is still being written, or its end is missing.

    Args:
        message: what is missing.
        hint: the next step.
        quiet_s: seconds of quiet after which the file would be believed as it is, 0 for never.
    """

    kind = "unfinished"

    def __init__(self, message: str, *, hint: str = "", quiet_s: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.quiet_s = quiet_s


class TooLarge(PhotoError):
    """The picture asks for more pixels, bytes, memory or time than is allowed."""

    kind = "too_large"


class Vanished(PhotoError):
    """The file was gone before it could be read; it is dropped quietly."""

    kind = "vanished"


class Unreachable(PhotoError):
    """The environment refused the file (EACCES, EBUSY, EIO, ...); it is retried for ever, with a pause."""

    kind = "unreachable"


def pack_error(error: VecclustError) -> dict[str, Any]:
    """Turn an error into values that JSON can hold, for another process.

    Args:
        error: any error of the tree.

    Returns:
        Its kind and its facts by name.
    """
    facts = {name: value for name, value in vars(error).items() if isinstance(value, str | int | float)}
    return {"kind": error.kind, **facts}


def unpack_error(values: Mapping[str, Any]) -> VecclustError:
    """Make the error again.

    Args:
        values: what `pack_error` made, perhaps of a newer vecclust.

    Returns:
        An error of the same kind; of the root's where the kind is unknown here.

    Raises:
        ValueError: the values are not those of an error.
    """
    facts = {name: value for name, value in values.items() if name != "kind"}
    message, hint = facts.get("message"), facts.get("hint")
    if not isinstance(message, str) or not isinstance(hint, str):
        raise ValueError(f"not an error: {values!r:.100}")
    kind = next((kind for kind in _kinds(VecclustError) if kind.kind == values.get("kind")), VecclustError)
    # Kinds take arguments of their own; their facts are attributes of the same names.
    error = kind.__new__(kind, message)
    VecclustError.__init__(error, message, hint=hint)
    vars(error).update(facts)
    return error


def _kinds(root: type[VecclustError]) -> Iterator[type[VecclustError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)
