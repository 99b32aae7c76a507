"""How this library is opened, in this process and in those it starts: the same place, settings and flags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vecclust.library.watched import WatchedLibrary
from vecclust.server.client import Client

# Ends the name of the file in which another process says why it did not do what was asked of it.
REFUSAL = ".refusal"


@dataclass(frozen=True)
class LibraryOpener:
    """Opens one library again and again.

    Attributes:
        path: the library's directory.
        config: a configuration file, or None.
        flags: dotted configuration keys that win over everything else.
    """

    path: Path
    config: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)

    def open(self, *, write: bool = False) -> WatchedLibrary:
        """Open it, to be used as a context manager.

        Args:
            write: become its one writer.

        Raises:
            LibraryLocked: another writer holds it.
            NotFound: the library is gone.
            StoreError: the tables cannot be opened.
        """
        return WatchedLibrary.open(self.path, write=write, config=self.config, flags=self.flags)

    def client(self, library: WatchedLibrary) -> Client:
        """Give what answers for it: the daemon where one keeps it, else the library itself.

        Args:
            library: the library, open for reading already.
        """
        return Client(self.path, config=self.config, flags=self.flags, library=library)

    def as_json(self) -> str:
        """Say how it is opened, for another process."""
        return json.dumps([str(self.path), self.config and str(self.config), dict(self.flags)])

    @classmethod
    def from_json(cls, text: str) -> LibraryOpener:
        """Make it again.

        Args:
            text: what `as_json` gave.
        """
        path, config, flags = json.loads(text)
        return cls(Path(path), config and Path(config), flags)
