"""The newest few of something, each under a number, so that a page can name what only the server holds."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Keeps what was put last; threads may share it.

    Args:
        most: how many are kept, at least 1.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: dict[int, T] = {}
        self._n_put = 0

    def put(self, one: T) -> int:
        """Keep one, and let the oldest go where there are too many.

        Args:
            one: what to keep.

        Returns:
            Its number, from 1.
        """
        with self._lock:
            self._n_put += 1
            self._kept[self._n_put] = one
            self._kept.pop(self._n_put - self._most, None)
            return self._n_put

    def get(self, number: int) -> T | None:
        """Give one, or None where it was never put or is not kept any more.

        Args:
            number: its number.
        """
        return self._kept.get(number)
