"""Frames are what open_clip's own preprocessing would make of the same picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.photos.pictures import content_of, encode, psnr, scene
from vecclust.photos.decode import decode
from vecclust.photos.pixels import resized_size
from vecclust.types.photos import Framing

FRAMINGS = [
    Framing(224, 224),
    Framing(256, 256, "shortest", "bilinear"),
    Framing(240, 320),
    Framing(320, 200, "shortest", "bilinear"),
    Framing(256, 256, "longest", fill=127),
    Framing(160, 240, "longest"),
    Framing(256, 256, "squash"),
    Framing(384, 378, "squash", "bilinear"),
]
SIZES = [(640, 480), (481, 641), (333, 1000), (800, 299), (256, 256), (100, 75), (17, 31), (224, 500)]


def reference(image: Image.Image, framing: Framing) -> NDArray[np.uint8]:
    """Run the Pillow steps of open_clip's transform, without tensor and normalisation."""
    from open_clip.transform import image_transform

    size: Any = (framing.height_px, framing.width_px)
    transform = image_transform(
        size,
        is_train=False,
        resize_mode=framing.resize_mode,
        interpolation=framing.interpolation,
        fill_color=framing.fill,
    )
    for step in transform.transforms[:-2]:
        image = step(image)
    return np.asarray(image)


@pytest.mark.parametrize(
    "framing", FRAMINGS, ids=lambda f: f"{f.resize_mode}-{f.width_px}x{f.height_px}-{f.interpolation}"
)
def test_a_frame_equals_open_clips_pixel_for_pixel(framing: Framing) -> None:
    """Where nothing is decoded at a fraction, every pixel agrees: same rounding of sizes, cuts and borders."""
    for number, (width, height) in enumerate(SIZES):
        image = scene(width, height, seed=number)
        for picture in (image, image.convert("L")):
            decoded = decode(content_of(encode(picture, "PNG")), framing)
            expected = reference(picture, framing)
            assert decoded.frame.shape == (framing.height_px, framing.width_px, 3)
            assert decoded.frame.dtype == np.uint8
            assert np.array_equal(decoded.frame, expected), (width, height, picture.mode)


@pytest.mark.parametrize(("side", "size"), [(224, (4217, 2817)), (256, (3001, 2003)), (384, (1553, 2051))])
def test_a_drafted_jpeg_is_within_45_db_of_open_clip(side: int, size: tuple[int, int]) -> None:
    """Odd sizes too: a fraction that does not divide the side must not stretch the picture."""
    data = encode(scene(600, 400).resize(size, Image.Resampling.BICUBIC), "JPEG", quality=92)
    decoded = decode(content_of(data), Framing(side, side))
    assert psnr(decoded.frame, reference(Image.open(io.BytesIO(data)), Framing(side, side))) >= 45


@pytest.mark.parametrize(
    "name",
    [
        "albums/text/japanese-shop.jpg",
        "albums/text/handwritten-notes.jpg",
        "albums/text/book-beside-flowers.jpg",
        "metadata/gps-position/empty_gps.jpg",
        "formats/heic/IMG_2682.heic",
        "formats/avif/10bit-HDR-P3-nclx.avif",
    ],
)
def test_real_photos_are_within_45_db_of_open_clip(shared_photos: Path, name: str) -> None:
    """Photos of 12 to 24 megapixels, odd sizes among them, decoded at a fraction or shrunk in two steps."""
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)
    data = (shared_photos / "files" / "test-assets" / name).read_bytes()
    framing = Framing(256, 256)
    with Image.open(io.BytesIO(data)) as image:
        expected = reference(ImageOps.exif_transpose(image).convert("RGB"), framing)
    assert psnr(decode(content_of(data), framing).frame, expected) >= 45


UPRIGHT_FORMS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "TIFF deflated": {"compression": "tiff_adobe_deflate"},
    "TIFF in JPEG": {"compression": "jpeg", "quality": 95},
    "AVIF": {"quality": 95},
    "HEIF": {"quality": 95},
    "MPO": {"quality": 95},
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", UPRIGHT_FORMS)
def test_a_turned_picture_gives_the_upright_frame(orientation: int, form: str) -> None:
    """Each of the eight orientations is undone once, in every format that can carry it: frame, size and thumbnail."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = scene(600, 401)
    turned = encode(stored, "PNG", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(turned)))
    # MPO needs a second picture to be one.
    more = {"save_all": True, "append_images": [stored.copy()]} if form == "MPO" else {}
    data = encode(stored, form.partition(" ")[0], exif=exif.tobytes(), **UPRIGHT_FORMS[form], **more)
    decoded = decode(content_of(data), Framing(256, 256))
    assert (decoded.width_px, decoded.height_px) == upright.size
    assert psnr(decoded.frame, reference(upright, Framing(256, 256))) >= (30 if form in ("AVIF", "HEIF") else 38)
    thumbnail = Image.open(io.BytesIO(decoded.thumbnail))
    small = upright.resize(thumbnail.size, Image.Resampling.HAMMING)
    assert psnr(np.asarray(thumbnail), np.asarray(small)) >= 27
    assert (thumbnail.width > thumbnail.height) == (upright.width > upright.height)


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "P", "CMYK", "RGBA"])
def test_a_turned_tiff_of_any_mode_is_upright(mode: str) -> None:
    """What Pillow turns by itself is not turned again, whatever its pixels are."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = scene(300, 200)
    image = Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    upright = decode(content_of(encode(image.transpose(Image.Transpose.ROTATE_270), "TIFF")), Framing(64, 64))
    turned = decode(content_of(encode(image, "TIFF", exif=exif)), Framing(64, 64))
    assert (turned.width_px, turned.height_px) == (200, 300)
    assert np.array_equal(turned.frame, upright.frame)
    assert turned.thumbnail == upright.thumbnail


@pytest.mark.parametrize("orientation", [0, 9, 99, 65535])
def test_an_orientation_that_does_not_exist_is_left_alone(orientation: int) -> None:
    """Zero and 99 occur: the picture stays as it is stored."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain = decode(content_of(encode(scene(300, 200), "PNG")), Framing(64, 64))
    tagged = decode(content_of(encode(scene(300, 200), "PNG", exif=exif)), Framing(64, 64))
    assert np.array_equal(plain.frame, tagged.frame)


@pytest.mark.parametrize("family", ["Landscape", "Portrait"])
def test_eight_orientations_of_a_scene_give_nearly_one_frame(shared_photos: Path, family: str) -> None:
    """The sample families were turned and encoded again; after turning back they differ by JPEG noise alone."""
    folder = shared_photos / "files" / "exif-orientation-examples"
    frames = [
        decode(content_of((folder / f"{family}_{number}.jpg").read_bytes()), Framing(256, 256)).frame
        for number in range(9)
    ]
    # Each was drawn with its own number and encoded anew: 29 dB. A wrong turn gives 8 to 12.
    assert min(psnr(frames[1], frame) for frame in frames) >= 27


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (3, 2000), (1, 1), (7000, 100)])
def test_strips_cost_no_memory_and_give_a_frame(mode: Any, size: tuple[int, int]) -> None:
    """A picture of one pixel by thousands is cut to its middle, not blown up to gigapixels."""
    decoded = decode(content_of(encode(scene(*size), "PNG")), Framing(256, 256, mode))
    assert decoded.frame.shape == (256, 256, 3)
    assert (decoded.width_px, decoded.height_px) == size
    assert max(Image.open(io.BytesIO(decoded.thumbnail)).size) <= 256


def test_the_resized_size_is_at_least_one_pixel() -> None:
    """No ratio rounds a side away."""
    assert resized_size(Framing(224, 224, "longest"), 10_000, 3) == (224, 1)
