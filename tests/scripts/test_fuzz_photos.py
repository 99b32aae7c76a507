"""Files that are no good, read by the real decoding processes: a few each time, hundreds where there is time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fuzz_photos"


def _fuzz(*arguments: str) -> str:
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_sixty_spoilt_files_each_end_with_a_reason() -> None:
    """Three of each format, and one of each bomb: no crash, no hang, nothing cut taken for whole."""
    said = _fuzz("--files", "60")
    assert "60 files, seed 1" in said
    assert said.rstrip().endswith("broken: 0")


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    """One alone is the one it was among many."""
    _fuzz("--files", "4", "--seed", "9", "--keep", str(tmp_path / "many"))
    _fuzz("--only", "3", "--seed", "9", "--keep", str(tmp_path / "one"))
    (one,) = (tmp_path / "one").iterdir()
    assert one.read_bytes() == (tmp_path / "many" / one.name).read_bytes()


@pytest.mark.slow
def test_five_hundred_spoilt_files_each_end_with_a_reason() -> None:
    """Another seed than the documented one, whose two thousand take minutes."""
    assert _fuzz("--files", "500", "--seed", "2").rstrip().endswith("broken: 0")
