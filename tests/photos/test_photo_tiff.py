"""TIFFs that Pillow misreads or does not know: right, or refused in true words."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.photos.pictures import content_of, encode, encode_tiff, linear_grey_profile, psnr, scene
from vecclust.errors import TooLarge, Unreadable
from vecclust.photos import DecodeLimits
from vecclust.photos.decode import decode
from vecclust.photos.tiff import read_layout
from vecclust.types.photos import DecodedPhoto, Framing

RGB, CMYK, LAB, ICC_LAB, WHITE_IS_ZERO, BLACK_IS_ZERO = 2, 5, 8, 9, 0, 1
WAYS: dict[str, dict[str, Any]] = {
    "strips": {},
    "planes": {"planar": True},
    "the other order": {"order": ">"},
    "planes in the other order": {"planar": True, "order": ">"},
    "differences": {"predictor": 2},
    "differences in planes": {"predictor": 2, "planar": True, "order": ">"},
    "tiles": {"tile": 32},
    "tiles of differences in planes": {"tile": 32, "predictor": 2, "planar": True},
}


def decoded(data: bytes, **limits: Any) -> DecodedPhoto:
    """Decode bytes to a small square."""
    return decode(content_of(data), Framing(64, 64, "squash"), DecodeLimits(**limits))


def frame_of(image: Image.Image) -> np.ndarray:
    """Give what a plain picture becomes."""
    return decoded(encode(image, "PNG")).frame


def stored(values: np.ndarray, dtype: str) -> np.ndarray:
    """Store shares of full light as samples of a type."""
    kind = np.dtype(dtype)
    return values.astype(kind) if kind.kind == "f" else np.rint(values * np.iinfo(kind).max).astype(kind)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """A picture whose sides are no multiples of a tile's."""
    return scene(100, 70)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", ["u1", "u2", "f2", "f4", "f8"])
@pytest.mark.parametrize("kind", ["colours", "colours with alpha", "grey", "inverted grey", "grey with alpha", "inks"])
def test_samples_of_every_layout_are_read_right(picture: Image.Image, kind: str, dtype: str, way: str) -> None:
    """The same picture comes out of planes, tiles, both orders of bytes, differences, deep and floating samples."""
    light = np.asarray(picture, np.float64) / 255
    grey, opaque = light[..., :1], np.ones((70, 100, 1))
    photometric, values = {
        "colours": (RGB, light),
        "colours with alpha": (RGB, np.concatenate([light, opaque], axis=-1)),
        "grey": (BLACK_IS_ZERO, grey),
        "inverted grey": (WHITE_IS_ZERO, 1 - grey),
        "grey with alpha": (BLACK_IS_ZERO, np.concatenate([grey, opaque], axis=-1)),
        "inks": (CMYK, np.concatenate([1 - light, 0 * opaque], axis=-1)),
    }[kind]
    shown = frame_of(picture.getchannel(0) if "grey" in kind else picture)
    assert psnr(decoded(encode_tiff(stored(values, dtype), photometric, **WAYS[way])).frame, shown) >= 38


@pytest.mark.parametrize("planar", [False, True])
def test_differences_of_floating_bytes_are_undone(picture: Image.Image, planar: bool) -> None:
    """The predictor that Photoshop uses for floating samples."""
    samples = stored(np.asarray(picture, np.float64) / 255, "f4")
    data = encode_tiff(samples, RGB, predictor=3, planar=planar, tile=32)
    assert psnr(decoded(data).frame, frame_of(picture)) >= 38


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("photometric", [LAB, ICC_LAB])
def test_lab_is_shown_as_it_looks(photometric: int, dtype: str, way: str) -> None:
    """Lightness 50 with a of 60 is pink, with b of -50 blue; both ways to store a sign are known."""
    lab = np.zeros((70, 100, 3))
    lab[:, :50], lab[:, 50:] = (50, 60, 0), (50, 0, -50)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        samples = lab.astype(kind)
    else:
        steps = 2 ** (8 * kind.itemsize)
        ab = np.rint(lab[..., 1:] * steps / 256)
        ab = ab + steps // 2 if photometric == ICC_LAB else ab % steps
        samples = np.concatenate([np.rint(lab[..., :1] / 100 * (steps - 1)), ab], axis=-1).astype(kind)
    frame = decoded(encode_tiff(samples, photometric, **WAYS[way])).frame.astype(np.int16)
    assert np.abs(frame[32, 10] - (201, 70, 119)).max() <= 8
    assert np.abs(frame[32, 54] - (46, 122, 204)).max() <= 12


@pytest.mark.parametrize(("brightest", "shown"), [(1.0, 1.0), (4.0, 0.25), (255.0, 1 / 255), (65535.0, 1 / 65535)])
def test_floating_light_is_scaled_to_what_it_holds(picture: Image.Image, brightest: float, shown: float) -> None:
    """White may be 1, 255 or 65535; a lamp brighter than white takes no light from the rest."""
    light = np.asarray(picture, np.float64) / 255 * brightest
    light[0, 0] = 1000 * brightest
    frame = decoded(encode_tiff(light.astype(np.float32), RGB)).frame
    assert (
        psnr(
            frame[8:, 8:],
            frame_of(Image.fromarray(np.rint(255 * np.clip(light * shown, 0, 1)).astype(np.uint8)))[8:, 8:],
        )
        >= 30
    )


def test_the_light_of_a_large_floating_picture_is_that_of_all_its_colours() -> None:
    """Its range is read from a part of it: not from the first colour, and not from the dark sky above."""
    light = np.zeros((1200, 1000, 3), np.float32)
    light[400:, :, 2] = 4.0
    frame = decoded(encode_tiff(light, RGB)).frame
    assert (frame[40] == (0, 0, 255)).all()
    light[400:, :, 2] = 2.0
    light[400:, :500, 2] = 4.0
    assert np.abs(decoded(encode_tiff(light, RGB)).frame[40, 50].astype(np.int16) - (0, 0, 128)).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_read_here_is_turned_once_and_keeps_what_it_says(picture: Image.Image, orientation: int) -> None:
    """Orientation, date and profile count as they do in any other TIFF."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0x9003] = "2020:02:03 04:05:06"
    grey = np.asarray(picture.getchannel(0), np.uint16) * 257
    data = bytearray(encode(Image.fromarray(grey), "TIFF", exif=exif.tobytes(), icc_profile=linear_grey_profile()))
    at = data.index(b"\x06\x01\x03\0\x01\0\0\0\x01\0")
    data[at + 8] = WHITE_IS_ZERO
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(encode(picture.getchannel(0), "PNG", exif=exif))))
    photo = decoded(bytes(data))
    assert (photo.width_px, photo.height_px) == upright.size
    assert psnr(photo.frame, frame_of(ImageOps.invert(upright))) >= 38
    assert photo.taken is not None
    assert photo.taken.when.year == 2020
    bare = decoded(encode(ImageOps.invert(upright), "PNG"))
    brighter = np.asarray(Image.open(io.BytesIO(photo.thumbnail))).mean()
    assert brighter > np.asarray(Image.open(io.BytesIO(bare.thumbnail))).mean() + 20


def test_what_cannot_be_read_is_called_by_its_layout(picture: Image.Image) -> None:
    """The reason is what is unusual about it, not damage."""
    data = bytearray(encode_tiff(stored(np.asarray(picture, np.float64) / 255, "u2"), RGB))
    # CFA: what a sensor saw.
    at = data.index(b"\x06\x01\x04\0\x01\0\0\0\x02\0\0\0")
    data[at + 8 : at + 10] = (32803).to_bytes(2, "little")
    with pytest.raises(
        Unreadable, match=r"3 whole samples of 16 bits a pixel .*photometric 32803.* cannot be read here"
    ):
        decoded(bytes(data))


def test_a_layout_that_cannot_be_read_is_left_to_the_decoder() -> None:
    """A damaged directory is damaged."""
    assert read_layout(b"II*\0\x08\0\0\0") is None
    with pytest.raises(Unreadable, match="damaged"):
        decoded(b"II*\0\x08\0\0\0\1\0" + bytes(20))


def test_the_limit_counts_what_fills_tiles_up() -> None:
    """A tile of a whole sheet around a small picture costs what the sheet costs."""
    data = encode_tiff(np.zeros((20, 20, 3), np.float32), RGB, tile=256)
    assert decoded(data, pixels=256 * 256).width_px == 20
    with pytest.raises(TooLarge, match="megapixels"):
        decoded(data, pixels=256 * 256 - 1)
