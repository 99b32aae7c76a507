"""Bytes to an upright frame, a thumbnail and the time and place taken: the one module that opens pictures.

Runs in a decoding process as a rule (`pool`), and may crash, hang or run out of memory there. What Pillow
or libheif raise never leaves this module: it becomes `Unreadable` or `TooLarge` with a reason a person
understands. Limits are held against the header before a pixel is decoded. A truncated file is never taken
(`LOAD_TRUNCATED_IMAGES` stays off) unless the caller says that it is damaged for good, and then only where enough of
it can be shown.
"""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import dataclass
from functools import cache
from io import BytesIO

import numpy as np
from PIL import AvifImagePlugin, Image, UnidentifiedImageError

from vecclust.errors import PhotoError, TooLarge, Unreadable
from vecclust.photos.content import Content, DecodeLimits
from vecclust.photos.formats import (
    FOREIGN_KINDS,
    UNFILLED,
    Kind,
    kind_of,
    mended_jpeg,
    webp_pixels,
    with_opened_brand,
    without_profile,
)
from vecclust.photos.metadata import Metadata, camera_of, place_of, read_metadata, taken_at
from vecclust.photos.pixels import cut, filter_of, flatten, is_flat_below, resized_size, shown_share, to_rgb
from vecclust.photos.tails import has_unfilled_webp
from vecclust.photos.tiff import read_layout, read_picture
from vecclust.types.photos import DecodedPhoto, Framing

log = logging.getLogger(__name__)

# A JPEG is decoded at 1/2, 1/4 or 1/8 as long as at least twice the wanted size is left: 47 dB or better
# against a whole decode on real photos, at a third of its time; 1.9 times gives 44 dB, once 36 dB (measured
# 2026).
_DRAFT_FACTOR = 2

# Pillow shrinks by whole steps first down to three times the wanted size: "almost indistinguishable", says
# its manual.
_REDUCING_GAP = 3.0

# A strip longer than this many times its width is cut to its middle first: resized whole by its short side,
# a picture of 1 x 65000 pixels would grow to four gigapixels.
_LONGEST_STRIP = 32

# A damaged JPEG of which less is left stands for nothing that was photographed: the rest is grey.
_LEAST_SHOWN = 0.25

# libwebp holds two canvases and its own buffers, Pillow a copy and the picture.
_WEBP_PIXEL_BYTES = 16

_THUMBNAIL_QUALITY = 80
# For people to look at: as sharp as bicubic when a picture shrinks, says Pillow's manual, in 0.95 ms instead of 1.5
# (320 to 256 pixels). What the model sees keeps the model's own filter.
_THUMBNAIL_FILTER = Image.Resampling.HAMMING
_ORIENTATION = 0x0112

_TURNS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class _DecodedPicture:
    """A picture as decoded, before it is turned upright.

    Attributes:
        image: its pixels, at full size or at a fraction.
        box: the part of `image` that is used.
        used_size: width and height of that part at full size.
        full_size: width and height of the whole picture.
        orientation: EXIF orientation still to be undone.
        profile: its ICC profile, or empty.
        metadata: what the file says of itself.
    """

    image: Image.Image
    box: tuple[float, float, float, float]
    used_size: tuple[int, int]
    full_size: tuple[int, int]
    orientation: int
    profile: bytes
    metadata: Metadata

    def upright(self, size: tuple[int, int]) -> tuple[int, int]:
        """Give a size as seen."""
        return _upright(size, self.orientation)


def _upright(size: tuple[int, int], orientation: object) -> tuple[int, int]:
    return (size[1], size[0]) if orientation in _SIDEWAYS else size


def decode(
    content: Content, framing: Framing, limits: DecodeLimits | None = None, *, damaged: str = ""
) -> DecodedPhoto:
    """Decode one photo.

    Args:
        content: its bytes.
        framing: what the model wants.
        limits: what may be spent.
        damaged: what is damaged or missing of a picture that is to be taken as far as it can be shown, or empty.

    Returns:
        The photo, upright.

    Raises:
        Unreadable: the bytes are not a picture that can be decoded here.
        TooLarge: it has more pixels, or needs more memory, than allowed.
    """
    limits = limits or DecodeLimits()
    kind = kind_of(content.data)
    if kind is None:
        raise Unreadable("this is not a picture of a known kind")
    if kind in FOREIGN_KINDS:
        raise Unreadable(f"this is {kind}, which cannot be read here")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of what we judge ourselves
        try:
            return _decode(content, kind, framing=framing, limits=limits, damaged=damaged)
        except PhotoError:
            raise
        except Exception as error:  # decoders raise anything (OSError, ValueError, SyntaxError, struct.error, ...)
            found = _photo_error_of(MemoryError() if _lacks_memory(content.data, kind) else error, kind)
            # Of the original, not of what was made of it to show it.
            known = damaged or (UNFILLED.format(kind) if _is_unfilled(content.data, kind) else "")
            raise (Unreadable(known) if known and isinstance(found, Unreadable) else found) from error


def _lacks_memory(data: bytes, kind: Kind) -> bool:
    """Tell whether there was no room for a WebP that could not be decoded: libwebp does not say why."""
    if kind != "WebP":
        return False
    try:
        np.empty(_WEBP_PIXEL_BYTES * webp_pixels(data), np.uint8)
    except MemoryError:
        return True
    return False


def _photo_error_of(error: Exception, kind: Kind) -> PhotoError:
    text = str(error).strip().rstrip(".") or type(error).__name__
    lower = text.lower()
    if isinstance(error, MemoryError) or "memory" in lower or "alloc" in lower:
        hint = "photos.decode_memory_mb raises the limit, as far as there is memory"
        return TooLarge("the picture needs more memory than is allowed", hint=hint)
    if isinstance(error, EOFError) or "truncated" in lower or "end of file" in lower:
        return Unreadable(f"a part of the {kind} is missing")
    if "unsupported" in lower:
        return Unreadable(f"the {kind} uses what cannot be read here: {text}")
    if "cannot identify" in lower:
        return Unreadable(f"the {kind} is damaged at its beginning")
    return Unreadable(f"the {kind} is damaged: {text}")


def _decode(content: Content, kind: Kind, *, framing: Framing, limits: DecodeLimits, damaged: str) -> DecodedPhoto:
    _prepare()
    data = mended_jpeg(content.data) if damaged and kind == "JPEG" else with_opened_brand(content.data, kind)
    with _open(data, kind, limits) as image:
        picture = _load(image, kind, framing=framing, limits=limits)
        if damaged and (share := shown_share(picture.image, plain=kind != "JPEG")) < _LEAST_SHOWN:
            raise Unreadable(f"{damaged}: {share:.0%} of its rows can be shown")
        if _is_unfilled(data, kind) and not is_flat_below(picture.image):
            raise Unreadable(UNFILLED.format(kind))
        small = _resize(picture, resized_size(framing, *picture.upright(picture.used_size)), filter_of(framing))
        thumbnail = _thumbnail(picture, small, framing=framing, side_px=limits.thumbnail_px)
    width_px, height_px = picture.upright(picture.full_size)
    return DecodedPhoto(
        photo=content.photo,
        frame=np.array(cut(to_rgb(small, picture.profile if small.mode == "CMYK" else b""), framing)),
        width_px=width_px,
        height_px=height_px,
        thumbnail=thumbnail,
        taken=taken_at(
            picture.metadata, path=content.seen.absolute, mtime_ns=content.seen.mtime_ns, now_ns=time.time_ns()
        ),
        place=place_of(picture.metadata),
        damaged=damaged,
        camera=camera_of(picture.metadata),
    )


def _is_unfilled(data: bytes, kind: Kind) -> bool:
    return kind == "WebP" and has_unfilled_webp(data)


@cache
def _prepare() -> None:
    """Set the decoders up, once per process: only those we want, one thread each, no limits but ours."""
    import pillow_heif
    from PIL import (  # noqa: F401 - importing registers them; Pillow's own search would import every plugin
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    Image.MAX_IMAGE_PIXELS = None


def _open(data: bytes, kind: Kind, limits: DecodeLimits) -> Image.Image:
    """Open a picture with Pillow, or read it where Pillow stumbles or would be wrong."""
    layout = read_layout(data) if kind == "TIFF" else None
    if layout is None or not layout.is_misread:
        try:
            return Image.open(BytesIO(data), formats=(kind.upper(),))
        except (UnidentifiedImageError, ValueError):
            bare = without_profile(data) if kind == "PNG" else data
            if bare != data:
                return Image.open(BytesIO(bare), formats=("PNG",))
            if layout is None:
                raise
    _hold_limit(layout.n_pixels, limits.pixels, kind)
    return read_picture(data, layout)


def _load(image: Image.Image, kind: Kind, *, framing: Framing, limits: DecodeLimits) -> _DecodedPicture:
    width, height = image.size
    _hold_limit(width * height, limits.jpeg_pixels if kind == "JPEG" else limits.pixels, kind)
    metadata = read_metadata(image)
    # Pillow itself turns a TIFF that it opened, and its size, while it loads; every other format is left to us.
    orientation = 1 if image.format == "TIFF" else metadata.tags.get(_ORIENTATION)
    profile = image.info.get("icc_profile")
    box: tuple[float, float, float, float] | None = None
    if kind == "JPEG" and not _is_strip(width, height):
        box = _draft(image, orientation, framing=framing, thumbnail_px=limits.thumbnail_px)
    _hold_limit(image.width * image.height, limits.pixels, kind)
    image.load()
    if box is None:
        width, height = image.size  # libheif knows the size for certain only now
    flat = flatten(image)
    used_size = width, height
    if box is None and _is_strip(width, height):
        flat = _middle(flat)
        used_size = flat.size
    return _DecodedPicture(
        image=flat,
        box=box or (0, 0, *flat.size),
        used_size=used_size,
        full_size=(width, height),
        orientation=orientation if isinstance(orientation, int) else 1,
        profile=profile if isinstance(profile, bytes) else b"",
        metadata=metadata,
    )


def _hold_limit(pixels: int, limit: int, kind: Kind) -> None:
    if pixels > limit:
        key = "photos.max_jpeg_megapixels" if kind == "JPEG" else "photos.max_megapixels"
        raise TooLarge(
            f"the picture has {pixels / 1e6:.0f} megapixels, more than the {limit / 1e6:.0f} allowed",
            hint=f"{key} raises the limit",
        )


def _is_strip(width: int, height: int) -> bool:
    return max(width, height) > _LONGEST_STRIP * min(width, height)


def _middle(image: Image.Image) -> Image.Image:
    reach = _LONGEST_STRIP * min(image.size)
    left, top = max(0, (image.width - reach) // 2), max(0, (image.height - reach) // 2)
    return image.crop((left, top, image.width - left, image.height - top))


def _draft(
    image: Image.Image, orientation: object, *, framing: Framing, thumbnail_px: int
) -> tuple[float, float, float, float] | None:
    """Have a JPEG decoded at a fraction, and give the part of the result that the picture fills.

    The fraction of a side that it does not divide is rounded up: 4217 pixels at a quarter are 1055, of
    which 1054.25 are picture. Taking the whole would stretch it by a quarter of a pixel and cost 16 dB.
    """
    width, height = _upright(resized_size(framing, *_upright(image.size, orientation)), orientation)
    grow = thumbnail_px / max(image.size)
    wanted = (
        max(_DRAFT_FACTOR * width, round(grow * image.width), 1),
        max(_DRAFT_FACTOR * height, round(grow * image.height), 1),
    )
    drafted = image.draft("RGB", wanted)
    return drafted[1] if drafted is not None else None


def _resize(picture: _DecodedPicture, size: tuple[int, int], resample: Image.Resampling) -> Image.Image:
    """Resize the whole picture to an upright size, then turn it: turning is cheap on the small one."""
    small = picture.image.resize(picture.upright(size), resample, box=picture.box, reducing_gap=_REDUCING_GAP)
    turn = _TURNS.get(picture.orientation)
    return small if turn is None else small.transpose(turn)


def _thumbnail(picture: _DecodedPicture, small: Image.Image, *, framing: Framing, side_px: int) -> bytes:
    """Make the thumbnail, from the resized picture where that is large enough: 1 ms instead of 6."""
    if side_px <= 0:
        return b""
    width, height = picture.upright(picture.used_size)
    scale = min(1.0, side_px / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    covers = small.width >= size[0] and small.height >= size[1]
    if covers and framing.resize_mode != "squash":
        thumbnail = small.resize(size, _THUMBNAIL_FILTER, reducing_gap=_REDUCING_GAP)
    else:
        thumbnail = _resize(picture, size, _THUMBNAIL_FILTER)
    thumbnail = to_rgb(thumbnail, picture.profile)
    thumbnail.info.clear()  # or Pillow would write the photo's comment and colour profile into it
    out = BytesIO()
    thumbnail.save(out, "JPEG", quality=_THUMBNAIL_QUALITY)
    return out.getvalue()
