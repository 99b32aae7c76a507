"""Thumbnails between lines of text, as far as the terminal can: kitty's graphics, iTerm2's inline pictures, sixel.

A strip of pictures is one picture, so that tiles stand exactly over their captions whatever a terminal makes of its
cursor afterwards. No library: term-image has had no release since 2024; textual-image is well kept, but asks the
terminal while it is imported, on stdin and within 0.1 s, and again for each picture.
"""

from __future__ import annotations

import shutil
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence

import numpy as np

from vecclust.cli.terminal import Ability
from vecclust.photos.thumbnails import NOTHING, Strip, strip_of_colours, strip_png
from vecclust.types.pages import Thumbnails
from vecclust.types.search import Answer

# A tile of 16 x 7 cells is nearly square in the usual fonts, and five stand side by side in 80 columns.
TILE_COLUMNS, TILE_ROWS = 16, 7
# More than this many have scrolled away before anybody looks.
MOST_PICTURES = 60
# Cells of retina screens are large; thumbnails are not.
_MOST_CELL_PX = (24, 48)
_KITTY_CHUNK = 4096


def show_previews(answer: Answer, *, able: Ability, thumbnails: Thumbnails) -> None:
    """Print the first hits' thumbnails to stdout, each with its place in the answer and its score.

    Args:
        answer: the answer.
        able: how the terminal shows pictures.
        thumbnails: gives them.
    """
    hits = answer.results[:MOST_PICTURES]
    pictures = thumbnails([hit.photo for hit in hits])
    n_beside = max(1, shutil.get_terminal_size().columns // TILE_COLUMNS)
    for first in range(0, len(hits), n_beside):
        part = hits[first : first + n_beside]
        strip = _drawn([pictures.get(hit.photo) for hit in part], able)
        captions = "".join(
            f"{place + 1:>3}  {hit.score:.3f}".ljust(TILE_COLUMNS) for place, hit in enumerate(part, start=first)
        )
        # Room is made first, and the cursor put back afterwards: terminals disagree on where a picture leaves it.
        room = "\n" * (TILE_ROWS + 1)
        sys.stdout.write(f"{room}\x1b[{TILE_ROWS + 1}A\x1b7{strip}\x1b8\x1b[{TILE_ROWS}B{captions.rstrip()}\n")
    sys.stdout.flush()


def _drawn(jpegs: Sequence[bytes | None], able: Ability) -> str:
    cell_px = (min(able.cell_px[0], _MOST_CELL_PX[0]), min(able.cell_px[1], _MOST_CELL_PX[1]))
    if able.by == "sixel":  # its pixels are the screen's
        cell_px = able.cell_px
    tile_px, gap_px = (cell_px[0] * TILE_COLUMNS, cell_px[1] * TILE_ROWS), cell_px[0]
    columns = TILE_COLUMNS * len(jpegs)
    if able.by == "sixel":
        return sixel(strip_of_colours(jpegs, tile_px=tile_px, gap_px=gap_px))
    png = b64encode(strip_png(jpegs, tile_px=tile_px, gap_px=gap_px)).decode("ascii")
    return kitty(png, columns) if able.by == "kitty" else iterm2(png, columns)


def kitty(png: str, columns: int) -> str:
    """Write a picture in kitty's graphics protocol, in parts as it asks.

    Args:
        png: a PNG in base64.
        columns: cells that it is wide.
    """
    parts = [png[at : at + _KITTY_CHUNK] for at in range(0, len(png), _KITTY_CHUNK)]
    first = f"a=T,f=100,q=2,C=1,c={columns},r={TILE_ROWS},"
    return "".join(
        f"\x1b_G{first if not at else ''}m={int(at + 1 < len(parts))};{part}\x1b\\" for at, part in enumerate(parts)
    )


def iterm2(png: str, columns: int) -> str:
    """Write a picture as iTerm2 shows it inline; see `kitty`."""
    size = len(png) * 3 // 4 - png.count("=")
    said = f"inline=1;size={size};width={columns};height={TILE_ROWS};preserveAspectRatio=0"
    return f"\x1b]1337;File={said}:{png}\x07"


def sixel(strip: Strip) -> str:
    """Write a picture as sixels: bands of six rows, each colour of a band in turn."""
    tall, wide = strip.pixels.shape
    colours = "".join(
        f"#{number};2;{';'.join(str(round(int(channel) * 100 / 255)) for channel in colour)}"
        for number, colour in enumerate(strip.colours)
    )
    bands = "-".join("$".join(_band(strip, top)) for top in range(0, tall, 6))
    # P2=1: what no colour covers stays as it is.
    return f'\x1bP0;1;0q"1;1;{wide};{tall}{colours}{bands}\x1b\\'


def _band(strip: Strip, top: int) -> Iterator[str]:
    rows = strip.pixels[top : top + 6]
    weights = (1 << np.arange(len(rows)))[:, None]
    for number in np.unique(rows):
        if number != NOTHING:
            yield f"#{number}" + _repeated(((rows == number) * weights).sum(axis=0))


def _repeated(sixels: np.ndarray[tuple[int], np.dtype[np.int64]]) -> str:
    """Write a line of sixels, runs of one as a number and one."""
    starts = np.flatnonzero(np.diff(sixels, prepend=-1))
    lengths = np.diff(starts, append=len(sixels))
    return "".join(
        (f"!{length}" if length > 3 else "") + chr(63 + int(sixels[at])) * (1 if length > 3 else int(length))
        for at, length in zip(starts, lengths, strict=True)
    )
