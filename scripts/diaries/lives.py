"""Lives: what a person does on each day of some years, and the photos that come of it, with the truth beside them.

A day is made of scenes, each at one place for some time; a scene is an event as its owner would tell it. Photos of a
scene come in bursts with pauses between them that may be as long as those between scenes: nothing here is made by the
rule that finds events. Cameras write what cameras write: a phone its zone and its place, a camera neither, some with
clocks that are off or that stay at home's time on a journey.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

NONE = np.iinfo(np.int64).min
_KM = 1 / 111.195


@dataclass(frozen=True)
class Spot:
    """A place and its zone."""

    latitude: float
    longitude: float
    zone: str


CITIES = {
    "basel": Spot(47.5596, 7.5886, "Europe/Zurich"),
    "berlin": Spot(52.52, 13.405, "Europe/Berlin"),
    "lisbon": Spot(38.7223, -9.1393, "Europe/Lisbon"),
    "london": Spot(51.5072, -0.1276, "Europe/London"),
    "rome": Spot(41.9028, 12.4964, "Europe/Rome"),
    "oslo": Spot(59.9139, 10.7522, "Europe/Oslo"),
    "reykjavik": Spot(64.1466, -21.9426, "Atlantic/Reykjavik"),
    "new york": Spot(40.7128, -74.006, "America/New_York"),
    "san francisco": Spot(37.7749, -122.4194, "America/Los_Angeles"),
    "mexico": Spot(19.4326, -99.1332, "America/Mexico_City"),
    "rio": Spot(-22.9068, -43.1729, "America/Sao_Paulo"),
    "cape town": Spot(-33.9249, 18.4241, "Africa/Johannesburg"),
    "delhi": Spot(28.6139, 77.209, "Asia/Kolkata"),
    "bangkok": Spot(13.7563, 100.5018, "Asia/Bangkok"),
    "tokyo": Spot(35.6762, 139.6503, "Asia/Tokyo"),
    "sydney": Spot(-33.8688, 151.2093, "Australia/Sydney"),
    "auckland": Spot(-36.8509, 174.7645, "Pacific/Auckland"),
    "honolulu": Spot(21.3099, -157.8581, "Pacific/Honolulu"),
}


@dataclass(frozen=True)
class Camera:
    """What takes photos: the share of a scene's photos it takes, and what it writes."""

    share: float
    has_zone: bool = True
    place_share: float = 0.9
    off_s: float = 0.0
    stays_at_home_time: bool = False
    on_trips_only: bool = False


PHONE = Camera(1.0)


@dataclass(frozen=True)
class Life:
    """How somebody lives and photographs."""

    homes: tuple[tuple[str, float], ...]  # city, and the share of the years there
    years: float = 3.0
    snaps_a_week: float = 3.0
    outings_a_week: float = 1.5
    parties_a_year: float = 10.0
    day_trips_a_year: float = 8.0
    trips_a_year: float = 4.0
    far: float = 0.4  # share of trips by plane
    photos_a_scene: float = 12.0
    cameras: tuple[Camera, ...] = (PHONE,)
    works_nights: bool = False
    silent_months: float = 0.0  # share of months without a photo


LIVES: Mapping[str, Life] = {
    "city": Life((("basel", 1.0),)),
    "family": Life((("berlin", 1.0),), snaps_a_week=9, outings_a_week=3, photos_a_scene=20, parties_a_year=25),
    "globetrotter": Life((("london", 1.0),), snaps_a_week=1, outings_a_week=0.5, trips_a_year=9, far=0.9),
    "no places": Life((("oslo", 1.0),), cameras=(Camera(1.0, place_share=0.0),)),
    "expat": Life((("new york", 0.4), ("tokyo", 0.35), ("lisbon", 0.25)), years=4, trips_a_year=5, far=0.6),
    "night worker": Life((("rome", 1.0),), works_nights=True, snaps_a_week=5),
    "photographer": Life(
        (("cape town", 1.0),),
        photos_a_scene=45,
        cameras=(Camera(0.3), Camera(0.7, has_zone=False, place_share=0.0, off_s=-95)),
    ),
    "old camera": Life(
        (("basel", 1.0),),
        trips_a_year=5,
        far=0.7,
        cameras=(Camera(0.6), Camera(0.4, has_zone=False, place_share=0.0, stays_at_home_time=True)),
    ),
    "seldom": Life(
        (("mexico", 1.0),), years=5, snaps_a_week=0.5, outings_a_week=0.3, trips_a_year=2, silent_months=0.4
    ),
    "mover": Life((("berlin", 0.3), ("rome", 0.2), ("basel", 0.5)), years=4, snaps_a_week=4),
    "pacific": Life((("auckland", 0.6), ("honolulu", 0.4)), years=3, trips_a_year=6, far=0.8),
    "compact": Life((("delhi", 1.0),), cameras=(Camera(1.0, has_zone=False, place_share=0.0),), snaps_a_week=2),
}


@dataclass(frozen=True)
class Scene:
    """One event as its owner would tell it."""

    start: datetime  # aware, UTC
    hours: float
    spot: Spot
    home_zone: str
    n_photos: int
    kind: int  # what it shows
    trip: int = -1


@dataclass(frozen=True, eq=False)
class Album:
    """Photos in order of their true time, with the truth; as `vecclust.timeline.Diary` wants them, and `vectors`."""

    clock_us: NDArray[np.int64]
    offset_s: NDArray[np.int64]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    camera: NDArray[np.int64]
    vectors: NDArray[np.float32]
    instant_us: NDArray[np.int64]
    event: NDArray[np.int64]
    trip: NDArray[np.int64]  # of each photo
    homes: tuple[tuple[Spot, datetime, datetime], ...]

    def __len__(self) -> int:
        return len(self.clock_us)


def live(life: Life, *, seed: int) -> Album:
    """Live a life.

    Args:
        life: which.
        seed: of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    begin = datetime(2016, 1, 1, tzinfo=UTC) + timedelta(days=float(rng.uniform(0, 700)))
    homes = []
    for city, share in life.homes:
        days = life.years * 365 * share
        homes.append((_near(CITIES[city], 3.0, rng), begin, begin + timedelta(days=days)))
        begin = homes[-1][2]
    scenes = [scene for home in homes for scene in _at_home(life, home, rng)]
    trips = [trip for home in homes for trip in _trips(life, home, rng)]
    taken = [(trip[0].start - timedelta(hours=6), trip[-1].start + timedelta(hours=12)) for trip in trips]
    scenes = [one for one in scenes if not any(start <= one.start <= stop for start, stop in taken)]
    scenes += [replace(scene, trip=number) for number, trip in enumerate(trips) for scene in trip]
    scenes = _told_apart(sorted(_but_silent(life, scenes, rng), key=lambda scene: scene.start))
    return _photographed(life, scenes, tuple(homes), rng)


def _near(spot: Spot, km: float, rng: np.random.Generator) -> Spot:
    away, turn = km * np.sqrt(rng.uniform(0.05, 1)), rng.uniform(0, 2 * np.pi)
    north = spot.latitude + away * np.cos(turn) * _KM
    east = spot.longitude + away * np.sin(turn) * _KM / max(0.2, np.cos(np.radians(spot.latitude)))
    return Spot(float(north), float((east + 180) % 360 - 180), spot.zone)


def _at(day: datetime, hour: float, zone: str) -> datetime:
    """Give an hour of a day by the clock on the wall there."""
    wall = datetime(day.year, day.month, day.day) + timedelta(hours=hour)
    return wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _count(mean: float, rng: np.random.Generator) -> int:
    return 1 + int(rng.poisson(mean * rng.gamma(1.5, 1 / 1.5)))


def _at_home(life: Life, home: tuple[Spot, datetime, datetime], rng: np.random.Generator) -> Iterator[Scene]:
    spot, start, stop = home
    friends = [_near(spot, 12.0, rng) for _ in range(8)]
    work = _near(spot, 9.0, rng)
    shift = 8.0 if life.works_nights else 0.0
    day = start
    while day < stop:
        for _ in range(rng.poisson(life.snaps_a_week / 7)):
            where = work if rng.uniform() < 0.2 else spot
            hour = rng.choice([8.0, 12.5, 19.0, 21.0]) + rng.normal(0, 1.0) + shift
            yield Scene(
                _at(day, hour, spot.zone),
                float(rng.exponential(0.3)),
                where,
                spot.zone,
                _count(2, rng),
                int(rng.integers(6)),
            )
        weekend = day.weekday() >= 5
        for _ in range(rng.poisson(life.outings_a_week / 7 * (2.2 if weekend else 0.5))):
            is_walk = rng.uniform() < 0.1
            where, hours = friends[rng.integers(8)], float(rng.uniform(3, 7) if is_walk else rng.uniform(0.7, 4))
            begin = _at(day, rng.uniform(9, 18) + shift, spot.zone)
            n = _count(life.photos_a_scene * (0.4 if is_walk else 1), rng)
            yield Scene(begin, hours, where, spot.zone, n, int(rng.integers(40)))
            if rng.uniform() < 0.35:  # and on to somewhere else, soon
                later = begin + timedelta(hours=hours + float(rng.uniform(0.3, 2.5)))
                other = friends[rng.integers(8)]
                yield Scene(
                    later,
                    float(rng.uniform(0.5, 2)),
                    other,
                    spot.zone,
                    _count(life.photos_a_scene / 2, rng),
                    int(rng.integers(40)),
                )
        if rng.uniform() < life.parties_a_year / 365:
            where = friends[rng.integers(8)] if rng.uniform() < 0.7 else spot
            yield Scene(
                _at(day, rng.uniform(18, 21) + shift, spot.zone),
                float(rng.uniform(3, 7)),
                where,
                spot.zone,
                _count(3 * life.photos_a_scene, rng),
                41,
            )
        if rng.uniform() < life.day_trips_a_year / 365:
            far = _near(spot, 90.0, rng)
            begin = _at(day, rng.uniform(9, 11), spot.zone)
            yield Scene(
                begin,
                float(rng.uniform(1.5, 3)),
                far,
                spot.zone,
                _count(life.photos_a_scene * 1.5, rng),
                42 + int(rng.integers(10)),
            )
            on = begin + timedelta(hours=float(rng.uniform(3.5, 6)))
            yield Scene(
                on,
                float(rng.uniform(1, 2.5)),
                _near(far, 8.0, rng),
                spot.zone,
                _count(life.photos_a_scene, rng),
                42 + int(rng.integers(10)),
            )
        day += timedelta(days=1)


def _trips(life: Life, home: tuple[Spot, datetime, datetime], rng: np.random.Generator) -> Iterator[list[Scene]]:
    spot, start, stop = home
    day, mean = start, 365 / max(life.trips_a_year, 0.1)
    while True:
        day += timedelta(days=float(rng.exponential(mean)) + 5)
        n_days = int(rng.integers(2, 17))
        if day + timedelta(days=n_days + 2) > stop:
            return
        by_plane = rng.uniform() < life.far
        base = CITIES[str(rng.choice(list(CITIES)))] if by_plane else _near(spot, 400.0, rng)
        if not by_plane:
            base = _pushed(spot, base, 120.0)
        scenes = list(_on_trip(life, base, day, n_days, spot.zone, by_plane, rng))
        if scenes and _km(spot, base) > 80:
            yield scenes
        day += timedelta(days=n_days)


def _on_trip(
    life: Life, base: Spot, day: datetime, n_days: int, home_zone: str, by_plane: bool, rng: np.random.Generator
) -> Iterator[Scene]:
    town = _near(base, 6.0, rng)
    for number in range(n_days):
        today = day + timedelta(days=number)
        if number and rng.uniform() < 0.25:
            town = _near(base, 150.0, rng)
        hour = rng.uniform(8.5, 10.5)
        for _ in range(int(rng.choice([0, 1, 2, 3, 4], p=[0.08, 0.22, 0.3, 0.25, 0.15]))):
            # A walk takes the day, and the camera is out of its bag every hour or two.
            is_walk = rng.uniform() < 0.15
            hours = float(rng.uniform(4, 8) if is_walk else rng.uniform(0.5, 3))
            where = _near(town, 5.0, rng)
            n = _count(life.photos_a_scene * (0.5 if is_walk else 1.3), rng)
            yield Scene(_at(today, hour, town.zone), hours, where, home_zone, n, 60 + int(rng.integers(60)))
            hour += hours + float(rng.uniform(0.3, 4))
            if hour > 22:
                break


def _pushed(spot: Spot, other: Spot, least_km: float) -> Spot:
    away = max(_km(spot, other), 1e-3)
    by = max(1.0, least_km / away)
    north = spot.latitude + (other.latitude - spot.latitude) * by
    return Spot(north, spot.longitude + (other.longitude - spot.longitude) * by, spot.zone)


def _km(one: Spot, other: Spot) -> float:
    east = (one.longitude - other.longitude + 180) % 360 - 180
    return float(np.hypot(one.latitude - other.latitude, east * np.cos(np.radians(one.latitude))) / _KM)


def _but_silent(life: Life, scenes: list[Scene], rng: np.random.Generator) -> list[Scene]:
    months = {(scene.start.year, scene.start.month) for scene in scenes}
    silent = {month for month in sorted(months) if rng.uniform() < life.silent_months}
    return [scene for scene in scenes if scene.trip >= 0 or (scene.start.year, scene.start.month) not in silent]


def _told_apart(scenes: list[Scene]) -> list[Scene]:
    """Nobody is at two places: a scene that begins before the last has ended is left out."""
    kept: list[Scene] = []
    for scene in scenes:
        if kept and scene.start < kept[-1].start + timedelta(hours=kept[-1].hours + 0.25):
            continue
        kept.append(scene)
    return kept


def _moments(scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:
    """Give seconds after its start at which photos are taken: bursts with pauses of any length between."""
    n_bursts = max(1, round(scene.n_photos / rng.uniform(1.2, 4)))
    starts = np.sort(rng.uniform(0, 1, n_bursts) ** rng.uniform(0.6, 1.6)) * scene.hours * 3600
    of_burst = np.sort(rng.integers(0, n_bursts, scene.n_photos))
    inside = np.zeros(scene.n_photos)
    for number in range(1, scene.n_photos):
        if of_burst[number] == of_burst[number - 1]:
            inside[number] = inside[number - 1] + rng.lognormal(2.2, 1.0)
    return np.sort(starts[of_burst] + inside)


def _photographed(
    life: Life, scenes: list[Scene], homes: tuple[tuple[Spot, datetime, datetime], ...], rng: np.random.Generator
) -> Album:
    shares = np.array([camera.share for camera in life.cameras])
    kinds = rng.normal(0, 1, (130, 32))
    columns: dict[str, list[NDArray[np.float64]]] = {}

    def add(**values: NDArray[np.float64]) -> None:
        for name, value in values.items():
            columns.setdefault(name, []).append(np.asarray(value))

    for number, scene in enumerate(scenes):
        seconds = _moments(scene, rng)
        n = len(seconds)
        instant = scene.start.timestamp() + np.round(seconds)
        camera = rng.choice(len(shares), n, p=shares / shares.sum())
        offset = _offset(scene.start, scene.spot.zone)
        at_home = _offset(scene.start, scene.home_zone)
        written = np.array([at_home if life.cameras[one].stays_at_home_time else offset for one in camera])
        off = np.array([life.cameras[one].off_s for one in camera])
        placed = rng.uniform(0, 1, n) < np.array([life.cameras[one].place_share for one in camera])
        walk = np.cumsum(rng.normal(0, 0.06, (n, 2)), axis=0) * _KM * rng.uniform(0.3, 2)
        vectors = kinds[scene.kind] + rng.normal(0, 1.0, 32) * 0.5 + rng.normal(0, 1.0, (n, 32)) * 0.9
        add(
            instant=instant,
            clock=instant + written + off,
            offset=np.where([life.cameras[one].has_zone for one in camera], offset, np.nan),
            latitude=np.where(placed, scene.spot.latitude + walk[:, 0] + rng.normal(0, 1e-4, n), np.nan),
            longitude=np.where(
                placed, scene.spot.longitude + walk[:, 1] + rng.normal(0, 1e-4, n), np.nan
            ),
            camera=camera,
            event=np.full(n, number),
            trip=np.full(n, scene.trip),
            vectors=vectors,
        )  # fmt: skip
    whole = {name: np.concatenate(values) for name, values in columns.items()}
    order = np.argsort(whole["instant"], kind="stable")
    whole = {name: values[order] for name, values in whole.items()}
    unit = whole["vectors"] / np.linalg.norm(whole["vectors"], axis=1, keepdims=True)
    return Album(
        clock_us=(whole["clock"] * 1e6).astype(np.int64),
        offset_s=np.where(np.isnan(whole["offset"]), NONE, np.nan_to_num(whole["offset"])).astype(np.int64),
        latitude=whole["latitude"],
        longitude=(whole["longitude"] + 180) % 360 - 180,
        camera=whole["camera"].astype(np.int64),
        vectors=unit.astype(np.float32),
        instant_us=(whole["instant"] * 1e6).astype(np.int64),
        event=whole["event"].astype(np.int64),
        trip=whole["trip"].astype(np.int64),
        homes=homes,
    )


def _offset(when: datetime, zone: str) -> float:
    offset = when.astimezone(ZoneInfo(zone)).utcoffset()
    return 0.0 if offset is None else offset.total_seconds()


def without_places(album: Album, share: float, *, seed: int) -> Album:
    """Take places away from some photos, at random."""
    gone = np.random.default_rng(seed).uniform(0, 1, len(album)) < share
    return replace(
        album,
        latitude=np.where(gone, np.nan, album.latitude),
        longitude=np.where(gone, np.nan, album.longitude),
    )


def with_camera_in_another_zone(album: Album, *, share: float, hours: float, seed: int) -> Album:
    """Give some photos of the first camera to one more without zone and place, whose clock is in another zone."""
    given = (np.random.default_rng(seed).uniform(0, 1, len(album)) < share) & (album.camera == 0)
    return replace(
        album,
        clock_us=np.where(given, album.clock_us + int(hours * 3_600_000_000), album.clock_us),
        offset_s=np.where(given, NONE, album.offset_s),
        latitude=np.where(given, np.nan, album.latitude),
        longitude=np.where(given, np.nan, album.longitude),
        camera=np.where(given, album.camera.max() + 1, album.camera),
    )


__all__ = ["LIVES", "Album", "Life", "live", "with_camera_in_another_zone", "without_places"]
