"""What is found in diaries beside what was: boundaries, trips, homes, and what changes when photos come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from diaries.lives import TOWNS
from diaries.living import Lived
from diaries.taking import Album
from vecclust.timeline import Clocks, Home, Timeline, distance_m, find_timeline, set_clocks

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]

# A home is found within this, in metres: the street is right.
SAME_HOME_M = 1_500.0
# A diary tells of a trip by photos so far from home on two days, or so far that nobody drives there for a day.
TOLD_M, FLOWN_M = 40_000.0, 300_000.0


@dataclass(frozen=True)
class Scores:
    """How much of what is found is right, and how much of what was is found.

    Attributes:
        right: of what is found, so many are right.
        found: so many are found.
        hit: of what was, so many are found.
        wanted: so many were.
    """

    right: int
    found: int
    hit: int
    wanted: int

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            self.right + other.right, self.found + other.found, self.hit + other.hit, self.wanted + other.wanted
        )

    @property
    def precision(self) -> float:
        """Say how much of what is found is right; nothing found is not wrong."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Say how much of what was is found."""
        return self.hit / self.wanted if self.wanted else 1.0

    @property
    def f1(self) -> float:
        """Give the harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@cache
def _offset(town: str, hour: int) -> int:
    offset = datetime.fromtimestamp(hour * 3600, tz=ZoneInfo("UTC")).astimezone(ZoneInfo(TOWNS[town][2])).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def offsets_at(latitudes: Floats, longitudes: Floats, local_us: Int64s) -> Int64s:
    """Give the zone of places: that of the nearest town of the simulated world."""
    names = list(TOWNS)
    far = np.stack([distance_m(latitudes, longitudes, *TOWNS[name][:2]) for name in names])
    hours = local_us // 3_600_000_000
    nearest = far.argmin(axis=0).tolist()
    guesses = (_offset(names[town], hour) for town, hour in zip(nearest, hours.tolist(), strict=True))
    return np.fromiter(
        (
            _offset(names[town], hour - guess // 3600)
            for town, hour, guess in zip(nearest, hours.tolist(), guesses, strict=True)
        ),
        np.int64,
        len(latitudes),
    )


def found_in(album: Album, *, content: bool = True) -> tuple[Timeline, Clocks]:
    """Find the timeline of an album as a library would."""
    clocks = set_clocks(album.diary, offsets_at=offsets_at)
    return find_timeline(album.diary, clocks, vectors=album.vectors if content else None), clocks


def boundaries(event: Int64s, truth: Int64s) -> Scores:
    """Score the boundaries between photos that follow one another in truth.

    A photo that is put into another day by a wrong clock makes boundaries before and after itself, none of them right
    but by chance.
    """
    found, wanted = np.diff(event) != 0, np.diff(truth) != 0
    right = int((found & wanted).sum())
    return Scores(right, int(found.sum()), right, int(wanted.sum()))


def trips(timeline: Timeline, album: Album) -> Scores:
    """Score trips: a found one is right where it is one, and not a lesser part of one that is found elsewhere.

    It is one where most of its photos were taken on trips. Wanted are the trips of which the diary tells; one is found
    where most of its photos are in a found one that is mostly of it.
    """
    of = np.where(timeline.event >= 0, np.append(timeline.trip, -1)[timeline.event], -1)
    found, right, hit = np.unique(of[of >= 0]), set(), set()
    n_true = np.bincount(album.trip + 1)
    for number in found.tolist():
        truth = album.trip[of == number]
        names, counts = np.unique(truth[truth >= 0], return_counts=True)
        if 2 * counts.sum() <= len(truth):
            continue
        main = int(names[counts.argmax()])
        parts = np.bincount(of[(album.trip == main) & (of >= 0)])
        if parts.argmax() == number:
            right.add(number)
        if 2 * counts.max() > len(truth) and 2 * counts.max() > n_true[main + 1]:
            hit.add(main)
    told = told_trips(album)
    return Scores(len(right), len(found), len(hit & told), len(told))


def told_trips(album: Album) -> set[int]:
    """Say of which trips the diary tells: photos with a place away on two days, or where only planes go."""
    told = set()
    for number in np.unique(album.trip[(album.trip >= 0) & album.diary.placed]).tolist():
        rows = np.flatnonzero((album.trip == number) & album.diary.placed)
        home = home_at(album.homes, int(album.instant_us[rows[0]]))
        far = distance_m(album.diary.latitude[rows], album.diary.longitude[rows], home.latitude, home.longitude)
        days = np.unique(((album.local_us[rows] - 14_400_000_000) // 86_400_000_000)[far > TOLD_M])
        if len(days) > 1 or np.median(far) > FLOWN_M:
            told.add(number)
    return told


def home_at(homes: tuple[Lived, ...], instant_us: int) -> Lived:
    """Give the home of a moment."""
    return next((home for home in homes if instant_us / 1e6 < home.end_s), homes[-1])


def homes(found: tuple[Home, ...], album: Album) -> Scores:
    """Score homes: one found is right where somebody lived there most of the time that is said."""
    hit, right = set(), 0
    for home in found:
        for number, lived in enumerate(album.homes):
            near = float(distance_m(home.latitude, home.longitude, lived.latitude, lived.longitude)) <= SAME_HOME_M
            shared = min(home.end_us / 1e6, lived.end_s) - max(home.start_us / 1e6, lived.start_s)
            if near and shared > 0.5 * (home.end_us - home.start_us) / 1e6:
                hit.add(number)
                right += 1
                break
    wanted = len(album.homes) if album.diary.placed.any() else 0
    return Scores(right, len(found), len(hit), wanted)


# --- what comes later -------------------------------------------------------------------------------------------------


def moved_by_a_day(album: Album, *, n_days: int = 5, seed: int = 0) -> float:
    """Return the largest share of photos whose event changed when a day was added at the end, over some days."""
    day = (album.local_us - 14_400_000_000) // 86_400_000_000
    days = np.unique(day)
    most = 0.0
    for last in np.random.default_rng(seed).choice(days[len(days) // 5 :], n_days, replace=False).tolist():
        before, after = np.flatnonzero(day < last), np.flatnonzero(day <= last)
        old, new = found_in(album.of(before))[0].event, found_in(album.of(after))[0].event
        most = max(most, ids_moved(old, new[np.isin(after, before)]))
    return most


def moved_by_an_import(album: Album, *, strewn: bool, n: int = 1_000, seed: int = 0) -> float:
    """Return the share of boundaries between photos that moved when old photos came, in a row or strewn among them."""
    rng = np.random.default_rng(seed)
    start = int(rng.integers(len(album) // 4, len(album) // 2))
    late = rng.choice(len(album), n, replace=False) if strewn else np.arange(start, start + n)
    there = np.setdiff1d(np.arange(len(album)), late)
    old, new = found_in(album.of(there))[0].event, found_in(album)[0].event
    before, after = np.diff(old) != 0, np.diff(new[there]) != 0
    return float((before != after).sum() / before.sum())


# --- the same life told otherwise -------------------------------------------------------------------------------------


def without_places(album: Album, *, share: float, seed: int = 0) -> Album:
    """Take places away, by chance."""
    lost = np.random.default_rng(seed).random(len(album)) < share
    diary = album.diary
    return replace(
        album,
        diary=replace(
            diary,
            latitude=np.where(lost, np.nan, diary.latitude),
            longitude=np.where(lost, np.nan, diary.longitude),
        ),
    )


def in_another_zone(album: Album, *, ahead_s: int = -7 * 3600) -> Album | None:
    """Set the clock of the last camera that names no zone wrongly, for good; None where there is none beside others."""
    diary = album.diary
    silent = [code for code, camera in enumerate(album.life.cameras) if not camera.says_offset and not camera.places]
    if not silent or len(album.life.cameras) < 2:
        return None
    off = diary.camera == silent[-1]
    return replace(album, diary=replace(diary, clock_us=diary.clock_us + np.where(off, ahead_s * 1_000_000, 0)))


# --- others -----------------------------------------------------------------------------------------------------------


def by_gap(clocks: Clocks, *, hours: float) -> Int64s:
    """Divide by a fixed gap."""
    order = np.argsort(clocks.instant_us, kind="stable")
    event = np.empty(len(order), np.int64)
    gaps = np.diff(clocks.instant_us[order]) >= hours * 3.6e9
    event[order] = np.concatenate([[0], np.cumsum(gaps)])
    return event


def by_dbscan(clocks: Clocks, *, hours: float = 1.5, least: int = 3) -> Int64s:
    """Divide by DBSCAN on time; photos of no cluster are events of their own."""
    from sklearn.cluster import DBSCAN

    labels = DBSCAN(eps=hours, min_samples=least).fit_predict(clocks.instant_us[:, None] / 3.6e9)
    alone = labels < 0
    return np.asarray(np.where(alone, labels.max(initial=-1) + 1 + np.arange(len(labels)), labels), np.int64)


def ids_moved(before: Int64s, after: Int64s) -> float:
    """Return the share of photos whose event is not made of the same photos as before, among those that were there."""
    _, a = np.unique(before, return_inverse=True)
    _, b = np.unique(after, return_inverse=True)
    same = np.zeros(len(a), np.bool_)
    sizes_a, sizes_b = np.bincount(a), np.bincount(b)
    pairs, which, counts = np.unique(np.stack([a, b]), axis=1, return_inverse=True, return_counts=True)
    whole = (counts == sizes_a[pairs[0]]) & (counts == sizes_b[pairs[1]])
    same = whole[which.ravel()]
    return float(1 - same.mean()) if len(a) else 0.0
