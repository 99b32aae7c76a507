"""Events, trips and places as they are shown: as they were found, with what the owner said laid over it.

A photo that was moved is in the event it was moved to, what was merged is one, and an event is on the trip that most
of its photos are on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from vecclust.library.timeline.found import NO_TIME, Found, find_timeline_of, kept_timeline_of, most_common
from vecclust.library.timeline.identity import group_number

if TYPE_CHECKING:
    from vecclust.store import Store
    from vecclust.types.constraints import Constraints


@dataclass(frozen=True, eq=False)
class Shown:
    """Every photo's event, trip, street and town, by the numbers of their ids.

    Attributes:
        found: as they were found.
        constraints: what the owner said of them.
        event: (n,) int64, 0 where a photo is in none; likewise the next three.
        trip: of its event.
        street: of where it was taken.
        town: likewise.
    """

    found: Found
    constraints: Constraints
    event: NDArray[np.int64]
    trip: NDArray[np.int64]
    street: NDArray[np.int64]
    town: NDArray[np.int64]

    @cached_property
    def by_time(self) -> NDArray[np.int64]:
        """The rows of the photos that have a time, in order of it."""
        rows = np.flatnonzero(self.found.local_us != NO_TIME)
        return rows[np.argsort(self.found.local_us[rows], kind="stable")]

    @cached_property
    def events(self) -> dict[int, NDArray[np.int64]]:
        """The rows of each event, in order of time, by its number; the events in order of their numbers."""
        return self._rows_of(self.event)

    @cached_property
    def trips(self) -> dict[int, NDArray[np.int64]]:
        """The rows of each trip, likewise."""
        return self._rows_of(self.trip)

    @cached_property
    def places(self) -> dict[int, NDArray[np.int64]]:
        """The rows of each street and town, likewise; those without a time come last."""
        return self._rows_of(self.street) | self._rows_of(self.town)

    def rows_of_event(self, number: int) -> NDArray[np.int64]:
        """Give the rows of one event, in order of time.

        Args:
            number: of its id.
        """
        return self._in_order(np.flatnonzero(self.event == number))

    def rows_of_trip(self, number: int) -> NDArray[np.int64]:
        """Give the rows of one trip, in order of time.

        Args:
            number: of its id.
        """
        return self._in_order(np.flatnonzero(self.trip == number))

    def _in_order(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return rows[np.argsort(self.found.local_us[rows], kind="stable")]

    def photo(self, row: int) -> str:
        """Give a photo's content hash.

        Args:
            row: of it.
        """
        return str(self.found.photos[row].decode())

    def row_of(self, photo: str) -> int | None:
        """Give a photo's row, or None where it came since.

        Args:
            photo: content hash.
        """
        at = int(np.searchsorted(self.found.photos, photo.encode()))
        return at if at < len(self.found.photos) and self.found.photos[at] == photo.encode() else None

    def _rows_of(self, numbers: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
        timeless = np.flatnonzero(self.found.local_us == NO_TIME)
        rows = np.concatenate([self.by_time, timeless])
        rows = rows[numbers[rows] > 0]
        rows = rows[np.argsort(numbers[rows], kind="stable")]
        present, starts = np.unique(numbers[rows], return_index=True)
        return dict(zip(present.tolist(), np.split(rows, starts[1:]), strict=True)) if len(present) else {}


_known: WeakKeyDictionary[Store, Shown] = WeakKeyDictionary()


def timeline_of(store: Store) -> Shown:
    """Give events, trips and places as they are now.

    Args:
        store: the library's tables; one that is opened for writing keeps the ids.
    """
    found, constraints = find_timeline_of(store), store.timeline_constraints()
    known = _known.get(store)
    if known is None or known.found is not found or known.constraints is not constraints:
        _known[store] = known = lay_over(found, constraints)
    return known


def kept_timeline(store: Store) -> Shown:
    """Give events, trips and places as they were found last; as they are now where they never were.

    Args:
        store: the library's tables.
    """
    found = kept_timeline_of(store)
    return timeline_of(store) if found is None else lay_over(found, store.timeline_constraints())


def lay_over(found: Found, constraints: Constraints) -> Shown:
    """Lay what the owner said over what was found.

    Args:
        found: events, trips and places.
        constraints: what of the owner's edits is in force.
    """
    event = _joined(found.event, constraints, letter="e")
    for photo, pin in constraints.pins.items():
        at = int(np.searchsorted(found.photos, photo.encode()))
        if at < len(found.photos) and found.photos[at] == photo.encode():
            event[at] = 0 if pin.cluster is None else group_number(constraints.root(pin.cluster))
    trip = _joined(found.trip, constraints, letter="t")
    rows = np.flatnonzero(event > 0)
    if len(rows):
        trip = np.where(event > 0, np.maximum(most_common(event[rows], trip[rows]), 0)[event], 0)
    return Shown(
        found=found,
        constraints=constraints,
        event=event,
        trip=trip,
        street=_joined(found.street, constraints, letter="p"),
        town=_joined(found.town, constraints, letter="p"),
    )


def _joined(numbers: NDArray[np.int64], constraints: Constraints, *, letter: str) -> NDArray[np.int64]:
    """Give the numbers of what groups were merged into."""
    joined = {group_number(one): group_number(constraints.root(one)) for one in constraints.joined if one[0] == letter}
    root = np.arange(max(int(numbers.max(initial=0)), *joined, 0) + 1)
    for number, into in joined.items():
        root[number] = into
    return root[numbers]
