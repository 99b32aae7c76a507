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


@dataclass(frozen=True, slots=True, kw_only=True)
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
    Scene(
        name="beach", words=("beach", "sandy beach with a parasol", "palm tree on the beach"), paint=landscapes.beach
    ),
    Scene(
        name="snowy mountains",
        words=("snowy mountains", "mountains in snow", "snow", "mountain"),
        paint=landscapes.snowy_mountains,
    ),
    Scene(name="forest", words=("forest", "trees in a forest", "woods"), paint=landscapes.forest),
    Scene(
        name="city at night",
        words=("city at night", "night skyline", "skyscrapers with lit windows"),
        paint=landscapes.city_at_night,
    ),
    Scene(name="sunset", words=("sunset", "sunset over the sea", "evening sun"), paint=landscapes.sunset),
    Scene(name="desert", words=("desert", "sand dunes", "dunes in the desert"), paint=landscapes.desert),
    Scene(name="waterfall", words=("waterfall", "waterfall in a green valley"), paint=landscapes.waterfall),
    Scene(name="flowers", words=("flowers", "flower meadow", "meadow full of flowers"), paint=landscapes.flowers),
    Scene(
        name="birthday cake",
        words=("birthday cake", "cake with candles", "birthday party"),
        paint=subjects.birthday_cake,
    ),
    Scene(name="red car", words=("red car", "red car on a road"), paint=subjects.red_car),
    Scene(
        name="sailing boat", words=("sailing boat", "sailboat", "yacht with a white sail"), paint=subjects.sailing_boat
    ),
    Scene(
        name="portrait", words=("portrait", "face", "portrait of a person", "smiling person"), paint=subjects.portrait
    ),
)
"""All kinds, in a fixed order: the album's and the training's chance depends on it."""
