"""Pixels as a person and as a model see them: eight-bit colour on white paper, and the geometry of a model's input.

Pillow's own `convert` turns 16-bit grey into white and transparency into whatever lies below; both are done by hand.
The rounding of sizes is open_clip's and torchvision's own (`Resize`, `CenterCrop`, `ResizeKeepRatio`,
`CenterCropOrPad`; tests hold it against `open_clip.image_transform`). Knows Pillow pictures, no files and no formats.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vecclust.types.photos import Framing

if TYPE_CHECKING:
    from PIL import ImageCms

_WHITE = (255, 255, 255)

# Sixteen bits to eight: 65535 / 257 is 255.
_SIXTEEN_TO_EIGHT = 257.0


def flatten(image: Image.Image) -> Image.Image:
    """Give the picture as RGB, or as grey (`L`) where it has no colour.

    Args:
        image: a loaded picture of any mode.

    Returns:
        The picture itself where it is already so.
    """
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_eight_bits(np.asarray(image)))
    if image.has_transparency_data:
        coloured = image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
        if coloured.getextrema()[-1] == (255, 255):
            return coloured.convert("RGB")  # a screenshot: all of it is opaque
        paper = Image.new("RGB", image.size, _WHITE)
        paper.paste(coloured.convert("RGB"), mask=coloured.getchannel("A"))
        return paper
    if image.mode in ("RGB", "L"):
        return image
    return image.convert("L" if image.mode in ("1", "LA", "La") else "RGB")


def _to_eight_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale deep grey: 16-bit integers by their full range, anything else by what it holds.

    Floating and 32-bit pictures name no white: up to 1, 255 or 65535 the nearest customary range is taken,
    beyond it the picture's own extremes.
    """
    grey = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(grey.min()), float(grey.max())
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        grey /= _SIXTEEN_TO_EIGHT
    elif low < 0 or high > 65535:
        grey = (grey - low) * (255.0 / max(high - low, 1e-12))
    elif high > 255:
        grey /= _SIXTEEN_TO_EIGHT
    elif high <= 1.0 and values.dtype.kind == "f":
        grey *= 255.0
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Bring a small RGB picture from its own colour space to sRGB, for eyes.

    Models get the numbers as they stand, because they were trained so; a thumbnail without its profile
    would look pale. Costs 0.5 ms for 256 pixels once the profile is known.

    Args:
        image: an RGB picture.
        profile: its ICC profile.

    Returns:
        The picture in sRGB, or itself where the profile is sRGB already or cannot be used.
    """
    transform = _transform_from(profile)
    if transform is None:
        return image
    from PIL import ImageCms

    return ImageCms.applyTransform(image, transform) or image


@lru_cache(maxsize=16)  # phones use one or two profiles; building a transform takes 4 ms
def _transform_from(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None  # a damaged or grey profile: the thumbnail keeps its numbers


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
