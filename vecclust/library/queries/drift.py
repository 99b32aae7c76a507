"""What arrivals say of the run they were placed in: whether the collection has drifted away, whether a kind is born.

Only reads. The share of arrivals without a cluster says little, for it depends on how many the fit itself left without
one; how far arrivals stand out among the run's own photos does not.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from math import comb
from typing import TYPE_CHECKING

from vecclust.errors import DamagedRun
from vecclust.types.clusters import Label
from vecclust.types.runs import Drift

if TYPE_CHECKING:
    from vecclust.store import Store

log = logging.getLogger(__name__)

# One in twenty of a run's own photos stands out more than this.
UNUSUAL = 0.95
# So many of the newest arrivals are looked at, and nothing is said of fewer than the least.
LEAST_RECENT, MOST_RECENT = 50, 200
# Photos of one day resemble one another, so shares vary more than those of independent draws do: twice the usual share
# is no drift yet.
NO_DRIFT_YET = 0.10
# A window of arrivals of which one in ten is unusual is taken for drift as rarely as this.
FALSE_ALARMS = 1e-3


def drift_of(arrivals: Sequence[Label]) -> Drift:
    """Say how many of the newest arrivals are unusual, and from how many on that is drift.

    Args:
        arrivals: the arrivals of a run in the order in which they came; those that do not say how novel they are do not
            count.
    """
    recent = [label.novelty for label in arrivals if label.novelty is not None][-MOST_RECENT:]
    n_unusual = sum(novelty > UNUSUAL for novelty in recent)
    return Drift(len(recent), n_unusual, alarm_from(len(recent)) if len(recent) >= LEAST_RECENT else None)


def gathered_newcomers(store: Store, run: str, arrivals: Sequence[Label]) -> tuple[str, ...]:
    """Name the newcomers that have gathered into what may become a cluster.

    Args:
        store: the library.
        run: the run that held them back.
        arrivals: its arrivals in the order in which they came.

    Returns:
        Content hashes, those that came first first; none where none have gathered, or the run's arrays are damaged.
    """
    newcomers = [label.photo for label in arrivals if label.newcomer and label.cluster is None]
    least = next((one.params.get("min_cluster_size", 0) for one in store.runs() if one.run == run), 0)
    if len(newcomers) < max(least, 2):
        return ()
    from vecclust.clustering import largest_new_group, load_state

    photos, vectors = store.vectors(newcomers)
    row_of = {photo: row for row, photo in enumerate(photos)}
    came = [photo for photo in newcomers if photo in row_of]
    try:
        state = load_state(store.fit_folder(run))
    except DamagedRun as error:
        log.warning("%s", error)
        return ()
    return tuple(came[row] for row in largest_new_group(vectors[[row_of[photo] for photo in came]], state))


@cache
def alarm_from(n: int) -> int:
    """Give the least count of unusual photos among n that is drift: the tail of the binomial distribution.

    Args:
        n: arrivals, at least 1.

    Returns:
        The least k for which n photos, each unusual with a chance of `NO_DRIFT_YET`, are k or more with a chance below
        `FALSE_ALARMS`; n + 1 where there is none.
    """
    tail, k = 0.0, n + 1
    while k:
        tail += comb(n, k - 1) * NO_DRIFT_YET ** (k - 1) * (1 - NO_DRIFT_YET) ** (n - k + 1)
        if tail >= FALSE_ALARMS:
            break
        k -= 1
    return k
