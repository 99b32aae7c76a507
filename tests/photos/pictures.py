"""Pictures made on the fly for the tests of the photos room."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from itertools import product

import numpy as np
from PIL import Image

from vecclust.photos.content import Content
from vecclust.types.files import SeenFile


def scene(width: int, height: int, *, seed: int = 0) -> Image.Image:
    """Draw something that is smooth, has edges and is the same in no orientation."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x / max(width - 1, 1)
    green = 255 * y / max(height - 1, 1)
    blue = 127 + 100 * np.sin(x / (7 + seed) + y / 23)
    pixels = np.stack([red, green, blue], axis=-1)
    pixels[: height // 4, : width // 3] = (250, 240, 20)
    pixels += rng.normal(0, 3, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    """Give the bytes of a picture in a format."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def content_of(data: bytes, *, name: str = "photo.bin", mtime_ns: int = 0) -> Content:
    """Wrap bytes as if they had been read from a file."""
    seen = SeenFile("/nowhere", name, len(data), mtime_ns, mtime_ns, 1, 1)
    return Content(seen, data, hashlib.sha256(data).hexdigest())


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Peak signal to noise of two eight-bit pictures, decibels."""
    error = np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def make_profile(
    space: bytes, tags: dict[bytes, bytes], *, connection: bytes = b"XYZ ", kind: bytes = b"mntr"
) -> bytes:
    """Lay out a small ICC profile of version 2.

    Args:
        space: its colours, four letters.
        tags: what it says, by name; white and a description are added.
        connection: the space it leads to.
        kind: its class.
    """
    fixed = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78),
        b"wtpt": b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061),
        b"cprt": b"text" + bytes(4) + b"none\0",
    }
    table, body = b"", b""
    everything = {**fixed, **tags}
    start = 128 + 4 + 12 * len(everything)
    for name, value in everything.items():
        table += struct.pack(">4sII", name, start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">II4x4s4s4s12x4s", start + len(body), 0x02100000, kind, space, connection, b"acsp")
    # The order of the fields is size, maker, version.
    head = head[:4] + bytes(4) + head[4:8] + head[12:]
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(everything)) + table + body


def linear_grey_profile() -> bytes:
    """Make a profile of grey whose light is linear: 40 is sRGB 109."""
    return make_profile(b"GRAY", {b"kTRC": b"curv" + bytes(8)})


def wide_profile() -> bytes:
    """Make the profile of a wide space of colours: primaries of Display P3, linear light."""
    primaries = {b"r": (0.51512, 0.2412, -0.00105), b"g": (0.29198, 0.69225, 0.04189), b"b": (0.1571, 0.06657, 0.78407)}
    tags = {}
    for name, xyz in primaries.items():
        tags[name + b"XYZ"] = b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in xyz))
        tags[name + b"TRC"] = b"curv" + bytes(8)
    return make_profile(b"RGB ", tags)


def pink_ink_profile() -> bytes:
    """Make a profile of inks: paper is white, full cyan is Lab (50, 60, 0), all others are black."""
    same = bytes(range(256))
    colours = {(0, 0, 0, 0): (255, 128, 128), (1, 0, 0, 0): (128, 188, 128)}
    corners = b"".join(bytes(colours.get(corner, (0, 128, 128))) for corner in product((0, 1), repeat=4))
    matrix = struct.pack(">9i", *(65536 * (number % 4 == 0) for number in range(9)))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + 4 * same + corners + 3 * same
    return make_profile(b"CMYK", {b"A2B0": table}, connection=b"Lab ", kind=b"prtr")


def encode_tiff(
    samples: np.ndarray, photometric: int, *, order: str = "<", planar: bool = False, predictor: int = 1, tile: int = 0
) -> bytes:
    """Write a TIFF of any kind of samples, as encoders other than Pillow's do.

    Args:
        samples: (height, width, n) of the type to be stored.
        photometric: what they mean.
        order: `<` or `>`.
        planar: a plane for each sample.
        predictor: 1 for none, 2 for differences, 3 for differences of bytes; 2 and 3 are deflated.
        tile: side of a tile, 0 for strips of 16 rows.
    """
    height, width, n = samples.shape
    planes = [samples[..., number : number + 1] for number in range(n)] if planar else [samples]
    high, wide = (tile, tile) if tile else (16, width)
    chunks = []
    for plane in planes:
        padded = np.pad(plane, ((0, -height % tile if tile else 0), (0, -width % wide), (0, 0)))
        for top, left in product(range(0, padded.shape[0], high), range(0, padded.shape[1], wide)):
            chunks.append(_chunk(padded[top : top + high, left : left + wide], order=order, predictor=predictor))
    entries: dict[int, tuple[int, ...]] = {
        256: (width,), 257: (height,), 258: (8 * samples.dtype.itemsize,) * n, 259: (1 if predictor == 1 else 8,),
        262: (photometric,), 277: (n,), 284: (2 if planar else 1,), 317: (predictor,),
        339: ({"u": 1, "i": 2, "f": 3}[samples.dtype.kind],) * n,
    }  # fmt: skip
    spare = n - {2: 3, 5: 4, 8: 3, 9: 3}.get(photometric, 1)
    if spare:
        entries[338] = (2,) * spare
    starts = [8 + sum(len(chunk) for chunk in chunks[:number]) for number in range(len(chunks))]
    sizes = tuple(len(chunk) for chunk in chunks)
    entries |= {322: (wide,), 323: (high,), 324: tuple(starts), 325: sizes} if tile else {}
    entries |= {} if tile else {273: tuple(starts), 278: (high,), 279: sizes}
    at = 8 + sum(sizes)
    table, beyond = struct.pack(order + "H", len(entries)), b""
    for tag, values in sorted(entries.items()):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            where = at + 2 + 12 * len(entries) + 4 + len(beyond)
            beyond, packed = beyond + packed, struct.pack(order + "I", where)
        table += struct.pack(order + "HHI", tag, 4, len(values)) + packed
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at)
    return head + b"".join(chunks) + table + bytes(4) + beyond


def _chunk(part: np.ndarray, *, order: str, predictor: int) -> bytes:
    """Encode one strip or tile."""
    rows, columns, n = part.shape
    n_bytes = part.dtype.itemsize
    if predictor == 1:
        return part.astype(part.dtype.newbyteorder(order)).tobytes()
    if predictor == 2:
        whole = np.ascontiguousarray(part).view(f"u{n_bytes}")
        whole[:, 1:] -= whole[:, :-1].copy()
        return zlib.compress(whole.astype(f"{order}u{n_bytes}").tobytes())
    split = part.astype(part.dtype.newbyteorder(">")).view(np.uint8).reshape(rows, columns * n, n_bytes)
    flat = np.ascontiguousarray(split.swapaxes(1, 2)).reshape(rows, -1, n)
    flat[:, 1:] -= flat[:, :-1].copy()
    return zlib.compress(flat.tobytes())
