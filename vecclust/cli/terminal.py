"""What this terminal can show: asked of the terminal itself, for its name alone says little.

One question with three parts and a time limit. Every terminal answers the last part, its attributes, so that who
answers nothing before it can do nothing. Asked and heard through /dev/tty: stdin may be a pipe. Keys that are pressed
in these milliseconds are lost.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

# A terminal answers within milliseconds, one behind a slow line within some hundred.
ANSWER_S = 1.0
# Where it does not tell: what most fonts come near to.
CELL_PX = (10, 20)
# kitty: would this picture of one pixel be shown? Then the terminal's name, the size of a cell, its attributes.
_QUESTION = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\" + b"\x1b[>q" + b"\x1b[16t" + b"\x1b[c"
_ATTRIBUTES = re.compile(rb"\x1b\[\?([0-9;]*)c")
_CELL = re.compile(rb"\x1b\[6;([0-9]{1,4});([0-9]{1,4})t")
_NAME = re.compile(rb"\x1bP>\|([^\x1b]*)\x1b\\")
_KITTY_YES = b"\x1b_Gi=31;OK"
_HAS_ITERM2 = (b"iTerm2", b"WezTerm")


@dataclass(frozen=True, slots=True)
class Ability:
    """How a terminal shows pictures.

    Attributes:
        by: the protocol: kitty's, iTerm2's or sixel.
        cell_px: width and height of a character's cell.
    """

    by: Literal["kitty", "iterm2", "sixel"]
    cell_px: tuple[int, int]


def ability() -> Ability | None:
    """Find out how the terminal that stdout is shows pictures; None where it does not, or stdout is none."""
    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return None
    with contextlib.suppress(OSError, ImportError):  # no terminal of one's own, none that can be asked
        return understood(_asked(), environment=os.environ)
    return None


def understood(answer: bytes, *, environment: Mapping[str, str]) -> Ability | None:
    """Read a terminal's answer.

    Args:
        answer: what it said; empty where it said nothing.
        environment: names iTerm2, which in older versions does not say so itself.
    """
    attributes = _ATTRIBUTES.search(answer)
    if attributes is None:
        return None
    named, cell = _NAME.search(answer), _CELL.search(answer)
    cell_px = (int(cell[2]), int(cell[1])) if cell and int(cell[1]) and int(cell[2]) else CELL_PX
    # What a multiplexer passes on of the environment is that of the terminal it was begun in.
    inside = "TMUX" in environment or "STY" in environment
    if _KITTY_YES in answer:
        return Ability("kitty", cell_px)
    if (named and named[1].startswith(_HAS_ITERM2)) or (
        not inside and environment.get("TERM_PROGRAM") in ("iTerm.app", "WezTerm")
    ):
        return Ability("iterm2", cell_px)
    return Ability("sixel", cell_px) if b"4" in attributes[1].split(b";") else None


def _asked() -> bytes:
    """Ask, and hear what comes until the last part of the answer or the time limit."""
    heard = b""
    with _own_terminal() as terminal:
        os.write(terminal, _QUESTION)
        end = time.monotonic() + ANSWER_S
        while not _ATTRIBUTES.search(heard) and (left := end - time.monotonic()) > 0:
            if select.select([terminal], [], [], left)[0]:
                heard += os.read(terminal, 1024)
    return heard


@contextlib.contextmanager
def _own_terminal() -> Iterator[int]:
    """Open this process's terminal, its answers neither shown nor kept back until a line ends."""
    import termios
    import tty

    terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    try:
        if os.tcgetpgrp(terminal) != os.getpgrp():
            raise OSError("a process in the background that reads is stopped")
        before = termios.tcgetattr(terminal)
        try:
            tty.setcbreak(terminal, termios.TCSANOW)
            yield terminal
        finally:
            termios.tcsetattr(terminal, termios.TCSANOW, before)
    except termios.error as error:
        raise OSError(str(error)) from error
    finally:
        os.close(terminal)
