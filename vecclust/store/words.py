"""The owner's words: a table that comes with the first of them and is only ever added to.

One saying is one commit, and the commit is all there is to it: labels of runs are never written over, what is in force
is laid over them as they are read. So a killed process leaves a word said or not said, and going back to an earlier run
keeps the words said since.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from vecclust.store.rows import edit_table, read_edits
from vecclust.store.schema import EDITS
from vecclust.store.shelf import Shelf
from vecclust.types.constraints import Constraints, constraints_of
from vecclust.types.edits import Edit


class WordShelf(Shelf):
    """The part of a store that knows what the owner said."""

    _log: tuple[int, tuple[Edit, ...], Constraints] = (0, (), Constraints())

    def edits(self) -> tuple[Edit, ...]:
        """Read all that was said, in order."""
        return self._read_log()[1]

    def constraints(self) -> Constraints:
        """Give what is in force."""
        return self._read_log()[2]

    def add_edits(self, rows: Sequence[Edit]) -> int:
        """Add one saying, in one commit.

        Args:
            rows: its rows, at least one; their numbers are given here.

        Returns:
            Its number.
        """
        with self._writing:
            number = max((word.number for word in self.edits()), default=0) + 1
            table = edit_table([dataclasses.replace(row, number=number) for row in rows])
            if self._tables.has(EDITS):
                self._tables.add(EDITS, table)
            else:
                self._tables.create(EDITS, table)
        return number

    def _read_log(self) -> tuple[int, tuple[Edit, ...], Constraints]:
        version = self._tables.version(EDITS)
        log = self._log
        if log[0] != version:
            # Rows of one number keep the order they were added in: a stable sort of what is read in that order.
            words = tuple(sorted(read_edits(self._tables.read(EDITS)), key=lambda word: word.number))
            log = self._log = (version, words, constraints_of(words))
        return log
