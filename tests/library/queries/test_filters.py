"""What an answer is limited to: days as they were where each photo was taken, folders, and nothing that cannot be."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.library.test_library import HUES, picture
from vecclust.errors import NotFound, UsageError
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder
from vecclust.types.photos import Taken
from vecclust.types.search import Filters

# Local time and zone; each lies on another day by UTC, but for the last two.
TAKEN = {
    "sydney": ("2023:06:15 08:00:00", "+10:00"),
    "auckland": ("2023:06:15 13:30:00", "+14:00"),
    "anywhere": ("2023:06:14 23:30:00", "-08:00"),
    "noon": ("2023:06:15 12:00:00", "+00:00"),
    "unknown": ("2023:06:15 23:59:59", ""),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedLibrary]:
    """Photos from around the world in one folder, one without a date of its own in another."""
    place = tmp_path_factory.mktemp("days")
    for folder in ("world", "empty"):
        (place / folder).mkdir()
    for number, (name, (moment, zone)) in enumerate(TAKEN.items()):
        exif = Image.Exif()
        exif.get_ifd(0x8769).update({0x9003: moment} | ({0x9011: zone} if zone else {}))
        file = BytesIO()
        Image.open(BytesIO(picture(next(iter(HUES)), number))).save(file, "JPEG", exif=exif)
        (place / "world" / f"{name}.jpg").write_bytes(file.getvalue())
    with WatchedLibrary.open(place / "library", write=True, embedder=FakeEmbedder()) as opened:
        opened.scan([place])
        yield opened


def found(library: WatchedLibrary, filters: Filters) -> set[str]:
    """Search without caring for what, and give the names of the photos found."""
    results = library.search("anything", limit=20, filters=filters).results
    return {Path(hit.path or "").stem for hit in results}


@pytest.mark.parametrize("zone", [None, UTC, timezone(timedelta(hours=-8))])
def test_a_day_is_that_of_the_place_where_a_photo_was_taken(library: WatchedLibrary, zone: timezone | None) -> None:
    """08:00 in Sydney is on its own day, whatever day it was in Greenwich, and whatever zone the question has."""
    day = datetime(2023, 6, 15, tzinfo=zone)
    assert found(library, Filters(since=day, until=day)) == set(TAKEN) - {"anywhere"}
    assert found(library, Filters(until=day - timedelta(days=1))) == {"anywhere"}
    assert found(library, Filters(since=day + timedelta(hours=13))) == {"auckland", "unknown"}
    assert found(library, Filters(since=day + timedelta(days=1))) == set()


def test_photos_of_a_folder(library: WatchedLibrary, tmp_path: Path) -> None:
    """One that is not there, or was never scanned, is an error and not an empty answer."""
    place = library.folder.parent
    assert found(library, Filters(folder=place / "world")) == set(TAKEN)
    assert found(library, Filters(folder=place / "empty")) == set()
    for folder, told in ((place / "wor", "there is no folder"), (tmp_path, "was never scanned")):
        with pytest.raises(NotFound, match=told):
            library.search("anything", limit=3, filters=Filters(folder=folder))


def test_an_empty_range_is_refused(library: WatchedLibrary) -> None:
    """Nothing can be both after and before."""
    with pytest.raises(UsageError, match="since 2024-01-01 and until 2023-01-01"):
        library.search("anything", limit=3, filters=Filters(since=datetime(2024, 1, 1), until=datetime(2023, 1, 1)))


def test_the_clock_on_the_wall_orders_photos() -> None:
    """A zone is passed over, an unknown one is no other."""
    times = [datetime(2023, 6, 15, 8, tzinfo=timezone(timedelta(hours=10))), datetime(2023, 6, 15, 7)]
    assert sorted(Taken(when, "original").clock for when in times) == [
        datetime(2023, 6, 15, 7),
        datetime(2023, 6, 15, 8),
    ]
    assert dataclasses.replace(Taken(times[0], "name"), when=times[1]).clock == times[1]
