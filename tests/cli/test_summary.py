"""What a scan ends with on a terminal: numbers that add up, and commands that can be typed as they stand."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_tables import ALBUM, HOME, at_home, check, clusters, entry, in_terminal, widest, written
from vecclust.cli.session import Session
from vecclust.cli.summary import show_ending
from vecclust.types.clusters import ClusterList
from vecclust.types.files import ScanReport
from vecclust.types.status import Inventory

__all__ = ["at_home"]  # a fixture

NO_CLUSTERS = ClusterList(None, "m", 4, 0, 0, ())


def ending(
    capsys: pytest.CaptureFixture[str], *, session: Session | None = None, found: ClusterList, **counts: Any
) -> str:
    """Give what is printed after a scan of so many files."""
    unlabelled = found.photos - found.clustered - found.noise
    missing_photos = 0 if found.run else counts.pop("missing_photos", 0)
    inventory = Inventory(found.photos, unlabelled, counts.pop("copies", 0), counts["problems"], missing_photos, found)
    show_ending(ScanReport(run=found.run, **counts), inventory, session=session or Session())
    return written(capsys)


def commands(text: str) -> list[list[str]]:
    """Read the commands that are offered as a shell would: indented, up to what says what they show."""
    _, _, offered = text.partition("\nNext:\n")
    lines = re.sub(r" \\\n +", " ", offered).splitlines()
    return [shlex.split(re.split(r" {2,}", line.strip())[0]) for line in lines]


def test_the_first_scan_ends_as_written_down(home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Golden at 80 columns: files and photos, clusters, problems and what to do next."""
    in_terminal(home)
    out = ending(capsys, found=clusters(5), added=9171, problems=3, pending=1, copies=30, fitted=True)
    assert widest(out) <= 80
    check("first-scan-80.out", out)


def test_the_numbers_add_up(home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Files by what became of them, photos by where they are."""
    in_terminal(home, columns=200)
    counts = {"added": 5, "updated": 4, "moved": 3, "unchanged": 2000, "problems": 2, "pending": 1}
    out = ending(capsys, found=clusters(2), **counts)
    looked, *parts = (int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", out.splitlines()[0]))
    assert looked == sum(parts) == sum(counts.values())
    held = next(line for line in out.splitlines() if "in the library" in line)
    photos, clustered, n_clusters, unclustered = (
        int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", held)
    )
    assert (photos, n_clusters) == (clustered + unclustered, 2)


def test_a_scan_that_fitted_nothing_lists_no_clusters(
    home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second one says what changed, and where problems are listed."""
    in_terminal(home)
    out = ending(capsys, found=clusters(5), unchanged=9171, problems=1)
    assert "Next:" not in out
    assert "Glacier lagoon" not in out
    assert out.splitlines()[-1] == "1 file could not be read: vecclust problems"


def test_it_says_how_many_photos_are_missing_for_clusters(
    home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And offers what can be done without any."""
    in_terminal(home)
    out = ending(capsys, found=NO_CLUSTERS, added=4, problems=0, missing_photos=6)
    assert "4 photos in the library\nClusters are found from 10 photos on: 6 more needed\n" in out
    assert [command[1] for command in commands(out)] == ["search", "ui"]


def test_an_empty_folder_offers_nothing(home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to ask of no photos."""
    in_terminal(home)
    nothing = ClusterList(None, None, 0, 0, 0, ())
    out = ending(capsys, found=nothing, problems=0, missing_photos=10)
    assert out.splitlines()[0] == "0 files looked at"
    assert commands(out) == []


def test_commands_name_the_library_and_are_quoted(home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What a shell makes of them is what was meant, also where a line had to be broken."""
    in_terminal(home)
    library = Path(f"{HOME}/a library with blanks, and it's {'deep/' * 12}in folders")
    out = ending(capsys, session=Session(library=library), found=clusters(2), added=9, problems=0, fitted=True)
    offered = commands(out)
    assert [command[:3] for command in offered] == [["vecclust", "--library", str(library)]] * 6
    assert [command[3] for command in offered] == ["clusters", "cluster", "cluster", "similar", "search", "ui"]
    assert offered[3][4] == f"~/{ALBUM.removeprefix(HOME)[1:]}/2023-05 Iceland ring road/IMG_20230520_111401.jpg"


def test_a_path_that_has_no_room_in_a_line_is_not_offered(
    home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Broken at a blank it would name another file: the next largest cluster's photo that fits is, or none."""
    in_terminal(home)
    long = "A journey through the mountains and at last to the sea/on foot/IMG_1.jpg"
    for last, offered in (("day 2/IMG_2.jpg", [f"~/{ALBUM.removeprefix(HOME)[1:]}/day 2/IMG_2.jpg"]), (long, [])):
        entries = entry(1, medoid=long), entry(2, medoid=last)
        found = dataclasses.replace(clusters(2), clusters=entries)
        out = ending(capsys, found=found, added=9, problems=0, fitted=True)
        assert widest(out) <= 80
        assert [command[2] for command in commands(out) if command[1] == "similar"] == offered


@pytest.mark.parametrize(
    ("called", "found", "program"),
    [
        ("/opt/bin/vecclust", "/opt/bin/vecclust", "vecclust"),
        ("/opt/bin/vecclust", None, "/opt/bin/vecclust"),
        ("/opt/bin/vecclust", "/usr/bin/vecclust", "/opt/bin/vecclust"),
        ("/opt/lib/vecclust/__main__.py", "/usr/bin/vecclust", "vecclust"),
        ("/opt/lib/vecclust/__main__.py", None, "/opt/a python -m vecclust"),
    ],
)
def test_commands_begin_with_what_the_shell_will_find(
    monkeypatch: pytest.MonkeyPatch, called: str, found: str | None, program: str
) -> None:
    """By its name only where that is the same program."""
    monkeypatch.setattr("sys.argv", [called])
    monkeypatch.setattr("sys.executable", "/opt/a python")
    monkeypatch.setattr("shutil.which", lambda _name: found)
    shown = Session().command("ui")
    assert shown == f"{program} ui".replace("/opt/a python", "'/opt/a python'")
