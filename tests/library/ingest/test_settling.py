"""Which files may be read: left alone for long enough, by the mount they lie on."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest

from tests.library.test_library import picture
from vecclust.library.ingest.plan import ReadJob, file_row
from vecclust.library.ingest.settling import SettleTimes, look_again, part, wait_s, waiting_row
from vecclust.library.watched import WatchedLibrary
from vecclust.photos import look_at
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.types.files import SeenFile
from vecclust.watching import kernel

SECOND = 10**9
NOW = 1_800_000_000 * SECOND
SEEN = SeenFile("/nas", "a.jpg", 10, NOW - 5 * SECOND, NOW - 5 * SECOND, 7, 1)
TIMES = SettleTimes(2.0, 10.0, way_of=lambda folder: "scan" if folder == "/nas" else "events")


def names(jobs: list[ReadJob]) -> list[str]:
    """Name the files."""
    return [job.seen.absolute for job in jobs]


def test_a_mount_that_tells_nothing_is_given_longer() -> None:
    """Five seconds of quiet are enough on a disk and not on a network's mount."""
    local = dataclasses.replace(SEEN, root="/disk")
    finished, pending = part([ReadJob(SEEN, None), ReadJob(local, None)], TIMES, now_ns=NOW)
    assert (names(finished), names(pending)) == (["/disk/a.jpg"], ["/nas/a.jpg"])
    assert names(part([ReadJob(SEEN, None)], TIMES, now_ns=NOW + 5 * SECOND)[0]) == ["/nas/a.jpg"]


def test_a_waiting_file_says_when_to_look_again() -> None:
    """What is left of its quiet; nothing where its times lie ahead."""
    assert wait_s(file_row(SEEN, photo=None), TIMES, now_ns=NOW) == 5.0
    assert wait_s(file_row(SEEN, photo=None), TIMES, now_ns=NOW + 60 * SECOND) == 0.0
    assert wait_s(file_row(SEEN, photo=None), TIMES, now_ns=NOW - 60 * SECOND) == 0.0


def test_where_times_lie_ahead_two_looks_must_agree(tmp_path: Path) -> None:
    """A server whose clock is ahead: the first look waits, one that saw a change waits again."""
    (tmp_path / "a.jpg").write_bytes(b"x")
    job, behind_ns = ReadJob(look_at(tmp_path / "a.jpg"), None), time.time_ns() - 3600 * SECOND
    assert part([job], TIMES, now_ns=behind_ns) == ([], [job])
    (tmp_path / "a.jpg").write_bytes(b"xy")
    changed = look_again(job)
    assert changed is not None
    assert part([changed], TIMES, now_ns=behind_ns) == ([], [changed])
    same = look_again(changed)
    assert same is not None
    assert part([same], TIMES, now_ns=behind_ns) == ([same], [])


@pytest.mark.parametrize("patient", [True, False])
def test_a_photo_from_a_clock_ahead_is_read_at_the_second_look(tmp_path: Path, patient: bool) -> None:
    """Within one patient scan, or at the daemon's next look, which knows the first one from the tables."""
    album = tmp_path / "album"
    album.mkdir()
    (album / "a.jpg").write_bytes(picture("red", 1))
    clock = FakeClock(time.time_ns() - 3600 * SECOND)
    with WatchedLibrary.open(tmp_path / "library", write=True, embedder=FakeEmbedder(), clock=clock) as library:
        library.remember([album])
        if not patient:
            first = library.catch_up()
            assert (first.added, first.pending, list(library.later())) == (0, 1, [str(album / "a.jpg")])
        report = library.scan() if patient else library.catch_up({str(album / "a.jpg")})
        assert (report.added, report.pending) == (1, 0)


def test_the_mount_of_a_folder_decides_and_the_owner_may_choose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under `photos.settle_polled_s` a file on a network's mount waits, and is read in time."""
    album = tmp_path / "my nas"
    album.mkdir()
    (album / "a.jpg").write_bytes(picture("red", 1))
    point = str(album).replace(" ", "\\040")
    (tmp_path / "mountinfo").write_text(f"1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / {point} rw - cifs //nas rw\n")
    monkeypatch.setattr(kernel, "MOUNTINFO", tmp_path / "mountinfo")
    clock = FakeClock(time.time_ns() + 5 * SECOND)
    flags = {"photos.settle_polled_s": 20.0}
    with WatchedLibrary.open(
        tmp_path / "library", write=True, flags=flags, embedder=FakeEmbedder(), clock=clock
    ) as library:
        library.remember([album])
        assert library.catch_up().pending == 1
        assert 10 < library.later()[str(album / "a.jpg")] <= 15
        clock.advance(15)
        assert library.catch_up().added == 1


def test_a_waiting_row_keeps_what_the_file_held() -> None:
    """A photo being written over answers until the new one is there."""
    before = file_row(SEEN, photo="aa")
    row = waiting_row(ReadJob(SEEN, before))
    assert (row.state, row.photo) == ("waiting", "aa")
