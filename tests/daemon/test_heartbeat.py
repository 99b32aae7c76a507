"""The watchdog is fed while the loop makes progress and watching hears, and only then; on a clock of our own."""

from __future__ import annotations

import os

import pytest

from vecclust.daemon.heartbeat import LOADING_S, LONGEST_S, Heartbeat, WatchdogFeeder, watchdog_s


class Fed:
    """A feeder whose clock, canary and model are the test's."""

    def __init__(self, *, decode_timeout_s: float = 60.0) -> None:
        self.now_s, self.n_unheard, self.loading = 1000.0, 0, False
        self.said: list[str] = []
        self.heartbeat = Heartbeat(decode_timeout_s=decode_timeout_s, clock_s=lambda: self.now_s)
        self.feeder = WatchdogFeeder(
            self.heartbeat,
            n_unheard=lambda: self.n_unheard,
            loading=lambda: self.loading,
            every_s=None,
            notify=lambda *lines: self.said.extend(lines),
        )

    def is_fed(self) -> bool:
        """Let it feed, and tell whether it did."""
        before = self.said.count("WATCHDOG=1")
        self.feeder.feed()
        return self.said.count("WATCHDOG=1") > before


@pytest.mark.parametrize("stage", [*LONGEST_S, "layout"])
def test_each_stage_has_its_longest_time(stage: str) -> None:
    """Fed up to it, not after, and again as soon as there is progress; a fit's stages are not listed one by one."""
    fed = Fed(decode_timeout_s=100.0)
    fed.heartbeat.record(stage)
    longest_s = LONGEST_S.get(stage, 6 * 3600.0) + (100.0 if stage == "photos" else 0.0)
    fed.now_s += longest_s
    assert fed.is_fed()
    fed.now_s += 1.0
    assert not fed.is_fed()
    assert not fed.is_fed()
    assert [line for line in fed.said if "STATUS" in line] == [
        f"STATUS=no progress for {longest_s + 1:.0f} s ({stage})"
    ]
    fed.heartbeat.record(stage)
    assert fed.is_fed()


def test_a_photo_may_take_as_long_as_it_is_configured_to() -> None:
    """An hour, for whoever asked for that."""
    fed = Fed(decode_timeout_s=3600.0)
    fed.heartbeat.record("photos")
    fed.now_s += 3700.0
    assert fed.is_fed()


def test_loading_a_model_is_progress_for_hours_and_not_for_ever() -> None:
    """It may be fetched over a slow line meanwhile."""
    fed = Fed()
    fed.heartbeat.record("photos")
    fed.loading = True
    fed.now_s += LOADING_S
    assert fed.is_fed()
    fed.now_s += 1.0
    assert not fed.is_fed()


def test_two_silent_canaries_in_a_row_are_too_many() -> None:
    """One is healed by fresh threads."""
    fed = Fed()
    fed.n_unheard = 1
    assert fed.is_fed()
    fed.n_unheard = 2
    assert not fed.is_fed()
    assert "STATUS=watching is deaf: 2 canaries in a row were not heard" in fed.said
    fed.n_unheard = 0
    assert fed.is_fed()


@pytest.mark.parametrize(
    ("environment", "every_s"),
    [
        ({"WATCHDOG_USEC": "180000000"}, 60.0),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": str(os.getppid())}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_it_is_fed_as_often_as_is_asked_for(environment: dict[str, str], every_s: float | None) -> None:
    """And not for another process, nor where nobody waits."""
    assert watchdog_s(environment) == every_s
