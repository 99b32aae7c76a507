"""Towns: the one that a person would say a photo was taken in, and how towns and countries are called.

The nearest point of the gazetteer is often a quarter or a hamlet, so a town counts as large as its people make it: in
it is who is no further from its middle than its radius. Of several towns that a place is in, it is in the largest; of
none, in the one that is nearest for its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LANGUAGES = ("en", "de", "es", "fr", "zh")
_FOLDER = Path(__file__).parent
# Radius of a town of one person, in kilometres; it grows as the square root of its people. Paris' two million reach
# 11 km, as far as its ring road and the suburbs that are one with it, a village of a thousand 250 m.
_RADIUS_KM = 0.0078
# No town is called near from further away.
_FURTHEST_KM = 40.0
# What a place in no town is called after: the town whose distance, in its radius and this much more, is the least.
_BESIDES_KM = 1.0
_KM_PER_DEGREE = 111.195
_CELL = 1.0


@dataclass(frozen=True, slots=True)
class Town:
    """A town of the gazetteer.

    Attributes:
        name: in the language that was asked for, where it is known there, else as GeoNames has it.
        country_code: of two letters.
        latitude: of its middle, in degrees north.
        longitude: likewise, in degrees east.
        population: people.
    """

    name: str
    country_code: str
    latitude: float
    longitude: float
    population: int


@dataclass(frozen=True, eq=False)
class _Gazetteer:
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    population: NDArray[np.int32]
    country: NDArray[np.uint8]
    codes: NDArray[np.str_]
    cells: NDArray[np.int64]
    by_cell: NDArray[np.int64]


@cache
def _gazetteer() -> _Gazetteer:
    with np.load(_FOLDER / "towns.npz", allow_pickle=False) as data:
        latitude, longitude = data["latitude"] / 10_000.0, data["longitude"] / 10_000.0
        cells = _cell(latitude, longitude)
        by_cell = np.argsort(cells, kind="stable")
        return _Gazetteer(
            latitude, longitude, data["population"], data["country"], data["codes"], cells[by_cell], by_cell
        )


@cache
def _names() -> list[str]:
    with np.load(_FOLDER / "towns.npz", allow_pickle=False) as data:
        return str(data["names"].tobytes(), "utf-8").split("\n")


@cache
def _exonyms() -> dict[int, list[str]]:
    rows = [line.split("\t") for line in (_FOLDER / "towns.tsv").read_text(encoding="utf-8").splitlines()]
    return {int(row[0]): row[1:] for row in rows}


@cache
def _country_names() -> dict[str, list[str]]:
    rows = [line.split("\t") for line in (_FOLDER / "countries.tsv").read_text(encoding="utf-8").splitlines()]
    return {row[0]: row[1:] for row in rows}


def _column(language: str) -> int:
    return LANGUAGES.index(language) if language in LANGUAGES else 0


def town(index: int, language: str = "en") -> Town:
    """Give a town of the gazetteer.

    Args:
        index: as `towns_at` gives it, at least 0.
        language: of its name; English where it is none of those that ship.

    Raises:
        IndexError: there is no such town.
    """
    towns = _gazetteer()
    if not 0 <= index < len(towns.latitude):
        raise IndexError(f"the gazetteer has no town {index}")
    exonyms = _exonyms().get(index)
    return Town(
        name=_names()[index] if exonyms is None else exonyms[_column(language)],
        country_code=str(towns.codes[towns.country[index]]),
        latitude=float(towns.latitude[index]),
        longitude=float(towns.longitude[index]),
        population=int(towns.population[index]),
    )


def country_name(code: str, language: str = "en") -> str:
    """Name a country; the code itself where it is none.

    Args:
        code: of two letters.
        language: English where it is none of those that ship.
    """
    names = _country_names().get(code)
    return code if names is None else names[_column(language)]


def towns_at(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Say which towns places are in or near.

    Args:
        latitudes: (n,) degrees north, finite.
        longitudes: (n,) degrees east, finite.

    Returns:
        (n,) int64 for `town`, -1 where none is within 40 km.
    """
    from vecclust.atlas.zones import countries_at

    # One of a square of ten metres is asked for.
    north, east = (np.round(np.asarray(one) * 10_000).astype(np.int64) for one in (latitudes, longitudes))
    squares, first, back = np.unique(north * 10_000_000 + east, return_index=True, return_inverse=True)
    points = np.stack([latitudes, longitudes])[:, first]
    found = np.full(len(squares), -1, np.int64)
    cells = _cell(points[0], points[1])
    order = np.argsort(cells, kind="stable")
    present, starts = np.unique(cells[order], return_index=True)
    countries = np.array([code or "" for code in countries_at(points[0], points[1])], np.str_)
    for rows in np.split(order, starts[1:]) if len(present) else ():
        near = _towns_around(points[:, rows])
        for part in np.array_split(rows, len(rows) * len(near) // 4_000_000 + 1):
            found[part] = _nearest(points[:, part], countries[part], near)
    return found[back]


def _cell(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> NDArray[np.int64]:
    north = np.floor(np.asarray(latitudes) / _CELL).astype(np.int64) + 90
    return north * 360 + np.floor(np.asarray(longitudes) / _CELL).astype(np.int64) % 360


def _towns_around(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give the towns of a cell's surroundings: all that can be within the furthest distance of a point in it."""
    towns = _gazetteer()
    north, east = int(np.floor(points[0, 0] / _CELL)), int(np.floor(points[1, 0] / _CELL))
    # A degree of longitude grows shorter to the poles, where all of them are near.
    widest = min(90.0, abs(points[0, 0]) + 1.5)
    shrunk = max(np.cos(np.radians(widest)), 1e-3)
    n_east = min(180, int(np.ceil(_FURTHEST_KM / (_KM_PER_DEGREE * _CELL * shrunk))))
    wanted = [
        (row + 90) * 360 + column % 360
        for row in range(max(-90, north - 1), min(89, north + 1) + 1)
        for column in range(east - n_east, east + n_east + 1)
    ]
    cells = np.unique(np.array(wanted, np.int64))
    first, last = np.searchsorted(towns.cells, cells), np.searchsorted(towns.cells, cells, side="right")
    return np.concatenate([towns.by_cell[start:stop] for start, stop in zip(first, last, strict=True)])


def _nearest(points: NDArray[np.float64], countries: NDArray[np.str_], near: NDArray[np.int64]) -> NDArray[np.int64]:
    if not len(near):
        return np.full(points.shape[1], -1, np.int64)
    towns = _gazetteer()
    north = points[0][:, np.newaxis] - towns.latitude[near]
    east = (points[1][:, np.newaxis] - towns.longitude[near] + 180.0) % 360.0 - 180.0
    east = east * np.cos(np.radians((points[0][:, np.newaxis] + towns.latitude[near]) / 2))
    away = np.hypot(north, east) * _KM_PER_DEGREE
    population = towns.population[near].astype(np.float64)
    radius = _RADIUS_KM * np.sqrt(population)
    rank = away / (radius + _BESIDES_KM)
    # In it: before all that it is only near to, the largest first.
    rank = np.where(away <= radius, -population, rank)
    codes = towns.codes[towns.country[near]]
    # A town across a border is only near where there is none on this side.
    abroad = (countries[:, np.newaxis] != codes) & (countries[:, np.newaxis] != "")
    rank = np.where(abroad, np.abs(rank) + 1e12, rank)
    rank = np.where(away > _FURTHEST_KM, np.inf, rank)
    best = rank.argmin(axis=1)
    return np.where(np.isfinite(rank[np.arange(len(best)), best]), near[best], -1)
