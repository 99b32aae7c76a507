"""Pictures made on the fly for the tests of the photos room."""

from __future__ import annotations

import hashlib
import io

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
