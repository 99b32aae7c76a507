"""Things and people: birthday cake, red car, sailing boat, portrait.

Knows how each is put together and how it varies. Refuses to know cameras, files and words. Every function takes a
generator and a size (width, height) and returns a fresh canvas; the same generator state gives the same canvas.
"""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from vecclust.demo.landscapes import BLACK, SEAS, WHITE, Rng, Size, day_sky, flat, water
from vecclust.demo.paint import Colour, Layer, below, blend, clouds, cover, glow, ink, pick, ramp, ridge, shapes, varied

ICINGS = ((0.98, 0.80, 0.85), (0.98, 0.94, 0.86), (0.45, 0.26, 0.16), (0.75, 0.88, 0.95))
HAIR = ((0.10, 0.07, 0.05), (0.35, 0.20, 0.10), (0.75, 0.58, 0.28), (0.55, 0.53, 0.52), (0.45, 0.15, 0.08))


def birthday_cake(rng: Rng, size: Size) -> Layer:
    """Paint a cake of one to three tiers with burning candles on a table.

    Args:
        rng: source of chance.
        size: width and height, pixels.
    """
    width, height = size
    wall = pick(rng, [(0.55, 0.40, 0.42), (0.35, 0.42, 0.52), (0.62, 0.55, 0.42), (0.30, 0.26, 0.30)], by=0.04)
    canvas = ramp(size, stops=[(0, blend(wall, BLACK, share=0.35)), (0.7, wall), (1, wall)])
    for _ in range(rng.integers(5, 14)):
        spot = (rng.uniform(0, 1), rng.uniform(0, 0.6))
        lamp = np.clip(glow(size, centre=spot, radius=rng.uniform(0.015, 0.04)) * 5 - 2, 0, 1) * 0.35
        cover(canvas, varied(rng, (1.0, 0.8, 0.5), by=0.15), mask=lamp)
    table = rng.uniform(0.68, 0.78)
    cover(canvas, varied(rng, (0.60, 0.42, 0.28), by=0.06), mask=flat(size, at=table))
    middle, half = rng.uniform(0.38, 0.62) * width, rng.uniform(0.2, 0.3) * width
    foot, tall = (table + 0.1) * height, rng.uniform(0.14, 0.2) * height
    flames: list[tuple[float, float]] = []

    def cake(pen: ImageDraw.ImageDraw) -> None:
        plate = [middle - 1.25 * half, foot - 0.12 * half, middle + 1.25 * half, foot + 0.22 * half]
        pen.ellipse(plate, fill=(235, 235, 238))
        top, broad = foot, half
        for _ in range(rng.integers(1, 4)):
            icing = pick(rng, ICINGS, by=0.03)
            _tier(rng, pen, box=(middle - broad, top - tall, middle + broad, top), icing=icing)
            top, broad = top - tall, broad * 0.7
        broad /= 0.7
        for x in np.linspace(middle - 0.75 * broad, middle + 0.75 * broad, rng.integers(3, 9)):
            y, high = top + rng.uniform(-0.06, 0.06) * broad, 0.12 * height
            stick = ink(pick(rng, [(0.9, 0.3, 0.4), (0.3, 0.6, 0.9), (0.95, 0.85, 0.3)], by=0.05))
            pen.rectangle([x - 0.006 * width, y - high, x + 0.006 * width, y], fill=stick)
            flame_box = [x - 0.008 * width, y - high - 0.05 * height, x + 0.008 * width, y - high]
            pen.ellipse(flame_box, fill=(255, 225, 130))
            flames.append((x / width, (y - high - 0.025 * height) / height))

    canvas = shapes(canvas, draw=cake)
    for flame in flames:
        cover(canvas, (1.0, 0.75, 0.3), mask=glow(size, centre=flame, radius=0.022) * 0.55)
    return canvas


def _tier(rng: Rng, pen: ImageDraw.ImageDraw, *, box: tuple[float, float, float, float], icing: Colour) -> None:
    left, top, right, bottom = box
    round_ = (right - left) * 0.09
    side = ink(blend(icing, (0.3, 0.15, 0.1), share=0.25))
    pen.ellipse([left, bottom - round_, right, bottom + round_], fill=side)
    pen.rectangle([left, top, right, bottom], fill=side)
    drip = ink(blend(icing, WHITE, share=0.35))
    step = (right - left) / 10
    for place in range(10):
        x, low = left + place * step, top + (bottom - top) * rng.uniform(0.25, 0.55)
        pen.rounded_rectangle([x, top, x + step, low], radius=step * 0.45, fill=drip)
    pen.ellipse([left, top - round_, right, top + round_], fill=drip)
    for _ in range(24):
        x, y = rng.uniform(left, right - 4), rng.uniform((top + bottom) / 2, bottom)
        pen.ellipse([x, y, x + 0.025 * (right - left), y + 0.025 * (right - left)], fill=ink(rng.random(3).tolist()))


def red_car(rng: Rng, size: Size) -> Layer:
    """Paint a red car from the side on a road before hills.

    Args:
        rng: source of chance.
        size: width and height, pixels.
    """
    width, height = size
    horizon = rng.uniform(0.4, 0.52)
    canvas = day_sky(rng, size, horizon=horizon)
    hills = ((horizon - 0.14 * ridge(rng, width, peaks=2)) * height).astype(np.float32)
    cover(canvas, varied(rng, (0.38, 0.52, 0.35), by=0.06), mask=below(hills, height_px=height))
    road = horizon + rng.uniform(0.08, 0.16)
    cover(canvas, varied(rng, (0.50, 0.55, 0.30), by=0.05), mask=flat(size, at=horizon + 0.02))
    tar = np.asarray(varied(rng, (0.36, 0.36, 0.38), by=0.03), dtype=np.float32)
    rough = clouds(rng, size, cells=(40, 60), octaves=2)[:, :, None] * 0.12
    cover(canvas, np.asarray(tar + rough, dtype=np.float32), mask=flat(size, at=road))
    long, facing = rng.uniform(0.5, 0.78) * width, rng.choice([-1, 1])
    middle, foot = rng.uniform(0.42, 0.58) * width, rng.uniform(0.78, 0.9) * height
    paint = varied(rng, (0.80, 0.07, 0.08), by=0.03)

    def car(pen: ImageDraw.ImageDraw) -> None:
        for x in np.arange(rng.uniform(-0.2, 0), 1, 0.22):
            y = min(foot / height + 0.08, 0.97) * height
            pen.rectangle([x * width, y, (x + 0.12) * width, y + 0.012 * height], fill=(225, 225, 215))

        def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
            return [(middle + facing * long * x, foot - long * y) for x, y in points]

        def wheel(x: float, radius: float, fill: tuple[int, int, int]) -> None:
            cx, cy, r = middle + facing * long * x, foot - long * 0.075, long * radius
            pen.ellipse([cx - r, cy - r, cx + r, cy + r], fill=fill)

        shadow = [middle - 0.52 * long, foot - 0.03 * long, middle + 0.52 * long, foot + 0.03 * long]
        pen.ellipse(shadow, fill=(40, 40, 42))
        roof, sill = rng.uniform(0.31, 0.37), 0.205
        top = roof - 0.025
        body = [(-0.5, 0.08), (-0.49, 0.19), (-0.34, 0.215), (0.24, 0.215), (0.45, 0.18), (0.5, 0.13), (0.5, 0.07)]
        skirt = [(-0.5, 0.08), (-0.5, 0.11), (0.5, 0.11), (0.5, 0.07)]
        pen.polygon(at([(-0.34, 0.2), (-0.22, roof), (0.08, roof), (0.24, 0.2)]), fill=ink(paint))
        pen.polygon(at([(-0.29, sill), (-0.2, top), (-0.06, top), (-0.06, sill)]), fill=(150, 190, 210))
        pen.polygon(at([(-0.04, sill), (-0.04, top), (0.07, top), (0.19, sill)]), fill=(165, 205, 222))
        pen.polygon(at(body), fill=ink(paint))
        pen.polygon(at(skirt), fill=ink(blend(paint, BLACK, share=0.4)))
        pen.ellipse(_box(at([(0.44, 0.17), (0.49, 0.13)])), fill=(255, 250, 215))
        for x in (-0.3, 0.3):
            wheel(x, 0.092, (22, 22, 24))
            wheel(x, 0.055, (190, 190, 195))
            wheel(x, 0.018, (60, 60, 62))

    return shapes(canvas, draw=car)


def _box(points: list[tuple[float, float]]) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def sailing_boat(rng: Rng, size: Size) -> Layer:
    """Paint a sailing boat on open water, sometimes with others far off.

    Args:
        rng: source of chance.
        size: width and height, pixels.
    """
    width, height = size
    horizon = rng.uniform(0.48, 0.66)
    canvas = day_sky(rng, size, horizon=horizon)
    if rng.random() < 0.5:
        coast = ((horizon - 0.05 * ridge(rng, width, peaks=2)) * height).astype(np.float32)
        cover(canvas, varied(rng, (0.45, 0.55, 0.58), by=0.04), mask=below(coast, height_px=height))
    sea = pick(rng, SEAS, by=0.04)
    cover(canvas, water(rng, size, top=horizon, colour=sea, light=0.35), mask=flat(size, at=horizon))
    fleet = [(rng.uniform(0.35, 0.65), rng.uniform(0.05, 0.14), rng.uniform(0.45, 0.62))]
    fleet += [(rng.uniform(0.05, 0.95), 0.02, rng.uniform(0.08, 0.18)) for _ in range(rng.integers(0, 3))]

    def boats(pen: ImageDraw.ImageDraw) -> None:
        for x, drop, tall in sorted(fleet, key=lambda boat: boat[1]):
            _boat(rng, pen, at=(x * width, (horizon + drop) * height), tall=tall * height)

    return shapes(canvas, draw=boats)


def _boat(rng: Rng, pen: ImageDraw.ImageDraw, *, at: tuple[float, float], tall: float) -> None:
    (x, y), way, lean = at, rng.choice([-1, 1]), rng.uniform(-0.08, 0.08)
    hull = ink(pick(rng, [(0.95, 0.95, 0.95), (0.15, 0.2, 0.4), (0.5, 0.25, 0.12)], by=0.03))
    sail = pick(rng, [(0.98, 0.97, 0.93), (0.98, 0.97, 0.93), (0.90, 0.35, 0.25), (0.95, 0.8, 0.35)], by=0.02)

    def put(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x + tall * (way * px + lean * py), y - tall * py) for px, py in points]

    pen.polygon(put([(0.03, 0.1), (0.03, 0.97), (0.34, 0.14)]), fill=ink(sail))
    pen.polygon(put([(-0.02, 0.1), (-0.02, 0.9), (-0.30, 0.12)]), fill=ink(blend(sail, (0.5, 0.55, 0.65), share=0.2)))
    pen.line(put([(0.005, 0.0), (0.005, 1.0)]), fill=(90, 70, 50), width=max(1, round(tall * 0.015)))
    pen.polygon(put([(-0.36, 0.08), (0.40, 0.09), (0.28, -0.03), (-0.28, -0.03)]), fill=hull)


def portrait(rng: Rng, size: Size) -> Layer:
    """Paint head and shoulders of a person before a plain background.

    Args:
        rng: source of chance.
        size: width and height, pixels.
    """
    width, height = size
    back = pick(rng, [(0.72, 0.76, 0.78), (0.45, 0.55, 0.45), (0.75, 0.65, 0.52), (0.30, 0.34, 0.42)], by=0.06)
    canvas = ramp(size, stops=[(0, blend(back, WHITE, share=0.25)), (1, blend(back, BLACK, share=0.3))])
    cover(canvas, blend(back, BLACK, share=0.35), mask=clouds(rng, size, cells=(4, 3), octaves=2) * 0.6)
    skin = blend((0.96, 0.80, 0.68), (0.36, 0.22, 0.15), share=rng.random())
    hair = HAIR[rng.integers(len(HAIR))]
    x, y, r = rng.uniform(0.36, 0.64) * width, rng.uniform(0.38, 0.48) * height, rng.uniform(0.2, 0.27) * height
    turn, long_hair = rng.uniform(-0.18, 0.18), rng.random() < 0.5
    shirt, shade = (rng.random(3) * 0.8 + 0.1).tolist(), blend(skin, (0.3, 0.1, 0.05), share=0.25)

    def person(pen: ImageDraw.ImageDraw) -> None:
        def oval(dx: float, dy: float, rx: float, ry: float, fill: Colour) -> None:
            cx, cy = x + dx * r, y + dy * r
            pen.ellipse([cx - rx * r, cy - ry * r, cx + rx * r, cy + ry * r], fill=ink(varied(rng, fill, by=0.01)))

        if long_hair:
            oval(0, 0.35, 1.05, 1.45, hair)
        pen.rectangle([x - 0.35 * r, y + 0.6 * r, x + 0.35 * r, y + 1.6 * r], fill=ink(shade))
        oval(0, 2.65, 1.9, 1.25, shirt)
        oval(0, -0.25, 0.93, 1.02, hair)
        oval(-0.8, 0.1, 0.14, 0.22, shade)
        oval(0.8, 0.1, 0.14, 0.22, shade)
        oval(0, 0.12, 0.80, 1.02, skin)
        fringe = [x - 0.84 * r, y - 1.15 * r, x + 0.84 * r, y + 0.45 * r]
        pen.chord(fringe, 195 + 60 * turn, 345 + 60 * turn, fill=ink(hair))
        for side in (-0.32, 0.32):
            oval(side + turn, 0.02, 0.15, 0.085, (0.97, 0.97, 0.96))
            oval(side + turn * 1.2, 0.02, 0.07, 0.08, (0.18, 0.14, 0.12))
            brow = [(x + (side + turn - 0.17) * r, y - 0.17 * r), (x + (side + turn + 0.17) * r, y - 0.19 * r)]
            pen.line(brow, fill=ink(hair), width=max(2, round(0.06 * r)))
        oval(turn * 1.3, 0.32, 0.1, 0.16, shade)
        smile = rng.uniform(0.1, 0.25)
        mouth = [x + (turn - 0.3) * r, y + (0.62 - smile) * r, x + (turn + 0.3) * r, y + (0.62 + smile) * r]
        pen.chord(mouth, 5, 175, fill=(170, 60, 65))

    return shapes(canvas, draw=person)
