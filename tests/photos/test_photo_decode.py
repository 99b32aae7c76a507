"""Bytes to pictures: every mode and format, what is refused and in which words."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from tests.photos.pictures import content_of, encode, psnr, scene
from vecclust.errors import PhotoError, TooLarge, Unreadable
from vecclust.photos import DecodeLimits
from vecclust.photos.decode import decode
from vecclust.types.photos import DecodedPhoto, Framing

SMALL = Framing(64, 64, "squash")


def decoded(data: bytes, framing: Framing = SMALL, **limits: Any) -> DecodedPhoto:
    """Decode bytes."""
    return decode(content_of(data), framing, DecodeLimits(**limits))


def expected(image: Image.Image) -> np.ndarray:
    """Give what a plain RGB picture becomes."""
    return np.asarray(image.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC, reducing_gap=3.0))


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "WEBP", "JPEG", "AVIF", "GIF", "HEIF"])
def test_every_format_is_decoded(form: str) -> None:
    """A picture comes back as itself, by its content whatever its name."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    image = scene(160, 120)
    options = {"lossless": True} if form == "WEBP" else {"quality": 95} if form in ("JPEG", "AVIF", "HEIF") else {}
    photo = decoded(encode(image, form, **options))
    assert (photo.width_px, photo.height_px) == (160, 120)
    assert psnr(photo.frame, expected(image)) >= (20 if form == "GIF" else 30)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LA", "RGBA"])
def test_every_mode_is_decoded_as_seen(mode: str) -> None:
    """Palette, ink, bilevel and grey pictures look as they do in a viewer."""
    image = scene(160, 120).convert(mode)
    photo = decoded(encode(image, "TIFF" if mode == "CMYK" else "PNG"))
    assert psnr(photo.frame, expected(image)) >= 40


def test_an_ink_jpeg_is_drafted_and_not_inverted() -> None:
    """CMYK JPEGs keep their light and dark."""
    image = scene(1600, 1200).convert("CMYK")
    assert psnr(decoded(encode(image, "JPEG", quality=95)).frame, expected(image)) >= 30


@pytest.mark.parametrize(("form", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I"), ("TIFF", "F")])
def test_deep_grey_is_scaled_and_not_white(form: str, mode: str) -> None:
    """Sixteen and 32-bit grey keep their shades: Pillow's own conversion clips nearly all of them to white."""
    ramp = np.linspace(0, 65535, 128 * 96).reshape(96, 128)
    types = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
    photo = decoded(encode(Image.fromarray(ramp.astype(types[mode])), form))
    shades = Image.fromarray(np.rint(ramp / 257).astype(np.uint8))
    assert psnr(photo.frame, expected(shades)) >= 45


def test_floating_pictures_up_to_one_are_scaled_and_nan_is_black() -> None:
    """A TIFF of reflectances is not black, and not-a-number harms nothing."""
    values = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    values[0, 0] = np.nan
    frame = decoded(encode(Image.fromarray(values), "TIFF")).frame
    assert frame.min() == 0
    assert frame.max() == 255


@pytest.mark.parametrize("kind", ["RGBA", "LA", "P", "RGB"])
def test_transparency_is_put_on_white(kind: str) -> None:
    """What is transparent is white, whatever colour lies below it."""
    options: dict[str, Any] = {}
    if kind == "RGBA":
        image = Image.new("RGBA", (64, 64), (200, 0, 0, 0))
        image.paste((0, 0, 255, 255), (0, 0, 32, 64))
    elif kind == "LA":
        image = Image.new("LA", (64, 64), (0, 0))
        image.paste((100, 255), (0, 0, 32, 64))
    else:
        image = Image.new("RGB", (64, 64), (10, 20, 30))
        image.paste((0, 0, 255), (0, 0, 32, 64))
        options = {"transparency": (10, 20, 30)}
        if kind == "P":
            image = image.quantize(4)
            options = {"transparency": image.getpixel((63, 63))}
    frame = decoded(encode(image, "PNG", **options)).frame
    assert (frame[:, 40:] == 255).all()
    assert (frame[:, :24] != 255).any(axis=-1).all()


def test_the_first_frame_of_moving_pictures_is_taken() -> None:
    """GIF, WebP and APNG stand at their beginning, MPO at its first picture."""
    first, second = scene(64, 64), Image.new("RGB", (64, 64), (255, 0, 255))
    for form in ("GIF", "WEBP", "PNG", "MPO", "TIFF"):
        frame = decoded(encode(first.copy(), form, save_all=True, append_images=[second.copy()])).frame
        assert psnr(frame, np.asarray(first)) >= 20, form


def test_the_primary_picture_of_a_heic_is_taken() -> None:
    """A burst is shown by the picture its phone chose."""
    import pillow_heif

    first, second = Image.new("RGB", (64, 64), (255, 0, 255)), scene(64, 64)
    heif = pillow_heif.from_pillow(first)
    heif.add_from_pillow(second)
    out = io.BytesIO()
    heif.save(out, quality=95, primary_index=1)
    assert psnr(decoded(out.getvalue()).frame, np.asarray(second)) >= 28


def test_the_thumbnail_is_small_and_bare() -> None:
    """A JPEG of at most the asked size, without EXIF, comment, place or profile."""
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encode(scene(1200, 800), "JPEG", exif=exif, comment=b"secret", icc_profile=profile)
    thumbnail = Image.open(io.BytesIO(decoded(data).thumbnail))
    assert thumbnail.format == "JPEG"
    assert thumbnail.size == (256, 171)
    assert not thumbnail.getexif()
    assert not {"comment", "icc_profile", "exif"} & set(thumbnail.info)
    assert decoded(data, thumbnail_px=100).thumbnail.startswith(b"\xff\xd8")
    assert Image.open(io.BytesIO(decoded(data, thumbnail_px=600).thumbnail)).size == (600, 400)
    assert decoded(data, thumbnail_px=0).thumbnail == b""
    assert Image.open(io.BytesIO(decoded(encode(scene(20, 10), "PNG")).thumbnail)).size == (20, 10)


@pytest.mark.parametrize("framing", [Framing(256, 256), Framing(64, 64), Framing(256, 256, "squash")])
def test_the_thumbnail_shows_the_whole_picture(framing: Framing) -> None:
    """However the model wants its frame, the thumbnail is uncut and not distorted."""
    image = scene(1000, 500)
    thumbnail = Image.open(io.BytesIO(decoded(encode(image, "PNG"), framing).thumbnail))
    assert thumbnail.size == (256, 128)
    assert psnr(np.asarray(thumbnail), np.asarray(image.resize((256, 128), Image.Resampling.BICUBIC))) >= 25


def test_wide_colours_are_brought_to_srgb_for_eyes_alone() -> None:
    """A profile changes the thumbnail and not the frame; a broken one changes nothing."""
    image = Image.new("RGB", (64, 64), (200, 60, 40))
    # LAB is no RGB space and cannot be used; a linear-light profile is and moves the numbers a lot.
    linear = _linear_profile()
    plain, profiled = decoded(encode(image, "PNG")), decoded(encode(image, "PNG", icc_profile=linear))
    broken = decoded(encode(image, "PNG", icc_profile=b"no profile at all"))
    assert np.array_equal(plain.frame, profiled.frame)
    assert plain.thumbnail == broken.thumbnail
    shown = Image.open(io.BytesIO(profiled.thumbnail)).getpixel((32, 32))
    assert shown[2] > 80  # linear 40 is sRGB 109


def _linear_profile() -> bytes:
    """Make an sRGB profile's copy whose curves are straight: its light is linear."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for number in range(struct.unpack_from(">I", data, 128)[0]):
        name, at, length = struct.unpack_from(">4sII", data, 132 + 12 * number)
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            data[at : at + length] = (b"curv" + bytes(8)).ljust(length, b"\0")
        if name == b"desc":
            data[at : at + length] = bytes(data[at : at + length]).replace(b"s\0R\0G\0B", b"t\0e\0s\0t")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\x0a" + b"x" * 50, "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + b"x" * 50, "JPEG XL"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"x" * 50, "a video"),
        (b"\0\0\0\x18ftypcrx \0\0\0\0crx isom" + b"x" * 50, "raw"),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"just words", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "PNG"),
        (b"\xff\xd8\xff\xe0" + b"x" * 50, "JPEG"),
    ],
)
def test_what_is_no_picture_is_refused_by_its_name(data: bytes, words: str) -> None:
    """The reason names what the file is, in words a person understands."""
    with pytest.raises(Unreadable, match=words):
        decoded(data)


def test_a_raw_file_in_tiff_clothing_is_refused() -> None:
    """A DNG opens as its tiny thumbnail: that is not the photo."""
    tags = Image.Exif()
    tags[50706] = b"\x01\x04\0\0"
    with pytest.raises(Unreadable, match="raw"):
        decoded(encode(scene(32, 32), "TIFF", tiffinfo=dict(tags)))


def _hostile_png(width: int, height: int) -> bytes:
    """Claim a size that is not there."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def test_a_size_over_the_limit_is_refused_by_the_header() -> None:
    """Gigapixels are refused before anything is decoded, in megapixels and with the key that raises the limit."""
    with pytest.raises(TooLarge, match="3600 megapixels, more than the 300") as caught:
        decoded(_hostile_png(60_000, 60_000))
    assert "photos.max_megapixels" in caught.value.hint


def test_a_jpeg_has_a_limit_of_its_own() -> None:
    """A JPEG is decoded at a fraction and may be larger than others."""
    image = Image.new("RGB", (1600, 1200), (9, 99, 199))
    data = encode(image, "JPEG")
    assert decoded(data, pixels=1_000_000).width_px == 1600
    with pytest.raises(TooLarge, match="megapixels"):
        decoded(data, jpeg_pixels=1_000_000)
    with pytest.raises(TooLarge):
        decoded(encode(image, "PNG"), pixels=1_000_000)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_cut_picture_is_refused(form: str) -> None:
    """Half a file is never taken for a whole one: no grey lower halves in the library."""
    whole = encode(scene(300, 200), form)
    with pytest.raises(PhotoError):
        decoded(whole[: len(whole) // 2])


def test_any_error_of_a_decoder_becomes_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """ValueError, SyntaxError, struct.error, EOFError and MemoryError occur; none leaves the room."""
    data = encode(scene(30, 20), "PNG")
    for error, ours in [
        (ValueError("bad"), Unreadable),
        (SyntaxError("broken PNG file"), Unreadable),
        (struct.error("unpack"), Unreadable),
        (EOFError(), Unreadable),
        (TypeError("raw"), Unreadable),
        (OSError("image file is truncated (3 bytes not processed)"), Unreadable),
        (RuntimeError("Memory allocation error: Security limit exceeded"), TooLarge),
        (MemoryError(), TooLarge),
    ]:

        def fail(self: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", fail)
        with pytest.raises(ours) as caught:
            decoded(data)
        assert caught.value.__cause__ is error
        assert caught.value.message


def test_no_warning_escapes() -> None:
    """Pillow warns of large pictures, palettes and damaged EXIF; nobody else hears of it."""
    image = scene(64, 64).quantize(8)
    data = encode(image, "PNG", transparency=bytes([0, 128, 255]))
    damaged = encode(scene(64, 64), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decoded(data)
        assert decoded(damaged).taken is not None


def test_metadata_that_cannot_be_read_does_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even when reading EXIF raises, the photo is decoded."""

    def fail(self: object) -> None:
        raise ValueError("damaged")

    data = encode(scene(64, 64), "PNG")
    monkeypatch.setattr(Image.Image, "getexif", fail)
    photo = decoded(data)
    assert photo.frame.shape == (64, 64, 3)
    assert photo.place is None


def test_time_and_place_come_with_the_photo() -> None:
    """The decoder hands over what EXIF says."""
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0x9011: "+02:00"})
    exif.get_ifd(0x8825).update({1: "S", 2: (12.0, 30.0, 0.0), 3: "E", 4: (45.0, 0.0, 0.0)})
    photo = decoded(encode(scene(64, 64), "JPEG", exif=exif))
    assert photo.taken is not None
    assert photo.taken.when.isoformat() == "2024-05-06T07:08:09+02:00"
    assert photo.place is not None
    assert (photo.place.latitude, photo.place.longitude) == (-12.5, 45.0)
