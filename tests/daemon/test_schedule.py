"""What to look at and when, and when to fit anew: no disk, no clock."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from vecclust.daemon import Agenda, Due, RefitPolicy, reason_to_refit
from vecclust.daemon.agenda import LONGEST_DELAY_S, LONGEST_PAUSE_S
from vecclust.types.runs import Drift, Growth
from vecclust.watching import Hint


def settled() -> Agenda:
    """An agenda at time 0 whose first look at everything is done."""
    agenda = Agenda(settle_s=2.0, now_s=0.0)
    assert agenda.take(0.0) == Due(None, "start")
    agenda.whole_done(next_s=300.0)
    return agenda


def test_a_file_is_looked_at_once_it_is_quiet() -> None:
    """Every event puts it off, so a long copy costs one look."""
    agenda = settled()
    for now_s in range(10):
        agenda.hear(Hint(frozenset({"/a"})), now_s=float(now_s))
        assert agenda.take(now_s + 0.5) is None
    assert agenda.next_s == pytest.approx(11.02)
    assert agenda.take(11.1) == Due(frozenset({"/a"}), "")
    assert agenda.take(12.0) is None


def test_a_look_at_everything_waits_for_quiet_but_not_for_ever() -> None:
    """A folder under constant change is looked at all the same."""
    agenda = settled()
    now_s = 0.0
    while agenda.take(now_s) is None:
        agenda.hear(Hint(rescan="a folder came"), now_s=now_s)
        now_s += 1.0
        assert now_s < 100
    assert LONGEST_DELAY_S <= now_s <= LONGEST_DELAY_S + 2


def test_lost_events_do_not_wait() -> None:
    """Nor does a look that somebody asked for; a later wish does not put it off."""
    agenda = settled()
    agenda.hear(Hint(rescan="lost", at_once=True), now_s=5.0)
    assert agenda.take(5.0) == Due(None, "lost")


def test_a_file_that_stays_unfinished_is_asked_about_ever_less_often() -> None:
    """Until an event says that something happened."""
    agenda = settled()
    now_s, pauses = 0.0, []
    for _ in range(8):
        agenda.look_later({"/a": 1.0}, now_s=now_s)
        pauses.append(agenda.next_s - now_s)
        now_s = agenda.next_s
        if (due := agenda.take(now_s)) is not None and due.paths is None:
            agenda.whole_done(next_s=now_s + 300)
    assert pauses == sorted(pauses)
    assert max(pauses) <= LONGEST_PAUSE_S
    agenda.hear(Hint(frozenset({"/a"})), now_s=now_s)
    assert agenda.next_s - now_s < 3


def test_an_event_is_not_put_off_by_the_ladder() -> None:
    """What is due by an event stays due when the tables name the file too."""
    agenda = settled()
    agenda.hear(Hint(frozenset({"/a"})), now_s=0.0)
    agenda.look_later({"/a": 3600.0}, now_s=0.0)
    assert agenda.next_s < 3


def test_a_long_import_is_handed_out_in_parts() -> None:
    """What a look at everything left is due at once, a part at a time, and each part says whether more follows."""
    agenda = Agenda(settle_s=2.0, most=2, now_s=0.0)
    assert agenda.take(0.0) == Due(None, "start")
    agenda.whole_done(next_s=300.0, left=["/a", "/b", "/c"])
    assert (agenda.busy, agenda.next_s) == (True, float("-inf"))
    assert agenda.take(0.0) == Due(frozenset({"/a", "/b"}), "", more=True)
    assert agenda.take(0.0) == Due(frozenset({"/c"}), "", more=False)
    assert (agenda.busy, agenda.next_s, agenda.take(0.0)) == (False, 300.0, None)


def test_what_is_heard_of_goes_before_the_rest_of_an_import() -> None:
    """A look at everything that comes between covers it, and says anew what is left."""
    agenda = Agenda(settle_s=2.0, most=2, now_s=0.0)
    agenda.take(0.0)
    agenda.whole_done(next_s=300.0, left=["/a", "/b", "/c"])
    agenda.hear(Hint(frozenset({"/new"})), now_s=0.0)
    assert agenda.take(3.0) == Due(frozenset({"/new", "/a"}), "", more=True)
    agenda.hear(Hint(frozenset({"/z"}), rescan="a folder came"), now_s=3.0)
    assert agenda.take(6.0) == Due(None, "a folder came")
    agenda.whole_done(next_s=300.0, left=["/b", "/c"])
    assert agenda.take(6.0) == Due(frozenset({"/b", "/c"}), "")


def test_many_events_are_looked_at_oldest_first_in_parts() -> None:
    """A burst longer than one commit is not one long look."""
    agenda = Agenda(settle_s=2.0, most=2, now_s=0.0)
    agenda.take(0.0)
    agenda.whole_done(next_s=300.0)
    for second, path in enumerate(["/c", "/a", "/b"]):
        agenda.hear(Hint(frozenset({path})), now_s=float(second))
    assert agenda.take(9.0) == Due(frozenset({"/c", "/a"}), "", more=True)
    assert agenda.take(9.0) == Due(frozenset({"/b"}), "")


POLICY = RefitPolicy(share=0.1, least=50, longest_s=1000.0, quiet_s=60.0, pause_s=100.0)


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
    reason = reason_to_refit(POLICY, growth, now_ns=now_ns, quiet_for_s=quiet_s, tried_ago_s=tried_s)
    assert bool(reason) == due


def test_a_small_library_waits_for_enough_new_photos() -> None:
    """A tenth of a hundred is no reason yet; before the first fit there is none at all."""
    few = Growth("r1", 100, 49, fitted_ns=0)
    now_ns = 500 * 10**9
    assert not reason_to_refit(POLICY, few, now_ns=now_ns, quiet_for_s=60, tried_ago_s=1e9)
    assert not reason_to_refit(POLICY, None, now_ns=now_ns, quiet_for_s=60, tried_ago_s=1e9)


def test_drift_is_a_reason_however_few_have_come() -> None:
    """The reason says how many were unlike; the pause holds all the same, and the owner may do without."""
    drifted = Growth("r1", 10_000, 60, fitted_ns=0, drift=Drift(60, 30, alarm_from=16))
    asked: dict[str, Any] = {"now_ns": 500 * 10**9, "quiet_for_s": 60.0, "tried_ago_s": 1e9}
    assert reason_to_refit(POLICY, drifted, **asked).startswith("drift: 30 of the newest 60")
    assert not reason_to_refit(POLICY, drifted, **(asked | {"tried_ago_s": 99.0}))
    assert not reason_to_refit(dataclasses.replace(POLICY, drift=False), drifted, **asked)
    for harmless in (Drift(60, 15, alarm_from=16), Drift(49, 49, alarm_from=None)):
        assert not reason_to_refit(POLICY, dataclasses.replace(drifted, drift=harmless), **asked)


def test_a_pocket_of_newcomers_is_a_reason_and_the_share_comes_first() -> None:
    """Whatever else holds, a run says the one reason that would have done alone."""
    few = Growth("r1", 10_000, 8, fitted_ns=0, n_gathered=7)
    asked: dict[str, Any] = {"now_ns": 500 * 10**9, "quiet_for_s": 60.0, "tried_ago_s": 1e9}
    assert reason_to_refit(POLICY, few, **asked).startswith("a pocket of 7 newcomers")
    assert not reason_to_refit(dataclasses.replace(POLICY, pocket=False), few, **asked)
    assert not reason_to_refit(POLICY, few, **(asked | {"quiet_for_s": 59.0}))
    assert "new photos" in reason_to_refit(POLICY, dataclasses.replace(few, n_arrivals=1000), **asked)
