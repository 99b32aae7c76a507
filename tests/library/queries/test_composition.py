"""What a cluster is made of, counted, and said in words."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.library.naming.coloured import open_colours
from tests.library.test_library import noisy
from vecclust.exports.text import made_of
from vecclust.library.pages.written import read_gallery
from vecclust.library.queries.composition import BURST_GAP, LEAST_OF_BURST, find_bursts
from vecclust.store import Store
from vecclust.types.clusters import Composition

NOON = datetime(2024, 6, 1, 12)


def dated(colour: tuple[int, int, int], number: int, when: str) -> bytes:
    """Draw a picture with a camera's date."""
    exif = Image.Exif()
    exif[0x9003] = when
    file = io.BytesIO()
    Image.open(io.BytesIO(noisy(colour, number))).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_a_cluster_is_counted(tmp_path: Path) -> None:
    """Years, months and hours of what is dated, bursts, kinds; what only the file's own time dates is left out."""
    album = tmp_path / "album"
    album.mkdir()
    red, blue = (200, 30, 30), (30, 40, 200)
    for number in range(4):  # a burst
        (album / f"b{number}.jpg").write_bytes(dated(red, number, f"2023:07:01 08:00:0{number}"))
    for number in range(4, 9):
        (album / f"r{number}.jpg").write_bytes(dated(red, number, f"2024:0{number}:01 18:00:00"))
    (album / "IMG-20240801-WA0001.jpg").write_bytes(noisy(red, 20))  # a day without an hour
    (album / "IMG-20240801-WA0002.jpg").write_bytes(noisy(red, 21))
    (album / "IMG-20240801-WA0003.jpg").write_bytes(noisy(red, 22))
    (album / "undated.jpg").write_bytes(noisy(red, 23))
    for number in range(12):
        (album / f"blue{number}.jpg").write_bytes(noisy(blue, number))
    with open_colours(tmp_path, flags={"clusters.clusterer": "kmeans", "clusters.n_clusters": 2}) as library:
        library.scan([album])
        found = library.cluster(library.photo(album / "b0.jpg").cluster or "").made_of
        assert found == Composition(
            dated=12,
            years={"2023": 4, "2024": 8},
            months={"04": 1, "05": 1, "06": 1, "07": 5, "08": 4},
            hours={"08": 4, "18": 5},
            bursts=1,
            in_bursts=4,
            kinds={"photo": 13},
        )
        listed = library.clusters()
        with Store.open(tmp_path / "library") as store:
            gallery = {view.entry.id: view.made_of for view in read_gallery(store, listed).clusters}
        assert gallery == {entry.id: library.cluster(entry.id).made_of for entry in listed.clusters}
        narrow = library.cluster(library.photo(album / "b0.jpg").cluster or "", limit=1)
        assert (len(narrow.photos), narrow.made_of) == (1, found)
        assert library.cluster("unclustered").made_of is None


def test_a_burst_is_three_within_seconds_of_one_another() -> None:
    """However long it lasts; two are none, and neither are three that are further apart."""
    every = [NOON + step * BURST_GAP for step in range(10)]
    assert find_bursts(every) == [10]
    assert find_bursts(reversed(every)) == [10]
    assert find_bursts([NOON, NOON]) == []
    assert find_bursts([NOON, NOON, NOON]) == [3]
    assert find_bursts([NOON + step * (BURST_GAP + timedelta(seconds=1)) for step in range(10)]) == []
    assert find_bursts([]) == []


@given(st.lists(st.integers(0, 200)))
def test_bursts_hold_each_photo_once_at_most(seconds: list[int]) -> None:
    """Whatever the times."""
    found = find_bursts(NOON + timedelta(seconds=second) for second in seconds)
    assert sum(found) <= len(seconds)
    assert all(size >= LEAST_OF_BURST for size in found)


def composition(**given: object) -> Composition:
    """Make counts, of plain photos without a date where nothing else is given."""
    known: dict[str, object] = {"dated": 0, "years": {}, "months": {}, "hours": {}, "bursts": 0, "in_bursts": 0}
    return Composition(**{**known, "kinds": {"photo": 10}, **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({}, ()),
        ({"dated": 1, "years": {"2023": 1}, "months": {"06": 1}, "kinds": {"photo": 1}}, ("Taken 2023.",)),
        (
            {"dated": 10, "years": {"2019": 1, "2022": 8, "2023": 1}, "months": {"06": 10}, "hours": {"20": 10}},
            ("Taken 2019 – 2023, mostly 2022, June, in the evening.",),  # noqa: RUF001 -- a span's own dash
        ),
        (
            {"dated": 9, "years": {"2023": 9}, "months": {"12": 3, "01": 4, "06": 2}, "hours": {"03": 1, "09": 8}},
            ("Taken 2023, mostly December and January, mostly in the morning (as far as is known of 9 of 10).",),
        ),
        (
            {"dated": 8, "years": {"2023": 8}, "months": {"06": 3, "07": 2, "08": 3}, "hours": {"02": 4, "14": 4}}
            | {"kinds": {"photo": 8}},
            ("Taken 2023, June to August.",),
        ),
        (
            {"dated": 10, "years": {"2023": 10}, "months": {f"{month:02}": 1 for month in range(1, 11)}},
            ("Taken 2023.",),
        ),
        ({"kinds": {"screenshot": 7, "photo": 2, "document": 1}}, ("7 screenshots, 2 photos and 1 document.",)),
        (
            {"kinds": {"photo": 9, "screenshot": 1}, "bursts": 1, "in_bursts": 3},
            ("9 photos and 1 screenshot; 3 in a burst.",),
        ),
        ({"bursts": 2, "in_bursts": 1500}, ("1,500 in 2 bursts.",)),
    ],
)
def test_counts_are_said_in_a_sentence_or_two(counts: dict[str, object], said: tuple[str, ...]) -> None:
    """What most have in common, and only where there are enough to say so; nothing of what goes without saying."""
    assert made_of(composition(**counts)) == said
