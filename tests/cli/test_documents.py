"""Every answering command through the real command line: documents as written down, plain lines, exit codes."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.library.test_library import HUES, old, picture
from vecclust import Library
from vecclust.cli.app import app
from vecclust.cli.app import run as run_to_its_end
from vecclust.cli.folders import SKIP_WORDS, show_skipped
from vecclust.types.files import SKIP_KINDS, SkippedFile, SkippedList

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


@pytest.fixture(autouse=True)
def _captioner(tiny_captioner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have captions written by the tiny model: the bundled one cannot."""
    monkeypatch.setenv("VECCLUST_NAMES_CAPTIONER", f"local-dir:{tiny_captioner}")


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


# Where words may name a cluster, whether they do is up to the model.
BY_WORDS = {"name", "named_by", "suggested_name", "cluster_name", "cluster_named_by", "tags", "words"}


def skeleton(value: Any) -> Any:
    """Keep the names and kinds of a document: what scripts rely on, whatever the model says."""
    if isinstance(value, dict):
        shape = {key: skeleton(inner) for key, inner in value.items()}
        if shape.keys() & {"suggested_name", "cluster_named_by"}:
            shape |= {key: ["str"] if key in ("tags", "words") else "str or null" for key in shape.keys() & BY_WORDS}
        return shape
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
    "caption": ["caption", "c1", "--mean"],
    "compare": ["compare", "--sample", "24", "--seeds", "2"],
    "rename": ["rename", "c1", 'It\'s "<b>" 🌋'],
    "photo": ["photo", "PHOTO"],
    "move": ["move", "PHOTO", "c2"],
    "pin": ["pin", "PHOTO"],
    "unpin": ["unpin", "PHOTO"],
    "merge": ["merge", "c1", "c2"],
    "not-together": ["not-together", "c1", "c2"],
    "split-off": ["split-off", "CLUSTER", "PHOTO", "--name", "Black sand"],
    "edits": ["edits"],
    "undo": ["undo", "w1"],
    "runs": ["runs"],
    "rollback": ["rollback", "r1"],
    "status": ["status"],
    "problems": ["problems"],
    "folders": ["folders"],
    "folders-forget": ["folders", "forget", "ALBUM", "--yes"],
    "models": ["models"],
    "backup": ["backup", "BACKUP"],
    "restore": ["restore", "BACKUP"],
    "restore-day": ["restore", "DAY"],
    "doctor": ["doctor"],
}


# Said before, so that there is something to list and to take back.
BEFORE = {
    "edits": ["pin", "PHOTO"],
    "undo": ["pin", "PHOTO"],
    "unpin": ["pin", "PHOTO"],
    "restore": ["backup", "BACKUP"],
    "restore-day": ["pin", "PHOTO"],
}


def prepared(name: str, world: World, capture: pytest.CaptureFixture[str]) -> list[str]:
    """Say what is to be said before a command, and give its arguments."""

    def filled(arguments: list[str]) -> list[str]:
        given = {"PHOTO": world.photo, "ALBUM": str(world.album), "BACKUP": str(world.library.parent / "copy.tar")}
        given["DAY"] = str(next(world.library.glob("backups/*"), ""))
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


def test_what_is_left_out_is_counted_by_scan_and_listed_by_status(
    copy: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kinds are words for people and keys in documents; every one has a word."""
    folder = tmp_path / "more"
    folder.mkdir()
    for name in ("a.dng", "b.mov", "c.mov", "new\nline.txt"):
        (folder / name).write_bytes(b"x")
    code, out, _ = run(copy.library, "scan", str(folder), capture=capsys)
    assert code == 0
    assert "left out\t4: 1 RAW photo, 2 videos, 1 other file (vecclust status --skipped lists them)\n" in out
    report = json.loads(run(copy.library, "scan", "--json", capture=capsys)[1])
    assert {kind: n for kind, n in report["skipped"].items() if n} == {"raw": 1, "video": 2, "other": 1}
    _, out, err = run(copy.library, "status", "--skipped", capture=capsys)
    assert out == (
        f"RAW photo\t{folder}/a.dng\nvideo\t{folder}/b.mov\nvideo\t{folder}/c.mov\n"
        f"other file\t{folder}/new\\nline.txt\n"
    )
    assert err == ""
    listed = json.loads(run(copy.library, "status", "--skipped", "--json", capture=capsys)[1])
    assert listed["unreadable"] == []
    assert listed["skipped"][0] == {"path": f"{folder}/a.dng", "kind": "raw"}
    assert set(SKIP_WORDS) == set(SKIP_KINDS)


def test_a_terminal_is_shown_the_first_of_each_kind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A long list ends with how many more there are and how to see them."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show_skipped(SkippedList(tuple(SkippedFile(f"/a/{n:03}.mov", "video") for n in range(23))))
    out = capsys.readouterr().out
    assert "/a/019.mov" in out
    assert "/a/020.mov" not in out
    assert "and 3 more: vecclust status --skipped | less" in out


class Asked(io.StringIO):
    """Somebody at a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_forgetting_a_folder_says_first_what_goes_and_asks(
    copy: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody to ask: refused as wrong usage. No: nothing changes. Yes: it is done. No file is touched."""
    forget = ["folders", "forget", str(copy.album)]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, out, err = run(copy.library, *forget, capture=capsys)
    assert (code, out) == (2, "")
    assert f"{copy.album}: 37 files would be forgotten, 36 photos would go from the library" in err
    assert "no file is touched; cluster names and corrections are kept" in err
    assert "--yes" in err
    monkeypatch.setattr("sys.stdin", Asked("n\n"))
    code, out, err = run(copy.library, *forget, capture=capsys)
    assert (code, out) == (1, "")
    assert "nothing was changed" in err
    assert run(copy.library, "folders", capture=capsys)[1].startswith(f"{copy.album}\t36\t37\t0\t")
    monkeypatch.setattr("sys.stdin", Asked("y\n"))
    code, out, _ = run(copy.library, *forget, capture=capsys)
    assert code == 0
    assert out.splitlines()[:3] == [
        f"forgotten\t{copy.album}", "files forgotten\t37", "photos gone from the library\t36",
    ]  # fmt: skip
    _, out, err = run(copy.library, "folders", capture=capsys)
    assert (out, "no folder is kept" in err) == ("", True)
    assert len(list(copy.album.rglob("*.jpg"))) == 37


def test_what_cannot_be_forgotten_now_is_not_asked_for(
    copy: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While another writer, such as a daemon, holds the library: refused at once, with and without --yes."""
    monkeypatch.setattr("sys.stdin", Asked("y\n"))
    with Library.open(copy.library, write=True):
        for options in ([], ["--yes"]):
            code, out, err = run(copy.library, "folders", "forget", str(copy.album), *options, capture=capsys)
            assert (code, out) == (6, "")
            assert "Take it back?" not in err
            assert "would be forgotten" not in err
    assert run(copy.library, "folders", capture=capsys)[1].startswith(f"{copy.album}\t36\t37\t0\t")


def test_accepting_another_drive_says_first_what_happens_and_asks(
    copy: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The scan names the command; nobody to ask, no, yes; then the next scan takes in, and the first is known again."""
    album, away, accept = copy.album, copy.album.with_name("away"), ["folders", "accept", str(copy.album)]
    code, out, err = run(copy.library, *accept, capture=capsys)
    assert (code, out) == (2, "")
    assert "held back" in err
    album.rename(away)
    album.mkdir()
    for number in range(3):
        (album / f"{number}.jpg").write_bytes(picture("red", 900 + number))
        old(album / f"{number}.jpg")
    code, out, err = run(copy.library, "scan", capture=capsys)
    assert (code, "held\t3" in out.splitlines()) == (0, True)
    assert f"vecclust folders accept {album}" in err
    _, out, _ = run(copy.library, "folders", capture=capsys)
    assert "none of the 36 known files is there (another drive, or another folder?); 3 photos not taken in" in out
    status = run(copy.library, "status", capture=capsys)[1]
    assert "another folder?); 3 photos there not taken in)" in status
    assert "vecclust folders accept DIR" in status.replace("\n", " ")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, out, err = run(copy.library, *accept, capture=capsys)
    assert (code, out) == (2, "")
    assert f"{album}: 3 photos there would be taken in by the next scan; 37 files known there would be kept" in err
    monkeypatch.setattr("sys.stdin", Asked("n\n"))
    assert run(copy.library, *accept, capture=capsys)[:2] == (1, "")
    monkeypatch.setattr("sys.stdin", Asked("y\n"))
    code, out, err = run(copy.library, *accept, "--json", capture=capsys)
    assert code == 0
    assert json.loads(out) == {"folder": str(album), "files": 3, "away": 37, "dry_run": False}
    assert "scan takes them in" in err
    assert json.loads(run(copy.library, "scan", "--json", capture=capsys)[1])["added"] == 3
    assert "there; 37 files of other drives away" in run(copy.library, "folders", capture=capsys)[1]
    album.rename(album.with_name("card"))
    away.rename(album)
    document = json.loads(run(copy.library, "scan", "--json", capture=capsys)[1])
    assert (document["unchanged"], document["held"], document["notices"]) == (36, 0, [])


def test_a_folder_that_was_never_scanned_is_no_empty_answer(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A search in it says so, with the command that lists those that were."""
    code, out, err = run(world.library, "search", "beach", "--folder", "/nowhere", capture=capsys)
    assert (code, out) == (1, "")
    assert "/nowhere was never scanned" in err
    assert "vecclust folders" in err


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
    said = [(word["word"], [photo["path"] for photo in word["photos"]]) for word in document("edits")["words"]]
    assert said == [("w1", []), ("w2", [copy.photo])]
    assert document("undo", "w2")["changed"] == 1
    assert document("photo", copy.photo)["assigned_by"] == "fit"
    assert [word["verb"] for word in document("edits")["words"]] == ["rename"]
    assert [word["verb"] for word in document("edits", "--all")["words"]] == ["rename", "move", "take-back"]


def test_several_words_and_pictures_make_one_question(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends as a picture's file does or has a slash in it is a picture, whatever lies in this folder."""
    red, green = world.album / "red", world.album / "green"
    monkeypatch.chdir(red)
    asked = [
        "similar",
        "00.jpg",
        world.photo,
        "--plus",
        "waterfall",
        "--plus",
        "02.jpg",
        "--minus",
        str(green / "00.jpg"),
    ]
    code, out, _ = run(world.library, *asked, "--minus", "dog", "-n", "50", "--json", capture=capsys)
    document = json.loads(out)
    assert (code, document["query"]) == (0, str(red / "00.jpg"))
    assert document["plus"] == ["waterfall", world.photo, str(red / "02.jpg")]
    assert document["minus"] == ["dog", str(green / "00.jpg")]
    found = [hit["path"] for hit in document["results"]]
    assert len(found) == 32
    assert not {str(red / "00.jpg"), world.photo, str(red / "02.jpg"), str(green / "00.jpg")} & set(found)
    code, out, _ = run(world.library, "search", "red", "--plus", "00.jpg", "--json", capture=capsys)
    assert json.loads(out)["plus"] == [str(red / "00.jpg")]


def test_words_that_the_model_does_not_know_are_said_to_be_so(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """In the document before the hits, and on stderr beside them, where pipes and paths are not disturbed."""
    code, out, err = run(world.library, "search", "contrapuntal", "fugue", "--json", capture=capsys)
    document = json.loads(out)
    assert (code, document["better_than_chance"], document["unknown_words"]) == (0, False, ["contrapuntal", "fugue"])
    assert list(document).index("better_than_chance") < list(document).index("results")
    assert err.index("better than chance") < err.index("does not know the words")
    _, out, err = run(world.library, "search", "xqzzt", "--paths", capture=capsys)
    assert all(line.startswith(os.sep) for line in out.splitlines())
    assert 'does not know the word "xqzzt"' in err
    _, out, err = run(world.library, "search", "dog", "--json", capture=capsys)
    assert (json.loads(out)["better_than_chance"], json.loads(out)["unknown_words"], err) == (None, [], "")


def test_the_bundled_model_says_what_it_is_not_good_for(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """As its model card has it."""
    models = json.loads(run(world.library, "models", "--json", capture=capsys)[1])["models"]
    by_name = {model["name"]: model for model in models}
    assert "people" in by_name["bundled"]["not_good_for"]
    assert by_name["bundled"]["good_for"]
    assert "not good for" in run(world.library, "models", capture=capsys)[1]


MISTAKES: dict[str, tuple[list[str], int, str]] = {
    "no such cluster": (["cluster", "c99"], 1, "not_found"),
    "a caption of no cluster": (["caption", "c99"], 1, "not_found"),
    "no such run": (["rollback", "r99"], 1, "not_found"),
    "no such photo": (["photo", "/nowhere/x.jpg"], 1, "not_found"),
    "no such file": (["similar", "/nowhere/x.jpg"], 1, "not_found"),
    "empty words": (["search", " "], 2, "usage"),
    "empty words to take away": (["similar", "PHOTO", "--minus", " "], 2, "usage"),
    "a picture to add that is not there": (["search", "red", "--plus", "nowhere.JPG"], 1, "not_found"),
    "all taken away again": (["similar", "PHOTO", "--minus", "PHOTO"], 2, "usage"),
    "empty name": (["rename", "c1", "  "], 2, "usage"),
    "moved to no cluster": (["move", "PHOTO", "c99"], 1, "not_found"),
    "moved to no name": (["move", "PHOTO", "Nowhere"], 1, "not_found"),
    "a photo that is not there": (["pin", "/nowhere/x.jpg"], 1, "not_found"),
    "a hash of no photo": (["pin", "0" * 64], 1, "not_found"),
    "merged with itself": (["merge", "c1", "c1"], 2, "usage"),
    "an edit never made": (["undo", "w7"], 1, "not_found"),
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
    assert "vecclust migrate ViT-B-32/openai" in json.loads(out)["error"]["hint"]


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


def test_earlier_names_of_commands_are_understood(copy: World, capsys: pytest.CaptureFixture[str]) -> None:
    """`words` and `take-back` do what `edits` and `undo` do."""
    assert run(copy.library, "pin", copy.photo, capture=capsys)[0] == 0
    assert run(copy.library, "words", "--json", capture=capsys) == run(copy.library, "edits", "--json", capture=capsys)
    code, out, _ = run(copy.library, "take-back", "w1", "--json", capture=capsys)
    assert (code, json.loads(out)["verb"]) == (0, "take-back")
    assert json.loads(run(copy.library, "edits", "--json", capture=capsys)[1]) == {"words": []}


@pytest.mark.parametrize("arguments", [["status"], ["recluster", "--dry-run"], ["compare", "--sample", "24"]])
def test_what_experts_judge_by_is_shown_when_asked_for(
    arguments: list[str], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures that need a book stay behind --figures; the document has them always."""
    words = ("dbcv", "silhouette", "ami", "refined", "n clusters", "resolution")
    _, plain, _ = run(world.library, *arguments, capture=capsys)
    assert not [word for word in words if word in plain]
    code, shown, _ = run(world.library, *arguments, "--figures", capture=capsys)
    assert code == 0
    assert len(shown) > len(plain)


def test_names_like_ids_and_words_are_refused(copy: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, what is wrong, and nothing raw of it."""
    for name in ("c5", "unclustered", "c99", "a\nb", "x\x1b]0;pwn\x07"):
        code, out, err = run(copy.library, "rename", "c1", name, capture=capsys)
        assert (code, out) == (2, "")
        assert all(letter.isprintable() or letter == "\n" for letter in err)
    assert run(copy.library, "rename", "c1", "Lagoon", capture=capsys)[:2] == (0, "c1\tLagoon\n")
    assert run(copy.library, "cluster", "lagoon", "-n", "1", capture=capsys)[0] == 0
    code, _, err = run(copy.library, "cluster", "lagon", capture=capsys)
    assert (code, "Did you mean “Lagoon”?" in err) == (1, True)
    assert run(copy.library, "name", capture=capsys) == (0, "", "vecclust: no name is proposed\n")
    assert run(copy.library, "name", "--all", capture=capsys)[:2] == (0, "")
    code, out, _ = run(copy.library, "name", "--accept", "c1", "--json", capture=capsys)
    assert (code, json.loads(out)["error"]["kind"]) == (1, "not_found")


def test_proposed_names_are_listed_and_accepted_in_one_command(copy: World, capsys: pytest.CaptureFixture[str]) -> None:
    """One, or all of them; `recluster` says how."""
    found = json.loads(run(copy.library, "clusters", "--json", capture=capsys)[1])["clusters"]
    for entry in found:
        assert run(copy.library, "rename", entry["id"], f"Place of {entry['id']}", capture=capsys)[0] == 0
    finer = ["recluster", "--clusterer", "kmeans", "--n-clusters", str(len(found) + 3), "--json"]
    code, out, err = run(copy.library, *finer, capture=capsys)
    suggested = json.loads(out)["suggested"]
    assert (code, "vecclust name --all" in err, len(suggested) > 1) == (0, True, True)
    proposed = [{"id": cluster, "name": name, "tags": []} for cluster, name in suggested.items()]
    listed = json.loads(run(copy.library, "name", "--json", capture=capsys)[1])["proposed"]
    assert sorted(listed, key=lambda one: one["id"]) == sorted(proposed, key=lambda one: one["id"])
    first = proposed[0]
    line = f"{first['id']}\t{first['name']}\n"
    assert run(copy.library, "name", "--accept", first["id"], capture=capsys)[:2] == (0, line)
    given = json.loads(run(copy.library, "name", "--all", "--json", capture=capsys)[1])["names"]
    assert {one["id"]: one["name"] for one in given} == {one["id"]: one["name"] for one in proposed[1:]}
    assert {one["named_by"] for one in given} == {"owner"}
    named = json.loads(run(copy.library, "clusters", "--json", capture=capsys)[1])["clusters"]
    assert all(entry["name"] for entry in named)
