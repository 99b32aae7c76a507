"""What is found of time and place in all photos of a library: events, trips, streets and towns, with their ids.

Found anew whenever the photos are others than before: a tenth of a second for 10,000. The library's writer keeps it in
a file, so that a question about one photo need not find it again; the file is a cache that says what it was made of,
and one that is missing, damaged or of other photos is as good as none. Which group has which id cannot be derived: it
is a table of its own, and where that is lost the file still tells it.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import DamagedRun, StoreDamaged
from vecclust.library.timeline.identity import Identified, groups_of, identify
from vecclust.types.timeline import TimelineKind

if TYPE_CHECKING:
    from vecclust.store import Store
    from vecclust.timeline import Timeline
    from vecclust.types.timeline import Takings, TimelineGroup

log = logging.getLogger(__name__)

FILE = "timeline.npz"
# Of what finds: a file that an earlier vecclust made is found anew.
_MADE_BY = "1"
_DAY_US = 86_400_000_000
# Pictures decide doubtful boundaries up to so many photos: their vectors are 100 MB then, which a daemon has to spare.
PICTURES_UP_TO = 50_000
NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Found:
    """Every photo's event, trip, street and town, by the numbers of their ids, as they are without the owner's edits.

    Attributes:
        photos: (n,) S64 content hashes, ascending.
        local_us: (n,) int64 wall clock where each was taken, in microseconds; `NO_TIME` where no date can be trusted.
        event: (n,) int64, 0 where it is in none; likewise the next three.
        trip: of its event.
        street: of where it was taken.
        town: likewise.
        place: (k,) int64 streets and towns that there are, ascending.
        place_town: (k,) int64 the town of each in the gazetteer, -1 where there is none near.
        latitude: (k,) float64 middle of each, in degrees north.
        longitude: (k,) float64 likewise, in degrees east.
        home: numbers of the towns, and of streets outside any, where the owner lived, earliest first.
    """

    photos: NDArray[np.bytes_]
    local_us: NDArray[np.int64]
    event: NDArray[np.int64]
    trip: NDArray[np.int64]
    street: NDArray[np.int64]
    town: NDArray[np.int64]
    place: NDArray[np.int64]
    place_town: NDArray[np.int64]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    home: NDArray[np.int64]


# What was found last in each opened library, with the readings of the tables that it stands for.
_known: WeakKeyDictionary[Store, tuple[Takings, Sequence[TimelineGroup], Found]] = WeakKeyDictionary()
# What was read of its file last, and when that was written.
_last_read: WeakKeyDictionary[Store, tuple[int, Found | None]] = WeakKeyDictionary()


def find_timeline_of(store: Store) -> Found:
    """Give what is found in the photos as they are now.

    Args:
        store: the library's tables; one that is opened for writing keeps it, and the ids.
    """
    takings, groups = store.takings(), store.timeline()
    known = _known.get(store)
    if known is not None and known[0] is takings and known[1] is groups:
        return known[2]
    found = _read(store.folder / FILE, stamp=_stamp(store, takings, groups))
    if found is None:
        found, identified = _find(store, takings)
        if store.writable:
            # The file first: the table's commit is what tells others that there is something new. Where only the file
            # was written, its stamp is not that of the table, and the same ids are given again.
            _write(store.folder / FILE, found, stamp=_stamp(store, takings, identified.groups))
            store.keep_timeline(identified.groups)
            groups = store.timeline()
    _known[store] = takings, groups, found
    return found


def kept_timeline_of(store: Store) -> Found | None:
    """Give what was found last, of the photos as they were then, where that is at hand; nothing is found for it.

    Args:
        store: the library's tables.
    """
    path = store.folder / FILE
    try:
        written_ns = path.stat().st_mtime_ns
    except OSError:
        known = _known.get(store)
        return None if known is None else known[2]
    last = _last_read.get(store)
    if last is None or last[0] != written_ns:
        _last_read[store] = last = written_ns, _read(path)
    return last[1]


def _find(store: Store, takings: Takings) -> tuple[Found, Identified]:
    from vecclust.atlas import towns_at
    from vecclust.clustering import find_places

    timeline, local_us = _in_time(takings, _vectors(store, takings))
    streets = find_places(takings.latitude, takings.longitude)
    towns = _towns(takings, streets, towns_at)
    _, town = np.unique(towns[towns >= 0], return_inverse=True)
    town_labels = np.full(len(towns), -1, np.int64)
    town_labels[towns >= 0] = town
    trips = np.where(timeline.event >= 0, timeline.trip[timeline.event] if len(timeline.trip) else -1, -1)
    labels: dict[TimelineKind, NDArray[np.int64]] = {
        "event": timeline.event,
        "trip": trips,
        "town": _by_size(town_labels),
        "street": _by_size(streets),
    }
    named = store.timeline_constraints().named.keys()
    kept = store.timeline() or _groups_of(_read(store.folder / FILE))
    identified = identify(takings.photos, labels, kept=kept, named=named)
    numbers = identified.numbers
    place, place_town, middles = _places(takings, numbers, towns)
    found = Found(
        photos=takings.photos,
        local_us=local_us,
        event=numbers["event"],
        trip=numbers["trip"],
        street=numbers["street"],
        town=numbers["town"],
        place=place,
        place_town=place_town,
        latitude=middles[:, 0],
        longitude=middles[:, 1],
        home=_homes(timeline, takings, numbers),
    )
    return found, identified


def _groups_of(found: Found | None) -> tuple[TimelineGroup, ...]:
    """Give the groups of what was found last, for a library that lost the table of their ids."""
    if found is None:
        return ()
    kinds: dict[TimelineKind, NDArray[np.int64]] = {
        "event": found.event,
        "trip": found.trip,
        "town": found.town,
        "street": found.street,
    }
    return groups_of(found.photos, kinds)


def _vectors(store: Store, takings: Takings) -> NDArray[np.float32] | None:
    """Give what the photos show, row by row; None where there are too many, or some changed meanwhile."""
    if not 0 < len(takings.photos) <= PICTURES_UP_TO:
        return None
    try:
        photos, vectors = store.vectors()
    except StoreDamaged as reason:
        log.warning("pictures decide no boundary between events: %s", reason)
        return None
    return vectors if len(photos) == len(takings.photos) else None


def _in_time(takings: Takings, vectors: NDArray[np.float32] | None) -> tuple[Timeline, NDArray[np.int64]]:
    """Find events, trips and homes; photos of which only the day is known are put to what was on that day."""
    from vecclust.atlas import offsets_at
    from vecclust.timeline import Diary, find_timeline, set_clocks

    is_dated = (takings.clock_us != NO_TIME) & (takings.source != "mtime")
    is_day = is_dated & (takings.source == "name") & (takings.clock_us % _DAY_US == 0)
    diary = Diary(
        clock_us=np.where(is_dated & ~is_day, takings.clock_us, NO_TIME),
        offset_s=takings.offset_s,
        latitude=takings.latitude,
        longitude=takings.longitude,
        camera=takings.camera,
    )
    clocks = set_clocks(diary, offsets_at=offsets_at)
    timeline = find_timeline(diary, clocks, vectors=vectors)
    local_us = np.where(is_day, takings.clock_us, clocks.local_us)
    return _with_days(timeline, local_us, is_day), local_us


def _with_days(timeline: Timeline, local_us: NDArray[np.int64], is_day: NDArray[np.bool_]) -> Timeline:
    """Put photos of which only the day is known to the largest event of that day, or to one of their own."""
    import dataclasses

    if not is_day.any():
        return timeline
    event, trip = timeline.event.copy(), timeline.trip
    days = local_us // _DAY_US
    rows = np.flatnonzero(event >= 0)
    pairs, counts = np.unique(np.stack([days[rows], event[rows]]), axis=1, return_counts=True)
    largest = {int(day): int(one) for _, day, one in sorted(zip(counts, *pairs, strict=True), key=lambda of: of[0])}
    n_events = len(trip)
    alone = sorted({int(day) for day in days[is_day]} - largest.keys())
    largest |= {day: n_events + at for at, day in enumerate(alone)}
    event[is_day] = [largest[int(day)] for day in days[is_day]]
    # In order of time again, and with a trip where the events before and after are on one.
    starts = np.full(n_events + len(alone), np.iinfo(np.int64).max)
    np.minimum.at(starts, event[event >= 0], local_us[event >= 0])
    order = np.argsort(starts, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    trips = np.concatenate([trip, np.full(len(alone), -1, np.int64)])[order]
    for at in rank[n_events:]:
        before, after = trips[at - 1] if at else -1, trips[at + 1] if at + 1 < len(trips) else -1
        trips[at] = before if before == after else -1
    event[event >= 0] = rank[event[event >= 0]]
    return dataclasses.replace(timeline, event=event, trip=trips)


def _towns(takings: Takings, streets: NDArray[np.int64], towns_at: object) -> NDArray[np.int64]:
    """Give each photo's town in the gazetteer: that of most photos of its street, so that no street lies in two."""
    has_place = np.isfinite(takings.latitude)
    towns = np.full(len(streets), -1, np.int64)
    if has_place.any():
        towns[has_place] = towns_at(takings.latitude[has_place], takings.longitude[has_place])  # type: ignore[operator]
    rows = np.flatnonzero(streets >= 0)
    if len(rows):
        most = most_common(streets[rows], towns[rows])
        towns[rows] = most[streets[rows]]
    return towns


def most_common(groups: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the value that most rows of each group have; of equally many the lowest.

    Args:
        groups: (n,) int64 group of each row, from 0.
        values: (n,) int64.

    Returns:
        (g,) int64 by group, -1 for one that has no rows.
    """
    pairs, counts = np.unique(np.stack([groups, values]), axis=1, return_counts=True)
    order = np.lexsort([-pairs[1], counts])
    most = np.full(int(groups.max(initial=-1)) + 1, -1, np.int64)
    most[pairs[0, order]] = pairs[1, order]
    return most


def _by_size(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number groups anew, the largest first; new ids are given in this order."""
    n_groups = int(labels.max(initial=-1)) + 1
    sizes = np.bincount(labels[labels >= 0], minlength=n_groups)
    rank = np.empty(n_groups, np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(n_groups)
    return np.where(labels < 0, -1, rank[labels] if n_groups else -1)


def _places(
    takings: Takings, numbers: Mapping[TimelineKind, NDArray[np.int64]], towns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Give the numbers of all places, their towns in the gazetteer, and their middles: the medians of their photos.

    A median of longitudes is taken around the first photo of each, so that 180 degrees is no edge.
    """
    found, of_town, middles = [], [], []
    for of_photo in (numbers["street"], numbers["town"]):
        order = np.argsort(of_photo, kind="stable")
        order = order[of_photo[order] > 0]
        present, starts = np.unique(of_photo[order], return_index=True)
        for number, rows in zip(present.tolist(), np.split(order, starts[1:]), strict=False):
            first = takings.longitude[rows[0]]
            around = (takings.longitude[rows] - first + 180.0) % 360.0 - 180.0
            east = (first + float(np.median(around)) + 180.0) % 360.0 - 180.0
            found.append(number)
            of_town.append(int(towns[rows[0]]))
            middles.append((float(np.median(takings.latitude[rows])), east))
    order = np.argsort(np.array(found, np.int64))
    return (
        np.array(found, np.int64)[order],
        np.array(of_town, np.int64)[order],
        np.array(middles, np.float64).reshape(-1, 2)[order],
    )


def _homes(
    timeline: Timeline, takings: Takings, numbers: Mapping[TimelineKind, NDArray[np.int64]]
) -> NDArray[np.int64]:
    """Give the places where the owner lived: the town of the nearest photo to each home, or its street."""
    from vecclust.timeline import distance_m

    homes: list[int] = []
    rows = np.flatnonzero(np.isfinite(takings.latitude))
    for home in timeline.home:
        away = distance_m(takings.latitude[rows], takings.longitude[rows], home.latitude, home.longitude)
        if len(away):
            nearest = rows[int(np.argmin(away))]
            homes.append(int(numbers["town"][nearest] or numbers["street"][nearest]))
    return np.array(list(dict.fromkeys(one for one in homes if one)), np.int64)


def _stamp(store: Store, takings: Takings, groups: Sequence[TimelineGroup]) -> str:
    """Say what a timeline is found in: every photo, when and where it was taken, the ids there are, and what finds."""
    from vecclust.atlas import VERSION

    model = store.model()
    digest = hashlib.sha256(f"{_MADE_BY} {VERSION} {None if model is None else model.model_id}".encode())
    for one in (
        takings.photos,
        takings.clock_us,
        takings.offset_s,
        takings.latitude,
        takings.longitude,
        takings.camera,
    ):
        digest.update(np.ascontiguousarray(one).tobytes())
    digest.update(repr([(one.id, one.anchors) for one in groups]).encode())
    digest.update("\n".join(takings.source.astype(str).tolist()).encode())
    return digest.hexdigest()


def _read(path: Path, *, stamp: str | None = None) -> Found | None:
    """Read what was kept; None where there is none, or it is of other photos than a stamp that is given says."""
    from vecclust.library.runs.rows import reading_arrays

    if not path.exists():
        return None
    try:
        with reading_arrays(path) as arrays:
            if stamp is not None and str(arrays["stamp"]) != stamp:
                return None
            return Found(**{one.name: arrays[one.name] for one in fields(Found)})
    except DamagedRun as reason:
        log.warning("what was found of time and place cannot be used and is found again: %s", reason)
        return None


def _write(path: Path, found: Found, *, stamp: str) -> None:
    from vecclust.library.runs.rows import save_arrays

    beside = path.with_name(path.name + ".new")
    try:
        save_arrays(beside, stamp=np.array(stamp), **{one.name: getattr(found, one.name) for one in fields(Found)})
        os.replace(beside, path)
    except OSError as reason:
        log.warning("what was found of time and place is not kept: %s", reason)
