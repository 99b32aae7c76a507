"""Thumbnails made small: the right cell, the right size, and no stop at a damaged one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from vecclust.photos.thumbnails import frame_of, pack_sheet, smaller, strip_pixels
from vecclust.types.photos import Framing


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (256, 192)) -> bytes:
    """Give a plain JPEG."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


def test_every_picture_lies_in_its_cell() -> None:
    """Row by row; a missing or damaged one leaves its cell grey, the others where they belong."""
    red, green, blue = (220, 20, 20), (20, 200, 20), (20, 20, 220)
    given = [jpeg(red), None, jpeg(green, (40, 256)), b"damaged", jpeg(blue, (256, 40))]
    with Image.open(io.BytesIO(pack_sheet(given, cell_px=32, columns=2))) as sheet:
        assert sheet.size == (64, 96)
        middles = [sheet.convert("RGB").getpixel((16 + 32 * (at % 2), 16 + 32 * (at // 2))) for at in range(6)]
    grey = (128, 128, 128)
    for seen, wanted in zip(middles, (red, grey, green, grey, blue, grey), strict=True):
        assert isinstance(seen, tuple)
        assert max(abs(one - other) for one, other in zip(seen, wanted, strict=True)) < 12


def test_no_picture_is_an_empty_sheet() -> None:
    """One row of empty cells."""
    with Image.open(io.BytesIO(pack_sheet([], cell_px=16, columns=3))) as sheet:
        assert sheet.size == (48, 16)


@pytest.mark.parametrize(("size", "wanted"), [((256, 128), (100, 50)), ((128, 256), (50, 100)), ((40, 30), (40, 30))])
def test_a_smaller_picture_keeps_its_shape(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    """The longer side is as asked for, and nothing is made larger."""
    with Image.open(io.BytesIO(smaller(jpeg((9, 9, 9), size), longest_px=100))) as made:
        assert made.format == "WEBP"
        assert made.size == wanted


def test_a_damaged_thumbnail_becomes_a_grey_dot() -> None:
    """A page is made anyway."""
    with Image.open(io.BytesIO(smaller(b"\xff\xd8 damaged", longest_px=100))) as made:
        assert made.size == (1, 1)


def test_a_strip_shows_whole_pictures_side_by_side() -> None:
    """Each at the left and the bottom of its tile; a missing or damaged one leaves nothing there."""
    pixels = strip_pixels([jpeg((220, 20, 20)), None, b"damaged", jpeg((20, 20, 220))], tile_px=(20, 20), gap_px=1)
    assert pixels.shape == (20, 80, 4)
    opaque = pixels[..., 3] == 255
    assert (opaque.any(axis=0).nonzero()[0].tolist(), opaque.any(axis=1).nonzero()[0].tolist()) == (
        [*range(19), *range(60, 79)],
        list(range(6, 20)),
    )
    assert abs(pixels[10, 10, :3].astype(int) - (220, 20, 20)).max() < 12
    assert abs(pixels[10, 70, :3].astype(int) - (20, 20, 220)).max() < 12


@pytest.mark.parametrize(
    "framing", [Framing(32, 32), Framing(64, 48, "squash"), Framing(300, 300, "longest", fill=200)]
)
def test_a_frame_is_cut_as_the_model_asks(framing: Framing) -> None:
    """Of any size, larger than the thumbnail too; one that cannot be read is none."""
    frame = frame_of(jpeg((220, 20, 20)), framing)
    assert frame is not None
    assert (frame.shape, frame.dtype) == ((framing.height_px, framing.width_px, 3), np.uint8)
    middle = frame[framing.height_px // 2, framing.width_px // 2].astype(int)
    assert np.abs(middle - (220, 20, 20)).max() < 12
    assert frame_of(b"damaged", framing) is None
