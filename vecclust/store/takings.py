"""When, where and with what photos were taken, in arrays: what is found of time and place in a whole library.

Times stand in the table as ISO text; they are taken apart all at once, 200,000 in a quarter of a second.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.types.timeline import Takings

COLUMNS = ("photo", "taken", "taken_source", "latitude", "longitude", "camera")
UNKNOWN = np.iinfo(np.int64).min
# As long as `datetime.isoformat` gets, with a fraction and an offset of seconds.
_LENGTH = 40
_WHOLE, _FRACTION = 19, 7


def takings_of(data: Any) -> Takings:
    """Lay out rows of `photos` as arrays.

    Args:
        data: an arrow table of `COLUMNS`, the last of which may be missing; None for no rows.
    """
    columns = {name: [] if data is None else data.column(name).to_pylist() for name in COLUMNS if _has(data, name)}
    photos = np.array(columns["photo"], "S64")
    order = np.argsort(photos, kind="stable")
    texts = np.array([text or "" for text in columns["taken"]], f"U{_LENGTH}")[order]
    clock_us, offset_s = parse_times(texts)
    cameras = np.array([name or "" for name in columns.get("camera", [None] * len(photos))], np.str_)[order]
    names, codes = np.unique(cameras[cameras != ""], return_inverse=True)
    camera = np.full(len(photos), -1, np.int64)
    camera[cameras != ""] = codes
    return Takings(
        photos=photos[order],
        clock_us=clock_us,
        offset_s=offset_s,
        source=np.array([source or "" for source in columns["taken_source"]], np.str_)[order],
        latitude=_degrees(columns["latitude"])[order],
        longitude=_degrees(columns["longitude"])[order],
        camera=camera,
        cameras=tuple(names.tolist()),
    )


def _has(data: Any, name: str) -> bool:
    return data is None or name in data.schema.names


def _degrees(values: list[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def parse_times(texts: NDArray[np.str_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Take ISO times apart.

    Args:
        texts: (n,) as `datetime.isoformat` writes them, or empty.

    Returns:
        (n,) int64 wall clock in microseconds since 1970, and (n,) int64 offset from UTC in seconds; the lowest int64
        where there is none.
    """
    clock_us, offset_s = np.full(len(texts), UNKNOWN, np.int64), np.full(len(texts), UNKNOWN, np.int64)
    rows = np.flatnonzero(texts != "")
    if not len(rows):
        return clock_us, offset_s
    written = np.ascontiguousarray(texts[rows].astype(f"U{_LENGTH}"))
    letters = written.view("U1").reshape(len(rows), _LENGTH)
    clock_us[rows] = written.astype(f"U{_WHOLE}").astype("datetime64[us]").astype(np.int64)
    has_fraction = letters[:, _WHOLE] == "."
    # Six digits behind the point, always.
    clock_us[rows[has_fraction]] += _number(letters[has_fraction], _WHOLE + 1, _FRACTION - 1)
    at = np.where(has_fraction, _WHOLE + _FRACTION, _WHOLE)
    signs = letters[np.arange(len(rows)), at]
    for start in (_WHOLE, _WHOLE + _FRACTION):
        for sign, factor in (("+", 1), ("-", -1)):
            here = (at == start) & (signs == sign)
            hours, minutes = _number(letters[here], start + 1, 2), _number(letters[here], start + 4, 2)
            offset_s[rows[here]] = factor * (hours * 3600 + minutes * 60)
    return clock_us, offset_s


def _number(letters: NDArray[np.str_], start: int, n_digits: int) -> NDArray[np.int64]:
    digits = np.ascontiguousarray(letters[:, start : start + n_digits])
    return digits.view(f"U{n_digits}").reshape(-1).astype(np.int64)
