"""The script that judges the timeline: what must hold holds, and what does not is named."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diaries.judging import Scores, boundaries, ids_moved
from diaries.lives import LIVES
from diaries.living import Living
from diaries.taking import album

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> Any:
    """The script, as a module."""
    loader = SourceFileLoader("eval_events", str(PROJECT / "scripts" / "eval_events"))
    spec = spec_from_loader("eval_events", loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules["eval_events"] = module
    loader.exec_module(module)
    return module


@pytest.mark.slow
def test_all_that_must_hold_holds() -> None:
    """On all lives."""
    done = subprocess.run(
        [sys.executable, "scripts/eval_events", "--no-many"], capture_output=True, text=True, check=False, cwd=PROJECT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_life_is_judged_and_told(tmp_path: Path) -> None:
    """As a table and as JSON."""
    file = tmp_path / "figures.json"
    command = [sys.executable, "scripts/eval_events", "--lives", "city", "--no-many", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    assert "city, few photos" in done.stdout, done.stdout + done.stderr
    (figures,) = json.loads(file.read_text())
    assert figures["all"] > figures["gap_6h"]
    assert figures["by_a_day"] == 0.0


def test_what_does_not_hold_is_named(script: Any) -> None:
    """Which, and by how much."""
    good = script.Figures(
        *("", True, 1, 0.9, 0.9, 0.95, 0.94, 0.94, 0.8, (0.8,) * 8, 0.8),
        *(Scores(9, 9, 9, 9), Scores(1, 1, 1, 1), 0.0, 0.0, 0.02),
    )
    assert script.missed([good]) == []
    assert script.missed([replace(good, all=0.91, fewer_places=0.90, zone=0.90)]) == ["all 0.9100 is below 0.92"]
    assert script.missed([replace(good, zone=0.9)])[0].startswith("in another zone 0.050 less")
    assert script.missed([replace(good, fewer_places=0.9)])[0].startswith("without 30 % of places 0.050 less")
    assert script.missed([replace(good, trips=Scores(8, 9, 8, 9))]) == [
        "precision 0.8889 is below 0.995",
        "recall 0.8889 is below 0.95",
    ]
    assert script.missed([replace(good, by_a_day=0.1)]) == ["moved by a day 10.000%, by an import 0.000%"]


def test_boundaries_are_counted_between_neighbours() -> None:
    """One right, one found for nothing, one missed."""
    score = boundaries(np.array([0, 1, 1, 2, 2]), np.array([0, 1, 1, 1, 2]))
    assert score == Scores(1, 2, 1, 2)
    assert score.f1 == pytest.approx(0.5)


def test_events_that_lose_a_photo_have_changed() -> None:
    """Whatever their numbers are."""
    assert ids_moved(np.array([0, 0, 1]), np.array([5, 5, 3])) == 0.0
    assert ids_moved(np.array([0, 0, 1]), np.array([0, 1, 1])) == 1.0
    assert ids_moved(np.array([0, 0, 1, 2]), np.array([0, 0, 1, 1])) == 0.5


def test_a_life_is_lived_in_order() -> None:
    """Nobody does two things at once, and the same seed lives the same life."""
    for life in LIVES[:4]:
        doings = sorted(Living(life, 5).doings, key=lambda doing: doing.start_s)
        doings = [doing for doing in doings if doing.kind != "snapshot"]
        ends = [doing.start_s + 3600 * doing.hours for doing in doings]
        clashes = sum(doing.start_s < end - 60 for doing, end in zip(doings[1:], ends, strict=False))
        assert clashes <= len(doings) / 1000
    one, again = album(LIVES[0], seed=3), album(LIVES[0], seed=3)
    assert np.array_equal(one.diary.clock_us, again.diary.clock_us)
    assert not np.array_equal(one.diary.clock_us[:9], album(LIVES[0], seed=4).diary.clock_us[:9])
