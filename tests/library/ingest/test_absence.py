"""Absence: what may be believed gone, and when."""

from __future__ import annotations

import dataclasses

import pytest

from vecclust.library.ingest.plan import judge, unseen_at_all, unseen_reason
from vecclust.photos.walk import UnreadablePlace, Walk
from vecclust.types.files import FileRow, SeenFile

DAY_NS = 86_400 * 10**9
HEALTHY = Walk("/p", exists=True, device=1, files=tuple(SeenFile("/p", f"{i}.jpg", 1, 1, 1, i, 1) for i in range(50)))


def rows(n: int, *, missing_since_ns: int = 0) -> list[FileRow]:
    """Make rows of files."""
    return [
        FileRow("/p", f"{i}.jpg", 1, 1, 1, i, photo=f"{i:064x}", missing_since_ns=missing_since_ns) for i in range(n)
    ]


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (dataclasses.replace(HEALTHY, exists=False), "not there"),
        (
            dataclasses.replace(HEALTHY, unreadable=(UnreadablePlace("a", "Permission denied"),)),
            "a part of the folder cannot be read: 'a' (Permission denied)",
        ),
        (
            dataclasses.replace(HEALTHY, unreadable=(UnreadablePlace("", "Permission denied"),)),
            "the folder cannot be read (Permission denied)",
        ),
    ],
)
def test_a_folder_that_is_not_seen_whole_says_why(seen: Walk, words: str) -> None:
    """Unplugged or unreadable: nothing can be told of it."""
    assert words in unseen_at_all(seen)
    assert unseen_at_all(HEALTHY) == ""


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


def test_many_unreadable_places_are_named_in_short() -> None:
    """The first three, and how many more."""
    places = tuple(UnreadablePlace(name, "Permission denied") for name in "abcde")
    said = unseen_reason(dataclasses.replace(HEALTHY, unreadable=places))
    assert said.endswith("'b' (Permission denied), 'c' (Permission denied) and 2 more")


def test_unseen_is_what_lies_in_an_unreadable_place() -> None:
    """The place itself and all below it, and no name that only begins so."""
    seen = dataclasses.replace(HEALTHY, unreadable=(UnreadablePlace("a/b", "Permission denied"),))
    assert [seen.is_unseen(path) for path in ("a/b", "a/b/c.jpg", "a/bc.jpg", "a/x.jpg")] == [True, True, False, False]
    assert seen.listed
    closed = dataclasses.replace(HEALTHY, unreadable=(UnreadablePlace("", "Permission denied"),))
    assert (closed.listed, closed.is_unseen("x.jpg")) == (False, True)
