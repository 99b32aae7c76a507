"""Events, trips and places, read out: the lists, one event with its photos, and what photos have of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from vecclust.library.queries.paths import living_path
from vecclust.library.queries.proposals import NOT_CALLED, called
from vecclust.library.timeline.found import NO_TIME
from vecclust.library.timeline.identity import group_id
from vecclust.library.timeline.naming import LEAST_SHOWN, Names, main_place, places_by_size
from vecclust.library.timeline.shown import Shown, timeline_of
from vecclust.types.pages import TimelineView
from vecclust.types.timeline import (
    EventEntry,
    EventList,
    EventPage,
    EventPhoto,
    PlaceEntry,
    PlaceList,
    ShownIn,
    TripEntry,
    TripList,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vecclust.library.queries.search import Scope
    from vecclust.store import Store
    from vecclust.types.clusters import Label

_EPOCH = datetime(1970, 1, 1)
# Places are told to about a kilometre.
_DECIMALS = 2
# Of what a trip mostly shows.
_N_CLUSTERS = 5


class TimelineReader:
    """Reads events, trips and places of a library as they are now.

    Args:
        store: the library's tables.
        language: of proposed names and words.
        scope: only what has a photo of it; None for all.
        shown: what is read; what there is now where None.
    """

    def __init__(self, store: Store, *, language: str, scope: Scope | None = None, shown: Shown | None = None) -> None:
        self._store = store
        self._shown = timeline_of(store) if shown is None else shown
        self._names = Names(self._shown, language=language)
        self._labels = store.labels()
        self._called = called(store, language=language)
        self._clusters, self._cluster_of = _clusters_by_row(self._shown, self._labels)
        self._wanted = None if scope is None else photos_in(self._shown, scope)

    @property
    def shown(self) -> Shown:
        """What there is."""
        return self._shown

    def events(self) -> EventList:
        """Read the events, the last first."""
        found = [self._event(number, rows) for number, rows in self._shown.events.items() if self._is_wanted(rows)]
        return EventList(
            events=tuple(sorted(found, key=lambda one: (one.start, int(one.id[1:])), reverse=True)),
            photos=sum(one.photos for one in found),
            undated=int((self._shown.event == 0).sum()),
        )

    def event(self, number: int) -> EventPage:
        """Read one event with its photos.

        Args:
            number: of its id; it has photos.
        """
        rows = self._shown.events[number]
        wanted = rows if self._wanted is None else rows[self._wanted[rows]]
        photos = [self._shown.photo(row) for row in wanted.tolist()]
        files = self._store.files_of(photos)
        results = []
        for photo, row in zip(photos, wanted.tolist(), strict=True):
            label = self._labels.get(photo)
            cluster = None if label is None else label.cluster
            results.append(
                EventPhoto(
                    photo=photo,
                    path=living_path(files.get(photo, ())),
                    taken=moment(self._shown.found.local_us[row]),
                    cluster=cluster,
                    cluster_name=self._called.get(cluster or "", NOT_CALLED).name,
                )
            )
        return EventPage(self._event(number, rows), tuple(self._clusters_in(rows)), tuple(results))

    def trips(self) -> TripList:
        """Read the trips, the last first."""
        found = [self._trip(number, rows) for number, rows in self._shown.trips.items() if self._is_wanted(rows)]
        counts = {number: len(rows) for number, rows in self._shown.places.items()}
        homes = dict.fromkeys(self._place_shown(number) for number in self._shown.found.home.tolist())
        return TripList(
            trips=tuple(sorted(found, key=lambda one: (one.start, int(one.id[1:])), reverse=True)),
            photos=sum(one.photos for one in found),
            homes=tuple(
                ShownIn(group_id("town", one), self._names.place(one).text, counts[one])
                for one in homes
                if one in counts
            ),
        )

    def places(self) -> PlaceList:
        """Read the towns, most photos first, each with its streets; and what lies in none."""
        shown = self._shown
        found = {number: self._place(number, rows) for number, rows in shown.places.items() if self._is_wanted(rows)}
        order = sorted(found.values(), key=lambda one: (-one.photos, int(one.id[1:])))
        inside: dict[str, list[PlaceEntry]] = {}
        for one in order:
            if one.within is not None:
                inside.setdefault(one.within, []).append(one)
        listed = [
            each for one in order if one.within is None or not self._is_listed(one.within, found)
            for each in (one, *inside.get(one.id, ()))
        ]  # fmt: skip
        return PlaceList(
            places=tuple(listed),
            photos=int(((shown.street > 0) | (shown.town > 0)).sum()),
            unplaced=int((~np.isfinite(self._store.takings().latitude)).sum()),
        )

    def view(self, *, n_pictures: int) -> TimelineView:
        """Read what pages show by time and place.

        Args:
            n_pictures: photos of each event at most.
        """
        pictures = {
            group_id("event", number): tuple(map(self._shown.photo, _spread(rows, n_pictures).tolist()))
            for number, rows in self._shown.events.items()
        }
        return TimelineView(self.events(), self.trips(), self.places(), pictures)

    def _is_listed(self, place: str, found: Mapping[int, PlaceEntry]) -> bool:
        return int(place[1:]) in found

    def _is_wanted(self, rows: NDArray[np.int64]) -> bool:
        return self._wanted is None or bool(self._wanted[rows].any())

    def _event(self, number: int, rows: NDArray[np.int64]) -> EventEntry:
        clusters = self._clusters_in(rows)
        words = tuple(
            one.name for one in clusters if one.name is not None and one.photos >= LEAST_SHOWN * len(rows)
        )  # fmt: skip
        name = self._names.event(number, rows, words=words)
        where, trip = main_place(self._shown, rows), int(self._shown.trip[rows[0]])
        start, end = self._span(rows)
        return EventEntry(
            id=group_id("event", number),
            name=name.text,
            named_by=name.by,
            start=start,
            end=end,
            photos=len(rows),
            place=group_id("town", where) if where else None,
            place_name=self._names.place(where).text or self._names.country(where) if where else None,
            trip=group_id("trip", trip) if trip else None,
            cover=self._cover(rows),
            words=words,
        )

    def _trip(self, number: int, rows: NDArray[np.int64]) -> TripEntry:
        start, end = self._span(rows)
        name = self._names.trip(number, rows)
        return TripEntry(
            id=group_id("trip", number),
            name=name.text,
            named_by=name.by,
            start=start,
            end=end,
            photos=len(rows),
            events=tuple(group_id("event", one) for one in dict.fromkeys(self._shown.event[rows].tolist())),
            places=tuple(
                ShownIn(group_id("town", place), self._names.place(place).text, count)
                for place, count in places_by_size(self._shown.town[rows]).items()
            ),
            clusters=tuple(self._clusters_in(rows)[:_N_CLUSTERS]),
            cover=self._cover(rows),
        )

    def _place(self, number: int, rows: NDArray[np.int64]) -> PlaceEntry:
        shown = self._shown
        name, is_street = self._names.place(number), bool((shown.street[rows] == number).any())
        towns = places_by_size(shown.town[rows]) if is_street else {}
        at = int(np.searchsorted(shown.found.place, number))
        dated = rows[shown.found.local_us[rows] != NO_TIME]
        first, last = self._span(dated) if len(dated) else (None, None)
        return PlaceEntry(
            id=group_id("town", number),
            name=name.text,
            named_by=name.by,
            country=self._names.country(number),
            level="street" if is_street else "town",
            within=group_id("town", next(iter(towns))) if towns else None,
            latitude=round(float(shown.found.latitude[at]), _DECIMALS),
            longitude=round(float(shown.found.longitude[at]), _DECIMALS),
            photos=len(rows),
            first=first,
            last=last,
            is_home=number in {self._place_shown(one) for one in shown.found.home.tolist()},
            cover=self._cover(rows),
        )

    def _place_shown(self, number: int) -> int:
        return int(self._shown.constraints.root(group_id("town", number))[1:])

    def _span(self, rows: NDArray[np.int64]) -> tuple[datetime, datetime]:
        """Give the first and the last moment of photos, of which at least one has a time."""
        times = self._shown.found.local_us[rows]
        times = times[times != NO_TIME]
        return moment(times.min()), moment(times.max())

    def _cover(self, rows: NDArray[np.int64]) -> str:
        """Give the photo that stands for some: the middle one in time."""
        return self._shown.photo(int(rows[len(rows) // 2]))

    def _clusters_in(self, rows: NDArray[np.int64]) -> list[ShownIn]:
        codes, counts = np.unique(self._cluster_of[rows], return_counts=True)
        found = [
            (count, self._clusters[code])
            for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
            if code >= 0
        ]
        found.sort(key=lambda one: (-one[0], int(one[1][1:])))
        return [ShownIn(cluster, self._called.get(cluster, NOT_CALLED).name, count) for count, cluster in found]


def _spread(rows: NDArray[np.int64], n_wanted: int) -> NDArray[np.int64]:
    """Choose some rows at even steps, all of them where there are no more."""
    if len(rows) <= n_wanted:
        return rows
    chosen: NDArray[np.int64] = rows[np.linspace(0, len(rows) - 1, n_wanted).round().astype(int)]
    return chosen


def moment(local_us: int | np.int64) -> datetime:
    """Give a wall clock as a time without a zone.

    Args:
        local_us: microseconds since 1970.
    """
    return _EPOCH + timedelta(microseconds=int(local_us))


def photos_in(shown: Shown, scope: Scope) -> NDArray[np.bool_] | None:
    """Tell which photos are in a scope.

    Args:
        shown: what there is.
        scope: which may be shown.

    Returns:
        (n,) bool, or None where all of them may.
    """
    if scope.within is None and scope.since is None and scope.until is None:
        return None
    times = shown.found.local_us
    passed = np.ones(len(times), bool)
    if scope.within is not None:
        passed &= _among(shown, scope.within)
    if scope.since is not None:
        passed &= (times != NO_TIME) & (times >= _us(scope.since))
    if scope.until is not None:
        passed &= (times != NO_TIME) & (times < _us(scope.until))
    return passed


def _among(shown: Shown, photos: Collection[str]) -> NDArray[np.bool_]:
    wanted = np.sort(np.array(list(photos), "S64"))
    return np.isin(shown.found.photos, wanted, assume_unique=True)


def _us(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(microseconds=1)


def _clusters_by_row(shown: Shown, labels: Mapping[str, Label]) -> tuple[list[str], NDArray[np.int64]]:
    """Give the clusters there are, and the one of each photo as its place among them, -1 for none."""
    of_photo: dict[str, str] = {one.photo: one.cluster for one in labels.values() if one.cluster is not None}
    clusters = sorted(set(of_photo.values()))
    codes = {cluster: code for code, cluster in enumerate(clusters)}
    photos: Iterable[str] = shown.found.photos.astype(str).tolist()
    return clusters, np.array([codes.get(of_photo.get(photo, ""), -1) for photo in photos], np.int64)
