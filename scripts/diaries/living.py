"""A life's days: what somebody does, where and for how long. Truth is made here, before any photo is taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from diaries.lives import TOWNS, Life

KM = 1 / 111.195
# Kinds of doings: hours in the mean, moments an hour, metres walked about, and how often it is photographed at all.
DOINGS: dict[str, tuple[float, float, float, float]] = {
    "snapshot": (0.1, 8.0, 10, 1.0),
    "kitchen": (0.6, 2.0, 10, 0.05),
    "evening": (2.5, 0.9, 10, 0.10),
    "children": (2.0, 1.8, 15, 0.25),
    "work": (7.5, 0.12, 40, 0.06),
    "lunch": (0.9, 2.5, 20, 0.10),
    "errand": (0.8, 2.0, 150, 0.10),
    "walk": (1.6, 3.0, 900, 0.35),
    "playground": (1.5, 3.5, 60, 0.40),
    "sport": (2.0, 2.0, 200, 0.20),
    "dinner": (2.4, 1.8, 20, 0.30),
    "concert": (2.6, 4.0, 40, 0.70),
    "party": (5.0, 2.6, 25, 0.95),
    "birthday": (3.5, 5.0, 25, 1.0),
    "wedding": (11.0, 5.0, 100, 1.0),
    "sight": (1.7, 6.0, 250, 0.75),
    "museum": (2.0, 4.0, 80, 0.50),
    "stroll": (1.5, 5.0, 700, 0.60),
    "meal": (1.2, 2.2, 20, 0.40),
    "beach": (5.0, 1.5, 300, 0.75),
    "hike": (6.5, 2.4, 4500, 0.95),
    "drive": (4.0, 0.7, 0, 0.45),
    "flight": (4.0, 0.6, 0, 0.35),
    "visit": (6.0, 1.0, 30, 0.60),
}
OUT = frozenset(
    {"walk", "birthday", "wedding", "concert", "sight", "museum", "stroll", "beach", "hike", "drive", "visit"}
)
# A place lived at counts as a trip from so many kilometres on; nothing is drawn between the two figures.
NEAR_KM, TRIP_KM = 15.0, 60.0
# From coming home to going out again.
RESTS_S = 8.0 * 3600


@dataclass
class Doing:
    """One thing that somebody did: an event, where it was photographed.

    Attributes:
        kind: one of `DOINGS`.
        start_s: the moment it began, in seconds of UTC.
        hours: how long.
        latitude: where it began.
        longitude: likewise.
        to: where it ended, for those that go somewhere; None for all others.
        town: whose zone it is in.
        trip: number of the trip, -1 none.
    """

    kind: str
    start_s: float
    hours: float
    latitude: float
    longitude: float
    to: tuple[float, float] | None
    town: str
    trip: int


@dataclass
class Lived:
    """A home: town, place, first and last day."""

    town: str
    latitude: float
    longitude: float
    start_s: float
    end_s: float


@cache
def _zone(town: str) -> ZoneInfo:
    return ZoneInfo(TOWNS[town][2])


@cache
def _offset_at(town: str, hour: int) -> int:
    moment = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(hours=hour)
    offset = moment.astimezone(_zone(town)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def offset_s(town: str, moment_s: float) -> int:
    """Give a town's seconds east of UTC at a moment, by the real rules."""
    return _offset_at(town, int(moment_s // 3600))


def beside(place: tuple[float, float], km: float, rng: np.random.Generator) -> tuple[float, float]:
    """Go so far from a place into any direction, right across 180 degrees."""
    angle = rng.uniform(0, 2 * np.pi)
    latitude = place[0] + km * KM * np.sin(angle)
    longitude = place[1] + km * KM * np.cos(angle) / np.cos(np.radians(place[0]))
    return float(latitude), float((longitude + 180.0) % 360.0 - 180.0)


class Living:
    """Lives a life from its first day to its last.

    Args:
        life: whose.
        seed: of all that is drawn.

    Attributes:
        doings: all of them, in order.
        homes: likewise.
        n_trips: how many trips there were, photographed or not.
    """

    def __init__(self, life: Life, seed: int) -> None:
        self.life, self.rng = life, np.random.default_rng([seed, *life.name.encode()])
        self.doings: list[Doing] = []
        self.homes: list[Lived] = []
        self.n_trips = self.rested = 0
        self.awake_s = 0.0
        self.first = (datetime(*life.start.timetuple()[:3]) - datetime(1970, 1, 1)).days
        self.last = self.first + life.years * 365
        self._live()

    # --- days -----------------------------------------------------------------------------------------------------

    def _live(self) -> None:
        life, rng = self.life, self.rng
        moves = [self.first + int(share * life.years * 365) for _, share in life.homes] + [self.last]
        day = self.first
        for (town, _), end in zip(life.homes, moves[1:], strict=True):
            home = beside(TOWNS[town][:2], float(rng.uniform(1.5, 6)), rng)
            self.work = beside(home, life.commute_km, rng)
            self.cottage = beside(home, life.cottage_km, rng) if life.cottage_km else None
            self.haunts = [beside(home, float(rng.gamma(1.5, 2.5)), rng) for _ in range(14)]
            self.friends = [beside(home, float(rng.gamma(2, 3)), rng) for _ in range(6)]
            self.relatives = (
                str(rng.choice([name for name in TOWNS if name not in (town, "Taveuni", "Suva")]))
                if life.far > 0
                else town
            )
            start = self._noon(town, day)
            while day < end:
                day += self._days(town, home, day, end)
            self.homes.append(Lived(town, *home, start, self._noon(town, min(end, self.last))))

    def _noon(self, town: str, day: int, hour: float = 12.0) -> float:
        wall = day * 86400 + hour * 3600
        return wall - offset_s(town, wall)

    def _days(self, town: str, home: tuple[float, float], day: int, end: int) -> int:
        """Live a day or a trip; return how many days it took."""
        life, rng = self.life, self.rng
        weekend = (day + 3) % 7 in (5, 6)
        if rng.random() < life.trips / 365 and end - day > 4 and day >= self.rested:
            took = max(1, self._trip(town, home, day, end))
            # Nobody leaves on the day after coming home; more than two days there are usual.
            self.rested = day + took + 1 + int(rng.exponential(4))
            return took
        if self.cottage and (day + 3) % 7 == 5 and rng.random() < 0.35 and end - day > 3:
            return self._weekend(town, home, day)
        if weekend and rng.random() < life.outings / 104:
            self._outing(town, home, day)
        else:
            self._usual(town, home, day, weekend=weekend)
        return 1

    def _usual(self, town: str, home: tuple[float, float], day: int, *, weekend: bool) -> None:
        life, rng = self.life, self.rng
        clock = float(rng.normal(7.2 + 1.5 * weekend, 0.6))
        at = _Clock(self, town, day, clock, home)
        if rng.random() < 0.10 * life.keen:
            at.do("snapshot", beside(home, float(rng.gamma(1, 2)), rng), at_hour=float(rng.uniform(8, 23)), back=True)
        at.do("kitchen", home)
        if life.nights and not weekend:
            at.do("walk", self._haunt(), at_hour=14 + rng.normal(0, 1))
            at.do("evening", home)
            at.do("work", self.work, at_hour=22.0)
            return
        if not weekend:
            at.do("work", self.work, at_hour=9 + rng.normal(0, 0.3), hours=4)
            at.do("lunch", beside(self.work, 0.4, rng))
            at.do("work", self.work, hours=float(rng.normal(4, 0.5)))
            if rng.random() < 0.25:
                at.do(str(rng.choice(["errand", "sport", "dinner", "walk"])), self._haunt())
        else:
            if life.children:
                at.do("playground", self._haunt())
            for kind in rng.permutation(["errand", "walk", "sport", "lunch"])[: int(rng.integers(1, 4))].tolist():
                at.do(kind, self._haunt())
        if life.children:
            at.do("children", home)
        if rng.random() < life.parties * (0.7 if weekend else 0.12) / 104:
            kind = str(
                rng.choice(
                    ["party", "party", "birthday", "concert", "dinner", "wedding"], p=[0.3, 0.2, 0.2, 0.15, 0.1, 0.05]
                )
            )
            where = home if rng.random() < 0.3 else self.friends[int(rng.integers(len(self.friends)))]
            hour = {"birthday": 15.0, "wedding": 13.0}.get(kind, 19.5)
            at.do(kind, where, at_hour=hour + rng.normal(0, 0.7))
        else:
            at.do("evening", home)

    def _haunt(self) -> tuple[float, float]:
        return self.haunts[min(int(self.rng.exponential(4)), len(self.haunts) - 1)]

    def _outing(self, town: str, home: tuple[float, float], day: int) -> None:
        """Spend a day elsewhere and be back for the night: seldom as far as a plane goes."""
        rng = self.rng
        if self.rng.random() < 0.06 * self.life.far:
            self.n_trips += 1
            to = str(rng.choice(_near_towns(town, 350, 1300) or [town]))
            if to == town:
                return
            at = _Clock(self, town, day, 6.0, home, trip=self.n_trips - 1)
            at.travel(TOWNS[to][:2], to, plane=True)
            for kind in ("sight", "meal", "stroll"):
                at.do(kind, beside(TOWNS[to][:2], float(rng.gamma(2, 0.8)), rng))
            at.travel(home, town, plane=True)
            return
        there = beside(home, float(np.clip(rng.lognormal(3.9, 0.5), 12, 170)), rng)
        at = _Clock(self, town, day, float(rng.normal(8.5, 0.7)), home)
        at.travel(there, town)
        if rng.random() < 0.5:
            at.do("hike", there)
        else:
            for kind in ("sight", "meal", "stroll"):
                at.do(kind, beside(there, float(rng.gamma(1.5, 0.6)), rng))
        at.travel(home, town)
        at.do("evening", home)

    def _weekend(self, town: str, home: tuple[float, float], day: int) -> int:
        rng, cottage = self.rng, self.cottage
        assert cottage is not None
        self.n_trips += 1
        at = _Clock(self, town, day, 8.5, home, trip=self.n_trips - 1)
        at.travel(cottage, town)
        at.do("visit", cottage)
        at.do("walk", beside(cottage, 1.5, rng))
        at.do("evening", cottage)
        at = _Clock(self, town, day + 1, 8.5, cottage, trip=self.n_trips - 1)
        at.do("kitchen", cottage)
        at.do("walk", beside(cottage, 2, rng))
        at.do("visit", cottage, hours=3)
        at.travel(home, town)
        at.trip = -1
        at.do("evening", home)
        return 2

    # --- trips ----------------------------------------------------------------------------------------------------

    def _trip(self, town: str, home: tuple[float, float], day: int, end: int) -> int:
        life, rng = self.life, self.rng
        kind = str(rng.choice(life.kinds))
        days = int(np.clip(rng.lognormal(1.7, 0.7), 2, min(45, end - day - 1)))
        number = self.n_trips
        self.n_trips += 1
        plane = rng.random() < life.far
        if kind == "family":
            to, plane = self.relatives, self.relatives not in _near_towns(town, 0, 400)
            base = beside(TOWNS[to][:2], 9.0, np.random.default_rng(len(self.homes)))
            if to == town:
                base = beside(home, 200.0, np.random.default_rng(len(self.homes)))
        elif plane:
            to = str(rng.choice([name for name in TOWNS if name not in _near_towns(town, 0, 330)]))
            base = beside(TOWNS[to][:2], float(rng.gamma(2, 2)), rng)
        else:
            to, base = town, beside(home, float(np.clip(rng.lognormal(5.2, 0.5), TRIP_KM, 600)), rng)
        at = _Clock(self, town, day, float(rng.uniform(6, 14)), home, trip=number)
        at.travel(base, to, plane=plane)
        at.do("meal", beside(base, 0.6, rng))
        for each in range(at.day + 1 - day, days - 1):
            at = _Clock(self, to, day + each, float(rng.normal(8.7, 0.8)), base, trip=number)
            if kind == "road" and rng.random() < 0.6:
                onward = beside(base, float(rng.uniform(60, 280)), rng)
                while _passes(base, onward, home):
                    onward = beside(base, float(rng.uniform(60, 280)), rng)
                at.travel(onward, to)
                base = onward
            self._day_away(at, kind, base)
        last = max(day + days - 1, at.day + (1 if to != town else 0))
        at = _Clock(self, to, last, float(rng.uniform(8, 12)), base, trip=number)
        if rng.random() < 0.5:
            at.do("stroll", beside(base, 0.8, rng))
        at.travel(home, town, plane=plane)
        at.trip = -1
        if at.hour < 21:
            at.do("evening", home)
        return at.day + 1 - day

    def _day_away(self, at: _Clock, kind: str, base: tuple[float, float]) -> None:
        rng = self.rng
        if kind == "hike" and rng.random() < 0.6:
            there = beside(base, float(rng.uniform(3, 25)), rng)
            at.do("hike", there)
        elif kind == "beach" and rng.random() < 0.7:
            at.do("beach", beside(base, float(rng.uniform(0.5, 6)), rng))
        elif kind == "family" and rng.random() < 0.7:
            at.do("visit", base)
            at.do("walk", beside(base, 1.5, rng))
        else:
            at.do("sight", beside(base, float(rng.gamma(2, 1.0)), rng))
            at.do(str(rng.choice(["sight", "museum", "stroll"])), beside(base, float(rng.gamma(2, 1.0)), rng))
            at.do("meal", beside(base, float(rng.gamma(2, 0.6)), rng))
            at.do(str(rng.choice(["sight", "museum", "stroll"])), beside(base, float(rng.gamma(2, 1.2)), rng))
        if rng.random() < 0.3:
            at.do("stroll", beside(base, 1.0, rng))
        at.do("meal", beside(base, float(rng.gamma(1.5, 0.5)), rng), at_hour=max(at.hour, float(rng.normal(19, 0.7))))


def _near_towns(town: str, least_km: float, most_km: float) -> list[str]:
    here = TOWNS[town][:2]
    return [name for name, place in TOWNS.items() if least_km <= away_km(here, place[:2]) <= most_km]


def _passes(start: tuple[float, float], end: tuple[float, float], home: tuple[float, float]) -> bool:
    """Say whether a way comes so near to home that somebody would call in."""
    ways = ((start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])) for share in (0.3, 0.6, 1))
    return any(away_km(way, home) < TRIP_KM for way in ways)


def away_km(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Measure a distance, by the spherical law of cosines."""
    north, to_north = np.radians(a[0]), np.radians(b[0])
    angle = np.sin(north) * np.sin(to_north) + np.cos(north) * np.cos(to_north) * np.cos(np.radians(a[1] - b[1]))
    return float(np.degrees(np.arccos(np.clip(angle, -1, 1))) / KM)


class _Clock:
    """Where somebody is and what time it is, as a day goes on."""

    def __init__(
        self, living: Living, town: str, day: int, hour: float, place: tuple[float, float], *, trip: int = -1
    ) -> None:
        self.living, self.town, self.trip, self.place = living, town, trip, place
        # Whoever came to bed late gets up late, but not the later every day.
        self.day = day
        self.now = min(max(living._noon(town, day, hour), living.awake_s), living._noon(town, day, hour + 3))

    @property
    def hour(self) -> float:
        return (self.now + offset_s(self.town, self.now)) / 3600 - self.day * 24

    def do(
        self, kind: str, place: tuple[float, float], *, at_hour: float | None = None, hours: float | None = None,
        back: bool = False,
    ) -> None:  # fmt: skip
        """Go to a place and do something there, photographed or not."""
        rng = self.living.rng
        mean = DOINGS[kind][0] if hours is None else hours
        lasts = float(np.clip(mean * rng.lognormal(0, 0.3), 0.05, max(9.0, mean)))
        went = self.place
        if at_hour is not None and back:
            start = self.living._noon(self.town, self.day, at_hour)
            self.living.doings.append(Doing(kind, start, lasts, *place, None, self.town, self.trip))
            return
        km = away_km(went, place)
        way_h = 0.0 if km < 0.05 else 0.12 + km / (5 if km < 1.5 else 28 if km < 25 else 70)
        start = self.now + 3600 * (way_h + float(rng.exponential(0.12)))
        if at_hour is not None:
            start = max(start, self.living._noon(self.town, self.day, at_hour))
        self.now, self.place = start + lasts * 3600, place
        self.living.awake_s = self.now + RESTS_S
        self.living.doings.append(Doing(kind, start, lasts, *place, None, self.town, self.trip))

    def travel(self, place: tuple[float, float], town: str, *, plane: bool = False) -> None:
        """Go somewhere by car or by plane; the way itself is an event, where it is photographed."""
        rng = self.living.rng
        km = away_km(self.place, place)
        hours = km / 75 + 0.2 if not plane else km / 800 + 0.6
        start = self.now + 3600 * (0.3 + 2.2 * plane)
        kind = "flight" if plane else "drive"
        self.living.doings.append(Doing(kind, start, hours, *self.place, place, self.town, self.trip))
        self.now = start + 3600 * (hours + 0.2 + 1.3 * plane + float(rng.exponential(0.2)))
        self.place, self.town = place, town
        self.living.awake_s = self.now + RESTS_S
        self.day = int((self.now + offset_s(town, self.now)) // 86400)


Floats = NDArray[np.float64]
