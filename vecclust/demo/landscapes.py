"""Places: beach, mountains, forest, city, sunset, desert, waterfall, meadow; and the sky and water they share.

Knows how each place is composed and how it varies. Refuses to know cameras, files and words. Every function takes a
generator and a size (width, height) and returns a fresh canvas; the same generator state gives the same canvas.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from PIL import ImageDraw

from vecclust.demo.paint import Colour, Layer, below, blend, clouds, cover, glow, ink, pick, ramp, ridge, shapes, varied

Rng: TypeAlias = np.random.Generator
Size: TypeAlias = tuple[int, int]

WHITE, BLACK = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
SKY_TOPS = ((0.16, 0.42, 0.80), (0.30, 0.55, 0.88), (0.45, 0.62, 0.80), (0.20, 0.35, 0.62))
SEAS = ((0.05, 0.42, 0.60), (0.08, 0.55, 0.65), (0.06, 0.30, 0.52), (0.15, 0.50, 0.52))


def day_sky(rng: Rng, size: Size, *, horizon: float) -> Layer:
    """Return a daylight sky with clouds, paling towards the horizon (a share of the height).

    Args:
        rng: source of chance.
        size: width and height, pixels.
        horizon: where it ends, a share of the height.
    """
    top = pick(rng, SKY_TOPS, by=0.04)
    canvas = ramp(size, stops=[(0, top), (horizon, blend(top, WHITE, share=rng.uniform(0.55, 0.85))), (1, WHITE)])
    amount = rng.uniform(0.5, 1.0)
    cover(canvas, WHITE, mask=np.clip(clouds(rng, size, cells=(3, 5)) * 2.2 - 1.2, 0, 1) * amount)
    return canvas


def water(rng: Rng, size: Size, *, top: float, colour: Colour, light: float = 0.25) -> Layer:
    """Return a canvas of waves, darker towards its upper edge `top` (a share of the height).

    Args:
        rng: source of chance.
        size: width and height, pixels.
        top: its upper edge, a share of the height.
        colour: of the water.
        light: how much the waves differ from it.
    """
    width, height = size
    rows = np.clip((np.arange(height) / height - top) / max(1 - top, 1e-3), 0, 1)[:, None, None]
    waves = clouds(rng, size, cells=(6, 60), octaves=3)[:, :, None] - 0.5
    dark = np.asarray(blend(colour, BLACK, share=0.35), dtype=np.float32)
    layer = np.asarray(colour, dtype=np.float32) + (dark - np.asarray(colour)) * (1 - rows) * 0.6
    return np.asarray(np.broadcast_to(layer, (height, width, 3)) + waves * light, dtype=np.float32)


def flat(size: Size, *, at: float) -> Layer:
    """Return the mask of everything below a level line at a share of the height.

    Args:
        size: width and height, pixels.
        at: where the line lies, a share of the height.
    """
    return below(np.full(size[0], at * size[1], dtype=np.float32), height_px=size[1])


def beach(rng: Rng, size: Size) -> Layer:
    """Paint sand, surf and sea, parasols and now and then a palm.

    Args:
        rng: source of chance.
        size: width and height, pixels.
    """
    width, height = size
    horizon, shore = rng.uniform(0.25, 0.4), rng.uniform(0.5, 0.65)
    canvas = day_sky(rng, size, horizon=horizon)
    sea = varied(rng, SEAS[rng.integers(2)], by=0.04)
    cover(canvas, water(rng, size, top=horizon, colour=sea), mask=flat(size, at=horizon))
    x = np.linspace(0, 1, width)
    slope, waves = rng.uniform(-0.25, 0.25), ridge(rng, width, peaks=2) * 0.05
    line = ((shore + slope * (x - 0.5) + waves) * height).astype(np.float32)
    cover(canvas, (0.95, 0.98, 0.98), mask=below(line - 0.025 * height, height_px=height))
    sand = np.asarray(varied(rng, (0.90, 0.78, 0.56), by=0.03), dtype=np.float32)
    grains = clouds(rng, size, cells=(12, 30))[:, :, None] * 0.16 - 0.08
    cover(canvas, np.asarray(sand + grains, dtype=np.float32), mask=below(line, height_px=height))

    def things(pen: ImageDraw.ImageDraw) -> None:
        for _ in range(rng.integers(1, 5)):
            _parasol(rng, pen, at=(rng.uniform(0.08, 0.92) * width, rng.uniform(0.72, 0.95) * height), px=width / 640)
        if rng.random() < 0.6:
            _palm(rng, pen, foot=(rng.choice([0.08, 0.9]) * width, 0.97 * height), tall=rng.uniform(0.6, 0.85) * height)

    return shapes(canvas, draw=things)


def _parasol(rng: Rng, pen: ImageDraw.ImageDraw, *, at: tuple[float, float], px: float) -> None:
    (x, y), r = at, rng.uniform(35, 75) * px
    pen.line([(x, y), (x, y - 1.4 * r)], fill=(245, 240, 230), width=max(2, round(4 * px)))
    first = ink(pick(rng, [(0.9, 0.15, 0.15), (0.1, 0.35, 0.8), (0.95, 0.7, 0.1)]))
    for stripe in range(6):
        fill = first if stripe % 2 else (250, 248, 240)
        pen.pieslice([x - r, y - 2.1 * r, x + r, y - 0.5 * r], 180 + 30 * stripe, 210 + 30 * stripe, fill=fill)
    towel = ink(varied(rng, (0.3, 0.6, 0.7), by=0.2))
    pen.rectangle([x - 0.9 * r, y - 0.08 * r, x + 0.2 * r, y + 0.08 * r], fill=towel)


def _palm(rng: Rng, pen: ImageDraw.ImageDraw, *, foot: tuple[float, float], tall: float) -> None:
    lean = rng.uniform(-0.2, 0.2) * tall
    spine = [(foot[0] + lean * (t / 12) ** 2, foot[1] - tall * t / 12) for t in range(13)]
    pen.line(spine, fill=(96, 66, 38), width=max(3, round(tall * 0.04)), joint="curve")
    for angle in np.linspace(-0.3, 3.4, 9) + rng.normal(0, 0.1, 9):
        tip = np.array([np.cos(angle), -np.sin(angle) * 0.6]) * tall * 0.42
        t = np.linspace(0, 1, 9)
        curve = np.array(spine[-1]) + t[:, None] * tip + np.stack([t * 0, t**2 * tall * 0.16], axis=1)
        bulge = np.stack([t * 0, np.sin(t * np.pi) * tall * 0.045], axis=1)
        leaf = np.concatenate([curve - bulge, (curve + bulge)[::-1]])
        pen.polygon([(float(a), float(b)) for a, b in leaf], fill=ink(varied(rng, (0.13, 0.42, 0.15), by=0.05)))


def snowy_mountains(rng: Rng, size: Size) -> Layer:
    """Paint ranges of rock and snow behind a white slope, with or without firs.

    Args:
        rng: source of chance.
        size: width and height, pixels.
    """
    width, height = size
    canvas = day_sky(rng, size, horizon=0.7)
    for depth in range(rng.integers(2, 4)):
        tall = rng.uniform(0.4, 0.6) - 0.13 * depth
        base = 0.68 + 0.1 * depth
        line = (base - tall * ridge(rng, width, peaks=rng.uniform(1.2, 3.0), roughness=0.48)) * height
        rock = np.asarray(varied(rng, (0.36, 0.41, 0.50), by=0.03), dtype=np.float32)
        relief = clouds(rng, size, cells=(9, 6), octaves=5)
        slope = np.gradient(np.convolve(np.pad(line, 8, mode="edge"), np.ones(17) / 17, "valid"))
        light = np.clip(0.75 - 0.25 * np.sign(rng.normal()) * slope[None, :] + (relief - 0.5) * 0.9, 0.35, 1.05)
        snow_line = line + (0.55 + 0.35 * rng.random()) * tall * height
        share = np.clip((snow_line[None, :] - np.arange(height)[:, None]) / (0.2 * height) + relief * 1.6 - 0.5, 0, 1)
        snow = np.asarray((0.95, 0.97, 1.0), dtype=np.float32)
        face = (rock + (snow - rock) * share[:, :, None]) * light[:, :, None]
        cover(canvas, face.astype(np.float32), mask=below(line.astype(np.float32), height_px=height))
    front = (rng.uniform(0.82, 0.9) + 0.04 * ridge(rng, width, peaks=2)) * height
    drift = (0.9 + 0.1 * clouds(rng, size, cells=(3, 8)))[:, :, None] * np.asarray((0.93, 0.96, 1.0), dtype=np.float32)
    cover(canvas, drift.astype(np.float32), mask=below(front, height_px=height))
    firs = [(rng.uniform(0, width), rng.uniform(0.85, 1.0) * height) for _ in range(rng.integers(0, 14))]
    return shapes(canvas, draw=lambda pen: _firs(rng, pen, feet=firs, tall=0.18 * height))


def _firs(rng: Rng, pen: ImageDraw.ImageDraw, *, feet: list[tuple[float, float]], tall: float) -> None:
    for x, y in sorted(feet, key=lambda foot: foot[1]):
        high = tall * rng.uniform(0.6, 1.3)
        fill = ink(varied(rng, (0.10, 0.22, 0.20), by=0.03))
        for tier in range(4):
            top, half = y - high * (1 - 0.2 * tier), high * (0.10 + 0.055 * tier)
            pen.polygon([(x, top), (x - half, top + high * 0.36), (x + half, top + high * 0.36)], fill=fill)


def forest(rng: Rng, size: Size) -> Layer:
    """Paint trunks in four depths of green haze, with leaves above and slanting light.

    Args:
        rng: source of chance.
        size: width and height, pixels.
    """
    width, height = size
    leaf = pick(rng, [(0.24, 0.48, 0.14), (0.16, 0.38, 0.16), (0.42, 0.50, 0.12)], by=0.04)
    light = blend(leaf, (0.95, 1.0, 0.75), share=rng.uniform(0.5, 0.8))
    earth = blend(leaf, (0.25, 0.18, 0.08), share=0.6)
    canvas = ramp(size, stops=[(0, leaf), (0.45, light), (0.7, leaf), (1, earth)])
    dark = np.clip(clouds(rng, size, cells=(8, 8), octaves=5) * 1.6 - 0.6, 0, 1)
    cover(canvas, blend(leaf, BLACK, share=0.5), mask=dark)
    for depth in np.linspace(0.15, 1.0, 4):

        def trunks(pen: ImageDraw.ImageDraw, depth: float = float(depth)) -> None:
            bark = blend(light, varied(rng, (0.20, 0.13, 0.08), by=0.03), share=0.35 + 0.65 * depth)
            for _ in range(rng.integers(4, 9) if depth < 0.9 else rng.integers(2, 5)):
                x, half = rng.uniform(0, width), width * rng.uniform(0.008, 0.022) * (0.4 + 1.6 * depth)
                lean, foot = rng.normal(0, 0.02) * width, height * (0.62 + 0.36 * depth)
                top = [(x - half + lean, 0.0), (x + half + lean, 0.0)]
                pen.polygon([*top, (x + 1.4 * half, foot), (x - 1.4 * half, foot)], fill=ink(bark))

        canvas = shapes(canvas, draw=trunks)
        leaves = clouds(rng, size, cells=(10, 9), octaves=4)
        crown = np.clip((leaves - 0.52) * 6, 0, 1) * np.clip(1.15 - np.linspace(0, 2.1, height), 0, 1)[:, None]
        green = varied(rng, blend(light, leaf, share=float(depth)), by=0.04)
        cover(canvas, green, mask=(crown * 0.9).astype(np.float32))
    beams = clouds(rng, (width, 2), cells=(9, 1), octaves=2)[:1] * np.linspace(1, 0, height)[:, None]
    cover(canvas, (1.0, 0.98, 0.8), mask=(np.clip(beams - 0.35, 0, 1) * rng.uniform(0.2, 0.8)).astype(np.float32))
    return canvas


def city_at_night(rng: Rng, size: Size) -> Layer:
    """Paint towers with lit windows, mirrored in dark water.

    Args:
        rng: source of chance.
        size: width and height, pixels.
    """
    width, height = size
    dusk = pick(rng, [(0.20, 0.12, 0.30), (0.10, 0.14, 0.34), (0.30, 0.16, 0.20)], by=0.03)
    canvas = ramp(size, stops=[(0, (0.02, 0.03, 0.10)), (0.75, dusk), (1, (0.02, 0.02, 0.05))])
    ground = rng.uniform(0.74, 0.9) * height

    def towers(pen: ImageDraw.ImageDraw) -> None:
        for depth in (0.4, 0.7, 1.0):
            x = -rng.uniform(0, 0.1) * width
            while x < width:
                broad = rng.uniform(0.05, 0.14) * width
                top = ground - height * rng.uniform(0.15, 0.65) * (1.15 - 0.45 * depth)
                wall = blend((0.16, 0.16, 0.28), (0.04, 0.05, 0.09), share=depth)
                pen.rectangle([x, top, x + broad, ground], fill=ink(wall))
                _windows(rng, pen, box=(x, top, x + broad, ground), px=width / 640 * (0.6 + 0.5 * depth))
                x += broad + rng.uniform(0, 0.03) * width

    canvas = shapes(canvas, draw=towers)
    water = flat(size, at=ground / height)
    mirror = canvas[np.clip((2 * ground - np.arange(height)).astype(int), 0, height - 1)] * 0.55
    ripples = (clouds(rng, size, cells=(5, 60), octaves=2)[:, :, None] - 0.5) * 0.06
    cover(canvas, np.asarray(mirror + ripples, dtype=np.float32), mask=water)
    return canvas


def _windows(rng: Rng, pen: ImageDraw.ImageDraw, *, box: tuple[float, float, float, float], px: float) -> None:
    left, top, right, bottom = box
    step_x, step_y, lit = 9 * px, 12 * px, rng.uniform(0.25, 0.7)
    for y in np.arange(top + 5 * px, bottom - 6 * px, step_y):
        for x in np.arange(left + 4 * px, right - 5 * px, step_x):
            if rng.random() < lit:
                pen.rectangle([x, y, x + 4.5 * px, y + 6 * px], fill=ink(varied(rng, (1.0, 0.85, 0.5), by=0.1)))


def sunset(rng: Rng, size: Size) -> Layer:
    """Paint a low sun over the sea, its path on the water, streaks of cloud.

    Args:
        rng: source of chance.
        size: width and height, pixels.
    """
    width, height = size
    horizon, sun = rng.uniform(0.5, 0.68), (rng.uniform(0.25, 0.75), rng.uniform(0.3, 0.48))
    fire = pick(rng, [(1.0, 0.50, 0.12), (0.98, 0.38, 0.28), (1.0, 0.62, 0.25)], by=0.03)
    top = varied(rng, (0.30, 0.16, 0.40), by=0.05)
    canvas = ramp(size, stops=[(0, top), (horizon * 0.6, (0.85, 0.35, 0.30)), (horizon, fire), (1, fire)])
    streaks = np.clip(clouds(rng, size, cells=(2, 12)) * 2 - 0.9, 0, 1) * rng.uniform(0.3, 0.8)
    cover(canvas, blend((0.35, 0.12, 0.25), fire, share=rng.uniform(0, 0.7)), mask=streaks.astype(np.float32))
    cover(canvas, (1.0, 0.85, 0.45), mask=glow(size, centre=sun, radius=rng.uniform(0.12, 0.25)) * 0.9)
    disc = np.clip(glow(size, centre=sun, radius=rng.uniform(0.03, 0.06)) * 6 - 2.5, 0, 1)
    cover(canvas, (1.0, 0.97, 0.8), mask=disc)
    sea = water(rng, size, top=horizon, colour=blend(fire, (0.15, 0.08, 0.25), share=0.65), light=0.3)
    cover(canvas, sea, mask=flat(size, at=horizon))
    rows = np.arange(height) / height
    aside, broad = np.arange(width) / width - sun[0], 0.02 + 0.2 * np.clip(rows - horizon, 0, 1)
    path = np.exp(-((aside[None, :] / broad[:, None]) ** 2))
    sparkle = path * (rows > horizon)[:, None] * (0.35 + 0.65 * clouds(rng, size, cells=(4, 70), octaves=2))
    cover(canvas, (1.0, 0.8, 0.4), mask=sparkle.astype(np.float32))
    if rng.random() < 0.5:
        shore = (rng.uniform(0.88, 0.95) + 0.05 * ridge(rng, width, peaks=2)) * height
        cover(canvas, (0.06, 0.03, 0.06), mask=below(shore.astype(np.float32), height_px=height))
    return canvas


def desert(rng: Rng, size: Size) -> Layer:
    """Paint dunes behind dunes with their shadowed lee sides.

    Args:
        rng: source of chance.
        size: width and height, pixels.
    """
    width, height = size
    sky = varied(rng, (0.25, 0.50, 0.85), by=0.05)
    canvas = ramp(size, stops=[(0, sky), (0.5, (0.85, 0.85, 0.80)), (1, (0.9, 0.8, 0.6))])
    sand = pick(rng, [(0.88, 0.58, 0.28), (0.85, 0.66, 0.40), (0.80, 0.45, 0.25)], by=0.03)
    x = np.linspace(0, 1, width)
    for depth in np.linspace(0, 1, rng.integers(3, 6)):
        swell = np.zeros(width)
        for _ in range(2):
            swell += np.sin(x * rng.uniform(2, 7) * (1.4 - depth) + rng.uniform(0, 7)) * rng.uniform(0.4, 1)
        line = ((0.36 + 0.42 * depth + 0.05 * swell * (0.6 + depth)) * height).astype(np.float32)
        rows = np.arange(height)[:, None]
        # The lee side of a dune: a shadow that hangs from stretches of its crest and thins out to their ends.
        stretch = np.clip(np.sin(x * rng.uniform(5, 11) + rng.uniform(0, 7)), 0, 1)
        depth_px = (0.02 + rng.uniform(0.08, 0.16) * stretch) * height
        fade = np.clip(1 - (rows - line[None, :]) / depth_px[None, :], 0, 1) ** 0.5
        shade = rng.uniform(0.16, 0.3) * fade * np.clip(stretch * 4, 0, 1)[None, :]
        waves = rows * rng.uniform(0.3, 0.6) * 480 / height
        ripple = np.sin(waves + 6 * clouds(rng, size, cells=(4, 4), octaves=2)) * 0.02
        hazy = np.asarray(blend(sand, (0.92, 0.85, 0.72), share=0.6 * (1 - float(depth))), dtype=np.float32)
        cover(canvas, (hazy * (1 - shade + ripple)[:, :, None]).astype(np.float32), mask=below(line, height_px=height))
    return canvas


def waterfall(rng: Rng, size: Size) -> Layer:
    """Paint one to three falls from a mossy cliff into a pool.

    Args:
        rng: source of chance.
        size: width and height, pixels.
    """
    width, height = size
    moss = pick(rng, [(0.18, 0.36, 0.14), (0.25, 0.38, 0.20), (0.14, 0.28, 0.16)], by=0.03)
    rock = varied(rng, (0.30, 0.29, 0.28), by=0.03)
    canvas = day_sky(rng, size, horizon=0.4)
    top, pool = rng.uniform(0.12, 0.25), rng.uniform(0.72, 0.84)
    edge = ((top + 0.08 * ridge(rng, width, peaks=2)) * height).astype(np.float32)
    rough, strata = clouds(rng, size, cells=(10, 5), octaves=5), clouds(rng, size, cells=(14, 3), octaves=5)
    cliff = np.asarray(rock, dtype=np.float32) * (0.35 + strata)[:, :, None]
    green, share = np.asarray(moss, dtype=np.float32) * (0.5 + rough)[:, :, None], np.clip(rough * 3 - 1, 0, 1)
    cliff += (green - cliff) * share[:, :, None]
    cover(canvas, cliff.astype(np.float32), mask=below(edge, height_px=height))
    rows, x = np.arange(height)[:, None] / height, np.arange(width)[None, :] / width
    pool_colour = water(rng, size, top=pool, colour=varied(rng, (0.22, 0.46, 0.46), by=0.04))
    cover(canvas, pool_colour, mask=flat(size, at=pool))
    for _ in range(rng.integers(1, 4)):
        middle, half = rng.uniform(0.25, 0.75), rng.uniform(0.035, 0.10)
        spread = half * (0.8 + 0.7 * np.clip((rows - top) / (pool - top), 0, 1))
        fall = np.clip((spread - np.abs(x - middle)) / 0.015, 0, 1) * (rows > top + 0.05) * (rows < pool + 0.03)
        threads = 0.62 + 0.38 * clouds(rng, size, cells=(70, 2), octaves=3)
        cover(canvas, (0.93, 0.97, 1.0), mask=(fall * threads).astype(np.float32))
        cover(canvas, WHITE, mask=glow(size, centre=(middle, pool), radius=half * 1.1) * 0.85)
    return canvas


def flowers(rng: Rng, size: Size) -> Layer:
    """Paint a meadow of one to three kinds of blossom up to the horizon.

    Args:
        rng: source of chance.
        size: width and height, pixels.
    """
    width, height = size
    horizon = rng.uniform(0.1, 0.35)
    canvas = day_sky(rng, size, horizon=horizon)
    grass = np.asarray(varied(rng, (0.30, 0.52, 0.16), by=0.03), dtype=np.float32)
    blades = 0.6 + 0.8 * clouds(rng, size, cells=(60, 12), octaves=3)[:, :, None]
    cover(canvas, (grass * blades).astype(np.float32), mask=flat(size, at=horizon))
    hues = [(0.92, 0.12, 0.16), (0.98, 0.82, 0.12), (0.62, 0.25, 0.75), (0.98, 0.55, 0.70), (0.97, 0.97, 0.97)]
    chosen = [hues[i] for i in rng.choice(len(hues), rng.integers(1, 4), replace=False)]

    def meadow(pen: ImageDraw.ImageDraw) -> None:
        big = rng.uniform(0.7, 1.6)
        for depth in np.sort(rng.random(rng.integers(130, 260))) ** 1.2:
            x, y = rng.uniform(0, width), (horizon + (1.02 - horizon) * depth) * height
            r = width * (0.005 + 0.032 * depth) * big * rng.uniform(0.7, 1.2)
            stem = [(x, y), (x + rng.normal(0, 0.3) * r, y + 3 * r)]
            pen.line(stem, fill=ink(varied(rng, (0.2, 0.4, 0.1), by=0.04)), width=max(1, round(r / 5)))
            _blossom(rng, pen, centre=(x, y), radius=r, colour=varied(rng, chosen[rng.integers(len(chosen))], by=0.05))

    return shapes(canvas, draw=meadow)


def _blossom(rng: Rng, pen: ImageDraw.ImageDraw, *, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    x, y = centre
    turn = rng.uniform(0, 1)
    for petal in range(6):
        angle = (petal / 6 + turn) * 2 * np.pi
        px, py, r = x + np.cos(angle) * radius * 0.55, y + np.sin(angle) * radius * 0.42, radius * 0.45
        fill = ink(blend(colour, BLACK, share=0.18 * (petal % 2)))
        pen.ellipse([px - r, py - r * 0.8, px + r, py + r * 0.8], fill=fill)
    r = radius * 0.26
    heart = (0.95, 0.72, 0.1) if colour[2] > 0.3 or colour[1] < 0.3 else (0.35, 0.2, 0.05)
    pen.ellipse([x - r, y - r, x + r, y + r], fill=ink(heart))
