"""Brushes for drawn scenes: gradients, clouds, ridges, shapes, and what a camera does to light.

Knows pixels. Refuses to know what a scene shows. A canvas is an (h, w, 3) float32 array in about [0, 1], x to the
right and y downwards; every brush changes it in place or returns a new layer, and all chance comes from the
generator given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Layer: TypeAlias = NDArray[np.float32]
Colour: TypeAlias = Sequence[float]


def blend(first: Colour, second: Colour, *, share: float) -> tuple[float, float, float]:
    """Return the colour that lies at `share` (0 to 1) on the way from the first to the second.

    Args:
        first: RGB in [0, 1].
        second: likewise.
        share: 0 gives the first, 1 the second.
    """
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def varied(rng: np.random.Generator, colour: Colour, *, by: float = 0.06) -> tuple[float, float, float]:
    """Return the colour, each channel moved by a little chance.

    Args:
        rng: source of chance.
        colour: RGB in [0, 1].
        by: standard deviation of the change of a channel.
    """
    red, green, blue = (float(np.clip(c + rng.normal(0, by), 0, 1)) for c in colour)
    return red, green, blue


def pick(rng: np.random.Generator, colours: Sequence[Colour], *, by: float = 0.06) -> tuple[float, float, float]:
    """Return one of some colours, varied.

    Args:
        rng: source of chance.
        colours: the choice.
        by: as in `varied`.
    """
    return varied(rng, colours[int(rng.integers(len(colours)))], by=by)


def ramp(size_px: tuple[int, int], *, stops: Sequence[tuple[float, Colour]]) -> Layer:
    """Return a canvas shaded from top to bottom through (height share, colour) stops.

    Args:
        size_px: width and height.
        stops: the shares ascending, colours RGB in [0, 1].
    """
    width, height = size_px
    rows = np.linspace(0, 1, height)
    places = [place for place, _ in stops]
    columns = [np.interp(rows, places, [colour[channel] for _, colour in stops]) for channel in range(3)]
    column = np.stack(columns, axis=1).astype(np.float32)
    return np.repeat(column[:, None, :], width, axis=1)


def clouds(
    rng: np.random.Generator, size_px: tuple[int, int], *, cells: tuple[float, float], octaves: int = 4
) -> Layer:
    """Return fractal noise in [0, 1].

    Args:
        rng: source of chance.
        size_px: width and height.
        cells: number of blotches across and down at the coarsest octave.
        octaves: how many times the blotches are halved; each octave weighs half of the one before.

    Returns:
        (h, w) float32.
    """
    width, height = size_px
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        across, down = (max(2, round(c * 2**octave)) for c in cells)
        grid = rng.random((min(down, height), min(across, width)), dtype=np.float32)
        layer = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(layer, dtype=np.float32) * 0.5**octave
    low, high = float(total.min()), float(total.max())
    return np.asarray((total - low) / max(high - low, 1e-6), dtype=np.float32)


def ridge(rng: np.random.Generator, width_px: int, *, peaks: float, roughness: float = 0.5) -> Layer:
    """Return a mountain line in [0, 1]: (width_px,) float32 with about `peaks` summits.

    Args:
        rng: source of chance.
        width_px: length of the line.
        peaks: summits along it, about.
        roughness: weight of each octave against the one before.
    """
    x = np.linspace(0, 1, width_px)
    line = np.zeros(width_px)
    for octave in range(7):
        knots = max(2, round(peaks * 2 * 2**octave) + 1)
        line += np.interp(x, np.linspace(0, 1, knots), rng.random(knots)) * roughness**octave
    return np.asarray((line - line.min()) / max(float(np.ptp(line)), 1e-6), dtype=np.float32)


def cover(canvas: Layer, colour: Colour | Layer, *, mask: Layer) -> None:
    """Lay a colour, or a canvas of colours, over the canvas where the (h, w) mask is 1.

    Args:
        canvas: (h, w, 3), changed in place.
        colour: RGB in [0, 1], or (h, w, 3).
        mask: (h, w) in [0, 1].
    """
    paint = np.asarray(colour, dtype=np.float32)
    canvas += (paint - canvas) * mask[:, :, None]


def below(line_px: Layer, *, height_px: int) -> Layer:
    """Return the (height_px, w) mask of everything below a line of y positions, its edge one pixel soft.

    Args:
        line_px: (w,), y of the line at each x.
        height_px: height of the mask.
    """
    rows = np.arange(height_px, dtype=np.float32)[:, None]
    return np.asarray(np.clip(rows - line_px[None, :] + 0.5, 0, 1), dtype=np.float32)


def glow(size_px: tuple[int, int], *, centre: tuple[float, float], radius: float) -> Layer:
    """Return a soft round light, 1 at the centre (shares of width and height); radius is a share of the width.

    Args:
        size_px: width and height.
        centre: shares of width and height.
        radius: a share of the width.
    """
    width, height = size_px
    x = (np.arange(width, dtype=np.float32) - centre[0] * width)[None, :]
    y = (np.arange(height, dtype=np.float32) - centre[1] * height)[:, None]
    return np.asarray(np.exp(-(x * x + y * y) / (2 * (radius * width) ** 2)), dtype=np.float32)


def shapes(canvas: Layer, *, draw: Callable[[ImageDraw.ImageDraw], None]) -> Layer:
    """Return the canvas after drawing hard-edged shapes on it with Pillow.

    Args:
        canvas: (h, w, 3); it stays as it is.
        draw: called with the pen.
    """
    image = to_image(canvas)
    draw(ImageDraw.Draw(image))
    return np.asarray(np.asarray(image, dtype=np.float32) / 255, dtype=np.float32)


def ink(colour: Colour) -> tuple[int, int, int]:
    """Return the colour as Pillow wants it.

    Args:
        colour: RGB in [0, 1].
    """
    red, green, blue = (int(np.clip(channel, 0, 1) * 255) for channel in colour)
    return red, green, blue


def to_image(canvas: Layer) -> Image.Image:
    """Return the canvas as an RGB picture.

    Args:
        canvas: (h, w, 3), cut to [0, 1].
    """
    return Image.fromarray((np.clip(canvas, 0, 1) * 255).astype(np.uint8))


def photograph(rng: np.random.Generator, canvas: Layer) -> Image.Image:
    """Return the canvas as a camera might have taken it: exposure, white balance, vignette, focus, grain.

    Args:
        rng: source of chance.
        canvas: (h, w, 3).
    """
    height, width = canvas.shape[:2]
    warmth = rng.normal(0, 0.04)
    light = np.array([1 + warmth, 1, 1 - warmth], dtype=np.float32) * float(rng.uniform(0.86, 1.12))
    corners = 1 - rng.uniform(0, 0.3) * (1 - glow((width, height), centre=(0.5, 0.5), radius=0.55))
    exposed = np.clip(canvas * light * corners[:, :, None].astype(np.float32), 0, 1)
    image = to_image(exposed).filter(ImageFilter.GaussianBlur(float(rng.uniform(0.4, 1.2)) * width / 640))
    grain = rng.normal(0, rng.uniform(1, 6), (height, width, 1)).astype(np.float32)
    return Image.fromarray(np.clip(np.asarray(image, dtype=np.float32) + grain, 0, 255).astype(np.uint8))
