"""Progress on a terminal: one line, in words, with a time left that is true to the end; and plain lines elsewhere."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Task

from tests.library.test_library import picture
from vecclust.cli.bars import CountColumn, TimeColumn, duration, shown_bars
from vecclust.cli.output import in_words, shown_progress
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder

ALL_WORDS = ["looking for photos", "waiting for files still being written", "reading photos"]


def task(*, completed: int, total: int | None) -> Task:
    """A stage that has gone on for 10 s, at a pace of one step a second."""
    now_s = [0.0]
    made = Task(0, "x", total, 0, _get_time=lambda: now_s[0])  # type: ignore[arg-type]
    made.start_time = 0.0
    made.completed = completed
    if completed:
        from rich.progress import ProgressSample

        made._progress.extend([ProgressSample(0.0, 0), ProgressSample(float(completed), completed)])
    now_s[0] = 10.0
    return made


@pytest.mark.parametrize(
    ("completed", "total", "count", "time"),
    [
        (0, None, "", "10 s"),
        (1234, None, "1,234", "10 s"),
        (0, 4000, "0 of 4,000", "10 s"),
        (10, 40, "10 of 40", "30 s left"),
        (10, 310, "10 of 310", "5 min left"),
        (40, 40, "40 of 40", "10 s"),
    ],
)
def test_what_is_not_known_is_not_promised(completed: int, total: int | None, count: str, time: str) -> None:
    """A count without an end shows no end, and a time left needs a pace."""
    stage = task(completed=completed, total=total)
    if stage.finished_time is None and total == completed:
        stage.finished_time = 10.0
    assert CountColumn().render(stage).plain == count
    assert TimeColumn().render(stage).plain == time


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (3540, "59 min"), (3600, "1 h 0 min")]
)
def test_a_duration_is_said_as_people_do(seconds: float, text: str) -> None:
    """Never two units where one says enough."""
    assert duration(seconds) == text


def test_one_line_shows_the_present_stage_and_nothing_is_left() -> None:
    """However many there were, the cursor never goes up but to wipe the last one; it fits 80 columns."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80)
    with shown_bars(in_words, console=console) as progress:
        for stage in ("walking", "waiting", "photos"):
            progress(stage, 1_234_567, 5_678_901 if stage == "photos" else 0)
            # A line printed above has the bar drawn anew.
            console.print("above")
    frames = out.getvalue().replace("\x1b[?25l", "").replace("\x1b[?25h", "").split("\r\x1b[2K")
    *drawn, last = [re.sub("\x1b\\[[0-9;]*m", "", frame) for frame in frames]
    bars = [line.split("above\n")[-1] for line in drawn if "━" in line]
    assert list(dict.fromkeys(next(words for words in ALL_WORDS if words in bar) for bar in bars)) == ALL_WORDS
    assert all(len(bar.rstrip("\n")) <= 80 for bar in bars)
    assert out.getvalue().count("\x1b[1A") == 1
    assert last.endswith("\n\r\x1b[1A\x1b[2K")


def test_without_a_terminal_each_stage_is_a_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Once, without a bar or a colour; and only where lines are wanted."""
    with shown_progress(lines=True) as progress:
        for done in range(3):
            progress("photos", done, 3)
        progress("clusters", 0, 1)
    with shown_progress() as progress:
        progress("photos", 0, 3)
    with shown_progress(lines=True, quiet=True) as progress:
        progress("photos", 0, 3)
    shown = capsys.readouterr()
    assert shown.err == "vecclust: reading photos\nvecclust: finding clusters\n"
    assert shown.out == ""


def test_a_scan_tells_all_that_it_does_in_words(tmp_path: Path) -> None:
    """From the walk to the last tidying, every stage has words of its own, and photos count only when embedded."""
    (tmp_path / "album").mkdir()
    embedder = FakeEmbedder(batch_size=8)
    told: list[tuple[str, int, int, int]] = []

    def note(stage: str, done: int, total: int) -> None:
        told.append((stage, done, total, embedder.n_frames_embedded))

    for number in range(20):
        (tmp_path / "album" / f"{number}.jpg").write_bytes(picture("red", number))
    flags = {"photos.settle_s": 0.0}
    with WatchedLibrary.open(tmp_path / "library", write=True, flags=flags, embedder=embedder) as library:
        library.scan([tmp_path / "album"], progress=note)
    stages = list(dict.fromkeys(stage for stage, *_ in told))
    assert stages[:3] == ["walking", "loading", "photos"]
    assert {"clusters", "tidying"} <= set(stages)
    assert all(in_words(stage) != stage for stage in stages)
    photos = [(done, embedded) for stage, done, _, embedded in told if stage == "photos"]
    assert all(done <= embedded for done, embedded in photos)
    assert photos[0][0] == 0
    assert photos[-1][0] == 20
    assert [done for done, _ in photos] == sorted(done for done, _ in photos)
