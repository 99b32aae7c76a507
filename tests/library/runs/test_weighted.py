"""A library whose clusters weigh time: arrivals are placed by the run's own measure, and back again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.store.samples import FAST, MODEL
from vecclust import Library
from vecclust.config import load_config
from vecclust.errors import ConfigError
from vecclust.store import Store
from vecclust.testing import FakeClock
from vecclust.types.photos import PhotoRow, Taken

DIM = MODEL.dim


def rows(n: int, *, year: int, first: int, kind: int) -> list[PhotoRow]:
    """Take photos of one kind in one summer."""
    rng = np.random.default_rng(first)
    made = []
    for at in range(n):
        vector = np.eye(DIM)[kind] + rng.normal(0, 0.02, DIM)
        vector = (vector / np.linalg.norm(vector)).astype(np.float32)
        taken = Taken(datetime(year, 7, 1) + timedelta(hours=5 * at), "original")
        made.append(PhotoRow(f"{first + at:064x}", vector, 40, 30, 1000, taken, None, 1))
    return made


def opened(folder: Path, **flags: object) -> Library:
    """Open the library with some settings."""
    config = load_config(None, flags={f"clusters.{name}": value for name, value in flags.items()})
    return Library(Store.open(folder, write=True, create=True, settings=FAST), config=config, clock=FakeClock(10**18))


def test_clusters_weigh_time_where_they_are_asked_to(tmp_path: Path) -> None:
    """Two summers of one kind are one cluster without, two with; what comes is placed by the run it comes to."""
    folder = tmp_path / "library"
    with Store.open(folder, write=True, create=True, settings=FAST) as store:
        store.bind_model(MODEL)
        store.add_photos(
            [
                *rows(30, year=2018, first=0, kind=0),
                *rows(30, year=2022, first=100, kind=0),
                *rows(30, year=2018, first=200, kind=1),
            ]
        )
    with opened(folder) as library:
        assert library.recluster().clusters == 2
    with opened(folder, time_weight=0.4) as library:
        assert library.recluster().clusters == 3
        assert library.recluster(kind="continued").clusters == 3
        library._store.add_photos(rows(3, year=2022, first=300, kind=0))
        library._runs.label(lambda *_: None)
        labels = library._store.labels()
        homes = {labels[row.photo].cluster for row in rows(30, year=2022, first=100, kind=0)}
        assert {labels[row.photo].cluster for row in rows(3, year=2022, first=300, kind=0)} <= homes
    # A run goes on being what it was fitted as, whatever the settings say now.
    with opened(folder) as library:
        library._store.add_photos(rows(3, year=2018, first=400, kind=1))
        library._runs.label(lambda *_: None)
        assert library.recluster().clusters == 2


def test_a_weight_is_from_0_to_1() -> None:
    """Else the setting is refused."""
    with pytest.raises(ConfigError, match="time_weight"):
        load_config(None, flags={"clusters.time_weight": 2.0})
