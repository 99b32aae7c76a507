"""Twelve kinds of scene, each with real variation in composition, palette, light and scale.

Knows the kinds and the words people use for them. Refuses to know how they are painted, files and models.
Invariants: the same generator state and size give the same picture; no two kinds share their words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from vecclust.demo import landscapes, subjects
from vecclust.demo.landscapes import Rng, Size
from vecclust.demo.paint import Layer, photograph


@dataclass(frozen=True, slots=True)
class Scene:
    """One kind of scene.

    Attributes:
        name: what it is called; also the word that finds it.
        words: phrases that people may search it by, the name first.
        paint: draws the canvas of one variation.
    """

    name: str
    words: tuple[str, ...]
    paint: Callable[[Rng, Size], Layer]

    def draw(self, rng: Rng, *, size_px: Size = (640, 480)) -> Image.Image:
        """Return a new picture of this kind.

        Args:
            rng: source of the variation.
            size_px: width and height.

        Returns:
            An RGB picture of exactly that size.
        """
        return photograph(rng, self.paint(rng, size_px))


SCENES: tuple[Scene, ...] = (
    Scene("beach", ("beach", "sandy beach with a parasol", "palm tree on the beach"), landscapes.beach),
    Scene("snowy mountains", ("snowy mountains", "mountains in snow", "snow", "mountain"), landscapes.snowy_mountains),
    Scene("forest", ("forest", "trees in a forest", "woods"), landscapes.forest),
    Scene(
        "city at night", ("city at night", "night skyline", "skyscrapers with lit windows"), landscapes.city_at_night
    ),
    Scene("sunset", ("sunset", "sunset over the sea", "evening sun"), landscapes.sunset),
    Scene("desert", ("desert", "sand dunes", "dunes in the desert"), landscapes.desert),
    Scene("waterfall", ("waterfall", "waterfall in a green valley"), landscapes.waterfall),
    Scene("flowers", ("flowers", "flower meadow", "meadow full of flowers"), landscapes.flowers),
    Scene("birthday cake", ("birthday cake", "cake with candles", "birthday party"), subjects.birthday_cake),
    Scene("red car", ("red car", "red car on a road"), subjects.red_car),
    Scene("sailing boat", ("sailing boat", "sailboat", "yacht with a white sail"), subjects.sailing_boat),
    Scene("portrait", ("portrait", "face", "portrait of a person", "smiling person"), subjects.portrait),
)
"""All kinds, in a fixed order: the album's and the training's chance depends on it."""
