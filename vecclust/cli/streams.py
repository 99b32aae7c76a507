"""The process's stdout and stderr, so that whatever they are an answer arrives whole or its lack is said.

Everything that is written goes through them, by whichever library: what refuses is told apart here, once, and `run`
turns it into an exit code. A reader that went away is no error. Whatever is wrong with stderr stays unsaid: there is
nowhere to say it.
"""

from __future__ import annotations

import codecs
import io
import os
import select
import sys
from typing import TextIO

from vecclust.errors import OutputError

_STDOUT, _STDERR = 1, 2
_REFUSE = "vecclust.refuse"


class ReaderGone(BaseException):
    """Who read stdout went away (`| head`); passes through every `except Exception`, typer's handlers among them."""


class _Stdout(io.FileIO):
    """The descriptor of stdout; it says in our own words what it refuses."""

    def write(self, data: object) -> int:
        """Write bytes, all of them or some.

        Args:
            data: the bytes.

        Returns:
            How many were written.

        Raises:
            ReaderGone: nobody reads them.
            OutputError: the device or the disk behind it takes none.
        """
        try:
            while (n_bytes := super().write(data)) is None:  # type: ignore[arg-type]
                # The other end made it non-blocking, as node.js does, and is not ready.
                select.select([], [self], [])
            return n_bytes
        except BrokenPipeError as error:
            raise ReaderGone from error
        except OSError as error:
            raise OutputError(f"the answer is not whole, stdout cannot be written: {error.strerror}") from error


class _Stderr(io.FileIO):
    """The descriptor of stderr; what it refuses is lost."""

    def write(self, data: object) -> int:
        """Write bytes, or lose them.

        Args:
            data: the bytes.

        Returns:
            How many are done with.
        """
        try:
            while (n_bytes := super().write(data)) is None:  # type: ignore[arg-type]
                select.select([], [self], [])
            return n_bytes
        except OSError:
            return memoryview(data).nbytes  # type: ignore[arg-type]


def guard_streams() -> None:
    """Put streams in the place of `sys.stdout` and `sys.stderr` that say in one way what they refuse."""
    codecs.register_error(_REFUSE, _refuse)
    sys.stderr = _guarded(_STDERR, _Stderr, sys.stderr, errors="backslashreplace")
    # Whoever asks for replacements by $PYTHONIOENCODING has them.
    chosen = None if sys.stdout is None else sys.stdout.errors
    errors = _REFUSE if chosen in (None, "strict", "surrogateescape") else chosen
    sys.stdout = _guarded(_STDOUT, _Stdout, sys.stdout, errors=errors)


def drop_stdout() -> None:
    """Let what is still to be written go nowhere: Python writes it out when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)


def _guarded(number: int, kind: type[io.FileIO], given: TextIO | None, *, errors: str) -> TextIO:
    if given is None:
        # It was closed: a file that refuses takes its number, else the next one opened would be written into.
        os.dup2(os.open(os.devnull, os.O_RDONLY), number)
        os.set_inheritable(number, True)
    raw = kind(number, "w", closefd=False)
    encoding = getattr(given, "encoding", None) or "utf-8"
    is_live = number == _STDERR or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=is_live)


def _refuse(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    lack = f"stdout is {error.encoding}, which has no {letters[:10]!a}"
    raise OutputError(f"the answer is not whole, {lack}: PYTHONIOENCODING=utf-8 or --json writes all of it") from error
