"""The command line with a daemon and without: the same bytes, the same exit code, and far less imported."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.library.test_library import HUES, picture
from vecclust import Client, Library
from vecclust.cli.app import app
from vecclust.cli.app import run as run_to_its_end
from vecclust.errors import VecclustError
from vecclust.library.timeline.found import FILE
from vecclust.server.client import NoServer
from vecclust.server.verbs import Verb

DEADLINE_S = 240.0
OUTSIDE = os.fsdecode(b"out\xff.jpg")


@dataclass(frozen=True)
class World:
    """A library that `vecclust watch` keeps with the bundled model."""

    folder: Path
    pid: int

    @property
    def library(self) -> Path:
        """Where it lies."""
        return self.folder / "library"

    @property
    def album(self) -> Path:
        """Its photos."""
        return self.folder / "album"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start it, and wait until it has caught up."""
    folder = tmp_path_factory.mktemp("world")
    for colour in HUES:
        (folder / "album" / colour).mkdir(parents=True)
        for number in range(8):
            (folder / "album" / colour / f"{number}.jpg").write_bytes(picture(colour, number))
    (folder / OUTSIDE).write_bytes(picture("green", 500))
    (folder / "broken.jpg").write_bytes(picture("green", 501)[:300])
    (folder / "bad.toml").write_text("[photos]\nsettle = 1\n")
    (folder / "small.toml").write_text('model = "bundled"\n[photos]\nmax_file_mb = 1\n')
    (folder / "precise.toml").write_text('model = "bundled"\n[embed]\nprecision = "float32"\n')
    (folder / "long.jpg").write_bytes(picture("green", 502) + bytes(2 << 20))
    (folder / "library").mkdir()
    (folder / "library" / "config.toml").write_text('model = "bundled"\n[clusters]\nreducer = "pca"\n')
    command = [sys.executable, "-m", "vecclust", "--library", str(folder / "library"), "watch", str(folder / "album")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as daemon:
        try:
            until_labelled(daemon, folder / "library")
            yield World(folder, daemon.pid)
        finally:
            daemon.send_signal(signal.SIGTERM)
            _, said = daemon.communicate(timeout=DEADLINE_S)
        assert (daemon.returncode, "Traceback" in said) == (0, False), said


def until_labelled(daemon: subprocess.Popen[str], library: Path, *, n_photos: int = 24) -> None:
    """Wait until the daemon has brought all photos in and has nothing more to do."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        assert daemon.poll() is None, daemon.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.2)
        if not (library / "watch" / "state.json").exists():
            continue
        with Library.open(library) as opened:
            found, clusters = opened.status(), opened.clusters()
            state = clusters.clustered + clusters.noise, found.pending, found.daemon.doing
            # What was found of time is written last: until then the library grows.
            if state == (n_photos, 0, "watching") and (library / FILE).exists():
                return


QUESTIONS: dict[str, tuple[int, list[str]]] = {
    "words": (0, ["search", "something", "red"]),
    "words as a document": (0, ["search", "grün 🌋", "-n", "3", "--json"]),
    "words as paths": (0, ["search", "red", "--paths", "-0"]),
    "in a cluster": (0, ["search", "red", "--cluster", "c1", "--json"]),
    "in no cluster": (1, ["search", "red", "--cluster", "c99", "--json"]),
    "in a folder": (0, ["search", "red", "--folder", "album/blue/../red", "--json"]),
    "since": (0, ["search", "red", "--since", "2001-01-01", "--until", "2101-01-01", "--json"]),
    "no words": (2, ["search", "  ", "--json"]),
    "a photo": (0, ["similar", "album/red/1.jpg", "--json"]),
    "a photo by its whole path": (0, ["similar", "ALBUM/red/1.jpg"]),
    "a photo outside": (0, ["similar", OUTSIDE, "-n", "5", "--json"]),
    "a photo that is not there": (1, ["similar", "album/nothing.jpg"]),
    "a photo that is broken": (1, ["similar", "broken.jpg", "--json"]),
    "a folder as photo": (1, ["similar", "album"]),
    "no picture": (1, ["similar", "bad.toml", "--json"]),
    "limits of one's own": (1, ["--config", "small.toml", "similar", "long.jpg", "--json"]),
    "another model": (5, ["--model", "ViT-B-32/openai", "search", "red", "--json"]),
    "a model that is none": (5, ["--model", "nonsense", "search", "red"]),
    "the state": (0, ["status", "--json"]),
    "the state for people": (0, ["status"]),
}
# What is wrong with these is said by whoever reads the configuration, and another precision is another answer.
ALONE: dict[str, tuple[int, list[str]]] = {
    "a setting that is none": (3, ["--config", "bad.toml", "search", "red"]),
    "no configuration": (3, ["--config", "none.toml", "search", "red", "--json"]),
    "another precision": (0, ["--config", "precise.toml", "search", "red", "--json"]),
}


# As it is before a spy stands in for it.
ASK = Client.ask


class Spy:
    """Asks the daemon, or does not, and notes how that went."""

    def __init__(self, *, alone: bool) -> None:
        self.alone = alone
        self.outcome = "none"

    def of(self, asker: Client, verb: Verb, arguments: Mapping[str, Any], **other: Any) -> Any:
        """Ask."""
        if self.alone:
            raise NoServer
        try:
            answer = ASK(asker, verb, arguments, **other)
        except BaseException as error:
            self.outcome = "answered" if isinstance(error, VecclustError) else type(error).__name__
            raise
        self.outcome = "answered"
        return answer


def run(
    world: World,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capture: pytest.CaptureFixture[bytes],
    spy: Spy,
    *,
    library: str = "library",
) -> tuple[int, bytes, bytes]:
    """Run one command line in the world's folder; give exit code, stdout and stderr."""
    monkeypatch.chdir(world.folder)
    monkeypatch.setattr(Client, "ask", lambda asker, *asked, **other: spy.of(asker, *asked, **other))
    capture.readouterr()
    command = ["--library", library, *(text.replace("ALBUM", str(world.album)) for text in arguments)]
    code = run_to_its_end(lambda: app(args=command, standalone_mode=False), wants_json="--json" in arguments)
    sys.stdout.flush()
    shown = capture.readouterr()
    return code, shown.out, shown.err


@pytest.mark.parametrize("what", [*QUESTIONS, *ALONE])
def test_with_a_daemon_and_without_the_answer_is_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], what: str
) -> None:
    """Byte for byte, errors included; and it was the daemon that answered but where it must not."""
    code, arguments = {**QUESTIONS, **ALONE}[what]
    asked, alone = Spy(alone=False), Spy(alone=True)
    answer = run(world, arguments, monkeypatch, capfdbinary, asked)
    assert (answer[0], asked.outcome) == (code, "answered" if what in QUESTIONS else "Declined"), answer
    assert run(world, arguments, monkeypatch, capfdbinary, alone) == answer
    assert answer[1] or answer[2]
    assert code or b"album" in answer[1], "no photo answers"


def test_an_answer_of_the_daemon_costs_no_heavy_import(world: World) -> None:
    """Neither tables nor model, nor numpy: what is left is typer."""
    program = (
        "import sys\n"
        f"sys.argv = ['vecclust', '--library', {str(world.library)!r}, 'search', 'something red', '--json']\n"
        "from vecclust.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'torch', 'open_clip', 'lancedb', 'pyarrow', 'numpy', 'PIL', 'rich', 'pydantic',\n"
        "         'vecclust.store'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["results"]) == 20


@pytest.mark.parametrize("command", [["scan"], ["problems", "--retry"], ["watch"]])
def test_what_the_daemon_does_not_do_for_others_says_what_to_do(world: World, command: list[str]) -> None:
    """Exit code 6, the daemon's number and how to stop it."""
    line = [sys.executable, "-m", "vecclust", "--library", str(world.library), *command]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert f"process {world.pid} (vecclust watch)" in done.stderr
    assert f"kill {world.pid}" in done.stderr


def test_a_map_is_written_beside_the_daemon(world: World, tmp_path: Path) -> None:
    """From what may be read; its places are kept another time."""
    command = [sys.executable, "-m", "vecclust", "--library", str(world.library), "map", "--out", str(tmp_path / "m")]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "m").stat().st_size > 1000


def test_the_daemon_refits_for_the_command_line(world: World) -> None:
    """Last of all: the document is that of a refit, the run is the daemon's, a name and a rollback are done too."""
    line = [sys.executable, "-m", "vecclust", "--library", str(world.library)]

    def document(*arguments: str) -> dict[str, Any]:
        done = subprocess.run([*line, *arguments, "--json"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    before = document("runs")["current"]
    report = document("recluster", "--reducer", "none", "--clusterer", "kmeans", "--n-clusters", "2")
    assert (report["clusters"], report["photos"]) == (2, 24)
    assert document("runs")["current"] == report["run"] != before
    assert document("runs")["runs"][-1]["params"]["reducer"] == "none"
    assert document("rename", "c1", "Glacier lagoon")["named_by"] == "owner"
    assert document("rollback", str(before))["run"] == before
    assert document("cluster", "c1")["name"] == "Glacier lagoon"


def test_the_daemon_keeps_what_is_said_as_the_command_line_would_alone(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Byte for byte, mistakes included: the same words said to the daemon, and to a copy that nobody keeps."""
    shutil.copytree(world.library, tmp_path / "alone", ignore=shutil.ignore_patterns("watch"))
    with Library.open(world.library) as opened:
        cluster = opened.clusters().clusters[0].id
        members = [member.photo for member in opened.cluster(cluster).photos[:3]]
        n_said = len(opened.edits(everything=True))
    for arguments in EDITS:
        filled: list[str] = []
        for text in arguments:
            said = f"w{n_said + int(text[1:])}" if text.startswith("W") else text.replace("LARGEST", cluster)
            filled += members if text == "MEMBERS" else [said]
        spy = Spy(alone=False)
        answer = run(world, filled, monkeypatch, capfdbinary, spy)
        assert spy.outcome == "answered", filled
        other = Spy(alone=True)
        assert run(world, filled, monkeypatch, capfdbinary, other, library=str(tmp_path / "alone")) == answer
        assert answer[0] == (1 if "W99" in arguments or "album/nothing.jpg" in arguments else 0), answer


EDITS: list[list[str]] = [
    ["split-off", "LARGEST", "MEMBERS", "--name", "Schwarzer Sand 🌋", "--json"],
    ["move", "album/red/1.jpg", "album/blue/../red/2.jpg", "Schwarzer Sand 🌋", "--json"],
    ["move", "album/red/3.jpg", "unclustered"],
    ["pin", "album/red/4.jpg", "ALBUM/red/4.jpg", "--json"],
    ["unpin", "album/red/1.jpg", "album/red/5.jpg", "--json"],
    ["merge", "LARGEST", "Schwarzer Sand 🌋", "--json"],
    ["take-back", "W6", "--json"],
    ["not-together", "LARGEST", "Schwarzer Sand 🌋"],
    ["take-back", "W3", "W2", "--json"],
    ["take-back", "W99", "--json"],
    ["move", "album/nothing.jpg", "LARGEST", "--json"],
]
