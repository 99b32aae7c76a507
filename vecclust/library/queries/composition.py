"""What a cluster is made of: when its photos were taken, which of them are of one burst, and what kind they are.

Counts alone, of all of its photos. How they are said in words is for `exports.text`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from vecclust.library.queries.kinds import kinds_of
from vecclust.library.timeline.of_photo import towns_of_photos
from vecclust.types.clusters import Composition
from vecclust.types.files import FileRow
from vecclust.types.photos import PhotoKind, PhotoRow

if TYPE_CHECKING:
    from vecclust.store import Store

# Between one photo of a burst and the next. Clocks in files tell whole seconds where a camera writes no fraction, so
# that two which follow at once are up to one second apart by them, and two where keeping the first takes its time.
BURST_GAP = timedelta(seconds=2)
# Two may be a second try.
LEAST_OF_BURST = 3
# Not when a photo was taken: the file's own time, and that of its last change, which a program gives many at once.
_NO_TIME = ("mtime",)
_NO_MOMENT = (*_NO_TIME, "datetime")


def composition_of(store: Store, photos: Sequence[str], *, language: str) -> Composition:
    """Count what some photos are made of.

    Args:
        store: the library's tables.
        photos: content hashes; those that are not in the library are left out.
        language: of places.
    """
    rows = store.photos(photos)
    towns = towns_of_photos(store, language=language)
    return _composition(rows, kinds_of(store, rows, store.files_of(photos)).values(), towns)


def compositions_of(store: Store, members: Mapping[str, Sequence[str]], *, language: str) -> dict[str, Composition]:
    """Count what each of all clusters is made of, with one read of the tables.

    Args:
        store: the library's tables.
        members: content hashes of each cluster's photos; those that are not in the library are left out.
        language: of places.
    """
    clustered = {photo for photos in members.values() for photo in photos}
    rows = {row.photo: row for row in store.photos() if row.photo in clustered}
    files: dict[str, list[FileRow]] = {}
    for file in store.files():
        if file.photo in rows:
            files.setdefault(file.photo, []).append(file)
    kinds, towns = kinds_of(store, list(rows.values()), files), towns_of_photos(store, language=language)
    known = {cluster: [rows[photo] for photo in photos if photo in rows] for cluster, photos in members.items()}
    return {cluster: _composition(of, (kinds[row.photo] for row in of), towns) for cluster, of in known.items()}


def _composition(rows: Sequence[PhotoRow], kinds: Iterable[PhotoKind], towns: Mapping[str, str]) -> Composition:
    dates = [row.taken.clock for row in rows if row.taken is not None and row.taken.source not in _NO_TIME]
    moments = [when for when in dates if _tells_hour(when)]
    bursts = find_bursts(_burst_times(rows))
    return Composition(
        dated=len(dates),
        years=_counted(f"{when:%Y}" for when in dates),
        months=_counted(f"{when:%m}" for when in dates),
        hours=_counted(f"{when:%H}" for when in moments),
        bursts=len(bursts),
        in_bursts=sum(bursts),
        kinds=_by_number(kinds),
        places=_by_number(towns[row.photo] for row in rows if row.photo in towns),
    )


def _burst_times(rows: Iterable[PhotoRow]) -> list[datetime]:
    taken = [row.taken for row in rows if row.taken is not None and row.taken.source not in _NO_MOMENT]
    return [one.clock for one in taken if _tells_hour(one.clock)]


def find_bursts(times: Iterable[datetime]) -> list[int]:
    """Give how many photos each burst has: those that follow one another within seconds.

    Args:
        times: when photos were taken, in any order, all by the clock on the wall.

    Returns:
        Sizes, each at least `LEAST_OF_BURST`, the earliest burst first.
    """
    runs: list[list[datetime]] = []
    for when in sorted(times):
        if runs and when - runs[-1][-1] <= BURST_GAP:
            runs[-1].append(when)
        else:
            runs.append([when])
    return [len(run) for run in runs if len(run) >= LEAST_OF_BURST]


def _tells_hour(when: datetime) -> bool:
    """Say whether a time has an hour: a day alone is read as its midnight."""
    return when.time() != time()


def _counted(values: Iterable[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(values).items()))


def _by_number(values: Iterable[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))
