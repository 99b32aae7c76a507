"""TIFFs whose samples Pillow misreads or does not know: planes of 16 bits, floating point, Lab, inverted deep grey.

Pillow still undoes strips, tiles and compression: a directory of our own calls each row of samples a row of plain
bytes, and what the bytes mean is worked out here. A layout that neither can read is refused in words that say what it
is. Knows numbers of TIFF 6 and of Adobe's notes on it; turns nothing, and leaves colours in their own space.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from vecclust.errors import Unreadable
from vecclust.photos.pixels import to_eight_bits

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _STRIPS = 256, 257, 258, 259, 262, 266, 273
_ORIENTATION, _SAMPLES, _ROWS, _STRIP_BYTES, _PLANAR, _PREDICTOR = 274, 277, 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES, _EXTRA, _FORMAT, _XMP = 322, 323, 324, 325, 338, 339, 700
_PROFILE, _DNG_VERSION = 34675, 50706

# What can be undone without a thought of what the bytes are: none, LZW, deflate, PackBits, LZMA, Zstandard.
_PLAIN_COMPRESSIONS = frozenset({1, 5, 8, 32773, 32946, 34925, 50000})
_BIG = (b"+\0", b"\0+")
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK, _LAB, _ICC_LAB = 0, 1, 2, 5, 8, 9
_MODES = {_WHITE_IS_ZERO: "L", _BLACK_IS_ZERO: "L", _RGB: "RGB", _CMYK: "CMYK", _LAB: "LAB", _ICC_LAB: "LAB"}
_KINDS = {1: "u", 2: "i", 3: "f"}
_NAMES = {1: "whole", 2: "signed", 3: "floating"}
_PREMULTIPLIED, _UNSPECIFIED = 1, 0


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """How the first picture of a TIFF is laid out.

    Attributes:
        tags: its directory, by number.
        order: `<` or `>`, the order of bytes in a sample.
        width: columns of pixels as stored.
        height: rows likewise.
        bits: bits of a sample, each different size once.
        n_samples: samples of a pixel.
        photometric: what they mean.
        sample_format: 1 for whole, 2 for signed, 3 for floating numbers.
        planar: whether each sample has a plane of its own.
        tile: width and height of a tile; all columns and all rows for strips.
    """

    tags: dict[int, Any]
    order: str
    width: int
    height: int
    bits: tuple[int, ...]
    n_samples: int
    photometric: int
    sample_format: int
    planar: bool
    tile: tuple[int, int]

    @property
    def n_pixels(self) -> int:
        """Pixels that have to be read, those included that only fill the last tiles up."""
        across, down = self.tiles
        return across * self.tile[0] * down * self.tile[1]

    @property
    def tiles(self) -> tuple[int, int]:
        """Tiles in a row and in a column; 1 and 1 for strips."""
        return -(-self.width // self.tile[0]), -(-self.height // self.tile[1])

    @property
    def is_misread(self) -> bool:
        """Whether Pillow would give wrong pixels without a word."""
        planar_grey = self.planar and self.photometric < _RGB  # also of one sample, where planes mean nothing
        if self.bits == (8,):
            return planar_grey or (self.planar and self.photometric == _LAB)
        if self.bits in ((1,), (2,), (4,)):
            return False
        if self.bits != (16,) or self.sample_format != 1 or planar_grey:
            return True
        if self.photometric == _BLACK_IS_ZERO:
            return self.n_samples > 1
        return self.planar or self.photometric not in (_RGB, _CMYK)


def read_layout(data: bytes) -> TiffLayout | None:
    """Read how a TIFF is laid out.

    Args:
        data: the file.

    Returns:
        The layout of its first picture, or None where its directory cannot be read.

    Raises:
        Unreadable: it is a camera's raw file in the form of a TIFF.
    """
    try:
        tags = _directory(data)
        if _DNG_VERSION in tags:
            raise Unreadable("this is a camera's raw file, which cannot be read here")
        width, height = _numbers(tags, _WIDTH, ())[0], _numbers(tags, _HEIGHT, ())[0]
        tile = width, height
        if _TILES in tags:
            tile = _numbers(tags, _TILE_WIDTH, ())[0], _numbers(tags, _TILE_HEIGHT, ())[0]
        layout = TiffLayout(
            tags=tags,
            order="<" if data[:2] == b"II" else ">",
            width=width,
            height=height,
            bits=tuple(sorted(set(_numbers(tags, _BITS, (1,))))),
            n_samples=_numbers(tags, _SAMPLES, (1,))[0],
            photometric=_numbers(tags, _PHOTOMETRIC, (0,))[0],
            sample_format=_numbers(tags, _FORMAT, (1,))[0],
            planar=_numbers(tags, _PLANAR, (1,))[0] == 2,
            tile=tile,
        )
    except Unreadable:
        raise
    except Exception:  # a stranger's directory; Pillow's parser raises nearly anything, and the decoder will say more
        return None
    return layout if min(width, height, *tile) > 0 else None


def read_picture(data: bytes, layout: TiffLayout) -> Image.Image:
    """Read the first picture of a TIFF that Pillow misreads or does not know.

    Args:
        data: the file.
        layout: what `read_layout` found.

    Returns:
        The picture as stored, not turned, eight bits a sample; its `info` holds profile, EXIF and XMP.

    Raises:
        Unreadable: this layout cannot be read here.
    """
    samples = _samples(data, layout)
    image = _picture(samples, layout)
    exif = Image.Exif()
    exif[_ORIENTATION] = _numbers(layout.tags, _ORIENTATION, (1,))[0]
    # A TIFF is an EXIF block as it stands; of a big one, whose offsets Pillow does not follow, only the turn is told.
    image.info["exif"] = exif.tobytes() if data[2:4] in _BIG else data
    image.info["icc_profile"], image.info["xmp"] = layout.tags.get(_PROFILE), layout.tags.get(_XMP)
    return image


def _directory(data: bytes) -> dict[int, Any]:
    directory = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if data[2:4] in _BIG else 8])
    file = BytesIO(data)
    file.seek(directory.next)
    directory.load(file)
    return dict(directory)


def _numbers(tags: dict[int, Any], tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
    value = tags.get(tag, default)
    return tuple(int(one) for one in value) if isinstance(value, tuple) else (int(value),)


def _refuse(layout: TiffLayout) -> Unreadable:
    bits = " and ".join(str(one) for one in layout.bits)
    kind = _NAMES.get(layout.sample_format, "other")
    return Unreadable(
        f"this TIFF has {layout.n_samples} {kind} samples of {bits} bits a pixel"
        f" (photometric {layout.photometric}, compression {_numbers(layout.tags, _COMPRESSION, (1,))[0]},"
        f" predictor {_numbers(layout.tags, _PREDICTOR, (1,))[0]}), which cannot be read here"
    )


def _samples(data: bytes, layout: TiffLayout) -> NDArray[np.generic]:
    """Give the samples, (height, width, n_samples), of the type they are stored in."""
    predictor = _numbers(layout.tags, _PREDICTOR, (1,))[0]
    n_colours = len(_MODES.get(layout.photometric, "?" * 99))
    floating = layout.sample_format == 3
    known = (
        layout.bits in ((8,), (16,), (32,), (64,))
        and layout.sample_format in _KINDS
        and not (floating and layout.bits == (8,))
        and layout.n_samples >= n_colours
        and _numbers(layout.tags, _COMPRESSION, (1,))[0] in _PLAIN_COMPRESSIONS
        and _numbers(layout.tags, _FILL_ORDER, (1,))[0] == 1
        and predictor in ((1, 2, 3) if floating else (1, 2))
    )
    if not known:
        raise _refuse(layout)
    n_planes = layout.n_samples if layout.planar else 1
    planes = [_plane(data, layout, number, n_planes=n_planes, predictor=predictor) for number in range(n_planes)]
    return planes[0] if n_planes == 1 else np.concatenate(planes, axis=-1)


def _plane(data: bytes, layout: TiffLayout, number: int, *, n_planes: int, predictor: int) -> NDArray[np.generic]:
    n = 1 if layout.planar else layout.n_samples
    n_bytes = layout.bits[0] // 8
    across, _ = layout.tiles
    rows = _rows_of_bytes(data, layout, number, n_planes=n_planes, pixel_bytes=n * n_bytes)
    parts = rows.reshape(rows.shape[0], across, layout.tile[0] * n * n_bytes)
    if predictor == 3:
        # Differences of bytes, the most significant byte of all samples first: whatever the order of the file.
        whole = np.cumsum(parts.reshape(*parts.shape[:2], -1, n), axis=2, dtype=np.uint8)
        parts = np.ascontiguousarray(whole.reshape(*parts.shape[:2], n_bytes, -1).swapaxes(2, 3))
        order = ">"
    else:
        parts, order = np.ascontiguousarray(parts), layout.order
    stored = parts.reshape(rows.shape[0], across, -1).view(f"{order}u{n_bytes}").astype(f"=u{n_bytes}", copy=False)
    pixels = stored.reshape(rows.shape[0], across, layout.tile[0], n)
    if predictor == 2:
        pixels = np.cumsum(pixels, axis=2, dtype=pixels.dtype)
    pixels = pixels.reshape(rows.shape[0], across * layout.tile[0], n)[: layout.height, : layout.width]
    return np.ascontiguousarray(pixels).view("=" + _KINDS[layout.sample_format] + str(n_bytes))


def _rows_of_bytes(
    data: bytes, layout: TiffLayout, number: int, *, n_planes: int, pixel_bytes: int
) -> NDArray[np.uint8]:
    """Have Pillow undo strips, tiles and compression of one plane, as of a grey picture of bytes."""
    tags, (across, down) = layout.tags, layout.tiles
    tiled = _TILES in tags
    offsets = _numbers(tags, _TILES if tiled else _STRIPS, ())
    counts = _numbers(tags, _TILE_BYTES if tiled else _STRIP_BYTES, ())
    each = len(offsets) // n_planes
    plane = slice(number * each, (number + 1) * each)
    entries = {
        _WIDTH: (across * layout.tile[0] * pixel_bytes,),
        _HEIGHT: (down * layout.tile[1],),
        _BITS: (8,),
        _COMPRESSION: _numbers(tags, _COMPRESSION, (1,)),
        _PHOTOMETRIC: (_BLACK_IS_ZERO,),
        _TILES if tiled else _STRIPS: offsets[plane],
        _SAMPLES: (1,),
        _TILE_BYTES if tiled else _STRIP_BYTES: counts[plane],
    }
    if tiled:
        entries |= {_TILE_WIDTH: (layout.tile[0] * pixel_bytes,), _TILE_HEIGHT: (layout.tile[1],)}
    else:
        entries[_ROWS] = (min(_numbers(tags, _ROWS, (layout.height,))[0], layout.height),)
    with Image.open(BytesIO(_relabelled(data, entries)), formats=("TIFF",)) as rows:
        return np.asarray(rows)


def _relabelled(data: bytes, entries: dict[int, tuple[int, ...]]) -> bytes:
    """Give a TIFF another directory, behind all that it holds; every number takes four bytes, the least first."""
    at = len(data) + len(data) % 2
    table, beyond = struct.pack("<H", len(entries)), b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, values in sorted(entries.items()):
        packed = struct.pack(f"<{len(values)}I", *values)
        if len(values) != 1:
            beyond, packed = beyond + packed, struct.pack("<I", behind + len(beyond))
        table += struct.pack("<HHI", tag, 4, len(values)) + packed
    return b"II*\0" + struct.pack("<I", at) + data[8:] + bytes(len(data) % 2) + table + bytes(4) + beyond


def _picture(samples: NDArray[np.generic], layout: TiffLayout) -> Image.Image:
    """Make eight-bit pixels of samples."""
    mode = _MODES[layout.photometric]
    n_colours = len(mode)
    colours = samples[..., :n_colours]
    if mode == "LAB":
        pixels = _lab(colours, icc=layout.photometric == _ICC_LAB)
    else:
        pixels = to_eight_bits(colours)
        if layout.photometric == _WHITE_IS_ZERO:
            pixels = np.uint8(255) - pixels
    if mode in ("L", "RGB") and layout.n_samples > n_colours:
        # Without a word of what the further sample is, it is taken as Pillow takes it: for how opaque a pixel is.
        extra = _numbers(layout.tags, _EXTRA, (2,))[0]
        if extra != _UNSPECIFIED:
            clear = _opacity(samples[..., n_colours : n_colours + 1])
            pixels = np.concatenate([pixels, clear], axis=-1)
            mode += "a" if extra == _PREMULTIPLIED else "A"
    image = Image.frombytes(mode, (layout.width, layout.height), np.ascontiguousarray(pixels).tobytes())
    return image.convert(mode.upper()) if mode.endswith("a") else image


def _opacity(samples: NDArray[np.generic]) -> NDArray[np.uint8]:
    full = 1.0 if samples.dtype.kind == "f" else 2.0 ** (8 * samples.dtype.itemsize) - 1
    shares: NDArray[np.float32] = np.nan_to_num(samples.astype(np.float32)) / np.float32(full)
    return np.clip(np.rint(255 * shares), 0, 255).astype(np.uint8)


def _lab(samples: NDArray[np.generic], *, icc: bool) -> NDArray[np.uint8]:
    """Give Lab as eight-bit TIFFs have it: lightness in 255 steps, a and b signed."""
    lightness, ab = samples[..., :1].astype(np.float32), samples[..., 1:]
    if samples.dtype.kind == "f":
        lightness *= 2.55
        signed = np.nan_to_num(ab.astype(np.float32))
    else:
        bits = 8 * samples.dtype.itemsize
        lightness *= 255.0 / (2.0**bits - 1)
        middle = 2.0 ** (bits - 1) if icc else 0.0
        whole = ab.astype(np.float32) if icc else ab.view(f"=i{samples.dtype.itemsize}").astype(np.float32)
        signed = (whole - middle) / 2.0 ** (bits - 8)
    steps = np.clip(np.rint(np.nan_to_num(lightness)), 0, 255).astype(np.uint8)
    return np.concatenate([steps, np.clip(np.rint(signed), -128, 127).astype(np.int8).view(np.uint8)], axis=-1)
