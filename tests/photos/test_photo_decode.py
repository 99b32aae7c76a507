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

from tests.photos.pictures import (
    content_of,
    encode,
    linear_grey_profile,
    pink_ink_profile,
    psnr,
    scene,
    wide_profile,
)
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
    """A profile changes the thumbnail and not the frame."""
    image = Image.new("RGB", (64, 64), (200, 60, 40))
    plain, profiled = decoded(encode(image, "PNG")), decoded(encode(image, "PNG", icc_profile=wide_profile()))
    assert np.array_equal(plain.frame, profiled.frame)
    assert plain.thumbnail != profiled.thumbnail


def colour_of(thumbnail: bytes, at: tuple[int, int] = (32, 32)) -> np.ndarray:
    """Give one pixel of a thumbnail."""
    return np.asarray(Image.open(io.BytesIO(thumbnail)).convert("RGB").getpixel(at), np.int16)


# One colour in every mode that can carry it, and the format that can.
ONE_COLOUR: dict[str, tuple[str, Image.Image]] = {
    "RGB": ("PNG", Image.new("RGB", (64, 64), (120, 220, 80))),
    "RGBA": ("PNG", Image.new("RGBA", (64, 64), (120, 220, 80, 255))),
    "P": ("PNG", Image.new("RGB", (64, 64), (120, 220, 80)).quantize(8)),
    "RGB in JPEG": ("JPEG", Image.new("RGB", (64, 64), (120, 220, 80))),
    "RGBA in WebP": ("WEBP", Image.new("RGBA", (64, 64), (120, 220, 80, 255))),
    "RGBA in TIFF": ("TIFF", Image.new("RGBA", (64, 64), (120, 220, 80, 255))),
    "RGBA in AVIF": ("AVIF", Image.new("RGBA", (64, 64), (120, 220, 80, 255))),
    "RGBA in HEIF": ("HEIF", Image.new("RGBA", (64, 64), (120, 220, 80, 255))),
}


@pytest.mark.parametrize("name", ONE_COLOUR)
def test_a_profile_is_honoured_in_every_mode_of_colours(name: str) -> None:
    """The thumbnail shows linear wide (120, 220, 80) as the brighter, purer colour that it is, and as RGB does."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    form, image = ONE_COLOUR[name]
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    shown = colour_of(decoded(encode(image, form, icc_profile=wide_profile(), **options)).thumbnail)
    # By the primaries: linear P3 (.47, .86, .31) is linear sRGB (.384, .881, .276), which is (167, 241, 144) of 255.
    assert np.abs(shown - (167, 241, 144)).max() <= 6


@pytest.mark.parametrize("mode", ["L", "LA", "I;16", "1"])
def test_a_profile_of_grey_is_honoured(mode: str) -> None:
    """Linear grey of 40 is 109 for eyes; black and white stay so."""
    image = Image.fromarray(np.full((64, 64), 40 * 257, np.uint16)) if mode == "I;16" else Image.new("L", (64, 64), 40)
    if mode != "I;16":
        image = image.convert(mode, dither=Image.Dither.NONE)
    photo = decoded(encode(image, "PNG", icc_profile=linear_grey_profile()))
    assert np.abs(colour_of(photo.thumbnail) - (0 if mode == "1" else 109)).max() <= 3
    assert (photo.frame == (0 if mode == "1" else 40)).all()


def test_grey_with_the_profile_of_colours_is_shown_by_it() -> None:
    """Editors leave the colour profile in a picture that became grey."""
    photo = decoded(encode(Image.new("L", (64, 64), 40), "JPEG", icc_profile=wide_profile()))
    assert np.abs(colour_of(photo.thumbnail) - 109).max() <= 3


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_the_profile_of_inks_is_honoured_for_eyes_and_for_the_model(form: str) -> None:
    """Inks have no numbers of a screen: without their profile they are guessed, with it both see what is printed."""
    image = Image.new("CMYK", (64, 64), (255, 0, 0, 0))
    photo = decoded(encode(image, form, icc_profile=pink_ink_profile()))
    pink = np.asarray((201, 70, 119))  # Lab (50, 60, 0) of D50 in sRGB
    assert np.abs(colour_of(photo.thumbnail) - pink).max() <= 8
    assert np.abs(photo.frame.astype(np.int16) - pink).max() <= 8
    plain = decoded(encode(image, form))
    assert np.abs(plain.frame.astype(np.int16) - (0, 255, 255)).max() <= 4


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_put_on_white_after_the_colours_are_right(mode: str) -> None:
    """White paper is white whatever the profile, and half of a colour is half of what it looks like."""
    if mode == "LA":
        image = Image.new("LA", (64, 64), (40, 128))
        options: dict[str, Any] = {"icc_profile": linear_grey_profile()}
        half = np.full(3, 182)  # of 109 and 255
    else:
        image = Image.new("RGBA", (64, 64), (120, 220, 80, 128))
        options, half = {"icc_profile": wide_profile()}, np.asarray((211, 248, 199))  # of (167, 241, 144) and 255
    image.paste(0, (0, 0, 32, 64))
    if mode == "P":
        image = image.quantize(4, method=Image.Quantize.FASTOCTREE)
    photo = decoded(encode(image, "PNG", **options))
    assert colour_of(photo.thumbnail, (8, 32)).min() >= 252
    assert np.abs(colour_of(photo.thumbnail, (56, 32)) - half).max() <= 6


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "CMYK", "I;16"])
@pytest.mark.parametrize("broken", ["no profile", "cut", "of other colours", "damaged inside"])
def test_a_broken_profile_blocks_no_photo(mode: str, broken: str) -> None:
    """What cannot be used is as good as absent."""
    fitting = {"CMYK": pink_ink_profile(), "L": linear_grey_profile(), "LA": linear_grey_profile()}
    profile = bytearray(fitting.get(mode, wide_profile()))
    other = {"L": pink_ink_profile(), "LA": pink_ink_profile(), "I;16": pink_ink_profile()}
    if broken == "damaged inside":
        profile[132:] = b"\xff" * len(profile[132:])
    data = {
        "no profile": b"no profile at all",
        "cut": bytes(profile[:140]),
        "of other colours": other.get(mode, linear_grey_profile()),
        "damaged inside": bytes(profile),
    }[broken]
    grey = scene(64, 64).convert("L")
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    image = deep if mode == "I;16" else scene(64, 64).convert(mode)
    with_it, without = decoded(encode(image, "TIFF", icc_profile=data)), decoded(encode(image, "TIFF"))
    assert np.array_equal(with_it.frame, without.frame)
    assert with_it.thumbnail == without.thumbnail


@pytest.mark.parametrize("broken", [b"a\0\7", b"a\0\0" + b"no zlib", b"a\0\0" + zlib.compress(bytes(30_000_000)), b"a"])
def test_a_broken_profile_of_a_png_blocks_no_photo(broken: bytes) -> None:
    """Its chunk is unpacked by the decoder itself, which must not stumble over it."""
    data = encode(scene(64, 64), "PNG")
    chunk = struct.pack(">I", len(broken)) + b"iCCP" + broken + struct.pack(">I", zlib.crc32(b"iCCP" + broken))
    assert np.array_equal(decoded(data[:33] + chunk + data[33:]).frame, decoded(data).frame)


@pytest.mark.parametrize("name", ["sRGB", "Linear sRGB, so called"])
def test_a_profile_is_known_by_what_it_does(name: str) -> None:
    """One that changes nothing leaves the numbers as they are; what its description says does not matter."""
    image = Image.new("RGB", (64, 64), (120, 220, 80))
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = plain if name == "sRGB" else wide_profile().replace(b"test\0", b"sRGB\0")
    same = decoded(encode(image, "PNG", icc_profile=profile)).thumbnail == decoded(encode(image, "PNG")).thumbnail
    assert same == (name == "sRGB")


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
        assert decoded(damaged).width_px == 64


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


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("damage", ["no end marker", "a stray marker", "a stray segment", "cut", "zeros"])
def test_a_damaged_jpeg_is_shown_as_far_as_it_goes(damage: str, progressive: bool) -> None:
    """What is there looks as it did, what is not is grey and never black; the photo says what is wrong with it."""
    image = scene(640, 400)
    whole = encode(image, "JPEG", quality=90, progressive=progressive)
    at = len(whole) * 2 // 3
    data = {
        "no end marker": whole[:-2],
        "a stray marker": whole[:at] + b"\xff\x9a" + whole[at + 2 :],
        "a stray segment": whole[:at] + b"\xff\xe5" + whole[at + 2 :],
        "cut": whole[:at],
        "zeros": whole[:at] + bytes(len(whole) - at),
    }[damage]
    photo = decode(content_of(data), SMALL, damaged="the end of the JPEG is missing")
    assert photo.damaged == "the end of the JPEG is missing"
    assert (photo.width_px, photo.height_px) == (640, 400)
    n_whole = 64 if damage == "no end marker" else 32
    assert psnr(photo.frame[:n_whole], expected(image)[:n_whole]) >= (18 if progressive else 30)
    if damage in ("cut", "zeros") and not progressive:
        assert np.abs(photo.frame[-4:].astype(np.int16) - 128).max() <= 2
    assert decoded(whole).damaged == ""


def test_a_jpeg_of_which_little_is_left_is_refused_with_a_true_reason() -> None:
    """A strip of a picture above much grey stands for nothing that was photographed."""
    whole = encode(scene(640, 400), "JPEG", quality=90)
    with pytest.raises(Unreadable, match=r"^the end of the JPEG is missing: \d+% of its rows can be shown$"):
        decode(content_of(whole[: len(whole) // 8]), SMALL, damaged="the end of the JPEG is missing")


@pytest.mark.parametrize(
    ("form", "brand"), [("HEIF", b"miaf"), ("HEIF", b"MiHE"), ("AVIF", b"miaf"), ("AVIF", b"MA1B")]
)
def test_pictures_of_rare_brands_are_decoded(form: str, brand: bytes) -> None:
    """The decoders let in the common brands alone; the picture is the same."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    data = encode(scene(160, 120), form, quality=90)
    assert np.array_equal(decoded(data[:8] + brand + data[12:]).frame, decoded(data).frame)
