"""The geometry of a model's input: how large the resized picture is, and what is cut from or added to it.

The rounding is open_clip's and torchvision's own (`Resize`, `CenterCrop`, `ResizeKeepRatio`,
`CenterCropOrPad`; tests hold it against `open_clip.image_transform`). Knows Pillow pictures, no files and
no formats.
"""

from __future__ import annotations

from PIL import Image

from vecclust.types.photos import Framing, Interpolation

_FILTERS: dict[Interpolation, Image.Resampling] = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
}


def filter_of(framing: Framing) -> Image.Resampling:
    """Give Pillow's name of the filter."""
    if framing.resize_mode == "shortest" and framing.width_px != framing.height_px:
        return Image.Resampling.BICUBIC  # open_clip passes no filter to ResizeKeepRatio there
    return _FILTERS[framing.interpolation]


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
