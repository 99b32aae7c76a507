"""Help texts: golden, complete, each with an example, and quick."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from vecclust.cli.app import COMMANDS, EARLIER_NAMES

GOLDEN = Path(__file__).parent / "golden"
PROJECT = Path(__file__).resolve().parents[2]

CONTRACT = {
    "scan", "recluster", "similar", "search", "clusters", "cluster", "rename", "photo", "runs", "rollback",
    "status", "problems", "models", "demo", "map", "gallery", "watch", "service",
}  # fmt: skip


def help_of(*arguments: str) -> str:
    """Run the real command line and give its help."""
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "vecclust", *arguments, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return done.stdout.replace("python -m vecclust", "vecclust")


def test_every_command_of_the_contract_exists() -> None:
    """Scripts rely on these names."""
    assert COMMANDS.keys() >= CONTRACT


@pytest.mark.parametrize(
    "command",
    ["", *COMMANDS, "folders forget", "folders accept", "service install", "service remove", "service status"],
)
def test_help_is_as_written_down(command: str) -> None:
    """A change of the help text is seen; write the new ones down with UPDATE_GOLDEN=1."""
    text = help_of(*command.split())
    file = GOLDEN / f"{command.replace(' ', '-') or 'vecclust'}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert file.exists(), f"{file} is missing: write it down with UPDATE_GOLDEN=1"
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_shows_an_example_and_stands_in_the_readme(command: str) -> None:
    """Help without an example helps half, and a command nobody can find is none."""
    assert f"  vecclust {command}" in (GOLDEN / f"{command}.txt").read_text(encoding="utf-8")
    assert f"`{command}" in (PROJECT / "README.md").read_text(encoding="utf-8")


# What means something to who made it alone.
JARGON = ("dbcv", "noise", "refined", "range>", "1000000000", "x>=", "<=x", "default: 0]", "hdbscan's")


def test_help_speaks_in_words_of_people() -> None:
    """No name of a figure, no type of a program, no bound that bounds nothing."""
    for file in GOLDEN.glob("*.txt"):
        text = file.read_text(encoding="utf-8").lower()
        assert not [word for word in JARGON if word in text], file


def test_the_commands_stand_in_groups_and_in_whole_sentences() -> None:
    """At 80 columns no sentence is cut; earlier names are not shown."""
    text = (GOLDEN / "vecclust.txt").read_text(encoding="utf-8")
    assert "..." not in text.partition("-h, --help")[2]
    assert [line for line in text.splitlines() if line.endswith(":")] == [
        "Options:",
        "Take photos in:",
        "Find photos:",
        "Look at time and place:",
        "Cluster:",
        "Name and correct clusters:",
        "Look at pictures:",
        "Keep safe:",
        "More:",
    ]
    assert not [name for name in EARLIER_NAMES if f"  {name} " in text]


def test_help_imports_nothing_that_is_slow() -> None:
    """What makes help slow is what it imports: no table library, no validation, no numpy."""
    program = (
        "import sys; sys.argv = ['vecclust', '--help']\n"
        "from vecclust.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "slow = {'numpy', 'pydantic', 'rich', 'PIL', 'lancedb', 'torch'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_a_command_imports_no_other_one() -> None:
    """Of the command line's own modules a question goes through six: the others cost it nothing."""
    program = (
        "import sys; sys.argv = ['vecclust', 'similar', '--help']\n"
        "from vecclust.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*sorted(name.removeprefix('vecclust.cli.') for name in sys.modules if 'vecclust.cli' in name))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "app output questions session streams vecclust.cli"


def test_the_command_reference_is_that_of_the_code() -> None:
    """docs/commands.md says what the help says."""
    made = runpy.run_path(str(PROJECT / "scripts" / "make_docs"))["PAGES"]
    for name, page in made.items():
        file = PROJECT / name
        assert file.exists(), f"{name} is missing: run scripts/make_docs"
        assert file.read_text(encoding="utf-8") == page(), f"{name} is old: run scripts/make_docs"
