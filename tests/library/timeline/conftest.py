"""A library whose photos are rows alone: some months of somebody who lives in Basel and was in Lisbon."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from tests.store.samples import FAST, MODEL, unit_vectors
from vecclust import Library
from vecclust.config import load_config
from vecclust.store import Store
from vecclust.testing import FakeClock
from vecclust.types.photos import PhotoRow, Place, Taken

BASEL, LISBON, PORTO = (47.5596, 7.5886), (38.7118, -9.1300), (41.1405, -8.6130)
Spot = tuple[float, float]


def shot(when: str, where: Spot | None, *, minutes: float = 0, zone_h: float | None = None, seed: int = 0) -> PhotoRow:
    """Take a photo, some metres from a spot; its hash is that of when and where."""
    moment = datetime.fromisoformat(when) + timedelta(minutes=minutes)
    if zone_h is not None:
        moment = moment.replace(tzinfo=timezone(timedelta(hours=zone_h)))
    key = hashlib.sha256(f"{moment} {where} {seed}".encode()).hexdigest()
    strays = np.random.default_rng(int(key[:8], 16)).normal(0, 2e-4, 2)
    place = None if where is None else Place(where[0] + strays[0], where[1] + strays[1])
    vector = unit_vectors(1, seed=int(key[:6], 16))[0]
    return PhotoRow(key, vector, 40, 30, 1000, Taken(moment, "original"), place, 1, b"jpeg", camera="Nikon D70")


def series(start: str, minutes: Sequence[float], where: Spot | None, *, zone_h: float | None = 1) -> list[PhotoRow]:
    """Take some photos."""
    return [shot(start, where, minutes=at, zone_h=zone_h) for at in minutes]


def at_home(weeks: int = 16) -> list[PhotoRow]:
    """Six photos every Wednesday evening in Basel from the first of 2018 on."""
    return [
        one
        for week in range(weeks)
        for one in series(f"{datetime(2018, 1, 3, 19) + timedelta(weeks=week)}", (0, 3, 5, 9, 12, 20), BASEL)
    ]


def in_portugal() -> list[PhotoRow]:
    """Three days in Lisbon and one in Porto in April."""
    days = [*((f"2018-04-{day}T10:00", LISBON) for day in (14, 15, 16)), ("2018-04-17T11:00", PORTO)]
    return [one for start, where in days for one in series(start, range(0, 40, 2), where, zone_h=0)]


@dataclass
class Kept:
    """A library, and what opens it."""

    folder: Path
    clock: FakeClock = field(default_factory=lambda: FakeClock(10**18))

    def add(self, rows: Sequence[PhotoRow]) -> None:
        """Add photos."""
        with Store.open(self.folder, write=True, create=True, settings=FAST) as store:
            store.bind_model(MODEL)
            store.add_photos(rows)

    def remove(self, rows: Sequence[PhotoRow]) -> None:
        """Remove photos."""
        with Store.open(self.folder, write=True, settings=FAST) as store:
            store.remove_photos([row.photo for row in rows])

    def open(self, *, write: bool = True) -> Library:
        """Open it."""
        return Library(Store.open(self.folder, write=write, settings=FAST), config=load_config(None), clock=self.clock)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """A library with all these photos."""
    made = Kept(tmp_path / "library")
    made.add([*at_home(), *in_portugal()])
    return made


@pytest.fixture
def library(kept: Kept) -> Iterator[Library]:
    """It, open for writing."""
    with kept.open() as opened:
        yield opened
