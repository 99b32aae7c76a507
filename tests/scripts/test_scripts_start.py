"""Every script is there to be started: what it imports exists, its help shows, and its smallest run ends well."""

from __future__ import annotations

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.exports.browser import chromium

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = PROJECT / "scripts"
FILES = sorted(file for file in SCRIPTS.iterdir() if file.is_file())
PYTHON = [file for file in FILES if file.read_bytes().startswith(b"#!/usr/bin/env python3")]
SHELL = [file for file in FILES if file not in PYTHON]
MEASURING = [file for file in PYTHON if file.name.startswith(("bench_", "chaos", "eval_", "soak", "train_"))]
OURS = ("vecclust", "tests", "tiny_clip", "bad_days", "diaries")

# The smallest run of each script that measures. Those of `eval_model`, `eval_incremental` and `train_tiny_clip` are
# tests of their own, beside this file.
SMALLEST = {
    "bench_arrivals": ["--rows", "600"],
    "bench_daemon": ["--photos", "24", "--arrivals", "2", "--burst", "4", "--side-px", "64", "--settle", "0.2"],
    "bench_daemon questions": ["--photos", "24", "--questions", "1", "--side-px", "64", "--settle", "0.2"],
    "bench_daemon memory": ["--memory", "--memory-arrivals", "40", "--memory-refits", "2"],
    "bench_ingest": ["--photos", "PHOTOS", "--model", "bundled", "--rounds", "1", "--first-loop-photos", "1"],
    "bench_map": ["--photos", "200"],
    "bench_names": ["--words", "300", "--clusters", "20", "--dim", "64"],
    "bench_questions": ["--questions", "1"],
    "bench_questions cold": ["--cold", "--questions", "1"],
    "bench_refit": ["--rows", "600"],
    "bench_store": ["--photos", "512", "--dim", "16"],
    "chaos": ["--rounds", "4", "--seed", "3"],
    "eval_arrivals": ["--rows", "800", "--seeds", "1"],
    "eval_migrate": ["--kinds", "5"],
    "eval_clusters": ["--only", "30 photos of three clear kinds", "--seeds", "1"],
    "eval_events": ["--lives", "city", "--no-many"],
    "eval_names": ["--quick"],
    "eval_words": ["CLASSES", "--libraries", "1"],
    "soak": ["--arrivals", "60", "--refits", "2", "--kept", "50"],
    "eval_clusters strengths": ["--only", "30 photos of three clear kinds", "--seeds", "1", "--calibration"],
}
ELSEWHERE = {"eval_model", "eval_incremental", "train_tiny_clip"}


def programs(source: str) -> Iterator[ast.Module]:
    """Give a program, and those that stand in its strings to be run by another process."""
    tree = ast.parse(source)
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "import " in node.value:
            try:
                yield ast.parse(node.value)
            except SyntaxError:
                continue


def imported(source: str) -> set[tuple[str, str]]:
    """Give module and name of everything of ours that a program imports, at the top or late; no name for a module."""
    found = set()
    for node in (node for tree in programs(source) for node in ast.walk(tree)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in OURS:
            found |= {(node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names if alias.name.partition(".")[0] in OURS}
    return found


def is_there(module: str, name: str) -> bool:
    """Tell whether a module exists and has such a name, which may be a module itself."""
    try:
        if not name or hasattr(importlib.import_module(module), name):
            importlib.import_module(module)
            return True
        importlib.import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return False
    return True


def test_every_script_is_known_here() -> None:
    """A new script that measures gets a smallest run, and none that went away is believed to be tested."""
    assert {line.partition(" ")[0] for line in SMALLEST} | ELSEWHERE == {file.name for file in MEASURING}
    assert {file.name for file in SHELL} == {"check", "environment.sh", "smoke", "start", "test"}


@pytest.mark.parametrize("file", [*PYTHON, *sorted(SCRIPTS.glob("*/*.py"))], ids=lambda file: file.name)
def test_all_that_a_script_imports_exists(file: Path) -> None:
    """Also what a function imports when it is called, and what a program in a string does in another process."""
    wanted = imported(file.read_text(encoding="utf-8"))
    assert [each for each in sorted(wanted) if not is_there(*each)] == []


def test_imports_in_functions_and_in_strings_are_seen() -> None:
    """The rule above can fail."""
    source = 'def f():\n    from vecclust import nothing\nCOLD = """\nimport vecclust.cluster\n"""\n'
    assert imported(source) == {("vecclust", "nothing"), ("vecclust.cluster", "")}
    assert not is_there("vecclust", "nothing")
    assert not is_there("vecclust.cluster", "")
    assert is_there("vecclust", "Library")


@pytest.mark.parametrize("file", MEASURING, ids=lambda file: file.name)
def test_a_script_shows_its_help(file: Path) -> None:
    """It starts as a file of its own, from another folder than the project's, and says how it is called."""
    done = subprocess.run([sys.executable, str(file), "--help"], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    assert f"scripts/{file.name}" in done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_script_can_be_called_by_its_name(file: Path) -> None:
    """Executable, but for the part that is only read by others."""
    assert os.access(file, os.X_OK) == (file.name != "environment.sh")


@pytest.mark.parametrize("file", [*SHELL, PROJECT / ".ci" / "run"], ids=lambda file: file.name)
def test_a_shell_script_has_no_error_of_syntax(file: Path) -> None:
    """Read by bash without being run; by shellcheck too where it is installed."""
    subprocess.run(["bash", "-n", str(file)], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "--shell=bash", "--exclude=SC1091,SC2034,SC2154", str(file)], check=True)


def test_the_test_command_runs_every_test_once() -> None:
    """Each folder with tests is run by itself, and no folder twice; those it calls the longest are still there."""
    told = subprocess.run([str(SCRIPTS / "test"), "--rooms"], capture_output=True, text=True, check=True, cwd="/")
    rooms = told.stdout.split()
    folders = {str(file.parent.relative_to(PROJECT)) for file in PROJECT.glob("tests/**/test_*.py")}
    assert sorted(rooms) == sorted(folders)
    longest = re.findall(r'^longest="(.*)"$', (SCRIPTS / "test").read_text(encoding="utf-8"), re.MULTILINE)[0].split()
    assert rooms[: len(longest)] == longest


@pytest.mark.slow
@pytest.mark.parametrize("line", SMALLEST)
def test_the_smallest_run_of_a_script_ends_well(line: str, tmp_path: Path) -> None:
    """Prints figures and exits with 0; what they are is for a quiet machine to say."""
    name = line.partition(" ")[0]
    if name == "bench_map" and chromium() is None:
        pytest.skip("no Chromium here")
    for number in range(4):
        (tmp_path / "photos").mkdir(exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (96, 128, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.jpg")
    places = {"PHOTOS": str(tmp_path / "photos"), "CLASSES": str(tmp_path)}
    arguments = [places.get(each, each) for each in SMALLEST[line]]
    command = [sys.executable, str(SCRIPTS / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()
