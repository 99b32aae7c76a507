"""Thumbnails in a terminal: the real command in a real pseudo-terminal, whose answers and pictures a script plays."""

from __future__ import annotations

import base64
import fcntl
import io
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.cli.test_documents import run
from tests.daemon.processes import PROJECT, Process
from tests.library.test_looking import album, library, opened
from vecclust.cli.terminal import Ability, understood

__all__ = ["album", "library"]  # fixtures

ATTRIBUTES, WITH_SIXEL = b"\x1b[?62;22c", b"\x1b[?62;4;22c"
CELL = b"\x1b[6;20;10t"
KITTY = b"\x1b_Gi=31;OK\x1b\\" + CELL + ATTRIBUTES
ITERM2 = b"\x1bP>|iTerm2 3.5.0\x1b\\" + CELL + WITH_SIXEL
SIXEL = CELL + WITH_SIXEL
DEADLINE_S = 120.0


def shown_in_terminal(*command: str, answer: bytes, **environment: str) -> tuple[bytes, bool]:
    """Run the command line in a terminal that answers so; give what it wrote, and whether it asked."""
    outside, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    clean = {key: value for key, value in os.environ.items() if key not in ("TMUX", "STY", "TERM_PROGRAM", "COLUMNS")}

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(inside, termios.TIOCSCTTY, 0)

    child = subprocess.Popen(
        [sys.executable, "-m", "vecclust", *command],
        stdin=subprocess.DEVNULL,
        stdout=inside,
        stderr=subprocess.PIPE,
        cwd=PROJECT,
        env={**clean, "TERM": "xterm-256color", **environment},
        preexec_fn=take_terminal,
        pass_fds=[inside],
    )
    os.close(inside)
    written, asked, deadline = b"", False, time.monotonic() + DEADLINE_S
    while True:
        assert time.monotonic() < deadline
        if not select.select([outside], [], [], 0.1)[0]:
            continue
        try:
            part = os.read(outside, 65536)
        except OSError:  # the last one has closed it
            break
        written += part
        if not asked and b"\x1b[c" in written:
            asked = True
            os.write(outside, answer)
    os.close(outside)
    assert child.stderr is not None
    complaint = child.stderr.read()
    child.stderr.close()
    assert child.wait(DEADLINE_S) == 0, complaint
    return written, asked


def kitty_pictures(written: bytes) -> list[NDArray[np.uint8]]:
    """Put together what was sent in parts."""
    pictures, held = [], b""
    for keys, data in re.findall(rb"\x1b_G([^;]*);([^\x1b]*)\x1b\\", written):
        if b"a=q" in keys:
            continue
        assert len(data) <= 4096
        held += data
        if keys.endswith(b"m=0"):
            pictures.append(pixels_of(base64.b64decode(held)))
            held = b""
    assert held == b""
    return pictures


def iterm2_pictures(written: bytes) -> list[NDArray[np.uint8]]:
    """Read inline files."""
    found = re.findall(rb"\x1b\]1337;File=inline=1;size=([0-9]+);[^:]*:([^\x07]*)\x07", written)
    assert all(int(size) == len(base64.b64decode(data)) for size, data in found)
    return [pixels_of(base64.b64decode(data)) for _, data in found]


def pixels_of(png: bytes) -> NDArray[np.uint8]:
    """Read a PNG as RGBA."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def sixel_pictures(written: bytes) -> list[NDArray[np.uint8]]:
    """Read sixels as a terminal does."""
    pictures = []
    for wide, tall, data in re.findall(rb'\x1bP0;1;0q"1;1;([0-9]+);([0-9]+)([^\x1b]*)\x1b\\', written):
        shown = np.zeros((int(tall) + 6, int(wide), 4), np.uint8)
        colours: dict[int, tuple[int, ...]] = {}
        x = y = colour = 0
        for said in re.finditer(rb"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)(.)|([$-])|([?-~])", data):
            number, red, green, blue, chosen, times, repeated, end, single = said.groups()
            if number:
                colours[int(number)] = tuple(round(int(part) * 2.55) for part in (red, green, blue))
            elif chosen:
                colour = int(chosen)
            elif end:
                x, y = 0, y + 6 * (end == b"-")
            else:
                bits = ord(repeated or single) - 63
                for row in range(6):
                    if bits >> row & 1:
                        shown[y + row, x : x + int(times or 1)] = (*colours[colour], 255)
                x += int(times or 1)
        assert not shown[int(tall) :].any()
        pictures.append(shown[: int(tall)])
    return pictures


READ = {"kitty": kitty_pictures, "iterm2": iterm2_pictures, "sixel": sixel_pictures}
ANSWERS = {"kitty": KITTY, "iterm2": ITERM2, "sixel": SIXEL}


def tiles(strips: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Cut strips of tiles of 160 px into what is seen of each."""
    cut = []
    for strip in strips:
        assert strip.shape[1] % 160 == 0
        for left in range(0, strip.shape[1], 160):
            tile = strip[:, left : left + 160]
            rows, columns = np.nonzero(tile[..., 3])
            cut.append(tile[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1, :3])
    return cut


def is_each_own(seen: list[NDArray[np.uint8]], thumbnails: list[bytes]) -> bool:
    """Say whether each picture looks like the thumbnail in its place more than like any other."""
    far = np.zeros((len(seen), len(thumbnails)))
    for row, picture in enumerate(seen):
        for column, jpeg in enumerate(thumbnails):
            size = picture.shape[1], picture.shape[0]
            like = np.asarray(Image.open(io.BytesIO(jpeg)).resize(size, Image.Resampling.BICUBIC), np.float64)
            far[row, column] = np.abs(like - picture).mean()
    return bool((far.argmin(axis=1) == np.arange(len(seen))).all() and np.diag(far).max() < 12)


@pytest.mark.parametrize("by", list(READ))
def test_each_terminal_is_given_its_pictures(
    by: str, library: Path, album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One per hit, in the order of the table, five beside one another in 80 columns, each over its score."""
    asked = ["similar", str(album / "07.jpg"), "-n", "7"]
    document = json.loads(run(library, *asked, "--json", capture=capsys)[1])
    with opened(library) as looked_at:
        held = looked_at.thumbnails([hit["photo"] for hit in document["results"]])
    written, was_asked = shown_in_terminal("--library", str(library), *asked, "--preview", answer=ANSWERS[by])
    assert was_asked
    strips = READ[by](written)
    assert [strip.shape[:2] for strip in strips] == [(140, 800), (140, 320)]
    assert is_each_own(tiles(strips), [held[hit["photo"]] for hit in document["results"]])
    for other in READ.keys() - {by}:
        assert READ[other](written) == []
    captions = re.findall(rb"^\x1b\[7B(.*)\r$|\x1b8\x1b\[7B(.*)\r\n", written, re.M)
    places = b" ".join(part for pair in captions for part in pair).split()
    assert places[::2] == [b"%d" % place for place in range(1, 8)]
    assert [float(score) for score in places[1::2]] == pytest.approx(
        [hit["score"] for hit in document["results"]], abs=5e-4
    )
    assert written.index(b"score") > written.rindex(b"\x1b8")


@pytest.mark.parametrize("answer", [ATTRIBUTES, b"", b"qwerty\n"], ids=["can show none", "says nothing", "is typed at"])
def test_a_terminal_that_cannot_is_given_the_table_alone(library: Path, album: Path, answer: bytes) -> None:
    """The same bytes as without the option, but for the question; a silent one is not waited for."""
    command = ["--library", str(library), "similar", str(album / "07.jpg"), "-n", "3"]
    plain, was_asked = shown_in_terminal(*command, answer=b"")
    assert not was_asked
    written, was_asked = shown_in_terminal(*command, "--preview", answer=answer)
    assert was_asked
    assert written.endswith(plain)
    assert not any(read(written) for read in READ.values())


@pytest.mark.parametrize("form", [["--json"], ["--paths"]])
def test_what_is_for_programs_stays_as_it_is(form: list[str], library: Path, album: Path) -> None:
    """A document and bare paths in a terminal are not asked about pictures, nor is one that is none."""
    command = ["--library", str(library), "similar", str(album / "07.jpg"), "-n", "3"]
    assert not shown_in_terminal(*command, "--preview", *form, answer=KITTY)[1]
    assert not shown_in_terminal(*command, "--preview", answer=KITTY, TERM="dumb")[1]


def test_nothing_but_the_table_goes_to_a_pipe(library: Path, album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte."""
    command = ["similar", str(album / "07.jpg"), "-n", "3"]
    assert run(library, *command, "--preview", capture=capsys) == run(library, *command, capture=capsys)


def test_an_answer_of_the_daemon_has_its_pictures_too(library: Path, album: Path) -> None:
    """They come from the library's own table, whoever answered."""
    with Process(library, str(album)) as daemon:
        daemon.until(lambda kept: kept.status().daemon.doing == "watching")
        said = shown_in_terminal(
            "-vv", "--library", str(library), "search", "green", "-n", "4", "--preview", answer=KITTY
        )
        assert len(tiles(kitty_pictures(said[0]))) == 4


@pytest.mark.parametrize(
    ("answer", "environment", "able"),
    [
        (KITTY, {"TMUX": "x"}, Ability("kitty", (10, 20))),
        (ATTRIBUTES, {"TERM_PROGRAM": "iTerm.app"}, Ability("iterm2", (10, 20))),
        (ATTRIBUTES, {"TERM_PROGRAM": "iTerm.app", "TMUX": "/tmp/x"}, None),
        (b"\x1b[6;0;0t" + WITH_SIXEL, {}, Ability("sixel", (10, 20))),
        (b"\x1b[6;44;22t" + WITH_SIXEL, {}, Ability("sixel", (22, 44))),
        (b"\x1b[?64;14;24;44c", {}, None),
        (b"\x1b_Gi=31;ENOTSUPPORTED\x1b\\" + ATTRIBUTES, {}, None),
        (b"\x1b_Gi=31;OK\x1b\\", {}, None),
        (b"\x1bP>|foot(1.18)\x1b\\" + WITH_SIXEL, {"TERM_PROGRAM": "vscode"}, Ability("sixel", (10, 20))),
    ],
)
def test_an_answer_is_taken_for_what_it_says(answer: bytes, environment: dict[str, str], able: Ability | None) -> None:
    """Attributes are numbers, not letters in a row; a name in the environment counts outside a multiplexer alone."""
    assert understood(answer, environment=environment) == able
