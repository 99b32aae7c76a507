"""Pixels as a person and as a model see them: eight-bit colour on white paper, and the geometry of a model's input.

Pillow's own `convert` turns 16-bit grey into white and transparency into whatever lies below; both are done by hand.
Colours are converted, and laid on white paper, when the picture is small. A model gets the numbers of RGB and of grey
as they stand, because it was trained so; ink and Lab have none that it could get, so it sees them as people do.
The rounding of sizes is open_clip's and torchvision's own (`Resize`, `CenterCrop`, `ResizeKeepRatio`,
`CenterCropOrPad`; tests hold it against `open_clip.image_transform`). Knows Pillow pictures, no files and no formats.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vecclust.types.photos import Framing

if TYPE_CHECKING:
    from PIL import ImageCms

log = logging.getLogger(__name__)

_WHITE = (255, 255, 255)

# What a decoder of JPEG gives where it has no pixels.
_UNKNOWN = 128

# What a decoder of WebP makes of black differs so little along a row; its smear of a cut picture differs by 5 and more.
_FLAT = 2

# Sixteen bits to eight: 65535 / 257 is 255.
_SIXTEEN_TO_EIGHT = 257.0

# Floating light, whose white is 1 and whose lamps are brighter, is told by this from floating numbers up to 255: no
# picture of the latter is so dark that all but a hundredth of it stays below.
_BRIGHTEST_LIGHT = 16.0

# Of so many samples their darkest and brightest hundredth are known well enough: a second less for 12 megapixels.
_ENOUGH_SAMPLES = 1_000_000

# The colour spaces of ICC profiles that pictures have, and Pillow's modes of them. Lab names its own white.
_MODE_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}

# What is tried on a profile to see whether it changes anything: 6 steps of each primary. The many versions of sRGB
# differ by one step of 255 at most.
_STEPS = np.arange(0, 256, 51, dtype=np.uint8)
_PROBE = Image.fromarray(np.stack(np.meshgrid(_STEPS, _STEPS, _STEPS), axis=-1).reshape(6, 36, 3))
_SAME_COLOURS = 2


def flatten(image: Image.Image) -> Image.Image:
    """Give the picture in a mode that can be resized: `L`, `RGB`, `CMYK`, `LAB`, or with alpha `LA`, `RGBA`.

    Args:
        image: a loaded picture of any mode.

    Returns:
        The picture itself where it is already so.
    """
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(to_eight_bits(np.asarray(image)))
    if image.has_transparency_data:
        clear = "LA" if image.mode in ("L", "LA", "La") else "RGBA"
        coloured = image if image.mode == clear else image.convert(clear)
        # A screenshot: all of it is opaque.
        return coloured.convert(clear[:-1]) if coloured.getextrema()[-1] == (255, 255) else coloured
    if image.mode in ("RGB", "L", "CMYK", "LAB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def to_eight_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale deep samples: 16-bit integers by their full range, anything else by what it holds.

    Floating and 32-bit pictures name no white. It is read from what all but the brightest hundredth reach: up to 1, 255
    or 65535 the nearest customary range is taken, and what is brighter becomes white. Floating light somewhat above 1
    has no customary range, and is scaled to what it holds; so is what is below zero or above 65535.

    Args:
        values: samples of any shape.

    Returns:
        The same shape, uint8.
    """
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    shades = values.astype(np.float32)
    if values.dtype.kind == "f":
        np.nan_to_num(shades, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        shades /= _SIXTEEN_TO_EIGHT
        return np.rint(shades, out=shades).astype(np.uint8)
    # Of some rows all samples: a step through all of them would meet one colour alone where it is a multiple of three.
    low, high = np.percentile(shades[:: max(1, shades.size // _ENOUGH_SAMPLES)], (1, 99))
    if low < 0 or high > 65535:
        shades = (shades - low) * (255.0 / max(high - low, 1e-12))
    elif high > 255:
        shades /= _SIXTEEN_TO_EIGHT
    elif values.dtype.kind == "f" and high <= _BRIGHTEST_LIGHT:
        shades *= 255.0 / max(high, 1.0)
    return np.clip(np.rint(shades, out=shades), 0, 255, out=shades).astype(np.uint8)


def to_rgb(image: Image.Image, profile: bytes = b"") -> Image.Image:
    """Bring a small picture from its own colour space to sRGB, on white paper.

    Costs 0.5 ms for 256 pixels once the profile is known.

    Args:
        image: a picture of a mode that `flatten` gives.
        profile: its ICC profile, or empty for the numbers as they stand.

    Returns:
        The picture in RGB; with the numbers as they stand where the profile is sRGB, damaged or of another kind of
        colours.
    """
    if image.mode not in ("LA", "RGBA"):
        return _coloured(image, profile)
    colours = _coloured(image.convert(image.mode[:-1]), profile)
    paper = Image.new("RGB", image.size, _WHITE)
    paper.paste(colours, mask=image.getchannel("A"))
    return paper


def _coloured(image: Image.Image, profile: bytes) -> Image.Image:
    if profile and (found := _transform_from(profile)) is not None:
        mode, transform = found
        if image.mode == "L" and mode == "RGB":
            image = image.convert("RGB")  # grey pictures often carry the profile of the colour picture they were
        if image.mode == mode:
            from PIL import ImageCms

            try:
                return ImageCms.applyTransform(image, transform) or image
            except ImageCms.PyCMSError:
                log.debug("a colour profile cannot be applied")
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=16)  # phones use one or two profiles; building a transform takes 4 ms
def _transform_from(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform] | None:
    """Give a transform to sRGB and the mode it takes; None where it would change nothing or cannot be made."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _MODE_OF_SPACE[source.profile.xcolor_space.strip()]
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        assert isinstance(transform, ImageCms.ImageCmsTransform)
        if mode == "CMYK":
            return mode, transform
        probe = _PROBE if mode == "RGB" else _PROBE.convert("L")
        shown = ImageCms.applyTransform(probe, transform) or probe
    except (ImageCms.PyCMSError, KeyError, OSError, ValueError, TypeError):
        return None
    change = np.abs(np.asarray(shown, np.int16) - np.asarray(probe.convert("RGB"), np.int16))
    return None if change.max() <= _SAME_COLOURS else (mode, transform)


def shown_share(image: Image.Image, *, plain: bool) -> float:
    """Say how much of a damaged picture can be seen: what could not be known is of one value, to the bottom or the top.

    Args:
        image: the picture as decoded, before it is turned.
        plain: whether that value is the zero of plain pixels, not what a decoder of JPEG gives.

    Returns:
        The share of its rows that are known and those between them, in [0, 1].
    """
    rows = np.asarray(image).reshape(image.height, -1)
    known = np.nonzero((np.abs(rows.astype(np.int16) - (0 if plain else _UNKNOWN)) > 1).any(axis=1))[0]
    return float(known[-1] + 1 - (known[0] if plain else 0)) / image.height if len(known) else 0.0


def is_flat_below(image: Image.Image) -> bool:
    """Tell whether the lowest row is of one colour; a decoder that runs out of pixels smears others down to it.

    Args:
        image: the picture as decoded, before it is turned.
    """
    row = np.asarray(image)[-1].reshape(image.width, -1).astype(np.int16)
    return int(np.ptp(row, axis=0).max()) <= _FLAT


def filter_of(framing: Framing) -> Image.Resampling:
    """Give Pillow's name of the filter.

    Args:
        framing: what the model wants.
    """
    if framing.resize_mode == "shortest" and framing.width_px != framing.height_px:
        return Image.Resampling.BICUBIC  # open_clip passes no filter to ResizeKeepRatio there
    return Image.Resampling[framing.interpolation.upper()]


def resized_size(framing: Framing, width_px: int, height_px: int) -> tuple[int, int]:
    """Say how large the whole picture becomes before it is cut or padded.

    Args:
        framing: what the model wants.
        width_px: width of the upright picture.
        height_px: height of the upright picture.

    Returns:
        Width and height, at least 1.
    """
    if framing.resize_mode == "squash":
        return framing.width_px, framing.height_px
    ratios = width_px / framing.width_px, height_px / framing.height_px
    if framing.resize_mode == "longest":
        ratio = max(ratios)
    elif framing.width_px != framing.height_px:
        ratio = min(ratios)
    else:
        side, short, long = framing.width_px, min(width_px, height_px), max(width_px, height_px)
        new_long = int(side * long / short)
        return (side, new_long) if width_px <= height_px else (new_long, side)
    return max(1, round(width_px / ratio)), max(1, round(height_px / ratio))


def cut(image: Image.Image, framing: Framing) -> Image.Image:
    """Cut the resized picture to the model's input, or pad it.

    Args:
        image: the whole picture, resized, upright, RGB.
        framing: what the model wants.

    Returns:
        A picture of exactly the framing's size.
    """
    width, height = framing.width_px, framing.height_px
    if image.size == (width, height):
        return image
    if image.width < width or image.height < height:
        image = _pad(image, width, height, fill=framing.fill if framing.resize_mode == "longest" else 0)
    left = round((image.width - width) / 2.0)
    top = round((image.height - height) / 2.0)
    return image.crop((left, top, left + width, top + height))


def _pad(image: Image.Image, width: int, height: int, *, fill: int) -> Image.Image:
    wide, high = max(width, image.width), max(height, image.height)
    padded = Image.new("RGB", (wide, high), (fill, fill, fill))
    padded.paste(image, ((wide - image.width) // 2, (high - image.height) // 2))
    return padded
