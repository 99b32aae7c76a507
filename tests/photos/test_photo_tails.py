"""Pictures whose end is zeros: room that a copy reserved and never filled, or a picture that is black there."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.photos.pictures import encode, scene
from vecclust.errors import PhotoError, TooLarge
from vecclust.photos import end_of
from vecclust.photos.content import DecodeLimits
from vecclust.photos.formats import webp_pixels
from vecclust.photos.pool import DecodePool, KnownPhoto, Outcome, outcome_of
from vecclust.photos.tails import is_plain_cut
from vecclust.photos.walk import look_at
from vecclust.types.photos import DecodedPhoto, Framing

FRAMING = Framing(width_px=32, height_px=32)
LIMITS = DecodeLimits(thumbnail_px=0)


def _heic(image: Image.Image) -> bytes:
    import pillow_heif

    pillow_heif.register_heif_opener()
    return encode(image, "HEIF", quality=80)


FORMATS = {
    "jpeg": lambda image: encode(image, "JPEG", quality=90),
    "png": lambda image: encode(image, "PNG"),
    "webp": lambda image: encode(image, "WEBP", quality=80),
    "webp-lossless": lambda image: encode(image, "WEBP", lossless=True),
    "webp-animated": lambda image: encode(image, "WEBP", save_all=True, append_images=[image.rotate(180)]),
    "gif": lambda image: encode(image.quantize(64), "GIF"),
    "bmp": lambda image: encode(image, "BMP"),
    "bmp-grey": lambda image: encode(image.convert("L"), "BMP"),
    "tiff": lambda image: encode(image, "TIFF"),
    "tiff-lzw": lambda image: encode(image, "TIFF", compression="tiff_lzw"),
    "tiff-deflate": lambda image: encode(image, "TIFF", compression="tiff_adobe_deflate"),
    "tiff-jpeg": lambda image: encode(image, "TIFF", compression="jpeg"),
    "heic": _heic,
    "avif": lambda image: encode(image, "AVIF", speed=9),
}
SCENES = [scene(240 + 7 * seed, 160 + 5 * seed, seed=seed) for seed in range(10)]


def _outcome(file: Path) -> Outcome:
    return outcome_of(look_at(file), frozenset(), framing=FRAMING, limits=LIMITS)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every file been quiet for as long as it takes: nothing sets the time of its last change back."""
    monkeypatch.setattr("vecclust.photos.pool.is_quiet", lambda *_, **__: True)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.usefixtures("quiet")
def test_no_picture_that_ends_in_zeros_is_taken_for_whole(name: str, tmp_path: Path) -> None:
    """Ten of each format, cut anywhere and filled up, long ago: each has a true reason, and none is `ready`."""
    rng = random.Random(1)
    for number, image in enumerate(SCENES):
        whole = FORMATS[name](image)
        kept = int(len(whole) * rng.uniform(0.3, 0.95))
        file = tmp_path / f"{number}.bin"
        file.write_bytes(whole[:kept] + bytes(len(whole) - kept))
        assert end_of(file.read_bytes()).state != "finished"
        outcome = _outcome(file)
        reason = outcome.damaged if isinstance(outcome, DecodedPhoto) else str(outcome)
        assert not isinstance(outcome, KnownPhoto)
        assert any(word in reason for word in ("zeros", "missing")), (number, reason)
        assert isinstance(outcome, PhotoError) or name.startswith(("jpeg", "bmp", "tiff"))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.usefixtures("quiet")
def test_a_picture_that_is_black_to_the_bottom_is_taken_as_it_is(name: str, tmp_path: Path) -> None:
    """Bars as films have them, above and below: whole, in every format, after a wait at most."""
    for number, image in enumerate(SCENES):
        pixels = np.asarray(image).copy()
        pixels[: 20 + number] = pixels[-30 - number :] = 0
        file = tmp_path / f"{number}.bin"
        file.write_bytes(FORMATS[name](Image.fromarray(pixels)))
        assert end_of(file.read_bytes()).state != "unfinished"
        outcome = _outcome(file)
        assert isinstance(outcome, DecodedPhoto), outcome
        assert outcome.damaged == ""


@pytest.mark.usefixtures("quiet")
def test_a_slanted_black_edge_is_a_doubt_and_no_refusal(tmp_path: Path) -> None:
    """A scan laid slightly askew on black: where it looks like a cut it is taken all the same, and listed."""
    pixels = np.asarray(scene(240, 160)).copy()
    y, x = np.mgrid[0:160, 0:240]
    pixels[y > 120 + x * -0.004] = 0
    file = tmp_path / "askew.tif"
    file.write_bytes(encode(Image.fromarray(pixels), "TIFF"))
    assert isinstance(_outcome(file), DecodedPhoto)


def test_zeros_are_room_only_where_the_row_above_is_no_neighbour() -> None:
    """The rule by itself: rows of a hundred bytes."""
    bright, black = bytes([200]) * 100, bytes(100)

    def is_cut(*rows: bytes) -> bool:
        data = b"".join(rows)
        return is_plain_cut(data, start=0, end=len(data), row_bytes=100)

    assert is_cut(bright, bright, bytes([200]) * 40 + bytes(60), black)
    assert not is_cut(bright, bright, black, black)  # a bar
    assert not is_cut(bright, bytes([200]) * 40 + bytes(60), bytes([200]) * 40 + bytes(60))  # a black object
    assert not is_cut(bright, bright, bytes([200]) * 60 + bytes(40))  # too few to tell
    assert not is_cut(black, black)
    assert not is_cut(bright)


def test_a_heic_is_judged_by_its_items() -> None:
    """Zeros behind the pixels, as a phone may leave them, are no missing pixels."""
    whole = FORMATS["heic"](SCENES[0])
    at = whole.index(b"mdat") - 4
    length = int.from_bytes(whole[at : at + 4], "big")
    padded = whole[:at] + (length + 400).to_bytes(4, "big") + whole[at + 4 : at + length] + bytes(400)
    assert end_of(padded + whole[at + length :]).state != "unfinished"
    assert end_of(whole[:-400] + bytes(400)).state == "unfinished"


@pytest.mark.parametrize("name", ["webp", "webp-lossless", "webp-animated"])
def test_the_header_of_a_webp_tells_its_pixels(name: str) -> None:
    """In each of the three ways; what is cut before it tells nothing."""
    data = FORMATS[name](SCENES[1])
    assert webp_pixels(data) == SCENES[1].width * SCENES[1].height
    assert webp_pixels(data[:20]) == 0


def test_a_webp_without_room_is_too_large_and_not_damaged(tmp_path: Path) -> None:
    """Under the limit of a decoding process, where libwebp only says that it failed."""
    file = tmp_path / "wide.webp"
    file.write_bytes(encode(Image.new("RGB", (16_000, 6_000)), "WEBP", lossless=True, method=0))
    with DecodePool(FRAMING, limits=DecodeLimits(memory_bytes=900 << 20), processes=1) as pool:
        outcome = pool.outcome_from(pool.submit(look_at(file), frozenset()))
    assert isinstance(outcome, TooLarge)
    assert "more memory" in str(outcome)
