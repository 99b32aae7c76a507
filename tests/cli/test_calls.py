"""How much of our own code a question goes through without a daemon: few modules, few calls."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.library.test_library import HUES, picture
from vecclust import Library
from vecclust.testing import FakeClock, FakeEmbedder

PROJECT = Path(__file__).resolve().parents[2]
# Before the second house: 57 modules and 2,407 calls for `similar`, 48 modules for `rename`, counted the same way.
# Since then: tables are held against what was noted of them, questions have several examples, edits stand three times,
# and clusters that their owner gave no name are called by words.
MOST_MODULES, MOST_CALLS = 33, 1000
MOST_MODULES_FOR_AN_EDIT = 31


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of 24 photos that nobody keeps."""
    folder = tmp_path_factory.mktemp("calls")
    for colour in HUES:
        (folder / "album" / colour).mkdir(parents=True)
        for number in range(8):
            (folder / "album" / colour / f"{number}.jpg").write_bytes(picture(colour, number))
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    flags = {"clusters.reducer": "pca"}
    with Library.open(folder / "library", write=True, flags=flags, embedder=FakeEmbedder(), clock=clock) as made:
        made.scan([folder / "album"])
    return folder / "library"


def counted(library: Path, *arguments: str) -> dict[str, int]:
    """Run a command line; give the calls by module."""
    command = [sys.executable, "-m", "tests.cli.calls", "--library", str(library), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    calls: dict[str, int] = json.loads(done.stderr.splitlines()[-1])
    return calls


def test_a_question_goes_through_few_modules_and_calls(library: Path) -> None:
    """From the command line to the tables and back, twenty hits written out."""
    calls = counted(library, "similar", str(library.parent / "album" / "red" / "1.jpg"))
    assert len(calls) <= MOST_MODULES, sorted(calls)
    assert sum(calls.values()) <= MOST_CALLS, calls


def test_an_edit_goes_through_few_modules(library: Path) -> None:
    """The writer's lock included."""
    calls = counted(library, "rename", "c1", "Glacier lagoon")
    assert len(calls) <= MOST_MODULES_FOR_AN_EDIT, sorted(calls)
