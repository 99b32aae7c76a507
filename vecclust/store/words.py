"""The owner's words: a table that comes with the first of them and is only ever added to.

One saying is one commit, and the commit is all there is to it: labels of runs are never written over, what is in force
is laid over them as they are read. So a killed process leaves a word said or not said, and going back to an earlier run
keeps the words said since.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from vecclust.store.rows import read_words, word_table
from vecclust.store.schema import WORDS
from vecclust.store.shelf import Shelf
from vecclust.types.constraints import Standing, standing_of
from vecclust.types.edits import Word


class WordShelf(Shelf):
    """The part of a store that knows what the owner said."""

    _log: tuple[int, tuple[Word, ...], Standing] = (0, (), Standing())

    def words(self) -> tuple[Word, ...]:
        """Read all that was said, in order."""
        return self._read_log()[1]

    def standing(self) -> Standing:
        """Give what is in force."""
        return self._read_log()[2]

    def say(self, rows: Sequence[Word]) -> int:
        """Add one saying, in one commit.

        Args:
            rows: its rows, at least one; their numbers are given here.

        Returns:
            Its number.
        """
        with self._writing:
            number = max((word.number for word in self.words()), default=0) + 1
            table = word_table([dataclasses.replace(row, number=number) for row in rows])
            if self._tables.has(WORDS):
                self._tables.add(WORDS, table)
            else:
                self._tables.create(WORDS, table)
        return number

    def _read_log(self) -> tuple[int, tuple[Word, ...], Standing]:
        version = self._tables.version(WORDS)
        log = self._log
        if log[0] != version:
            # Rows of one number keep the order they were added in: a stable sort of what is read in that order.
            words = tuple(sorted(read_words(self._tables.read(WORDS)), key=lambda word: word.number))
            log = self._log = (version, words, standing_of(words))
        return log
