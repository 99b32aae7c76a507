"""Tables on a terminal: no wider than it, nothing cut inside a word, and as golden files show them."""

from __future__ import annotations

import dataclasses
import os
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from vecclust.cli.clusters import show_cluster, show_clusters, show_proposed
from vecclust.cli.edits import show_edits
from vecclust.cli.folders import show_skipped
from vecclust.cli.output import show
from vecclust.cli.questions import show_answer
from vecclust.cli.runs import show_comparison, show_refit, show_runs
from vecclust.cli.status import show_problems, show_status
from vecclust.cli.tables import common_folder, fitted_path, folded_path, short_path, when
from vecclust.types.clusters import ClusterEntry, ClusterList, ClusterPage, HistoryEvent, Member
from vecclust.types.edits import EditEntry
from vecclust.types.files import FolderStatus, Problem, SkippedList
from vecclust.types.runs import Comparison, Drift, RefitReport, Run, Way
from vecclust.types.search import Answer
from vecclust.types.status import DaemonStatus, MigrationProgress, Status

GOLDEN = Path(__file__).parent / "golden"
HOME = "/home/ann"
ALBUM = f"{HOME}/Pictures/Holidays"
NS = 1_700_000_000 * 10**9
LATER_NS = 4_102_444_800 * 10**9
LONG_FOLDER = f"{ALBUM}/from the old computer/all that was on the drive of 2009/unsorted/photos"
PHOTOS = ((f"{ALBUM}/a.jpg", "a" * 64), (f"{ALBUM}/b.jpg", "b" * 64))
EDITS = [
    EditEntry("w1", "move", "move 2 photos c1", PHOTOS, "c1", None, None, "r1", NS, True),
    EditEntry("w2", "rename", "rename c1 Glacier lagoon", (), "c1", "Glacier lagoon", None, "r1", NS, False),
    EditEntry(
        "w3", "pin", "pin 1 photo", ((f"{ALBUM}/{'deep/' * 20}c.jpg", "c" * 64),), "c1", None, None, "r1", NS, False
    ),
    EditEntry("w4", "move", "move 1 photo unclustered", ((None, "d" * 64),), None, None, None, "r1", NS, True),
    EditEntry("w5", "take-back", "undo w3", (), None, None, None, "r1", NS, False),
]
STATUS = Status(
    library=f"{HOME}/lib",
    model="ViT-B-32-256/datacomp_s34b_b86k",
    photos=9141,
    files=9175,
    pending=1,
    problems=3,
    missing=0,
    noise=41,
    run=Run("r12", NS, "m", {}, 9000, 23, 41, reason="a tenth of it is new"),
    arrivals_since_run=141,
    arrivals_noise=0,
    newcomers=7,
    folders=(FolderStatus(LONG_FOLDER, NS, "it emptied"), FolderStatus("/media/drive/photos", None)),
    skipped={"raw": 12, "video": 1},
    bytes_on_disk=123_456_789,
    daemon=DaemonStatus(True, 4711, NS, (), (), "idle", f"{HOME}/lib/log/watch.log"),
    drift=Drift(50, 3, 8),
    clusters=23,
    daily_backup_ns=NS,
    migration=MigrationProgress("ViT-L-14/openai", 1200, 9141),
)


@pytest.fixture(name="home")
def at_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A home folder, a clock and a program's name, the same on every computer."""
    monkeypatch.setenv("HOME", HOME)
    monkeypatch.setattr("sys.argv", ["tests"])
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


def in_terminal(home: pytest.MonkeyPatch, *, columns: int = 80) -> None:
    """Make stdout a terminal; in the test itself, for capsys puts another one in its place before."""
    home.setenv("COLUMNS", str(columns))
    home.setattr("sys.stdout.isatty", lambda: True)


def written(capsys: pytest.CaptureFixture[str]) -> str:
    """Give what was written, without colours and without blanks at the ends of lines."""
    plain = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out)
    return "".join(f"{line.rstrip()}\n" for line in plain.splitlines())


def entry(number: int, *, name: str | None = None, medoid: str = "", mixed: bool = False) -> ClusterEntry:
    """A cluster."""
    return ClusterEntry(
        id=f"c{number}",
        name=name,
        named_by=None if name is None else "owner",
        size=2000 - 60 * number,
        strength=0.45 if mixed else 0.925,
        medoid=f"{ALBUM}/{medoid or f'2023-05 Iceland ring road/IMG_20230520_1114{number:02}.jpg'}",
        first_taken=datetime(2023, 5, 20, 11),
        last_taken=datetime(2023, 6, 2) if number % 2 else datetime(2024, 8, 2),
        is_mixed=mixed,
    )


def clusters(n: int) -> ClusterList:
    """Clusters of all kinds: named and not, mixed, in deep folders and in other scripts."""
    odd = {
        1: entry(1, name="Glacier lagoon"),
        2: entry(2, mixed=True),
        3: entry(3, name="The long walk from the hut to the lake and back again, with dogs"),
        4: entry(4, medoid="a/b/c/d/e/f/a folder in a folder/DSC_0001 edited for the exhibition, final, really.jpeg"),
        5: entry(5, name="桜", medoid="2019-04 京都の桜と寺院/桜の写真_二条城の庭園にて_0001.jpg"),
    }
    found = tuple(odd.get(number) or entry(number) for number in range(1, n + 1))
    clustered = sum(one.size for one in found)
    return ClusterList("r1", "m", clustered + 41, clustered, 41, found)


def check(name: str, text: str) -> None:
    """Hold a text against what was written down (UPDATE_GOLDEN=1)."""
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert file.exists(), f"{file} is missing: write it down with UPDATE_GOLDEN=1"
    assert text == file.read_text(encoding="utf-8")


def widest(text: str) -> int:
    """Give the columns of the widest line."""
    return max(cell_len(line) for line in text.splitlines())


@pytest.mark.parametrize("columns", [80, 120])
def test_clusters_are_as_written_down(
    columns: int, home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The largest twenty, and how to see all; golden at both widths."""
    in_terminal(home, columns=columns)
    show_clusters(clusters(23), see_all="vecclust clusters --all")
    out = written(capsys)
    assert widest(out) <= columns
    assert "20 of 23 shown; all of them: vecclust clusters --all" in out
    check(f"clusters-{columns}.out", out)


@pytest.mark.parametrize("columns", [40, 60])
def test_a_narrow_terminal_is_spared_what_is_least_needed(
    columns: int, home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Id, name and size are there at any width, and that a cluster is mixed, whether it has a name or not."""
    in_terminal(home, columns=columns)
    odd = (entry(1, name="Glacier lagoon", mixed=True), entry(2, mixed=True), entry(3))
    show_clusters(dataclasses.replace(clusters(23), clusters=odd), see_all="vecclust clusters --all")
    out = written(capsys)
    assert widest(out) <= columns
    check(f"clusters-{columns}.out", out)
    show_cluster(ClusterPage(odd[0], (), ()))
    assert "(mixed)" in written(capsys)


@pytest.mark.parametrize("columns", [80, 40])
def test_corrections_are_as_written_down(
    columns: int, home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line of each where there is room: what was said, when, and the first of the photos it is about."""
    in_terminal(home, columns=columns)
    show_edits(EDITS)
    out = written(capsys)
    assert widest(out) <= columns
    check(f"edits-{columns}.out", out)
    show_edits([])
    assert written(capsys) == "no corrections\n"


def test_a_status_is_as_written_down(home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Times and paths as people write them; whole paths, broken behind a folder only."""
    in_terminal(home)
    show_status(STATUS)
    out = written(capsys)
    assert widest(out) <= 80
    assert out[0] != "\n"
    check("status-80.out", out)


def test_a_pipe_gets_times_and_paths_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each fact and folder, also for what is not known."""
    show_status(dataclasses.replace(STATUS, run=None))
    lines = written(capsys).splitlines()
    assert "run" in lines
    assert f"folder\t{LONG_FOLDER}, last scan 2023-11-14T22:13:20+00:00 (removal paused: it emptied)" in lines
    assert lines[0] == f"library\t{HOME}/lib"
    show_edits(EDITS[:1])
    assert (
        written(capsys) == f"w1\tmove 2 photos c1\tr1\tyes\t{ALBUM}/a.jpg, {ALBUM}/b.jpg\t2023-11-14T22:13:20+00:00\n"
    )


def test_all_are_shown_where_they_are_asked_for(home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command that shows all of them, all are."""
    in_terminal(home)
    show_clusters(clusters(23))
    out = written(capsys)
    assert all(f"c{number} " in out for number in range(1, 24))
    assert "all of them" not in out


def test_a_pipe_gets_all_of_them_with_whole_paths(capsys: pytest.CaptureFixture[str]) -> None:
    """What scripts read is not shortened: rows, paths and dates as they are."""
    show_clusters(clusters(23), see_all="vecclust clusters --all")
    rows = [line.split("\t") for line in written(capsys).splitlines()]
    assert len(rows) == 23
    assert rows[0][4:6] == ["2023-05-20", "2023-06-02"]
    assert all(row[-1].startswith(f"{ALBUM}/") for row in rows)


def test_a_cluster_problems_and_runs_fit_eighty_columns(
    home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names, reasons and dates as people write them, whatever their length; words stay whole."""
    in_terminal(home)
    photos = tuple(Member(f"{ALBUM}/2023-05 Iceland/{'x' * n}.jpg", "f" * 64, 0.5, "fit") for n in range(1, 90))
    history = (HistoryEvent("r1", "split", ("c7", "c9"), NS),)
    show_cluster(ClusterPage(entry(3), photos, history), see_all="vecclust cluster c3 --all")
    out = written(capsys)
    assert widest(out) <= 80
    assert "20 of 89 shown; all of them: vecclust cluster c3 --all" in out
    assert "14 Nov 2023, 22:13" in out
    reason = "the picture is larger than photos.max_pixels allows, see config.toml"
    path = f"{ALBUM}/{'deep/' * 30}a name of many words.tiff"
    show_problems([Problem(path, reason, 2, LATER_NS), Problem(path, reason, 2, NS)])
    out = written(capsys)
    assert widest(out) <= 80
    assert set(reason.split()) <= set(out.split())
    assert "1 Jan 2100, 00:00" in out
    assert out.count("with the next scan") == 1, "a time that is over is no time to wait for"
    run = Run("r12", NS, "m", {}, 123456, 1234, 12345, changes={"kept": 120, "born": 7}, reason="a tenth of it is new")
    show_runs([run] * 25, "r12", see_all="vecclust runs --all")
    out = written(capsys)
    assert widest(out) <= 80
    assert out.count("r12") == 20
    assert "the newest 20 of 25 runs; all of them: vecclust runs --all" in out
    assert set(run.reason.split()) <= set(out.split())


def test_a_column_without_a_word_in_it_is_left_out(
    home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And numbers keep their column even where all are nought."""
    in_terminal(home)
    show(("id", "name", "photos"), [("c1", None, 0), ("c2", "", 0)])
    assert written(capsys).split() == ["id", "photos", "c1", "0", "c2", "0"]


@pytest.mark.parametrize("columns", [50, 60, 80])
def test_figures_are_left_out_rather_than_cut(
    columns: int, home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a number is a wrong one: columns that are least needed go, at any width."""
    in_terminal(home, columns=columns)
    names = ("clusters", "share_unclustered", "stability", "dbcv", "ami", "ari", "seconds")
    way = Way("umap", "agglomerative", None, dict.fromkeys(names, 0.123))
    show_comparison(Comparison(1000, "r1", (way, way)), figures=True)
    show_runs([Run("r12", NS, "m", {}, 123456, 1234, 12345, reason="on demand")], "r12")
    out = written(capsys)
    assert widest(out) <= columns
    assert "…" not in out


def test_a_table_without_a_row_has_no_headings(home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence says that there is nothing, or a notice has said it already."""
    in_terminal(home)
    show_proposed([])
    assert written(capsys) == ""
    show_answer(Answer("sunset", "m", ()))
    assert written(capsys) == "no photos found\n"
    show_skipped(SkippedList((), ()))
    assert written(capsys) == "nothing is left out\n"


def test_a_refit_proposes_the_first_names(home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kinds of k-means can be hundreds; how many more there are is said."""
    in_terminal(home)
    names = {f"c{number}": f"Dogs ({number})" for number in range(1, 41)}
    report = RefitReport("r2", 400, 41, 0, 1.0, 1, 0, 40, 0, 0, 9, suggested=names)
    show_refit(report)
    out = written(capsys)
    assert out.count("proposed name ") == 20
    assert re.search("^and more +20$", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        ([], ""),
        (["/a/b/x.jpg"], "/a/b"),
        (["/a/b/x.jpg", "/a/c/y.jpg"], "/a"),
        (["/a/x.jpg", "/b/y.jpg"], ""),
        ([f"{HOME}/x.jpg", f"{HOME}/a/y.jpg"], ""),
        ([f"{HOME}/x.jpg", "/home/bob/y.jpg"], ""),
        (["x.jpg"], ""),
    ],
)
@pytest.mark.usefixtures("home")
def test_the_folder_of_all_is_named_where_it_says_something(paths: list[str], folder: str) -> None:
    """Not the root, and nothing that holds all that one has."""
    assert common_folder([PurePath(path) for path in paths]) == folder


@pytest.mark.parametrize(
    ("path", "shown"),
    [(HOME, "~"), (f"{HOME}/a", "~/a"), (f"{HOME}2/a", f"{HOME}2/a"), ("/a\n", "/a\\n")],
)
@pytest.mark.usefixtures("home")
def test_home_is_written_as_people_do(path: str, shown: str) -> None:
    """Home itself, what lies in it, and nothing that only begins alike."""
    assert short_path(path) == shown


def test_folders_go_before_the_name_does() -> None:
    """From the left, whole folders; of a long name its middle, so that the ending stays."""
    path = "2023-05 Iceland/day 2/IMG_0042.jpg"
    assert fitted_path(path, 40) == path
    assert fitted_path(path, 25) == "…/day 2/IMG_0042.jpg"
    assert fitted_path(path, 15) == "…/IMG_0042.jpg"
    assert fitted_path(path, 10) == "IMG_0….jpg"


def test_a_whole_path_is_broken_behind_folders() -> None:
    """Nothing is left out but the middle of a name that has no room in a line."""
    path = "~/2023-05 Iceland/day 2/IMG_0042.jpg"
    assert folded_path(path, 40) == path
    assert folded_path(path, 20) == "~/2023-05 Iceland/\nday 2/IMG_0042.jpg"
    assert folded_path(path, 12) == "~/\n2023-…eland/\nday 2/\nIMG_0042.jpg"


@given(st.text(alphabet="ab/桜 .é", min_size=1), st.integers(8, 60))
def test_a_whole_path_is_made_to_fit(path: str, width: int) -> None:
    """And where no name is too long, it is all there."""
    folded = folded_path(path, width)
    assert max(map(cell_len, folded.split("\n"))) <= width
    if all(cell_len(part) < width for part in path.split("/")):
        assert folded.replace("\n", "") == path


def test_a_command_that_is_too_wide_stands_by_itself(
    home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It can be typed as it stands: broken between its arguments, as a shell takes it."""
    in_terminal(home, columns=60)
    show(
        ("id",),
        [(f"c{n}",) for n in range(30)],
        see_all="vecclust --library /media/drive/photos/library clusters --all",
    )
    *_, first, second, third = written(capsys).splitlines()
    assert first == "20 of 30 shown; all of them:"
    assert (second, third) == ("  vecclust --library /media/drive/photos/library clusters \\", "    --all")


@given(st.text(alphabet="ab/桜 .é", min_size=1), st.integers(8, 60))
def test_a_path_is_made_to_fit(path: str, width: int) -> None:
    """Whatever is in it, and in whatever script."""
    assert cell_len(fitted_path(path, width)) <= width


def test_a_moment_is_written_as_people_do() -> None:
    """Day, month by name, year; to the minute."""
    assert when(datetime(2024, 3, 1, 7, 5, 59)) == "1 Mar 2024, 07:05"
