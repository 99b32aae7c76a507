"""The comparison of a folder with its rows."""

from __future__ import annotations

import dataclasses

import pytest

from vecclust.library.ingest.plan import RETRY_LADDER_S, make_plan, next_try_ns, wait_of
from vecclust.types.files import FileRow, SeenFile

SEEN = SeenFile("/p", "a.jpg", size_bytes=10, mtime_ns=100, ctime_ns=200, inode=7, device=1)
ROW = FileRow("/p", "a.jpg", size_bytes=10, mtime_ns=100, ctime_ns=200, inode=7, photo="aa")
WHOLE = {"aa"}


def test_an_untouched_file_is_not_read() -> None:
    """Same size, mtime and ctime: nothing to do."""
    plan = make_plan([SEEN], {"a.jpg": ROW}, now_ns=0, whole=WHOLE)
    assert (plan.unchanged, plan.jobs, plan.absent) == (1, (), ())


@pytest.mark.parametrize("change", [{"size_bytes": 11}, {"mtime_ns": 101}, {"ctime_ns": 201}])
def test_a_touched_file_is_read_again(change: dict[str, int]) -> None:
    """A write that keeps size and mtime still moves the ctime."""
    plan = make_plan([dataclasses.replace(SEEN, **change)], {"a.jpg": ROW}, now_ns=0, whole=WHOLE)
    assert [job.before for job in plan.jobs] == [ROW]


def test_a_new_inode_alone_is_no_change() -> None:
    """Drives with exFAT get new inodes at every mount and are not read again for that."""
    assert ROW.holds(dataclasses.replace(SEEN, inode=8))


def test_an_unseen_row_is_absent_and_a_new_file_is_a_job() -> None:
    """The two sides of the comparison."""
    new = dataclasses.replace(SEEN, path="b.jpg")
    plan = make_plan([new], {"a.jpg": ROW}, now_ns=0, whole=WHOLE)
    assert plan.absent == (ROW,)
    assert [(job.seen, job.before) for job in plan.jobs] == [(new, None)]


def test_a_missing_file_that_is_back_unchanged_is_not_read() -> None:
    """A drive that was unplugged costs nothing when it is back."""
    missing = dataclasses.replace(ROW, missing_since_ns=5)
    plan = make_plan([SEEN], {"a.jpg": missing}, now_ns=0, whole=WHOLE)
    assert (plan.jobs, plan.back, plan.unchanged) == ((), (missing,), 1)


def test_an_unreadable_file_waits_for_its_next_try() -> None:
    """Before the next try it is held, after it read; with no next try only on request or when it changes."""
    problem = dataclasses.replace(ROW, state="problem", attempts=1, next_try_ns=50)
    assert make_plan([SEEN], {"a.jpg": problem}, now_ns=49, whole=WHOLE).held == (problem,)
    assert len(make_plan([SEEN], {"a.jpg": problem}, now_ns=50, whole=WHOLE).jobs) == 1
    given_up = dataclasses.replace(problem, next_try_ns=0)
    assert make_plan([SEEN], {"a.jpg": given_up}, now_ns=10**18, whole=WHOLE).held == (given_up,)
    assert len(make_plan([SEEN], {"a.jpg": given_up}, now_ns=0, whole=WHOLE, retry_all=True).jobs) == 1
    changed = dataclasses.replace(SEEN, mtime_ns=999)
    assert len(make_plan([changed], {"a.jpg": given_up}, now_ns=0, whole=WHOLE).jobs) == 1


def test_a_try_that_a_wrong_clock_put_off_is_due() -> None:
    """A year ahead where the pause is 5 s: the next scan reads the file, and the daemon does not wait for the year."""
    year_ns = 365 * 86_400 * 10**9
    problem = dataclasses.replace(ROW, state="problem", attempts=1, next_try_ns=year_ns)
    assert len(make_plan([SEEN], {"a.jpg": problem}, now_ns=0, whole=WHOLE).jobs) == 1
    assert wait_of(problem, now_ns=0) == 0
    assert wait_of(problem, now_ns=year_ns - 4 * 10**9) == 4 * 10**9
    assert wait_of(dataclasses.replace(problem, next_try_ns=0), now_ns=0) is None


def test_a_file_that_was_still_being_written_is_always_read() -> None:
    """Waiting rows are no memory of content."""
    waiting = dataclasses.replace(ROW, state="waiting", photo=None)
    assert len(make_plan([SEEN], {"a.jpg": waiting}, now_ns=0, whole=WHOLE).jobs) == 1


def test_the_ladder_ends_for_a_photo_and_not_for_the_environment() -> None:
    """A broken photo is given up after the last rung; a locked one is asked for ever, with the longest pause."""
    pauses = [next_try_ns(n, now_ns=0, forever=False) // 10**9 for n in range(1, 9)]
    assert pauses == [*RETRY_LADDER_S, 0, 0]
    assert next_try_ns(1000, now_ns=0, forever=True) // 10**9 == RETRY_LADDER_S[-1]


def test_a_file_whose_photo_the_library_lost_is_read_again() -> None:
    """Untouched as it is: damage to the library is no change of the file."""
    plan = make_plan([SEEN], {"a.jpg": ROW}, now_ns=0, whole=())
    assert [(job.seen, job.before) for job in plan.jobs] == [(SEEN, ROW)]
    assert plan.unchanged == 0
