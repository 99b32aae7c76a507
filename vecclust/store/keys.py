"""The keys of tables as of a version, so that who asks again and again need not read them again.

A daemon asks after every batch which photos have no label; reading the keys of 20,000 photos and of their labels took
most of the 0.1 s that a label cost beyond its placing. Refuses to guess: keys are known for the very version they were
read or written at, and for no other.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

# The photos and the labels of the current run; at 200,000 photos each takes 30 MB.
MOST_TABLES = 2


class KnownKeys:
    """Keys of the tables asked for last; threads may ask side by side."""

    def __init__(self) -> None:
        self._learning = threading.Lock()
        self._known: OrderedDict[tuple[str, str], tuple[int, frozenset[str]]] = OrderedDict()

    def at(self, table: str, column: str, *, version: int) -> frozenset[str] | None:
        """Give a column's values at a version of a table, None where they are not known."""
        of_version, keys = self._known.get((table, column), (-1, frozenset()))
        return keys if of_version == version else None

    def learn(self, table: str, column: str, *, version: int, keys: frozenset[str]) -> None:
        """Keep a column's values at a version, in place of those of any other."""
        with self._learning:
            self._known[table, column] = version, keys
            self._known.move_to_end((table, column))
            while len(self._known) > MOST_TABLES:
                self._known.popitem(last=False)

    def forget(self, table: str) -> None:
        """Know nothing of a table: versions of one made anew begin again."""
        with self._learning:
            for known in [known for known in self._known if known[0] == table]:
                del self._known[known]
