"""The daemon's log: files in the library that rotate, readable by their owner alone, a line for each batch.

Paths of photos stand in it, so nobody else may read it. It must never be in the way: where it cannot be written, the
daemon says so once and goes on, and writes again as soon as it can.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path

from vecclust.errors import VecclustError
from vecclust.exports.text import plain

log = logging.getLogger(__name__)

_PACKAGE = "vecclust"


class _OneLine(logging.Formatter):
    """A line a record, whatever a file is called; a defect's traceback keeps its lines."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def formatMessage(self, record: logging.LogRecord) -> str:
        return plain(super().formatMessage(record))


class LogFile(logging.handlers.RotatingFileHandler):
    """Writes the log, and gives way where it cannot.

    Args:
        file: the newest file; older ones have a number behind their name.
        size_bytes: size after which a new one is begun.
        n_files: files kept, the newest among them.
    """

    def __init__(self, file: Path, *, size_bytes: int, n_files: int) -> None:
        super().__init__(file, maxBytes=size_bytes, backupCount=n_files - 1, encoding="utf-8", delay=True)
        self.errors = "backslashreplace"
        self.setFormatter(_OneLine())
        self._fails = False
        self._failed_now = False

    def _open(self) -> TextIOWrapper:
        folder = os.path.dirname(self.baseFilename)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        # O_NOFOLLOW: whoever may write the library's directory must not choose what is appended to.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        return os.fdopen(os.open(self.baseFilename, flags, 0o600), "a", encoding=self.encoding, errors=self.errors)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record.

        Args:
            record: what was logged.
        """
        self._failed_now = False
        super().emit(record)
        self._fails = self._failed_now

    def handleError(self, record: logging.LogRecord) -> None:
        """Give up this record; the file is opened anew for the next one.

        Args:
            record: what could not be written.
        """
        self._failed_now = True
        stream, self.stream = self.stream, None
        if stream is not None:
            # What could not be written is tried once more by the closing, in vain.
            with suppress(OSError, ValueError):
                stream.close()
        if not self._fails:
            self._fails = True
            log.warning("the log cannot be written: %s", self.baseFilename)

    def close(self) -> None:
        """End it; what cannot be written any more is lost."""
        with suppress(OSError, ValueError):
            super().close()


@contextmanager
def log_to_file(file: Path, *, size_bytes: int, n_files: int) -> Iterator[None]:
    """Write what vecclust logs to a file while the block runs, however quiet the terminal is.

    Args:
        file: the newest file; older ones have a number behind their name.
        size_bytes: size after which a new one is begun.
        n_files: files kept, the newest among them.
    """
    package = logging.getLogger(_PACKAGE)
    level = package.level
    handler = LogFile(file, size_bytes=size_bytes, n_files=n_files)
    package.setLevel(min(level or logging.INFO, logging.INFO))
    package.addHandler(handler)
    try:
        yield
    except Exception as error:
        # To the file alone: whoever sees the terminal is told by the command itself.
        trace = None if isinstance(error, VecclustError) else (type(error), error, error.__traceback__)
        handler.handle(package.makeRecord(_PACKAGE, logging.ERROR, __file__, 0, "it ends: %s", (error,), trace))
        raise
    finally:
        package.removeHandler(handler)
        package.setLevel(level)
        handler.close()
