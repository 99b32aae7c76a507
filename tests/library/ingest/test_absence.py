"""Absence: what may be believed gone, and when."""

from __future__ import annotations

import dataclasses

import pytest

from vecclust.library.ingest.plan import judge, reason_to_pause
from vecclust.photos.walk import UnreadablePlace, Walk
from vecclust.types.files import FileRow, Root, SeenFile

DAY_NS = 86_400 * 10**9
ROOT = Root("/p", device=1)
HEALTHY = Walk("/p", exists=True, device=1, files=tuple(SeenFile("/p", f"{i}.jpg", 1, 1, 1, i, 1) for i in range(50)))


def rows(n: int, *, missing_since_ns: int = 0) -> list[FileRow]:
    """Make rows of files."""
    return [
        FileRow("/p", f"{i}.jpg", 1, 1, 1, i, photo=f"{i:064x}", missing_since_ns=missing_since_ns) for i in range(n)
    ]


@pytest.mark.parametrize(
    ("seen", "n_absent", "words"),
    [
        (dataclasses.replace(HEALTHY, exists=False), 3, "not there"),
        (dataclasses.replace(HEALTHY, unreadable=(UnreadablePlace("a", "Permission denied"),)), 3, "cannot be read"),
        (dataclasses.replace(HEALTHY, device=2), 3, "another device"),
        (dataclasses.replace(HEALTHY, files=()), 3, "empty"),
        (HEALTHY, 60, "60 of 100 files are gone at once"),
    ],
)
def test_an_unhealthy_folder_pauses_removal(seen: Walk, n_absent: int, words: str) -> None:
    """Unplugged, unreadable, swapped, emptied or mostly gone: nothing is believed."""
    assert words in reason_to_pause(seen, root=ROOT, n_known=100, absent=rows(n_absent), lost_share=0.5)


def test_a_few_deleted_files_are_believed() -> None:
    """What a person does by hand does not pause anything."""
    assert reason_to_pause(HEALTHY, root=ROOT, n_known=100, absent=rows(40), lost_share=0.5) == ""


def test_files_missing_for_long_do_not_count_as_lost_at_once() -> None:
    """A loss is judged when it happens, not again at each scan."""
    long_gone = rows(60, missing_since_ns=5)
    assert reason_to_pause(HEALTHY, root=ROOT, n_known=100, absent=long_gone, lost_share=0.5) == ""


def test_another_device_with_all_files_there_is_fine() -> None:
    """A drive may come back under another number."""
    assert (
        reason_to_pause(dataclasses.replace(HEALTHY, device=2), root=ROOT, n_known=50, absent=[], lost_share=0.5) == ""
    )


def test_a_device_mounted_in_the_folder_that_went_pauses_removal() -> None:
    """However few photos were on it; one that held none of those absent, or is still there, does not matter."""
    root, absent = dataclasses.replace(ROOT, mounts=("card", "other")), [FileRow("/p", "card/1.jpg", 1, 1, 1, 1)]
    still = dataclasses.replace(HEALTHY, mounts=("card",))
    assert "'card' in it" in reason_to_pause(HEALTHY, root=root, n_known=100, absent=absent, lost_share=0.5)
    assert reason_to_pause(still, root=root, n_known=100, absent=absent, lost_share=0.5) == ""
    assert reason_to_pause(HEALTHY, root=root, n_known=100, absent=rows(2), lost_share=0.5) == ""


def test_a_row_goes_at_the_second_miss_a_day_later() -> None:
    """First miss marks, an early second keeps, a late second removes."""
    (first,) = judge(rows(1), now_ns=7, remove_after_s=86_400, prune=False).mark
    assert first.missing_since_ns == 7
    early = judge([first], now_ns=7 + DAY_NS - 1, remove_after_s=86_400, prune=False)
    assert (early.keep, early.remove) == ((first,), ())
    late = judge([first], now_ns=7 + DAY_NS, remove_after_s=86_400, prune=False)
    assert (late.keep, late.remove) == ((), (first,))


def test_no_interval_still_takes_two_scans() -> None:
    """With remove_after_s = 0 one miss alone removes nothing."""
    assert judge(rows(1), now_ns=7, remove_after_s=0, prune=False).remove == ()


def test_prune_removes_at_once() -> None:
    """The owner's word is enough."""
    assert len(judge(rows(2), now_ns=7, remove_after_s=86_400, prune=True).remove) == 2
