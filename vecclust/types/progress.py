"""How far a long piece of work has come."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told how far a long piece of work has come."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note that `done` of `total` steps of `stage` are done; a `total` of 0 means that it is unknown."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Take no note.

    Args:
        stage: what is being done.
        done: steps of it that are done.
        total: all its steps; 0 where that is unknown.
    """
