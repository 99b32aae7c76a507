"""The script that judges refits in a row, on a collection small enough for a test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_continued_refits_are_judged_beside_fits_from_nothing() -> None:
    """Every figure is printed; on kinds that are easy to tell apart the names are all alive and none elsewhere."""
    command = [sys.executable, "scripts/eval_incremental", "--rows", "1400", "--refits", "2", "--seeds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    means = dict(re.findall(r"^  (\w+) +([\d.]+)$", done.stdout, flags=re.MULTILINE))
    assert {"ami", "ari_worst_full", "moved_per_refit", "cpu_s_full"} <= means.keys()
    assert (float(means["names_alive"]), float(means["names_elsewhere"])) == (1.0, 0.0)
    assert float(means["ami"]) > 0.8
