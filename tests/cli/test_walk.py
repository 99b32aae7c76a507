"""A new user's first days: the commands of the README at 80 columns, all that they offer next, mistakes.

In tmux, for it tells which lines were wider than the screen. Left out is what would change the computer itself
(`service`), and the demo, which has a test of its own.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from vecclust.cli.app import COMMANDS
from vecclust.demo.album import write_album

PROJECT = Path(__file__).resolve().parents[2]
COLUMNS = 80
DEADLINE_S = 300.0
PROMPT = "$ "
# They go on until Ctrl-C; each is ready when it says so.
STAYS = {"watch": "begins to watch", "ui": "http://"}
# What changes this computer, takes minutes or needs a model that can write.
LEFT_OUT = {"service", "demo", "caption"}
FIRST_OF = '"$(vecclust cluster {} --paths | head -n 1)"'
# One after another, as they are typed. Each command of the README is among them.
EVERY_COMMAND = (
    "vecclust scan ~/Photos ~/Wrong",
    "vecclust scan --dry-run",
    "vecclust status",
    "vecclust status --skipped",
    "vecclust status --figures",
    "vecclust folders",
    "vecclust problems --retry",
    "vecclust models",
    "vecclust clusters --all",
    "vecclust clusters --about beach",
    "vecclust cluster c1 --preview",
    "vecclust cluster c1 --inside",
    "vecclust cluster unclustered",
    "vecclust similar ~/Photos/IMG_0042.jpg -n 5 --preview",
    "vecclust search waterfalls --since 2020 --until today",
    "vecclust search waterfalls --since 1990 --until 1991",
    "vecclust photo ~/Photos/IMG_0042.jpg",
    "vecclust events",
    "vecclust events --since 2020 --place Iceland",
    "vecclust event e1",
    "vecclust trips",
    "vecclust places",
    "vecclust search beach --near 38.72,-9.14,5",
    "vecclust name",
    "vecclust edits",
    'vecclust rename c2 "Glacier lagoon"',
    "vecclust move ~/Photos/IMG_0042.jpg unclustered",
    f"vecclust pin {FIRST_OF.format('c1')}",
    f"vecclust unpin {FIRST_OF.format('c1')}",
    "vecclust not-together c1 c2",
    f'vecclust split-off c5 {FIRST_OF.format("c5")} --name "Black sand"',
    "vecclust merge c3 c4",
    "vecclust edits --all",
    "vecclust undo w2",
    "vecclust recluster --dry-run --figures",
    "vecclust recluster --granularity fine",
    "vecclust name --all",
    "vecclust runs",
    "vecclust rollback r1",
    "vecclust compare --sample 60 --seeds 2 --figures",
    "vecclust gallery",
    "vecclust map",
    "vecclust map --export ~/photos.parquet",
    "vecclust ui",
    "vecclust folders forget ~/Wrong --yes",
    "vecclust folders",
    "vecclust doctor",
    "vecclust doctor --repair",
    "vecclust backup ~/vecclust.tar",
    "vecclust restore ~/vecclust.tar",
    "vecclust migrate --status",
    "vecclust watch",
    "vecclust status",
)
# What people get wrong, and the exit code.
MISTAKES = {
    "vecclust scan ~/Phtos": 2,
    "vecclust scan ~/Photos/IMG_0042.jpg": 2,
    "vecclust clusters c3": 2,
    "vecclust problms": 2,
    "vecclust cluster c99": 1,
    "vecclust cluster Glacier": 1,
    "vecclust similar ~/Photos": 1,
    "vecclust similar ~/IMG_0042.jpg": 1,
    "vecclust photo ~/IMG_0042.jpg": 1,
    "vecclust photo ~/Photos": 1,
    "vecclust search ''": 2,
    "vecclust search x --since tomorrow": 2,
    "vecclust search x --since 2022 --until 2021": 2,
    "vecclust search x --folder ~/Elsewhere": 1,
    "vecclust search x --near Lisbon": 2,
    "vecclust event e999": 1,
    "vecclust trips --place Atlantis": 1,
    "vecclust caption c1": 5,
    "vecclust caption c99": 1,
    "vecclust rename c99 Sea": 1,
    "vecclust rename c1 c2": 2,
    "vecclust move ~/Photos/IMG_0042.jpg c99": 1,
    "vecclust merge c1 c1": 2,
    "vecclust undo w99": 1,
    "vecclust rollback r99": 1,
    "vecclust name --accept c99": 1,
    "vecclust name --refuse c99": 1,
    "vecclust folders forget ~/Photos/2021": 2,
    "vecclust folders forget ~/Elsewhere": 1,
    "vecclust gallery --out ~/Photos": 2,
    "vecclust recluster --min-cluster-size 5000": 2,
    "vecclust --library ~/none status": 1,
    "vecclust --config ~/none status": 3,
    "vecclust watch ~/Phtos": 2,
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux"),
]


class Terminal:
    """A shell in tmux, 80 columns wide, where `vecclust` is this one and home is a folder of its own."""

    def __init__(self, home: Path) -> None:
        # The path of a socket is to be short.
        self._place = tempfile.TemporaryDirectory()
        self._socket = os.path.join(self._place.name, "tmux")
        programs = home / ".programs"
        programs.mkdir()
        program = programs / "vecclust"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m vecclust "$@"\n')
        program.chmod(0o755)
        environment = {
            "HOME": str(home),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(PROJECT),
            "PS1": PROMPT,
            "VECCLUST_LIBRARY": str(home / "library"),
            "VECCLUST_MODEL": "bundled",
            "BROWSER": "true",
            "LANG": "C.UTF-8",
        }
        given = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
        shell = f"cd {shlex.quote(str(home))} && env {given} bash --norc --noprofile"
        self._tmux("-f", os.devnull, "new-session", "-d", "-x", str(COLUMNS), "-y", "200", shell)
        self._until(lambda text: text.startswith(PROMPT.strip()))

    def close(self) -> None:
        """End the shell and all it started."""
        self._tmux("kill-server")
        self._place.cleanup()

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", self._socket, *arguments]
        environment = {name: value for name, value in os.environ.items() if name != "TMUX"}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    def _screen(self) -> str:
        """Give what is on the screen, lines that were wider than it in one piece."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-").rstrip()

    def _until(self, is_so: Callable[[str], bool]) -> str:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            text = self._screen()
            if is_so(text):
                return text
            assert time.monotonic() < deadline, text
            time.sleep(0.1)

    def run(self, command: str) -> tuple[int, str]:
        """Type a command; what goes on for ever is stopped once it is ready.

        Returns:
            Its exit code, and what it wrote.
        """
        self._tmux("send-keys", "-R")
        self._tmux("clear-history")
        self._tmux("send-keys", "-l", command.replace("\n", " ") + r"; printf '\nended with %s\n' $?")
        self._tmux("send-keys", "Enter")
        ready = next((sign for word, sign in STAYS.items() if re.search(rf"\b{word}\b", command)), None)
        if ready is not None:
            self._until(lambda text: ready in text.partition("\n")[2] or self._ended(text))
            self._tmux("send-keys", "C-c")
        text = self._until(self._ended)
        code = re.findall(r"^ended with ([0-9]+)$", text, re.MULTILINE)[-1]
        return int(code), text[: text.rindex("ended with")].partition("\n")[2]

    @staticmethod
    def _ended(text: str) -> bool:
        return re.search(r"^ended with [0-9]+$", text, re.MULTILINE) is not None


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the photos that the README speaks of: twelve kinds, one of them broken."""
    photos = tmp_path / "Photos"
    photos.mkdir()
    write_album(photos, n_photos=120)
    shutil.copy(next(photos.rglob("IMG_*.jpg")), photos / "IMG_0042.jpg")
    return tmp_path


@pytest.fixture
def terminal(home: Path) -> Iterator[Terminal]:
    """A terminal at home."""
    opened = Terminal(home)
    yield opened
    opened.close()


def commands_of_the_readme() -> list[str]:
    """Give the command lines of the first day, in their order."""
    day = (PROJECT / "README.md").read_text(encoding="utf-8").partition("## The first day")[2].partition("\n## ")[0]
    lines = re.findall(r"^    scripts/start (.+)$", day, re.MULTILINE)
    return [f"vecclust {line}" for line in lines if line.split()[0] not in LEFT_OUT]


def offered(text: str) -> list[str]:
    """Give the commands that an answer offers, as they are to be typed."""
    answer, _, steps = text.partition("\nNext:\n")
    lines = re.sub(r" \\\n +", " ", steps).splitlines()
    found = [re.split(r" {2,}", line.strip())[0] for line in lines if line.startswith("  vecclust ")]
    return found + re.findall(r":(?: |\n  )(vecclust [^\n]+)$", answer, re.MULTILINE)


def check(command: str, code: int, text: str, *, expected: int = 0) -> None:
    """A command did what it should, in lines that fit."""
    stays = expected == 0 and any(re.search(rf"\b{word}\b", command) for word in STAYS)
    assert code in ((0, 130) if stays else (expected,)), f"{command} ended with {code}:\n{text}"
    assert "Traceback" not in text, f"{command}:\n{text}"
    # A path on a line of its own is to be copied, and may be as long as it is.
    wide = [
        line for line in text.splitlines() if cell_len(line.rstrip()) > COLUMNS and not re.match(r" */\S+ *$", line)
    ]
    assert not wide, f"{command} is wider than the screen: {wide}"


def test_a_line_that_is_too_wide_is_seen(tmp_path: Path) -> None:
    """One column too many, and what failed; a line that just fits is none."""
    terminal = Terminal(tmp_path)
    try:
        for n_columns in (COLUMNS, COLUMNS + 1):
            code, text = terminal.run(f"printf '%0{n_columns}d\\n' 1; false")
            assert (code, text.split()) == (1, ["1".zfill(n_columns)])
        check("ls", 0, f"what was there lies in\n  /{'photos/' * 20}\n")
        with pytest.raises(AssertionError, match="wider"):
            check("printf", 0, text)
        with pytest.raises(AssertionError, match="ended with 1"):
            check("printf", code, "")
    finally:
        terminal.close()


def test_the_first_day_of_the_readme(terminal: Terminal) -> None:
    """Every command works as it is written, and so does all that is offered next."""
    commands = commands_of_the_readme()
    assert [command.split()[1] for command in commands[:2]] == ["scan", "clusters"]
    assert walk(terminal, commands) >= 6


def test_every_command(home: Path, terminal: Terminal) -> None:
    """All that the README names but what needs more, then what people get wrong: one line says what to do."""
    table = (PROJECT / "README.md").read_text(encoding="utf-8").partition("## Commands")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z-]+)`", re.sub(r"^.*exit code.*$", "", table, flags=re.MULTILINE))) & set(COMMANDS)
    assert {command.split()[1] for command in EVERY_COMMAND} == named - LEFT_OUT
    wrong = home / "Wrong"
    wrong.mkdir()
    shutil.copy(next((home / "Photos").rglob("IMG_*.jpg")), wrong)
    (wrong / "notes.txt").write_text("no photo")
    walk(terminal, list(EVERY_COMMAND))
    for command, expected in MISTAKES.items():
        code, text = terminal.run(command)
        check(command, code, text, expected=expected)
        advised = {word for word in re.findall(r"(?<!: )\bvecclust ([a-z][a-z-]*)", text) if word != "did"}
        assert advised <= COMMANDS.keys(), f"{command} advises what is no command:\n{text}"


def walk(terminal: Terminal, commands: list[str]) -> int:
    """Run commands in their order, and what each offers right behind it.

    Returns:
        How many were offered.
    """
    seen: set[str] = set()
    n_offered = 0
    while commands:
        command = commands.pop(0)
        seen.add(command)
        code, text = terminal.run(command)
        check(command, code, text)
        further = [one for one in offered(text) if one not in seen and one not in commands]
        n_offered += len(further)
        # At once, as one would: what is offered speaks of the library as it is now.
        commands = further + commands
    return n_offered
