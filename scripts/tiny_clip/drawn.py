"""The demo's scenes as training pictures, rendered small and once.

Knows which chance draws scenes for training. Refuses to know how they are drawn (`vecclust.demo.scenes`).
Invariant: no picture here shares its seed with any album: these begin with `SEED_WORD`, an album's with another word.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tiny_clip.pictures import PictureClass, PictureSet, Split, square
from vecclust.demo.scenes import SCENES

SEED_WORD = 0x7EAC
"""First word of the seeds of all drawn training pictures."""

DRAWN_PX = (320, 240)
"""Half the album's size: five times the side that is kept, at a third of the time. Every fourth stands upright."""


def draw_scenes(*, per_kind: int, val_per_kind: int, side_px: int, seed: int) -> Split:
    """Draw pictures of every kind of scene.

    Args:
        per_kind: pictures of each kind to learn from.
        val_per_kind: further pictures of each kind to be judged by.
        side_px: side of the squares kept.
        seed: of the training run.

    Returns:
        The two sets; classes are the scenes in their own order.
    """
    classes = tuple(PictureClass(name=scene.name, phrases=scene.words) for scene in SCENES)
    total = per_kind + val_per_kind
    jobs = [(kind, number) for kind in range(len(SCENES)) for number in range(total)]
    pixels = np.empty((len(jobs), 3, side_px, side_px), dtype=np.uint8)

    def draw(place: int) -> None:
        kind, number = jobs[place]
        rng = np.random.default_rng([SEED_WORD, seed, kind, number])
        size_px = DRAWN_PX[::-1] if number % 4 == 3 else DRAWN_PX
        pixels[place] = square(SCENES[kind].draw(rng, size_px=size_px), side_px=side_px)

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(draw, range(len(jobs))):
            pass
    labels = np.array([kind for kind, _ in jobs], dtype=np.int64)
    for_val = np.array([number >= per_kind for _, number in jobs], dtype=bool)
    return Split(
        train=PictureSet(pixels=pixels[~for_val], labels=labels[~for_val], classes=classes),
        val=PictureSet(pixels=pixels[for_val], labels=labels[for_val], classes=classes),
    )


def cached_scenes(cache: Path, *, per_kind: int, val_per_kind: int, side_px: int, seed: int) -> Split:
    """Return `draw_scenes`, from the cache file where it already holds exactly this."""
    key = np.array([per_kind, val_per_kind, side_px, seed, len(SCENES)])
    if cache.exists():
        with np.load(cache) as held:
            if np.array_equal(held["key"], key):
                classes = tuple(PictureClass(name=scene.name, phrases=scene.words) for scene in SCENES)
                halves = {
                    half: PictureSet(pixels=held[f"{half}_pixels"], labels=held[f"{half}_labels"], classes=classes)
                    for half in ("train", "val")
                }
                return Split(train=halves["train"], val=halves["val"])
    split = draw_scenes(per_kind=per_kind, val_per_kind=val_per_kind, side_px=side_px, seed=seed)
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        cache,
        key=key,
        train_pixels=split.train.pixels,
        train_labels=split.train.labels,
        val_pixels=split.val.pixels,
        val_labels=split.val.labels,
    )
    return split
