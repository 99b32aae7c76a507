"""The colours of clusters, for light and for dark pages.

Colour alone cannot tell twenty-five clusters apart, least of all for the colour-blind: names and dimming carry the
meaning. So neighbouring numbers differ in hue and in lightness, and each colour keeps a contrast of 3:1 and more
against its page, as that of the unclustered does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LIGHT_PAGE = "#fbfaf8"
DARK_PAGE = "#121316"
LIGHT_UNCLUSTERED = "#8d8a86"
DARK_UNCLUSTERED = "#6f7278"
# WCAG 2.1, success criterion 1.4.11, for graphics.
LEAST_CONTRAST = 3.0

# Okabe and Ito's order of hues (vermillion, sky, green, orange, blue, purple, ...) as OKLCH angles, which the
# colour-blind tell apart best, then angles between them.
_HUES = (40, 245, 165, 350, 75, 215, 300, 120, 15, 270, 190, 330)
# Lightness steps, in turn: with twelve hues, thirty-six colours before one comes again.
_LIGHT_STEPS = (0.56, 0.46, 0.63)
_DARK_STEPS = (0.74, 0.84, 0.65)
_CHROMA = 0.15


@dataclass(frozen=True, slots=True)
class Colour:
    """One cluster's colour.

    Attributes:
        light: on a light page, as #rrggbb.
        dark: on a dark page, likewise.
    """

    light: str
    dark: str


def colour_of(number: int) -> Colour:
    """Give the colour of a cluster; it is the same in every run and on every page.

    Args:
        number: the number in the cluster's id.
    """
    hue = _HUES[number % len(_HUES)]
    step = (number + number // len(_HUES)) % len(_LIGHT_STEPS)
    return Colour(
        _fitting(_LIGHT_STEPS[step], hue, page=LIGHT_PAGE, darker=True),
        _fitting(_DARK_STEPS[step], hue, page=DARK_PAGE, darker=False),
    )


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours by WCAG 2.1, from 1 to 21.

    Args:
        one: a colour as #rrggbb.
        other: another.
    """
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _fitting(lightness: float, hue: float, *, page: str, darker: bool) -> str:
    """Give the colour, moved away from the page in small steps until it stands out."""
    colour = _oklch(lightness, _CHROMA, hue)
    while contrast(colour, page) < LEAST_CONTRAST:
        lightness += -0.01 if darker else 0.01
        colour = _oklch(lightness, _CHROMA, hue)
    return colour


def _oklch(lightness: float, chroma: float, hue: float) -> str:
    """Turn OKLCH into sRGB (Ottosson 2020), with less chroma where the screen has no such colour."""
    while True:
        a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
        long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
        medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
        short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
        linear = (
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        )
        if chroma <= 0 or all(-0.001 <= channel <= 1.001 for channel in linear):
            return "#" + "".join(f"{round(255 * _gamma(min(1.0, max(0.0, channel)))):02x}" for channel in linear)
        chroma -= 0.01


def _gamma(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
