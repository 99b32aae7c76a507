"""Thumbnails in a terminal: the real command in a real pseudo-terminal, whose cells are read back as pixels."""

from __future__ import annotations

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
from rich.console import Console

from tests.cli.test_documents import run
from tests.daemon.processes import PROJECT, Process
from tests.library.test_looking import album, library, opened
from vecclust.cli.previews import TILE_COLUMNS, TILE_ROWS, show_previews

__all__ = ["album", "library"]  # fixtures

DEADLINE_S = 120.0
TRUE_COLOURS = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
# What of the environment would change what a terminal is taken for.
LEFT_OUT = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM")


def shown_in_terminal(*command: str, **environment: str) -> bytes:
    """Run the command line in a terminal of 24 lines of 80; give what it wrote."""
    outside, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    clean = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}
    child = subprocess.Popen(
        [sys.executable, "-m", "vecclust", *command],
        stdin=subprocess.DEVNULL,
        stdout=inside,
        stderr=subprocess.PIPE,
        cwd=PROJECT,
        env={**clean, **(environment or TRUE_COLOURS)},
    )
    os.close(inside)
    written, deadline = b"", time.monotonic() + DEADLINE_S
    while True:
        assert time.monotonic() < deadline
        if not select.select([outside], [], [], 0.1)[0]:
            continue
        try:
            part = os.read(outside, 65536)
        except OSError:  # the last one has closed it
            break
        written += part
    os.close(outside)
    assert child.stderr is not None
    complaint = child.stderr.read()
    child.stderr.close()
    assert child.wait(DEADLINE_S) == 0, complaint
    return written


def strips(written: bytes) -> list[NDArray[np.uint8]]:
    """Read cells as a terminal shows them: (h, w, 4) RGBA, two pixels a cell, for each run of lines of them."""
    found: list[list[list[list[tuple[int, ...]]]]] = [[]]
    for line in written.decode().split("\r\n"):
        if "▄" not in line and line.strip():
            found.append([])
            continue
        rows: list[list[tuple[int, ...]]] = [[], []]
        colours = {"38": (0, 0, 0, 0), "48": (0, 0, 0, 0)}
        for codes, letter in re.findall("\x1b\\[([0-9;]*)m|(.)", line):
            if letter:
                rows[0].append(colours["48"])
                rows[1].append(colours["38"] if letter == "▄" else (0, 0, 0, 0))
                continue
            colours = {"38": (0, 0, 0, 0), "48": (0, 0, 0, 0)}
            for ground, *channels in re.findall("([34]8);2;([0-9]+);([0-9]+);([0-9]+)", codes):
                colours[ground] = (*map(int, channels), 255)
        if rows[0]:
            found[-1].append(rows)
    return [np.array([row for rows in strip for row in rows], np.uint8) for strip in found if len(strip) == TILE_ROWS]


def tiles(strips: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Cut strips into what is seen of each tile."""
    cut = []
    for strip in strips:
        assert strip.shape[0] == 2 * TILE_ROWS
        for left in range(0, strip.shape[1], TILE_COLUMNS):
            tile = strip[:, left : left + TILE_COLUMNS]
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


def test_a_terminal_is_given_the_pictures(library: Path, album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One per hit, in the order of the table, four beside one another in 80 columns, each over its score."""
    asked = ["similar", str(album / "07.jpg"), "-n", "7"]
    document = json.loads(run(library, *asked, "--json", capture=capsys)[1])
    with opened(library) as looked_at:
        held = looked_at.thumbnails([hit["photo"] for hit in document["results"]])
    written = shown_in_terminal("--library", str(library), *asked, "--preview")
    shown = strips(written)
    assert [strip.shape for strip in shown] == [(20, 80, 4), (20, 60, 4)]
    assert is_each_own(tiles(shown), [held[hit["photo"]] for hit in document["results"]])
    captions = re.findall(rb"^ +[0-9]+  [0-9.]+(?: +[0-9]+  [0-9.]+)*\r$", written, re.M)
    assert [len(line.split()) for line in captions] == [8, 6]
    places = b" ".join(captions).split()
    assert places[::2] == [b"%d" % place for place in range(1, 8)]
    assert [float(score) for score in places[1::2]] == pytest.approx(
        [hit["score"] for hit in document["results"]], abs=5e-4
    )
    assert written.index(b"score") > written.index(captions[-1])


def test_fewer_colours_are_used_where_there_are_fewer(library: Path, album: Path) -> None:
    """A terminal of 256 colours gets the nearest of these, one that is asked nothing."""
    command = ["--library", str(library), "similar", str(album / "07.jpg"), "-n", "3", "--preview"]
    written = shown_in_terminal(*command, TERM="xterm-256color")
    assert b"38;5;" in written
    assert b"38;2;" not in written
    assert written.count("▄".encode()) > 3 * 100
    assert re.findall(rb"\x1b[^\[]|\x1b\[[^0-9m]", written) == []


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {**TRUE_COLOURS, "NO_COLOR": "1"}], ids=str)
def test_a_terminal_without_colours_is_given_the_table_alone(
    library: Path, album: Path, environment: dict[str, str]
) -> None:
    """The same bytes as without the option."""
    command = ["--library", str(library), "similar", str(album / "07.jpg"), "-n", "3"]
    plain = shown_in_terminal(*command, **environment)
    assert shown_in_terminal(*command, "--preview", **environment) == plain


@pytest.mark.parametrize("form", [["--json"], ["--paths"]])
def test_what_is_for_programs_stays_as_it_is(form: list[str], library: Path, album: Path) -> None:
    """A document and bare paths in a terminal come without pictures."""
    command = ["--library", str(library), "similar", str(album / "07.jpg"), "-n", "3", *form]
    assert shown_in_terminal(*command, "--preview") == shown_in_terminal(*command)


def test_nothing_but_the_table_goes_to_a_pipe(
    library: Path, album: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte, even where colours are forced."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    command = ["similar", str(album / "07.jpg"), "-n", "3"]
    assert run(library, *command, "--preview", capture=capsys) == run(library, *command, capture=capsys)


def test_an_answer_of_the_daemon_has_its_pictures_too(library: Path, album: Path) -> None:
    """They come from the library's own table, whoever answered."""
    with Process(library, str(album)) as daemon:
        daemon.until(lambda kept: kept.status().daemon.doing == "watching")
        written = shown_in_terminal("-vv", "--library", str(library), "search", "green", "-n", "4", "--preview")
        assert len(tiles(strips(written))) == 4


def test_a_missing_thumbnail_leaves_its_place_empty() -> None:
    """The others stand where they would, and nothing is drawn in it."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 30, 30)).save(buffer, "JPEG")
    out = io.StringIO()
    terminal = Console(file=out, force_terminal=True, color_system="truecolor", width=80)
    captioned = [(None, "c1"), ("a", "c2"), ("b", "c3")]
    show_previews(captioned, terminal=terminal, thumbnails=lambda photos: {"b": buffer.getvalue()})
    (strip,) = strips(out.getvalue().replace("\n", "\r\n").encode())
    assert not strip[:, : 2 * TILE_COLUMNS].any()
    assert strip[-1, 2 * TILE_COLUMNS, 3] == 255
    assert not strip[0, :, 3].any()  # 19 wide and 14 high, at the bottom


def test_clusters_are_shown_by_their_most_typical_photos(
    library: Path, album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One for each cluster, over its id, and those of one cluster over their strengths."""
    entries = json.loads(run(library, "clusters", "--json", capture=capsys)[1])["clusters"]
    members = json.loads(run(library, "cluster", entries[0]["id"], "--json", capture=capsys)[1])["photos"]
    typical = [
        json.loads(run(library, "photo", one["medoid"], "--json", capture=capsys)[1])["photo"] for one in entries
    ]
    inside = [member["photo"] for member in members][:3]
    with opened(library) as looked_at:
        held = looked_at.thumbnails([*typical, *inside])
    written = shown_in_terminal("--library", str(library), "clusters", "--preview")
    assert is_each_own(tiles(strips(written)), [held[photo] for photo in typical])
    (captions,) = re.findall(r"^ c[0-9]+  .*$", written.decode(), re.M)
    expected = [
        f" {one['id']}  {one['name'] or '14 photos'}"[: TILE_COLUMNS - 1].ljust(TILE_COLUMNS) for one in entries
    ]
    assert captions.rstrip() == "".join(expected).rstrip()
    written = shown_in_terminal("--library", str(library), "cluster", entries[0]["id"], "-n", "3", "--preview")
    assert is_each_own(tiles(strips(written)), [held[photo] for photo in inside])
