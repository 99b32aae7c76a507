"""`doctor` as people and scripts meet it: the cost is said first, and what is wrong last, with its exit code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.test_documents import World, copy, run, world
from tests.cli.test_tables import at_home, check, in_terminal, widest, written
from tests.library.test_damage import cut, data
from vecclust.cli.doctor import cost_sentence, show_checkup
from vecclust.types.checkup import CheckCost, Checkup, Finding

__all__ = ["at_home", "copy", "world"]
COST = CheckCost(200, 2_000_000_000, 14.0)
FINDINGS = (
    Finding("schema", "ok", "3"),
    Finding("table photos", "fault", "1 of its files is not what was written", "vecclust doctor --repair mends it"),
    Finding("other files", "warning", f"{'x' * 60}.txt: not made by vecclust", "they are left alone"),
    Finding("disk", "ok", "55.5 GB are free, enough to tidy up and to fit anew, enough for another model beside it"),
)


def checkup(findings: Sequence[Finding], *repaired: str) -> Checkup:
    """Findings in a library."""
    return Checkup("/home/ann/library", "usual", COST, tuple(findings), repaired)


def test_a_whole_library_is_well_and_the_cost_is_said_first(copy: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0; quiet says nothing on stderr."""
    code, out, err = run(copy.library, "doctor", capture=capsys)
    assert (code, "WRONG" in out, err.startswith("vecclust: looking at ")) == (0, False, True)
    code, _, err = run(copy.library, "-q", "doctor", "--quick", capture=capsys)
    assert (code, err) == (0, "")
    code, out, err = run(copy.library, "doctor", "--repair", "--json", capture=capsys)
    assert (code, json.loads(out)["repaired"], "once to mend and once to see" in err) == (0, [], True)


def test_what_is_wrong_is_exit_code_four_until_it_is_mended(copy: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Doctor and its repair leave to a scan what only photos can tell; then all is well again."""
    cut(data(copy.library, "photos"))
    code, out, _ = run(copy.library, "doctor", "--quick", capture=capsys)
    assert (code, "table photos\tWRONG\t" in out) == (4, True)
    document = json.loads(run(copy.library, "doctor", "--json", capture=capsys)[1])
    assert (document["faults"], document["depth"]) == (1, "usual")
    code, out, err = run(copy.library, "doctor", "--repair", capture=capsys)
    assert (code, "repaired\tdone\tthe table photos: " in out, "vecclust scan embeds them again" in out) == (
        4,
        True,
        True,
    )
    assert err.count("vecclust: ") == 1
    assert run(copy.library, "scan", capture=capsys)[0] == 0
    assert run(copy.library, "doctor", "--deep", capture=capsys)[0] == 0


def test_a_bad_question_to_doctor_is_no_finding(
    copy: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both depths at once are wrong usage; no library and a newer one are what they are for every command."""
    assert run(copy.library, "doctor", "--quick", "--deep", capture=capsys)[0] == 2
    code, out, _ = run(tmp_path / "nowhere", "doctor", "--json", capture=capsys)
    assert (code, json.loads(out)["error"]["kind"]) == (1, "not_found")


def test_settings_that_stop_all_else_are_a_finding(copy: World, capsys: pytest.CaptureFixture[str]) -> None:
    """With the rest of the library beside it."""
    (copy.library / "config.toml").write_text("[photos]\nsetle_s = 3\n", encoding="utf-8")
    assert run(copy.library, "status", capture=capsys)[0] == 3
    code, out, _ = run(copy.library, "doctor", capture=capsys)
    assert (code, "settings\tWRONG\tunknown key photos.setle_s" in out, "files\tok\t" in out) == (4, True, True)


def test_what_a_reader_is_refused_for_doctor_says(copy: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The command that the refusal names exists and goes on from there."""
    cut(data(copy.library, "files"))
    code, _, err = run(copy.library, "status", capture=capsys)
    assert (code, "`vecclust doctor`" in err) == (4, True)
    assert run(copy.library, "doctor", capture=capsys)[0] == 4


def test_a_checkup_fits_eighty_columns(home: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What is to be done stands below what is wrong; what came of it stands above and below all."""
    in_terminal(home)
    show_checkup(checkup(FINDINGS, "the table names: it is missing; it was written anew from its copy"), repair=True)
    out = written(capsys)
    assert widest(out) <= 80
    assert out.splitlines()[0] == "/home/ann/library: mended; 1 thing is wrong, 1 to look at"
    assert out.splitlines()[-1] == "/home/ann/library: 1 thing is wrong, 1 to look at"
    check("doctor-80.out", out)
    show_checkup(checkup(FINDINGS[:1]), repair=False)
    assert written(capsys).splitlines()[0] == "/home/ann/library: all is well"


def test_on_a_pipe_each_thing_is_a_line_of_four(capsys: pytest.CaptureFixture[str]) -> None:
    """What, how, in words, what to do."""
    show_checkup(checkup(FINDINGS), repair=False)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [len(line) for line in lines] == [4] * len(FINDINGS)
    assert lines[1] == ["table photos", "WRONG", FINDINGS[1].what, FINDINGS[1].todo]


def test_the_cost_is_said_in_words() -> None:
    """Files, bytes, time; twice for a repair."""
    assert cost_sentence(COST, twice=False) == "looking at 200 files, reading 2,000.0 MB: about 14 seconds"
    long = cost_sentence(CheckCost(9, 9 * 10**10, 600.0), twice=True)
    assert long.endswith("reading 180,000.0 MB, once to mend and once to see: about 20 minutes")
    none = cost_sentence(CheckCost(9, 0, 1.0), twice=False)
    assert none == "looking at 9 files, reading none of them: a second or two"
