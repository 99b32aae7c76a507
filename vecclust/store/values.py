"""What the store hands out beside the records of the whole house: small frozen values, no behaviour.

`sort_ns` is the one place that says how a time of unknown zone is ordered among the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the library holds.

    Attributes:
        photos: distinct pictures with a vector.
        files: paths known.
        ready: files whose photo has a row.
        waiting: files still being written.
        problems: files that could not be read.
        missing: files that the last complete scan did not find.
    """

    photos: int
    files: int
    ready: int
    waiting: int
    problems: int
    missing: int


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """What a run's labels add up to.

    Attributes:
        by_cluster: photos per cluster, arrivals included.
        noise: photos without a cluster.
        arrivals: photos labelled by prediction.
        arrivals_noise: those of them without a cluster.
        newcomers: those of these that were held back as unlike all that the run knows.
    """

    by_cluster: Mapping[str, int]
    noise: int
    arrivals: int
    arrivals_noise: int
    newcomers: int


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """First and last time taken among a cluster's photos."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a library for writing, as that process wrote it down; for messages only."""

    pid: int
    command: str
    since_ns: int


@dataclass(frozen=True, slots=True)
class Maintained:
    """What a round of maintenance did.

    Attributes:
        compacted: tables that were compacted or rid of old versions.
        indexed: whether the vector index was built or brought up to date.
        pruned: runs that can no longer be restored.
        thumbnails_removed: pictures whose photo has gone.
    """

    compacted: tuple[str, ...] = ()
    indexed: bool = False
    pruned: tuple[str, ...] = ()
    thumbnails_removed: int = 0


def sort_ns(when: datetime) -> int:
    """Give the key by which times taken are ordered and filtered.

    Args:
        when: aware or naive; a naive time, whose zone nobody knows, counts as UTC here and only here.

    Returns:
        Nanoseconds since the epoch, held within an int64: before 1677 and after 2262 all times are alike.
    """
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    nanoseconds = (aware - _EPOCH) // timedelta(microseconds=1) * 1000
    return max(-_LAST_INT64, min(_LAST_INT64, nanoseconds))
