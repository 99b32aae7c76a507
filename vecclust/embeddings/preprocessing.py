"""What a model wants its pictures to be: open_clip's own preprocessing, as a `Framing` and a mean and deviation.

The cutting is done where pictures are decoded; scaling and shifting happen here, a batch at a time, on the device.
Refuses what it cannot describe rather than cut pictures in another way than the model was trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import ModelError
from vecclust.types.photos import Framing, Interpolation, ResizeMode

Colour = tuple[float, float, float]
_Value = TypeVar("_Value")

# open_clip.transform reads "random" as bicubic outside training, and an empty value as the first of each.
_INTERPOLATIONS: dict[str | None, Interpolation] = {
    None: "bicubic", "": "bicubic", "random": "bicubic", "bicubic": "bicubic", "bilinear": "bilinear",
}  # fmt: skip
_RESIZE_MODES: dict[str | None, ResizeMode] = {
    None: "shortest", "": "shortest", "shortest": "shortest", "longest": "longest", "squash": "squash",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """From an upright picture to the model's input.

    Attributes:
        framing: how it is cut.
        mean: of red, green and blue in [0, 1], subtracted.
        deviation: of red, green and blue, divided by.
    """

    framing: Framing
    mean: Colour
    deviation: Colour


def read_preprocessing(config: Mapping[str, Any]) -> Preprocessing:
    """Translate open_clip's `preprocess_cfg`.

    Args:
        config: `size`, `mode`, `mean`, `std`, `interpolation`, `resize_mode` and `fill_color`, complete.

    Returns:
        The same, in our own words.

    Raises:
        ModelError: the preprocessing is none of those that open_clip 3.3 has.
    """
    height_px, width_px = _size(config["size"])
    interpolation = _one_of(_INTERPOLATIONS, config, "interpolation")
    resize_mode = _one_of(_RESIZE_MODES, config, "resize_mode")
    if resize_mode == "shortest" and width_px != height_px:
        interpolation = "bicubic"  # open_clip passes no filter to ResizeKeepRatio there
    if config.get("mode", "RGB") != "RGB":
        raise _unknown("mode", config["mode"])
    fill = config.get("fill_color", 0)
    if not isinstance(fill, int) or not 0 <= fill <= 255:
        raise _unknown("fill_color", fill)
    return Preprocessing(
        framing=Framing(width_px, height_px, resize_mode=resize_mode, interpolation=interpolation, fill=fill),
        mean=_colour(config, "mean"),
        deviation=_colour(config, "std"),
    )


def checked_frames(frames: NDArray[np.uint8], framing: Framing) -> NDArray[np.uint8]:
    """Refuse frames that were not cut as a model wants them.

    Args:
        frames: (n, height, width, 3) uint8 RGB.
        framing: how they must be cut.

    Returns:
        Them.

    Raises:
        ValueError: they are of another kind or size.
    """
    wanted = (framing.height_px, framing.width_px, 3)
    if frames.dtype != np.uint8 or frames.shape[1:] != wanted:
        raise ValueError(f"frames are {frames.dtype} {frames.shape}, the model wants uint8 (n, {wanted})")
    return frames


def _size(size: object) -> tuple[int, int]:
    both = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(both) != 2 or not all(isinstance(side, int) and side > 0 for side in both):
        raise _unknown("size", size)
    return cast(tuple[int, int], both)


def _one_of(known: Mapping[str | None, _Value], config: Mapping[str, Any], key: str) -> _Value:
    value = config.get(key)
    if value not in known:
        raise _unknown(key, value)
    return known[value]


def _colour(config: Mapping[str, Any], key: str) -> Colour:
    value = config[key]
    three = tuple(value) if isinstance(value, Sequence) else (value,) * 3
    valid = all(isinstance(part, float | int) and (key != "std" or part > 0) for part in three)
    if len(three) != 3 or not valid:
        raise _unknown(key, value)
    red, green, blue = three
    return float(red), float(green), float(blue)


def _unknown(key: str, value: object) -> ModelError:
    return ModelError(
        f"the model's preprocessing cannot be followed: {key} is {value!r}",
        hint="Known are those of open_clip 3.3: resize_mode shortest, longest or squash, bicubic or bilinear, RGB.",
    )
