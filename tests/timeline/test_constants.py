"""Constants that decide something: each of them, made worse, makes what is found of simulated lives worse."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from diaries.judging import boundaries, homes, offsets_at, trips
from diaries.lives import LIVES
from diaries.taking import Album, album

from vecclust.timeline import Clocks, Timeline, events, find_timeline, set_clocks, shifts
from vecclust.timeline import homes as homes_found
from vecclust.timeline import trips as trips_found

# Lives that are not those the weights were fitted on, nor the seeds that are judged by.
SEED = 7
OF_EVENTS = ("far commute and a cottage", "silent for months")
OF_CLOCKS = ("lazy with dates", "old phone and a wrong clock", "two phones abroad")
OF_TRIPS = (
    "far commute and a cottage",
    "student, parents far away",
    "grandparents",
    "always on the road",
    "globetrotter",
)


@cache
def lived(name: str) -> Album:
    """Live a life once for all tests."""
    return album(next(life for life in LIVES if life.name == name), seed=SEED)


@cache
def clocks_of(name: str) -> Clocks:
    """Set a life's clocks once."""
    return set_clocks(lived(name).diary, offsets_at=offsets_at)


def of_events(*, content: bool = True) -> float:
    """Give the mean F1 of boundaries."""
    marks = []
    for name in OF_EVENTS:
        one = lived(name)
        found = find_timeline(one.diary, clocks_of(name), vectors=one.vectors if content else None)
        marks.append(boundaries(found.event, one.event).f1)
    return float(np.mean(marks))


def of_clocks() -> float:
    """Give the share of photos whose moment is right to ten minutes."""
    right = [
        np.abs(set_clocks(lived(name).diary, offsets_at=offsets_at).instant_us - lived(name).instant_us) < 6e8
        for name in OF_CLOCKS
    ]
    return float(np.concatenate(right).mean())


def timelines() -> list[tuple[Timeline, Album]]:
    """Find events, trips and homes."""
    return [(find_timeline(lived(name).diary, clocks_of(name)), lived(name)) for name in OF_TRIPS]


def of_trips() -> float:
    """Give F1 of trips, wrong ones counted five times."""
    scores = [trips(*each) for each in timelines()]
    hit, wanted = sum(each.hit for each in scores), sum(each.wanted for each in scores)
    wrong = sum(each.found - each.right for each in scores)
    return (hit - 5 * wrong) / wanted


def of_homes() -> float:
    """Give the share of homes found, wrong ones taken off."""
    scores = [homes(found.home, one) for found, one in timelines()]
    return sum(2 * each.hit - each.found for each in scores) / sum(each.wanted for each in scores)


Mark = Callable[[], float]
# Made worse in these ways, each to a value that somebody might try: the mark falls by 0.002 at least.
WORSE: list[tuple[Any, str, Any, Mark]] = [
    (events, "RUN_US", events.RUN_US // 4, of_events),
    (events, "PAUSE_US", events.PAUSE_US // 60, of_events),
    (events, "AROUND", 0, of_events),
    (events, "USUAL_COUNT", 64.0, of_events),
    (events, "USUAL_LOG_S", 5.0, of_events),
    (events, "CLOSE_US", events.CLOSE_US * 4, of_events),
    (events, "JUMP_M", 50.0, of_events),
    (events, "FAR_M", 10_000.0, of_events),
    (events, "WEIGHT_OF_GAP", 1.6, of_events),
    (events, "WEIGHT_OF_USUAL", 0.0, of_events),
    (events, "WEIGHT_OF_CLOSE", 0.0, of_events),
    (events, "WEIGHT_OF_JUMP", 1.1, of_events),
    (events, "WEIGHT_OF_JUMPS_AROUND", 0.0, of_events),
    (events, "WEIGHT_OF_KNOWN_PLACE", 0.0, of_events),
    (events, "BIAS", -12.0, of_events),
    (events, "DOUBT", 0.0, of_events),
    (events, "PHOTOS_SEEN", 1, of_events),
    (events, "CONTRAST_EXPECTED", 0.0, of_events),
    (events, "WEIGHT_OF_CONTRAST", 28.0, of_events),
    (shifts, "MOST_BINS", 6 * 12, of_clocks),
    (shifts, "MEETINGS", 0.1, of_clocks),
    (shifts, "MOMENTS_A_DAY", 1.0, of_clocks),
    (shifts, "COST_OF_KNOWN", 30.0, of_clocks),
    (shifts, "COST_OF_QUARTER", 2.0, of_clocks),
    (shifts, "COST_OF_ODD", 3.0, of_clocks),
    (shifts, "COST_OF_RETURN", 0.0, of_clocks),
    (trips_found, "AWAY_M", 200_000.0, of_trips),
    (trips_found, "NEAR_M", 5_000.0, of_trips),
    (trips_found, "FAR_M", 60_000.0, of_trips),
    (trips_found, "FAR_PHOTOS", 0, of_trips),
    (trips_found, "OUTING_M", 200_000.0, of_trips),
    (trips_found, "SILENCE_US", trips_found.SILENCE_US // 4, of_trips),
    (trips_found, "DETOUR", 0.5, of_trips),
    (trips_found, "DAYS_AWAY", 1, of_trips),
    (trips_found, "EVERYDAY_M", 50_000.0, of_trips),
    (trips_found, "WEEKS_AROUND", 6, of_trips),
    (trips_found, "EVERYDAY_WEEKS", 25, of_trips),
    (trips_found, "EVERYDAY_NIGHTS", 0.05, of_trips),
    (trips_found, "EVERYDAY_WORKDAYS", 1.1, of_trips),
    (homes_found, "HOME_M", 6_000.0, of_homes),
    (homes_found, "SQUARE_DEGREES", 0.1, of_homes),
    (homes_found, "NIGHTS_A_WEEK", 10.0, of_homes),
    (homes_found, "COST_OF_MOVING", 0.7, of_homes),
]


@cache
def now(mark: Mark) -> float:
    """Give a mark as things are."""
    return mark()


def test_lives_are_told_well() -> None:
    """As `scripts/eval_events` finds of more of them: floors below what is reached."""
    assert now(of_events) > 0.93
    assert of_events(content=False) > 0.915
    assert now(of_clocks) > 0.97
    assert now(of_trips) > 0.95
    assert now(of_homes) == 1.0


@pytest.mark.parametrize(("module", "name", "value", "mark"), WORSE, ids=[name for _, name, *_ in WORSE])
def test_a_worse_constant_makes_it_worse(
    module: Any, name: str, value: Any, mark: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what it decides."""
    before = now(mark)
    monkeypatch.setattr(module, name, value)
    assert mark() < before - 0.002
