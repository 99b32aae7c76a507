"""What the package says of itself to those who install it: its types, its terms, its version."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from vecclust import __version__

PROJECT = Path(__file__).resolve().parents[2]
METADATA = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

RIGHT = """from vecclust import Library

with Library.open("photo-library") as library:
    names: list[str | None] = [cluster.name for cluster in library.clusters().clusters]
"""
WRONG = """from vecclust import Library

photos: str = Library.open("photo-library").status().photos
"""


def test_programs_are_checked_against_the_types(tmp_path: Path) -> None:
    """`mypy --strict` takes a program that uses the package rightly, and finds what is wrong in another."""
    (tmp_path / "right.py").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "right.py", "wrong.py"]
    # As an installed package, so that `py.typed` counts; the program's own folder is elsewhere.
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    first, *rest = done.stdout.splitlines()
    assert first.startswith("wrong.py:3: error: Incompatible types in assignment"), done.stdout + done.stderr
    assert [line for line in rest if "error:" in line] == []


def test_the_terms_of_code_weights_and_words_are_said_apart() -> None:
    """MIT for the code; the terms of weights and words beside them, in the metadata and in the README."""
    code, weights, words = METADATA["license-files"]
    assert (PROJECT / code).read_text(encoding="utf-8").startswith("MIT License")
    terms = (PROJECT / weights).read_text(encoding="utf-8")
    assert "non-commercial research" in terms
    assert (PROJECT / weights).parent == PROJECT / "vecclust" / "embeddings" / "bundled"
    assert "WordNet 3.0 Copyright" in (PROJECT / words).read_text(encoding="utf-8")
    assert METADATA["license"] == "MIT AND LicenseRef-WordNet-3.0 AND CC-BY-4.0 AND LicenseRef-vecclust-bundled-weights"
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert all(f"({file})" in readme for file in (code, weights, words))


def test_the_changelog_knows_the_version() -> None:
    """What is released has a section, and what is not has one above it."""
    sections = re.findall(r"^## \[([^]]+)\]", (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sections[:2] == ["Unreleased", __version__]
