"""Newcomers that gather: enough of them as near to one another as a run's own photos are announce a new cluster.

Knows vectors and the run's lists of neighbours. Refuses to make clusters; a fit does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.params import FitParams
from vecclust.clustering.state import FitState

# Newcomers are many only after a large import of something new, and then the newest tell.
MOST_LOOKED_AT = 2000
# A pocket's photos are few, so the last of a handful is farther away than in a whole kind: what all but a tenth of the
# run's clustered photos reach counts as near.
NEAR_PERCENTILE = 90


def densest_pocket(newcomers: NDArray[np.float32], state: FitState) -> NDArray[np.int64]:
    """Find the largest pocket of newcomers, as DBSCAN would find it among them alone.

    Args:
        newcomers: (m, d) float32 unit norm, in the order in which they came.
        state: the run that held them back.

    Returns:
        Rows of its photos, ascending: photos with enough others within reach for a cluster, all that are linked by
        such, and what they reach. Empty where there is none. Only the newest `MOST_LOOKED_AT` are looked at.
    """
    first = max(0, len(newcomers) - MOST_LOOKED_AT)
    vectors, least, reach = newcomers[first:], enough(state.params), usual_reach(state)
    if len(vectors) < least or reach is None:
        return np.zeros(0, np.int64)
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    near = np.asarray(1.0 - vectors @ vectors.T <= reach)
    core = np.flatnonzero(near.sum(axis=1) >= least)
    if len(core) == 0:
        return np.zeros(0, np.int64)
    _, part_of = connected_components(csr_array(near[np.ix_(core, core)]), directed=False)
    pockets = [np.flatnonzero(near[core[part_of == part]].any(axis=0)) for part in range(part_of.max() + 1)]
    return first + max(pockets, key=len)


def enough(params: FitParams) -> int:
    """Say how many photos can become a cluster: with no more than `min_samples`, HDBSCAN finds them far apart."""
    return max(params.min_cluster_size, params.min_samples + 1)


def usual_reach(state: FitState) -> np.float32 | None:
    """Give how far a clustered photo of a run has to look for as many others as can become a cluster.

    Returns:
        The cosine distance that all but a tenth of them stay below; None where the run has no clustered photo, or
        photos without neighbours.
    """
    rank = min(enough(state.params) - 1, state.distances.shape[1])
    clustered = state.labels >= 0
    if rank < 1 or not clustered.any():
        return None
    return np.float32(np.percentile(state.distances[clustered, rank - 1], NEAR_PERCENTILE))
