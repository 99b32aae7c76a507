"""Hours of the day, as an owner writes them down: "23:00-07:00"; pure, no clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from typing import Self

_SPAN = re.compile(r"\s*([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)\s*")


@dataclass(frozen=True, slots=True)
class Hours:
    """Some hours of every day.

    Attributes:
        spans: beginning, which belongs to a span, and end, which does not; an end before its beginning is on the
            next day.
    """

    spans: tuple[tuple[time, time], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read hours.

        Args:
            text: "HH:MM-HH:MM", several separated by commas, or nothing for no hours.

        Returns:
            The hours.

        Raises:
            ValueError: it says something else.
        """
        return cls(tuple(_span(part) for part in text.split(","))) if text.strip() else cls()

    def hold(self, moment: time) -> bool:
        """Tell whether a time of the day lies in these hours."""
        return any(
            start <= moment < end if start < end else moment >= start or moment < end for start, end in self.spans
        )


def _span(text: str) -> tuple[time, time]:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text.strip()}" should be hours as in "23:00-07:00"')
    first, second, third, fourth = (int(part) for part in found.groups())
    start, end = time(first, second), time(third, fourth)
    if start == end:
        raise ValueError(f'"{text.strip()}" begins when it ends')
    return start, end
