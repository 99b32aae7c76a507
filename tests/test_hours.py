"""Hours of the day: read, refused, and held against times."""

from __future__ import annotations

from datetime import time

import pytest

from vecclust.config import Hours, load_config
from vecclust.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("09:00-17:30", ["09:00", "17:29"], ["08:59", "17:30", "00:00"]),
        ("23:00-07:00", ["23:00", "23:59", "00:00", "06:59"], ["07:00", "22:59", "12:00"]),
        ("23:00-00:00", ["23:59"], ["00:00", "22:59"]),
        (" 12:00 - 13:00 ,18:00-23:00", ["12:30", "18:00"], ["13:00", "23:00"]),
        ("", [], ["00:00", "12:00"]),
    ],
)
def test_hours_hold_from_their_beginning_to_before_their_end(text: str, inside: list[str], outside: list[str]) -> None:
    """Across midnight too; several spans, none at all."""
    hours = Hours.parse(text)
    assert [hours.hold(time.fromisoformat(moment)) for moment in inside] == [True] * len(inside)
    assert [hours.hold(time.fromisoformat(moment)) for moment in outside] == [False] * len(outside)


@pytest.mark.parametrize("text", ["23-7", "24:00-07:00", "08:60-09:00", "08:00-08:00", "08:00", "nights", ","])
def test_what_is_no_hours_is_a_setting_that_is_not_allowed(text: str) -> None:
    """The error names the key, the value and how hours are written."""
    with pytest.raises(ConfigError) as caught:
        load_config(environment={"VECCLUST_WATCH_QUIET_HOURS": text})
    assert caught.value.key == "watch.quiet_hours"
    assert repr(text) in caught.value.message
    assert "23:00-07:00" in caught.value.hint or "begins when it ends" in caught.value.hint
