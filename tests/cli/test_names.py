"""Names that are proposed, on the command line: shown with their mark, accepted, refused, asked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.test_documents import run
from tests.library.naming.coloured import ALBUM, cluster_of, open_colours, paint_album, use_colours


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with `library` and `album`, whose clusters are colours; words tell what four of them are."""
    place = tmp_path_factory.mktemp("colours")
    paint_album(place / "album")
    with pytest.MonkeyPatch.context() as patched:
        use_colours(patched)
        with open_colours(place) as opened:
            opened.scan([place / "album"])
    return place


@pytest.fixture
def ids(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The cluster of each colour; the library lies in `tmp_path`, to be changed."""
    use_colours(monkeypatch)
    shutil.copytree(made / "library", tmp_path / "library")
    with open_colours(made) as opened:
        return {colour: cluster_of(opened, colour) for colour in ALBUM}


def test_proposals_are_marked_wherever_people_see_a_name(
    ids: dict[str, str], made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lists, answers and facts; documents say who named it instead."""
    library, photo = tmp_path / "library", str(made / "album" / "red" / "0.jpg")
    lines = run(library, "clusters", capture=capsys)[1].splitlines()
    assert {line.split("\t")[1] for line in lines} == {"", "~ Red", "~ Green", "~ Blue", "~ Black"}
    assert "\t~ Red\n" in run(library, "similar", photo, "-n", "3", capture=capsys)[1]
    facts = run(library, "photo", photo, capture=capsys)[1]
    assert "name\t~ Red\nwords\tred\n" in facts
    document = json.loads(run(library, "cluster", ids["red"], "--json", capture=capsys)[1])
    told = {key: document[key] for key in ("name", "named_by", "suggested_name", "tags")}
    assert told == {"name": "Red", "named_by": "auto", "suggested_name": "Red", "tags": []}
    hit = json.loads(run(library, "similar", photo, "--json", capture=capsys)[1])["results"][0]
    assert (hit["cluster_name"], hit["cluster_named_by"]) == ("Red", "auto")


def test_names_are_listed_accepted_and_refused(
    ids: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refusal is an edit like others: listed, and undone."""
    library = tmp_path / "library"
    listed = json.loads(run(library, "name", "--json", capture=capsys)[1])["proposed"]
    assert {one["id"]: one["name"] for one in listed} == {
        ids[colour]: colour.title() for colour in ("red", "green", "blue", "black")
    }
    assert run(library, "name", "--accept", "red", capture=capsys)[:2] == (0, f"{ids['red']}\tRed\n")
    code, out, _ = run(library, "name", "--refuse", ids["blue"], "--refuse", "Black", "--json", capture=capsys)
    report = json.loads(out)
    assert (code, report["verb"], report["word"]) == (0, "refuse", "w2")
    assert run(library, "name", capture=capsys)[1] == f"{ids['green']}\tGreen\t\n"
    edits = run(library, "edits", capture=capsys)[1]
    assert f"name --refuse {ids['blue']} “blue” {ids['black']} “black”" in edits
    assert run(library, "undo", "w2", capture=capsys)[0] == 0
    assert len(run(library, "name", capture=capsys)[1].splitlines()) == 3
    for arguments in (["--refuse", ids["yellow"]], ["--refuse", "c99"]):
        assert run(library, "name", *arguments, capture=capsys)[0] == 1
    assert run(library, "name", "--refuse", ids["blue"], "--all", capture=capsys)[0] == 2


def test_clusters_about_a_word(ids: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a language that ships, in the language that is set; and by a proposed name wherever an id stands."""
    library = tmp_path / "library"
    (library / "config.toml").write_text('[names]\nlanguage = "de"\n')
    document = json.loads(run(library, "clusters", "--about", "rot", "--json", capture=capsys)[1])
    assert [(one["id"], one["name"]) for one in document["clusters"]] == [(ids["red"], "Rot")]
    assert document["photos"] == 12 * len(ALBUM)
    assert run(library, "cluster", "Schwarz", "-n", "1", capture=capsys)[0] == 0
    code, _, err = run(library, "cluster", "Schwartz", capture=capsys)
    assert (code, "Did you mean “Schwarz”?" in err) == (1, True)
