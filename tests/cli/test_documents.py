"""Every answering command through the real command line: documents as written down, plain lines, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.library.test_library import HUES, picture
from vecclust.cli.app import app
from vecclust.cli.app import run as run_to_its_end

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class World:
    """A library made once by the command line, and its album."""

    album: Path
    library: Path

    @property
    def photo(self) -> str:
        """A photo of the library."""
        return str(self.album / "red" / "01.jpg")


def run(library: Path, *arguments: str, capture: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run one command line in this process; give exit code, stdout and stderr."""
    capture.readouterr()
    command = ["--library", str(library), *arguments]
    code = run_to_its_end(lambda: app(args=command, standalone_mode=False), wants_json="--json" in arguments)
    shown = capture.readouterr()
    return code, shown.out, shown.err


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A library of three dozen photos and a broken one, made by `vecclust scan` with the bundled model."""
    folder = tmp_path_factory.mktemp("world")
    album = folder / "album"
    for colour in HUES:
        (album / colour).mkdir(parents=True)
        for number in range(12):
            (album / colour / f"{number:02}.jpg").write_bytes(picture(colour, number))
    (album / "broken.jpg").write_bytes(picture("red", 40)[:400])
    command = ["--library", str(folder / "library"), "--model", "bundled", "scan", str(album), "--json"]
    done = subprocess.run([sys.executable, "-m", "vecclust", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["added"], report["problems"], report["labelled"], report["run"]) == (36, 1, 36, "r1")
    return World(album, folder / "library")


def skeleton(value: Any) -> Any:
    """Keep the names and kinds of a document: what scripts rely on, whatever the model says."""
    if isinstance(value, dict):
        return {key: skeleton(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [skeleton(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


@pytest.fixture
def copy(world: World, tmp_path: Path) -> World:
    """The same library, to be changed."""
    shutil.copytree(world.library, tmp_path / "library")
    return World(world.album, tmp_path / "library")


COMMANDS: dict[str, list[str]] = {
    "scan": ["scan"],
    "scan-dry": ["scan", "--dry-run"],
    "recluster": ["recluster"],
    "recluster-dry": ["recluster", "--dry-run", "--clusterer", "kmeans", "--n-clusters", "3"],
    "similar": ["similar", "PHOTO", "-n", "3"],
    "search": ["search", "something", "red", "--limit", "3"],
    "clusters": ["clusters"],
    "cluster": ["cluster", "c1"],
    "cluster-inside": ["cluster", "CLUSTER", "--inside"],
    "compare": ["compare", "--sample", "24", "--seeds", "2"],
    "rename": ["rename", "c1", 'It\'s "<b>" 🌋'],
    "photo": ["photo", "PHOTO"],
    "move": ["move", "PHOTO", "c2"],
    "pin": ["pin", "PHOTO"],
    "unpin": ["unpin", "PHOTO"],
    "merge": ["merge", "c1", "c2"],
    "not-together": ["not-together", "c1", "c2"],
    "split-off": ["split-off", "CLUSTER", "PHOTO", "--name", "Black sand"],
    "words": ["words"],
    "take-back": ["take-back", "w1"],
    "runs": ["runs"],
    "rollback": ["rollback", "r1"],
    "status": ["status"],
    "problems": ["problems"],
    "models": ["models"],
}


# Said before, so that there is something to list and to take back.
BEFORE = {"words": ["pin", "PHOTO"], "take-back": ["pin", "PHOTO"], "unpin": ["pin", "PHOTO"]}


def prepared(name: str, world: World, capture: pytest.CaptureFixture[str]) -> list[str]:
    """Say what is to be said before a command, and give its arguments."""

    def filled(arguments: list[str]) -> list[str]:
        given = {"PHOTO": world.photo}
        if "CLUSTER" in arguments:
            _, out, _ = run(world.library, "photo", world.photo, "--json", capture=capture)
            given["CLUSTER"] = json.loads(out)["cluster"]
        return [given.get(argument, argument) for argument in arguments]

    if name in BEFORE:
        assert run(world.library, *filled(BEFORE[name]), capture=capture)[0] == 0
    return filled(COMMANDS[name])


@pytest.mark.parametrize("name", COMMANDS)
def test_documents_are_as_written_down(name: str, copy: World, capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON document on stdout, nothing else there; its names and kinds never change unseen (UPDATE_GOLDEN=1)."""
    arguments = prepared(name, copy, capsys)
    code, out, _ = run(copy.library, *arguments, "--json", capture=capsys)
    assert code == 0
    shape = json.dumps(skeleton(json.loads(out)), indent=2) + "\n"
    file = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(shape, encoding="utf-8")
    assert file.exists(), f"{file} is missing: write it down with UPDATE_GOLDEN=1"
    assert shape == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("rename", "cluster-inside")])
def test_on_a_pipe_every_answer_is_plain_lines(name: str, copy: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Tab-separated, no colour, no progress, nothing on stderr that is not a notice."""
    arguments = prepared(name, copy, capsys)
    code, out, err = run(copy.library, *arguments, capture=capsys)
    assert code == 0
    assert out
    assert "\x1b" not in out + err


def test_similar_answers_by_score_and_leaves_the_photo_out(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Scores fall, the photo is not its own answer, and paths are absolute."""
    document = json.loads(run(world.library, "similar", world.photo, "--json", capture=capsys)[1])
    assert document["query"] == world.photo
    scores = [hit["score"] for hit in document["results"]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 20
    paths = [hit["path"] for hit in document["results"]]
    assert world.photo not in paths
    assert all(os.path.isabs(path) for path in paths)


def test_bare_paths_can_be_piped(world: World, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """--paths gives one path a line, -0 ends them by NUL."""
    arguments = ["--library", str(world.library), "similar", world.photo, "-n", "2", "--paths"]
    run_to_its_end(lambda: app(args=[*arguments, "-0"], standalone_mode=False), wants_json=False)
    first, second, end = capfdbinary.readouterr().out.split(b"\0")
    assert os.path.exists(first)
    assert os.path.exists(second)
    assert end == b""


def test_rename_outlives_recluster(copy: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The name given on the command line is there after a refit."""
    assert run(copy.library, "rename", "c1", "Glacier lagoon", capture=capsys)[0] == 0
    assert run(copy.library, "recluster", capture=capsys)[0] == 0
    document = json.loads(run(copy.library, "cluster", "c1", "--json", capture=capsys)[1])
    assert (document["name"], document["named_by"]) == ("Glacier lagoon", "owner")
    assert [event["run"] for event in document["history"]] == ["r1", "r2"]
    assert [(said["text"], said["run"]) for said in document["said"]] == [("rename c1 Glacier lagoon", "r1")]


def test_what_the_owner_says_holds_through_a_refit_and_can_be_taken_back(
    copy: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Moved by path into a cluster by name, shown as the owner's, listed, and undone."""

    def document(*arguments: str) -> dict[str, Any]:
        code, out, _ = run(copy.library, *arguments, "--json", capture=capsys)
        assert code == 0, out
        return dict(json.loads(out))

    home = document("photo", copy.photo)["cluster"]
    other = next(entry["id"] for entry in document("clusters")["clusters"] if entry["id"] != home)
    document("rename", other, "Glacier lagoon")
    hits = document("similar", copy.photo, "--cluster", "Glacier lagoon")["results"]
    assert {hit["cluster"] for hit in hits} == {other} == {document("cluster", "Glacier lagoon")["id"]}
    moved = document("move", copy.photo, "Glacier lagoon")
    assert (moved["word"], moved["cluster"], moved["photos"], moved["changed"]) == ("w2", other, 1, 1)
    run(copy.library, "recluster", capture=capsys)
    facts = document("photo", copy.photo)
    assert (facts["cluster"], facts["assigned_by"], facts["run"]) == (other, "owner", "r2")
    assert [(word["word"], word["photos"][0]["path"]) for word in document("words")["words"]] == [("w2", copy.photo)]
    assert document("take-back", "w2")["changed"] == 1
    assert document("photo", copy.photo)["assigned_by"] == "fit"
    assert document("words") == {"words": []}
    assert [word["verb"] for word in document("words", "--all")["words"]] == ["rename", "move", "take-back"]


MISTAKES: dict[str, tuple[list[str], int, str]] = {
    "no such cluster": (["cluster", "c99"], 1, "not_found"),
    "no such run": (["rollback", "r99"], 1, "not_found"),
    "no such photo": (["photo", "/nowhere/x.jpg"], 1, "not_found"),
    "no such file": (["similar", "/nowhere/x.jpg"], 1, "not_found"),
    "empty words": (["search", " "], 2, "usage"),
    "empty name": (["rename", "c1", "  "], 2, "usage"),
    "moved to no cluster": (["move", "PHOTO", "c99"], 1, "not_found"),
    "moved to no name": (["move", "PHOTO", "Nowhere"], 1, "not_found"),
    "a photo that is not there": (["pin", "/nowhere/x.jpg"], 1, "not_found"),
    "a hash of no photo": (["pin", "0" * 64], 1, "not_found"),
    "merged with itself": (["merge", "c1", "c1"], 2, "usage"),
    "a word never said": (["take-back", "w7"], 1, "not_found"),
    "a file as folder": (["scan", "PHOTO"], 2, "usage"),
    "a smallest cluster larger than the library": (["recluster", "--min-cluster-size", "37"], 2, "usage"),
    "another model": (["search", "x", "--model-is-global"], 2, "usage"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_an_error_document_with_its_exit_code(
    mistake: str, copy: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kind, message and hint on stdout, and no traceback."""
    arguments, expected, kind = MISTAKES[mistake]
    arguments = [copy.photo if argument == "PHOTO" else argument for argument in arguments]
    code, out, err = run(copy.library, *arguments, "--json", capture=capsys)
    error = json.loads(out)["error"]
    assert (code, error["kind"]) == (expected, kind)
    assert set(error) == {"kind", "message", "hint"}
    assert "Traceback" not in err


def test_another_model_exits_with_five_and_says_how_to_go_on(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The library remembers its model."""
    code, out, _ = run(world.library, "--model", "ViT-B-32/openai", "search", "x", "--json", capture=capsys)
    assert code == 5
    assert json.loads(out)["error"]["kind"] == "model_mismatch"
    assert "second library" in json.loads(out)["error"]["hint"]


@pytest.mark.parametrize("command", [["clusters"], ["rename", "c1", "Lagoon"], ["merge", "c1", "c2"], ["recluster"]])
def test_no_library_is_said_with_the_next_step(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who asks or corrects before scanning, or names the wrong place, is told what to run, and none is made."""
    code, _, err = run(tmp_path / "none", *command, capture=capsys)
    assert code == 1
    assert "vecclust scan" in err
    assert not (tmp_path / "none").exists()


def test_a_known_photo_is_answered_without_a_model(world: World) -> None:
    """`similar` for a photo of the library imports neither torch nor open_clip."""
    program = (
        "import sys\n"
        f"sys.argv = ['vecclust', '--library', {str(world.library)!r}, 'similar', {world.photo!r}, '--json']\n"
        "from vecclust.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'torch', 'open_clip', 'umap', 'hdbscan', 'sklearn', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["results"]) == 20
