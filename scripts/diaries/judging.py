"""How well what was found agrees with what was lived."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """Right ones among those found and those there are."""

    right: int
    found: int
    there: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.right + other.right, self.found + other.found, self.there + other.there)

    @property
    def precision(self) -> float:
        """Share of the found that is right; 1 where nothing was found."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of what there is that was found."""
        return self.right / self.there if self.there else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def boundaries(true: Longs, found: Longs) -> Counts:
    """Count the boundaries between events that are found where they are, photo by photo in order of true time.

    Args:
        true: (n,) event of each photo, in order of true time.
        found: (n,) event that was found for each.
    """
    is_true, is_found = np.diff(true) != 0, np.diff(found) != 0
    return Counts(int((is_true & is_found).sum()), int(is_found.sum()), int(is_true.sum()))


def trips(true: Longs, found: Longs) -> Counts:
    """Count the trips that are found: a found one is right where it and a true one share at least half of both.

    Args:
        true: (n,) trip of each photo, -1 for none.
        found: (n,) trip that was found for each, likewise.
    """
    right = 0
    for number in np.unique(found[found >= 0]).tolist():
        mine = found == number
        theirs = true[mine]
        theirs = theirs[theirs >= 0]
        if len(theirs):
            best = int(np.bincount(theirs).argmax())
            both = int((mine & (true == best)).sum())
            right += both * 2 >= max(int(mine.sum()), int((true == best).sum()))
    return Counts(right, len(np.unique(found[found >= 0])), len(np.unique(true[true >= 0])))


def fixed_gap(instant_us: Longs, *, hours: float) -> Longs:
    """Make events by a fixed gap, as most programs do.

    Args:
        instant_us: (n,) moments, ascending.
        hours: the gap.
    """
    return np.concatenate([[0], np.cumsum(np.diff(instant_us) > hours * 3.6e9)])


def dbscan(instant_us: Longs, *, hours: float) -> Longs:
    """Make events by DBSCAN on time (Ester et al. 1996), photos in no event each their own.

    Args:
        instant_us: (n,) moments, ascending.
        hours: its radius.
    """
    from sklearn.cluster import DBSCAN

    labels = DBSCAN(eps=hours * 3600, min_samples=3).fit_predict((instant_us / 1e6)[:, np.newaxis])
    alone = labels < 0
    labels[alone] = labels.max() + 1 + np.arange(int(alone.sum()))
    return labels.astype(np.int64)
