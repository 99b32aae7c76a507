"""What to look at and when, and when to fit anew: no disk, no clock."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from vecclust.config import WatchConfig
from vecclust.daemon.refits import reason_to_refit
from vecclust.daemon.schedule import LONGEST_DELAY_S, LONGEST_PAUSE_S, Due, Schedule
from vecclust.types.runs import Drift, Growth
from vecclust.watching import Hint


def settled() -> Schedule:
    """A schedule at time 0 whose first look at everything is done."""
    schedule = Schedule(settle_s=2.0, now_s=0.0)
    assert schedule.pop_due(0.0) == Due(None, "start")
    schedule.scan_done(next_s=300.0)
    return schedule


def test_a_file_is_looked_at_once_it_is_quiet() -> None:
    """Every event puts it off, so a long copy costs one look."""
    schedule = settled()
    for now_s in range(10):
        schedule.add_hint(Hint(frozenset({"/a"})), now_s=float(now_s))
        assert schedule.pop_due(now_s + 0.5) is None
    assert schedule.next_s == pytest.approx(11.02)
    assert schedule.pop_due(11.1) == Due(frozenset({"/a"}), "")
    assert schedule.pop_due(12.0) is None


def test_a_look_at_everything_waits_for_quiet_but_not_for_ever() -> None:
    """A folder under constant change is looked at all the same."""
    schedule = settled()
    now_s = 0.0
    while schedule.pop_due(now_s) is None:
        schedule.add_hint(Hint(rescan="a folder came"), now_s=now_s)
        now_s += 1.0
        assert now_s < 100
    assert LONGEST_DELAY_S <= now_s <= LONGEST_DELAY_S + 2


def test_lost_events_do_not_wait() -> None:
    """Nor does a look that somebody asked for; a later wish does not put it off."""
    schedule = settled()
    schedule.add_hint(Hint(rescan="lost", at_once=True), now_s=5.0)
    assert schedule.pop_due(5.0) == Due(None, "lost")


def test_a_file_that_stays_unfinished_is_asked_about_ever_less_often() -> None:
    """Until an event says that something happened."""
    schedule = settled()
    now_s, pauses = 0.0, []
    for _ in range(8):
        schedule.add_retries({"/a": 1.0}, now_s=now_s)
        pauses.append(schedule.next_s - now_s)
        now_s = schedule.next_s
        if (due := schedule.pop_due(now_s)) is not None and due.paths is None:
            schedule.scan_done(next_s=now_s + 300)
    assert pauses == sorted(pauses)
    assert max(pauses) <= LONGEST_PAUSE_S
    schedule.add_hint(Hint(frozenset({"/a"})), now_s=now_s)
    assert schedule.next_s - now_s < 3


def test_an_event_is_not_put_off_by_the_ladder() -> None:
    """What is due by an event stays due when the tables name the file too."""
    schedule = settled()
    schedule.add_hint(Hint(frozenset({"/a"})), now_s=0.0)
    schedule.add_retries({"/a": 3600.0}, now_s=0.0)
    assert schedule.next_s < 3


def test_a_long_import_is_handed_out_in_parts() -> None:
    """What a look at everything left is due at once, a part at a time, and each part says whether more follows."""
    schedule = Schedule(settle_s=2.0, most=2, now_s=0.0)
    assert schedule.pop_due(0.0) == Due(None, "start")
    schedule.scan_done(next_s=300.0, left=["/a", "/b", "/c"])
    assert (schedule.n_left, schedule.next_s) == (3, float("-inf"))
    assert schedule.pop_due(0.0) == Due(frozenset({"/a", "/b"}), "", more=True)
    assert schedule.pop_due(0.0) == Due(frozenset({"/c"}), "", more=False)
    assert (schedule.n_left, schedule.next_s, schedule.pop_due(0.0)) == (0, 300.0, None)


def test_what_is_heard_of_goes_before_the_rest_of_an_import() -> None:
    """A look at everything that comes between covers it, and says anew what is left."""
    schedule = Schedule(settle_s=2.0, most=2, now_s=0.0)
    schedule.pop_due(0.0)
    schedule.scan_done(next_s=300.0, left=["/a", "/b", "/c"])
    schedule.add_hint(Hint(frozenset({"/new"})), now_s=0.0)
    assert schedule.pop_due(3.0) == Due(frozenset({"/new", "/a"}), "", more=True)
    schedule.add_hint(Hint(frozenset({"/z"}), rescan="a folder came"), now_s=3.0)
    assert schedule.pop_due(6.0) == Due(None, "a folder came")
    schedule.scan_done(next_s=300.0, left=["/b", "/c"])
    assert schedule.pop_due(6.0) == Due(frozenset({"/b", "/c"}), "")


def test_many_events_are_looked_at_oldest_first_in_parts() -> None:
    """A burst longer than one commit is not one long look."""
    schedule = Schedule(settle_s=2.0, most=2, now_s=0.0)
    schedule.pop_due(0.0)
    schedule.scan_done(next_s=300.0)
    for second, path in enumerate(["/c", "/a", "/b"]):
        schedule.add_hint(Hint(frozenset({path})), now_s=float(second))
    assert schedule.pop_due(9.0) == Due(frozenset({"/c", "/a"}), "", more=True)
    assert schedule.pop_due(9.0) == Due(frozenset({"/b"}), "")


CONFIG = WatchConfig(refit_share=0.1, refit_least=50, refit_longest_s=1000.0, refit_quiet_s=60.0, refit_pause_s=100.0)


@pytest.mark.parametrize(
    ("arrivals", "age_s", "quiet_s", "tried_s", "due"),
    [
        (100, 500, 60, 1e9, True), (99, 500, 60, 1e9, False), (100, 500, 59, 1e9, False), (100, 99, 60, 1e9, False),
        (100, 500, 60, 99, False), (1, 1000, 60, 1e9, True), (0, 5000, 60, 1e9, False), (1, 999, 60, 1e9, False),
    ],
)  # fmt: skip
def test_a_refit_is_due_by_share_or_age_and_never_during_an_import(
    arrivals: int, age_s: int, quiet_s: float, tried_s: float, due: bool
) -> None:
    """Each condition alone can forbid it."""
    growth = Growth("r1", 1000, arrivals, fitted_ns=0)
    now_ns = age_s * 10**9
    reason = reason_to_refit(CONFIG, growth, now_ns=now_ns, quiet_for_s=quiet_s, tried_ago_s=tried_s)
    assert bool(reason) == due


def test_a_small_library_waits_for_enough_new_photos() -> None:
    """A tenth of a hundred is no reason yet; before the first fit there is none at all."""
    few = Growth("r1", 100, 49, fitted_ns=0)
    now_ns = 500 * 10**9
    assert not reason_to_refit(CONFIG, few, now_ns=now_ns, quiet_for_s=60, tried_ago_s=1e9)
    assert not reason_to_refit(CONFIG, None, now_ns=now_ns, quiet_for_s=60, tried_ago_s=1e9)


def test_drift_is_a_reason_however_few_have_come() -> None:
    """The reason says how many were unlike; the pause holds all the same, and the owner may do without."""
    drifted = Growth("r1", 10_000, 60, fitted_ns=0, drift=Drift(60, 30, alarm_from=16))
    asked: dict[str, Any] = {"now_ns": 500 * 10**9, "quiet_for_s": 60.0, "tried_ago_s": 1e9}
    assert reason_to_refit(CONFIG, drifted, **asked).startswith("drift: 30 of the newest 60")
    assert not reason_to_refit(CONFIG, drifted, **(asked | {"tried_ago_s": 99.0}))
    assert not reason_to_refit(dataclasses.replace(CONFIG, refit_drift=False), drifted, **asked)
    for harmless in (Drift(60, 15, alarm_from=16), Drift(49, 49, alarm_from=None)):
        assert not reason_to_refit(CONFIG, dataclasses.replace(drifted, drift=harmless), **asked)


def test_a_group_of_newcomers_is_a_reason_and_the_share_comes_first() -> None:
    """Whatever else holds, a run says the one reason that would have done alone."""
    few = Growth("r1", 10_000, 8, fitted_ns=0, n_gathered=7)
    asked: dict[str, Any] = {"now_ns": 500 * 10**9, "quiet_for_s": 60.0, "tried_ago_s": 1e9}
    assert reason_to_refit(CONFIG, few, **asked).startswith("a group of 7 new photos")
    assert not reason_to_refit(dataclasses.replace(CONFIG, refit_newcomers=False), few, **asked)
    assert not reason_to_refit(CONFIG, few, **(asked | {"quiet_for_s": 59.0}))
    assert "new photos" in reason_to_refit(CONFIG, dataclasses.replace(few, n_arrivals=1000), **asked)
