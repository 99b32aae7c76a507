"""The atlas: what a person would say a photo was taken in, and what clocks showed there."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from vecclust.atlas import countries_at, country_name, land_outlines, offsets_at, town, towns_at, zone_at

LANDMARKS = [
    line.split("\t") for line in Path(__file__).with_name("landmarks.tsv").read_text(encoding="utf-8").splitlines()
]
# Both sides of borders that people cross on foot, cities that are states, enclaves, and the sea.
BORDERS = {
    (47.5596, 7.5886): "CH", (47.5930, 7.6206): "DE", (47.5886, 7.5606): "FR", (48.5730, 7.8154): "DE",
    (48.5734, 7.7521): "FR", (47.6603, 9.1758): "DE", (47.6458, 9.1783): "CH", (31.7587, -106.4869): "US",
    (31.7300, -106.4850): "MX", (42.3314, -83.0458): "US", (42.3149, -83.0364): "CA", (46.2044, 6.1432): "CH",
    (46.1934, 6.2342): "FR", (1.2897, 103.8501): "SG", (1.4655, 103.7578): "MY", (36.1408, -5.3536): "GI",
    (36.1690, -5.3480): "ES", (43.7396, 7.4276): "MC", (41.9022, 12.4539): "VA", (43.9424, 12.4578): "SM",
    (22.2855, 114.1577): "HK", (22.5410, 114.0600): "CN", (22.1987, 113.5439): "MO", (22.2550, 113.5530): "CN",
    (43.0896, -79.0849): "CA", (43.0828, -79.0742): "US", (32.5149, -117.0382): "MX", (32.5550, -117.0430): "US",
    (47.1410, 9.5209): "LI", (47.1660, 9.4660): "CH", (45.9410, 13.6216): "IT", (45.9560, 13.6480): "SI",
    (48.1486, 17.1077): "SK", (48.1480, 16.9460): "AT", (51.1528, 14.9872): "DE", (51.1510, 15.0110): "PL",
    (65.8350, 24.1360): "SE", (65.8480, 24.1460): "FI", (50.7753, 6.0839): "DE", (50.7700, 6.0180): "NL",
    (31.7780, 35.2350): "IL", (42.5063, 1.5218): "AD", (55.6761, 12.5683): "DK", (55.6050, 13.0038): "SE",
    (47.6970, 8.6890): "DE", (45.9690, 8.9710): "IT", (0.0, 0.0): None, (40.0, -30.0): None,
}  # fmt: skip


def microseconds(text: str) -> int:
    """Give a wall clock as the rooms below take it."""
    return int((datetime.fromisoformat(text) - datetime(1970, 1, 1)).total_seconds()) * 1_000_000


def names_at(*places: tuple[float, float]) -> list[str]:
    """Name the towns at some places."""
    return [
        "" if index < 0 else town(int(index)).name
        for index in towns_at(np.array([at[0] for at in places]), np.array([at[1] for at in places]))
    ]


def test_landmarks_are_in_the_towns_that_people_say() -> None:
    """Of 175 around the world at least 169, with what is at sea or far from all."""
    found = names_at(*((float(row[1]), float(row[2])) for row in LANDMARKS))
    wrong = [
        f"{row[0]}: {name}"
        for row, name in zip(LANDMARKS, found, strict=True)
        if (name or "-") not in row[3].split("|")
    ]
    assert len(LANDMARKS) == 175
    assert len(wrong) <= 6, wrong


def test_borders_are_kept() -> None:
    """Within some hundred metres, and the sea is nobody's."""
    north, east = np.array(list(BORDERS), np.float64).T
    assert dict(zip(BORDERS, countries_at(north, east), strict=True)) == BORDERS


def test_a_town_is_one_of_its_own_country() -> None:
    """Though the middle of one across the border is nearer, or it is larger."""
    assert names_at((47.6610, 9.1750), (47.6490, 9.1800)) == ["Konstanz", "Kreuzlingen"]
    assert names_at((41.9022, 12.4568)) == ["Vatican City"]


def test_180_degrees_and_the_poles_are_no_edge() -> None:
    """The same towns are near from either side."""
    assert names_at((66.32, 179.995)) == names_at((66.32, -179.995)) == ["Egvekinot"]
    assert names_at((90.0, 0.0), (-90.0, 180.0)) == ["", ""]
    assert zone_at(-17.0, 180.0)


def test_towns_are_called_in_the_language_that_is_asked_for() -> None:
    """Where it is known; countries in all of them, and any other language is English."""
    lisbon = int(towns_at(np.array([38.7118]), np.array([-9.13]))[0])
    assert [town(lisbon, one).name for one in ("en", "de", "es", "fr", "zh", "fi")] == [
        "Lisbon", "Lissabon", "Lisboa", "Lisbonne", "里斯本", "Lisbon",
    ]  # fmt: skip
    assert [country_name("PT", one) for one in ("en", "zh")] == ["Portugal", "葡萄牙"]
    assert country_name("QQ") == "QQ"


def test_every_name_by_hand_is_of_that_town() -> None:
    """In its middle it is found by that name, but where a larger town reaches as far."""
    rows = (Path(__file__).parents[2] / "vecclust" / "atlas" / "towns.tsv").read_text(encoding="utf-8").splitlines()
    assert len(rows) > 140
    found = 0
    for row in rows:
        index, english = row.split("\t")[:2]
        middle = town(int(index))
        assert middle.name == english
        found += names_at((middle.latitude, middle.longitude)) == [english]
    assert found >= len(rows) - 4


def test_offsets_are_those_of_the_day() -> None:
    """Summer and winter time, half hours, the sea, and before there were zones."""
    places = np.array([(38.7, -9.1), (38.7, -9.1), (28.61, 77.23), (40.0, -30.0), (-36.85, 174.76)])
    times = [f"{day}T12:00:00" for day in ("2018-04-14", "2018-01-14", "2018-01-14", "2018-01-14", "2018-01-14")]
    found = offsets_at(places[:, 0], places[:, 1], np.array([microseconds(when) for when in times]))
    assert found.tolist() == [3600, 0, 19800, -7200, 46800]
    early = offsets_at(places[:1, 0], places[:1, 1], np.array([microseconds("1901-01-01T12:00:00")]))
    assert abs(int(early[0])) < 3600
    assert offsets_at(np.zeros(0), np.zeros(0), np.zeros(0, np.int64)).tolist() == []


def test_land_is_outlined() -> None:
    """In rings that close, none of which jumps across the globe."""
    rings = land_outlines()
    assert len(rings) > 500
    for ring in rings:
        assert (ring[0] == ring[-1]).all()
        assert np.abs(ring[:, 1]).max() <= 90
        assert (np.abs(np.diff(ring[:, 0])) < 180).all() or ring[:, 1].min() == -90  # the South Pole's
    east = [ring[:, 0] for ring in rings if np.abs(ring[:, 0]).max() > 180]
    assert {bool(one.max() > 180) for one in east} == {True, False}  # Chukotka, from either side


@pytest.mark.parametrize("place", [(91.0, 0.0), (0.0, 181.0)])
def test_what_is_not_on_the_globe_is_refused(place: tuple[float, float]) -> None:
    """A programmer's mistake."""
    with pytest.raises(ValueError, match="not on the globe"):
        zone_at(*place)


def test_looking_in_loads_nothing() -> None:
    """Neither tzfpy nor the gazetteer."""
    program = "import sys, vecclust.atlas; print('tzfpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
