"""Thumbnails between lines of text, drawn with half blocks: a character cell is two pixels, one over the other.

Coarse, but every terminal with colours shows them, through ssh and tmux too, and none has to be asked what it can. No
protocol for whole pictures is spoken by most: kitty's by kitty, Ghostty, WezTerm and Konsole, sixel by foot, WezTerm,
Konsole, Windows Terminal and an xterm that is started for it, iTerm2's by iTerm2, WezTerm and Konsole; GNOME Terminal
speaks none. No library: term-image has had no release since 2024 and cannot be installed beside Pillow 12,
textual-image is LGPL, and rich-pixels is what `_cells` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import set_cell_size
from rich.color import Color
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style

from vecclust.exports.text import plain
from vecclust.photos.thumbnails import strip_pixels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vecclust.types.pages import Thumbnails

# A cell is about half as wide as it is high, so that its two pixels are square, and so is a tile. At 20 pixels a motif
# can be told; four tiles stand side by side in 80 columns.
TILE_COLUMNS, TILE_ROWS = 20, 10
# More than this many have scrolled away before anybody looks.
MOST_PREVIEWS = 60


def colour_terminal() -> Console | None:
    """Give the terminal that stdout is, or None where it shows no colours."""
    terminal = Console()
    return None if terminal.color_system is None or terminal.no_color else terminal


def show_previews(captioned: Sequence[tuple[str | None, str]], *, terminal: Console, thumbnails: Thumbnails) -> None:
    """Print the first thumbnails of a list, each over its caption.

    Args:
        captioned: content hash, or None for a place that stays empty, and caption of each photo, in order.
        terminal: where to; the colours it has are taken from the environment.
        thumbnails: gives them.
    """
    captioned = captioned[:MOST_PREVIEWS]
    pictures = thumbnails([photo for photo, _ in captioned if photo is not None])
    n_beside = max(1, terminal.width // TILE_COLUMNS)
    for first in range(0, len(captioned), n_beside):
        part = captioned[first : first + n_beside]
        jpegs = [pictures.get(photo or "") for photo, _ in part]
        pixels = strip_pixels(jpegs, tile_px=(TILE_COLUMNS, 2 * TILE_ROWS), gap_px=1)
        terminal.print(Segments(_cells(pixels)), end="")
        captions = (set_cell_size(plain(caption), TILE_COLUMNS - 1) + " " for _, caption in part)
        terminal.print(Segments([Segment("".join(captions).rstrip()), Segment.line()]), end="")


def _cells(pixels: NDArray[np.uint8]) -> Iterator[Segment]:
    """Draw (h, w, 4) uint8 RGBA, h even: the lower half of a cell is its letter, the upper half what is behind it."""
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        for behind, letter in zip(upper, lower, strict=True):
            if not letter[3]:
                yield Segment(" ")
                continue
            colour = Color.from_rgb(*letter[:3])
            yield Segment("▄", Style(color=colour, bgcolor=Color.from_rgb(*behind[:3]) if behind[3] else None))
        yield Segment.line()
