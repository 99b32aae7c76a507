"""People of many kinds, and the cameras they own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

# Towns of the simulated world: degrees north and east, and the zone. The farther half are for travelling.
TOWNS: dict[str, tuple[float, float, str]] = {
    "Lisbon": (38.722, -9.139, "Europe/Lisbon"),
    "Porto": (41.150, -8.611, "Europe/Lisbon"),
    "Madrid": (40.417, -3.704, "Europe/Madrid"),
    "Paris": (48.857, 2.352, "Europe/Paris"),
    "London": (51.507, -0.128, "Europe/London"),
    "Edinburgh": (55.953, -3.188, "Europe/London"),
    "Berlin": (52.520, 13.405, "Europe/Berlin"),
    "Munich": (48.137, 11.575, "Europe/Berlin"),
    "Vienna": (48.208, 16.373, "Europe/Vienna"),
    "Rome": (41.903, 12.496, "Europe/Rome"),
    "Athens": (37.984, 23.728, "Europe/Athens"),
    "Istanbul": (41.008, 28.978, "Europe/Istanbul"),
    "Stockholm": (59.329, 18.069, "Europe/Stockholm"),
    "Reykjavik": (64.147, -21.943, "Atlantic/Reykjavik"),
    "New York": (40.713, -74.006, "America/New_York"),
    "Toronto": (43.653, -79.383, "America/Toronto"),
    "Chicago": (41.878, -87.630, "America/Chicago"),
    "Denver": (39.739, -104.990, "America/Denver"),
    "San Francisco": (37.775, -122.419, "America/Los_Angeles"),
    "Lima": (-12.046, -77.043, "America/Lima"),
    "Buenos Aires": (-34.604, -58.382, "America/Argentina/Buenos_Aires"),
    "Cape Town": (-33.925, 18.424, "Africa/Johannesburg"),
    "Marrakesh": (31.630, -7.981, "Africa/Casablanca"),
    "Delhi": (28.614, 77.209, "Asia/Kolkata"),
    "Kathmandu": (27.717, 85.324, "Asia/Kathmandu"),
    "Bangkok": (13.756, 100.502, "Asia/Bangkok"),
    "Singapore": (1.352, 103.820, "Asia/Singapore"),
    "Hong Kong": (22.320, 114.170, "Asia/Hong_Kong"),
    "Tokyo": (35.682, 139.759, "Asia/Tokyo"),
    "Kyoto": (35.012, 135.768, "Asia/Tokyo"),
    "Sydney": (-33.869, 151.209, "Australia/Sydney"),
    "Auckland": (-36.848, 174.763, "Pacific/Auckland"),
    "Suva": (-18.142, 178.442, "Pacific/Fiji"),
    "Taveuni": (-16.850, -179.970, "Pacific/Fiji"),
    "Honolulu": (21.307, -157.858, "Pacific/Honolulu"),
}


@dataclass(frozen=True)
class Fault:
    """A time in which a camera's clock is wrong.

    Attributes:
        start: the first share of the years.
        end: the last.
        ahead_s: by how many seconds it is ahead of the clock of the place; None where it stays at home's winter time.
    """

    start: float
    end: float
    ahead_s: int | None = None


@dataclass(frozen=True)
class Camera:
    """A camera or a phone.

    Attributes:
        share: of the moments that it takes.
        only_out: whether it is left at home on usual days.
        places: share of its photos that say a place.
        says_offset: whether it names the zone.
        shots: photos of one moment, in the mean.
        faults: when its clock is wrong.
    """

    share: float = 1.0
    only_out: bool = False
    places: float = 0.7
    says_offset: bool = True
    shots: float = 1.7
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Life:
    """A person.

    Attributes:
        name: of the kind of person.
        homes: towns with the share of the years at which they move there; a town twice is another flat of it.
        years: how many.
        start: the first day.
        keen: how often something is photographed, beside others.
        trips: a year.
        outings: days out a year, there and back.
        kinds: what trips are like: city, beach, hike, road, family.
        far: share of the trips that go by plane.
        parties: a year.
        children: whether there are any to photograph.
        commute_km: to work.
        nights: whether they work at night.
        cottage_km: distance of a house for weekends, 0 for none.
        silent: shares of the years between which nothing is photographed.
        cameras: what they own; the first is the one always at hand.
    """

    name: str
    homes: tuple[tuple[str, float], ...]
    years: int = 4
    start: date = date(2014, 3, 1)
    keen: float = 1.0
    trips: float = 4.0
    outings: float = 8.0
    kinds: tuple[str, ...] = ("city", "beach", "hike", "road", "family")
    far: float = 0.5
    parties: float = 8.0
    children: bool = False
    commute_km: float = 8.0
    nights: bool = False
    cottage_km: float = 0.0
    silent: tuple[tuple[float, float], ...] = ()
    cameras: tuple[Camera, ...] = field(default=(Camera(),))


# A camera for days out, without places or a zone, left at home's winter time on every trip.
AT_HOME_TIME = Camera(0.5, only_out=True, places=0.0, says_offset=False, shots=3.0, faults=(Fault(0.0, 1.0),))
SET_RIGHT = Camera(0.5, only_out=True, places=0.0, says_offset=False, shots=3.0)

LIVES = (
    Life("city, few photos", (("Berlin", 0.0),), keen=0.5, trips=3),
    Life(
        "family, many photos",
        (("Munich", 0.0), ("Munich", 0.45)),
        keen=2.2,
        children=True,
        cameras=(Camera(), Camera(0.35, places=0.75), SET_RIGHT),
    ),
    Life("globetrotter", (("London", 0.0),), trips=10, outings=3, far=0.85, keen=1.3, kinds=("city", "beach", "hike")),
    Life("no places", (("Vienna", 0.0),), cameras=(Camera(places=0.0, says_offset=False),)),
    Life("moves across oceans", (("Lisbon", 0.0), ("Singapore", 0.35), ("Toronto", 0.7)), years=6, trips=5, far=0.7),
    Life("works at night", (("Chicago", 0.0),), nights=True, keen=0.8, parties=12),
    Life(
        "photographer, two cameras",
        (("Paris", 0.0),),
        keen=2.0,
        trips=6,
        outings=20,
        cameras=(Camera(), AT_HOME_TIME, Camera(0.3, only_out=True, places=0.0, says_offset=False, shots=5.0)),
    ),
    Life(
        "silent for months", (("Madrid", 0.0), ("Porto", 0.6)), years=6, silent=((0.1, 0.25), (0.5, 0.58), (0.8, 0.85))
    ),
    Life("far commute and a cottage", (("Stockholm", 0.0),), commute_km=65, cottage_km=110, trips=3),
    Life("always on the road", (("Denver", 0.0),), trips=8, far=0.15, kinds=("road", "hike", "road"), outings=15),
    Life(
        "old phone and a wrong clock",
        (("Rome", 0.0), ("Rome", 0.5)),
        start=date(2009, 5, 1),
        cameras=(
            Camera(says_offset=False, places=0.6),
            Camera(
                0.5,
                only_out=True,
                places=0.0,
                says_offset=False,
                faults=(Fault(0.0, 0.4, 23 * 60), Fault(0.55, 0.8, 5 * 3600 + 420), Fault(0.8, 1.0, -3600)),
            ),
        ),
    ),
    Life(
        "student, parents far away",
        (("Porto", 0.0), ("Porto", 0.33), ("Lisbon", 0.6)),
        cottage_km=170,
        parties=30,
        trips=3,
        years=5,
    ),
    Life("at the date line", (("Suva", 0.0), ("Taveuni", 0.5)), trips=5, far=0.8, kinds=("beach", "city", "hike")),
    Life(
        "grandparents",
        (("Edinburgh", 0.0),),
        keen=0.6,
        trips=5,
        kinds=("family", "family", "beach"),
        parties=4,
        years=7,
    ),
    Life(
        "two phones abroad",
        (("New York", 0.0), ("San Francisco", 0.5)),
        keen=1.2,
        cameras=(Camera(0.6), Camera(0.6, places=0.5), SET_RIGHT),
    ),
    Life("lazy with dates", (("Sydney", 0.0),), years=5, keen=0.9, cameras=(Camera(places=0.5), AT_HOME_TIME)),
)
