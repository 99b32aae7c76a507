"""Dates as people type them, and as they are told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import typer

from vecclust.cli.session import _since, _until
from vecclust.exports.text import taken


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2020", datetime(2020, 1, 1), datetime(2020, 12, 31)),
        ("2020-06", datetime(2020, 6, 1), datetime(2020, 6, 30)),
        ("2020-2", datetime(2020, 2, 1), datetime(2020, 2, 29)),
        ("2020-06-15", datetime(2020, 6, 15), datetime(2020, 6, 15)),
        (" 2020-06-15 18:30", datetime(2020, 6, 15, 18, 30), datetime(2020, 6, 15, 18, 30, 59)),
        ("2020-06-15T18:30:05", datetime(2020, 6, 15, 18, 30, 5), datetime(2020, 6, 15, 18, 30, 5)),
    ],
)
def test_a_date_is_a_day_a_month_or_a_year(text: str, since: datetime, until: datetime) -> None:
    """From its first moment to its last day; with a time of the day it is that moment."""
    assert (_since(text), _until(text)) == (since, until)


def test_yesterday_is_understood() -> None:
    """And today; however they are written."""
    for text, ago in (("today", 0), ("Yesterday", 1)):
        day = date.today() - timedelta(days=ago)
        assert _since(text).date() in (day, day + timedelta(days=1))  # midnight may pass meanwhile
        assert _since(text) == _until(text)


@pytest.mark.parametrize(
    "text", ["", "soon", "2020-13", "2020-02-30", "20-06-15", "15.06.2020", "2020-06-15T25:00", "0000"]
)
def test_what_is_no_date_says_what_would_be_one(text: str) -> None:
    """Or that there is no such day."""
    with pytest.raises(typer.BadParameter, match=r"2024-06-01|no such day"):
        _since(text)


@pytest.mark.parametrize(
    ("when", "source", "told"),
    [
        (datetime(2023, 6, 15, 14, 22), "original", "15 Jun 2023, 14:22 (the camera)"),
        (datetime(2023, 6, 15, 14, 22, tzinfo=timezone(timedelta(hours=13, minutes=45))), "xmp",
         "15 Jun 2023, 14:22 +13:45 (XMP in the file)"),
        (datetime(2023, 6, 15, 14, 22, tzinfo=timezone(timedelta(hours=-3, minutes=-30))), "gps",
         "15 Jun 2023, 14:22 -03:30 (the satellites' clock)"),
        (datetime(2023, 6, 15, 14, 22, tzinfo=UTC), "mtime",
         "15 Jun 2023, 14:22 (the file's own time, which may be that of a copy)"),
        (None, None, ""),
    ],
)  # fmt: skip
def test_a_time_taken_says_where_it_is_from(when: datetime | None, source: str | None, told: str) -> None:
    """The last resort is marked as such."""
    assert taken(when, source) == told
