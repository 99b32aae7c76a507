"""How this library is opened, in this process and in those it starts: the same place, settings and flags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from vecclust.library.watched import WatchedLibrary
from vecclust.server.client import Client


class Opener(Protocol):
    """Opens one library again and again."""

    def open(self, *, write: bool = False) -> WatchedLibrary:
        """Open it, to be used as a context manager."""

    def client(self, library: WatchedLibrary) -> Client:
        """Give its front: the daemon where one keeps it, else the library, open for reading already."""

    def as_json(self) -> str:
        """Say how, for another process."""


@dataclass(frozen=True, slots=True)
class LibraryOpener:
    """The ordinary one.

    Attributes:
        path: the library's directory.
        config: a configuration file, or None.
        flags: dotted configuration keys that win over everything else.
    """

    path: Path
    config: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)

    def open(self, *, write: bool = False) -> WatchedLibrary:
        """Open it."""
        return WatchedLibrary.open(self.path, write=write, config=self.config, flags=self.flags)

    def client(self, library: WatchedLibrary) -> Client:
        """Give its front."""
        return Client(self.path, config=self.config, flags=self.flags, library=library)

    def as_json(self) -> str:
        """Say how."""
        config = None if self.config is None else str(self.config)
        return json.dumps({"path": str(self.path), "config": config, "flags": dict(self.flags)})

    @classmethod
    def from_json(cls, said: str) -> LibraryOpener:
        """Make it of what `as_json` said."""
        given = json.loads(said)
        config = None if given["config"] is None else Path(given["config"])
        return cls(Path(given["path"]), config, given["flags"])
