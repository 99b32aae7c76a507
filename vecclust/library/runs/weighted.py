"""What a run is fitted on: vectors of pictures, with when and where beside them where its parameters weigh that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vecclust.clustering import FitParams
    from vecclust.store import Store


def weighted(
    store: Store, photos: Sequence[str], vectors: NDArray[np.float32], params: FitParams
) -> NDArray[np.float32]:
    """Give the vectors that photos have in a run.

    Args:
        store: the library's tables.
        photos: content hashes.
        vectors: (n, d) float32 of norm 1, of their pictures.
        params: of the run.

    Returns:
        (n, d) or wider, float32 of norm 1: the vectors themselves where nothing else is weighed.
    """
    if not params.time_weight and not params.place_weight:
        return vectors
    from vecclust.clustering.auxiliary import with_auxiliary

    takings = store.takings()
    wanted = np.array(list(photos), "S64")
    at = np.minimum(np.searchsorted(takings.photos, wanted), max(len(takings.photos) - 1, 0))
    known = takings.photos[at] == wanted
    is_dated = known & (takings.source[at] != "mtime")
    nowhere = np.full(len(wanted), np.nan)
    return with_auxiliary(
        vectors,
        moments_us=np.where(is_dated, takings.clock_us[at], np.iinfo(np.int64).min),
        places=np.stack(
            [np.where(known, takings.latitude[at], nowhere), np.where(known, takings.longitude[at], nowhere)], axis=1
        ),
        time_weight=params.time_weight,
        place_weight=params.place_weight,
    )
