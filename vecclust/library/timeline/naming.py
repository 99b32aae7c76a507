"""What events, trips and places are called: by their owner, else by where and when they were and what they show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np

from vecclust.library.timeline.dates import say_both, say_day, say_months
from vecclust.library.timeline.found import NO_TIME
from vecclust.library.timeline.identity import group_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vecclust.library.timeline.shown import Shown

# A trip is called after the two towns that it mostly was in; where they have less of it than this, after its country.
_LEAST_OF_TRIP = 0.5
# The second town of a trip is named where it has at least this share of its photos.
_LEAST_SECOND = 0.2
# What an event shows is named where at least this share of its photos shows it.
LEAST_SHOWN = 1 / 3

_EPOCH_DAY, _DAY_US = date(1970, 1, 1).toordinal(), 86_400_000_000

NamedBy = Literal["owner", "auto"]


@dataclass(frozen=True, slots=True)
class Name:
    """What an event, trip or place is called.

    Attributes:
        text: its name, or None.
        by: who gave it; None without one.
    """

    text: str | None = None
    by: NamedBy | None = None


class Names:
    """Names of the events, trips and places of a library.

    Args:
        shown: what there is.
        language: of the proposed ones.
    """

    def __init__(self, shown: Shown, *, language: str) -> None:
        self._shown = shown
        self._language = language
        self._town_at = dict(zip(shown.found.place.tolist(), shown.found.place_town.tolist(), strict=True))
        self._countries: dict[int, str | None] = {}

    def place(self, number: int) -> Name:
        """Name a street or town.

        Args:
            number: of its id.
        """
        if (given := self._given("town", number)) is not None:
            return Name(given, "owner")
        from vecclust.atlas import town

        at = self._town_at.get(number, -1)
        return Name() if at < 0 else Name(town(at, self._language).name, "auto")

    def country_code(self, number: int) -> str | None:
        """Give the country a place is in, by its code of two letters; None at sea.

        Args:
            number: of the place's id.
        """
        from vecclust.atlas import countries_at, town

        if number not in self._countries:
            at = self._town_at.get(number, -1)
            found = self._shown.found
            row = int(np.searchsorted(found.place, number))
            is_known = row < len(found.place) and found.place[row] == number
            if at >= 0:
                self._countries[number] = town(at).country_code
            elif is_known:
                self._countries[number] = countries_at(found.latitude[[row]], found.longitude[[row]])[0]
            else:
                self._countries[number] = None
        return self._countries[number]

    def country(self, number: int) -> str | None:
        """Name the country a place is in, or None at sea.

        Args:
            number: of the place's id.
        """
        from vecclust.atlas import country_name

        code = self.country_code(number)
        return None if code is None else country_name(code, self._language)

    def event(self, number: int, rows: NDArray[np.int64], *, words: Sequence[str] = ()) -> Name:
        """Name an event.

        Args:
            number: of its id.
            rows: of its photos.
            words: for what they show, the best first.
        """
        if (given := self._given("event", number)) is not None:
            return Name(given, "owner")
        when = day_of(self._shown.found.local_us[rows])
        if when is None:
            return Name()
        where = main_place(self._shown, rows)
        place = self.place(where).text or self.country(where) if where else None
        name = ", ".join(filter(None, [place, say_day(when, language=self._language)]))
        return Name(" · ".join([name, *words[:1]]), "auto")

    def trip(self, number: int, rows: NDArray[np.int64]) -> Name:
        """Name a trip.

        Args:
            number: of its id.
            rows: of its photos, in order of time.
        """
        if (given := self._given("trip", number)) is not None:
            return Name(given, "owner")
        first, last = (day_of(self._shown.found.local_us[rows[[at]]]) for at in (0, -1))
        if first is None or last is None:
            return Name()
        months = say_months(first, last, language=self._language)
        return Name(", ".join(filter(None, [self._where(rows), months])), "auto")

    def _where(self, rows: NDArray[np.int64]) -> str | None:
        """Say where a trip went: to one town or two, or all over a country or two."""
        towns = places_by_size(self._shown.town[rows])
        if not towns:
            return None
        total = sum(towns.values())
        names = {number: self.place(number).text for number in list(towns)[:2]}
        first, *others = [number for number in names if names[number]] or [0]
        if not first:
            return None
        second = [number for number in others if towns[number] >= _LEAST_SECOND * total]
        if sum(towns[number] for number in (first, *second)) >= _LEAST_OF_TRIP * total:
            both = [str(names[number]) for number in (first, *second)]
        else:
            counted: Counter[str] = Counter()
            for number, count in towns.items():
                counted[self.country(number) or ""] += count
            both = [name for name, count in counted.most_common(2) if name and count >= _LEAST_SECOND * total]
        if len(both) > 1:
            return say_both(both[0], both[1], language=self._language)
        return both[0] if both else None

    def _given(self, kind: Literal["event", "trip", "town"], number: int) -> str | None:
        given = self._shown.constraints.named.get(group_id(kind, number))
        return None if given is None else given.name


def main_place(shown: Shown, rows: NDArray[np.int64]) -> int:
    """Give the place where most of some photos were taken: their town, else their street, else 0.

    Args:
        shown: what there is.
        rows: of the photos.
    """
    for numbers in (shown.town, shown.street):
        if counted := places_by_size(numbers[rows]):
            return next(iter(counted))
    return 0


def places_by_size(numbers: NDArray[np.int64]) -> Mapping[int, int]:
    """Count photos by place, most first, equal ones by number.

    Args:
        numbers: (n,) int64 place of each photo, 0 for none.
    """
    present, counts = np.unique(numbers[numbers > 0], return_counts=True)
    order = np.lexsort([present, -counts])
    return dict(zip(present[order].tolist(), counts[order].tolist(), strict=True))


def day_of(local_us: NDArray[np.int64]) -> date | None:
    """Give the day of the middle one of some moments.

    Args:
        local_us: (n,) int64 wall clock in microseconds.
    """
    known = np.sort(local_us[local_us != NO_TIME])
    return None if not len(known) else date.fromordinal(_EPOCH_DAY + int(known[len(known) // 2] // _DAY_US))
