"""What arrivals say of a run: drift by the binomial tail, whatever the order of reading."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from vecclust.library.queries.status import FALSE_ALARMS, LEAST_RECENT, MOST_RECENT, NO_DRIFT_YET, alarm_from, drift_of
from vecclust.types.clusters import Label


def arrivals(novelties: list[float | None]) -> list[Label]:
    """Labels of arrivals in the order in which they came."""
    return [Label(f"{at:064x}", None, 0.0, "predict", novelty) for at, novelty in enumerate(novelties)]


def test_the_alarm_is_the_tail_of_the_binomial_distribution() -> None:
    """The least count that is rarer than allowed; where even all of them are not, none."""
    for n in (1, 2, 3, 50, 77, 200):
        k = alarm_from(n)
        assert binom.sf(k - 1, n, NO_DRIFT_YET) < FALSE_ALARMS
        assert binom.sf(k - 2, n, NO_DRIFT_YET) >= FALSE_ALARMS
    assert alarm_from(2) == 3


def test_only_the_newest_arrivals_count() -> None:
    """A change shows although many came before it; what does not say how novel it is does not count."""
    usual, unusual = [0.5, None] * 300, [0.99] * 50
    found = drift_of(arrivals(usual + unusual))
    assert (found.n_recent, found.n_unusual, found.alarmed) == (MOST_RECENT, 50, True)
    assert drift_of(arrivals(unusual + usual)).n_unusual == 0
    assert drift_of(arrivals(unusual[: LEAST_RECENT - 1])).alarm_from is None
    assert not drift_of(arrivals(unusual[: LEAST_RECENT - 1])).alarmed
    assert not drift_of(arrivals([])).alarmed


def test_a_steady_stream_raises_no_alarm() -> None:
    """Asked after each of 20,000 arrivals, one in twenty of which is unusual, as the run's own are."""
    novelties = np.random.default_rng(0).random(20_000).tolist()
    labels = arrivals(novelties)
    assert not any(drift_of(labels[max(0, end - MOST_RECENT) : end]).alarmed for end in range(1, len(labels), 7))
