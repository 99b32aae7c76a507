"""The photos that somebody takes of a life, and what their files say: wrong clocks, missing places and all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from diaries.lives import Camera, Life
from diaries.living import DOINGS, KM, OUT, Doing, Lived, Living, offset_s
from vecclust.timeline import UNKNOWN_OFFSET, Diary

N_DIMENSIONS = 24
# How much of a picture's vector is what all pictures have, what its kind of doing has, what its place has, and its own:
# pictures of nothing in common have a cosine of some 0.4, of one doing 0.5, of one scene 0.85; as with CLIP, roughly.
COMMON, OF_KIND, OF_PLACE, OF_SCENE, OF_SHOT = 1.0, 0.4, 0.3, 1.0, 0.6
# What somebody photographs wherever they are, a face or a dog, and how often.
N_FAVOURITES, FAVOURED = 10, 0.2


@dataclass(frozen=True)
class Album:
    """Photos in true order of time, with what was and what their files say.

    Attributes:
        life: whose.
        homes: where that was.
        instant_us: (n,) int64, when each was taken.
        local_us: (n,) int64, by a right clock on the wall.
        event: (n,) int64, what was done then, by number.
        trip: (n,) int64, -1 none.
        diary: what the files say.
        vectors: (n, d) float32 unit norm.
    """

    life: Life
    homes: tuple[Lived, ...]
    instant_us: NDArray[np.int64]
    local_us: NDArray[np.int64]
    event: NDArray[np.int64]
    trip: NDArray[np.int64]
    diary: Diary
    vectors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.instant_us)

    def of(self, rows: NDArray[np.int64]) -> Album:
        """Give some of the photos, in their order."""
        return replace(
            self,
            instant_us=self.instant_us[rows],
            local_us=self.local_us[rows],
            event=self.event[rows],
            trip=self.trip[rows],
            diary=part_of(self.diary, rows),
            vectors=self.vectors[rows],
        )


def part_of(diary: Diary, rows: NDArray[np.int64]) -> Diary:
    """Give what some photos say."""
    return Diary(
        diary.clock_us[rows], diary.offset_s[rows], diary.latitude[rows], diary.longitude[rows], diary.camera[rows]
    )


@dataclass
class _Shot:
    instant_s: float
    event: int
    trip: int
    camera: int
    offset_s: int
    latitude: float
    longitude: float
    scene: NDArray[np.float64]


def album(life: Life, *, seed: int, more: float = 1.0) -> Album:
    """Live a life and photograph it.

    Args:
        life: whose.
        seed: of all that is drawn.
        more: how many times as many moments of what is photographed.

    Returns:
        The album.
    """
    living = Living(life, seed)
    rng = np.random.default_rng([seed, 1, *life.name.encode()])
    span = (living.homes[-1].end_s - living.homes[0].start_s) or 1.0
    photographer = _Photographer(life, rng, more=more)
    shots: list[_Shot] = []
    for number, doing in enumerate(living.doings):
        share = (doing.start_s - living.homes[0].start_s) / span
        if not any(start <= share < end for start, end in life.silent):
            shots += photographer.photograph(doing, number)
    shots.sort(key=lambda shot: shot.instant_s)
    return _files(life, living, shots, rng)


class _Photographer:
    """Takes photos of doings."""

    def __init__(self, life: Life, rng: np.random.Generator, *, more: float) -> None:
        self.life, self.rng, self.more = life, rng, more
        self.common = rng.normal(size=N_DIMENSIONS)
        self.kinds = {kind: rng.normal(size=N_DIMENSIONS) for kind in DOINGS}
        self.places: dict[tuple[int, int], NDArray[np.float64]] = {}
        self.favourites = self.common + OF_SCENE * rng.normal(size=(N_FAVOURITES, N_DIMENSIONS))

    def photograph(self, doing: Doing, number: int) -> list[_Shot]:
        """Give the photos of one doing, none where it was not photographed."""
        rng, life = self.rng, self.life
        _, an_hour, _, often = DOINGS[doing.kind]
        away = 1.5 if doing.trip >= 0 else 1.0
        if rng.random() >= 1 - (1 - min(often, 0.98)) ** (life.keen * away):
            return []
        n = 1 + rng.poisson(max(0.0, self.more * an_hour * doing.hours * away * min(life.keen, 1.5) ** 0.5 - 0.5))
        # Things happen by bouts: a cake, a view, a dance; between them nothing is photographed.
        n_bouts = 1 + rng.poisson(0.6 * doing.hours)
        bouts = rng.uniform(0, 1, n_bouts)
        loose = rng.random(n) < 0.4
        at = np.where(
            loose, rng.uniform(0, 1, n), rng.choice(bouts, n) + rng.normal(0, 0.05 / max(doing.hours, 0.3), n)
        )
        scenes = [self._scene(doing) for _ in range(1 + rng.poisson(1.0 + 0.5 * doing.hours))]
        cameras = [
            k for k, camera in enumerate(life.cameras) if not camera.only_out or doing.kind in OUT or doing.trip >= 0
        ]
        weights = np.array([life.cameras[k].share for k in cameras])
        shots: list[_Shot] = []
        scene = 0
        for share in np.sort(np.clip(at, 0, 1)).tolist():
            if rng.random() < 0.3:
                scene = int(rng.integers(len(scenes)))
            favoured = rng.random() < FAVOURED
            shown = self.favourites[int(rng.integers(N_FAVOURITES))] if favoured else scenes[scene]
            camera = int(rng.choice(cameras, p=weights / weights.sum()))
            moment = doing.start_s + share * doing.hours * 3600
            place = self._place(doing, share)
            for _ in range(int(rng.geometric(1 / life.cameras[camera].shots))):
                offset = offset_s(doing.town, moment)
                shots.append(_Shot(moment, number, doing.trip, camera, offset, *place, shown))
                moment += float(rng.lognormal(2.0, 1.0))
        return shots

    def _scene(self, doing: Doing) -> NDArray[np.float64]:
        rng = self.rng
        square = (int(np.floor(doing.latitude * 200)), int(np.floor(doing.longitude * 200)))
        if square not in self.places:
            self.places[square] = rng.normal(size=N_DIMENSIONS)
        of_kind, of_place = self.kinds[doing.kind], self.places[square]
        return COMMON * self.common + OF_KIND * of_kind + OF_PLACE * of_place + OF_SCENE * rng.normal(size=N_DIMENSIONS)

    def _place(self, doing: Doing, share: float) -> tuple[float, float]:
        """Say where somebody is after a share of a doing: on the way, on a round, or about the place."""
        rng = self.rng
        latitude, longitude = doing.latitude, doing.longitude
        if doing.to is not None:
            east = (doing.to[1] - longitude + 180) % 360 - 180
            return latitude + share * (doing.to[0] - latitude), (longitude + share * east + 180) % 360 - 180
        about = DOINGS[doing.kind][2] / 1000 * KM
        if doing.kind in ("hike", "walk", "stroll"):
            turn = doing.start_s % 6.28
            latitude += about * np.sin(np.pi * share) * np.sin(turn + share)
            longitude += about * np.sin(np.pi * share) * np.cos(turn + share) / np.cos(np.radians(latitude))
        else:
            latitude += rng.normal(0, about / 2)
            longitude += rng.normal(0, about / 2) / np.cos(np.radians(latitude))
        if doing.kind == "wedding":
            # Church, dinner and dance are in three places, and all of it is the wedding.
            latitude += (0.0, 7.0, 7.3)[min(2, int(share * 3))] * KM
        return latitude, (longitude + 180) % 360 - 180


def _files(life: Life, living: Living, shots: list[_Shot], rng: np.random.Generator) -> Album:
    """Write down what the files of photos say."""
    n = len(shots)
    instant = np.array([shot.instant_s for shot in shots])
    camera = np.array([shot.camera for shot in shots], np.int64)
    offset = np.array([shot.offset_s for shot in shots], np.int64)
    event = np.array([shot.event for shot in shots], np.int64)
    ahead = _ahead(life, living, instant, camera, offset)
    # Cameras keep whole seconds; phones too, mostly.
    clock = np.floor(instant) + offset + ahead
    says = np.array([each.says_offset for each in life.cameras])[camera]
    latitude = np.array([shot.latitude for shot in shots])
    longitude = np.array([shot.longitude for shot in shots])
    latitude, longitude = _measured(latitude, longitude, event, life.cameras, camera, rng)
    vectors = np.stack([shot.scene for shot in shots]) + OF_SHOT * rng.normal(size=(n, N_DIMENSIONS))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    diary = Diary((clock * 1e6).astype(np.int64), np.where(says, offset, UNKNOWN_OFFSET), latitude, longitude, camera)
    trip = np.array([shot.trip for shot in shots], np.int64)
    instant_us = (instant * 1e6).astype(np.int64)
    local_us = instant_us + offset * 1_000_000
    return Album(life, tuple(living.homes), instant_us, local_us, event, trip, diary, vectors)


def _ahead(
    life: Life, living: Living, instant: NDArray[np.float64], camera: NDArray[np.int64], offset: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Say by how many seconds each clock is ahead of that on the wall, (n,) int64."""
    first, last = living.homes[0].start_s, living.homes[-1].end_s
    share = (instant - first) / (last - first)
    ahead = np.zeros(len(instant), np.int64)
    for code, each in enumerate(life.cameras):
        for fault in each.faults:
            wrong = (camera == code) & (share >= fault.start) & (share < fault.end)
            if fault.ahead_s is not None:
                ahead[wrong] = fault.ahead_s
                continue
            for home in living.homes:
                then = wrong & (instant >= home.start_s) & (instant < home.end_s)
                year = home.start_s - home.start_s % (365.25 * 86400)
                winter = min(offset_s(home.town, year + month * 30.4 * 86400) for month in range(12))
                ahead[then] = winter - offset[then]
    return ahead


def _measured(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64], event: NDArray[np.int64],
    cameras: tuple[Camera, ...], camera: NDArray[np.int64], rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Say which places the files give: metres off, a street off indoors, a former place at times, or none."""
    n = len(latitude)
    noise = np.where(rng.random(n) < 0.08, 150.0, 8.0) / 1000 * KM
    north = latitude + noise * rng.normal(size=n)
    east = longitude + noise * rng.normal(size=n) / np.cos(np.radians(latitude))
    stale = np.flatnonzero(rng.random(n) < 0.004)
    before = np.maximum(stale - 10, 0)
    north[stale], east[stale] = latitude[before], longitude[before]
    share = np.array([each.places for each in cameras])[camera]
    # Half of those without a place are so all through an event (indoors, switched off), half one by one.
    _, which = np.unique(event, return_inverse=True)
    by_event = rng.random(which.max(initial=0) + 1)[which]
    lost = (by_event > (1 + share) / 2) | (rng.random(n) > np.divide(2 * share, 1 + share)) | (share == 0)
    north[lost], east[lost] = np.nan, np.nan
    return north, (east + 180) % 360 - 180
