"""What every part of a store stands on: tables, entries, settings and a lock for threads."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from vecclust.store.meta import Meta
from vecclust.store.settings import StoreSettings
from vecclust.store.tables import Tables

# One filter with 10,000 ids takes 0.1 s; past that, several filters cost less memory and no more time.
_IDS_PER_FILTER = 5_000


class Shelf:
    """The base of a store's parts.

    Args:
        tables: the library's tables.
        meta: the library's entries.
        settings: how to commit and to tidy up.
    """

    def __init__(self, *, tables: Tables, meta: Meta, settings: StoreSettings) -> None:
        self._tables = tables
        self._meta = meta
        self._settings = settings
        # Several threads of a daemon share one store; whatever takes more than one commit holds this
        # meanwhile.
        self._writing = threading.RLock()

    @property
    def folder(self) -> Path:
        """The library's directory."""
        return self._tables.place.folder


def in_parts(keys: Iterable[str]) -> Iterator[list[str]]:
    """Cut keys into lists short enough for one filter each."""
    unique = list(dict.fromkeys(keys))
    for start in range(0, len(unique), _IDS_PER_FILTER):
        yield unique[start : start + _IDS_PER_FILTER]
