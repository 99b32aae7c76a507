"""What other threads ask of the loop, which alone writes: errands done between two files, and fits on demand.

Whoever asks waits for the outcome and may go away meanwhile; what was begun is ended all the same.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from vecclust.library.library import Library
from vecclust.types.runs import RefitKind, RefitReport

T = TypeVar("T")

Stage = tuple[str, int, int]


class Ended(Exception):
    """The daemon ends and will not do it."""


class Order(Generic[T]):
    """Something asked for, and what came of it.

    Attributes:
        begun: whether it is under way.
    """

    def __init__(self) -> None:
        self.begun = False
        self._stages: deque[Stage] = deque()
        self._settled = threading.Event()
        self._outcome: T | None = None
        self._error: Exception | None = None

    def note(self, stage: str, done: int, total: int) -> None:
        """Take note of how far it has come."""
        self._stages.append((stage, done, total))

    def heard(self) -> list[Stage]:
        """Give what was noted since the last call."""
        stages = []
        while self._stages:
            stages.append(self._stages.popleft())
        return stages

    def fulfil(self, outcome: T) -> None:
        """Hand the outcome over."""
        self._outcome = outcome
        self._settled.set()

    def fail(self, error: Exception) -> None:
        """Hand over why there is none."""
        self._error = error
        self._settled.set()

    def wait(self, seconds: float) -> bool:
        """Wait, and tell whether it is settled."""
        return self._settled.wait(seconds)

    def outcome(self) -> T:
        """Give the outcome of a settled order, or raise why there is none."""
        if self._error is not None:
            raise self._error
        return self._outcome  # type: ignore[return-value]


class Errand(Order[Any]):
    """A short piece of work for the loop's thread.

    Args:
        do: does it; what it raises is handed over too.
    """

    def __init__(self, do: Callable[[Library], Any]) -> None:
        super().__init__()
        self.do = do


class FitOrder(Order[RefitReport]):
    """A fit on demand.

    Args:
        params: `FitParams.as_dict()`.
        kind: what kind of fit.
    """

    def __init__(self, params: Mapping[str, Any], *, kind: RefitKind = "full") -> None:
        super().__init__()
        self.params = params
        self.kind: RefitKind = kind


class Orders:
    """The loop's letter box.

    Args:
        wake: wakes the loop where it listens.
    """

    def __init__(self, wake: Callable[[], object] = lambda: None) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._errands: deque[Errand] = deque()
        self._fits: deque[FitOrder] = deque()
        self._closed = False

    def add(self, order: Errand | FitOrder) -> None:
        """Ask for something.

        Raises:
            Ended: too late.
        """
        with self._lock:
            if self._closed:
                raise Ended
            if isinstance(order, Errand):
                self._errands.append(order)
            else:
                self._fits.append(order)
        self._wake()

    def next_errand(self) -> Errand | None:
        """Take the next errand out."""
        with self._lock:
            return self._errands.popleft() if self._errands else None

    def next_fit(self) -> FitOrder | None:
        """Take the next fit out."""
        with self._lock:
            return self._fits.popleft() if self._fits else None

    def close(self) -> None:
        """Refuse what waits and what may still come."""
        with self._lock:
            self._closed = True
            left: list[Errand | FitOrder] = [*self._errands, *self._fits]
            self._errands.clear()
            self._fits.clear()
        for order in left:
            order.fail(Ended())
